//! The rules about order: decision, record, forward, release, account.

use connect_shared::entry::{Entry, StatementResult};

use super::world::{CANARY, Disk, Event, World, extended, kinds, message, query, startup, sync};
use crate::machine::{Appetite, Ending, Input, Machine};

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_client_is_welcomed_with_the_agents_own_cancel_key() {
    let mut world = World::new(Disk::AtOnce);
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    assert_eq!(kinds(&world.sent_to_client()), "RSKZ");
}

#[test]
fn another_database_than_the_resource_is_refused_with_a_hint() {
    let mut world = World::new(Disk::AtOnce);
    world.client(&startup(&[("user", "anyone"), ("database", "postgres")]));
    let sent = text(&world.sent_to_client());
    assert!(sent.contains("3D000") && sent.contains("dbname=shop"), "{sent}");
    assert!(matches!(world.events.last(), Some(Event::Finished(_))));
}

#[test]
fn a_server_that_reads_other_tokens_is_not_spoken_through() {
    let mut world = World::new(Disk::AtOnce);
    let off = (&b"standard_conforming_strings"[..], &b"off"[..]);
    world.parameters.push((off.0.into(), off.1.into()));
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    assert!(text(&world.sent_to_client()).contains("standard_conforming_strings"));
    assert!(matches!(world.events.last(), Some(Event::Finished(_))));
}

#[test]
fn replication_is_refused() {
    let mut world = World::new(Disk::AtOnce);
    world.client(&startup(&[("user", "a"), ("database", "shop"), ("replication", "database")]));
    assert!(text(&world.sent_to_client()).contains("replication"));
    assert!(world.sent_to_server().is_empty());
}

#[test]
fn bytes_behind_an_encryption_request_are_never_believed() {
    let mut world = World::new(Disk::AtOnce);
    let request = [&[0, 0, 0, 8, 4, 210, 22, 47][..], &startup(&[("user", "eve")])].concat();
    world.client(&request);
    assert!(matches!(world.events.last(), Some(Event::Finished(code)) if code == "client_violation"));
}

#[test]
fn a_read_is_sent_at_once_and_its_rows_wait_for_the_disk() {
    let mut world = World::ready(Disk::WhenTold);
    world.client(&query("select id from orders"));
    assert!(contains(&world.sent_to_server(), "select id from orders"));
    assert!(world.sent_to_client().is_empty(), "a byte left before its record was durable");
    world.durable();
    assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ");
}

#[test]
fn a_write_is_not_sent_before_its_record_is_durable() {
    let mut world = World::ready(Disk::WhenTold);
    world.client(&query("insert into orders values (1)"));
    assert!(world.sent_to_server().is_empty(), "a write overtook its record");
    assert!(matches!(world.entries()[..], [Entry::Intent(_)]));
    world.durable();
    assert!(contains(&world.sent_to_server(), "insert into orders"));
    assert_eq!(kinds(&world.sent_to_client()), "CZ");
}

#[test]
fn while_a_write_waits_the_client_is_not_read() {
    let mut world = World::ready(Disk::WhenTold);
    world.client(&query("insert into orders values (1)"));
    assert_eq!(world.machine.appetite(), Appetite { client: false, server: true });
    world.durable();
    assert_eq!(world.machine.appetite(), Appetite { client: true, server: true });
}

#[test]
fn the_outcome_is_appended_before_completion_is_relayed() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("select id from orders"));
    let outcome = world
        .events
        .iter()
        .position(|event| matches!(event, Event::Record(entry) if matches!(**entry, Entry::Outcome(_))));
    let completion = world
        .events
        .iter()
        .position(|event| matches!(event, Event::Client(bytes) if kinds(bytes).contains('C')));
    assert!(outcome.expect("an outcome") < completion.expect("a completion"));
}

#[test]
fn every_intent_has_one_outcome_with_its_rows() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("select id from orders"));
    world.client(&[extended("select id from orders"), sync()].concat());
    let entries = world.entries();
    let intents = entries.iter().filter(|entry| matches!(entry, Entry::Intent(_))).count();
    let rows: Vec<u64> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Outcome(outcome) => Some(outcome.rows),
            _ => None,
        })
        .collect();
    assert_eq!((intents, rows), (2, vec![3, 3]));
}

#[test]
fn a_denied_query_never_reaches_the_server_and_fails_there_by_construction() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("delete from orders"));
    assert!(!contains(&world.sent_to_server(), "orders"));
    assert_eq!(kinds(&world.sent_to_server()), "Q");
    let sent = world.sent_to_client();
    assert_eq!(kinds(&sent), "EZ");
    assert!(text(&sent).contains("denied by connect: unbounded_write"), "{}", text(&sent));
    assert!(matches!(world.entries()[..], [Entry::Denial(_)]));
}

#[test]
fn a_denial_is_durable_before_its_error_is_returned() {
    let mut world = World::ready(Disk::WhenTold);
    world.client(&query("delete from orders"));
    assert!(world.sent_to_client().is_empty());
    world.durable();
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
}

#[test]
fn after_a_denied_parse_everything_is_dropped_up_to_sync() {
    let mut world = World::ready(Disk::AtOnce);
    let pipeline = [extended("delete from orders"), extended("select id from orders"), sync()].concat();
    world.client(&pipeline);
    assert_eq!(kinds(&world.sent_to_server()), "PS");
    assert!(!contains(&world.sent_to_server(), "orders"));
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
    world.client(&[extended("select id from orders"), sync()].concat());
    assert!(kinds(&world.sent_to_client()).ends_with("12DDDCZ"));
}

#[test]
fn protected_values_leave_only_as_masks_in_both_protocols() {
    for bytes in [
        query("select id, email from customers"),
        [extended("select id, email from customers"), sync()].concat(),
    ] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&bytes);
        let sent = world.sent_to_client();
        assert_eq!(kinds(&sent).matches('D').count(), 3, "{}", text(&sent));
        assert!(!contains(&sent, CANARY), "{}", text(&sent));
        let masked = world.entries().iter().any(
            |entry| matches!(entry, Entry::Outcome(outcome) if outcome.masked == ["public.customers.email"]),
        );
        assert!(masked, "the outcome names what was masked");
    }
}

#[test]
fn a_client_that_does_not_describe_gets_masks_all_the_same() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[extended("select id, email from customers"), sync()].concat());
    // The agent asked for the description itself, of the portal, and kept the answer.
    assert_eq!(kinds(&world.sent_to_server()), "PBDES");
    assert_eq!(kinds(&world.sent_to_client()), "12DDDCZ");
}

#[test]
fn errors_of_statements_that_reach_protected_data_quote_nothing() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("select id, email from customers where id = 1/0"));
    let sent = world.sent_to_client();
    assert!(!contains(&sent, CANARY), "{}", text(&sent));
    assert!(text(&sent).contains("22012"));
}

#[test]
fn a_failed_statement_skips_and_accounts_for_what_stood_behind_it() {
    let mut world = World::ready(Disk::AtOnce);
    let pipeline =
        [extended("select id from orders where id = 1/0"), extended("select id from orders"), sync()];
    world.client(&pipeline.concat());
    let results: Vec<_> = world
        .entries()
        .iter()
        .filter_map(|entry| match entry {
            Entry::Outcome(outcome) => Some(outcome.result.clone()),
            _ => None,
        })
        .collect();
    assert!(results.contains(&StatementResult::Failed("22012".to_owned())), "{results:?}");
    assert!(kinds(&world.sent_to_client()).ends_with("EZ"));
}

#[test]
fn after_a_revocation_nothing_goes_to_the_server() {
    let mut world = World::ready(Disk::AtOnce);
    let ending = Ending {
        code: "grant_expired".to_owned(),
        sqlstate: "57P01",
        message: "the grant is over".to_owned(),
        hint: None,
    };
    world.input(Input::End(ending));
    world.client(&query("select id from orders"));
    assert!(world.sent_to_server().is_empty());
    assert!(text(&world.sent_to_client()).contains("the grant is over"));
}

#[test]
fn when_the_log_is_closed_nothing_runs_and_nothing_leaves() {
    let mut world = World::ready(Disk::WhenTold);
    world.client(&query("select id from orders"));
    world.input(Input::RecordFailed);
    world.durable();
    let sent = world.sent_to_client();
    assert_eq!(kinds(&sent), "E");
    assert!(text(&sent).contains("58030"));
    world.client(&query("select id from orders"));
    assert_eq!(kinds(&world.sent_to_server()), "Q");
}

#[test]
fn an_unknown_message_type_or_length_ends_the_connection_with_a_protocol_error() {
    for bytes in [vec![b'!', 0, 0, 0, 4], vec![b'Q', 0, 0, 0, 3], vec![b'Q', 0xff, 0xff, 0xff, 0xff]] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&bytes);
        assert!(text(&world.sent_to_client()).contains("08P01"));
        assert!(world.sent_to_server().is_empty());
    }
}

#[test]
fn a_mistake_of_syntax_is_told_in_the_servers_words_and_never_runs() {
    for wrong in ["selec 1", "select 1 from", "select 'x", "select /* x", "select 1; selec 2"] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query(wrong));
        let asked = world.sent_to_server();
        assert_eq!(kinds(&asked), "Q");
        assert!(asked.ends_with(b"\n\\\0"), "it fails by construction: {}", text(&asked));
        let heard = world.sent_to_client();
        assert_eq!(kinds(&heard), "EZ");
        assert!(text(&heard).contains("42601"));
        assert!(!text(&heard).contains("denied by connect"));
    }
}

#[test]
fn a_mistake_that_the_server_does_not_find_is_told_in_our_words() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("select 1 from"));
    // The scripted server has another message than a real one.
    let heard = text(&world.sent_to_client());
    assert!(heard.contains("syntax error at end of input\0P14\0"), "{heard}");
}

#[test]
fn behind_the_servers_last_words_nothing_is_said() {
    let mut world = World::ready(Disk::AtOnce);
    let fatal = message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0");
    world.input(Input::Server(bytes::Bytes::from(fatal)));
    world.input(Input::ServerClosed);
    assert_eq!(kinds(&world.sent_to_client()), "E");
    assert!(matches!(world.events.last(), Some(Event::Finished(code)) if code == "upstream_closed"));
}

#[test]
fn a_function_call_is_denied_like_a_query() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&message(b'F', b"\0\0\0\x01\0\0\0\0\0\0"));
    assert_eq!(kinds(&world.sent_to_client()), "EZ");
    assert_eq!(kinds(&world.sent_to_server()), "Q");
}

#[test]
fn a_text_over_the_limit_is_denied_without_being_kept() {
    let mut world = World::ready(Disk::AtOnce);
    let long = format!("select '{}'", "x".repeat(2 << 20));
    for piece in query(&long).chunks(64 * 1024) {
        world.client(piece);
    }
    assert!(text(&world.sent_to_client()).contains("54000"));
    world.client(&query("select id from orders"));
    assert!(kinds(&world.sent_to_client()).ends_with("TDDDCZ"));
}

#[test]
fn a_statement_cannot_ride_on_an_uncommitted_rename() {
    let mut world = World::ready(Disk::AtOnce);
    // Both in one pipeline: no answer, and so no snapshot, stands between them.
    let pipeline = [
        extended("alter table customers rename email to note"),
        extended("select upper(note) from customers"),
        sync(),
    ];
    world.client(&pipeline.concat());
    assert!(!contains(&world.sent_to_server(), "upper"), "{}", text(&world.sent_to_server()));
}
