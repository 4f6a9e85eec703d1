//! Limits of policies: whoever breaks one gets an error, and nothing else has happened.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_shared::entry::{Entry, StatementResult};

use super::world::{Disk, World, extended, kinds, query, startup, sync};
use crate::{
    decide::{DEFAULT_POLICY, Policies},
    machine::{Deadline, Input, Machine as _},
    usage::Usage,
};

/// The default, with these annotations on all that reads and writes.
fn policies(annotations: &str) -> Arc<Policies> {
    let text = DEFAULT_POLICY
        .replacen("@id(\"default/read\")", &format!("@id(\"default/read\") {annotations}"), 1)
        .replacen("@id(\"default/write\")", &format!("@id(\"default/write\") {annotations}"), 1);
    Arc::new(Policies::load(&text).expect("a good set"))
}

fn beside(annotations: &str, usage: &Arc<Usage>) -> World {
    let mut world = World::under(Disk::AtOnce, &[], policies(annotations), Arc::clone(usage));
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world
}

fn world(annotations: &str) -> World {
    beside(annotations, &Arc::default())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the client heard and the server was asked since the last time.
fn heard(world: &mut World) -> (String, String, String) {
    let (client, server) = (world.sent_to_client(), world.sent_to_server());
    world.events.clear();
    (kinds(&client), text(&client), text(&server))
}

fn results(world: &World) -> Vec<StatementResult> {
    let results = world.entries().into_iter().filter_map(|entry| match entry {
        Entry::Outcome(outcome) => Some(outcome.result.clone()),
        _ => None,
    });
    results.collect()
}

fn cut(code: &str) -> StatementResult {
    StatementResult::Cut(code.to_owned())
}

#[test]
fn what_stays_within_its_limits_is_as_without_them() {
    let all = "@limit_rows(\"3\") @limit_change(\"3\") @limit_time(\"1h\") @limit_rows_hour(\"99\")";
    let mut world = world(all);
    world.client(&query("select id from orders"));
    assert_eq!(heard(&mut world).0, "TDDDCZ");
    world.client(&[extended("select id from orders"), sync()].concat());
    assert_eq!(heard(&mut world).0, "12DDDCZ");
    world.client(&query("insert into orders values (1)"));
    let (kinds, _, server) = heard(&mut world);
    assert_eq!(kinds, "CZ");
    assert!(server.contains("BEGIN") && server.contains("COMMIT"), "{server}");
    world.client(&[extended("insert into orders values (1)"), sync()].concat());
    assert_eq!(heard(&mut world).0, "12CZ");
    assert_eq!(world.cancels, 0);
}

#[test]
fn one_row_too_many_is_an_error_in_place_of_the_rows() {
    let mut world = world("@limit_rows(\"2\")");
    world.client(&query("select id from orders"));
    assert_eq!(results(&world), [cut("limit_rows")]);
    let (kinds, said, _) = heard(&mut world);
    assert_eq!(kinds, "TEZ");
    for part in ["54000", "a statement may give 2 rows", "default/read", "add a WHERE"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(world.cancels, 0, "the server was done already, and a cancel would meet what comes next");
    // The connection is of use.
    world.client(&query("insert into orders values (1)"));
    assert_eq!(heard(&mut world).0, "CZ");
}

#[test]
fn a_line_of_names_is_no_row() {
    let header = "copy orders to stdout with (format csv, header)";
    for (annotations, kinds) in [("@limit_rows(\"2\")", "HdddcCZ"), ("@limit_rows(\"1\")", "HddEZ")] {
        let mut world = world(annotations);
        world.client(&query(header));
        assert_eq!(heard(&mut world).0, kinds);
    }
}

#[test]
fn what_an_error_or_notice_quotes_counts_as_bytes() {
    for (text, loud, kinds) in [
        ("select 1/0 from orders", 100, "EZ"),
        ("select id from orders where 'raises' = ''", 100, "NTDDDCZ"),
        ("select id from orders where 'raises' = ''", 9_000, "EZ"),
    ] {
        let usage = Arc::default();
        let mut world = beside("@limit_bytes_hour(\"8KiB\")", &usage);
        world.peer.loud = loud;
        world.client(&query(text));
        let (heard, said, _) = heard(&mut world);
        assert_eq!((heard.as_str(), said.len() < 2_000), (kinds, true), "{text} {loud}");
    }
    let mut world = world("@limit_bytes_hour(\"8KiB\")");
    world.peer.loud = 9_000;
    world.client(&query("select 1/0 from orders"));
    assert!(matches!(results(&world)[..], [StatementResult::Cut(_)]));
    let (kinds, said, _) = heard(&mut world);
    assert_eq!(kinds, "EZ");
    assert!(said.contains("default/read") && !said.contains("xxx"), "{said}");
}

#[test]
fn a_server_that_is_not_done_need_not_go_on() {
    let mut world = world("@limit_rows(\"2\")");
    world.held = Some(Vec::new());
    world.client(&query("select id from orders"));
    let answer = world.held.take().unwrap_or_default();
    let completion = answer.len() - "C....SELECT 3.Z.....".len();
    for (piece, cancels) in [(&answer[..completion], 1), (&answer[completion..], 1)] {
        world.machine.handle(Instant::now(), Input::Server(Bytes::copy_from_slice(piece)));
        world.carry_out();
        assert_eq!(world.cancels, cancels);
    }
    assert_eq!(results(&world), [cut("limit_rows")]);
}

#[test]
fn a_request_to_cancel_meets_nothing_but_what_it_is_meant_for() {
    let mut world = world("@limit_time(\"2s\")");
    (world.held, world.cancels_take_long) = (Some(Vec::new()), true);
    world.client(&query("select id from orders"));
    let (late, _) = world.machine.deadline().expect("a deadline");
    world.machine.handle(late, Input::Tick);
    world.carry_out();
    // The server was done meanwhile, and the request is still on its way.
    world.release();
    assert_eq!(results(&world), [cut("limit_time")]);
    world.events.clear();
    world.client(&query("insert into orders values (1)"));
    assert!(world.sent_to_server().is_empty(), "it would be cancelled");
    world.machine.handle(Instant::now(), Input::CancelOver);
    world.carry_out();
    assert_eq!(heard(&mut world).0, "CZ");
}

#[test]
fn a_row_limit_aborts_the_clients_transaction() {
    let mut world = world("@limit_rows(\"2\")");
    world.client(&query("begin"));
    world.events.clear();
    world.client(&query("select id from orders"));
    let client = world.sent_to_client();
    assert_eq!(kinds(&client), "TEZ");
    assert!(client.ends_with(b"E"), "the transaction has failed");
}

#[test]
fn too_many_changed_rows_are_rolled_back_before_the_client_hears_of_them() {
    let mut world = world("@limit_change(\"5\")");
    world.peer.changes = 6;
    world.client(&query("update orders set id = 1 where id = 2"));
    assert_eq!(results(&world), [cut("limit_change")]);
    let client = world.sent_to_client();
    assert!(client.ends_with(b"I"), "no transaction is left open");
    let (kinds, said, server) = heard(&mut world);
    assert_eq!(kinds, "EZ");
    assert!(said.contains("this one would change 6; it changed none"), "{said}");
    assert!(server.contains("ROLLBACK") && !server.contains("COMMIT"), "{server}");
}

#[test]
fn a_change_in_a_transaction_of_the_client_fails_that() {
    let mut world = world("@limit_change(\"5\")");
    world.client(&query("begin"));
    world.peer.changes = 6;
    world.events.clear();
    world.client(&[query("update orders set id = 1 where id = 2"), query("commit")].concat());
    let client = world.sent_to_client();
    let (kinds, said, server) = heard(&mut world);
    assert_eq!(kinds, "EZCZ");
    assert!(said.contains("limit_change"), "{said}");
    let failed = server.find("denied by connect").expect("the server fails");
    assert!(failed < server.find("commit").expect("the client's own"), "{server}");
    assert!(client.ends_with(b"I"));
}

#[test]
fn a_pipeline_is_skipped_behind_a_broken_limit() {
    let mut world = world("@limit_change(\"5\")");
    world.peer.changes = 6;
    let pipeline = [
        extended("update orders set id = 1 where id = 2"),
        extended("insert into orders values (7)"),
        sync(),
    ];
    world.client(&pipeline.concat());
    assert_eq!(results(&world), [cut("limit_change")]);
    let (kinds, _, server) = heard(&mut world);
    assert_eq!(kinds, "12EZ");
    assert!(!server.contains("values (7)"), "what is behind it was never sent: {server}");
    world.peer.changes = 1;
    world.client(&[extended("insert into orders values (7)"), sync()].concat());
    assert_eq!(heard(&mut world).0, "12CZ");
}

#[test]
fn a_constraint_that_fails_at_the_end_is_told_in_place_of_the_completion() {
    let mut world = world("@limit_change(\"5\")");
    world.peer.deferred = true;
    world.client(&query("insert into orders values (1)"));
    let (kinds, said, _) = heard(&mut world);
    assert_eq!(kinds, "EZ");
    assert!(said.contains("23503"), "{said}");
}

#[test]
fn changes_that_nobody_can_count_are_denied_where_they_are_limited() {
    let mut world = world("@limit_change(\"5\")");
    for uncounted in [
        "with d as (delete from orders where id = 1 returning id) select count(*) from d",
        "with d as (delete from orders where id = 1 returning id) insert into orders values (1)",
        "explain analyze delete from orders where id = 1",
        "copy (delete from orders where id = 1 returning id) to stdout",
        "begin; update orders set id = 1 where id = 2; commit",
    ] {
        world.client(&query(uncounted));
        let (kinds, said, server) = heard(&mut world);
        assert_eq!(kinds, "EZ", "{uncounted}");
        assert!(said.contains("limit_change"), "{uncounted}: {said}");
        assert!(!server.contains("orders"), "{uncounted}: {server}");
    }
    let upsert = "insert into orders values (1) on conflict do nothing";
    world.client(&query(upsert));
    assert_eq!(heard(&mut world).0, "CZ");
}

#[test]
fn all_connections_of_a_principal_share_an_hour() {
    let usage = Arc::default();
    let limit = "@limit_rows_hour(\"7\")";
    let (mut one, mut two) = (beside(limit, &usage), beside(limit, &usage));
    one.client(&query("select id from orders"));
    two.client(&query("select id from orders"));
    assert_eq!((heard(&mut one).0.as_str(), heard(&mut two).0.as_str()), ("TDDDCZ", "TDDDCZ"));
    one.client(&query("select id from orders"));
    let (kinds, said, _) = heard(&mut one);
    assert_eq!(kinds, "TEZ", "six are given, and three more would be nine");
    assert!(said.contains("within an hour you may have 7 rows"), "{said}");
    let mut third = beside(limit, &usage);
    third.client(&query("insert into orders values (1)"));
    assert_eq!(heard(&mut third).0, "CZ", "what is given no rows goes on");
}

#[test]
fn whoever_has_used_up_an_hour_begins_nothing() {
    let mut world = world("@limit_rows_hour(\"3\")");
    world.client(&query("select id from orders"));
    world.events.clear();
    world.client(&query("select id from orders"));
    assert!(matches!(world.entries()[..], [Entry::Denial(_)]), "{:?}", world.entries());
    let (kinds, _, server) = heard(&mut world);
    assert_eq!(kinds, "EZ");
    assert!(!server.contains("orders"), "{server}");
}

#[test]
fn a_statement_that_runs_too_long_is_ended() {
    let mut world = world("@limit_time(\"2s\")");
    world.held = Some(Vec::new());
    world.client(&query("select id from orders"));
    let (late, why) = world.machine.deadline().expect("a deadline");
    assert_eq!(why, Deadline::Statement);
    world.machine.handle(late - Duration::from_millis(1), Input::Tick);
    world.carry_out();
    assert_eq!(world.cancels, 0);
    world.machine.handle(late, Input::Tick);
    world.carry_out();
    assert_eq!(world.cancels, 1);
    assert!(world.machine.deadline().is_none(), "once");
    world.release();
    assert_eq!(results(&world), [cut("limit_time")]);
    let (kinds, said, _) = heard(&mut world);
    assert_eq!(kinds, "EZ", "the server had its answer, and nothing of it is shown");
    assert!(said.contains("57014") && said.contains("2 seconds"), "{said}");
}

#[test]
fn limits_hold_however_the_server_splits_its_answer() {
    for pieces in 1..40 {
        let mut world = world("@limit_rows(\"2\") @limit_change(\"5\")");
        world.peer.pieces = Some(pieces);
        world.client(&query("select id from orders"));
        let (kinds, said, _) = heard(&mut world);
        assert!(kinds.ends_with("EZ") && kinds.matches('D').count() <= 2, "{pieces}: {kinds}");
        assert!(said.contains("limit_rows"));
        world.peer.changes = 6;
        world.client(&query("update orders set id = 1 where id = 2"));
        assert_eq!(heard(&mut world).0, "EZ", "{pieces}");
    }
}

#[test]
fn a_client_is_heard_while_what_has_limits_runs_and_its_end_is_its_end() {
    let mut world = world("@limit_change(\"5\")");
    world.held = Some(Vec::new());
    world.client(&[extended("insert into orders values (1)"), sync()].concat());
    assert!(world.machine.appetite().client);
    assert!(!text(&world.sent_to_server()).contains("COMMIT"));
    world.input(Input::ClientClosed);
    assert_eq!(results(&world), [StatementResult::Unknown]);
    let _at_rest = Instant::now();
}

#[test]
fn the_strictest_limit_counts_whichever_policy_it_is_of() {
    let more = "@id(\"small\") @limit_rows(\"2\") permit (principal, action == Action::\"read\", resource);";
    let text = format!(
        "{}\n{more}",
        DEFAULT_POLICY.replacen("@id(\"default/read\")", "@id(\"default/read\") @limit_rows(\"100\")", 1)
    );
    let policies = Arc::new(Policies::load(&text).expect("a good set"));
    let mut world = World::under(Disk::AtOnce, &[], policies, Arc::default());
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.client(&query("select id from orders"));
    let said = heard(&mut world).1;
    assert!(said.contains("rule small"), "{said}");
}

#[test]
fn annotations_that_say_nothing_are_refused() {
    for (annotation, said) in [
        ("@limit_rows(\"0\")", "10_000"),
        ("@limit_rows(\"many\")", "10_000"),
        ("@limit_rows(\"-1\")", "10_000"),
        ("@limit_time(\"30\")", "30s"),
        ("@limit_bytes_hour(\"1GB\")", "1GiB"),
        ("@limit_change(\"99999999999999999999\")", "1_000"),
        ("@limit_rows(\"5\") @shadow", "@shadow"),
    ] {
        let text =
            format!("@id(\"a\") {annotation} permit (principal, action == Action::\"read\", resource);");
        let problems = Policies::load(&text).expect_err(annotation);
        assert!(problems.iter().any(|problem| problem.message.contains(said)), "{annotation}: {problems:?}");
    }
    let forbid = "@id(\"a\") @limit_rows(\"5\") forbid (principal, action == Action::\"read\", resource);";
    assert!(Policies::load(forbid).is_err(), "a limit is for a permit");
}

#[test]
fn what_reads_nothing_takes_its_time_all_the_same() {
    let mut world = world("@limit_time(\"2s\") @limit_rows(\"9\")");
    world.client(&query("select pg_sleep(60)"));
    let Some(Entry::Intent(intent)) = world.entries().into_iter().next() else { panic!("no intent") };
    let outcome = format!("{:?}", intent.decision.outcome);
    assert!(outcome.contains("LimitTime"), "{outcome}");
    assert_eq!(heard(&mut world).0, "TDDDCZ");
}

#[test]
fn answers_are_asked_for_before_and_behind_what_has_limits() {
    let mut world = world("@limit_time(\"2s\")");
    world.client(&[extended("select id from orders"), sync()].concat());
    // The Describe in between is ours.
    assert_eq!(kinds(&world.sent_to_server()).replace('D', ""), "PBHEHS");
}

#[test]
fn persons_are_counted_once_in_all_sessions_and_those_beyond_do_not_leave() {
    let usage = Arc::default();
    let mut one = beside("@limit_persons_hour(\"3\")", &usage);
    one.peer.distinct = true;
    for _ in 0..3 {
        one.client(&query("select id, email from customers"));
        assert_eq!(heard(&mut one).0, "TDDDCZ", "the same three");
        one.client(&[extended("select id, email from customers"), sync()].concat());
        assert_eq!(heard(&mut one).0, "12DDDCZ");
    }
    // Another connection meets a fourth.
    let mut two = beside("@limit_persons_hour(\"3\")", &usage);
    for message in [
        query("select id, email from customers"),
        [extended("select id, email from customers"), sync()].concat(),
    ] {
        two.client(&message);
        let (kinds, said, _) = heard(&mut two);
        assert!(kinds.ends_with("EZ") && !kinds.contains('D'), "{kinds}");
        assert!(said.contains("limit_persons") && said.contains("54000"), "{said}");
        assert!(said.contains("3 different persons"), "{said}");
    }
    assert_eq!(two.cancels, 0, "the server was done already, and a cancel would meet what comes next");
    // What is about nobody goes on, and so do those who were met.
    two.client(&query("select id from orders"));
    assert_eq!(heard(&mut two).0, "TDDDCZ");
    two.peer.distinct = true;
    two.client(&query("select id, email from customers"));
    assert_eq!(heard(&mut two).0, "TDDDCZ");
    assert!(results(&two).is_empty(), "taken with the events");
}

#[test]
fn a_day_has_its_own_limit_and_nobody_looks_without_one() {
    let mut limited = world("@limit_persons_day(\"1\")");
    limited.peer.distinct = true;
    limited.client(&query("select id, email from customers"));
    assert!(heard(&mut limited).1.contains("limit_persons"));
    let mut free = world("@limit_rows(\"10\")");
    free.peer.distinct = true;
    free.client(&query("select id, email from customers"));
    assert_eq!(heard(&mut free).0, "TDDDCZ");
    assert!(free.machine.setup.usage.persons.is_empty());
}
