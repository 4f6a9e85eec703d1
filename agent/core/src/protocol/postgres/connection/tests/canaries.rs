//! What must never leave: neither does what it stands in, by whatever message, and that is the end.

use std::sync::Arc;

use bytes::Bytes;
use connect_shared::{
    entry::{Entry, StatementResult},
    ids::RequestId,
};

use super::world::{CANARY, Disk, Event, World, extended, kinds, message, query, startup, sync};
use crate::{
    budget::{
        LookupBudget,
        actors::{ActorLimits, Amounts},
    },
    canary::{Canaries, Canary},
    decide::Policies,
    machine::{HoldNews, Input},
    principal::Principal,
    protocol::postgres::connection::Setup,
};

fn world() -> World {
    world_with(|_| ())
}

fn world_with(change: impl FnOnce(&mut Setup)) -> World {
    let canary = Canary { name: "customer zero".into(), value: CANARY.into() };
    let canaries = Canaries::new(&[canary]).expect("it can be looked for");
    let mut world = World::with(Disk::AtOnce, &[], Policies::default_set(), |setup| {
        setup.canaries = canaries;
        change(setup);
    });
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world
}

fn said(world: &World) -> String {
    String::from_utf8_lossy(&world.sent_to_client()).into_owned()
}

/// Nothing of the value has left, the alarm is in the log before anything is done about it, and it is over.
#[track_caller]
fn is_the_end(world: &World, of_a_statement: bool) {
    let said = said(world);
    // A piece of it would be as bad.
    assert!(!said.contains(&CANARY[..8]), "{said}");
    assert_eq!(world.alarms, ["customer zero"]);
    assert_eq!(world.events.last(), Some(&Event::Finished("canary".into())));
    let entries = world.entries();
    let seen: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::CanarySeen { canary, statement, .. } => Some((canary.as_str(), statement.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(seen, [("customer zero", of_a_statement)]);
    let text = serde_json::to_string(&entries).expect("JSON");
    assert!(!text.contains(&CANARY[..8]), "{text}");
    if of_a_statement {
        let cut = entries.iter().any(|entry| {
            matches!(entry, Entry::Outcome(outcome) if outcome.result == StatementResult::Cut("canary".into()))
        });
        assert!(cut, "{text}");
    }
}

#[test]
fn a_row_with_it_does_not_leave_in_whatever_pieces_the_server_sends_it() {
    for padding in [0, 30, 20_000, 1_100_000] {
        for pieces in [None, Some(1), Some(7), Some(4_096)] {
            if pieces.is_some_and(|pieces| padding / pieces > 4_000) {
                continue;
            }
            for leaks in 1..=3 {
                for extended_protocol in [false, true] {
                    let mut world = world();
                    world.peer.leaks = Some(leaks);
                    world.peer.padding = padding;
                    world.peer.pieces = pieces;
                    let text = "select id from orders";
                    let message =
                        if extended_protocol { [extended(text), sync()].concat() } else { query(text) };
                    world.client(&message);
                    is_the_end(&world, true);
                    // Where a part of the row is out, nothing can be said behind it.
                    let is_told = said(&world).contains("must never leave");
                    assert!(is_told || padding > 1_000_000, "{padding} {pieces:?}");
                }
            }
        }
    }
}

#[test]
fn rows_without_it_are_as_ever() {
    let mut world = world();
    world.peer.pieces = Some(3);
    world.client(&query("select id from orders"));
    world.client(&[extended("select id from orders"), sync()].concat());
    assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ12DDDCZ");
    assert!(world.alarms.is_empty());
}

#[test]
fn its_mask_may_leave() {
    let mut world = world();
    world.client(&query("select id, email from customers"));
    assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ");
    assert!(world.alarms.is_empty());
}

#[test]
fn a_copy_with_it_ends_before_its_row() {
    for padding in [0, 100, 10_000] {
        for pieces in [None, Some(5), Some(1_000)] {
            let mut world = world();
            world.peer.pieces = pieces;
            world.peer.padding = padding;
            world.client(&query("copy orders to stdout"));
            is_the_end(&world, true);
            assert!(said(&world).contains("harmless"), "what came before has left");
        }
    }
}

#[test]
fn an_error_with_it_does_not_leave() {
    let mut world = world();
    world.client(&query("select 1/0"));
    is_the_end(&world, false);
    assert!(said(&world).contains("must never leave"));
}

#[test]
fn behind_the_alarm_nothing_is_sent_either_way() {
    let mut world = world();
    world.peer.leaks = Some(2);
    world.client(&query("select id from orders"));
    world.events.clear();
    world.client(&query("select id from orders"));
    assert!(world.events.is_empty(), "{:?}", world.events);
}

#[test]
fn it_is_told_also_where_the_server_breaks_the_protocol_right_behind_it() {
    let value = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let row = message(b'D', &[&b"\0\x02"[..], &value(CANARY), &value("a@example.com")].concat());
    let no_row = message(b'D', b"\0\x02");
    for behind in [no_row, message(b'V', b""), b"T\0\0\0\x03".to_vec()] {
        let mut world = world();
        world.held = Some(Vec::new());
        world.client(&query("select id, email from customers"));
        let honest = world.held.replace(Vec::new()).unwrap_or_default();
        let description = honest.iter().skip(1).position(|byte| *byte == b'D').expect("rows") + 1;
        let says = [&honest[..description], &row, &behind].concat();
        world.input(Input::Server(Bytes::from(says)));
        is_the_end(&world, true);
        assert!(said(&world).contains("must never leave"));
    }
}

#[test]
fn it_is_told_also_where_the_budget_of_an_ai_agent_ends_with_it() {
    let hour = Amounts { bytes: 20, ..Amounts::ALL };
    let limits = ActorLimits { hour, day: Amounts::ALL, task: Amounts::ALL };
    let mut world = world_with(|setup| {
        let mut principal = Principal::clone(&setup.facts.principal);
        principal.reference.actor = Some("bot".into());
        setup.facts.principal = Arc::new(principal);
        setup.lookups = Arc::new(LookupBudget::with(limits));
    });
    world.peer.leaks = Some(1);
    world.client(&query("select id from orders"));
    is_the_end(&world, true);
    assert!(said(&world).contains("must never leave"));
}

#[test]
fn somebody_elses_words_are_no_result() {
    let canary = Canary { name: "customer zero".into(), value: CANARY.into() };
    let canaries = Canaries::new(&[canary]).expect("it can be looked for");
    let mut world = World::with(Disk::AtOnce, &["data-oncall"], Policies::default_set(), |setup| {
        setup.canaries = canaries;
    });
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.on_hold = Some(Box::new(|_| vec![HoldNews::Asked(RequestId::from_random([8; 16]))]));
    world.events.clear();
    world.client(&query("drop table orders"));
    let reason = Some(format!("not for {CANARY}"));
    world.input(Input::Hold(HoldNews::Rejected { by: "li@example.com".into(), reason }));
    let told = said(&world);
    assert!(told.contains("li@example.com has rejected it") && !told.contains(&CANARY[..8]), "{told}");
    assert!(world.alarms.is_empty());
    world.events.clear();
    world.client(&query("select id from orders"));
    assert!(kinds(&world.sent_to_client()).ends_with("CZ"), "the connection goes on");
}
