//! What graphical clients and object mappers ask a server about itself is answered as if direct, and what of the
//! catalog may hold other people's values is NULL.

use connect_tests::{
    agent::SHOP,
    canary, place,
    postgres::AGENT_USER,
    transcript::{Transcript, difference},
    tunnel::Tunnel,
    wire::{Answer, Mode, Wire},
    world::World,
};

const CORPORA: [&str; 2] = ["corpora/introspection.sql", "corpora/introspection_recorded.sql"];

/// By the simple protocol, and by the extended one with results in both formats.
const MODES: [Mode; 3] = [Mode::Simple, Mode::Text, Mode::Binary];

fn statements() -> Vec<String> {
    let text = CORPORA.map(|file| std::fs::read_to_string(place::of_tests(file)).expect("a corpus")).concat();
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    code.join("\n").split("\n;").map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()).collect()
}

/// Lets the agent's account in without us, so that what depends on who asks is the same.
fn open_to_the_agents_account(world: &World) {
    world.postgres.admit(&format!(
        "hostnossl shop {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
    ));
}

fn ours(tunnel: &Tunnel) -> Wire {
    Wire::open(tunnel.port(), "anybody", "shop").expect("a connection")
}

fn theirs(world: &World) -> Wire {
    Wire::open(world.postgres.port(), AGENT_USER, "shop").expect("a connection")
}

#[test]
fn what_clients_ask_about_the_server_is_answered_as_if_direct() {
    for world in World::on_each_server() {
        open_to_the_agents_account(&world);
        let tunnel = world.person("ana").open(SHOP);
        let mut failures = Vec::new();
        for sql in statements() {
            // What one of them sets, the next does not see.
            let (mut ours, mut theirs) = (ours(&tunnel), theirs(&world));
            for mode in MODES {
                let [our_answer, their_answer] = [&mut ours, &mut theirs].map(|wire| wire.ask(mode, &sql));
                assert!(
                    mode != Mode::Simple || their_answer.error().is_none(),
                    "the corpus is good SQL: {sql}"
                );
                failures
                    .extend(parting(&our_answer, &their_answer).map(|at| format!("{mode:?}: {sql}\n  {at}")));
            }
        }
        assert!(failures.is_empty(), "{} answers:\n{}", failures.len(), failures.join("\n\n"));
    }
}

fn parting(ours: &Answer, theirs: &Answer) -> Option<String> {
    let [ours, theirs] = [ours, theirs].map(|answer| Transcript::default().lines(answer));
    difference(&ours, &theirs)
}

/// Asked by clients that show what a server does (pgAdmin's dashboard, Adminer's list of processes) and the statistics
/// of a column, with the name of the column that is NULL in each row; there is at least one.
const HIDDEN: [(&str, &str); 9] = [
    ("SELECT * FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid", "query"),
    (
        "SELECT pid, datname, usename, application_name, client_addr, pg_catalog.to_char(backend_start, 'YYYY'), \
         state, query, pg_catalog.to_char(query_start, 'YYYY') AS query_start, backend_type \
         FROM pg_catalog.pg_stat_activity WHERE datname = (SELECT datname FROM pg_catalog.pg_database \
         WHERE datname = 'shop') ORDER BY pid",
        "query",
    ),
    ("SELECT pid, upper(query) FROM pg_stat_activity a WHERE query IS NULL LIMIT 1", "upper"),
    ("SELECT max(query) FROM pg_stat_activity", "max"),
    ("SELECT count(*), query FROM pg_stat_activity GROUP BY query", "query"),
    (
        "SELECT null_frac, most_common_vals FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'",
        "most_common_vals",
    ),
    (
        "SELECT n_distinct, histogram_bounds::text FROM pg_stats WHERE tablename = 'customers'",
        "histogram_bounds",
    ),
    (
        "SELECT attname, correlation, avg_width FROM pg_catalog.pg_stats WHERE tablename = 'customers'",
        "correlation",
    ),
    ("SELECT name, statement FROM pg_prepared_statements", "statement"),
];

/// Questions to a view over them.
const BEHIND_A_VIEW: [&str; 3] =
    ["TABLE busy", "SELECT pid, lower(query) FROM busy", "SELECT 1 FROM busy WHERE query LIKE '%pg_sleep%'"];

#[test]
fn texts_of_others_and_values_in_statistics_are_null_in_every_protocol() {
    for world in World::on_each_server() {
        open_to_the_agents_account(&world);
        world.postgres.sql(
            "shop",
            &format!("CREATE VIEW busy AS SELECT pid, query FROM pg_stat_activity; GRANT SELECT ON busy TO {AGENT_USER}"),
        );
        // A colleague asks for a value; to the account that is shared the server shows that text.
        let mut colleague = theirs(&world);
        let asks = "SELECT 'quorraline.zyxwell@zymail.example', pg_sleep(0)";
        assert!(colleague.ask(Mode::Simple, asks).error().is_none());
        let seen = theirs(&world).ask(Mode::Simple, "SELECT query FROM pg_stat_activity");
        assert!(canary::found_in(&seen.bytes()).is_some(), "there is something to hide");
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = ours(&tunnel);
        assert!(wire.ask(Mode::Simple, "PREPARE mine AS SELECT 1").error().is_none());
        for (sql, hidden) in HIDDEN {
            for mode in MODES {
                is_null(&wire.ask(mode, sql), hidden, &format!("{mode:?} {sql}"));
            }
        }
        for sql in BEHIND_A_VIEW {
            for mode in MODES {
                let answer = wire.ask(mode, sql);
                let error = answer.error().map(|error| error.text());
                assert_eq!((error, canary::found_in(&answer.bytes())), (None, None), "{mode:?} {sql}");
            }
        }
        // Nor does a condition tell whether there is such a text.
        for condition in ["query LIKE '%pg_sleep%'", "query ~ '.'", "length(query) > 0", "query > 'A'"] {
            let count = format!("SELECT count(*) FROM pg_stat_activity WHERE {condition}");
            assert_eq!(wire.ask(Mode::Text, &count).rows(), [[Some(b"0".to_vec())]], "{condition}");
        }
    }
}

fn is_null(answer: &Answer, column: &str, asked: &str) {
    let error = answer.error().map(|error| error.text());
    assert_eq!((error, canary::found_in(&answer.bytes())), (None, None), "{asked}");
    let place =
        answer.fields().iter().position(|field| field.name == column).expect("the column is described");
    let rows = answer.rows();
    assert!(!rows.is_empty(), "{asked}");
    assert_eq!(rows.iter().find(|row| row[place].is_some()), None, "{asked}");
}
