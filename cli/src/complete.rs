//! What shells complete: commands, options, and names of resources and agents that were seen before. Nobody is asked,
//! so that a key stroke never waits for a network.
//!
//! The script of a shell asks this program at each stroke. What it is answered is put on a command line that a person
//! may run without looking, so a name is given only if no shell can read more in it than a name.

use clap::CommandFactory as _;
use clap_complete::{
    CompleteEnv, Shell,
    engine::{ArgValueCandidates, CompletionCandidate, SubcommandCandidates},
    env::Shells,
};

use crate::{
    agents::Agents,
    arguments::Arguments,
    failure::{self, Outcome},
    paths::Paths,
    session::Seen,
};

/// Set by the script of a shell, to its name. Not one of our settings.
const VARIABLE: &str = "_CONNECT_COMPLETE";
const PROGRAM: &str = "connect";

/// Ends this process if a shell asks it what to complete.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).bin(PROGRAM).completer(PROGRAM).complete();
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: Shell) -> Outcome<Vec<u8>> {
    let shells = Shells::builtins();
    let completer = shells
        .completer(&shell.to_string())
        .ok_or_else(|| failure::usage(format!("there are no completions for {shell}")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| failure::unexpected(failure::reason(&error)))?;
    Ok(script)
}

/// For an argument that names a resource.
pub(crate) fn resource_names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(resources()))
}

/// For an argument that names an agent.
pub(crate) fn agent_names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(agents()))
}

/// A first word is a command or a resource.
pub(crate) fn first_words() -> SubcommandCandidates {
    SubcommandCandidates::new(|| candidates(resources()))
}

fn resources() -> Vec<String> {
    let paths = Paths::from_environment();
    paths.map(|paths| Seen::load(&paths).names().map(str::to_owned).collect()).unwrap_or_default()
}

fn agents() -> Vec<String> {
    let agents = Paths::from_environment().and_then(|paths| Agents::load(&paths));
    agents.map(|agents| agents.iter().map(|agent| agent.name.clone()).collect()).unwrap_or_default()
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    names.into_iter().filter(|name| is_plain(name)).map(CompletionCandidate::new).collect()
}

/// No option, no path, nothing that any shell expands.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_could_run_is_not_completed() {
        for name in ["prod-db", "shop.eu", "_x", "7"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "-rf", "$(id)", "`id`", "a;b", "a b", "a\nb", "~x", "a*", "é", "../x", "a/b", ".x"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
