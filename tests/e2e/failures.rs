//! A bad day: what, why, next, and the right exit code.

use std::{net::TcpListener, path::Path};

use connect_tests::{
    agent::SHOP,
    person::{Browser, Person},
    postgres,
    process::{self, Finished},
    world::World,
};

/// What somebody reads, with what differs from run to run taken out.
fn shown(finished: &Finished) -> String {
    let line = |line: &str| line.split(' ').map(normal).collect::<Vec<_>>().join(" ");
    let lines = finished.stderr.lines().map(line).collect::<Vec<_>>().join("\n");
    format!("exit {}\n{lines}", finished.code)
}

/// Ports, folders, fingerprints and ids are different each time.
fn normal(word: &str) -> String {
    let mut text = word.to_owned();
    if let Some(at) = text.find("127.0.0.1:") {
        let digits = text[at + 10..].chars().take_while(char::is_ascii_digit).count();
        text.replace_range(at + 10..at + 10 + digits, "PORT");
    }
    if let Some(at) = text.find("sha256:") {
        let letters = text[at + 7..].chars().take_while(char::is_ascii_hexdigit).count();
        text.replace_range(at + 7..at + 7 + letters, "FINGERPRINT");
    }
    if let Some(at) = text.find("st_") {
        text.replace_range(at.., "ST");
    }
    text
}

fn newcomer(folder: &Path) -> Person {
    Person::new("ana", &folder.join("home"), Browser::Missing)
}

#[test]
fn before_an_agent_is_known_every_command_says_how_to_add_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let ana = newcomer(folder.path());
    for arguments in [&["ls"][..], &["open", "shop-db"], &["login"], &["exec", "shop-db", "--", "true"]] {
        let finished = ana.runs(arguments);
        assert!(matches!(finished.code, 3 | 125), "{arguments:?}: {} {}", finished.code, finished.stderr);
        assert!(finished.stderr.contains("connect agents add"), "{arguments:?}: {}", finished.stderr);
    }
    insta::assert_snapshot!("no_agents", shown(&ana.runs(&["ls"])));
}

#[test]
fn an_agent_that_is_down_is_unreachable() {
    let mut world = World::start();
    let ana = world.person("ana");
    world.agent.stop();
    let finished = ana.runs(&["open", SHOP]);
    assert_eq!(finished.code, 7, "{}", finished.stderr);
    insta::assert_snapshot!("agent_down", shown(&finished));
    let json = ana.runs(&["open", SHOP, "-o", "json"]);
    let error: serde_json::Value = serde_json::from_str(json.stderr.trim())
        .unwrap_or_else(|_| panic!("one object on stderr, not\n{}", json.stderr));
    assert_eq!((error["exit"].is_null(), error["retryable"].as_bool()), (false, Some(true)), "{error}");
    assert_eq!(json.stdout, "");
}

#[test]
fn an_identity_provider_that_is_down_is_named() {
    let mut world = World::start();
    let ana = world.newcomer("ana", Browser::Forms);
    ana.learn(&world.agent);
    world.idp.kill();
    let finished = ana.runs(&["login"]);
    assert_eq!(finished.code, 7, "{}", finished.stderr);
    insta::assert_snapshot!("idp_down", shown(&finished));
}

#[test]
fn without_a_browser_the_address_is_shown_to_open_by_hand() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Missing);
    ana.learn(&world.agent);
    let process = process::Process::start("connect login", &mut ana.connect(&["login"]));
    let url = process.wait_for("an address to open", |line| {
        let at = line.find(&format!("{}/auth", world.idp.issuer()))?;
        line[at..].split_whitespace().next().map(str::to_owned)
    });
    ana.take(Browser::Forms);
    process::run(&mut ana.program(&ana.home().join("bin/browser"), &[&url])).good();
    let mut process = process;
    assert!(process.wait_for_end().success(), "{}", process.transcript());
}

#[test]
fn a_busy_port_is_named_with_its_holder() {
    let world = World::start();
    let ana = world.person("ana");
    let holder = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = holder.local_addr().expect("bound").port().to_string();
    let finished = ana.runs(&["open", SHOP, "--port", &port]);
    assert_eq!(finished.code, 9, "{}", finished.stderr);
    assert!(finished.stderr.contains(&port), "{}", finished.stderr);
    assert!(finished.stderr.contains("--port auto"), "{}", finished.stderr);
}

#[test]
fn an_agent_with_another_certificate_is_not_talked_to() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Forms);
    let other = format!("sha256:{}", "0".repeat(64));
    let finished = ana.runs(&["agents", "add", &world.agent.url(), "--fingerprint", &other]);
    assert!(matches!(finished.code, 7 | 9 | 10), "{} {}", finished.code, finished.stderr);
    insta::assert_snapshot!("wrong_certificate", shown(&finished));
    assert_eq!(ana.runs(&["ls"]).code, 3, "nothing was added");
}

#[test]
fn an_agent_whose_certificate_is_not_vouched_for_is_not_added_without_a_person() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Forms);
    let finished = ana.runs(&["agents", "add", &world.agent.url()]);
    assert_ne!(finished.code, 0);
    assert!(finished.stderr.contains("--fingerprint"), "{}", finished.stderr);
}

#[test]
fn an_unknown_resource_and_an_unknown_command_are_answered() {
    let world = World::start();
    let ana = world.person("ana");
    let finished = ana.runs(&["open", "shop-bd"]);
    assert_eq!(finished.code, 3, "{}", finished.stderr);
    assert!(finished.stderr.contains("connect ls"), "it says where to look: {}", finished.stderr);
    assert_eq!(ana.runs(&["open", SHOP, "--no-such-flag"]).code, 2);
}

#[test]
fn a_denied_statement_reads_well() {
    let world = World::start();
    let li = world.person("li");
    let denied = |sql: &str| {
        let finished = li.runs(&["exec", SHOP, "--", "psql", "-XqAtc", sql]);
        assert_eq!(finished.code, 1, "psql's own status: {}", finished.stderr);
        shown(&finished)
    };
    insta::assert_snapshot!("denied_delete", denied("DELETE FROM customers"));
    insta::assert_snapshot!("denied_copy", denied("CREATE TABLE mine AS SELECT email FROM customers"));
    insta::assert_snapshot!(
        "denied_condition",
        denied("UPDATE customers SET country = '' WHERE email LIKE 'a%'")
    );
    insta::assert_snapshot!("denied_drop", denied("DROP TABLE orders"));
}

#[test]
fn exec_returns_the_status_of_its_command_and_its_own_failures_apart() {
    let world = World::start();
    let ana = world.person("ana");
    for (command, code) in [
        (&["sh", "-c", "exit 42"][..], 42),
        (&["no-such-program-here"], 127),
        (&["/etc/passwd"], 126),
        (&["true"], 0),
    ] {
        let mut arguments = vec!["exec", SHOP, "--"];
        arguments.extend(command);
        let finished = ana.runs(&arguments);
        assert_eq!(finished.code, code, "{command:?}: {}", finished.stderr);
    }
    let port = postgres::free_port();
    assert_eq!(ana.runs(&["exec", "nothing-db", "--", "true"]).code, 125, "{port}");
}

#[test]
fn a_database_that_is_down_is_the_agents_error_in_the_clients_words() {
    let world = World::start();
    let ana = world.person("ana");
    let tunnel = ana.open(SHOP);
    assert_eq!(tunnel.psql("SELECT 1;").stdout, "1\n");
    process::run(std::process::Command::new("kill").args(["-KILL", &world.postgres.process().to_string()]))
        .good();
    let finished = tunnel.psql("SELECT 1;");
    assert_eq!(finished.code, 2, "psql could not connect: {}", finished.stderr);
    assert!(finished.stderr.contains(SHOP), "{}", finished.stderr);
}
