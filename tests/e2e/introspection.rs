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

/// Asked by every client that shows what a server does: pgAdmin's dashboard, Adminer's list of processes, both ways
/// to the statistics of a column. The column that is NULL in each row, by place, and how many rows there are at
/// least.
const HIDDEN: [(&str, usize); 9] = [
    ("SELECT * FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid", 20),
    (
        "SELECT pid, datname, usename, application_name, client_addr, pg_catalog.to_char(backend_start, 'YYYY'), \
         state, query, pg_catalog.to_char(query_start, 'YYYY'), backend_type \
         FROM pg_catalog.pg_stat_activity WHERE datname = (SELECT datname FROM pg_catalog.pg_database \
         WHERE datname = 'shop') ORDER BY pid",
        7,
    ),
    ("SELECT pid, upper(query) FROM pg_stat_activity a WHERE query IS NULL LIMIT 1", 1),
    ("SELECT max(query) FROM pg_stat_activity", 0),
    ("SELECT count(*), query FROM pg_stat_activity GROUP BY query", 1),
    (
        "SELECT null_frac, most_common_vals FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'",
        1,
    ),
    ("SELECT n_distinct, histogram_bounds::text FROM pg_stats WHERE tablename = 'customers'", 1),
    ("SELECT attname, correlation, avg_width FROM pg_catalog.pg_stats WHERE tablename = 'customers'", 1),
    ("SELECT name, statement FROM pg_prepared_statements", 1),
];

#[test]
fn texts_of_others_and_values_in_statistics_are_null_in_every_protocol() {
    for world in World::on_each_server() {
        // A view of an administrator, and a colleague who asks for a value.
        world.postgres.sql(
            "shop",
            &format!("CREATE VIEW busy AS SELECT pid, query FROM pg_stat_activity; GRANT SELECT ON busy TO {AGENT_USER}"),
        );
        let colleague = "SELECT 'quorraline.zyxwell@zymail.example', pg_sleep(0)";
        let mut direct = Wire::open(world.postgres.port(), "postgres", "shop").expect("a connection");
        assert!(direct.ask(Mode::Simple, colleague).error().is_none());
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = ours(&tunnel);
        assert!(wire.ask(Mode::Simple, "PREPARE mine AS SELECT 1").error().is_none());
        for (sql, hidden) in HIDDEN {
            for mode in MODES {
                let answer = wire.ask(mode, sql);
                let rows = answer.rows();
                assert!(!rows.is_empty(), "{mode:?} {sql}: {:?}", answer.error().map(|error| error.text()));
                let shown = rows.iter().find(|row| row[hidden].is_some());
                assert_eq!(shown, None, "{mode:?} {sql}");
                assert_eq!(canary::found_in(&answer.bytes()), None, "{mode:?} {sql}");
            }
        }
        for sql in [
            "TABLE busy",
            "SELECT pid, lower(query) FROM busy",
            "SELECT 1 FROM busy WHERE query LIKE '%pg_sleep%'",
        ] {
            for mode in MODES {
                let answer = wire.ask(mode, sql);
                assert!(
                    answer.error().is_none(),
                    "{mode:?} {sql}: {:?}",
                    answer.error().map(|error| error.text())
                );
                assert_eq!(canary::found_in(&answer.bytes()), None, "{mode:?} {sql}");
            }
        }
        // Nor does a condition tell whether there is such a text.
        for condition in ["query LIKE '%pg_sleep%'", "query ~ '.'", "length(query) > 0", "query > 'A'"] {
            let count = format!("SELECT count(*) FROM pg_stat_activity WHERE {condition}");
            assert_eq!(wire.ask(Mode::Text, &count).rows(), [[Some(b"0".to_vec())]], "{condition}");
        }
    }
}
