//! Statements that compute with masks: what stands behind a name, and what the server was sent for it.

use std::sync::Arc;

use connect_shared::label::Label;

use super::world::{CUSTOMERS, Disk, World, extended, query, sync};
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
