//! Policies that an administrator wrote.

use std::{sync::Arc, time::Duration};

use connect_shared::{
    decision::{Outcome, Reason, ReasonCode},
    entry::{PrincipalRef, TextRef},
    grant::Action,
    ids::{GrantId, StatementId},
    label::Label,
};

use super::{Asking, DEFAULT_POLICY, Kept, Policies, Verdict, column::Sight};
use crate::{
    approval::Leave,
    catalog::{FIRST_NORMAL_OID, How, Oid, Seen},
    principal::{GrantInForce, Narrowed, Principal, Resource, ResourceClass},
    record::ReadProof,
    statement::{Changes, Effect, Kind, ProtectedColumn, Protection, Shape, Statement},
};

fn statement(verb: &str, kind: Kind, reads: &[&str], writes: &[&str]) -> Statement {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let changes = match verb {
        "insert" => Changes { insert: true, ..Changes::default() },
        "update" => Changes { update: true, ..Changes::default() },
        "delete" => Changes { delete: true, ..Changes::default() },
        _ => Changes::default(),
    };
    Statement {
        verb: verb.to_owned(),
        kind,
        text: TextRef::Length(1),
        normalized: None,
        reads: names(reads),
        writes: names(writes),
        proof: ReadProof::MayWrite,
        protection: Protection::Untouched,
        shown: Vec::new(),
        lookups: 0,
        assigned: Vec::new(),
        gives_mask: false,
        settings: Vec::new(),
        changes,
        shapes: Vec::new(),
        effect: Effect::None,
        lineage: Arc::default(),
        change: Arc::default(),
        under: crate::session::Fingerprint::default(),
    }
}

fn select(table: &str) -> Statement {
    statement("select", Kind::Read, &[table], &[])
}

/// Reads a protected e-mail address.
fn select_email() -> Statement {
    let column = ProtectedColumn {
        relation: Oid(FIRST_NORMAL_OID),
        number: 2,
        name: "public.customers.email".into(),
        label: Label::Email,
        seen: None,
    };
    Statement { protection: Protection::Projection { columns: vec![column] }, ..select("public.customers") }
}

struct Sender {
    groups: Vec<String>,
    actor: Option<String>,
    purpose: Option<&'static str>,
    hour: u64,
    approvers: Vec<String>,
    narrowed: Narrowed,
    leaves: Vec<Leave>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            groups: vec!["support".into()],
            actor: None,
            purpose: None,
            hour: 12,
            approvers: vec!["data-oncall".into()],
            narrowed: Narrowed::default(),
            leaves: Vec::new(),
        }
    }
}

impl Sender {
    fn with<T>(&self, then: impl FnOnce(&Asking<'_>) -> T) -> T {
        let principal = Principal {
            reference: PrincipalRef {
                sub: "ana".into(),
                idp: "https://id.example".into(),
                actor: self.actor.clone(),
            },
            name: "ana@example.com".into(),
            groups: self.groups.clone(),
        };
        let grant = GrantInForce {
            id: GrantId::from_random([1; 16]),
            actions: vec![Action::Read, Action::Write],
            reason: Some("ticket 12".into()),
            task: None,
            narrowed: self.narrowed.clone(),
            leaves: self.leaves.clone().into(),
        };
        let resource = Resource {
            name: "prod-db".into(),
            database: "shop".into(),
            class: ResourceClass::Production,
            approvers: self.approvers.clone(),
        };
        then(&Asking {
            principal: &principal,
            grant: &grant,
            resource: &resource,
            purpose: self.purpose,
            wall: Duration::from_secs(self.hour * 3600),
        })
    }

    fn asks(&self, policies: &Policies, statement: &Statement) -> (Outcome, Reason) {
        self.with(|asking| {
            match policies.decide(asking, statement, StatementId::from_random([2; 16]), None) {
                Verdict::Permit(_, decision) | Verdict::Hold(decision, _) | Verdict::Deny(decision, _) => {
                    (decision.outcome, decision.reasons[0].clone())
                }
            }
        })
    }

    fn sees(&self, policies: &Policies) -> Sight {
        let statement = select_email();
        self.with(|asking| policies.sight(asking, "public.customers.email", Label::Email, &statement, None))
    }
}

/// The default and more.
fn also(more: &str) -> Policies {
    let text = format!("{DEFAULT_POLICY}\n{more}");
    Policies::load(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn a_table_can_be_forbidden_and_the_words_are_the_policys() {
    let policies = also(
        "@id(\"no-payroll\") @message(\"payroll is not for support\") @hint(\"ask finance\")
         forbid (principal in Group::\"support\", action, resource in Schema::\"prod-db/payroll\");",
    );
    let (outcome, reason) = Sender::default().asks(&policies, &select("payroll.salaries"));
    assert_eq!(
        (outcome, reason.code, reason.policy.as_str()),
        (Outcome::Deny, ReasonCode::Policy, "no-payroll")
    );
    assert_eq!(
        (reason.message.as_str(), reason.hint.as_deref()),
        ("payroll is not for support", Some("ask finance"))
    );
    assert_eq!(reason.object.as_deref(), Some("payroll.salaries"));
    assert!(matches!(Sender::default().asks(&policies, &select("public.orders")).0, Outcome::Permit(_)));
    let finance = Sender { groups: vec!["finance".into()], ..Sender::default() };
    assert!(matches!(finance.asks(&policies, &select("payroll.salaries")).0, Outcome::Permit(_)));
}

#[test]
fn what_no_policy_permits_is_denied() {
    let policies = Policies::load(
        "@id(\"orders\") permit (principal, action == Action::\"read\", resource == Table::\"prod-db/public.orders\");",
    )
    .expect("good");
    let sender = Sender::default();
    assert!(matches!(sender.asks(&policies, &select("public.orders")).0, Outcome::Permit(_)));
    let (outcome, reason) = sender.asks(&policies, &select("public.customers"));
    assert_eq!((outcome, reason.object.as_deref()), (Outcome::Deny, Some("public.customers")));
    let both = statement("select", Kind::Read, &["public.orders", "public.customers"], &[]);
    assert_eq!(sender.asks(&policies, &both).0, Outcome::Deny, "each relation is asked about");
    assert_eq!(sender.asks(&policies, &statement("begin", Kind::Transaction, &[], &[])).0, Outcome::Deny);
}

#[test]
fn a_name_with_a_dot_cannot_pass_for_another_schema() {
    let policies = also("@id(\"x\") forbid (principal, action, resource in Schema::\"prod-db/payroll\");");
    // Schema `pay.roll`, table `t`; or schema `pay`, table `roll.t`: nobody can say which.
    assert_eq!(Sender::default().asks(&policies, &select("pay.roll.t")).0, Outcome::Deny);
}

#[test]
fn each_kind_of_change_is_an_action_of_its_own() {
    let policies = also("@id(\"keep\") forbid (principal, action == Action::\"delete\", resource);");
    let sender = Sender::default();
    let write = |verb: &str| statement(verb, Kind::Write, &[], &["public.orders"]);
    assert!(matches!(sender.asks(&policies, &write("insert")).0, Outcome::Permit(_)));
    assert_eq!(sender.asks(&policies, &write("delete")).0, Outcome::Deny);
    assert_eq!(sender.asks(&policies, &write("merge")).0, Outcome::Deny, "it may delete");
    assert_eq!(sender.asks(&policies, &write("unknown")).0, Outcome::Deny, "whatever it does");
}

#[test]
fn a_forbid_with_an_approval_holds_and_says_who() {
    let policies = also(
        "@id(\"two\") @approval(\"group:dba\") @approvals(\"2\") @approval_window(\"15m\")
         forbid (principal, action == Action::\"delete\", resource);",
    );
    let delete = statement("delete", Kind::Write, &[], &["public.orders"]);
    for approvers in [vec!["data-oncall".to_owned()], Vec::new()] {
        let sender = Sender { approvers, ..Sender::default() };
        let need = sender.with(|asking| {
            match policies.decide(asking, &delete, StatementId::from_random([2; 16]), None) {
                Verdict::Hold(decision, need) => {
                    let hint = decision.reasons[0].hint.clone().unwrap_or_default();
                    assert!(hint.contains("2 of dba"), "{hint}");
                    need
                }
                other => panic!("{other:?}"),
            }
        });
        assert_eq!((need.count, need.window), (2, Some(Duration::from_secs(900))));
        assert_eq!(need.who, ["group:dba"], "whatever approvers the resource has");
    }
}

#[test]
fn time_and_purpose_are_context() {
    let policies = also(
        "@id(\"nights\") forbid (principal, action, resource) when { context.time.hour < 6 };
         @id(\"say-why\") forbid (principal, action == Action::\"insert\", resource)
         unless { context has purpose && context.purpose like \"ticket *\" };",
    );
    let at = |hour| Sender { hour, ..Sender::default() };
    assert_eq!(at(3).asks(&policies, &select("public.orders")).1.policy, "nights");
    assert!(matches!(at(12).asks(&policies, &select("public.orders")).0, Outcome::Permit(_)));
    let insert = statement("insert", Kind::Write, &[], &["public.orders"]);
    assert!(matches!(at(12).asks(&policies, &insert).0, Outcome::Permit(_)), "the grant's reason");
    let other = Sender { purpose: Some("curious"), ..Sender::default() };
    assert_eq!(other.asks(&policies, &insert).1.policy, "say-why");
}

#[test]
fn an_ai_agent_never_gets_more_than_its_human() {
    let policies = also(
        "@id(\"bots-only\") forbid (principal is Human, action, resource == Table::\"prod-db/public.secrets\");
         @id(\"bots\") @unmask permit (principal is Agent, action == Action::\"read\", resource is Column);",
    );
    let bot = Sender { actor: Some("claude".into()), ..Sender::default() };
    assert_eq!(bot.asks(&policies, &select("public.secrets")).1.policy, "bots-only");
    assert!(matches!(bot.sees(&policies), Sight::Masked(_)), "its human would see a mask");
    let insert = statement("insert", Kind::Write, &[], &["public.orders"]);
    assert_eq!(bot.asks(&policies, &insert).1.policy, "default/ai-agent");
}

#[test]
fn a_policy_in_shadow_mode_is_told_and_changes_nothing() {
    let policies = also("@id(\"soon\") @shadow forbid (principal, action == Action::\"insert\", resource);");
    let insert = statement("insert", Kind::Write, &[], &["public.orders"]);
    Sender::default().with(|asking| {
        match policies.decide(asking, &insert, StatementId::from_random([2; 16]), None) {
            Verdict::Permit(_, decision) => assert_eq!(decision.shadow[0].policy, "soon"),
            other => panic!("{other:?}"),
        }
        match policies.decide(asking, &select("public.orders"), StatementId::from_random([2; 16]), None) {
            Verdict::Permit(_, decision) => assert_eq!(decision.shadow, []),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_column_is_clear_only_by_a_permit_that_says_so_and_without_objection() {
    let sender = Sender::default();
    assert!(matches!(sender.sees(&Policies::default_set()), Sight::Masked(_)));
    assert!(matches!(sender.sees(&also("")), Sight::Masked(_)));
    let plain = "@id(\"p\") permit (principal, action, resource);";
    assert!(matches!(sender.sees(&also(plain)), Sight::Masked(_)), "a permit alone shows nothing");
    let clear = "@id(\"see\") @unmask permit (principal in Group::\"support\", action == Action::\"read\", \
         resource is Column) when { resource.label == \"pii.email\" };";
    match sender.sees(&also(clear)) {
        Sight::Clear(reason) => assert_eq!(reason.policy, "see"),
        other => panic!("{other:?}"),
    }
    let others = Sender { groups: vec!["sales".into()], ..Sender::default() };
    assert!(matches!(others.sees(&also(clear)), Sight::Masked(_)));
    let hide = "@id(\"hide\") @mask(\"neutral\") permit (principal, action == Action::\"read\", resource is Column);";
    assert!(
        matches!(sender.sees(&also(&format!("{clear}{hide}"))), Sight::Neutral(_)),
        "the strictest counts"
    );
    let never = "@id(\"never\") forbid (principal, action == Action::\"read\", resource is Column);";
    assert!(matches!(sender.sees(&also(&format!("{clear}{never}"))), Sight::Denied(_)));
    let (outcome, reason) = sender.asks(&also(never), &select_email());
    assert_eq!((outcome, reason.policy.as_str()), (Outcome::Deny, "never"));
    // What is hidden of the server's own relations is NULL to everybody: nobody is asked about it.
    let mut hidden = select_email();
    if let Protection::Projection { columns } = &mut hidden.protection {
        columns.iter_mut().for_each(|column| column.relation = Oid(FIRST_NORMAL_OID - 1));
    }
    assert!(matches!(sender.asks(&also(never), &hidden).0, Outcome::Permit(_)));
    let asked = "@id(\"ask\") @approval forbid (principal, action == Action::\"read\", resource is Column);";
    assert!(matches!(sender.sees(&also(asked)), Sight::Held(_)));
    let shadow = clear.replace("@unmask", "@unmask @shadow");
    assert!(matches!(sender.sees(&also(&shadow)), Sight::Masked(_)), "shadow mode shows nothing");
}

#[test]
fn what_a_connection_shows_must_be_what_policies_say_of_each_statement() {
    let as_shown = |how| {
        let seen = Some(Seen { label: Label::Email, how });
        let column = |statement: Statement| match statement.protection {
            Protection::Projection { mut columns } => ProtectedColumn { seen, ..columns.remove(0) },
            _ => unreachable!("it shows a column"),
        };
        match how {
            How::Hidden => Statement {
                protection: Protection::Projection {
                    columns: vec![ProtectedColumn { label: Label::Confidential, ..column(select_email()) }],
                },
                ..select_email()
            },
            How::Configured | How::Permitted => {
                Statement { shown: vec![column(select_email())], ..select("public.customers") }
            }
        }
    };
    let on = "action == Action::\"read\", resource == Column::\"prod-db/public.customers.email\");";
    let clear = also(&format!("@id(\"see\") @unmask permit (principal, {on}"));
    let hidden = also(&format!("@id(\"hide\") @mask(\"neutral\") permit (principal, {on}"));
    let by_label = also(
        "@id(\"never\") forbid (principal, action == Action::\"read\", resource is Column) \
         when { resource.label == \"pii.email\" };",
    );
    let sender = Sender::default();
    let runs = |policies: &Policies, statement: &Statement| {
        matches!(sender.asks(policies, statement).0, Outcome::Permit(_))
    };
    for (how, under_clear, under_nothing, under_hidden) in [
        (How::Permitted, true, false, false),
        (How::Configured, true, true, false),
        (How::Hidden, true, true, true),
    ] {
        let statement = as_shown(how);
        let expected = [under_clear, under_nothing, under_hidden, false];
        let got = [&clear, &also(""), &hidden, &by_label].map(|policies| runs(policies, &statement));
        assert_eq!(got, expected, "{how:?}");
    }
    assert!(!runs(&hidden, &select_email()), "a mask says more than nothing");
    assert!(!runs(&Policies::default_set(), &as_shown(How::Permitted)), "they speak of no columns");
    assert!(runs(&Policies::default_set(), &as_shown(How::Configured)));
}

#[test]
fn what_is_kept_is_asked_anew_when_anything_changes() {
    let (one, two) =
        (also(""), also("@id(\"none\") forbid (principal, action == Action::\"read\", resource);"));
    let nights = also("@id(\"nights\") forbid (principal, action, resource) when { context.time.hour < 6 };");
    let statement = Arc::new(select("public.orders"));
    let mut kept = Kept::default();
    let mut denied = |policies: &Policies, sender: &Sender| {
        sender.with(|asking| kept.evaluated(policies, asking, &statement).denied.is_some())
    };
    let day = Sender::default();
    assert!(!denied(&one, &day) && !denied(&one, &day));
    assert!(denied(&two, &day), "another set");
    assert!(!denied(&nights, &day));
    assert!(denied(&nights, &Sender { hour: 3, ..Sender::default() }), "another hour");
}

#[test]
fn an_unbounded_write_is_held_by_the_default_beside_other_policies() {
    let policies = also("");
    let shape = Shape::Unbounded { relation: "public.orders".into(), verb: "delete" };
    let delete =
        Statement { shapes: vec![shape], ..statement("delete", Kind::Write, &[], &["public.orders"]) };
    let (outcome, reason) = Sender::default().asks(&policies, &delete);
    assert_eq!((outcome, reason.code), (Outcome::Hold, ReasonCode::UnboundedWrite));
}

mod leaves;
mod narrowed;
