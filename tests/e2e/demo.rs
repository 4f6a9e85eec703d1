//! `connect demo --script`: the guided tour runs without a person and leaves nothing behind.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, time::Duration};

use connect_tests::{excerpt, place, process};

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
    excerpt::is_in(&excerpt::block_with("DELETE FROM customers;"), &finished.stdout);
    assert_eq!(descendants(), BTreeSet::new(), "processes are left");
    let left: Vec<PathBuf> =
        fs::read_dir(folder.path()).expect("our folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "files are left");
}
