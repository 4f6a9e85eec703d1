//! Tools that this project did not write check its log, by the commands of `agent/VERIFY.md`.

use std::{fs, path::Path, process::Command, time::Instant};

use connect_tests::{
    agent::SHOP,
    person::Person,
    place,
    process::{self, Finished, PATIENCE},
    witness::Witness,
    world::World,
};

/// The fenced commands, each a script. The first only installs.
fn commands() -> Vec<String> {
    let text = fs::read_to_string(place::workspace().join("agent/VERIFY.md")).expect("VERIFY.md");
    let blocks: Vec<String> = text
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(str::to_owned)
        .collect();
    assert_eq!(blocks.len(), 9, "what VERIFY.md says is what is run here");
    assert!(blocks[0].contains("pip install"), "{}", blocks[0]);
    blocks
}

fn agents_key(person: &Person) -> String {
    let known = fs::read_to_string(person.home().join("connect/config/agents.toml")).expect("agents");
    let line = known.lines().find(|line| line.starts_with("key = ")).expect("the log's key");
    line.trim_start_matches("key = ").trim_matches('"').to_owned()
}

/// Runs one of the commands where the tools are.
fn stranger(script: &str, folder: &Path, variables: &[(&str, &str)]) -> Finished {
    let python = place::python();
    let bin = python.parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).env("PATH", path).current_dir(folder);
    process::run(command.envs(variables.iter().copied()))
}

/// Until a file has these words; the wait is bounded by the test's patience.
fn wait_for_words(file: &Path, words: &str) {
    let end = Instant::now() + PATIENCE;
    while !fs::read_to_string(file).unwrap_or_default().contains(words) {
        assert!(Instant::now() < end, "{} has no {words}", file.display());
        std::thread::yield_now();
    }
}

#[test]
fn the_commands_of_verify_md_accept_the_log_and_refuse_one_that_was_touched() {
    let commands = commands();
    let mut world = World::start();
    let ana = world.person("ana");
    let key = agents_key(&ana);
    let witness = Witness::start(&world.folder().join("witness"), &key, "127.0.0.1:0");
    world.agent.stop();
    let config = fs::read_to_string(world.agent.config()).expect("a configuration");
    let events = world.folder().join("agent/events.jsonl");
    let line = format!(
        "{config}\n[[log.witness]]\nurl = \"http://{}\"\nkey = \"{}\"\n\n[[log.sink]]\nname = \"lineage\"\n\
         file = \"{}\"\nformat = \"openlineage\"\n",
        witness.address(),
        witness.key(),
        events.display()
    );
    fs::write(world.agent.config(), line).expect("written");
    let old = world.folder().join("old-checkpoint");
    fs::copy(world.agent.log().join("checkpoint"), &old).expect("a checkpoint");
    world.agent.restart();
    let tunnel = ana.open(SHOP);
    // More than one bundle, so that there are full tiles.
    let sql: String = (0..200).map(|number| format!("SELECT {number};\n")).collect();
    assert_eq!(tunnel.psql(&sql).code, 0);
    drop(tunnel);
    let script = "psql -XAtc 'SELECT segment, email FROM customer_mail' >model.txt";
    ana.runs(&["run", SHOP, "--job", "train", "--output", "model.txt", "--", "sh", "-c", script]).good();
    let attestation = ana.home().join("model.txt.intoto.jsonl");
    wait_for_words(&events, "model.txt@sha256:");
    world.agent.stop();

    let log = world.agent.log();
    let shown = [log.display().to_string(), old.display().to_string()];
    let of_lineage = [&attestation, &events, &ana.home().join("connect/config/agents.toml")]
        .map(|path| path.display().to_string());
    let run = |script: &str, log: &str| {
        let source = place::workspace().display().to_string();
        let cache = world.folder().join("go-cache").display().to_string();
        let variables = [
            ("LOG", log),
            ("KEY", key.as_str()),
            ("OLD", shown[1].as_str()),
            ("WITNESS", witness.key()),
            ("SOURCE", source.as_str()),
            ("GOCACHE", cache.as_str()),
            ("ATTESTATION", of_lineage[0].as_str()),
            ("EVENTS", of_lineage[1].as_str()),
            ("AGENTS", of_lineage[2].as_str()),
        ];
        stranger(script, world.folder(), &variables)
    };
    // Go is large: who has it not is asked for it by the long suite only.
    let has_go = place::find("go").is_some() || std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let tried = |script: &&String| has_go || !script.contains("go run");
    for script in commands[1..].iter().filter(tried) {
        let finished = run(script, &shown[0]);
        assert_eq!(finished.code, 0, "{script}\n{}\n{}", finished.stdout, finished.stderr);
    }
    assert!(run(&commands[2], &shown[0]).stdout.contains("as signed"));
    let entry = fs::read_to_string(world.folder().join("entry.json")).expect("an entry");
    assert!(entry.contains("agent_started"), "{entry}");

    // Whoever changes the file, or an event, is refused by the same two commands.
    let said = run(&commands[7], &shown[0]).stdout;
    assert!(said.contains("model.txt sha256"), "{said}");
    fs::write(ana.home().join("model.txt"), "swapped").expect("written");
    assert_ne!(run(&commands[7], &shown[0]).code, 0);
    assert!(run(&commands[8], &shown[0]).stdout.contains("public.customers.email"));
    let text = fs::read_to_string(&events).expect("events");
    fs::write(&events, text.replace("\"DIRECT\"", "\"DIRECTLY\"")).expect("written");
    assert_ne!(run(&commands[8], &shown[0]).code, 0);

    // One letter of the first bundle.
    let damaged = world.folder().join("damaged");
    process::run(Command::new("cp").arg("-a").arg(&log).arg(&damaged)).good();
    let bundle = damaged.join("tile/entries/000");
    let mut bytes = fs::read(&bundle).expect("a bundle");
    let at = bytes.windows(6).rposition(|window| window == b"select").expect("a select");
    bytes[at..at + 6].copy_from_slice(b"delete");
    fs::write(&bundle, bytes).expect("written");
    for script in commands[2..4].iter().filter(tried) {
        let refused = run(script, &damaged.display().to_string());
        assert_ne!(refused.code, 0, "{}", refused.stdout);
    }
    let ours = ana.runs(&["audit", "verify", "--log", &damaged.display().to_string()]);
    assert_eq!(ours.code, 10, "{}", ours.stdout);
    assert!(ours.stdout.contains("changed after it was written"), "it says what and where: {}", ours.stdout);
}
