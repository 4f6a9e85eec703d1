//! Two agents on one store: what is asked, decided, used and revoked at one of them counts at the other; and what
//! becomes of them without it.

use std::{path::Path, process::Command, thread};

use connect_tests::{
    agent::{Agent, AgentOptions, SHOP},
    leaves,
    person::{Browser, Person},
    place,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres},
    process::{self, Process},
    world::World,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::approvals::{asks, no_wait, psql, waits_for};

const RESOURCE: &str = "approvers = [\"group:security\", \"group:data-oncall\"]";

/// Two agents in front of the same database. Fields end in the order in which they stand.
struct Two {
    b: Agent,
    world: World,
    store: Postgres,
    _folder: TempDir,
}

/// Whatever a store's agents need, in a folder.
fn sections(folder: &Path, store: &Postgres, more: &str) -> &'static str {
    let private = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
        path.display().to_string()
    };
    format!(
        "revokers = [\"group:security\"]\n[store]\nurl = \"postgresql://{AGENT_USER}@127.0.0.1:{port}/connect\"\n\
         password_file = \"{password}\"\nkey_file = \"{key}\"\nca_file = \"{authority}\"\n{more}\n",
        port = store.port(),
        password = private("store.password", AGENT_PASSWORD),
        key = private("store.key", &"7a".repeat(32)),
        authority = store.authority().display(),
    )
    .leak()
}

impl Two {
    fn start(more: &str) -> Self {
        let folder = TempDir::with_prefix("connect-store-").expect("a temporary folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let store = Postgres::start(&folder.path().join("postgres"));
        store.sql("postgres", &format!("CREATE DATABASE connect OWNER {AGENT_USER}"));
        let lines = sections(folder.path(), &store, more);
        let options = |name| AgentOptions { name, resource: RESOURCE, ..AgentOptions::USUAL };
        // Its first line belongs to `[grants]`, which stands before `[park]`.
        let with_store = |config: String| config.replacen("[park]\n", &format!("{lines}[park]\n"), 1);
        let mut world = World::start_with(&options("a"));
        world.agent.reconfigure(with_store);
        let mut b = Agent::start(&world.folder().join("agent-b"), &world.postgres, &world.idp, &options("b"));
        b.reconfigure(with_store);
        Self { b, world, store, _folder: folder }
    }

    fn at_a(&self, name: &str) -> Person {
        self.world.person(name)
    }

    fn at_b(&self, name: &str) -> Person {
        let home = self.world.folder().join(format!("home-{name}-b"));
        let person = Person::new(name, &home, Browser::Forms);
        person.sign_in(&self.b);
        person
    }
}

/// Until the agent says so: `ready`, or the code of what it lacks.
fn wait_until_ready(agent: &Agent, wanted: &str) {
    let end = std::time::Instant::now() + process::PATIENCE;
    loop {
        let mut curl = Command::new(place::installed("curl"));
        let said = process::run(curl.args(["-sk", &format!("{}/readyz", agent.url())])).stdout;
        if said.contains(wanted) {
            return;
        }
        assert!(std::time::Instant::now() < end, "never {wanted}: {said}");
        thread::yield_now();
    }
}

fn requests_in(agent: &mut Agent) -> Vec<Value> {
    agent.stop();
    let leaves = leaves::read(&agent.log());
    leaves::of_kind(&leaves, "request").into_iter().cloned().collect()
}

fn steps(entries: &[Value]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry["step"].as_str()).collect()
}

#[test]
fn what_is_asked_at_one_agent_and_approved_at_another_runs_once() {
    let mut two = Two::start("");
    let (li, li_at_b, sam) = (two.at_a("li"), two.at_b("li"), two.at_b("sam"));
    let (at_a, at_b) = (li.open(SHOP), li_at_b.open(SHOP));

    let mut waiting = psql(&at_a, "DELETE FROM scratch WHERE true");
    let held = waits_for(&waiting);
    let shown = sam.runs(&["requests", &held]).good();
    assert!(shown.contains("DELETE FROM scratch WHERE true"), "the text opens at the other agent: {shown}");
    sam.runs(&["approve", &held, "--yes"]).good();
    assert!(waiting.wait_for_end().success(), "{}", waiting.transcript());

    // The same statement at both, and one approval.
    let raced = asks(&at_a, "DELETE FROM scratch");
    assert_eq!(asks(&at_b, "DELETE FROM scratch"), raced, "it is the same request at both");
    sam.runs(&["approve", &raced, "--yes"]).good();
    let outcomes = thread::scope(|scope| {
        let runs = [&at_a, &at_b].map(|tunnel| scope.spawn(|| no_wait(tunnel, "DELETE FROM scratch")));
        runs.map(|run| run.join().expect("psql ends"))
    });
    assert_eq!(outcomes.iter().filter(|(done, _)| *done).count(), 1, "{outcomes:?}");
    drop((at_a, at_b));

    // Each log says why something could run there, and where the verdict was first.
    let (of_a, of_b) = (requests_in(&mut two.world.agent), requests_in(&mut two.b));
    let of = |all: &[Value], id: &str| -> Vec<Value> {
        all.iter().filter(|entry| entry["request"] == id).cloned().collect()
    };
    let [first_at_a, first_at_b] = [of(&of_a, &held), of(&of_b, &held)];
    assert_eq!(steps(&first_at_a), ["requested", "approved", "used"]);
    assert_eq!(first_at_a[1]["first_in"], "connect.local/b");
    assert_eq!(first_at_a[1]["name"], "sam@example.com");
    assert_eq!(steps(&first_at_b), ["seen", "approved"]);
    assert!(first_at_b[1]["first_in"].is_null());
    let used = [of(&of_a, &raced), of(&of_b, &raced)].concat();
    assert_eq!(steps(&used).iter().filter(|step| **step == "used").count(), 1, "{used:?}");
}

#[test]
fn who_is_revoked_at_one_agent_is_cut_and_kept_out_at_the_other() {
    let mut two = Two::start("");
    let (ana, sam) = (two.at_b("ana"), two.at_a("sam"));
    let mut tunnel = ana.open(SHOP);
    let mut command = tunnel.client("psql");
    let mut psql = Process::start("psql", command.args(["-XqAt"]));
    psql.say("SELECT 'open';\nSELECT pg_sleep(300);\nSELECT 'still here';\n");
    psql.wait_for_line("open");

    sam.runs(&["revoke", "ana@example.com", "--reason", "laptop lost", "--for", "1h"]).good();
    let line = psql.wait_for_line("FATAL");
    assert!(line.contains("by sam@example.com: laptop lost"), "{line}");
    assert!(!psql.wait_for_end().success());
    assert_eq!(tunnel.process_mut().wait_for_end().code(), Some(8));
    let again = ana.runs(&["exec", SHOP, "--", "true"]);
    assert!(again.code == 125 && again.stderr.contains("revoked"), "{}", again.stderr);

    // An agent that starts later hears of it, too, and only once.
    two.b.stop();
    two.b.restart();
    assert_ne!(ana.runs(&["exec", SHOP, "--", "true"]).code, 0);
    two.b.stop();
    let leaves = leaves::read(&two.b.log());
    let revoked = leaves::of_kind(&leaves, "revoked");
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    assert_eq!((&revoked[0]["cause"], &revoked[0]["sessions"]), (&"another_agent".into(), &1.into()));
}

#[test]
fn without_the_store_nothing_new_is_granted_and_what_runs_goes_on() {
    let mut two = Two::start("");
    let (li, sam, ana) = (two.at_a("li"), two.at_b("sam"), two.at_b("ana"));
    let (of_li, of_ana) = (li.open(SHOP), ana.open(SHOP));
    let mut waiting = psql(&of_li, "DELETE FROM scratch");
    let held = waits_for(&waiting);

    two.store.stop();
    wait_until_ready(&two.world.agent, "store_unavailable");
    wait_until_ready(&two.b, "store_unavailable");
    // What is open goes on, on new connections, too.
    assert_eq!(of_li.psql("SELECT count(*) FROM scratch;").good(), "20\n");
    // Another program of somebody who has a session is something new.
    let refused = ana.runs(&["exec", SHOP, "--", "true"]);
    assert!(refused.code != 0 && refused.stderr.contains("the store that it shares"), "{}", refused.stderr);
    let refused = sam.runs(&["approve", &held, "--yes"]);
    assert!(refused.code == 7 && refused.stderr.contains("approve"), "{}", refused.stderr);
    let (done, said) = no_wait(&of_li, "DROP TABLE scratch");
    assert!(!done && said.contains("cannot reach its store"), "{said}");
    // Who is revoked at one agent stays in at the other until that can hear of it.
    let revoker = two.world.newcomer("sam", Browser::Forms);
    revoker.sign_in(&two.world.agent);
    revoker.runs(&["revoke", "ana@example.com", "--for", "1h"]).good();
    assert_eq!(of_ana.psql("SELECT 1;").good(), "1\n");

    two.store.start_again();
    wait_until_ready(&two.world.agent, "ready\n");
    wait_until_ready(&two.b, "ready\n");
    let mut ended = of_ana;
    assert_eq!(ended.process_mut().wait_for_end().code(), Some(8), "{}", ended.process().transcript());
    // It has waited all the time, and an agent that starts again knows the request.
    two.b.stop();
    two.b.restart();
    sam.runs(&["approve", &held, "--yes"]).good();
    assert!(waiting.wait_for_end().success(), "{}", waiting.transcript());
}

#[test]
fn sessions_end_with_the_lease_and_come_back_with_the_store() {
    let mut two = Two::start("lease = \"5s\"");
    let li = two.at_a("li");
    let mut tunnel = li.open(SHOP);
    assert_eq!(tunnel.psql("SELECT 1;").good(), "1\n");
    two.store.stop();
    let status = tunnel.process_mut().wait_for_end();
    let said = tunnel.process().transcript();
    assert!(status.code() == Some(8) && said.contains("has lost the store"), "{status}: {said}");
    assert_ne!(li.runs(&["exec", SHOP, "--", "true"]).code, 0);
    two.store.start_again();
    wait_until_ready(&two.world.agent, "ready\n");
    assert_eq!(li.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT 1"]).good().trim(), "1");
}
