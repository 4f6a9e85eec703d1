//! What a run does with failures and signals of its command, with runs of others around it, and with runs within it.

use connect_tests::process::{Process, Signal};

use super::*;

fn parent(person: &Person, output: &str) -> (Value, Value) {
    let verified: Value = serde_json::from_str(&verify(person, &[output]).good()).expect("JSON");
    (verified["run"]["run"].clone(), verified["run"]["parent"].clone())
}

#[test]
fn a_failure_and_a_signal_end_a_run_as_failed_and_a_run_within_a_run_names_it() {
    let mut world = World::start();
    let ana = world.person("ana");
    let connect = place::built("connect").display().to_string();
    let run = |job: &str, output: &str, script: &str, variables: &[(&str, &str)]| {
        let words = ["run", SHOP, "--job", job, "--output", output, "--", "sh", "-c", script];
        let mut command = ana.connect(&words);
        command.env("CONNECT", &connect).envs(variables.iter().copied());
        process::run(&mut command)
    };
    // Within a run its command starts another: the outer one is its parent.
    let inner = "\"$CONNECT\" run shop-db --job inner --output inner -- sh -c \
                 'psql -XAtc \"SELECT count(*) FROM orders\" >inner' && cp inner outer";
    run("outer", "outer", inner, &[]).good();
    let (outer, none) = parent(&ana, "outer");
    assert_eq!(none, Value::Null);
    let (_, named) = parent(&ana, "inner");
    assert_eq!(named, format!("connect/outer/{}", outer.as_str().expect("a run")));

    // Ids of others are taken up and passed on; a retry is a run of its own under the same parent.
    let orchestrator =
        [("OPENLINEAGE_PARENT_ID", "airflow/daily.train/0190b5f0-0000-7000-8000-000000000001")];
    let script = "echo \"$OPENLINEAGE_PARENT_ID $MLFLOW_RUN_ID $TRACEPARENT\" >made; test -e retried || { touch retried; exit 9; }";
    assert_eq!(run("train", "made", script, &orchestrator).code, 9, "the first attempt fails");
    assert!(!ana.home().join("made.intoto.jsonl").exists());
    run("train", "made", script, &orchestrator).good();
    let (own, named) = parent(&ana, "made");
    assert_eq!(named, orchestrator[0].1);
    let said = fs::read_to_string(ana.home().join("made")).expect("a file");
    assert!(said.starts_with(&format!("connect/train/{}", own.as_str().expect("a run"))), "{said}");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    run(
        "train",
        "traced",
        "echo \"$MLFLOW_RUN_ID $TRACEPARENT\" >traced",
        &[("MLFLOW_RUN_ID", "abc"), ("TRACEPARENT", trace)],
    )
    .good();
    assert_eq!(parent(&ana, "traced").1, "mlflow:abc");
    assert_eq!(fs::read_to_string(ana.home().join("traced")).expect("a file"), format!("abc {trace}\n"));

    // A signal is the command's; how it ends is how the run does.
    let words = [
        "run",
        SHOP,
        "--job",
        "stopped",
        "--output",
        "cut",
        "--",
        "sh",
        "-c",
        "echo x >cut; echo up; sleep 600",
    ];
    let mut stopped = Process::start("connect run", &mut ana.connect(&words));
    stopped.wait_for_line("up");
    stopped.signal(Signal::TERM);
    assert_eq!(stopped.wait_for_end().code(), Some(143));
    assert!(!ana.home().join("cut.intoto.jsonl").exists());
    // What is missing at the end is a failure, too.
    let missing = run("missing", "nothing", "true", &[]);
    assert_eq!(missing.code, 9, "{}", missing.stderr);

    // A child with a connection of its own is not in the run: what it read is none of its sources, and it is said.
    let own = "\"$CONNECT\" exec shop-db -- psql -XAtc 'SELECT sku FROM products' >own";
    run("own", "own", own, &[]).good();
    let verified: Value = serde_json::from_str(&verify(&ana, &["own"]).good()).expect("JSON");
    let elsewhere = verified["run"]["counters"]["elsewhere"].as_u64();
    assert!(
        elsewhere > Some(0) && !verified["run"]["sources"].to_string().contains("products"),
        "{verified:#}"
    );
    let said = format!("ran {} statements outside of this run", elsewhere.unwrap_or_default());
    assert!(verified["findings"].to_string().contains(&said), "{verified:#}");
    let page = ana.runs(&["attest", "verify", "own"]).good();
    assert!(page.contains(&said), "{page}");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let ended: Vec<(String, u64, usize)> = leaves::of_kind(&leaves, "run_ended")
        .iter()
        .map(|leaf| {
            let outputs = leaf["outputs"].as_array().map_or(0, Vec::len);
            (
                leaf["job"].as_str().expect("a job").to_owned(),
                leaf["status"].as_u64().expect("a status"),
                outputs,
            )
        })
        .collect();
    let expected = [
        ("inner", 0, 1),
        ("outer", 0, 1),
        ("train", 9, 0),
        ("train", 0, 1),
        ("train", 0, 1),
        ("stopped", 143, 0),
        ("missing", 9, 0),
        ("own", 0, 1),
    ];
    assert_eq!(ended, expected.map(|(job, status, outputs)| (job.to_owned(), status, outputs)));
}
