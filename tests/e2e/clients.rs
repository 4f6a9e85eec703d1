//! Clients that people use, whole: each does the same things straight at the server and through the tunnel, and
//! prints what it sees.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    place,
    postgres::{ADMINISTRATOR, Version},
    process,
    tunnel::Tunnel,
    world::World,
};

const REFUSED: &str = "DELETE FROM scratch";
/// Fails by itself, with the consequences that a refused statement has.
const FAILING: &str = "DELETE FROM no_such_table";

/// Far more than any of them needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

fn printed(command: &mut Command) -> String {
    process::run_with(command, "", PATIENCE).good()
}

/// Runs a script in both ways; its arguments are host, port, user, database and a statement that fails.
fn both(world: &World, tunnel: &Tunnel, program: &Path, script: &Path) -> String {
    let run = |port: u16, user: &str, failing: &str| {
        let port = port.to_string();
        printed(Command::new(program).arg(script).args(["127.0.0.1", &port, user, "shop", failing]))
    };
    let theirs = run(world.postgres.port(), ADMINISTRATOR, FAILING);
    let ours = run(tunnel.port(), "anybody", REFUSED);
    assert_eq!(ours, theirs, "{}", script.display());
    assert!(theirs.contains("refused"), "{theirs}");
    theirs
}

#[test]
fn node_postgres_postgres_js_and_drizzle_work_as_if_direct() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let node = place::installed("node");
        for script in ["node_postgres.mjs", "postgres_js.mjs"] {
            both(&world, &tunnel, &node, &place::of_tests("clients").join(script));
        }
    }
}

#[test]
fn django_and_sqlalchemy_work_as_if_direct() {
    for version in Version::each() {
        let world = World::start_on(version, &AgentOptions::default());
        let tunnel = world.person("li").open(SHOP);
        // Django itself speaks with no server before 14.
        let django = (version != Some(Version::Thirteen)).then_some("django_suite.py");
        for script in django.into_iter().chain(["sqlalchemy_suite.py"]) {
            both(&world, &tunnel, &place::python(), &place::of_tests("python").join(script));
        }
    }
}

#[test]
fn jdbc_with_cursors_batches_copy_metadata_and_cancel_works_as_if_direct() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let java = place::installed("java");
        let driver = PathBuf::from("/usr/share/java/postgresql.jar");
        assert!(driver.is_file(), "the JDBC driver is not installed; run tests/run");
        let run = |port: u16, user: &str, failing: &str| {
            let url = format!("jdbc:postgresql://127.0.0.1:{port}/shop");
            let mut command = Command::new(&java);
            command
                .arg("-cp")
                .arg(&driver)
                .arg(place::of_tests("java/Suite.java"))
                .args([&url, user, failing]);
            printed(&mut command)
        };
        let theirs = run(world.postgres.port(), ADMINISTRATOR, FAILING);
        let ours = run(tunnel.port(), "anybody", REFUSED);
        assert_eq!(ours, theirs);
        for expected in ["cancelled: 57014", "query timeout: 57014", "refused: refused", "copied: 2500"] {
            assert!(theirs.contains(expected), "{expected} is not in\n{theirs}");
        }
    }
}
