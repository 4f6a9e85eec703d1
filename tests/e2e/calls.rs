//! FunctionCall: a function by its number is judged and recorded as a statement that calls it would be, and
//! answered as the server answers.

use std::io::Read as _;

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    leaves,
    postgres::{AGENT_USER, Version},
    transcript::Transcript,
    wire::{self, Answer, Message, Mode, Wire, framed, query},
    world::World,
};

use crate::policies;

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
    Version::each().into_iter().for_each(permitted);
}

fn permitted(version: Option<Version>) {
    let options = AgentOptions { bench_labels: "\"public.*\" = \"clear\"", ..AgentOptions::default() };
    let world = World::start_on(version, &options);
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

/// The default policies permit the calls that they judge as reading: to look at each of them is a rule of one's own.
const LOOKED_AT: &str = "@id(\"calls\") @approval(\"approvers\") @message(\"somebody looks at calls\")
forbid (principal, action, resource) when { context.verb == \"function call\" };";

/// Sends bytes and takes the next message.
fn next(wire: &mut Wire, bytes: &[u8]) -> Message {
    std::io::Write::write_all(wire.stream(), bytes).expect("room");
    let mut head = [0; 5];
    wire.stream().read_exact(&mut head).expect("a message");
    let [kind, length @ ..] = head;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("short") - 4];
    wire.stream().read_exact(&mut body).expect("its body");
    Message { kind, body }
}

/// The request that a waiting call was told of.
fn request(told: &Message) -> String {
    assert_eq!(told.kind, b'N', "{}", told.text());
    let text = told.text();
    assert!(text.contains("somebody looks at calls: waiting for an approval"), "{text}");
    let place = text.find("req_").expect("a request");
    text[place..place + 30].to_owned()
}

#[test]
fn a_call_that_is_held_waits_for_its_approval_and_is_made_once() {
    let mut world = policies::world_with("approvers = [\"group:security\"]", LOOKED_AT);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
    let id = request(&next(&mut wire, &message(MD5, &[Some("A")])));
    let shown = sam.runs(&["requests", &id]).good();
    assert!(shown.contains("\"md5\"('A'") && shown.contains("function call"), "{shown}");
    sam.runs(&["approve", &id, "--yes"]).good();
    let answer = wire.send(&[], 1);
    assert_eq!(value(&answer).as_deref(), Some("7fc56270e7a70fa81a5935b72eacbe29"), "{:?}", answer.messages);
    // It was used: the same call is held anew, and what is rejected is an error, behind which all goes on.
    let behind = [message(MD5, &[Some("A")]), query("SELECT 7")].concat();
    let again = request(&next(&mut wire, &behind));
    assert_ne!(again, id);
    sam.runs(&["reject", &again, "--reason", "not today"]).good();
    let answer = wire.send(&[], 2);
    assert!(answer.error().is_some_and(|error| error.text().contains("not today")), "{:?}", answer.messages);
    assert_eq!((value(&answer), answer.rows()), (None, vec![vec![Some(b"7".to_vec())]]));
    // An argument that is too long for the text is seen beside it, as far as it can be.
    let long = "B".repeat(2_000);
    let id = request(&next(&mut wire, &message(MD5, &[Some(&long)])));
    let shown = sam.runs(&["requests", &id]).good();
    assert!(shown.contains("BBB") && shown.contains("1800 characters more"), "{shown}");
    sam.runs(&["approve", &id, "--yes"]).good();
    assert!(value(&wire.send(&[], 1)).is_some());
    // In a transaction a call that nobody waits for fails as it would at the server.
    for sql in ["SET connect.wait = off", "BEGIN"] {
        assert!(wire.ask(Mode::Simple, sql).error().is_none(), "{sql}");
    }
    let denied = call(&mut wire, MD5, &[Some("C")]);
    assert!(denied.error().is_some_and(|error| error.text().contains("req_")), "{:?}", denied.messages);
    let failed = wire.ask(Mode::Simple, "SELECT 1");
    assert_eq!(failed.sqlstate().as_deref(), Some("25P02"));
    drop((wire, tunnel));
    world.agent.stop();
    let entries = leaves::read(&world.agent.log());
    let intents = leaves::of_kind(&entries, "intent").into_iter();
    assert_eq!(intents.filter(|leaf| leaf["verb"] == "function call").count(), 2);
}

#[test]
fn a_parameter_names_any_setting_but_a_key_of_masks() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
    // The server has a key from here on.
    let masked = wire.ask(Mode::Simple, "SELECT upper(email) FROM customers WHERE id = 1");
    assert!(masked.error().is_none(), "{:?}", masked.messages);
    let shows = |name: &str, format: u8, value: &str| {
        let length = u32::try_from(value.len()).expect("short").to_be_bytes();
        let values = [&[0, 1, 0, format, 0, 1], &length[..], value.as_bytes(), &[0, 0]].concat();
        let bound = framed(b'B', &[&b"\0"[..], name.as_bytes(), b"\0", &values].concat());
        [bound, wire::execute("", 0), wire::sync()].concat()
    };
    let prepared = [
        wire::parse("a", "SELECT current_setting($1)"),
        wire::parse("b", "SELECT pg_catalog.current_setting($1::varchar, true)"),
        wire::sync(),
        query("PREPARE c(text) AS SELECT current_setting($1, true)"),
    ];
    assert!(wire.send(&prepared.concat(), 2).error().is_none());
    let key = "connect_mask.pii_email";
    for name in ["a", "b", "c"] {
        for format in [0, 1] {
            let answer = wire.send(&shows(name, format, "search_path"), 1);
            assert_eq!(
                answer.rows(),
                [[Some(b"\"$user\", public".to_vec())]],
                "{name} {:?}",
                answer.messages
            );
            for own in [key, "Connect_Mask.PII_EMAIL"] {
                let answer = wire.send(&shows(name, format, own), 1);
                assert!(
                    answer.is_denied() && answer.rows().is_empty(),
                    "{name} {own}: {:?}",
                    answer.messages
                );
            }
        }
        let shown = wire.ask(Mode::Simple, &format!("EXECUTE {name}('server_version_num')"));
        assert_eq!(shown.rows().len(), 1, "{:?}", shown.messages);
        for argument in
            [format!("'{key}'"), format!("'{}' || '{}'", &key[..9], &key[9..]), format!("'{key}'::xml")]
        {
            let answer = wire.ask(Mode::Simple, &format!("EXECUTE {name}({argument})"));
            assert!(answer.is_denied() && answer.rows().is_empty(), "{argument}: {:?}", answer.messages);
        }
    }
    // The value that xml shows is another than the one that was given.
    let declared = framed(b'P', b"d\0SELECT current_setting($1::text)\0\0\x01\0\0\0\x8e");
    assert!(wire.send(&[declared, wire::sync()].concat(), 1).is_denied());
    let long = format!("{key}{}", "x".repeat(2_000));
    assert!(call(&mut wire, CURRENT_SETTING, &[Some(&long)]).is_denied());
}
