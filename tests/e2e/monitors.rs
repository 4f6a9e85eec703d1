//! The holder of the log's key rewrites, cuts or puts back the log: every user, and every witness, notices.

use std::{fs, path::PathBuf};

use connect_tests::{
    agent::{Agent, SHOP},
    leaves,
    person::Person,
    process::Finished,
    witness::Witness,
    world::World,
};

fn select(person: &Person, number: u32) -> Finished {
    person.runs(&["exec", SHOP, "--", "psql", "-Xc", &format!("SELECT {number}")])
}

fn state(agent: &Agent) -> PathBuf {
    agent.config().with_file_name("state").join("log")
}

/// Everything but the key is begun anew: what its holder can do.
fn rewrite(agent: &Agent) {
    for gone in ["segments", "public", "search.sqlite"] {
        let path = state(agent).join(gone);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }
}

fn evidence(person: &Person) -> usize {
    fs::read_dir(person.home().join("connect/state/evidence")).map(Iterator::count).unwrap_or(0)
}

fn log_key(person: &Person) -> String {
    let known = fs::read_to_string(person.home().join("connect/config/agents.toml")).expect("agents");
    let line = known.lines().find(|line| line.starts_with("key = ")).expect("the log's key");
    line.trim_start_matches("key = ").trim_matches('"').to_owned()
}

#[test]
fn every_user_notices_a_log_that_was_put_back_or_written_anew() {
    let mut world = World::start();
    let ana = world.person("ana");
    select(&ana, 1).good();
    world.agent.stop();
    let kept = world.folder().join("kept");
    leaves::copy(&state(&world.agent), &kept);
    world.agent.restart();
    select(&ana, 2).good();
    assert_eq!(ana.runs(&["history"]).code, 0);

    world.agent.stop();
    fs::remove_dir_all(state(&world.agent)).expect("removed");
    leaves::copy(&kept, &state(&world.agent));
    world.agent.restart();
    let back = ana.runs(&["history"]);
    assert_eq!((back.code, back.stdout.as_str()), (10, ""), "{}", back.stderr);
    assert!(back.stderr.contains("put back to an older state"), "{}", back.stderr);
    assert_eq!(evidence(&ana), 1);
    let warned = select(&ana, 3);
    assert!(warned.stderr.contains("is not what it was"), "{}", warned.stderr);

    world.agent.stop();
    rewrite(&world.agent);
    world.agent.restart();
    let li = world.person("li");
    for number in 0..12 {
        select(&li, number).good();
    }
    let anew = ana.runs(&["history"]);
    assert_eq!(anew.code, 10, "{}", anew.stderr);
    assert!(anew.stderr.contains("history was changed"), "{}", anew.stderr);
    assert_eq!(
        li.runs(&["history"]).code,
        0,
        "whoever comes first sees nothing: that is what witnesses are for"
    );
}

struct Watched {
    world: World,
    witness: Witness,
    memory: PathBuf,
}

impl Watched {
    /// An agent that needs one witness.
    fn start(key: &dyn Fn(&World) -> String) -> Self {
        let mut world = World::start();
        let memory = world.folder().join("witness");
        let witness = Witness::start(&memory, &key(&world), "127.0.0.1:0");
        world.agent.stop();
        let config = fs::read_to_string(world.agent.config()).expect("a configuration");
        let config = config.replacen("[log]\n", "[log]\nrequire_witness = 1\nwitness_age = \"2s\"\n", 1);
        let text = format!(
            "{config}\n[[log.witness]]\nurl = \"http://{}\"\nkey = \"{}\"\n",
            witness.address(),
            witness.key()
        );
        fs::write(world.agent.config(), text).expect("written");
        world.agent.restart();
        Self { world, witness, memory }
    }

    /// Tries until what witnesses allow is as it must be. The wait is bounded by the test's patience.
    fn until(&self, person: &Person, wanted: impl Fn(&Finished) -> bool) -> Finished {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let finished = select(person, 1);
            if wanted(&finished) {
                return finished;
            }
            assert!(std::time::Instant::now() < end, "{}\n{}", finished.stdout, finished.stderr);
        }
    }
}

#[test]
fn nothing_begins_without_the_witness_and_a_log_that_was_put_back_or_written_anew_is_not_cosigned() {
    let mut watched = Watched::start(&|world| log_key(&world.person("ana")));
    let (ana, sam) = (watched.world.person("ana"), watched.world.person("sam"));
    watched.until(&ana, |finished| finished.code == 0);
    let log = watched.world.agent.log();
    let verify = |key: &str| {
        let mut arguments = vec!["audit", "verify", "--log"];
        let log = log.display().to_string();
        arguments.extend([log.as_str(), "--witness", key]);
        sam.runs(&arguments)
    };
    // A checkpoint with its cosignature is there as soon as something was let through.
    let good = verify(watched.witness.key());
    assert_eq!(good.code, 0, "{}\n{}", good.stdout, good.stderr);
    assert!(good.stdout.contains("are cosigned by witness.test/one"), "{}", good.stdout);
    let other = Witness::start(&watched.world.folder().join("other"), &log_key(&sam), "127.0.0.1:0");
    assert_eq!(verify(other.key()).code, 10, "a witness that has not cosigned");

    let (address, key) = (watched.witness.address().to_owned(), log_key(&sam));
    watched.witness.stop();
    let refused = watched.until(&ana, |finished| finished.code != 0);
    // At the door, or within a session that was let in a moment before.
    let words = ["cannot write its log", "cannot record"];
    assert!(words.iter().any(|words| refused.stderr.contains(words)), "{}", refused.stderr);
    watched.witness = Witness::start(&watched.memory, &key, &address);
    watched.until(&ana, |finished| finished.code == 0);

    watched.world.agent.stop();
    let kept = watched.world.folder().join("kept");
    leaves::copy(&state(&watched.world.agent), &kept);
    let all = leaves::read(&log);
    let [late, back] = ["witness_late", "witness_back"].map(|kind| leaves::of_kind(&all, kind).len());
    assert!(late >= 1 && back >= 1, "{late} {back}");
    watched.world.agent.restart();
    watched.until(&ana, |finished| finished.code == 0);
    // An agent that stops has its last checkpoint cosigned.
    watched.world.agent.stop();
    let size = |file: &str| {
        let text = fs::read_to_string(log.join(file)).expect("a note");
        text.lines().nth(1).expect("a size").to_owned()
    };
    assert_eq!(size("checkpoint"), size("witnessed"));

    // Put back to an older state.
    fs::remove_dir_all(state(&watched.world.agent)).expect("removed");
    leaves::copy(&kept, &state(&watched.world.agent));
    watched.world.agent.restart();
    watched.world.agent.process().wait_for_line("it was put back to an older state");
    assert_ne!(select(&ana, 1).code, 0, "nothing begins");
    watched.world.agent.stop();

    // Written anew, until it is longer than what was cosigned.
    rewrite(&watched.world.agent);
    let config = fs::read_to_string(watched.world.agent.config()).expect("a configuration");
    fs::write(watched.world.agent.config(), config.replace("require_witness = 1", "require_witness = 0"))
        .expect("written");
    watched.world.agent.restart();
    let li = watched.world.person("li");
    let forks = || fs::read_dir(watched.memory.join("evidence")).map(Iterator::count).unwrap_or(0);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while forks() == 0 {
        select(&li, 1).good();
        assert!(std::time::Instant::now() < end, "the witness did not see the fork");
    }
    watched.world.agent.stop();
    let forked = verify(watched.witness.key());
    assert_eq!(forked.code, 10, "{}\n{}", forked.stdout, forked.stderr);
}
