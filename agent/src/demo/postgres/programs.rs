//! Where PostgreSQL's server programs are, or the line that installs them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest server that the project is tested with.
const OLDEST: u32 = 13;

/// `initdb` and `postgres` of one installation.
#[derive(Debug, Clone)]
pub struct Programs {
    pub initdb: PathBuf,
    pub postgres: PathBuf,
    /// `15.18`
    pub version: String,
}

/// There is none that works.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    #[error(
        "the demo needs PostgreSQL, and its server programs (`initdb`, `postgres`) are not on this machine"
    )]
    Missing,
    #[error("PostgreSQL {0} is too old for the demo, which needs {OLDEST} or newer")]
    TooOld(String),
    #[error("CONNECT_PG_BIN is `{0}`, which holds no working `initdb` and `postgres`")]
    WrongFolder(String),
}

impl ProgramsError {
    /// What to do next; for a missing server the line that installs it, as it is pasted.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Missing | Self::TooOld(_) => install_line(),
            Self::WrongFolder(_) => "unset CONNECT_PG_BIN, or name the folder that holds them",
        }
    }
}

impl Programs {
    /// Looks where `CONNECT_PG_BIN` says, and only there if it says something; else in the usual places.
    pub fn find() -> Result<Self, ProgramsError> {
        if let Some(folder) = env::var_os("CONNECT_PG_BIN").filter(|folder| !folder.is_empty()) {
            let wrong = || ProgramsError::WrongFolder(folder.to_string_lossy().into_owned());
            return Self::inside(Path::new(&folder)).ok_or_else(wrong);
        }
        let all: Vec<Self> = usual_folders().iter().filter_map(|folder| Self::inside(folder)).collect();
        let found = all.first().ok_or(ProgramsError::Missing)?.version.clone();
        let new_enough = |programs: &Self| programs.major() >= OLDEST;
        all.into_iter().find(new_enough).ok_or(ProgramsError::TooOld(found))
    }

    /// Runs `postgres --version`: a file of that name alone proves nothing.
    fn inside(folder: &Path) -> Option<Self> {
        let (initdb, postgres) = (folder.join("initdb"), folder.join("postgres"));
        if !initdb.is_file() {
            return None;
        }
        let output =
            Command::new(&postgres).arg("--version").output().ok().filter(|done| done.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
        let version = text.split_whitespace().nth(2)?.to_owned();
        Some(Self { initdb, postgres, version })
    }

    fn major(&self) -> u32 {
        let digits = self.version.split(|sign: char| !sign.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = told_by_pg_config().into_iter().collect();
    // Debian, Red Hat's own packages and those of postgresql.org, Homebrew on both of its places.
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ] {
        folders.extend(newest_first(Path::new(parent), prefix));
    }
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders
}

fn told_by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim())).filter(|path| path.is_absolute())
}

/// The `bin` of each folder whose name begins like this, ordered by the version in the name.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let version = |name: &str| -> u32 {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.starts_with(prefix).then(|| (version(&name), entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The line for this machine, as it is pasted.
fn install_line() -> &'static str {
    let root = rustix::process::geteuid().is_root();
    let there = |program: &str| Path::new(program).exists();
    match root {
        _ if cfg!(target_os = "macos") => "brew install postgresql@17",
        true if there("/usr/bin/apt-get") => "apt-get install -y postgresql",
        false if there("/usr/bin/apt-get") => "sudo apt-get install -y postgresql",
        true if there("/usr/bin/dnf") => "dnf install -y postgresql-server",
        false if there("/usr/bin/dnf") => "sudo dnf install -y postgresql-server",
        true if there("/sbin/apk") => "apk add postgresql",
        false if there("/sbin/apk") => "sudo apk add postgresql",
        true if there("/usr/bin/pacman") => "pacman -S postgresql",
        false if there("/usr/bin/pacman") => "sudo pacman -S postgresql",
        _ => "install the PostgreSQL server with your system's package manager",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_looked_at_first() {
        let parent = tempfile::tempdir().expect("is made");
        for name in ["9.6", "15", "17", "not-a-version"] {
            fs::create_dir_all(parent.path().join(name).join("bin")).expect("is made");
        }
        let names: Vec<String> = newest_first(parent.path(), "")
            .iter()
            .map(|path| path.strip_prefix(parent.path()).expect("is inside").display().to_string())
            .collect();
        // 9.6 reads as 96: such servers are refused by version afterwards.
        assert_eq!(names, ["9.6/bin", "17/bin", "15/bin", "not-a-version/bin"]);
    }

    #[test]
    fn a_folder_without_the_programs_gives_nothing() {
        let folder = tempfile::tempdir().expect("is made");
        assert!(Programs::inside(folder.path()).is_none());
        fs::write(folder.path().join("initdb"), "").expect("is written");
        assert!(Programs::inside(folder.path()).is_none());
    }

    #[test]
    fn a_missing_server_names_the_line_that_installs_it() {
        let next = ProgramsError::Missing.next();
        assert!(next.contains("install") && next.to_lowercase().contains("postgresql"), "{next}");
    }
}
