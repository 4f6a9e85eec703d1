//! From a few answers to an agent that developers use.

use std::{fs, net::TcpListener, path::Path, process::Command};

use connect_tests::{
    person::Browser,
    place,
    postgres::{AGENT_PASSWORD, AGENT_USER},
    process::{self, PATIENCE, Process, Signal},
    world::World,
};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

/// `connect-agent init` with everything but what a test is about.
fn init(world: &World, config: &Path, password: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(place::built("connect-agent"));
    command.arg("init").arg("--config").arg(config).arg("--password-file").arg(password);
    command.arg("--database-ca").arg(world.postgres.authority());
    command.args(["--listen", &format!("127.0.0.1:{}", free_port()), "--public-name", "127.0.0.1"]);
    command.args(["--address", &format!("127.0.0.1:{}", world.postgres.port()), "--database", "shop"]);
    command.args(["--user", AGENT_USER, "--resource", "shop-db", "--read", "group:developer"]);
    command.args(["--issuer", world.idp.issuer(), "--client-id", "connect-cli"]).args(more);
    command
}

fn password(world: &World, text: &str) -> std::path::PathBuf {
    let path = world.folder().join("password");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    path
}

fn serve(config: &Path) -> Process {
    let mut command = Command::new(place::built("connect-agent"));
    command.arg("serve").arg("--config").arg(config);
    let process = Process::start("connect-agent serve", &mut command).ended_with(Signal::TERM);
    process.wait_for_line("the agent serves");
    process
}

#[test]
fn a_few_options_give_an_agent_and_the_line_that_developers_need() {
    let world = World::start();
    let config = world.folder().join("made/agent.toml");
    let secret = password(&world, AGENT_PASSWORD);
    let made = process::run(&mut init(&world, &config, &secret, &[]));
    let line = made.clone().good();
    assert!(made.stderr.contains("usable keys: 1"), "{}", made.stderr);
    assert!(made.stderr.contains("logged in, PostgreSQL"), "{}", made.stderr);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((line.lines().count(), words[0]), (1, "connect"), "{line}");

    let _agent = serve(&config);
    let ana = world.newcomer("ana", Browser::Forms);
    ana.runs(&words[1..]).good();
    ana.runs(&["login"]).good();
    let rows =
        ana.runs(&["exec", "shop-db", "--", "psql", "-XqAtc", "SELECT segment FROM customers WHERE id = 1"]);
    assert_eq!(rows.good().trim(), "premium");
    // The same line again leaves the file alone.
    let again = process::run(&mut init(&world, &config, &secret, &[]));
    assert!(again.code == 2 && again.stderr.contains("there already"), "{}", again.stderr);
}

#[test]
fn what_does_not_work_is_said_and_nothing_is_written() {
    let world = World::start();
    let config = world.folder().join("none/agent.toml");
    let secret = password(&world, "another password");
    let failed = process::run(&mut init(&world, &config, &secret, &[]));
    assert_eq!(failed.code, 7, "{}", failed.stderr);
    assert!(failed.stderr.contains("FAIL  database of `shop-db`"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("another password"), "{}", failed.stderr);
    assert!(!config.parent().expect("a folder").exists(), "something was written");
    let mut command = Command::new(place::built("connect-agent"));
    let failed = process::run(command.args(["init", "--config"]).arg(&config));
    assert!(failed.code == 2 && failed.stderr.contains("--issuer, --address"), "{}", failed.stderr);
    // Nor is anything left if the agent could not keep its keys.
    let failed =
        process::run(&mut init(&world, &config, &secret, &["--offline", "--state-dir", "/proc/nothing"]));
    assert!(failed.code == 9 && failed.stderr.contains("--state-dir"), "{}", failed.stderr);
    assert!(!config.exists(), "a configuration that cannot be used was left behind");
    // Whoever cannot reach them from here may write all the same.
    let offline = process::run(&mut init(&world, &config, &secret, &["--offline"]));
    assert!(offline.good().starts_with("connect agents add https://127.0.0.1:"));
}

#[test]
fn somebody_at_a_terminal_is_asked_and_asked_again_for_what_did_not_work() {
    let world = World::start();
    let config = world.folder().join("asked/agent.toml");
    let line = format!(
        "'{}' init --config '{}' --state-dir '{}' --database-ca '{}'",
        place::built("connect-agent").display(),
        config.display(),
        world.folder().join("asked/state").display(),
        world.postgres.authority().display(),
    );
    // A terminal of its own; what is typed into it comes from here.
    let mut command = Command::new(place::installed("script"));
    command.args(["-qec", &line, "/dev/null"]).env_remove("CI");
    let mut terminal = Process::start("script", &mut command);
    let answer = |terminal: &mut Process, text: &str| terminal.say(&format!("{text}\n"));
    let port = free_port();
    answer(&mut terminal, "Wrong Name");
    answer(&mut terminal, "made");
    answer(&mut terminal, &format!("127.0.0.1:{port}"));
    answer(&mut terminal, "127.0.0.1");
    answer(&mut terminal, world.idp.issuer());
    answer(&mut terminal, "connect-cli");
    answer(&mut terminal, &format!("127.0.0.1:{}", world.postgres.port()));
    answer(&mut terminal, "shop");
    answer(&mut terminal, "shop-db");
    answer(&mut terminal, AGENT_USER);
    terminal.wait_for_line("Its password, which is not shown");
    answer(&mut terminal, "wrong");
    answer(&mut terminal, "group:developer");
    terminal.wait_for_line("FAIL  database of `shop-db`");
    answer(&mut terminal, "");
    answer(&mut terminal, "");
    answer(&mut terminal, "");
    terminal.wait_for_line("the same if empty");
    answer(&mut terminal, AGENT_PASSWORD);
    let line = terminal.wait_for_line("connect agents add");
    assert!(line.contains(&format!("https://127.0.0.1:{port} --fingerprint sha256:")), "{line}");
    assert!(terminal.wait_for_end_within(PATIENCE).success());
    let said = terminal.transcript();
    assert!(said.contains("lower-case letters"), "a wrong name is asked for again: {said}");
    assert!(!said.contains(AGENT_PASSWORD), "the password was shown");
    let mode = fs::metadata(world.folder().join("asked/shop-db.password")).expect("kept").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}
