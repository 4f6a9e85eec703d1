//! install.sh: installs ours, leaves others alone, and goes without a trace.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use connect_tests::{place, process, process::Finished};

fn install(folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new("sh");
    command.arg(place::workspace().join("install.sh")).args(arguments).current_dir(folder);
    command
        .env("HOME", folder)
        .env_remove("XDG_BIN_HOME")
        .env_remove("XDG_DATA_HOME")
        .env("CONNECT_RELEASE_URL", format!("file://{}", folder.join("release").display()));
    process::run(&mut command)
}

/// A folder with a published release of two small scripts.
fn released() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let release = folder.path().join("release");
    fs::create_dir_all(release.join("out")).expect("a folder");
    for program in ["connect", "connect-agent"] {
        let path = release.join("out").join(program);
        let man = "if [ \"$1\" = man ]; then for page in connect connect-open; do echo page >\"$3/$page.1\"; done; fi";
        fs::write(&path, format!("#!/bin/sh\n{man}\necho '{program} 0.1.0'\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    let script = "tar -czf connect-latest-$(uname -m)-unknown-linux-gnu.tar.gz -C out connect connect-agent && sha256sum *.gz >SHA256SUMS";
    process::run(Command::new("sh").args(["-c", script]).current_dir(&release)).good();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| {
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn a_release_is_installed_twice_and_removed_without_a_trace() {
    let folder = released();
    let (bin, man) = (folder.path().join(".local/bin"), folder.path().join(".local/share/man/man1"));
    for _ in 0..2 {
        let finished = install(folder.path(), &[]);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert_eq!(names(&bin), [".connect-installed", ".connect-pages", "connect", "connect-agent"]);
        assert_eq!(names(&man), ["connect-open.1", "connect.1"]);
        assert!(finished.stderr.contains("PATH"), "{}", finished.stderr);
        assert!(finished.stderr.contains("completions"), "{}", finished.stderr);
    }
    assert_eq!(process::run(&mut Command::new(bin.join("connect"))).good(), "connect 0.1.0\n");
    assert_eq!(install(folder.path(), &["--uninstall"]).code, 0);
    assert_eq!(names(&bin), Vec::<String>::new());
    assert_eq!(names(&man), Vec::<String>::new());
}

#[test]
fn a_page_of_another_connect_is_neither_replaced_nor_removed() {
    let folder = released();
    let man = folder.path().join(".local/share/man/man1");
    fs::create_dir_all(&man).expect("a folder");
    fs::write(man.join("connect.1"), "another's").expect("a page");
    let finished = install(folder.path(), &[]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("is left alone"), "{}", finished.stderr);
    assert_eq!(names(&man), ["connect-open.1", "connect.1"]);
    assert_eq!(install(folder.path(), &["--uninstall"]).code, 0);
    assert_eq!(names(&man), ["connect.1"]);
    assert_eq!(fs::read_to_string(man.join("connect.1")).expect("still there"), "another's");
}

#[test]
fn a_dry_run_does_nothing() {
    let folder = released();
    for arguments in [&["--dry-run", "--to", "bin"][..], &["--dry-run", "--from-source", "--to", "bin"]] {
        let finished = install(folder.path(), arguments);
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        assert!(finished.stderr.contains("connect-agent"), "{}", finished.stderr);
        assert_eq!(names(folder.path()), ["release"]);
    }
}

#[test]
fn a_foreign_connect_is_neither_replaced_nor_removed_nor_run() {
    let folder = released();
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let foreign = "#!/bin/sh\ntouch was-run\necho 'connect 0.1.0'\n";
    fs::write(bin.join("connect"), foreign).expect("a script");
    fs::set_permissions(bin.join("connect"), fs::Permissions::from_mode(0o755)).expect("our own file");
    for arguments in [&["--to", "bin"][..], &["--from-source", "--dry-run", "--to", "bin"]] {
        let finished = install(folder.path(), arguments);
        assert_eq!(finished.code, 9, "{}", finished.stderr);
    }
    install(folder.path(), &["--uninstall", "--to", "bin"]);
    assert_eq!(fs::read_to_string(bin.join("connect")).expect("still there"), foreign);
    assert_eq!(names(folder.path()), ["bin", "release"]);
}

#[test]
fn an_archive_with_another_checksum_is_not_installed() {
    let folder = released();
    let release = folder.path().join("release");
    let archive = names(&release).into_iter().find(|name| name.ends_with(".gz")).expect("an archive");
    let mut bytes = fs::read(release.join(&archive)).expect("an archive");
    bytes.push(0);
    fs::write(release.join(&archive), bytes).expect("our own file");
    let finished = install(folder.path(), &["--to", "bin"]);
    assert_eq!(finished.code, 10, "{}", finished.stderr);
    assert_eq!(names(folder.path()), ["release"]);
    fs::write(release.join("SHA256SUMS"), "").expect("our own file");
    assert_eq!(install(folder.path(), &["--to", "bin"]).code, 10);
}

#[test]
fn without_releases_it_says_so_and_names_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    command
        .arg(place::workspace().join("install.sh"))
        .env("HOME", folder.path())
        .env_remove("CONNECT_RELEASE_URL");
    let finished = process::run(&mut command);
    assert_eq!(finished.code, 9);
    assert!(finished.stderr.contains("no published releases yet"), "{}", finished.stderr);
    assert!(finished.stderr.contains("--from-source"), "{}", finished.stderr);
    assert_eq!(install(folder.path(), &["--bogus"]).code, 2);
}
