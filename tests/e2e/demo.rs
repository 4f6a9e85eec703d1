//! `connect demo --script`: the guided tour runs without a person and leaves nothing behind.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, time::Duration};

use connect_tests::{place, process};

/// Processes below this one, by name: what the demo started and did not end.
fn descendants() -> BTreeSet<String> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((start, rest)) = stat.rsplit_once(')') else { continue };
        let parent =
            rest.split_whitespace().nth(1).and_then(|parent| parent.parse::<u32>().ok()).unwrap_or(0);
        parents.push((id, parent, start.split_once('(').map_or("", |(_, name)| name).to_owned()));
    }
    let mut known = BTreeSet::from([std::process::id()]);
    let mut names = BTreeSet::new();
    let mut before = 0;
    while known.len() != before {
        before = known.len();
        for (id, parent, name) in &parents {
            if known.contains(parent) && known.insert(*id) {
                names.insert(format!("{name} {id}"));
            }
        }
    }
    names
}

/// The README's excerpt, line by line.
fn excerpt() -> Vec<String> {
    let readme = fs::read_to_string(place::workspace().join("README.md")).expect("a README");
    let (_, rest) = readme.split_once("```console\n").expect("a transcript");
    rest.split_once("```").expect("its end").0.lines().map(normal).collect()
}

/// Without what differs from run to run: numbers, masks, the width of columns.
fn normal(line: &str) -> String {
    let mut text = String::new();
    for word in line.split_whitespace() {
        let mask = word.starts_with("name_") || word.starts_with("u_");
        let word =
            if mask { "MASK".to_owned() } else { word.replace(|letter: char| letter.is_ascii_digit(), "9") };
        text.push_str(&word);
        text.push(' ');
    }
    while text.contains("99") {
        text = text.replace("99", "9");
    }
    text
}

/// Runs the tour in a temporary folder of its own; gives what it printed and that folder.
fn tour() -> (process::Finished, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    fs::set_permissions(folder.path(), mode).expect("our own folder");
    let mut command = Command::new(place::built("connect"));
    command.args(["demo", "--script"]);
    command.env_clear().env("PATH", std::env::var("PATH").unwrap_or_default()).env("HOME", folder.path());
    command.env("TMPDIR", folder.path()).env("CI", "true").env("NO_COLOR", "1").current_dir(folder.path());
    (process::run_with(&mut command, "", Duration::from_secs(240)), folder)
}

#[test]
fn the_guided_tour_shows_everything_and_leaves_nothing_behind() {
    let (finished, folder) = tour();
    let said = format!("{}\n{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, 0, "{said}");
    let shown = [
        ("two people sign in", "Signed in as ana@demo.test"),
        ("two people sign in", "Signed in as li@demo.test"),
        ("masks in text", "@masked.invalid"),
        ("masks in binary", "rows, in binary)"),
        ("an expression over masks", "@MASKED.INVALID"),
        ("a denied copy", "on public.customers.email"),
        ("a denied DELETE", "unbounded_write on public.customers"),
        ("the transaction stands as after any error", "current transaction is aborted"),
        ("a receipt that verifies", "receipt.txt: ok"),
        ("a log that verifies", "ok: the log is what was signed"),
        ("a changed log that does not", "(exit status 10)"),
    ];
    for (what, words) in shown {
        assert!(said.contains(words), "{what}: no `{words}` in\n{said}");
    }
    let mut printed = finished.stdout.lines().map(normal);
    for line in excerpt() {
        assert!(
            printed.any(|printed| printed == line),
            "the README shows, and the tour does not in this place: {line}\n{said}"
        );
    }
    assert_eq!(descendants(), BTreeSet::new(), "processes are left");
    let left: Vec<PathBuf> =
        fs::read_dir(folder.path()).expect("our folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "files are left");
}
