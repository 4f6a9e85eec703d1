//! Policy files: read at the start, looked at again and again, and taken as one set or not at all. A set that
//! is not good leaves the old one in force, and the log says why.
//!
//! Read next: [`test`] for `connect-agent policy test`.

pub mod test;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use connect_core::decide::{InForce, Policies, PolicyProblem};
use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{Config, PolicyConfig},
    log::Log,
};

/// Most bytes of all files of a set.
const MAX_FILES: u64 = 4 << 20;
/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Most problems in an entry.
const MAX_TOLD: usize = 20;

/// Why there is no set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy file `{}` cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the policies are not used: {}", listed(.0))]
    Invalid(Vec<PolicyProblem>),
}

fn listed(problems: &[PolicyProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl PolicyError {
    fn told(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => vec![self.to_string()],
            Self::Invalid(problems) => problems.iter().take(MAX_TOLD).map(ToString::to_string).collect(),
        }
    }
}

impl From<PolicyError> for ErrorReport {
    fn from(error: PolicyError) -> Self {
        let report = Self::new("policy_invalid", Exit::Usage, error.to_string());
        report.help("connect-agent policy show").help("connect-agent policy schema")
    }
}

/// The text of a set: its files one after the other; without files the default.
///
/// # Errors
/// A file cannot be read.
pub fn text(config: &PolicyConfig) -> Result<String, PolicyError> {
    if config.files.is_empty() {
        return Ok(connect_core::decide::DEFAULT_POLICY.to_owned());
    }
    let mut all = String::new();
    for path in &config.files {
        let unreadable = |source| PolicyError::Unreadable { path: path.clone(), source };
        all.push_str(&read(path).map_err(unreadable)?);
        all.push('\n');
    }
    Ok(all)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILES {
        return Err(io::Error::other(format!("it is over the limit of {MAX_FILES} bytes")));
    }
    Ok(text)
}

/// Which policies to print.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Those of this configuration; without one the default.
    #[arg(long, value_name = "FILE", env = "CONNECT_AGENT_CONFIG")]
    config: Option<PathBuf>,
}

/// The policies of a configuration, else the default.
///
/// # Errors
/// A file cannot be read.
pub fn show(arguments: &ShowArgs) -> Result<String, ErrorReport> {
    match &arguments.config {
        Some(path) => Ok(text(&crate::command::load(path)?.policy)?),
        None => Ok(connect_core::decide::DEFAULT_POLICY.to_owned()),
    }
}

/// The set that a configuration names.
///
/// # Errors
/// A file cannot be read, or the set is not good.
pub fn load(config: &PolicyConfig) -> Result<Arc<Policies>, PolicyError> {
    Policies::load(&text(config)?).map(Arc::new).map_err(PolicyError::Invalid)
}

/// Keeps the set in force as the files have it, for as long as somebody holds it.
pub fn follow(config: &Config, in_force: &Arc<InForce>, log: &Log) {
    if config.policy.files.is_empty() {
        return;
    }
    let mut follower = Follower {
        config: config.policy.clone(),
        in_force: Arc::downgrade(in_force),
        log: log.clone(),
        refused: None,
    };
    tokio::spawn(async move {
        // Without signals the files are looked at all the same.
        let mut asked = signal(SignalKind::hangup()).ok();
        loop {
            let again = async {
                match &mut asked {
                    Some(asked) => asked.recv().await.map_or((), |()| ()),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = again => follower.refused = None,
                () = tokio::time::sleep(LOOK) => {}
            }
            let looked = tokio::task::spawn_blocking(move || {
                let goes_on = follower.look();
                (follower, goes_on)
            });
            match looked.await {
                Ok((next, true)) => follower = next,
                _ => return,
            }
        }
    });
}

struct Follower {
    config: PolicyConfig,
    in_force: Weak<InForce>,
    log: Log,
    /// What was not good the last time: it is told once.
    refused: Option<String>,
}

impl Follower {
    /// Looks at the files. False: nobody needs them any more.
    fn look(&mut self) -> bool {
        let Some(in_force) = self.in_force.upgrade() else { return false };
        let current = in_force.current();
        match load(&self.config) {
            Ok(policies) if policies.digest() == current.digest() => self.refused = None,
            Ok(policies) => {
                self.refused = None;
                let entry = Entry::PolicyLoaded {
                    digest: policies.digest().to_owned(),
                    previous: current.digest().to_owned(),
                    policies: policies.count() as u64,
                };
                // What cannot be recorded does not begin to decide.
                match self.log.append(entry) {
                    Ok(_) => {
                        let digest = policies.digest().to_owned();
                        in_force.replace(policies);
                        tracing::info!(digest, "another policy set decides");
                    }
                    Err(error) => tracing::warn!(%error, "a policy set is not used: it cannot be recorded"),
                }
            }
            Err(error) => self.refuse(&error, current.digest()),
        }
        true
    }

    fn refuse(&mut self, error: &PolicyError, in_force: &str) {
        let words = error.to_string();
        if self.refused.as_ref() == Some(&words) {
            return;
        }
        tracing::warn!(%error, "the old policies stay in force");
        let entry = Entry::PolicyRefused { digest: in_force.to_owned(), problems: error.told() };
        if self.log.append(entry).is_ok() {
            self.refused = Some(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogOptions;

    #[test]
    fn a_set_is_followed_and_a_bad_one_leaves_the_old_one_in_force() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.cedar");
        let log_folder = folder.path().join("log");
        std::fs::create_dir_all(&log_folder).expect("a folder");
        let options = LogOptions::new("connect.local/test".to_owned(), log_folder.clone());
        let (log, _) = Log::open(&log_folder, options).expect("a log");
        std::fs::write(&file, connect_core::decide::DEFAULT_POLICY).expect("written");
        let config = PolicyConfig { files: vec![file.clone()] };
        let in_force = Arc::new(InForce::new(load(&config).expect("good")));
        let first = in_force.current().digest().to_owned();
        let mut follower =
            Follower { config, in_force: Arc::downgrade(&in_force), log: log.clone(), refused: None };
        assert!(follower.look());
        assert_eq!(in_force.current().digest(), first);

        let more = "@id(\"no-refunds\") forbid (principal, action == Action::\"delete\", resource);";
        std::fs::write(&file, format!("{}{more}", connect_core::decide::DEFAULT_POLICY)).expect("written");
        assert!(follower.look());
        let second = in_force.current().digest().to_owned();
        assert_ne!(second, first);

        for bad in ["forbid (", "permit (principal, action, resource);", ""] {
            std::fs::write(
                &file,
                format!("{more}{bad} @id(\"x\") @unknown permit (principal, action, resource);"),
            )
            .expect("written");
            assert!(follower.look());
            assert_eq!(in_force.current().digest(), second, "{bad}");
        }
        std::fs::remove_file(&file).expect("removed");
        assert!(follower.look());
        assert_eq!(in_force.current().digest(), second, "without a file the old set decides");
        drop(in_force);
        assert!(!follower.look());
    }
}
