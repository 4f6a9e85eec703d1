//! Events of the log in other people's collectors.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path, time::Instant};

use connect_tests::{
    agent::SHOP,
    collectors::{Certified, Nats, Rsyslog, TOKEN},
    person::Person,
    process::PATIENCE,
    world::World,
};
use serde_json::Value;

fn token_file(folder: &Path, token: &str) -> String {
    let file = folder.join(format!("{token}.token"));
    fs::write(&file, token).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
    file.display().to_string()
}

fn add_sinks(world: &mut World, sinks: &str) {
    world.agent.stop();
    let config = fs::read_to_string(world.agent.config()).expect("a configuration");
    fs::write(world.agent.config(), format!("{config}\n{sinks}")).expect("written");
    world.agent.restart();
}

/// Makes a statement that is denied, and gives the index of the last denial.
fn denied(li: &Person, sam: &Person) -> u64 {
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "DELETE FROM orders"]);
    let found = sam.runs(&["audit", "search", "--format", "ocsf", "--limit", "1000"]).good();
    let events = found.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let denials = events.filter(|event| event["metadata"]["event_code"] == "denial");
    denials.filter_map(|event| event["metadata"]["sequence"].as_u64()).max().expect("a denial")
}

/// Asks again and again until everything up to this entry is there.
#[track_caller]
fn once_it_has(upto: u64, mut indices: impl FnMut() -> Vec<u64>) -> Vec<u64> {
    let end = Instant::now() + PATIENCE;
    let wanted: BTreeSet<u64> = (0..=upto).collect();
    loop {
        let got = indices();
        let missing: Vec<u64> = wanted.difference(&got.iter().copied().collect()).copied().collect();
        if missing.is_empty() {
            return got;
        }
        assert!(Instant::now() < end, "of {upto} entries {missing:?} are missing");
        std::thread::yield_now();
    }
}

fn in_stream(nats: &Nats) -> Vec<u64> {
    let events = nats.kept().into_iter().filter(|kept| kept["subject"] != "connect.audit.export_summary");
    let index = |kept: Value| {
        let index = kept["event"]["metadata"]["sequence"].as_u64().expect("an index");
        assert_eq!(kept["id"], format!("connect.local/test/{index}"));
        let kind = kept["event"]["metadata"]["event_code"].as_str().expect("a kind");
        assert_eq!(kept["subject"], format!("connect.audit.{kind}"));
        index
    };
    events.map(index).collect()
}

fn in_syslog(rsyslog: &Rsyslog) -> Vec<u64> {
    let index = |line: &String| {
        let (head, event) = line.split_once('{').expect("an event");
        assert!(head.starts_with("110 connect-agent "), "{line}");
        let event: Value = serde_json::from_str(&format!("{{{event}")).expect("JSON");
        let index = event["metadata"]["sequence"].as_u64()?;
        assert!(
            head.contains(&format!(" [connect@32473 origin=\"connect.local/test\" index=\"{index}\"] ")),
            "{line}"
        );
        Some(index)
    };
    rsyslog.lines().iter().filter_map(index).collect()
}

#[test]
fn nats_and_rsyslog_get_every_event_also_what_happened_while_they_were_away() {
    let mut world = World::start();
    let folder = world.folder().to_owned();
    let certified = Certified::new(&folder.join("certified"));
    let mut nats = Nats::start(&folder.join("nats"), &certified);
    let mut rsyslog = Rsyslog::start(&folder.join("rsyslog"), &certified);
    let authority = format!("ca_file = \"{}\"", certified.authority().display());
    let to_nats = |name: &str, token: &str, more: &str| {
        let token = token_file(&folder, token);
        format!(
            "[[log.sink]]\nname = \"{name}\"\nnats = \"{}\"\ntoken_file = \"{token}\"\n{more}\n",
            nats.url()
        )
    };
    let sinks = [
        to_nats("stream", TOKEN, &authority),
        format!("[[log.sink]]\nname = \"syslog\"\nsyslog = \"{}\"\n{authority}\n", rsyslog.address()),
        to_nats("stranger", "guessed", &authority),
        to_nats("unknown", TOKEN, ""),
        to_nats("nowhere", TOKEN, &format!("{authority}\nsubject = \"nobody.listens\"")),
    ];
    add_sinks(&mut world, &sinks.concat());
    let (li, sam) = (world.person("li"), world.person("sam"));
    let first = denied(&li, &sam);
    once_it_has(first, || in_stream(&nats));
    once_it_has(first, || in_syslog(&rsyslog));
    // Each of the others says why it is behind, and holds up itself alone.
    for (sink, code) in [("stranger", "not_accepted"), ("unknown", "no_answer"), ("nowhere", "no_stream")] {
        world.agent.process().wait_for(&format!("why {sink} is behind"), |line| {
            (line.contains("a sink is behind") && line.contains(&format!("sink={sink} code=\"{code}\"")))
                .then_some(())
        });
    }

    nats.go_away();
    rsyslog.go_away();
    let second = denied(&li, &sam);
    for sink in ["stream", "syslog"] {
        world.agent.process().wait_for_line(&format!("a sink is behind sink={sink} "));
    }
    nats.come_back();
    rsyslog.come_back();
    let kept = once_it_has(second, || in_stream(&nats));
    assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "in order, and each once: {kept:?}");
    once_it_has(second, || in_syslog(&rsyslog));
}
