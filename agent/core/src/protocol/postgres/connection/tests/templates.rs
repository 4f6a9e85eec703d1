//! What an approval with any values is for: the form of a statement, where it means the same.

use std::sync::Arc;

use connect_shared::ids::RequestId;

use super::world::{Disk, Event, World, message, query, startup, sync};
use crate::{
    approval::Approval,
    catalog::fixture::{Version, catalog},
    decide::{DEFAULT_POLICY, Policies},
    machine::{HoldAsk, HoldNews},
};

/// Every delete is held; only this rule holds it, also one of every row.
const FORMS: &str = "
@id(\"all\") permit (principal, action, resource);
@id(\"deletes\") @approval(\"group:dba\") @approval_template forbid (principal, action == Action::\"delete\", resource);";

/// Without a label. Code of somebody's own is in it.
const SHOP: &str = "
public.orders(id int4 not null, note text, data jsonb, at timestamptz, primary key (id));
public.customers(id int4 not null, email text);
other.orders(id int4 not null);
function public.run(n text) returns int4 language sql volatile as SELECT 1;
function public.purge(n int4) returns bool language sql volatile as SELECT true;
function public.purge(n text) returns bool language sql volatile as SELECT true;
";

/// All that reads or changes rows is held.
const ALL: &str = "
@id(\"all\") permit (principal, action, resource);
@id(\"held\") @approval(\"group:dba\") @approval_template forbid (principal,
    action in [Action::\"read\", Action::\"insert\", Action::\"update\", Action::\"delete\"], resource);";

fn world(policies: &str) -> World {
    let policies = Policies::load(policies).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let shop = Arc::new(catalog(Version::Postgres15, SHOP).expect("a database"));
    let of = Some(Arc::clone(&shop));
    let mut world = World::with(Disk::AtOnce, &["dba"], Arc::new(policies), |setup| setup.catalog = of);
    world.catalog = shop;
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
    assert_ne!(and(2), and(1), "what is compared with no column says nothing of a row");
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

#[test]
fn what_calls_code_of_somebodys_own_has_no_form() {
    let mut world = world(ALL);
    for sql in [
        "select run('DELETE FROM tmp')",
        "select * from orders where purge(1)",
        "select * from orders where purge('x')",
        "delete from orders where run(note) = 7",
        "insert into orders (id) values (run('x'))",
    ] {
        let ask = asked(&mut world, sql);
        assert_eq!((ask.template, ask.statement.any_values), (None, false), "{sql}");
    }
}

#[test]
fn plain_values_are_left_out_of_a_form() {
    let mut world = world(ALL);
    for (one, other) in [
        ("select * from orders where id = 7", "select * from orders where id = 8"),
        (
            "select * from orders where 7 < id and note like 'a%'",
            "select * from orders where 8 < id and note like 'b%'",
        ),
        ("select * from orders where id in (1, 2)", "select * from orders where id in (8, 9)"),
        ("select * from orders where id between 1 and 2", "select * from orders where id between 3 and 4"),
        (
            "select * from orders where not lower(note) = 'a'",
            "select * from orders where not lower(note) = 'b'",
        ),
        ("select * from orders where data ->> 'k' = 'a'", "select * from orders where data ->> 'k' = 'b'"),
        (
            "select * from orders where at < timestamptz '2026-01-01'",
            "select * from orders where at < timestamptz '2025-01-01'",
        ),
        ("update orders set note = 'a' where id = 1", "update orders set note = 'b' where id = 2"),
        (
            "insert into orders (id, note) values (1, 'a'), (2, 'b')",
            "insert into orders (id, note) values (3, 'c'), (4, 'd')",
        ),
    ] {
        assert_eq!(form(&mut world, one), form(&mut world, other), "{one} | {other}");
    }
}

#[test]
fn a_constant_that_is_no_value_is_a_part_of_the_form() {
    let mut world = world(ALL);
    for (one, other) in [
        // How many there are.
        ("insert into orders (id) values (1)", "insert into orders (id) values (1), (2)"),
        (
            "select * from orders where id in (1, 2, 3, 4, 5)",
            "select * from orders where id in (1, 2, 3, 4, 5, 6)",
        ),
        // Places, numbers of rows, and what is shown.
        ("select id, note from orders order by 1", "select id, note from orders order by 2"),
        ("select id, note from orders group by 1, 2", "select id, note from orders group by 2, 1"),
        ("select id from orders limit 1", "select id from orders limit 1000000"),
        ("select id from orders offset 1", "select id from orders offset 2"),
        ("select 1 from orders", "select 2 from orders"),
        // Types and names.
        ("select note::varchar(2) from orders", "select note::varchar(200) from orders"),
        (
            "select * from orders where note = 'a'::varchar(2)",
            "select * from orders where note = 'a'::varchar(3)",
        ),
        (
            "select * from orders where tableoid = 'orders'::regclass",
            "select * from orders where tableoid = 'customers'::regclass",
        ),
        ("select * from orders where data ->> 'a' = 'x'", "select * from orders where data ->> 'b' = 'x'"),
        ("select * from orders where (data -> 'a') = '1'", "select * from orders where (data -> 'b') = '1'"),
        (
            "update orders set data = data - 'a' where id = 1",
            "update orders set data = data - 'b' where id = 1",
        ),
        ("update orders set data['a'] = '1' where id = 1", "update orders set data['b'] = '1' where id = 1"),
        (
            "update orders set note = left(note, 1) where id = 1",
            "update orders set note = left(note, 9) where id = 1",
        ),
        // Whether all rows are meant, and of what type a value is.
        ("select * from orders where 1 = 1 and id = 7", "select * from orders where 1 = 2 and id = 7"),
        ("select * from orders where id = 7", "select * from orders where id = '7'"),
        ("select * from orders where (select 7) = 7", "select * from orders where (select 7) = 8"),
        // Of conditions that are not the statement's own.
        (
            "select * from orders join customers on customers.id = 1",
            "select * from orders join customers on customers.id = 2",
        ),
        (
            "insert into orders (id) values (1) on conflict (id) do update set note = 'a'",
            "insert into orders (id) values (1) on conflict (id) do update set note = 'b'",
        ),
    ] {
        let (one_form, other_form) = (asked(&mut world, one).template, asked(&mut world, other).template);
        assert!(one_form.is_none() || one_form != other_form, "{one} | {other}");
    }
}

/// The form of a text whose only parameter has this type and value.
fn given(world: &mut World, sql: &str, type_oid: i32, value: &str) -> String {
    world.events.clear();
    world.on_hold = Some(Box::new(|_| vec![HoldNews::Asked(RequestId::from_random([8; 16]))]));
    let mut parse = [b"\0", sql.as_bytes(), b"\0\0\x01"].concat();
    parse.extend(type_oid.to_be_bytes());
    let mut bind = b"\0\0\0\0\0\x01".to_vec();
    bind.extend(i32::try_from(value.len()).expect("short").to_be_bytes());
    bind.extend([value.as_bytes(), b"\0\0"].concat());
    let sent = [message(b'P', &parse), message(b'B', &bind), message(b'E', b"\0\0\0\0\0"), sync()].concat();
    world.client(&sent);
    let asked = world.events.iter().find_map(|event| match event {
        Event::Hold(ask) => Some(HoldAsk::clone(ask)),
        _ => None,
    });
    let template = asked.unwrap_or_else(|| panic!("it is not held: {sql}")).template;
    template.unwrap_or_else(|| panic!("it has no form: {sql}")).as_str().to_owned()
}

#[test]
fn a_parameter_is_a_value_where_a_constant_would_be_one_and_its_type_is_a_part_of_the_form() {
    let mut world = world(ALL);
    let by_id = "select * from orders where id = $1";
    let seven = given(&mut world, by_id, 23, "7");
    assert_eq!(given(&mut world, by_id, 23, "8"), seven);
    assert_ne!(given(&mut world, by_id, 20, "7"), seven, "another type");
    for text in [
        "select * from orders limit $1",
        "select * from orders where data ->> $1 = 'x'",
        "select $1 from orders",
    ] {
        let one = given(&mut world, text, 25, "1");
        assert_ne!(given(&mut world, text, 25, "2"), one, "{text}");
    }
}
