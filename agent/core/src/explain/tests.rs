use connect_shared::{
    decision::{OutcomeKind, ReasonCode},
    entry::PrincipalRef,
    grant::Action,
    ids::GrantId,
    label::Label,
};

use super::*;
use crate::{
    catalog::{Column, Relation, RelationKind, ViewReading},
    principal::{Narrowed, ResourceClass},
    understand::new_session,
};

const TEXT: Oid = Oid(25);

fn customers() -> Relation {
    let column = |number, name: &str, label| Column { label, ..Column::new(number, name.into(), TEXT) };
    Relation {
        oid: Oid(20_001),
        schema: "public".into(),
        name: "customers".into(),
        kind: RelationKind::Table,
        columns: vec![
            column(1, "id", None),
            column(2, "email", Some(Label::Email)),
            column(3, "token", Some(Label::Secret)),
        ],
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    }
}

fn asked(sql: &str, actions: &[Action], actor: Option<&str>) -> Vec<ExplainedStatement> {
    let mut catalog = Catalog { version: 1, server_version: 150_000, utf8: true, ..Catalog::default() };
    catalog.insert(customers());
    catalog.schemas = Arc::new([("public".into(), Oid(2200))].into());
    let reference =
        PrincipalRef { sub: "ana".into(), idp: "https://id.test".into(), actor: actor.map(str::to_owned) };
    let principal = Principal { reference, name: "ana@example.com".into(), groups: Vec::new() };
    let grant = GrantInForce {
        id: GrantId::from_random([1; 16]),
        actions: actions.to_vec(),
        reason: None,
        task: None,
        narrowed: Narrowed::default(),
        leaves: Arc::default(),
    };
    let class = ResourceClass::Production;
    let resource = Resource { name: "prod-db".into(), database: "shop".into(), class, approvers: Vec::new() };
    let mask_key = MaskKey::new([7; 32]);
    let policies = Policies::default_set();
    let asker = Asker {
        principal: &principal,
        grant: &grant,
        resource: &resource,
        mask_key: &mask_key,
        policies: &policies,
        purpose: None,
        wall: Duration::ZERO,
    };
    let mut session = new_session(&catalog, Some(&["public".to_owned()]));
    let explained = explain(sql.as_bytes(), &catalog, &mut session, &asker, &Limits::default());
    explained.into_iter().map(|explained| explained.answer).collect()
}

#[test]
fn a_permitted_read_says_what_is_masked_and_how_and_why() {
    let answers = asked("SELECT id, email, token FROM customers", &[Action::Read], None);
    let [answer] = answers.as_slice() else { panic!("one statement") };
    assert_eq!(answer.decision.outcome.kind(), OutcomeKind::Permit);
    assert_eq!((answer.sqlstate.as_deref(), answer.kind), (None, StatementKind::Read));
    assert_eq!(answer.reads, ["public.customers"]);
    let masks: Vec<_> =
        answer.masks.iter().map(|mask| (mask.column.as_str(), mask.method, mask.label)).collect();
    assert_eq!(
        masks,
        [
            ("public.customers.email", MaskMethod::Keyed, Label::Email),
            ("public.customers.token", MaskMethod::Constant, Label::Secret),
        ]
    );
    let columns = &answer.lineage.outputs[0].columns;
    let marks: Vec<_> = columns.iter().map(|column| (column.direct[0].as_str(), column.masked)).collect();
    assert_eq!(
        marks,
        [
            ("public.customers.id", None),
            ("public.customers.email", Some(Label::Email)),
            ("public.customers.token", Some(Label::Secret)),
        ]
    );
}

#[test]
fn a_denied_statement_has_its_reason_and_sqlstate_and_no_masks() {
    let answers = asked("SELECT no_such_function(email) FROM customers", &[Action::Read], None);
    assert_eq!(answers[0].decision.outcome.kind(), OutcomeKind::Deny);
    assert!(answers[0].masks.is_empty());
    assert!(answers[0].sqlstate.is_some());
    let answers = asked("SELECT id FROM custmers", &[Action::Read], None);
    assert_eq!(answers[0].sqlstate.as_deref(), Some("42P01"));
}

#[test]
fn the_grant_and_the_ai_agent_that_would_act_count() {
    let sql = "UPDATE customers SET id = 'x' WHERE id = 'y'";
    let code = |actions: &[Action], actor| asked(sql, actions, actor)[0].decision.reasons[0].code;
    assert_eq!(code(&[Action::Read, Action::Write], None), ReasonCode::Granted);
    assert_eq!(code(&[Action::Read], None), ReasonCode::NotGranted);
    assert_eq!(code(&[Action::Read, Action::Write], Some("assistant")), ReasonCode::NotGranted);
}

#[test]
fn every_statement_of_a_text_is_explained_and_an_empty_text_has_none() {
    let both = asked("SELECT 1; DELETE FROM customers", &[Action::Read, Action::Write], None);
    let outcomes: Vec<_> = both.iter().map(|answer| answer.decision.outcome.kind()).collect();
    assert_eq!(outcomes, [OutcomeKind::Permit, OutcomeKind::Deny]);
    assert!(asked(" -- nothing", &[Action::Read], None).is_empty());
}

#[test]
fn what_would_be_refused_in_the_middle_of_a_message_is_refused_here() {
    let both = [Action::Read, Action::Write];
    let states = |sql: &str| -> Vec<Option<String>> {
        asked(sql, &both, None).into_iter().map(|answer| answer.sqlstate).collect()
    };
    assert_eq!(states("EXECUTE p"), [Some("26000".to_owned())]);
    assert_eq!(states("FETCH c"), [Some("34000".to_owned())]);
    assert_eq!(states("PREPARE p AS SELECT 1; EXECUTE p"), [None, Some("26000".to_owned())]);
}
