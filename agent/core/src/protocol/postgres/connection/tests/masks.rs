//! Statements that compute with masks: what stands behind a name, and what the server was sent for it.

use std::sync::Arc;

use connect_shared::label::Label;

use super::world::{CUSTOMERS, Disk, World, extended, kinds, message, query, sync};
use crate::{
    catalog::{Catalog, Oid},
    machine::Input,
    protocol::postgres::connection::names::Prepared,
    statement::Protection,
};

const PREPARE: &str = "prepare p as select upper(email), id + 1 from customers";
const DECLARE: &str = "declare c cursor for select upper(email), id + 1 from customers";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn prepared<'w>(world: &'w World, name: &[u8]) -> &'w Arc<Prepared> {
    world.machine.names.statement(name).expect("it was prepared")
}

/// A newer snapshot, in which `id` is protected as well.
fn label_the_other_column(world: &mut World) {
    let before = world.machine.setup.catalog.clone().expect("a snapshot");
    let mut catalog = Catalog { version: before.version + 1, ..Catalog::clone(&before) };
    let customers = catalog.relation_mut(Oid(CUSTOMERS)).expect("it is there");
    customers.columns.iter_mut().for_each(|column| column.label = Some(Label::Confidential));
    world.input(Input::Catalog(Arc::new(catalog)));
    world.events.clear();
}

#[test]
fn what_was_sent_is_remembered_behind_the_names_of_both_protocols() {
    for message in [query(PREPARE), [extended(PREPARE), sync()].concat()] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&message);
        let sent = prepared(&world, b"p").sent.clone().expect("it was rewritten");
        assert!(text(&world.sent_to_server()).contains(&text(&sent)));
        assert!(text(&sent).starts_with("prepare p as select upper(email), id + 1 from (SELECT "));
    }
}

#[test]
fn what_a_name_stands_for_is_masked_once() {
    let mut world = World::ready(Disk::AtOnce);
    for text in [PREPARE, "begin", DECLARE] {
        world.client(&query(text));
    }
    for call in ["execute p", "fetch 3 from c"] {
        world.client(&query(call));
        let version = world.machine.setup.catalog.as_ref().expect("a snapshot").version;
        let analysed = world.machine.analyses.get(call.as_bytes(), version).expect("it was analysed");
        let (facts, _) = world.machine.effective(&analysed.statements[0]).expect("it is known");
        let Protection::Masked { columns, .. } = &facts.protection else { panic!("{:?}", facts.protection) };
        assert_eq!(columns.len(), 1);
    }
}

#[test]
fn what_was_prepared_for_other_labels_is_not_executed() {
    for call in [query("execute p"), [extended("execute p"), sync()].concat()] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query(PREPARE));
        label_the_other_column(&mut world);
        world.client(&call);
        assert!(!text(&world.sent_to_server()).contains("execute p"));
        assert!(text(&world.sent_to_client()).contains("0A000"), "{}", text(&world.sent_to_client()));
        world.client(&query("deallocate p"));
        world.client(&query(PREPARE));
        world.events.clear();
        world.client(&call);
        assert!(text(&world.sent_to_server()).contains("execute p"), "{:?}", text(&world.sent_to_client()));
    }
}

#[test]
fn what_was_declared_for_other_labels_is_not_fetched() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("begin"));
    world.client(&query(DECLARE));
    world.client(&query("fetch 1 from c"));
    assert!(text(&world.sent_to_server()).contains("fetch 1"));
    label_the_other_column(&mut world);
    world.client(&query("fetch 1 from c"));
    assert!(!text(&world.sent_to_server()).contains("fetch 1"));
    assert!(text(&world.sent_to_client()).contains("0A000"));
}

/// A driver begins a transaction in the same breath as its first statement.
#[test]
fn the_first_masked_statement_of_a_connection_may_come_within_a_pipeline() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[extended("begin"), extended("select upper(email) from customers"), sync()].concat());
    let said = text(&world.sent_to_client());
    assert!(said.contains("@MASKED.INVALID") && !said.contains("0A000"), "{said}");
}

#[test]
fn keys_that_a_reset_took_away_are_given_again_before_the_next_pipeline() {
    for reset in ["reset all", "discard all"] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query(reset));
        let sent = text(&world.sent_to_server());
        let again = sent.find(reset).and_then(|place| sent[place..].find("connect_mask.pii_email"));
        assert!(again.is_some(), "{reset}: {sent}");
        world.client(&[extended("begin"), extended("select upper(email) from customers"), sync()].concat());
        assert!(text(&world.sent_to_client()).contains("@MASKED.INVALID"), "{reset}");
    }
}

const MASK: &str = "u_abcdefghij0123456789@masked.invalid";

/// Nothing of it reached the server, and the client heard which column it is about.
#[track_caller]
fn is_written_back(world: &World, what: &str) {
    let said = text(&world.sent_to_client());
    assert!(said.contains("masked_value") && said.contains("public.customers.email"), "{what}: {said}");
    assert!(said.contains("Leave `email` out"), "{what}: {said}");
    assert!(!text(&world.sent_to_server()).to_lowercase().contains(MASK), "{what}");
}

#[test]
fn a_mask_that_comes_back_as_a_value_is_refused_in_whatever_statement() {
    for statement in [
        format!("update customers set email = '{MASK}' where id = 1"),
        format!("update customers set id = 1, email = upper(' {} ') where id = 1", MASK.to_uppercase()),
        format!("insert into customers (id, email) values (1, 'a@b.example'), (2, E'{MASK}')"),
        format!("insert into customers values (3, $${MASK}$$)"),
        format!("insert into customers (id, email) select 4, '{MASK}'"),
        format!(
            "with w as (update customers set email = '{MASK}' where id = 1 returning id) select * from w"
        ),
        format!("explain (costs off) update customers set email = '{MASK}' where id = 1"),
        "update customers set email = '[secret]' where id = 1".to_owned(),
    ] {
        for message in [query(&statement), [extended(&statement), sync()].concat()] {
            let mut world = World::ready(Disk::AtOnce);
            world.client(&message);
            is_written_back(&world, &statement);
        }
    }
}

#[test]
fn masks_elsewhere_and_values_that_are_none_pass() {
    for statement in [
        "update customers set email = 'ana@example.com' where id = 1".to_owned(),
        format!("update customers set id = 2 where email = '{MASK}'"),
        format!("select id from customers where email = '{MASK}'"),
        format!("select id, '{MASK}' from orders"),
        format!("update customers set email = 'write to {MASK}' where id = 1"),
    ] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query(&statement));
        assert!(!text(&world.sent_to_client()).contains("masked_value"), "{statement}");
    }
}

/// Bind of the unnamed statement with one value in one format.
fn bind(value: &[u8], format: u8) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1, 0, format, 0, 1];
    body.extend((value.len() as u32).to_be_bytes());
    body.extend(value);
    body.extend([0, 0]);
    message(b'B', &body)
}

#[test]
fn a_parameter_that_is_a_mask_is_refused_in_both_formats() {
    let parse = message(b'P', b"\0update customers set email = $1 where id = 1\0\0\0");
    let execute = message(b'E', b"\0\0\0\0\0");
    for format in [0, 1] {
        let mut world = World::ready(Disk::AtOnce);
        let messages = [parse.clone(), bind(MASK.as_bytes(), format), execute.clone(), sync()];
        world.client(&messages.concat());
        is_written_back(&world, "a parameter");
        world.events.clear();
        let messages = [parse.clone(), bind(b"ana@example.com", format), execute.clone(), sync()];
        world.client(&messages.concat());
        assert!(!text(&world.sent_to_client()).contains("masked_value"));
    }
}

#[test]
fn an_argument_of_execute_that_is_a_mask_is_refused() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("prepare w as update customers set email = $1 where id = 1"));
    world.events.clear();
    world.client(&query(&format!("execute w('{MASK}')")));
    is_written_back(&world, "execute");
    world.client(&query("execute w('ana@example.com')"));
    assert!(text(&world.sent_to_server()).contains("execute w('ana"));
}

#[test]
fn a_copy_with_a_mask_fails_as_a_whole() {
    for (data, is_refused) in [
        (format!("1\tana@example.com\n2\t{MASK}\n"), true),
        (format!("1\t{MASK}"), true),
        ("1\tana@example.com\n".to_owned(), false),
    ] {
        for size in [1, 5, 1_000] {
            let mut world = World::ready(Disk::AtOnce);
            world.client(&query("copy customers (email) from stdin"));
            for piece in data.as_bytes().chunks(size) {
                world.client(&message(b'd', piece));
            }
            world.client(&message(b'c', b""));
            let said = text(&world.sent_to_client());
            assert_eq!(said.contains("masked_value"), is_refused, "{data} by {size}: {said}");
            // Where no line ends it, it is known as one when there is no more: the COPY fails all the same.
            if is_refused && data.ends_with('\n') {
                is_written_back(&world, &data);
            }
            let ended = text(&world.sent_to_server()).contains("a mask would be written");
            assert_eq!(ended, is_refused, "{data} by {size}");
            world.events.clear();
            world.client(&query("select id from orders"));
            assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ", "it goes on");
        }
    }
}

#[test]
fn a_mask_in_data_that_passes_in_pieces_ends_the_connection() {
    let filler = "x".repeat(700_000);
    for (field, is_refused) in [(MASK, true), ("ana@example.com", false)] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query("copy customers (full_name, email) from stdin"));
        world.events.clear();
        let data = message(b'd', format!("{filler}\t{field}\n{filler}\t{field}\n").as_bytes());
        for piece in data.chunks(65_521) {
            world.client(piece);
        }
        world.client(&message(b'c', b""));
        let (to_server, said) = (text(&world.sent_to_server()), text(&world.sent_to_client()));
        assert_eq!(to_server.contains(field), !is_refused, "{field}");
        assert_eq!(said.contains("FATAL") && said.contains("is a mask"), is_refused, "{field}: {said}");
    }
}

#[test]
fn data_of_a_copy_that_comes_before_the_servers_answer_is_looked_at_in_either_format() {
    for binary in [false, true] {
        let mut world = World::ready(Disk::AtOnce);
        world.held = Some(Vec::new());
        let with = if binary { " (format binary)" } else { "" };
        world.client(&query(&format!("copy customers (email) from stdin{with}")));
        let data = match binary {
            true => [&(MASK.len() as u32).to_be_bytes()[..], MASK.as_bytes(), &[0xff, 0xff]].concat(),
            false => format!("{MASK}\n").into_bytes(),
        };
        for piece in data.chunks(9) {
            world.client(&message(b'd', piece));
        }
        world.client(&message(b'c', b""));
        let sent = text(&world.sent_to_server());
        assert!(sent.contains("a mask would be written"), "binary {binary}: {sent}");
    }
}
