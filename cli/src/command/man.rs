//! `connect man`: manual pages, one for each command, for whoever installs this program.

use std::path::Path;

use clap::CommandFactory as _;

use crate::{
    application::Ending,
    arguments::Arguments,
    console::Console,
    failure::{self, Outcome},
};

pub(super) fn write(console: &Console, folder: &Path) -> Outcome<Ending> {
    std::fs::create_dir_all(folder).map_err(|error| failure::file("make", folder, &error))?;
    clap_mangen::generate_to(Arguments::command(), folder)
        .map_err(|error| failure::file("write pages into", folder, &error))?;
    for name in names(folder)? {
        console.data(&name)?;
    }
    Ok(Ending::Done)
}

/// The pages of this program that lie in the folder.
fn names(folder: &Path) -> Outcome<Vec<String>> {
    let mut command = Arguments::command();
    command.build();
    let mut names = vec!["connect.1".to_owned()];
    collect(&command, "connect", &mut names);
    names.retain(|name| folder.join(name).is_file());
    names.sort();
    Ok(names)
}

fn collect(command: &clap::Command, before: &str, names: &mut Vec<String>) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("{before}-{}", sub.get_name());
        names.push(format!("{name}.1"));
        collect(sub, &name, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_what_is_hidden_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        clap_mangen::generate_to(Arguments::command(), folder.path()).expect("pages");
        let names = names(folder.path()).expect("names");
        for name in ["connect.1", "connect-open.1", "connect-agents-add.1", "connect-audit-verify.1"] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("connect-man")), "{names:?}");
        let written = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(written, names.len(), "each that is written is named");
        let page = std::fs::read_to_string(folder.path().join("connect-agents-add.1")).expect("a page");
        assert!(page.contains("fingerprint") && page.contains(".SH SYNOPSIS"), "{page}");
    }
}
