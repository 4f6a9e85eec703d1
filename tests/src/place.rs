//! Where things lie: this checkout, the programs under test, the machine's own programs.

use std::path::{Path, PathBuf};

/// The checkout.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the workspace").to_owned()
}

/// A file below `tests/`.
#[must_use]
pub fn of_tests(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// A program of this workspace, built in the same profile as the test that asks.
///
/// # Panics
/// It is not built: `cargo build --release --workspace` comes first.
#[must_use]
pub fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let path = test.ancestors().skip(1).map(|folder| folder.join(program)).find(|path| path.is_file());
    path.unwrap_or_else(|| panic!("`{program}` is not built beside {}; run tests/run", test.display()))
}

/// A program on PATH, or where Debian keeps those of the PostgreSQL server.
///
/// # Panics
/// It is not installed; `tests/run` installs it or says how.
#[must_use]
pub fn installed(program: &str) -> PathBuf {
    find(program).unwrap_or_else(|| panic!("`{program}` is not installed; run tests/run"))
}

/// As [`installed`], `None` where there is none.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let mut servers: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|found| found.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    servers.sort();
    servers.reverse();
    // psql of a wrapper package starts a Perl script; the server's own comes first.
    servers.append(&mut folders);
    servers.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    servers.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The Python with the drivers under test.
///
/// # Panics
/// `tests/run` has not made it.
#[must_use]
pub fn python() -> PathBuf {
    let path = of_tests(".env/bin/python");
    assert!(path.is_file(), "the Python drivers are not installed; run tests/run");
    path
}
