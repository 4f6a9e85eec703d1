//! PgBouncer in front of the tunnel, and between the agent and the database.

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    pooler::PgBouncer,
    postgres::{AGENT_PASSWORD, AGENT_USER, Version},
    process,
    tap::Tap,
    tunnel,
    wire::{Mode, Wire},
    world::World,
};
use tempfile::TempDir;

#[test]
fn a_pooler_in_front_works_in_every_mode() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(BENCH);
        // PgBouncer does not run as root, and `connect` lets in nobody but its own user.
        let relay = Tap::before(tunnel.port());
        for mode in ["session", "transaction", "statement"] {
            let folder = world.folder().join(format!("in-front-{mode}"));
            let pooler = PgBouncer::start(
                &folder,
                relay.port(),
                "anybody",
                mode,
                "auth_type = any\ndefault_pool_size = 2",
            );
            for round in 0..6 {
                let mut wire = Wire::open(pooler.port(), "anybody", "bench").expect("a connection");
                let answer = wire.ask(Mode::Simple, &format!("SELECT {round} AS n"));
                assert_eq!(
                    answer.rows(),
                    [[Some(round.to_string().into_bytes())]],
                    "{mode}: {:?}",
                    answer.lost
                );
            }
            let pgbench = place_pgbench(&pooler, &world);
            assert!(pgbench.contains("number of failed transactions: 0 "), "{mode}: {pgbench}");
        }
    }
}

fn place_pgbench(pooler: &PgBouncer, world: &World) -> String {
    let script = world.folder().join("script.sql");
    std::fs::write(&script, "SELECT count(*) FROM pg_am;\n").expect("a file");
    let pgbench = connect_tests::place::installed("pgbench");
    let mut pgbench = tunnel::client(&pgbench, pooler.port(), "bench", world.folder());
    pgbench.args(["-n", "-c", "6", "-t", "20", "-f"]).arg(&script);
    process::run(&mut pgbench).good()
}

/// A world whose shop stands behind a pooler.
fn behind(version: Option<Version>, mode: &str) -> (World, PgBouncer, TempDir) {
    let temporary = TempDir::with_prefix("connect-test-").expect("a temporary folder");
    let folder = temporary.path().to_owned();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&folder, readable).expect("our own folder");
    let mut pooler = None;
    let world = World::start_behind_on(version, |postgres| {
        postgres.admit(&format!(
            "host shop {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
        ));
        let auth = format!("auth_type = scram-sha-256\nauth_file = {}/users.txt", folder.display());
        std::fs::write(folder.join("users.txt"), format!("\"{AGENT_USER}\" \"{AGENT_PASSWORD}\"\n"))
            .expect("a file");
        std::fs::write(folder.join("password"), AGENT_PASSWORD).expect("a file");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(folder.join("password"), private).expect("our own file");
        let started = PgBouncer::start(&folder.join("pooler"), postgres.port(), AGENT_USER, mode, &auth);
        let upstream = format!(
            "address = \"127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\ntls = \"disable\"\npassword_file = \"{}/password\"",
            started.port(),
            folder.display()
        );
        pooler = Some(started);
        AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
    });
    (world, pooler.expect("it was started"), temporary)
}

#[test]
fn a_pooler_behind_works_in_session_mode() {
    for version in Version::each() {
        let (world, _pooler, _folder) = behind(version, "session");
        let tunnel = world.person("li").open(SHOP);
        let asked = "SELECT count(*) FROM products;\nSELECT email FROM customers WHERE id = 1;\n";
        let finished = tunnel.psql(asked);
        assert_eq!(finished.stderr, "");
        assert!(
            finished.stdout.starts_with("100\n") && finished.stdout.contains("@masked.invalid"),
            "{}",
            finished.stdout
        );
        let second = tunnel.psql("SELECT 1;");
        assert_eq!(second.stdout, "1\n", "{}", second.stderr);
    }
}

#[test]
fn a_pooler_behind_that_shares_sessions_is_refused_and_the_operator_told() {
    for mode in ["transaction", "statement"] {
        let (world, _pooler, _folder) = behind(None, mode);
        let tunnel = world.person("li").open(SHOP);
        let finished = tunnel.psql("SELECT 1;");
        assert_eq!(finished.code, 2, "{mode}: {}", finished.stdout);
        world.agent.process().wait_for_line("pool_mode = session");
    }
}
