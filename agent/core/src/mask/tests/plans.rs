//! Which fields a plan masks, and what it refuses.

use connect_shared::decision::ReasonCode;

use super::*;

#[test]
fn a_result_without_protected_origins_passes_untouched() {
    let fields = [text_field(1), field(Oid(0), 0, TEXT, Format::Text), field(TABLE, -1, TID, Format::Text)];
    let system = field(Oid(1_259), 2, NAME, Format::Text);
    for protection in [Protection::Untouched, Protection::Introspection, Protection::Avoided] {
        let fields = [&fields[..], &[system]].concat();
        let plan = Plan::new(&catalog(Label::Email), &protection, &fields).expect("no disagreement");
        assert!(plan.is_none());
    }
}

#[test]
fn an_origin_that_the_snapshot_does_not_know_asks_for_a_newer_one() {
    for unknown in [field(Oid(16_999), 1, TEXT, Format::Text), text_field(9)] {
        let refusal =
            Plan::new(&catalog(Label::Email), &Protection::Untouched, &[unknown]).expect_err("unknown");
        assert_eq!(refusal.code, ReasonCode::OriginMismatch);
        assert!(refusal.unknown_object.is_some());
    }
}

#[test]
fn an_expected_column_that_the_server_does_not_name_is_a_disagreement() {
    let protection = Protection::Projection { columns: vec![protected(TABLE, 2)] };
    let computed = [field(Oid(0), 0, TEXT, Format::Text), text_field(3)];
    let refusal = Plan::new(&catalog(Label::Email), &protection, &computed).expect_err("a computed field");
    assert_eq!(refusal.code, ReasonCode::OriginMismatch);
    assert_eq!(refusal.object.as_deref(), Some("public.customers.email"));
    assert_eq!(refusal.unknown_object, None);
    assert!(Plan::new(&catalog(Label::Email), &protection, &[text_field(2)]).is_ok());
}

#[test]
fn a_column_read_through_a_view_or_a_namesake_is_the_expected_one() {
    let protection = Protection::Projection { columns: vec![protected(TABLE, 2)] };
    for through in [VIEW, OTHER] {
        let fields = [field(through, 2, TEXT, Format::Text)];
        let plan = Plan::new(&catalog(Label::Email), &protection, &fields).expect("it is covered");
        assert_eq!(plan.expect("masks").masked(), [protected(through, 2)]);
    }
}

#[test]
fn whole_rows_and_computed_views_cannot_be_masked() {
    for unmaskable in [text_field(0), field(COMPUTED, 1, TEXT, Format::Text)] {
        let refusal =
            Plan::new(&catalog(Label::Email), &Protection::Untouched, &[unmaskable]).expect_err("refused");
        assert_eq!(refusal.code, ReasonCode::OriginMismatch);
    }
}
