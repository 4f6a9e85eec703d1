//! Which account PostgreSQL runs under: our own, or, since it refuses to be root, one with fewer rights.

use std::process::Command;

/// A user that is not root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// There is no account for PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[error(
    "PostgreSQL refuses to run as root and this machine has neither a user `postgres` nor `nobody`; \
     run the demo as an ordinary user"
)]
pub struct NoAccount;

/// Nobody else where we are not root.
pub fn for_database() -> Result<Option<Account>, NoAccount> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"].into_iter().find_map(named).map(Some).ok_or(NoAccount)
}

/// Asks `id`, which also knows accounts that are in no file.
fn named(user: &str) -> Option<Account> {
    let number = |flag: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, user]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.trim().parse().ok().filter(|&number| number != 0 && output.status.success())
    };
    Some(Account { uid: number("-u")?, gid: number("-g")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_never_an_account_for_the_database() {
        assert_eq!(named("root"), None);
        assert_eq!(named("nobody-of-this-name"), None);
    }
}
