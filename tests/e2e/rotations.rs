//! The log's key is changed: users follow by themselves, strangers by a receipt, and what was signed before
//! still counts.

use std::process::Command;

use connect_tests::{agent::SHOP, place, process, world::World};

fn rotate(world: &World) -> process::Finished {
    let mut command = Command::new(place::built("connect-agent"));
    process::run(command.args(["audit", "rotate-key", "--config"]).arg(world.agent.config()))
}

fn known(person: &connect_tests::person::Person) -> String {
    std::fs::read_to_string(person.home().join("connect/config/agents.toml")).expect("agents")
}

#[test]
fn after_the_logs_key_was_changed_users_follow_and_old_proofs_still_hold() {
    let mut world = World::start();
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let select = |number: u32| {
        ana.runs(&["exec", SHOP, "--", "psql", "-Xc", &format!("SELECT {number}")]).good();
    };
    select(1);
    let file = |name: &str| world.folder().join(name).display().to_string();
    let (early, late) = (file("early.txt"), file("late.txt"));
    ana.runs(&["audit", "receipt", "--out", &early]).good();
    sam.runs(&["audit", "search"]).good();
    let line = known(&ana).lines().find(|line| line.starts_with("key = ")).expect("a key").to_owned();
    let first = line.trim_start_matches("key = ").trim_matches('"').to_owned();

    let refused = rotate(&world);
    assert_eq!((refused.code, refused.stderr.contains("stop it first")), (9, true), "{}", refused.stderr);
    world.agent.stop();
    let said = rotate(&world).good();
    assert!(said.contains(&first), "{said}");
    world.agent.restart();

    select(2);
    ana.runs(&["audit", "receipt", "--out", &late]).good();
    let now = known(&ana);
    assert!(now.contains(&format!("former = [\"{first}\"]")) && !now.contains(&line), "{now}");
    for receipt in [&early, &late] {
        ana.runs(&["audit", "verify", "--receipt", receipt]).good();
    }
    // Who was away meanwhile follows at the next use.
    sam.runs(&["audit", "verify", "--receipt", &early]).good();
    sam.runs(&["audit", "verify", "--receipt", &early, "--receipt", &late]);
    sam.runs(&["history"]).good();
    assert!(known(&sam).contains("former"), "{}", known(&sam));

    // A stranger who has the first key and a copy of the folder.
    let log = world.agent.log().display().to_string();
    let stranger = world.newcomer("mallory", connect_tests::person::Browser::Missing);
    let verified = stranger.runs(&["audit", "verify", "--log", &log, "--key", &first, "--receipt", &early]);
    assert_eq!(verified.code, 0, "{}\n{}", verified.stdout, verified.stderr);

    // A key that nobody has named is not followed.
    world.agent.stop();
    let rotations = world.agent.log().join("rotations/0");
    let text = std::fs::read_to_string(&rotations).expect("a rotation");
    std::fs::write(&rotations, text.replacen("index ", "index 1", 1)).expect("written");
    world.agent.restart();
    let late_comer = stranger.runs(&["audit", "verify", "--log", &log, "--key", &first]);
    assert_eq!(late_comer.code, 10, "{}\n{}", late_comer.stdout, late_comer.stderr);
}
