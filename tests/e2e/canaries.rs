//! Values that must never leave: with the real programs, by every way that leads out of a database.

use std::fs;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    process::Process,
    tunnel::Tunnel,
    wire::{self, Mode, Wire},
    world::World,
};

/// In a column without a label, and in one whose values are masked.
const FREE: &str = "kestrel-4417-orchard";
const MASKED: &str = "quorraline.zyxwell@zymail.example";

const CANARIES: &str = r#"
[[resource.clear]]
who = ["group:data-oncall"]
labels = ["pii.email"]

[[resource.canary]]
name = "orchard note"
value = "kestrel-4417-orchard"

[[resource.canary]]
name = "customer zero"
value = "quorraline.zyxwell@zymail.example"
"#;

fn world() -> World {
    let world = World::start_with(&AgentOptions { clear: CANARIES, ..AgentOptions::default() });
    world.postgres.sql("shop", &format!("INSERT INTO scratch VALUES (4417, 'a {FREE} in a row')"));
    world
}

/// Lets everybody in again who was kept out: people would have looked at it.
fn forgive(world: &mut World) {
    world.agent.stop();
    let kept_out: Vec<_> = walk(&world.folder().join("agent"), "revoked.json");
    assert_eq!(kept_out.len(), 1, "{kept_out:?}");
    fs::remove_file(&kept_out[0]).expect("removed");
    world.agent.restart();
}

fn walk(folder: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { walk(&path, name) } else { vec![path] });
    found.filter(|path| path.file_name().is_some_and(|own| own == name)).collect()
}

/// Nothing of the value came, and the connection is over.
#[track_caller]
fn is_cut(answer: &wire::Answer, what: &str) {
    let bytes: Vec<u8> = answer.messages.iter().flat_map(|message| message.body.clone()).collect();
    let said = String::from_utf8_lossy(&bytes).into_owned();
    for part in [&FREE[..9], &FREE[9..], &MASKED[..12]] {
        assert!(!said.contains(part), "{what}: {said}");
    }
    assert!(answer.lost.is_some(), "{what}: {said}");
    assert!(said.contains("must never leave"), "{what}: {said}");
}

#[test]
fn a_canary_ends_all_sessions_of_whoever_was_about_to_be_given_it_and_nobody_elses() {
    let mut world = world();
    let security = "[grants]\nrevokers = [\"group:security\"]\n";
    world.agent.reconfigure(|config| config.replace("[grants]\n", security));
    let (ana, li) = (world.person("ana"), world.person("li"));
    // Another session of the same person, which does nothing wrong.
    let mut elsewhere = ana.open(SHOP);
    let mut command = elsewhere.client("psql");
    command.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut command);
    psql.say("SELECT 'open';\nSELECT pg_sleep(300);\n");
    psql.wait_for_line("open");
    let of_li = li.open(SHOP);
    assert_eq!(of_li.psql("SELECT 1;").stdout.trim(), "1");

    let sam = world.person("sam");
    let taken = ana.open(SHOP).psql("SELECT * FROM scratch ORDER BY id;");
    assert!(taken.stderr.contains("must never leave"), "{}", taken.stderr);
    assert!(!taken.stdout.contains("kestrel"), "{}", taken.stdout);
    // Her other session ends, and there is no new one.
    let line = psql.wait_for_line("FATAL");
    assert!(line.contains("must never leave"), "{line}");
    assert_eq!(elsewhere.process_mut().wait_for_end().code(), Some(8));
    let again = ana.runs(&["exec", SHOP, "--", "psql", "-XAtc", "SELECT 1"]);
    assert!(again.code != 0 && again.stderr.contains("revoked"), "{}", again.stderr);
    assert_eq!(of_li.psql("SELECT 2;").stdout.trim(), "2", "somebody else goes on");
    // Those who may revoke let her in again, and nobody else does.
    let name = "ana@example.com";
    let own = li.runs(&["revoke", "--lift", name]);
    assert!(own.code == 5 && own.stderr.contains("end its own sessions only"), "{}", own.stderr);
    assert_ne!(ana.runs(&["revoke", "--lift", name]).code, 0, "she is not heard");
    let nobody = sam.runs(&["revoke", "--lift", "nobody@example.com"]);
    assert!(nobody.code == 3 && nobody.stderr.contains("is kept out"), "{}", nobody.stderr);
    let lifted = sam.runs(&["revoke", "--lift", name, "--reason", "it was a test"]).good();
    assert!(lifted.contains("may come in again"), "{lifted}");
    ana.runs(&["exec", SHOP, "--", "psql", "-XAtc", "SELECT 1"]).good();
    drop(of_li);

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let seen = leaves::of_kind(&leaves, "canary_seen");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((&seen[0]["canary"], &seen[0]["form"]), (&"orchard note".into(), &"plain".into()));
    let cut = leaves::of_kind(&leaves, "outcome");
    let cut = cut.iter().find(|leaf| leaf["result"]["cut"] == "canary").expect("it was cut");
    assert_eq!(cut["statement"], seen[0]["statement"]);
    let revoked = leaves::of_kind(&leaves, "revoked");
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    assert_eq!(revoked[0]["cause"], "canary");
    assert!(revoked[0]["sessions"].as_u64() >= Some(2), "{revoked:?}");
    let restored = leaves::of_kind(&leaves, "restored");
    assert_eq!((restored.len(), &restored[0]["cause"]), (1, &"operator".into()));
    assert_eq!(restored[0]["reason"], "it was a test");
    assert!(
        restored[0]["by"]["sub"].is_string() && restored[0]["by"] != seen[0]["principal"],
        "{restored:?}"
    );
    // The value itself is nowhere in the log.
    let log = serde_json::to_string(&leaves).expect("JSON");
    assert!(!log.contains("kestrel"));
    // Monitors get a finding of it.
    assert!(connect_shared::ocsf::class_of("canary_seen").0.uid == 2004);
}

#[test]
fn no_way_out_of_a_database_lets_a_canary_pass() {
    let mut world = world();
    let row = "SELECT note FROM scratch WHERE id = 4417";
    let mut ways: Vec<(Mode, String)> = Mode::ALL.iter().map(|mode| (*mode, row.to_owned())).collect();
    for sql in [
        "COPY scratch TO STDOUT",
        "COPY (SELECT note FROM scratch) TO STDOUT (FORMAT csv)",
        "COPY scratch (note) TO STDOUT (FORMAT binary)",
        "SELECT upper(note) FROM scratch WHERE id = 4417",
        "SELECT reverse(note) FROM scratch WHERE id = 4417",
        "SELECT encode(note::bytea, 'hex') FROM scratch WHERE id = 4417",
        "SELECT encode(note::bytea, 'base64') FROM scratch WHERE id = 4417",
        "SELECT row_to_json(s) FROM scratch s WHERE id = 4417",
        "SELECT array_agg(note) FROM scratch",
        "SELECT repeat('x', 100000) || note FROM scratch WHERE id = 4417",
        // Only its error says it.
        "SELECT note::int FROM scratch WHERE id = 4417",
        "INSERT INTO scratch SELECT 5000, note FROM scratch WHERE id = 4417 RETURNING note",
    ] {
        ways.push((Mode::Simple, sql.to_owned()));
    }
    // Who may write, too.
    let li = world.person("li");
    for (mode, sql) in ways {
        let tunnel = li.open(SHOP);
        let mut wire = Wire::open(tunnel.port(), "li", "shop").expect("a connection");
        let answer = wire.ask(mode, &sql);
        is_cut(&answer, &format!("{mode:?} {sql}"));
        drop((wire, tunnel));
        forgive(&mut world);
    }
}

#[test]
fn a_canary_in_a_masked_column_is_a_mask_and_no_alarm_unless_it_is_shown_in_clear() {
    let mut world = world();
    let read = |tunnel: &Tunnel| tunnel.psql("SELECT email FROM customers WHERE id = 1;");
    let of_ana = world.person("ana").open(SHOP);
    let masked = read(&of_ana);
    assert!(masked.stderr.is_empty() && masked.stdout.contains(".invalid"), "{masked:?}");
    assert!(read(&of_ana).stderr.is_empty(), "she goes on");
    let shown = read(&world.person("li").open(SHOP));
    assert!(shown.stderr.contains("must never leave") && !shown.stdout.contains('@'), "{shown:?}");
    drop(of_ana);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let seen = leaves::of_kind(&leaves, "canary_seen");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["canary"], "customer zero");
}
