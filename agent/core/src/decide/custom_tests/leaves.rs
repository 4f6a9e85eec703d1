//! What was approved for a time.

use connect_shared::ids::RequestId;

use super::*;
use crate::approval::LeaveOf;

/// All tests decide at noon of the first day.
const NOON: u64 = 12 * 3_600;

fn leave(number: u8, until: u64, of: LeaveOf) -> Leave {
    Leave { request: RequestId::from_random([number; 16]), by: "li@example.com".into(), until, of }
}

fn shows_email(until: u64) -> Leave {
    leave(1, until, LeaveOf::Columns(vec![("public.customers.email".into(), Label::Email)]))
}

fn window(rules: &[&str], policies: &Policies) -> Leave {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    leave(2, NOON + 60, LeaveOf::Rules { rules, digest: policies.digest().to_owned() })
}

fn with(leaves: Vec<Leave>) -> Sender {
    Sender { leaves, ..Sender::default() }
}

fn drop_table() -> Statement {
    let shapes = vec![Shape::Destructive { what: "DROP TABLE".into() }];
    Statement { shapes, ..statement("drop table", Kind::SchemaChange, &[], &["public.orders"]) }
}

/// A snapshot has shown the column to whoever sends this.
fn select_shown(label: Label) -> Statement {
    let seen = Some(Seen { label, how: How::Permitted });
    let column = ProtectedColumn {
        relation: Oid(FIRST_NORMAL_OID + 1),
        number: 2,
        name: "public.customers.email".into(),
        label,
        seen,
    };
    Statement { shown: vec![column], ..select("public.customers") }
}

#[test]
fn a_column_is_seen_in_clear_until_the_time_is_over_and_the_record_says_by_whom() {
    let policies = Policies::load(DEFAULT_POLICY).expect("good");
    let before = with(vec![shows_email(NOON + 1)]);
    assert!(matches!(before.sees(&policies), Sight::Clear(_)));
    let (outcome, _) = before.asks(&policies, &select_shown(Label::Email));
    assert!(matches!(outcome, Outcome::Permit(_)), "{outcome:?}");
    let reasons = before.with(|asking| {
        let id = StatementId::from_random([2; 16]);
        match policies.decide(asking, &select_shown(Label::Email), id, None) {
            Verdict::Permit(_, decision) => decision.reasons,
            other => panic!("{other:?}"),
        }
    });
    let named = reasons.iter().find(|reason| reason.code == ReasonCode::Approved).expect("it is named");
    assert_eq!(named.object.as_deref(), Some(RequestId::from_random([1; 16]).to_string().as_str()));
    assert!(named.message.contains("approved by li@example.com"), "{}", named.message);
    // At its end, whatever the connection still shows.
    let after = with(vec![shows_email(NOON)]);
    assert!(matches!(after.sees(&policies), Sight::Masked(_)));
    assert_eq!(after.asks(&policies, &select_shown(Label::Email)).0, Outcome::Deny);
}

#[test]
fn another_column_or_label_or_a_program_sees_nothing_more() {
    let policies = Policies::load(DEFAULT_POLICY).expect("good");
    let sender = with(vec![shows_email(NOON + 1)]);
    assert_eq!(
        sender.asks(&policies, &select_shown(Label::Phone)).0,
        Outcome::Deny,
        "it is another label now"
    );
    let other = |name: &str| {
        sender.with(|asking| policies.sight(asking, name, Label::Email, &select("public.customers"), None))
    };
    assert!(matches!(other("public.customers.phone"), Sight::Masked(_)));
    assert!(matches!(other("other.customers.email"), Sight::Masked(_)));
    let program = Sender { actor: Some("bot".into()), ..with(vec![shows_email(NOON + 1)]) };
    assert!(matches!(program.sees(&policies), Sight::Masked(_)));
    assert_eq!(program.asks(&policies, &select_shown(Label::Email)).0, Outcome::Deny);
    for group in ["ai-agents", "services"] {
        let own = Sender { groups: vec![group.into()], ..with(vec![shows_email(NOON + 1)]) };
        assert!(matches!(own.sees(&policies), Sight::Masked(_)), "a program with an identity of its own");
    }
}

#[test]
fn a_policy_that_hides_or_forbids_a_column_beats_what_was_approved() {
    let sender = with(vec![shows_email(NOON + 1)]);
    let column = "resource == Column::\"prod-db/public.customers.email\"";
    let hides = also(&format!(
        "@id(\"hide\") @mask(\"neutral\") permit (principal, action == Action::\"read\", {column});"
    ));
    assert!(matches!(sender.sees(&hides), Sight::Neutral(_)));
    assert_eq!(sender.asks(&hides, &select_shown(Label::Email)).0, Outcome::Deny);
    let forbids = also(&format!("@id(\"no\") forbid (principal, action == Action::\"read\", {column});"));
    assert!(matches!(sender.sees(&forbids), Sight::Denied(_)));
    assert_eq!(sender.asks(&forbids, &select_shown(Label::Email)).0, Outcome::Deny);
}

#[test]
fn in_a_window_what_its_rules_hold_runs_and_names_the_request() {
    let policies = Policies::load(DEFAULT_POLICY).expect("good");
    let both = ["default/schema-change", "default/destructive"];
    let (outcome, reason) = with(vec![window(&both, &policies)]).asks(&policies, &drop_table());
    assert!(matches!(outcome, Outcome::Permit(_)), "{outcome:?}");
    assert_eq!(reason.code, ReasonCode::Approved);
    assert_eq!(reason.object.as_deref(), Some(RequestId::from_random([2; 16]).to_string().as_str()));
    // Every rule that holds it must be among them.
    for rules in [&both[..1], &both[1..], &["default/privilege"]] {
        let (outcome, _) = with(vec![window(rules, &policies)]).asks(&policies, &drop_table());
        assert_eq!(outcome, Outcome::Hold, "{rules:?}");
    }
    let other = also("@id(\"more\") permit (principal, action == Action::\"read\", resource);");
    let (outcome, _) = with(vec![window(&both, &policies)]).asks(&other, &drop_table());
    assert_eq!(outcome, Outcome::Hold, "another policy set decides");
    let over = Leave { until: NOON, ..window(&both, &policies) };
    assert_eq!(with(vec![over]).asks(&policies, &drop_table()).0, Outcome::Hold);
}

#[test]
fn what_is_denied_stays_denied_however_the_glass_is() {
    let policies = also(
        "@id(\"never\") forbid (principal, action == Action::\"ddl\", resource in \
        Schema::\"prod-db/payroll\");",
    );
    let broken = with(vec![leave(3, NOON + 60, LeaveOf::Everything)]);
    let (outcome, reason) = broken.asks(&policies, &drop_table());
    assert!(matches!(outcome, Outcome::Permit(_)), "{outcome:?}");
    assert!(reason.message.contains("li@example.com has broken the glass"), "{}", reason.message);
    let payroll = Statement { writes: vec!["payroll.salaries".into()], ..drop_table() };
    assert_eq!(broken.asks(&policies, &payroll).0, Outcome::Deny);
    assert!(matches!(broken.sees(&policies), Sight::Masked(_)), "masks stay");
    let program = Sender { actor: Some("bot".into()), ..broken };
    assert_eq!(program.asks(&policies, &drop_table()).0, Outcome::Deny, "AI agents read");
}

#[test]
fn what_a_leave_changes_is_decided_again_when_it_ends() {
    let policies = Policies::load(DEFAULT_POLICY).expect("good");
    let statement = Arc::new(drop_table());
    let mut kept = Kept::default();
    let mut outcome = |sender: &Sender| {
        let id = StatementId::from_random([2; 16]);
        sender.with(|asking| kept.evaluated(&policies, asking, &statement).verdict(&statement, id, None))
    };
    let broken = with(vec![leave(3, NOON + 60, LeaveOf::Everything)]);
    assert!(matches!(outcome(&broken), Verdict::Permit(..)));
    let over = with(vec![leave(3, NOON, LeaveOf::Everything)]);
    assert!(matches!(outcome(&over), Verdict::Hold(..)));
    assert!(matches!(outcome(&broken), Verdict::Permit(..)));
}
