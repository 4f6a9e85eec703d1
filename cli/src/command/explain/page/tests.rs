use connect_shared::{
    api::StatementKind,
    decision::{Decision, Obligation, Outcome, ReasonCode},
    grant::Action,
    label::Label,
    lineage::OutputColumnReport,
};

use super::*;

const DIGEST_OF_POLICY: &str = "3f9a1c0de5b7e1f2";

fn explanation(statements: Vec<ExplainedStatement>) -> Explanation {
    let outcomes = statements.iter().map(|statement| statement.decision.outcome.kind());
    Explanation {
        schema: "connect.explain/1".into(),
        resource: "prod-db".into(),
        principal: "ana@example.com".into(),
        actor: None,
        actions: vec![Action::Read],
        outcome: outcomes.min().unwrap_or(OutcomeKind::Permit),
        policy_digest: DIGEST_OF_POLICY.into(),
        server_version: "15".into(),
        statements,
    }
}

fn decision(outcome: Outcome, policy: &str, code: ReasonCode, message: &str) -> Decision {
    let reason = Reason { policy: policy.into(), code, object: None, message: message.into(), hint: None };
    Decision { outcome, reasons: vec![reason], shadow: Vec::new(), policy_digest: DIGEST_OF_POLICY.into() }
}

fn column(name: &str, data_type: &str, direct: &[&str], masked: Option<Label>) -> OutputColumnReport {
    OutputColumnReport {
        name: name.into(),
        data_type: (!data_type.is_empty()).then(|| data_type.to_owned()),
        direct: direct.iter().map(|source| (*source).to_owned()).collect(),
        origin: None,
        masked,
    }
}

fn result(columns: Vec<OutputColumnReport>) -> OutputReport {
    OutputReport { kind: OutputKind::Result, table: None, created: false, columns }
}

fn statement(verb: &str, decision: Decision, sqlstate: Option<&str>) -> ExplainedStatement {
    ExplainedStatement {
        verb: verb.into(),
        kind: StatementKind::Read,
        read_only: true,
        decision,
        sqlstate: sqlstate.map(str::to_owned),
        masks: Vec::new(),
        clear: Vec::new(),
        hidden_rows: Vec::new(),
        reads: Vec::new(),
        writes: Vec::new(),
        radius: None,
        lineage: LineageReport::default(),
    }
}

fn masked_read() -> ExplainedStatement {
    let obligation = Obligation::Mask { column: "public.customers.email".into(), label: Label::Email };
    let decision =
        decision(Outcome::Permit(vec![obligation]), "default/read", ReasonCode::Granted, "within the grant");
    let mask =
        |column: &str, method, label| Mask { column: column.into(), method, label, place: MaskPlace::Result };
    ExplainedStatement {
        masks: vec![
            mask("public.customers.email", MaskMethod::Keyed, Label::Email),
            mask("public.api_keys.token", MaskMethod::Constant, Label::Secret),
        ],
        reads: vec!["public.api_keys".into(), "public.customers".into(), "public.orders".into()],
        lineage: LineageReport {
            outputs: vec![result(vec![
                column("email", "text", &["public.customers.email"], Some(Label::Email)),
                column("token", "text", &["public.api_keys.token"], Some(Label::Secret)),
                column("total", "numeric", &["public.orders.discount", "public.orders.price"], None),
                column("one", "integer", &[], None),
            ])],
            indirect: vec![
                "public.api_keys.customer_id".into(),
                "public.customers.id".into(),
                "public.customers.segment".into(),
                "public.orders.customer_id".into(),
                "public.orders.placed_at".into(),
            ],
            functions: vec!["pg_catalog.int8eq(bigint,bigint)".into(), "public.rate(numeric)".into()],
            ..LineageReport::default()
        },
        ..statement("select", decision, None)
    }
}

#[test]
fn a_permitted_read_shows_what_comes_from_where_and_what_is_masked() {
    insta::assert_snapshot!(page(&explanation(vec![masked_read()])));
}

#[test]
fn a_denial_leads_with_its_reason_and_what_would_help() {
    let mut decision = decision(
        Outcome::Deny,
        "default/understood",
        ReasonCode::ProtectedExpression,
        "`public.customers.email` is protected, and a mask cannot hold an expression over it",
    );
    decision.reasons[0].object = Some("public.customers.email".into());
    decision.reasons[0].hint = Some("select the column itself, without an expression around it".into());
    let denied = ExplainedStatement {
        reads: vec!["public.customers".into()],
        lineage: LineageReport {
            outputs: vec![result(vec![column("upper", "text", &["public.customers.email"], None)])],
            ..LineageReport::default()
        },
        ..statement("select", decision, Some("42501"))
    };
    insta::assert_snapshot!(page(&explanation(vec![denied])));
}

#[test]
fn what_is_not_understood_says_why_and_what_is_seen_all_the_same() {
    let decision =
        decision(Outcome::Permit(Vec::new()), "default/write", ReasonCode::Granted, "within the grant");
    let written = OutputReport {
        kind: OutputKind::Table,
        table: Some("public.totals".into()),
        created: true,
        columns: vec![column("sum", "", &["public.orders.price"], None)],
    };
    let partial = ExplainedStatement {
        kind: StatementKind::SchemaChange,
        reads: vec!["public.orders".into()],
        writes: vec!["public.totals".into()],
        lineage: LineageReport {
            outputs: vec![written],
            status: UnderstandingStatus::Partial,
            reasons: vec!["opaque-function: public.rate(numeric)".into(), "trigger: public.totals".into()],
            ..LineageReport::default()
        },
        ..statement("create table as", decision, None)
    };
    let mut explanation = explanation(vec![partial]);
    explanation.actor = Some("assistant/1".into());
    insta::assert_snapshot!(page(&explanation));
}

#[test]
fn several_statements_stand_under_one_outcome() {
    let begin = statement(
        "begin",
        decision(Outcome::Permit(Vec::new()), "default/transaction", ReasonCode::Granted, "within the grant"),
        None,
    );
    let message = "this would delete every row of `public.orders`";
    let delete = statement(
        "delete",
        decision(Outcome::Deny, "default/unbounded-write", ReasonCode::UnboundedWrite, message),
        Some("42501"),
    );
    insta::assert_snapshot!(page(&explanation(vec![begin, delete])));
    insta::assert_snapshot!(page(&explanation(Vec::new())), @"permitted: an empty text on prod-db as ana@example.com");
}

#[test]
fn names_of_the_database_cannot_drive_the_terminal_or_forge_a_line() {
    let mut statement = masked_read();
    statement.lineage.outputs[0].columns[0].name = "x\u{1b}[2J\npermitted: all".into();
    let page = page(&explanation(vec![statement]));
    assert!(page.contains("x\u{fffd}[2J\u{fffd}permitted: all"), "{page}");
}
