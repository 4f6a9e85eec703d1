//! `connect completions`: scripts for shells. The committed ones are checked against these.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    application::Ending,
    arguments::Arguments,
    failure::{self, Outcome},
};

pub(super) fn print(shell: Shell) -> Outcome<Ending> {
    let script = script(shell);
    match std::io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(failure::local("output", failure::reason(&error)))
        }
        _ => Ok(Ending::Done),
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "connect", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_completions_are_those_of_this_program() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../completions");
        let committed = [
            (Shell::Bash, "connect.bash"),
            (Shell::Zsh, "_connect"),
            (Shell::Fish, "connect.fish"),
            (Shell::PowerShell, "connect.ps1"),
        ];
        for (shell, name) in committed {
            let found = std::fs::read(folder.join(name)).unwrap_or_default();
            assert!(
                found == script(shell),
                "completions/{name} is stale: connect completions {shell} > completions/{name}"
            );
        }
    }
}
