//! Runs between `connect run start` and `connect run stop`, as a notebook has them, and how they are lost.

use std::time::Instant;

use connect_tests::process::PATIENCE;
use serde_json::json;

use super::*;

/// What the cells of a notebook do, with a driver of its own.
const NOTEBOOK: &str = r#"
import json, os, subprocess, sys
connect = sys.argv[1]
def run(*words):
    done = subprocess.run([connect, "--json", "run", *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
started = run("start", "shop-db", "--job", "notebook", "--input", "notebook.py", "--output", "model.json")
os.environ.update(started["environment"])

import psycopg
with psycopg.connect() as connection:
    rows = connection.execute("SELECT segment, email FROM customers").fetchall()
assert all(email.endswith("@masked.invalid") for _, email in rows)
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("SELECT count(*) FROM orders").fetchall()
json.dump({"customers": len(rows), "run": os.environ["CONNECT_RUN_ID"]}, open("model.json", "w"))
[listed] = run("ls")["runs"]
# Without a name: the notebook's own, by its environment.
ended = run("stop")
# Its variables are still there, and what comes next is no part of it.
again = run("start", "shop-db", "--job", "next", "--output", "next.json")
os.environ.update(again["environment"])
open("next.json", "w").write("{}")
run("stop")
print(json.dumps({"started": started, "listed": listed, "ended": ended, "parent": started["environment"]["OPENLINEAGE_PARENT_ID"]}))
"#;

fn json_of(finished: Finished) -> Value {
    serde_json::from_str(&finished.good()).expect("JSON")
}

fn runs(person: &Person) -> Vec<Value> {
    let listed = json_of(person.runs(&["--json", "run", "ls"]));
    listed["runs"].as_array().expect("runs").clone()
}

/// A run in the background, and its id.
fn start(person: &Person, output: &str) -> String {
    let started = json_of(person.runs(&["--json", "run", "start", SHOP, "--job", "j", "--output", output]));
    started["run"].as_str().expect("a run").to_owned()
}

fn state_of(person: &Person, run: &str) -> String {
    let found = runs(person).into_iter().find(|one| one["run"] == run);
    found.and_then(|one| one["state"].as_str().map(str::to_owned)).unwrap_or_default()
}

#[track_caller]
fn await_state(person: &Person, run: &str, state: &str) {
    let end = Instant::now() + PATIENCE;
    while state_of(person, run) != state {
        assert!(Instant::now() < end, "{run} is {} and not {state}", state_of(person, run));
        std::thread::yield_now();
    }
}

#[track_caller]
fn stopped_as(person: &Person, run: &str, (code, exit): (&str, i32)) -> String {
    let finished = person.runs(&["--json", "run", "stop", run]);
    let report: Value = serde_json::from_str(&finished.stderr).unwrap_or_else(|_| panic!("{finished:?}"));
    assert_eq!((report["code"].as_str(), finished.code), (Some(code), exit), "{report:#}");
    report["message"].as_str().expect("a message").to_owned()
}

#[test]
fn a_notebook_is_one_run_from_start_to_stop_and_what_it_wrote_is_attested() {
    let world = World::start();
    let ana = world.person("ana");
    fs::write(ana.home().join("notebook.py"), NOTEBOOK).expect("a file");
    let connect = place::built("connect").display().to_string();
    let said = process::run(&mut ana.program(&place::python(), &["notebook.py", &connect])).good();
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let run = said["started"]["run"].as_str().expect("a run");
    assert_eq!(said["started"]["environment"]["CONNECT_RUN_ID"], run);
    assert_eq!(said["parent"], format!("connect/notebook/{run}"));
    assert_eq!((&said["listed"]["run"], &said["listed"]["state"]), (&json!(run), &json!("open")), "{said:#}");
    assert_eq!(said["ended"]["attestations"].as_array().map(Vec::len), Some(1), "{said:#}");
    let verified = json_of(verify(&ana, &["model.json"]));
    let seen = &verified["run"];
    assert_eq!((seen["run"].as_str(), seen["job"].as_str()), (Some(run), Some("notebook")));
    let statements = seen["statements"].as_array().expect("statements");
    let selects = statements.iter().filter(|statement| statement["verb"] == "select").count();
    assert_eq!(selects, 2, "two connections, one run: {seen:#}");
    assert_eq!(seen["inputs"][0]["name"], "notebook.py");
    assert_eq!(verified["findings"], json!([]), "{verified:#}");
    assert!(runs(&ana).is_empty());
    let next = json_of(verify(&ana, &["next.json"]));
    assert_eq!((&next["run"]["job"], &next["run"]["parent"]), (&json!("next"), &Value::Null), "{next:#}");

    // The same for a shell, where its lines are evaluated.
    let script = "eval \"$(\"$CONNECT\" run start shop-db --job shell --output made)\" && \
                  psql -XAtc 'SELECT count(*) FROM orders' >made && \"$CONNECT\" run stop 2>&1";
    let mut shell = ana.program(&place::installed("sh"), &["-c", script]);
    let said = process::run(shell.env("CONNECT", &connect)).good();
    assert!(said.contains("made.intoto.jsonl"), "{said}");
    assert_eq!(json_of(verify(&ana, &["made"]))["run"]["counters"]["statements"], 1);
    // What an AI agent's run starts are parts of its session. Once it is over, the agent may begin its next one in the
    // same shell, and nothing that is not an AI agent's.
    let script = "eval \"$(\"$CONNECT\" run start shop-db --job ai --actor bot --output ai)\" && \
                  \"$CONNECT\" exec shop-db -- psql -XAtc 'SELECT count(*) FROM orders' >ai && \
                  \"$CONNECT\" run stop && ! \"$CONNECT\" run start shop-db --job ai --output ai2 && \
                  eval \"$(\"$CONNECT\" run start shop-db --job ai --actor bot --output ai2)\" && \
                  psql -XAtc 'SELECT count(*) FROM orders' >ai2 && \"$CONNECT\" run stop";
    let mut shell = ana.program(&place::installed("sh"), &["-c", script]);
    let said = process::run(shell.env("CONNECT", &connect));
    assert!(said.code == 0 && said.stderr.contains("this is the command of an AI agent"), "{said:?}");
    for output in ["ai", "ai2"] {
        let seen = json_of(verify(&ana, &[output]))["run"].clone();
        assert_eq!(
            (&seen["principal"]["actor"], &seen["counters"]["statements"]),
            (&json!("bot"), &json!(1)),
            "{seen:#}"
        );
    }
    // Of a run that failed the log knows, and nobody else.
    fs::write(ana.home().join("failed"), "x").expect("a file");
    fs::remove_file(ana.home().join("failed")).expect("removed");
    let run = start(&ana, "failed");
    fs::write(ana.home().join("failed"), "x").expect("a file");
    ana.runs(&["run", "stop", &run, "--failed"]).good();
    assert!(!ana.home().join("failed.intoto.jsonl").exists());
    // An output that nobody wrote ends the run, too.
    let run = start(&ana, "never");
    stopped_as(&ana, &run, ("unattested:file", 9));
    assert_eq!(stopped_as(&ana, &run, ("no_run", 3)), format!("no run `{run}` is open on this machine"));

    // Several at once have different outputs, and are told apart.
    let (one, two) = (start(&ana, "one"), start(&ana, "two"));
    let busy = ana.runs(&["--json", "run", "start", SHOP, "--job", "j", "--output", "one"]);
    assert!(busy.code == 9 && busy.stderr.contains("output_busy"), "{busy:?}");
    assert_eq!(ana.runs(&["run", "stop"]).code, 2, "which one?");
    for (run, output) in [(&one, "one"), (&two, "two")] {
        fs::write(ana.home().join(output), run).expect("a file");
        ana.runs(&["run", "stop", &run[..13]]).good();
        assert_eq!(json_of(verify(&ana, &[output]))["run"]["run"].as_str(), Some(run.as_str()));
    }
}

#[test]
fn a_run_whose_process_or_session_is_gone_is_never_attested_in_silence() {
    let mut world = World::start();
    let ana = world.person("ana");
    let write = |name: &str| fs::write(ana.home().join(name), "x").expect("a file");
    let pid = |run: &str| {
        let listed = runs(&ana).into_iter().find(|one| one["run"] == run).expect("the run");
        listed["pid"].as_i64().expect("a process").to_string()
    };
    let kill = |signal: &str, run: &str| {
        process::run(&mut ana.program(&place::installed("kill"), &[signal, &pid(run)])).good();
    };

    let killed = start(&ana, "killed");
    write("killed");
    kill("-KILL", &killed);
    await_state(&ana, &killed, "lost");
    // What it held is free again, also before anybody has noticed.
    let again = start(&ana, "killed");
    let words = stopped_as(&ana, &killed, ("unattested:run_lost", 8));
    assert!(words.contains("killed, or the machine was restarted"), "{words}");
    assert_eq!(state_of(&ana, &killed), "");
    kill("-TERM", &again);
    await_state(&ana, &again, "ended early");
    let words = stopped_as(&ana, &again, ("unattested:run_lost", 8));
    assert!(words.contains("a signal ended its process"), "{words}");

    let closed = start(&ana, "closed");
    write("closed");
    ana.runs(&["close", SHOP]).good();
    await_state(&ana, &closed, "ended early");
    assert!(stopped_as(&ana, &closed, ("unattested:run_lost", 8)).contains("connect close"));

    let revoked = start(&ana, "revoked");
    write("revoked");
    ana.runs(&["revoke", "--mine"]).good();
    await_state(&ana, &revoked, "ended early");
    // While the agent is away nobody can be told, and the run stays in the list.
    stopped_as(&ana, &revoked, ("unattested:run_lost", 8));
    for output in ["killed", "closed", "revoked"] {
        assert!(!ana.home().join(format!("{output}.intoto.jsonl")).exists(), "{output}");
    }

    let away = start(&ana, "away");
    kill("-KILL", &away);
    world.agent.stop();
    await_state(&ana, &away, "lost");
    let finished = ana.runs(&["run", "stop", &away]);
    assert!(finished.code == 8 && finished.stderr.contains("does not know yet"), "{finished:?}");
    assert_eq!(state_of(&ana, &away), "lost");
    world.agent.restart();
    stopped_as(&ana, &away, ("unattested:run_lost", 8));
    assert!(runs(&ana).is_empty());

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let ended = leaves::of_kind(&leaves, "run_ended");
    for run in [&killed, &again, &closed, &revoked, &away] {
        let end: Vec<_> = ended.iter().filter(|leaf| leaf["run"] == run.as_str()).collect();
        assert_eq!(end.len(), 1, "{run}: {ended:#?}");
        assert_ne!(end[0]["status"], 0, "{run}");
        assert_eq!(end[0]["outputs"].as_array().map_or(0, Vec::len), 0, "{run}");
    }
}
