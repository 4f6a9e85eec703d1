//! FunctionCall: a function by its number is judged and recorded as a statement that calls it would be, and
//! answered as the server answers.

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    leaves,
    postgres::AGENT_USER,
    transcript::Transcript,
    wire::{Answer, Mode, Wire, framed},
    world::World,
};

/// A call with arguments in text.
fn message(function: u32, arguments: &[Option<&str>]) -> Vec<u8> {
    let mut body = function.to_be_bytes().to_vec();
    body.extend([0, 0]);
    body.extend(u16::try_from(arguments.len()).expect("few").to_be_bytes());
    for argument in arguments {
        let length = argument.map_or(-1, |text| i32::try_from(text.len()).expect("short"));
        body.extend(length.to_be_bytes());
        body.extend(argument.unwrap_or_default().as_bytes());
    }
    body.extend([0, 0]);
    framed(b'F', &body)
}

fn call(wire: &mut Wire, function: u32, arguments: &[Option<&str>]) -> Answer {
    wire.send(&message(function, arguments), 1)
}

fn value(answer: &Answer) -> Option<String> {
    let given = answer.messages.iter().find(|message| message.kind == b'V')?;
    given.body.get(4..).map(|value| String::from_utf8_lossy(value).into_owned())
}

const MD5: u32 = 2311;
const DIVIDE: u32 = 154;
const SET_CONFIG: u32 = 2078;
const CURRENT_SETTING: u32 = 2077;

#[test]
fn a_call_that_is_permitted_is_answered_as_the_server_answers() {
    let options = AgentOptions { bench_labels: "\"public.*\" = \"clear\"", ..AgentOptions::default() };
    let world = World::start_with(&options);
    world.postgres.admit(&format!(
        "hostnossl bench {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
    ));
    world.postgres.sql(
        "bench",
        &format!(
            "SET ROLE {AGENT_USER}; CREATE TABLE noted (what text); CREATE FUNCTION note(w text) RETURNS text \
             LANGUAGE sql AS 'INSERT INTO noted VALUES (w) RETURNING upper(what)'"
        ),
    );
    let noting = world.postgres.sql("bench", "SELECT 'note'::regproc::oid").trim().parse().expect("a number");
    let tunnel = world.person("li").open(BENCH);
    let ours = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
    let direct = Wire::open(world.postgres.port(), AGENT_USER, "bench").expect("a connection");
    let mut both = [ours, direct];
    let long = "X".repeat(300_000);
    let calls: &[(u32, &[Option<&str>])] = &[
        (MD5, &[Some("ABC it's \\ $1 Ä")]),
        (MD5, &[None]),
        (MD5, &[Some(&long)]),
        (DIVIDE, &[Some("7"), Some("2")]),
        (DIVIDE, &[Some("7"), Some("0")]),
        (DIVIDE, &[Some("7"), Some("x")]),
        (noting, &[Some("seen")]),
        (SET_CONFIG, &[Some("search_path"), Some("pg_catalog"), Some("f")]),
        (CURRENT_SETTING, &[Some("search_path")]),
    ];
    let mut transcripts = [Transcript::default(), Transcript::default()];
    for (function, arguments) in calls {
        let lines = [0, 1].map(|side| {
            let answer = call(&mut both[side], *function, arguments);
            transcripts[side].lines(&answer)
        });
        assert_eq!(lines[0], lines[1], "{function}({arguments:?})");
    }
    // In the middle of other things: in a transaction, in one that failed, behind a pipeline's Sync.
    for sql in ["BEGIN", "SELECT 1/0"] {
        let lines = [0, 1].map(|side| {
            let mut all = transcripts[side].lines(&both[side].ask(Mode::Simple, sql));
            all.extend(transcripts[side].lines(&call(&mut both[side], MD5, &[Some("A")])));
            all
        });
        assert_eq!(lines[0], lines[1], "{sql}");
    }
    let _over = both.each_mut().map(|wire| wire.ask(Mode::Simple, "ROLLBACK"));
    let many = [message(MD5, &[Some("A")]), message(DIVIDE, &[Some("1"), Some("0")]), message(MD5, &[None])];
    let lines = [0, 1].map(|side| transcripts[side].lines(&both[side].send(&many.concat(), 3)));
    assert_eq!(lines[0], lines[1]);
    // The search path that was set by a call counts for what follows.
    let shown = both[0].ask(Mode::Simple, "SELECT count(*) FROM noted");
    assert_eq!(shown.sqlstate().as_deref(), Some("42P01"));
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM noted"), "2");
}

#[test]
fn a_call_that_may_not_be_made_is_refused_with_a_reason_and_recorded() {
    let roles = "[[resource.role]]\nrole = \"analyst\"\nwho = [\"*\"]\n";
    let mut world = World::start_behind(|postgres| {
        postgres.sql("shop", &format!("CREATE ROLE analyst; GRANT analyst TO {AGENT_USER}"));
        postgres.sql(
            "shop",
            "CREATE FUNCTION mails() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM customers WHERE id = 1'",
        );
        AgentOptions { clear: roles, ..AgentOptions::default() }
    });
    let number = |name: &str| {
        let oid = world.postgres.sql("shop", &format!("SELECT '{name}'::regprocedure::oid"));
        oid.trim().parse::<u32>().expect("a number")
    };
    let tunnel = world.person("ana").open(SHOP);
    let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
    let refused: &[(u32, &[Option<&str>])] = &[
        (number("mails()"), &[]),
        (SET_CONFIG, &[Some("role"), Some("none"), Some("f")]),
        (SET_CONFIG, &[Some("connect_mask.pii.email"), Some("x"), Some("f")]),
        (CURRENT_SETTING, &[Some("connect_mask.pii.email")]),
        (number("pg_read_file(text)"), &[Some("/etc/passwd")]),
        (number("pg_terminate_backend(int, bigint)"), &[Some("1"), Some("0")]),
        (number("lo_creat(int)"), &[Some("-1")]),
        (number("query_to_xml(text, bool, bool, text)"), &[Some("SELECT 1"), Some("t"), Some("t"), Some("")]),
        (number("generate_series(int, int)"), &[Some("1"), Some("2")]),
        (number("array_append(anycompatiblearray, anycompatible)"), &[Some("{}"), Some("2")]),
        (4_000_000, &[]),
        (MD5, &[Some("A"), Some("B")]),
    ];
    for (function, arguments) in refused {
        let answer = call(&mut wire, *function, arguments);
        assert!(answer.error().is_some(), "{function}({arguments:?}): {:?}", answer.messages);
        assert!(answer.lost.is_none() && value(&answer).is_none());
    }
    let answer = call(&mut wire, MD5, &[Some("A")]);
    assert_eq!(
        value(&answer).as_deref(),
        Some("7fc56270e7a70fa81a5935b72eacbe29"),
        "it goes on: {:?}",
        answer.error().map(|e| e.text())
    );
    let who = wire.ask(Mode::Simple, "SELECT current_user").rows();
    assert_eq!(who, [[Some(b"analyst".to_vec())]]);
    drop(wire);
    world.agent.stop();
    let entries = leaves::read(&world.agent.log());
    let calls = |kind| {
        let all = leaves::of_kind(&entries, kind).into_iter();
        all.filter(|leaf| leaf["verb"] == "function call").count()
    };
    assert_eq!((calls("denial"), calls("intent")), (refused.len(), 1));
    let text = entries.iter().find(|leaf| {
        leaf["sql"].as_str().is_some_and(|sql| sql.contains("\"md5\"(")) && leaf["kind"] == "statement_text"
    });
    assert!(text.is_some_and(|leaf| !leaf["sql"].to_string().contains("'A'")), "{text:?}");
}
