//! From the database to a file: `connect run`, and what its attestation survives and what not.

mod children;
mod ends;
mod folders;
mod notebooks;
mod several;

use std::{fs, path::Path};

use connect_tests::{agent::SHOP, leaves, person::Person, place, process, process::Finished, world::World};
use serde_json::Value;

/// A real, small training: the mean order value of each segment, from masked customers behind a view, by plain
/// arithmetic.
const TRAINING: &str = r#"
import collections, json, os, subprocess, sys
rows = subprocess.run(
    ["psql", "-XAtc", "SELECT c.segment, c.email, o.quantity FROM customer_mail c JOIN orders o ON o.customer_id = c.id"
     " WHERE o.status = 'paid'"], check=True, capture_output=True, text=True).stdout.splitlines()
sums = collections.defaultdict(lambda: [0, 0])
for row in rows:
    segment, email, quantity = row.split("|")
    assert email.endswith("@masked.invalid"), email
    sums[segment][0] += int(quantity)
    sums[segment][1] += 1
model = {segment: total / count for segment, (total, count) in sorted(sums.items())}
json.dump({"model": "mean", "weights": model, "run": os.environ["CONNECT_RUN_ID"],
           "parent": os.environ["OPENLINEAGE_PARENT_ID"], "trace": os.environ["TRACEPARENT"]},
          open(sys.argv[1], "w"))
"#;

fn train(person: &Person, output: &str, more: &[&str]) -> Finished {
    fs::write(person.home().join("train.py"), TRAINING).expect("a file");
    let mut all = vec!["run", SHOP, "--job", "train", "--input", "train.py", "--output", output];
    all.extend(more);
    all.extend(["--", "python3", "train.py", output]);
    person.runs(&all)
}

fn verify(person: &Person, more: &[&str]) -> Finished {
    let mut all = vec!["--json", "attest", "verify"];
    all.extend(more);
    person.runs(&all)
}

/// Checks an attestation with public packages alone.
fn strangers(person: &Person, attestation: &str) -> Finished {
    let script = place::of_tests("python/attestation.py").display().to_string();
    let agents = person.home().join("connect/config/agents.toml").display().to_string();
    let words = [script.as_str(), attestation, agents.as_str()];
    process::run(&mut person.program(&place::python(), &words))
}

#[track_caller]
fn refused(finished: &Finished, code: &str) {
    let report: Value = serde_json::from_str(&finished.stderr).unwrap_or_else(|_| panic!("{finished:?}"));
    assert_eq!((finished.code, report["code"].as_str()), (10, Some(code)), "{report:#}");
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("attestations");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn write(file: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(file, text).expect("a file");
}

fn payload(envelope: &Value) -> Value {
    use base64::Engine as _;
    let text = envelope["payload"].as_str().expect("a payload");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base 64");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn with_payload(envelope: &Value, payload: &Value) -> Value {
    use base64::Engine as _;
    let mut changed = envelope.clone();
    changed["payload"] = base64::engine::general_purpose::STANDARD.encode(payload.to_string()).into();
    changed
}

#[test]
fn a_model_is_traced_to_columns_and_masks_and_every_attack_on_that_has_a_name() {
    let mut world = World::start();
    let ana = world.person("ana");
    // The log as it is before the run, and as somebody could keep it.
    let before = world.folder().join("before");
    leaves::copy(&world.agent.log(), &before);
    train(&ana, "model.json", &["--reason", "a test"]).good();
    let model: Value =
        serde_json::from_str(&fs::read_to_string(ana.home().join("model.json")).expect("a model"))
            .expect("JSON");
    let run = model["run"].as_str().expect("a run").to_owned();
    assert_eq!(model["parent"], format!("connect/train/{run}"));
    assert_eq!(model["trace"].as_str().map(|trace| trace.len()), Some(55));
    assert_eq!(model["weights"].as_object().map(serde_json::Map::len), Some(3), "{model}");

    let verified: Value = serde_json::from_str(&verify(&ana, &["model.json"]).good()).expect("JSON");
    let seen = &verified["run"];
    assert_eq!((&verified["verified"], &verified["findings"]), (&true.into(), &serde_json::json!([])));
    assert_eq!((seen["run"].as_str(), seen["job"].as_str()), (Some(run.as_str()), Some("train")));
    let column = |table: &str, name: &str| {
        let tables = seen["sources"].as_array().expect("sources");
        let source = tables.iter().find(|source| source["table"] == table).expect(table);
        let columns = source["columns"].as_array().expect("columns");
        columns.iter().find(|column| column["name"] == name).unwrap_or_else(|| panic!("{source:#}")).clone()
    };
    assert_eq!(column("public.customers", "email")["masked"], "pii.email");
    assert_eq!(column("public.customers", "segment")["use"], "direct");
    assert_eq!(column("public.orders", "status")["use"], "indirect");
    assert_eq!(seen["counters"]["statements"], 1, "{seen:#}");
    assert!(seen["not_covered"].as_array().is_some_and(|lines| lines.len() >= 4));
    let page = ana.runs(&["attest", "verify", "model.json"]).good();
    assert!(page.contains("email · masked: pii.email") && page.contains("not covered"), "{page}");

    // Strangers' libraries check signatures, the log's receipt and the file, and find the same hash.
    let said = strangers(&ana, "model.json.intoto.jsonl").good();
    let hash = seen["outputs"][0]["sha256"].as_str().expect("a hash");
    assert_eq!(said.matches(hash).count(), 2, "{said}");

    // Another run of the same job.
    train(&ana, "other.json", &[]).good();
    let file = ana.home().join("model.json");
    let (attested, attested_other) =
        (ana.home().join("model.json.intoto.jsonl"), ana.home().join("other.json.intoto.jsonl"));
    let (good, foreign) = (lines(&attested), lines(&attested_other));
    let bytes = fs::read(&file).expect("a model");

    // The output is swapped after the end.
    fs::write(&file, "{}").expect("a file");
    refused(&verify(&ana, &["model.json"]), "attestation_output_swapped");
    assert!(strangers(&ana, "model.json.intoto.jsonl").stderr.contains("is not what was attested"));
    fs::write(&file, &bytes).expect("a file");
    // Another run's attestation on this file.
    let name = attested_other.display().to_string();
    refused(&verify(&ana, &["model.json", "--attestation", &name]), "attestation_other_run");
    // Lines of two runs.
    write(&attested, &[good[0].clone(), foreign[1].clone()]);
    refused(&verify(&ana, &["model.json"]), "attestation_other_run");
    // SLSA's line says something else than what was signed.
    let mut slsa = payload(&good[1]);
    slsa["predicate"]["buildDefinition"]["resolvedDependencies"] = serde_json::json!([]);
    write(&attested, &[good[0].clone(), with_payload(&good[1], &slsa)]);
    refused(&verify(&ana, &["model.json"]), "attestation_changed");
    // A statement is dropped, a mask is.
    for field in ["statements", "sources"] {
        let mut dropped = payload(&good[0]);
        dropped["predicate"][field] = serde_json::json!([]);
        write(&attested, &[with_payload(&good[0], &dropped), good[1].clone()]);
        refused(&verify(&ana, &["model.json"]), "attestation_changed");
    }
    // The type of the payload is changed.
    let mut typed = good[0].clone();
    typed["payloadType"] = "application/json".into();
    write(&attested, &[typed, good[1].clone()]);
    refused(&verify(&ana, &["model.json"]), "attestation_payload_type");
    // A line or a signature is taken away, or doubled.
    write(&attested, &good[..1]);
    refused(&verify(&ana, &["model.json"]), "attestation_line_missing");
    write(&attested, &[good[0].clone(), good[0].clone(), good[1].clone()]);
    refused(&verify(&ana, &["model.json"]), "attestation_form");
    for signature in 0..2 {
        let mut unsigned = good[0].clone();
        unsigned["signatures"].as_array_mut().expect("signatures").remove(signature);
        write(&attested, &[unsigned, good[1].clone()]);
        refused(&verify(&ana, &["model.json"]), "attestation_not_signed");
    }
    write(&attested, &good);
    verify(&ana, &["model.json"]).good();

    // The log is cut behind the run, or before it.
    world.agent.stop();
    let log = world.agent.log();
    let place = log.display().to_string();
    verify(&ana, &["model.json", "--log", &place]).good();
    let leaves = leaves::read(&log);
    let ended = leaves::of_kind(&leaves, "run_ended");
    assert_eq!(
        (ended.len(), ended[0]["run"].as_str(), ended[0]["statements"].as_u64()),
        (2, Some(run.as_str()), Some(1))
    );
    let intents: Vec<_> =
        leaves::of_kind(&leaves, "intent").into_iter().filter(|leaf| leaf["run"] == run).collect();
    assert_eq!(intents.len(), 1);
    ana.runs(&["audit", "verify", "--log", &place]).good();
    let against = |log: &Path| verify(&ana, &["model.json", "--log", &log.display().to_string()]);
    let size = |log: &Path| {
        let checkpoint = fs::read_to_string(log.join("checkpoint")).expect("a checkpoint");
        checkpoint.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).expect("a size")
    };
    let receipt = payload(&good[0])["predicate"]["receipt"].as_str().expect("a receipt").to_owned();
    let signed = receipt.split_once("\n\n").expect("a checkpoint").1;
    let then = signed.lines().nth(1).expect("a size");
    // What was signed before the run, with all that it has.
    let finished = against(&before);
    refused(&finished, "attestation_log_cut");
    let both = format!("it has {} entries, and had {then}", size(&before));
    assert!(finished.stderr.contains(&both), "{both}: {}", finished.stderr);
    // What is signed now, without the entries of the end.
    let cut = world.folder().join("cut");
    leaves::copy(&log, &cut);
    let (now, last) = (size(&log), size(&log) / 256);
    fs::remove_dir_all(cut.join(format!("tile/entries/{last:03}.p"))).expect("the last bundle");
    let finished = against(&cut);
    refused(&finished, "attestation_log_cut");
    let both = format!("it has {} entries, and had {now}", last * 256);
    assert!(finished.stderr.contains(&both), "{both}: {}", finished.stderr);
    // A checkpoint and nothing else.
    let bare = world.folder().join("bare");
    fs::create_dir_all(&bare).expect("a folder");
    fs::write(bare.join("checkpoint"), signed).expect("a file");
    refused(&against(&bare), "attestation_log_cut");
    // One that was changed is another matter.
    let changed = world.folder().join("changed");
    leaves::copy(&log, &changed);
    let bundle = changed.join(format!("tile/entries/{last:03}.p/{}", now % 256));
    let mut bytes = fs::read(&bundle).expect("a bundle");
    let at = bytes.windows(4).rposition(|window| window == b"kind").expect("an entry");
    bytes[at] = b'K';
    fs::write(&bundle, bytes).expect("written");
    let finished = against(&changed);
    refused(&finished, "attestation_log");
    assert!(finished.stderr.contains("changed after it was written"), "{}", finished.stderr);
}

#[test]
fn a_run_that_cannot_be_attested_says_so_and_its_status_is_the_commands() {
    let world = World::start();
    let ana = world.person("ana");
    let run = |output: &str, script: &str| {
        ana.runs(&["--json", "run", SHOP, "--job", "j", "--output", output, "--", "sh", "-c", script])
    };
    let failed = run("out", "echo x >out; exit 7");
    assert_eq!(failed.code, 7, "{}", failed.stderr);
    assert!(!ana.home().join("out.intoto.jsonl").exists());
    let missing = run("nothing", "true");
    assert_eq!(missing.code, 9, "{}", missing.stderr);
    std::os::unix::fs::symlink("/etc/hostname", ana.home().join("link")).expect("a link");
    assert_eq!(run("link", "touch ran").code, 125);
    assert!(!ana.home().join("ran").exists(), "what cannot be an output is refused before the command runs");
    // Of two outputs one is not the other.
    let two = ["--json", "run", SHOP, "--job", "j", "--output", "one", "--output", "two", "--", "sh", "-c"];
    let script = "echo 1 >one; echo 2 >two; psql -Xqc 'SELECT 1' >/dev/null";
    ana.runs(&[&two[..], &[script]].concat()).good();
    verify(&ana, &["two"]).good();
    fs::copy(ana.home().join("two"), ana.home().join("one")).expect("a copy");
    refused(&verify(&ana, &["one"]), "attestation_output_swapped");
    refused(&run("made", "ln -s /etc/hostname made"), "unattested:output_no_file");
    fs::write(ana.home().join("old"), "x").expect("a file");
    refused(&run("old", "psql -Xqc 'SELECT 1' >/dev/null"), "unattested:output_not_written");
    // An input that is another one by the end was not what the run read.
    let read = ["--json", "run", SHOP, "--job", "j", "--input", "old", "--output", "new", "--", "sh", "-c"];
    let changed = ana.runs(&[&read[..], &["cp old new; echo more >>old"]].concat());
    refused(&changed, "unattested:input_changed");
    assert!(!ana.home().join("new.intoto.jsonl").exists());
    // What no attestation can hold is known before the command has run for hours.
    let many: Vec<String> = (0..65).map(|number| format!("--input=in{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let more = ["--json", "run", SHOP, "--job", "j", "--output", "new", "--", "touch", "ran"];
    let refusals = [
        [&more[..7], &many[..], &more[7..]].concat(),
        [&more[..7], &["--output", "a/x", "--output", "b/x"], &more[7..]].concat(),
        [&more[..7], &["--output", "a\tb"], &more[7..]].concat(),
    ];
    for words in refusals {
        let refused = ana.runs(&words);
        assert!(refused.code == 125 && refused.stderr.contains("\"usage\""), "{refused:?}");
    }
    assert!(!ana.home().join("ran").exists());
    assert_eq!(run("out", "exec no-such-program").code, 127);
    let finished = run("early", "echo x >early; psql -Xqc 'SELECT id FROM orders' >/dev/null");
    finished.good();
    let verified: Value = serde_json::from_str(&verify(&ana, &["early"]).good()).expect("JSON");
    let findings = verified["findings"].to_string();
    assert!(findings.contains("before the run's last read"), "{findings}");
}
