//! A statement that is held waits, runs once when it was approved as it is, and never otherwise.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use connect_shared::{entry::Entry, ids::RequestId};

use super::world::{Disk, Event, OnHold, World, extended, kinds, message, query, startup, sync};
use crate::{
    approval::Approval,
    catalog::Catalog,
    machine::{Ending, HoldAsk, HoldEnd, HoldNews, Input, Machine},
};

const REQUEST: [u8; 16] = [8; 16];

fn request() -> RequestId {
    RequestId::from_random(REQUEST)
}

/// A world with approvers whose client is in.
fn world() -> World {
    let mut world = World::approved_by(Disk::AtOnce, &["data-oncall"]);
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world
}

fn taken(ask: &HoldAsk) -> HoldNews {
    HoldNews::Taken(Approval::new(request(), ask.binding.as_str().to_owned(), "li@example.com".into()))
}

/// The agent asks at each hold that has no approval.
fn asks() -> OnHold {
    Box::new(|_| vec![HoldNews::Asked(request())])
}

/// The agent has an approval for this binding, once.
fn approves(binding: String) -> OnHold {
    let mut left = Some(binding);
    Box::new(move |ask| match left.take_if(|binding| binding == ask.binding.as_str()) {
        Some(_) => vec![taken(ask)],
        None => vec![HoldNews::Asked(request())],
    })
}

fn holds(world: &World) -> Vec<&HoldAsk> {
    fn held(event: &Event) -> Option<&HoldAsk> {
        match event {
            Event::Hold(ask) => Some(ask),
            _ => None,
        }
    }
    world.events.iter().filter_map(held).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The statement is held; the binding that the approver saw.
fn held(world: &mut World, bytes: &[u8]) -> String {
    world.on_hold = Some(asks());
    world.client(bytes);
    let asked = holds(world);
    assert_eq!(asked.len(), 1, "it is held once");
    asked[0].binding.as_str().to_owned()
}

/// Somebody approves it.
fn approve(world: &mut World, binding: String) {
    world.on_hold = Some(approves(binding));
    world.input(Input::Hold(HoldNews::Approved));
}

#[test]
fn a_held_statement_waits_with_a_notice_and_runs_when_it_is_approved() {
    let mut world = world();
    let binding = held(&mut world, &query("delete from orders"));
    assert!(!text(&world.sent_to_server()).contains("delete"));
    let said = text(&world.sent_to_client());
    assert_eq!(kinds(&world.sent_to_client()), "N");
    assert!(said.contains(&request().to_string()) && said.contains("data-oncall"), "{said}");
    approve(&mut world, binding);
    assert!(text(&world.sent_to_server()).contains("delete from orders"));
    assert!(kinds(&world.sent_to_client()).ends_with("CZ"), "{}", kinds(&world.sent_to_client()));
    let entries = world.entries();
    let intents: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Intent(intent) => Some(intent),
            _ => None,
        })
        .collect();
    assert_eq!(intents.len(), 1);
    let reason = &intents[0].decision.reasons[0];
    assert_eq!(reason.object, Some(request().to_string()));
}

#[test]
fn the_approver_sees_the_statement_and_what_it_touches() {
    let mut world = world();
    held(&mut world, &query("delete from customers"));
    let statement = &holds(&world)[0].statement;
    assert_eq!(statement.text.as_deref(), Some("delete from customers"));
    assert_eq!(statement.verbs, ["delete"]);
    assert_eq!(statement.writes, ["public.customers"]);
    assert_eq!(statement.labelled[0].column, "public.customers.email");
    assert_eq!(statement.policy, "default/unbounded-write");
    let radius = holds(&world)[0].radius.as_deref().expect("a question");
    assert_eq!(radius.touched[0].table.name, "public.customers");
}

#[test]
fn what_a_transaction_has_changed_before_is_not_counted_by_anybody_else() {
    let asked = |before: Option<&str>| {
        let mut world = world();
        if let Some(before) = before {
            world.client(&query(before));
        }
        held(&mut world, &query("delete from customers"));
        holds(&world)[0].radius.clone().expect("a question").unknown
    };
    assert!(asked(None).is_empty());
    let within = asked(Some("begin"));
    assert!(within.iter().any(|why| why.contains("its transaction")), "{within:?}");
}

#[test]
fn nothing_is_sent_before_the_use_is_taken() {
    let mut world = world();
    held(&mut world, &query("drop table orders"));
    // Approved, but the agent cannot take its use yet.
    world.on_hold = None;
    world.input(Input::Hold(HoldNews::Approved));
    assert_eq!(holds(&world).len(), 2, "it is evaluated again");
    assert!(!text(&world.sent_to_server()).contains("drop"));
}

#[test]
fn an_approval_of_something_else_permits_nothing() {
    let mut world = world();
    let binding = held(&mut world, &query("drop table orders"));
    let forged = Approval::new(request(), binding.replace(['0', '1'], "2"), "li".into());
    world.input(Input::Hold(HoldNews::Taken(forged)));
    assert!(!text(&world.sent_to_server()).contains("drop"));
    assert_eq!(holds(&world).len(), 2, "it is held anew");
}

#[test]
fn a_catalog_that_changed_meanwhile_is_another_statement() {
    let mut world = world();
    let binding = held(&mut world, &query("delete from orders"));
    world.catalog =
        Arc::new(Catalog { state: "a function has another body".into(), ..Catalog::clone(&world.catalog) });
    approve(&mut world, binding.clone());
    assert!(!text(&world.sent_to_server()).contains("delete"));
    let asked = holds(&world);
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[1].binding.as_str(), binding);
    assert_eq!(kinds(&world.sent_to_client()), "NN", "the client is told anew");
}

/// The binding of a statement that comes behind others.
fn binding_behind(before: &[&str], statement: &[u8]) -> String {
    let mut world = world();
    for text in before {
        world.client(&query(text));
    }
    held(&mut world, statement)
}

#[test]
fn the_same_statement_is_the_same_on_another_connection() {
    let delete = query("delete from orders");
    assert_eq!(binding_behind(&[], &delete), binding_behind(&[], &delete));
    assert_eq!(binding_behind(&[], &delete), binding_behind(&["set connect.wait = on"], &delete));
    assert_eq!(binding_behind(&[], &delete), binding_behind(&["select id from orders"], &delete));
}

#[test]
fn whatever_changes_its_meaning_makes_it_another() {
    let delete = query("delete from orders");
    let usual = binding_behind(&[], &delete);
    for before in [
        &["set search_path = other"][..],
        &["set datestyle = 'DMY'"],
        &["begin", "set datestyle = 'DMY'", "rollback"],
        &["create temp table orders (id int)"],
    ] {
        let mut world = world();
        world.on_hold = Some(Box::new(|ask| vec![taken(ask)]));
        for text in before {
            world.client(&query(text));
        }
        world.events.clear();
        world.on_hold = Some(asks());
        world.client(&delete);
        let asked = holds(&world);
        if let Some(ask) = asked.last() {
            assert_ne!(ask.binding.as_str(), usual, "{before:?}");
        } else {
            panic!("{before:?}: {}", text(&world.sent_to_client()));
        }
    }
    for other in ["delete from orders ", "DELETE from orders", "delete from customers"] {
        assert_ne!(binding_behind(&[], &query(other)), usual, "{other}");
    }
    assert_ne!(binding_behind(&[], &[extended("delete from orders"), sync()].concat()), usual);
}

#[test]
fn a_setting_that_was_undone_does_not_pass_for_one_that_is_in_force() {
    let delete = query("delete from orders");
    let undone = binding_behind(&["begin", "set datestyle = 'DMY'", "rollback"], &delete);
    assert_ne!(undone, binding_behind(&["set datestyle = 'DMY'"], &delete));
    assert_ne!(undone, binding_behind(&["begin", "set datestyle = 'DMY'", "commit"], &delete));
}

#[test]
fn other_parameters_are_another_statement() {
    let with = |value: &[u8]| {
        let parse = message(b'P', b"\0delete from orders where id = $1 or true\0\0\0");
        let mut bind = b"\0\0\0\0\0\x01".to_vec();
        bind.extend((value.len() as u32).to_be_bytes());
        bind.extend(value);
        bind.extend([0, 0]);
        [parse, message(b'B', &bind), message(b'E', b"\0\0\0\0\0"), sync()].concat()
    };
    assert_eq!(binding_behind(&[], &with(b"1")), binding_behind(&[], &with(b"1")));
    assert_ne!(binding_behind(&[], &with(b"1")), binding_behind(&[], &with(b"2")));
}

#[test]
fn in_the_extended_protocol_it_is_held_when_it_is_executed() {
    let mut world = world();
    let binding = held(&mut world, &[extended("delete from orders"), sync()].concat());
    let sent = kinds(&world.sent_to_server());
    assert!(sent.starts_with("PB") && !sent.contains('E'), "{sent}");
    approve(&mut world, binding);
    let sent = kinds(&world.sent_to_server());
    assert!(sent.contains('E') && sent.ends_with('S'), "{sent}");
    assert!(kinds(&world.sent_to_client()).ends_with("CZ"), "{}", kinds(&world.sent_to_client()));
}

#[test]
fn without_waiting_it_fails_at_once_and_goes_through_once_approved() {
    let mut world = world();
    world.client(&query("set connect.wait = off"));
    world.events.clear();
    let binding = held(&mut world, &query("delete from orders"));
    let said = text(&world.sent_to_client());
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
    assert!(said.contains("42501") && said.contains(&request().to_string()), "{said}");
    assert!(world.events.contains(&Event::HoldOver(HoldEnd::Keep)), "the request stays");
    world.events.clear();
    world.on_hold = Some(approves(binding));
    world.client(&query("delete from orders"));
    assert!(text(&world.sent_to_server()).contains("delete from orders"));
    world.events.clear();
    world.client(&query("delete from orders"));
    assert!(!text(&world.sent_to_server()).contains("delete"), "a replay");
}

#[test]
fn a_cancelled_statement_fails_as_a_cancelled_one_and_takes_its_request_back() {
    let mut world = world();
    held(&mut world, &query("delete from orders"));
    world.input(Input::Cancelled);
    assert!(world.events.contains(&Event::HoldOver(HoldEnd::Withdraw)));
    assert_eq!(kinds(&world.sent_to_client()), "NEZ");
    assert!(text(&world.sent_to_client()).contains("57014"));
    world.events.clear();
    world.client(&query("select id from orders"));
    assert!(kinds(&world.sent_to_client()).ends_with("CZ"), "the connection goes on");
}

#[test]
fn a_cancel_without_anything_that_waits_is_nothing() {
    let mut world = world();
    world.input(Input::Cancelled);
    assert!(world.events.is_empty());
}

#[test]
fn a_rejected_statement_says_who_and_why() {
    let mut world = world();
    held(&mut world, &query("drop table orders"));
    let rejected = HoldNews::Rejected { by: "li@example.com".into(), reason: Some("not today".into()) };
    world.input(Input::Hold(rejected));
    let said = text(&world.sent_to_client());
    assert!(
        said.contains("li@example.com") && said.contains("not today") && said.contains("42501"),
        "{said}"
    );
    assert!(!text(&world.sent_to_server()).contains("drop"));
    let denials = world.entries().into_iter().filter(|entry| matches!(entry, Entry::Denial(_))).count();
    assert_eq!(denials, 1);
}

#[test]
fn it_waits_no_longer_than_it_may() {
    let mut world = world();
    held(&mut world, &query("drop table orders"));
    let (until, _) = world.machine.deadline().expect("it has an end");
    world.machine.handle(until - Duration::from_secs(1), Input::Tick);
    world.carry_out();
    assert_eq!(kinds(&world.sent_to_client()), "N");
    world.machine.handle(until, Input::Tick);
    world.carry_out();
    assert!(world.events.contains(&Event::HoldOver(HoldEnd::Keep)));
    assert_eq!(kinds(&world.sent_to_client()), "NEZ");
    assert!(until > Instant::now());
}

#[test]
fn without_a_store_nothing_that_is_held_runs() {
    let mut world = world();
    world.on_hold = Some(Box::new(|_| vec![HoldNews::Unavailable("the agent cannot ask".into())]));
    world.client(&query("drop table orders"));
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
    assert!(!text(&world.sent_to_server()).contains("drop"));
}

#[test]
fn a_denial_further_on_beats_a_hold() {
    let mut world = world();
    world.on_hold = Some(asks());
    world.client(&query("drop table orders; copy orders to '/tmp/x'"));
    assert!(holds(&world).is_empty(), "nobody is asked for what is denied anyway");
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
}

#[test]
fn an_end_while_it_waits_ends_it() {
    let mut world = world();
    held(&mut world, &query("drop table orders"));
    let ending =
        Ending { code: "revoked".into(), sqlstate: "57P01", message: "it is over".into(), hint: None };
    world.input(Input::End(ending));
    world.input(Input::Hold(HoldNews::Approved));
    assert!(!text(&world.sent_to_server()).contains("drop"));
    assert!(matches!(world.events.last(), Some(Event::Finished(_))));
}

#[test]
fn a_client_that_waits_is_heard_leaving() {
    let mut world = world();
    held(&mut world, &query("drop table orders"));
    assert!(world.machine.appetite().client);
    world.client(&query(&" ".repeat(70_000)));
    assert!(!world.machine.appetite().client, "but it cannot fill the memory");
    world.input(Input::ClientClosed);
    assert!(matches!(world.events.last(), Some(Event::Finished(_))));
}

#[test]
fn splitting_the_input_changes_nothing_of_a_hold() {
    let conversation = [
        startup(&[("user", "anyone"), ("database", "shop")]),
        query("select id from orders"),
        query("delete from orders"),
        query("select id from orders"),
    ]
    .concat();
    let play = |size: usize| {
        let mut world = World::approved_by(Disk::AtOnce, &["data-oncall"]);
        world.on_hold = Some(Box::new(|ask| vec![HoldNews::Asked(request()), taken(ask)]));
        for piece in conversation.chunks(size) {
            world.client(piece);
        }
        (world.sent_to_client(), world.sent_to_server())
    };
    let whole = play(conversation.len());
    assert!(text(&whole.1).contains("delete from orders"));
    for size in 1..=40 {
        assert_eq!(play(size), whole, "pieces of {size}");
    }
}
