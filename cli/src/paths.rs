//! Where things lie: configuration, state and runtime folders by the XDG rules, each of which a variable
//! can move. `CONNECT_HOME` moves all of them, so that a trial leaves the rest of a home alone.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    failure::{self, Outcome},
    private,
};

/// Configuration for everybody on the machine.
pub(crate) const SYSTEM_CONFIG: &str = "/etc/connect/config.toml";

/// The folders of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paths {
    config: PathBuf,
    state: PathBuf,
    runtime: PathBuf,
}

impl Paths {
    /// From the environment.
    pub(crate) fn from_environment() -> Outcome<Self> {
        Self::resolve(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Everything below one folder, as `CONNECT_HOME` would have it.
    pub(crate) fn below(folder: &Path) -> Self {
        Self { config: folder.join("config"), state: folder.join("state"), runtime: folder.join("run") }
    }

    fn resolve(variable: impl Fn(&str) -> Option<OsString>) -> Outcome<Self> {
        let home = variable("CONNECT_HOME").map(PathBuf::from);
        let place = |name: &str, below: &str, usual: Option<PathBuf>| {
            variable(name)
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(below)))
                .or(usual)
                .ok_or_else(|| {
                    failure::local("no_home", "cannot tell where your home folder is")
                        .help("set CONNECT_HOME to a folder of your own")
                })
        };
        let ours = |folder: PathBuf| folder.join("connect");
        let state = dirs::state_dir().or_else(dirs::data_local_dir).map(ours);
        Ok(Self {
            config: place("CONNECT_CONFIG_DIR", "config", dirs::config_dir().map(ours))?,
            state: place("CONNECT_STATE_DIR", "state", state)?,
            runtime: place("CONNECT_RUNTIME_DIR", "run", Some(usual_runtime()))?,
        })
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    pub(crate) fn agents_file(&self) -> PathBuf {
        self.config.join("agents.toml")
    }

    pub(crate) fn ports_file(&self) -> PathBuf {
        self.state.join("ports.json")
    }

    pub(crate) fn resources_file(&self) -> PathBuf {
        self.state.join("resources.json")
    }

    pub(crate) fn sign_ins(&self) -> PathBuf {
        self.state.join("sign-ins")
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.state.join("checkpoints")
    }

    /// Checkpoints that contradict each other.
    pub(crate) fn evidence(&self) -> PathBuf {
        self.state.join("evidence")
    }

    /// What is known of runs in the background, also after a reboot.
    pub(crate) fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// Where such runs have their control sockets; it need not exist.
    pub(crate) fn run_desks(&self) -> PathBuf {
        self.runtime.join("runs")
    }

    /// How sessions in the background ended.
    pub(crate) fn left(&self) -> PathBuf {
        self.state.join("left")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The runtime folder, made if need be: ours and nobody else's.
    pub(crate) fn runtime(&self) -> Outcome<&Path> {
        private::own_folder(&self.runtime)?;
        Ok(&self.runtime)
    }

    /// Where sessions hand parts of their grants on; it need not exist.
    pub(crate) fn parts(&self) -> PathBuf {
        self.runtime.join("parts")
    }

    /// Where sessions have their control sockets; it need not exist.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.runtime.join("sessions")
    }
}

/// Below `$XDG_RUNTIME_DIR`, else directly in the temporary folder: a folder between the two could be made
/// by somebody else first.
fn usual_runtime() -> PathBuf {
    match dirs::runtime_dir() {
        Some(runtime) => runtime.join("connect"),
        None => std::env::temp_dir().join(format!("connect-{}", rustix::process::geteuid().as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Paths {
        Paths::resolve(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
        .expect("a home")
    }

    #[test]
    fn one_variable_moves_everything_and_one_folder_can_be_moved_alone() {
        let paths = with(&[("CONNECT_HOME", "/trial"), ("CONNECT_STATE_DIR", "/elsewhere")]);
        assert_eq!(paths.agents_file(), Path::new("/trial/config/agents.toml"));
        assert_eq!(paths.ports_file(), Path::new("/elsewhere/ports.json"));
        assert_eq!(paths.sessions(), Path::new("/trial/run/sessions"));
    }
}
