//! The default policy, rule by rule.

use connect_shared::{
    decision::{Obligation, Outcome, ReasonCode},
    entry::{PrincipalRef, TextRef},
    grant::Action,
    ids::{GrantId, StatementId},
    label::Label,
};

use super::{DEFAULT_POLICY, Verdict, decide, policy_digest};
use crate::{
    catalog::Oid,
    principal::{GrantInForce, Principal, Resource, ResourceClass},
    record::ReadProof,
    statement::{Effect, Kind, ProtectedColumn, Protection, Refusal, Shape, Statement},
};

fn statement(verb: &str, kind: Kind) -> Statement {
    Statement {
        verb: verb.to_owned(),
        kind,
        text: TextRef::Length(1),
        normalized: None,
        reads: Vec::new(),
        writes: Vec::new(),
        proof: ReadProof::MayWrite,
        protection: Protection::Untouched,
        lookups: 0,
        shapes: Vec::new(),
        effect: Effect::None,
        lineage: std::sync::Arc::default(),
        change: std::sync::Arc::default(),
        under: crate::session::Fingerprint::default(),
    }
}

struct Case {
    actor: Option<&'static str>,
    groups: &'static [&'static str],
    actions: Vec<Action>,
    class: ResourceClass,
}

/// A developer who may write in production.
const WRITER: Case =
    Case { actor: None, groups: &["developer"], actions: Vec::new(), class: ResourceClass::Production };

impl Case {
    fn verdict(&self, statement: &Statement) -> Verdict {
        let principal = Principal {
            reference: PrincipalRef {
                sub: "ana".into(),
                idp: "https://id.example".into(),
                actor: self.actor.map(str::to_owned),
            },
            name: "ana@example.com".into(),
            groups: self.groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        let actions =
            if self.actions.is_empty() { vec![Action::Read, Action::Write] } else { self.actions.clone() };
        let grant = GrantInForce { id: GrantId::from_random([1; 16]), actions };
        let resource = Resource { name: "prod-db".into(), database: "shop".into(), class: self.class };
        decide(&principal, &grant, &resource, statement, StatementId::from_random([2; 16]))
    }

    /// Reason code and SQLSTATE of a denial; `None` for a permit.
    fn denied(&self, statement: &Statement) -> Option<(ReasonCode, &'static str)> {
        match self.verdict(statement) {
            Verdict::Permit(..) => None,
            Verdict::Deny(decision, sqlstate) => {
                assert_eq!(decision.outcome, Outcome::Deny);
                Some((decision.reasons[0].code, sqlstate))
            }
        }
    }
}

#[test]
fn reads_need_the_action_read_and_writes_the_action_write() {
    let only = |action| Case { actions: vec![action], ..WRITER };
    let read = statement("select", Kind::Read);
    let write = statement("insert", Kind::Write);
    assert_eq!(only(Action::Read).denied(&read), None);
    assert_eq!(only(Action::Write).denied(&write), None);
    assert_eq!(only(Action::Write).denied(&read), Some((ReasonCode::NotGranted, "42501")));
    assert_eq!(only(Action::Read).denied(&write), Some((ReasonCode::NotGranted, "42501")));
}

#[test]
fn transactions_and_sessions_are_always_controlled() {
    for kind in [Kind::Transaction, Kind::SessionControl] {
        let program = Case { actor: Some("agent"), actions: vec![Action::Read], ..WRITER };
        assert_eq!(program.denied(&statement("begin", kind)), None);
    }
}

#[test]
fn a_refused_statement_is_denied_with_its_own_reason_before_any_other() {
    let refusal = Refusal {
        code: ReasonCode::ProtectedCondition,
        object: Some("public.customers.email".into()),
        message: "why".into(),
        hint: Some("what instead".into()),
        sqlstate: None,
        unknown_object: None,
    };
    let refused = |refusal: &Refusal| Statement {
        protection: Protection::Refused(refusal.clone()),
        ..statement("grant", Kind::Privilege)
    };
    assert_eq!(WRITER.denied(&refused(&refusal)), Some((ReasonCode::ProtectedCondition, "42501")));
    let syntax = Refusal { code: ReasonCode::NotUnderstood, sqlstate: Some("42601"), ..refusal };
    assert_eq!(WRITER.denied(&refused(&syntax)), Some((ReasonCode::NotUnderstood, "42601")));
    let Verdict::Deny(decision, _) = WRITER.verdict(&refused(&syntax)) else { panic!("denied") };
    assert_eq!(decision.reasons[0].hint.as_deref(), Some("what instead"));
    assert_eq!(decision.reasons[0].object.as_deref(), Some("public.customers.email"));
}

#[test]
fn an_unbounded_write_is_denied_in_every_class() {
    let shape = Shape::Unbounded { relation: "public.orders".into(), verb: "delete" };
    let delete = Statement { shapes: vec![shape], ..statement("delete", Kind::Write) };
    for class in [ResourceClass::Production, ResourceClass::Development] {
        let case = Case { class, ..WRITER };
        assert_eq!(case.denied(&delete), Some((ReasonCode::UnboundedWrite, "42501")));
        let Verdict::Deny(decision, _) = case.verdict(&delete) else { panic!("denied") };
        let reason = &decision.reasons[0];
        assert_eq!(reason.message, "this would delete every row of `public.orders`");
        assert!(reason.hint.as_deref().is_some_and(|hint| hint.contains("WHERE")));
        assert_eq!(reason.policy, "default/unbounded-write");
    }
}

#[test]
fn a_change_of_schema_needs_a_development_resource_and_the_action_write() {
    let development = Case { class: ResourceClass::Development, ..WRITER };
    let reader = Case { class: ResourceClass::Development, actions: vec![Action::Read], ..WRITER };
    let create = statement("create table", Kind::SchemaChange);
    let shapes = vec![Shape::Destructive { what: "drop table orders".into() }];
    let drop = Statement { shapes, ..statement("drop table", Kind::SchemaChange) };
    for statement in [&create, &drop] {
        assert_eq!(development.denied(statement), None);
        assert_eq!(reader.denied(statement), Some((ReasonCode::NotGranted, "42501")));
        assert_eq!(WRITER.denied(statement), Some((ReasonCode::SchemaChange, "42501")));
    }
}

#[test]
fn a_denial_without_approvers_says_so() {
    let Verdict::Deny(decision, _) = WRITER.verdict(&statement("create table", Kind::SchemaChange)) else {
        panic!("denied")
    };
    let hint = decision.reasons[0].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("no approvers are configured"), "{hint}");
}

#[test]
fn plain_administration_is_for_development_and_the_rest_for_nobody() {
    let development = Case { class: ResourceClass::Development, ..WRITER };
    for verb in ["vacuum", "analyze", "reindex", "refresh materialized view", "lock table"] {
        let statement = statement(verb, Kind::Administration);
        assert_eq!(development.denied(&statement), None, "{verb}");
        assert_eq!(WRITER.denied(&statement), Some((ReasonCode::Administration, "42501")), "{verb}");
    }
    for verb in ["alter system", "create extension", "load", "drop database", "subscription", "unknown"] {
        let denied = development.denied(&statement(verb, Kind::Administration));
        assert_eq!(denied, Some((ReasonCode::Administration, "42501")), "{verb}");
    }
    let grant = statement("grant", Kind::Privilege);
    assert_eq!(development.denied(&grant), Some((ReasonCode::Privilege, "42501")));
}

#[test]
fn the_servers_files_are_closed_in_every_class() {
    for (class, kind) in [(ResourceClass::Production, Kind::Read), (ResourceClass::Development, Kind::Write)]
    {
        let copy = Statement { shapes: vec![Shape::ServerFile], ..statement("copy", kind) };
        assert_eq!(Case { class, ..WRITER }.denied(&copy), Some((ReasonCode::Administration, "42501")));
    }
}

#[test]
fn ai_agents_read() {
    let acting = Case { actor: Some("agent"), class: ResourceClass::Development, ..WRITER };
    let member = Case { groups: &["ai-agents"], class: ResourceClass::Development, ..WRITER };
    for case in [acting, member] {
        assert_eq!(case.denied(&statement("select", Kind::Read)), None);
        for kind in [Kind::Write, Kind::SchemaChange] {
            assert_eq!(case.denied(&statement("x", kind)), Some((ReasonCode::NotGranted, "42501")));
        }
    }
}

#[test]
fn each_protected_column_in_the_output_is_an_obligation_to_mask() {
    let column = ProtectedColumn {
        relation: Oid(1),
        number: 2,
        name: "public.customers.email".into(),
        label: Label::Email,
    };
    let protection = Protection::Projection { columns: vec![column] };
    let select = Statement { protection, proof: ReadProof::ReadOnly, ..statement("select", Kind::Read) };
    let Verdict::Permit(permit, decision) = WRITER.verdict(&select) else { panic!("permitted") };
    let expected = vec![Obligation::Mask { column: "public.customers.email".into(), label: Label::Email }];
    assert_eq!(permit.obligations(), expected);
    assert_eq!(permit.proof(), ReadProof::ReadOnly);
    assert_eq!(permit.statement(), StatementId::from_random([2; 16]));
    assert_eq!(decision.outcome, Outcome::Permit(expected));
    assert_eq!(decision.reasons[0].code, ReasonCode::Granted);
}

#[test]
fn every_decision_names_the_policy_that_made_it() {
    assert_eq!(policy_digest().len(), 64);
    for statement in [statement("select", Kind::Read), statement("grant", Kind::Privilege)] {
        let decision = match WRITER.verdict(&statement) {
            Verdict::Permit(_, decision) | Verdict::Deny(decision, _) => decision,
        };
        assert_eq!(decision.policy_digest, policy_digest());
        assert!(DEFAULT_POLICY.contains(&decision.reasons[0].policy), "{}", decision.reasons[0].policy);
    }
}
