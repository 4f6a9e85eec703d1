//! PostgreSQL refuses to run as root: then it runs as somebody harmless.

use std::{io, os::unix::process::CommandExt as _, path::Path, process::Command};

/// Somebody else's user and group, if this is root.
#[derive(Debug, Clone, Copy)]
pub struct OtherUser {
    user: u32,
    group: u32,
}

/// Who runs servers that root may not run; `None`: this very user.
///
/// # Panics
/// This is root and the machine has neither `postgres` nor `nobody`.
#[must_use]
pub fn unprivileged() -> Option<OtherUser> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("a list of users");
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(OtherUser { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user `postgres` or `nobody`"))
}

/// `command` as that user.
pub fn run_as(command: &mut Command, user: Option<OtherUser>) {
    if let Some(OtherUser { user, group }) = user {
        command.uid(user).gid(group);
    }
}

/// Gives a file to that user.
///
/// # Errors
/// The system refuses.
pub fn give(path: &Path, user: Option<OtherUser>) -> io::Result<()> {
    match user {
        Some(OtherUser { user, group }) => std::os::unix::fs::chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}
