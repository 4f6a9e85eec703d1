//! pgbench in its three protocols, eight clients, through one tunnel, without an error.

use std::time::Duration;

use connect_tests::{agent::BENCH, process, tunnel::Tunnel, world::World};

fn pgbench(tunnel: &Tunnel, arguments: &[&str]) -> String {
    let mut pgbench = tunnel.client("pgbench");
    pgbench.args(arguments);
    let finished = process::run_with(&mut pgbench, "", Duration::from_secs(200));
    assert_eq!(finished.code, 0, "{arguments:?}\n{}\n{}", finished.stdout, finished.stderr);
    let talk = finished.stderr.lines().filter(|line| line.contains("error") || line.contains("aborted"));
    assert_eq!(talk.collect::<Vec<_>>(), Vec::<&str>::new(), "{arguments:?}");
    finished.stdout
}

#[test]
fn pgbench_runs_in_every_protocol_without_an_error() {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let (scale, transactions) = if full { ("10", "2000") } else { ("1", "250") };
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(BENCH);
        pgbench(&tunnel, &["-i", "-q", "-s", scale]);
        let mut expected = 0;
        for protocol in ["simple", "extended", "prepared"] {
            for script in ["select-only", "tpcb-like"] {
                let out = pgbench(
                    &tunnel,
                    &["-n", "-b", script, "-M", protocol, "-c", "8", "-j", "2", "-t", transactions],
                );
                let each: u64 = transactions.parse().expect("a number");
                let done = format!("number of transactions actually processed: {0}/{0}", 8 * each);
                assert!(out.contains(&done), "{out}");
                assert!(out.contains("number of failed transactions: 0 "), "{out}");
                expected += if script == "tpcb-like" { 8 * each } else { 0 };
            }
        }
        assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM pgbench_history"), expected.to_string());
        let balances =
            "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)";
        assert_eq!(world.postgres.sql("bench", balances), "t");
    }
}
