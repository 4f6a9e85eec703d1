//! The default policy, rule by rule.

use connect_shared::{
    decision::{Obligation, Outcome, ReasonCode},
    entry::{PrincipalRef, TextRef},
    grant::Action,
    ids::{GrantId, StatementId},
    label::Label,
};

use super::{Asking, DEFAULT_POLICY, Policies, Verdict, evaluate::obligations};
use crate::{
    approval::{Approval, Approved, Binder},
    catalog::{FIRST_NORMAL_OID, Oid},
    principal::{GrantInForce, Narrowed, Principal, Resource, ResourceClass},
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
        shown: Vec::new(),
        lookups: 0,
        assigned: Vec::new(),
        gives_mask: false,
        settings: Vec::new(),
        changes: crate::statement::Changes::default(),
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
    approvers: &'static [&'static str],
}

/// A developer who may write in production.
const WRITER: Case = Case {
    actor: None,
    groups: &["developer"],
    actions: Vec::new(),
    class: ResourceClass::Production,
    approvers: &[],
};

/// The same where somebody may approve.
const ASKER: Case = Case {
    actor: None,
    groups: &["developer"],
    actions: Vec::new(),
    class: ResourceClass::Production,
    approvers: &["data-oncall"],
};

impl Case {
    fn verdict(&self, statement: &Statement) -> Verdict {
        self.verdict_with(statement, None)
    }

    fn verdict_with(&self, statement: &Statement, approved: Option<Approved<'_>>) -> Verdict {
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
        let grant = GrantInForce {
            id: GrantId::from_random([1; 16]),
            actions,
            reason: None,
            task: None,
            narrowed: Narrowed::default(),
            leaves: std::sync::Arc::default(),
        };
        let resource = Resource {
            name: "prod-db".into(),
            database: "shop".into(),
            class: self.class,
            approvers: self.approvers.iter().map(|name| (*name).to_owned()).collect(),
        };
        let asking = Asking {
            principal: &principal,
            grant: &grant,
            resource: &resource,
            purpose: None,
            wall: std::time::Duration::ZERO,
        };
        Policies::default_set().decide(&asking, statement, StatementId::from_random([2; 16]), approved)
    }

    /// Reason code and SQLSTATE of a denial; `None` for a permit.
    fn denied(&self, statement: &Statement) -> Option<(ReasonCode, &'static str)> {
        match self.verdict(statement) {
            Verdict::Permit(..) => None,
            Verdict::Hold(decision, _) => panic!("held: {decision:?}"),
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
        relation: Oid(FIRST_NORMAL_OID),
        number: 2,
        name: "public.customers.email".into(),
        label: Label::Email,
        seen: None,
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
    let policies = Policies::default_set();
    assert_eq!(policies.digest().len(), 64);
    for statement in [statement("select", Kind::Read), statement("grant", Kind::Privilege)] {
        let decision = match WRITER.verdict(&statement) {
            Verdict::Permit(_, decision) | Verdict::Hold(decision, _) | Verdict::Deny(decision, _) => {
                decision
            }
        };
        assert_eq!(decision.policy_digest, policies.digest());
        assert!(DEFAULT_POLICY.contains(&decision.reasons[0].policy), "{}", decision.reasons[0].policy);
    }
}

/// Everything that is held where somebody may approve it.
fn held() -> Vec<Statement> {
    let shaped = |verb: &str, kind, shape| Statement { shapes: vec![shape], ..statement(verb, kind) };
    let unbounded = Shape::Unbounded { relation: "public.orders".into(), verb: "delete" };
    let destructive = Shape::Destructive { what: "truncate orders".into() };
    vec![
        statement("create table", Kind::SchemaChange),
        statement("grant", Kind::Privilege),
        statement("vacuum", Kind::Administration),
        shaped("delete", Kind::Write, unbounded),
        shaped("truncate", Kind::Write, destructive),
    ]
}

#[test]
fn what_needs_an_approval_is_held_where_there_are_approvers_and_denied_elsewhere() {
    for statement in held() {
        let Verdict::Hold(decision, _) = ASKER.verdict(&statement) else {
            panic!("held: {}", statement.verb)
        };
        assert_eq!(decision.outcome, Outcome::Hold);
        assert!(WRITER.denied(&statement).is_some(), "{}", statement.verb);
    }
}

#[test]
fn deny_beats_hold() {
    let reader = Case { actions: vec![Action::Read], ..ASKER };
    let program = Case { actor: Some("agent"), ..ASKER };
    for statement in held() {
        assert_eq!(reader.denied(&statement), Some((ReasonCode::NotGranted, "42501")), "{}", statement.verb);
        assert_eq!(program.denied(&statement), Some((ReasonCode::NotGranted, "42501")), "{}", statement.verb);
    }
    let files =
        Statement { shapes: vec![Shape::ServerFile], ..statement("create table", Kind::SchemaChange) };
    assert_eq!(ASKER.denied(&files), Some((ReasonCode::Administration, "42501")));
    let system = statement("alter system", Kind::Administration);
    assert_eq!(ASKER.denied(&system), Some((ReasonCode::Administration, "42501")));
}

#[test]
fn to_prepare_runs_nothing_and_waits_for_nobody() {
    let shape = Shape::Unbounded { relation: "public.orders".into(), verb: "delete" };
    let delete = Statement { shapes: vec![shape], ..statement("delete", Kind::Write) };
    let prepare = Statement { effect: Effect::Prepare { name: "p".into() }, ..delete.clone() };
    let execute = Statement { effect: Effect::Execute { name: "p".into(), settings: Vec::new() }, ..delete };
    assert!(matches!(ASKER.verdict(&prepare), Verdict::Permit(..)));
    assert!(matches!(ASKER.verdict(&execute), Verdict::Hold(..)));
}

#[test]
fn an_approval_answers_what_is_held_and_nothing_that_is_denied() {
    let binding = Binder::new(&[1; 32]).finish();
    let request = connect_shared::ids::RequestId::from_random([9; 16]);
    let approval = Approval::new(request, binding.as_str().to_owned(), "li@example.com".into());
    let approved = approval.covering(&binding);
    for statement in held() {
        let Verdict::Permit(permit, decision) = ASKER.verdict_with(&statement, approved) else {
            panic!("permitted: {}", statement.verb)
        };
        assert_eq!(permit.proof(), ReadProof::MayWrite);
        assert_eq!(decision.reasons[0].code, ReasonCode::Approved);
        assert_eq!(decision.reasons[0].object, Some(request.to_string()));
        assert!(decision.reasons[0].message.contains("li@example.com"));
        let reader = Case { actions: vec![Action::Read], ..ASKER };
        assert!(matches!(reader.verdict_with(&statement, approved), Verdict::Deny(..)));
        assert!(matches!(WRITER.verdict_with(&statement, approved), Verdict::Deny(..)), "approvers are gone");
    }
}

#[test]
fn what_is_read_in_clear_stands_beside_what_is_masked() {
    let column = |name: &str, label| ProtectedColumn {
        relation: Oid(FIRST_NORMAL_OID),
        number: 1,
        name: name.into(),
        label,
        seen: None,
    };
    let statement = Statement {
        protection: Protection::Projection { columns: vec![column("public.customers.phone", Label::Phone)] },
        shown: vec![column("public.customers.email", Label::Email)],
        ..statement("select", Kind::Read)
    };
    let expected = [
        Obligation::Mask { column: "public.customers.phone".into(), label: Label::Phone },
        Obligation::Show { column: "public.customers.email".into(), label: Label::Email },
    ];
    assert_eq!(obligations(&statement), expected);
}
