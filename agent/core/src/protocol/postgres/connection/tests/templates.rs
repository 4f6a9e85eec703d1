//! What an approval with any values is for: the form of a statement, where it means the same.

use std::sync::Arc;

use connect_shared::ids::RequestId;

use super::world::{Disk, Event, World, query, startup};
use crate::{
    approval::Approval,
    decide::{DEFAULT_POLICY, Policies},
    machine::{HoldAsk, HoldNews},
};

/// Every delete is held; only this rule holds it, also one of every row.
const FORMS: &str = "
@id(\"all\") permit (principal, action, resource);
@id(\"deletes\") @approval(\"group:dba\") @approval_template forbid (principal, action == Action::\"delete\", resource);";

fn world(policies: &str) -> World {
    let policies = Policies::load(policies).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut world = World::with(Disk::AtOnce, &["dba"], Arc::new(policies), |_| {});
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.client(&query("set connect.wait = off"));
    world.events.clear();
    world
}

fn asked(world: &mut World, sql: &str) -> HoldAsk {
    world.events.clear();
    world.on_hold = Some(Box::new(|_| vec![HoldNews::Asked(RequestId::from_random([8; 16]))]));
    world.client(&query(sql));
    let asked = world.events.iter().find_map(|event| match event {
        Event::Hold(ask) => Some(HoldAsk::clone(ask)),
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("it is not held: {sql}"))
}

fn form(world: &mut World, sql: &str) -> String {
    let ask = asked(world, sql);
    assert!(ask.statement.any_values, "{sql}");
    ask.template.unwrap_or_else(|| panic!("it has no form: {sql}")).as_str().to_owned()
}

#[test]
fn one_form_is_for_all_values_and_each_is_another_statement() {
    let mut world = world(FORMS);
    let (seven, eight) = (
        asked(&mut world, "delete from orders where id = 7"),
        asked(&mut world, "delete from orders where id = 8"),
    );
    assert_eq!(seven.template, eight.template);
    assert_ne!(seven.binding, eight.binding);
    assert_ne!(seven.template.as_ref(), Some(&seven.binding));
}

#[test]
fn another_condition_or_one_that_a_value_makes_true_of_every_row_is_another_form() {
    let mut world = world(FORMS);
    let bounded = form(&mut world, "delete from orders where id = 7");
    for other in [
        "delete from orders",
        "delete from orders where 1 = 1",
        "delete from orders where id > 7",
        "delete from orders where id = 7 or true",
        "delete from orders where id = 7 or id = 8",
        "delete from other.orders where id = 7",
        "delete from customers where id = 7",
    ] {
        assert_ne!(form(&mut world, other), bounded, "{other}");
    }
    // The same words with other values: one makes it true of every row, the other makes nothing wider.
    let mut or = |last| form(&mut world, &format!("delete from orders where id = 7 or 1 = {last}"));
    assert_ne!(or(2), or(1));
    let mut and = |last| form(&mut world, &format!("delete from orders where id = 7 and 1 = {last}"));
    assert_eq!(and(2), and(1));
}

#[test]
fn a_session_that_is_another_one_has_other_forms() {
    let mut world = world(FORMS);
    let before = form(&mut world, "delete from orders where id = 7");
    world.client(&query("set datestyle = 'German'"));
    assert_ne!(form(&mut world, "delete from orders where id = 7"), before);
    let more = format!("{FORMS}\n@id(\"more\") permit (principal, action, resource);");
    assert_ne!(
        form(&mut self::world(&more), "delete from orders where id = 7"),
        before,
        "another policy set"
    );
}

#[test]
fn only_a_rule_that_says_so_has_forms_and_all_that_hold_must() {
    let mut without = world(&FORMS.replace("@approval_template ", ""));
    assert_eq!(asked(&mut without, "delete from orders where id = 7").template, None);
    let mut both = world(&format!(
        "{DEFAULT_POLICY}\n@id(\"deletes\") @approval(\"approvers\") @approval_template \
         forbid (principal, action == Action::\"delete\", resource);"
    ));
    assert!(asked(&mut both, "delete from orders where id = 7").template.is_some());
    let every_row = asked(&mut both, "delete from orders");
    assert_eq!((every_row.template, every_row.statement.any_values), (None, false));
    let beside = asked(&mut both, "delete from orders where id = 7; delete from orders");
    assert_eq!(beside.template, None, "another rule holds what is beside it");
    let mut ddl = world(
        "@id(\"all\") permit (principal, action, resource);
         @id(\"ddl\") @approval(\"group:dba\") @approval_template forbid (principal, action == Action::\"ddl\", resource);",
    );
    assert_eq!(asked(&mut ddl, "drop table orders").template, None, "its constants may be code");
}

#[test]
fn what_is_found_by_its_form_runs_as_what_it_is_and_the_record_says_how() {
    let mut world = world(FORMS);
    let approved = form(&mut world, "delete from orders where id = 7");
    world.events.clear();
    world.on_hold = Some(Box::new(move |ask| {
        let found = ask.template.as_ref().is_some_and(|form| form.as_str() == approved);
        assert!(found, "the form that was approved");
        let id = RequestId::from_random([8; 16]);
        let approval = Approval::new(id, ask.binding.as_str().to_owned(), "li@example.com".into());
        vec![HoldNews::Taken(approval.with_any_values())]
    }));
    world.client(&query("delete from orders where id = 9"));
    let sent = String::from_utf8_lossy(&world.sent_to_server()).into_owned();
    assert!(sent.contains("id = 9"), "{sent}");
    let said = format!("{:?}", world.entries());
    assert!(said.contains("approved by li@example.com") && said.contains("with any values"), "{said}");
}
