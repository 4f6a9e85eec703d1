//! `connect completions`: scripts for shells. The committed ones are checked against these.

use std::io::Write as _;

use clap_complete::Shell;

use crate::{
    application::Ending,
    complete,
    failure::{self, Outcome},
};

pub(super) fn print(shell: Shell) -> Outcome<Ending> {
    let script = complete::script(shell)?;
    match std::io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(failure::local("output", failure::reason(&error)))
        }
        _ => Ok(Ending::Done),
    }
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
                found == complete::script(shell).expect("a script"),
                "completions/{name} is stale: connect completions {shell} > completions/{name}"
            );
        }
    }
}
