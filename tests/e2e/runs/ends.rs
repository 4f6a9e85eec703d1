//! A run ends, and once: whatever becomes of its `connect`, and whatever it has lost by then.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command, time::Instant};

use connect_tests::{
    agent::{AgentOptions, BENCH},
    process::{PATIENCE, Process, Signal},
};

use super::*;

/// Grants and tunnels that are soon over, one resource that needs an approval, and a receiver of whole runs.
const SHORT: AgentOptions = AgentOptions {
    lifetime: "30s",
    resource: "approvers = [\"group:security\"]\napproval_for = [\"read\"]",
    park: "limit = \"1s\"",
    log: "[[log.sink]]\nname = \"runs\"\nfile = \"{folder}/runs.jsonl\"\nformat = \"openlineage\"\n\
          openlineage_events = \"run\"\n",
    ..AgentOptions::USUAL
};

fn command(person: &Person, resources: &[&str], job: &str, script: &str) -> Command {
    let mut words = vec!["run"];
    words.extend(resources);
    words.extend(["--job", job, "--output", job, "--", "sh", "-c", script]);
    person.connect(&words)
}

/// A run whose command has asked something and goes on until it is killed; with the id of that process.
fn lasting(person: &Person, job: &str) -> (Process, String) {
    let script = "psql -XAtqc 'SELECT a FROM t' && echo \"open $$\" && exec sleep 600";
    let process = Process::start("connect run", &mut command(person, &[BENCH], job, script));
    let sleep =
        process.wait_for("its process", |line| line.strip_prefix("open ").map(|id| id.trim().to_owned()));
    (process, sleep)
}

fn kill(person: &Person, signal: &str, id: &str) {
    process::run(&mut person.program(&place::installed("kill"), &[signal, id])).good();
}

#[track_caller]
fn wait_until(what: &str, patience: std::time::Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

/// Kinds of the events of the run of a job, in their order.
fn kinds(sink: &Path, job: &str) -> Vec<String> {
    let text = fs::read_to_string(sink).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_job = lines.filter(|event| event["job"]["name"] == job);
    of_job.filter_map(|event| event["eventType"].as_str().map(str::to_owned)).collect()
}

/// Whether a process has a file open.
fn has_open(process: u32, file: &Path) -> bool {
    let folder = fs::read_dir(format!("/proc/{process}/fd"));
    let mut links =
        folder.into_iter().flatten().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link: PathBuf| link == file)
}

#[test]
fn a_run_ends_once_whether_its_connect_is_killed_interrupted_or_fails() {
    let mut world = World::start_with(&SHORT);
    world.postgres.sql("bench", "CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO PUBLIC");
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let sink = world.folder().join("agent/runs.jsonl");

    // Killed before the agent is killed, too; and after that.
    let (mut before, sleep) = lasting(&ana, "before");
    before.signal(Signal::KILL);
    before.wait_for_end();
    kill(&ana, "-KILL", &sleep);
    world.agent.kill();
    world.agent.restart();
    let (mut killed, sleep) = lasting(&ana, "killed");
    killed.signal(Signal::KILL);
    killed.wait_for_end();
    kill(&ana, "-KILL", &sleep);

    // While the second resource waits for people.
    let both = [BENCH, SHOP];
    let mut waits = Process::start("connect run", &mut command(&ana, &both, "waits", "touch ran"));
    waits.wait_for_line("needs approval from security");
    waits.signal(Signal::INT);
    assert_eq!(waits.wait_for_end().code(), Some(130), "{}", waits.transcript());
    assert!(waits.transcript().contains("was interrupted"), "{}", waits.transcript());
    // The second resource is refused after the first was opened.
    let mut denied = Process::start("connect run", &mut command(&ana, &both, "denied", "touch ran"));
    let request = denied.wait_for("its request", |line| {
        let rest = &line[line.find("req_")?..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        Some(rest[..end.unwrap_or(rest.len())].to_owned())
    });
    sam.runs(&["reject", &request, "--reason", "not today"]).good();
    assert_eq!(denied.wait_for_end().code(), Some(125), "{}", denied.transcript());
    assert!(denied.transcript().contains(SHOP), "which one: {}", denied.transcript());
    assert!(!ana.home().join("ran").exists());
    assert!(ana.runs(&["ls", "--json"]).good().matches("\"stage\"").count() == 0, "nothing is left open");
    // The command cannot be started.
    let script = ana.home().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
    let words = ["run", BENCH, "--job", "unstarted", "--output", "unstarted", "--", "./script"];
    let finished = ana.runs(&words);
    assert!(finished.code >= 125 && finished.stderr.contains("cannot start"), "{finished:?}");
    // While its output is hashed.
    let big = ana.home().join("hashed");
    let script = "psql -XAtqc 'SELECT a FROM t' && truncate -s 400G hashed";
    let mut hashed = Process::start("connect run", &mut command(&ana, &[BENCH], "hashed", script));
    wait_until("nothing is hashed", PATIENCE, || has_open(hashed.id(), &big));
    hashed.signal(Signal::INT);
    assert_eq!(hashed.wait_for_end().code(), Some(130), "{}", hashed.transcript());
    assert!(!ana.home().join("hashed.intoto.jsonl").exists());

    // Two that nobody ends: the agent does, when their grants are over.
    wait_until("the agent ends no run by itself", PATIENCE * 2, || {
        ["before", "killed"].iter().all(|job| kinds(&sink, job).len() == 2)
    });
    for (job, kind) in [
        ("before", "ABORT"),
        ("killed", "ABORT"),
        ("waits", "ABORT"),
        ("denied", "FAIL"),
        ("unstarted", "FAIL"),
        ("hashed", "ABORT"),
    ] {
        wait_until(job, PATIENCE, || kinds(&sink, job).len() > 1);
        assert_eq!(kinds(&sink, job), ["START", kind], "{job}");
    }
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let ended = leaves::of_kind(&leaves, "run_ended");
    for (job, reason) in [("before", Some("abandoned")), ("killed", Some("abandoned")), ("waits", None)] {
        let own: Vec<_> = ended.iter().filter(|leaf| leaf["job"] == job).collect();
        let reasons: Vec<_> = own.iter().map(|leaf| leaf["reason"].as_str()).collect();
        assert_eq!(reasons, [reason], "{own:#?}");
    }
    for job in ["denied", "unstarted", "hashed"] {
        assert_eq!(ended.iter().filter(|leaf| leaf["job"] == job).count(), 1, "{job} ended once: {ended:#?}");
    }
    let statements = ended.iter().find(|leaf| leaf["job"] == "killed").map(|leaf| &leaf["statements"]);
    assert_eq!(statements, Some(&1.into()), "what it had run stands in its end");
}

#[test]
fn what_a_run_had_lost_stands_in_its_attestation() {
    let mut world = World::start();
    world.postgres.sql("bench", "CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO PUBLIC");
    let ana = world.person("ana");
    let connect = place::built("connect").display().to_string();
    let findings = |job: &str, script: &str| {
        let script = format!(
            "psql -XAtqc 'SELECT sku FROM products' >{job} && psql -XAtq \"$CONNECT_URL_BENCH_DB\" -c 'SELECT a FROM t' \
             >>{job} && {script} && echo more >>{job}"
        );
        let finished = process::run(&mut command(&ana, &[SHOP, BENCH], job, &script));
        assert_eq!(finished.code, 0, "{finished:?}");
        let verified: Value = serde_json::from_str(&verify(&ana, &[job]).good()).expect("JSON");
        (verified["findings"].to_string(), verified["run"]["lost"].clone())
    };
    assert_eq!(findings("whole", "true"), ("[]".to_owned(), Value::Null));
    // By its own person, in the middle of it.
    let (said, lost) = findings("closed", &format!("\"{connect}\" close {BENCH}"));
    assert!(
        said.contains("had lost bench-db before its end (closed)") && !said.contains("shop-db"),
        "{said}"
    );
    assert_eq!(lost, serde_json::json!([{ "resource": BENCH, "code": "closed" }]));
    // By the agent: nothing of it is left, and the command goes on.
    let (said, _) = findings("revoked", &format!("\"{connect}\" revoke --mine"));
    for resource in [SHOP, BENCH] {
        let words = format!("had lost {resource} before its end (revoked)");
        assert!(said.contains(&words), "{said}");
    }
    world.agent.stop();
}

#[test]
fn statements_at_the_edge_of_a_runs_end_are_in_its_record_or_refused() {
    let mut world = World::start();
    let ana = world.person("ana");
    // Connections of before and new ones, for as long as they are let.
    let hammer = "for n in 1 2 3 4; do \
        (while psql -XAtqc 'SELECT id FROM orders LIMIT 1' >/dev/null 2>&1; do :; done) & \
        (yes 'SELECT sku FROM products LIMIT 1;' | psql -XAtq >/dev/null 2>&1) & done";
    let script = format!(
        "eval \"$(\"$CONNECT\" run start {SHOP} --job edge --output edge)\"; {hammer}; \
         psql -XAtc 'SELECT pg_sleep(1)' >edge; \"$CONNECT\" run stop; wait"
    );
    let mut shell = ana.program(&place::installed("sh"), &["-c", &script]);
    let finished = process::run(shell.env("CONNECT", place::built("connect")));
    assert!(finished.stderr.contains("attested in"), "{finished:?}");
    let verified: Value = serde_json::from_str(&verify(&ana, &["edge"]).good()).expect("JSON");
    let seen = &verified["run"];
    let listed = seen["statements"].as_array().expect("statements");
    assert!(listed.len() > 20, "{listed:#?}");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let end = leaves.iter().position(|leaf| leaf["kind"] == "run_ended").expect("an end");
    let run = &leaves[end]["run"];
    let is_own = |leaf: &&Value| leaf["kind"] == "intent" && leaf["run"] == *run;
    let own = leaves[..end].iter().filter(is_own).count();
    assert_eq!(listed.len(), own, "each of them is listed");
    assert_eq!(leaves[end..].iter().filter(is_own).count(), 0, "and none comes behind the end");
}
