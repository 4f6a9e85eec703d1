//! Two agents in front of one database, known as one group: what becomes of new sessions, and of those that are
//! open, when one of them is gone, drains, or says nothing.

use connect_tests::{
    agent::{Agent, AgentOptions, BENCH, SHOP},
    faults::Faults,
    person::{Browser, Person},
    process::{Finished, Process, Signal},
    tunnel::Tunnel,
    world::World,
};

struct Group {
    second: Agent,
    world: World,
    ana: Person,
}

impl Group {
    fn start(drain: &'static str) -> Self {
        let world = World::start_with(&AgentOptions { drain, ..AgentOptions::default() });
        let first = world.agent.url();
        Self::of(world, &first)
    }

    /// The first of the group is reached at this URL.
    fn of(world: World, first: &str) -> Self {
        let folder = world.folder().join("second");
        let options = AgentOptions { name: "second", ..AgentOptions::default() };
        let second = Agent::start(&folder, &world.postgres, &world.idp, &options);
        let ana = world.newcomer("ana", Browser::Forms);
        let places =
            [(first.to_owned(), world.agent.fingerprint(), "a"), (second.url(), second.fingerprint(), "b")];
        for (url, fingerprint, name) in places {
            let words =
                ["agents", "add", &url, "--fingerprint", fingerprint, "--name", name, "--group", "prod"];
            ana.runs(&words).good();
        }
        ana.runs(&["login"]).good();
        Self { second, world, ana }
    }

    /// A statement in a session of its own.
    fn exec(&self, resource: &str) -> Finished {
        self.ana.runs(&["exec", resource, "--", "psql", "-XqAtc", "SELECT 6 * 7"])
    }

    /// In the log of which agent a statement of this session stands.
    fn agent_of(&self) -> String {
        let status = self.ana.runs(&["status", "-o", "jsonl"]).good();
        let session: serde_json::Value =
            serde_json::from_str(status.lines().next().expect("a session")).expect("an object");
        assert_eq!(session["group"], "prod", "{session:#}");
        session["agent"].as_str().expect("a name").to_owned()
    }
}

#[test]
fn a_group_is_one_door_and_its_first_agent_has_the_sessions() {
    let group = Group::start("1s");
    let list = group.ana.runs(&["ls"]).good();
    let rows: Vec<&str> = list.lines().filter(|line| line.contains(SHOP)).collect();
    assert!(rows.len() == 1 && rows[0].trim_end().ends_with("prod"), "{list}");
    let agents = group.ana.runs(&["agents", "ls"]).good();
    assert_eq!(agents.matches("prod").count(), 2, "{agents}");
    let tunnel = Tunnel::open(&group.ana, SHOP);
    assert_eq!(group.agent_of(), "a");
    assert_eq!(tunnel.psql("SELECT 6 * 7;").stdout.trim(), "42");
    drop(tunnel);
    let _other = Tunnel::open(&group.ana, &format!("prod/{SHOP}"));
    assert_eq!(group.agent_of(), "a");
    assert_eq!(group.exec(&format!("b/{SHOP}")).good().trim(), "42", "one of them by its own name");
    let doctor = group.ana.runs(&["doctor"]).stdout;
    assert!(doctor.contains("new sessions go to the first of a, b"), "{doctor}");
    let stranger = group.ana.runs(&["agents", "add", &group.second.url(), "--name", "prod"]);
    assert_eq!(stranger.code, 2, "{}", stranger.stderr);
}

#[test]
fn new_sessions_go_past_an_agent_that_is_gone_and_back_when_it_is_there_again() {
    let mut group = Group::start("1s");
    group.world.agent.kill();
    let passed = group.exec(SHOP);
    assert!(passed.stderr.contains("the agent `a` is passed over for `b`"), "{}", passed.stderr);
    assert_eq!(passed.good().trim(), "42");
    assert!(group.ana.runs(&["ls"]).good().contains(SHOP));
    let doctor = group.ana.runs(&["doctor"]);
    assert!(doctor.stdout.contains("new sessions go to the first of b, a"), "{}", doctor.stdout);
    group.world.agent.restart();
    let back = group.exec(SHOP);
    assert!(!back.stderr.contains("passed over"), "{}", back.stderr);
    assert_eq!(back.good().trim(), "42");
    group.second.kill();
    group.world.agent.kill();
    let nobody = group.exec(SHOP);
    assert_eq!(nobody.code, 125, "{}", nobody.stderr);
}

#[test]
fn an_agent_that_drains_keeps_its_sessions_and_gets_no_new_ones() {
    let mut group = Group::start("30s");
    // Who may write there has a temporary table, too.
    let tunnel = Tunnel::open(&group.ana, BENCH);
    assert_eq!(group.agent_of(), "a");
    let mut psql = tunnel.client("psql");
    psql.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut psql);
    psql.say("BEGIN;\nCREATE TEMP TABLE mine (n int);\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    group.world.agent.process().signal(Signal::TERM);
    tunnel.process().wait_for_line("takes no new connections");
    let passed = group.exec(SHOP);
    assert!(
        passed.stderr.contains("is passed over for `b`: this agent is about to stop"),
        "{}",
        passed.stderr
    );
    assert_eq!(passed.good().trim(), "42");
    psql.say("SELECT 'rows ' || count(*) FROM mine;\nCOMMIT;\n");
    psql.wait_for_line("rows 0");
    assert!(group.world.agent.process_mut().wait_for_end().success());
}

#[test]
fn beside_an_agent_that_says_nothing_the_next_is_asked() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let group = Group::of(world, &faults.url());
    assert_eq!(group.exec(SHOP).good().trim(), "42");
    faults.blackhole();
    let passed = group.exec(SHOP);
    assert!(passed.stderr.contains("the agent `a` is passed over for `b`"), "{}", passed.stderr);
    assert_eq!(passed.good().trim(), "42");
}
