//! Old entries are removed by the operator's rule: who checks is told, and who searches finds the rest.

use std::{fs, path::Path, process::Command};

use connect_tests::{agent::SHOP, place, process, world::World};

fn prune(world: &World, keep: &str) -> process::Finished {
    prune_by(&world.agent.config(), keep)
}

fn prune_by(config: &Path, keep: &str) -> process::Finished {
    let mut command = Command::new(place::built("connect-agent"));
    process::run(command.args(["audit", "prune", "--keep", keep, "--config"]).arg(config))
}

#[test]
fn what_was_pruned_is_told_from_what_somebody_has_removed() {
    let mut world = World::start();
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let early = world.folder().join("early.txt").display().to_string();
    let tunnel = ana.open(SHOP);
    // More than two bundles.
    let sql: String = (0..300).map(|number| format!("SELECT {number};\n")).collect();
    assert_eq!(tunnel.psql(&sql).code, 0);
    ana.runs(&["audit", "receipt", "--out", &early]).good();
    drop(tunnel);
    let refused = prune(&world, "0d");
    assert_eq!((refused.code, refused.stderr.contains("stop it first")), (9, true), "{}", refused.stderr);
    world.agent.stop();
    assert!(prune(&world, "pci-dss").good().contains("nothing is old enough"));
    // What the configuration keeps no command removes.
    let keeping = world.folder().join("keeping.toml");
    let config = fs::read_to_string(world.agent.config()).expect("a configuration");
    fs::write(&keeping, config.replace("[log]\n", "[log]\nkeep = \"400d\"\n")).expect("written");
    let refused = prune_by(&keeping, "0d");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--keep 0d") && refused.stderr.contains("400d"), "{}", refused.stderr);
    assert!(prune_by(&keeping, "hipaa").good().contains("nothing is old enough"));
    let said = prune(&world, "0d").good();
    assert!(said.contains("entries 0 to") && said.contains("their hashes stay"), "{said}");
    let log = world.agent.log();
    assert!(!log.join("tile/entries/000").exists() && log.join("tile/0/000").exists());

    // It goes on, and whoever asks the agent or reads the folder learns of it.
    world.agent.restart();
    let last = ana.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT 42 AS later"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    let history = ana.runs(&["history"]).good();
    assert!(history.to_lowercase().contains("later"), "{history}");
    let found = sam.runs(&["audit", "search", "--kind", "pruned"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let checked = sam.runs(&["audit", "verify", "--receipt", &early, "--log", &world.agent.url()]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("were pruned (0d)"), "{}", checked.stdout);
    world.agent.stop();
    let folder = log.display().to_string();
    let verify = |folder: &str| sam.runs(&["audit", "verify", "--log", folder]);
    assert!(verify(&folder).good().contains("were pruned (0d)"));

    // By hand: the next bundle, and the word for the first ones.
    let damaged = world.folder().join("damaged");
    process::run(Command::new("cp").arg("-a").arg(&log).arg(&damaged)).good();
    fs::remove_file(damaged.join("pruned")).expect("removed");
    let told = verify(&damaged.display().to_string());
    assert_eq!(told.code, 10, "{}", told.stdout);
    assert!(told.stdout.contains("entry 0: missing"), "{}", told.stdout);
}
