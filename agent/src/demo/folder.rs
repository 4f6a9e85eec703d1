//! The temporary folder, and the promise that it goes away.
//!
//! A tiny shell of its own process group waits at the end of a pipe. When the last writer of that pipe is
//! gone, which is when we stop, crash or are killed, it removes the folder. Nothing in our own process has to
//! work for that. A [`Lease`] is one more writer: whoever holds it still uses the folder.

use std::{
    fs::{self, Permissions},
    io::{self, PipeWriter},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tokio::process::{Child, Command};

use super::account::Account;

/// `$1` is the folder. A signal to our terminal is not for it: it ends with the pipe alone.
const KEEPER: &str = r#"
trap '' HUP INT TERM
while read -r _; do :; done
rm -rf -- "$1"
"#;

/// A folder that is removed when nobody uses it any more.
#[derive(Debug)]
pub struct DemoFolder {
    path: PathBuf,
    lease: Lease,
    keeper: Child,
}

/// Keeps the folder as long as any process holds it.
#[derive(Debug)]
pub struct Lease(PipeWriter);

impl DemoFolder {
    /// Makes the folder. Where the database runs under another account, that one may walk through, not look.
    pub fn create(database_account: Option<&Account>) -> io::Result<Self> {
        let mode = if database_account.is_some() { 0o711 } else { 0o700 };
        let folder = tempfile::Builder::new()
            .prefix("connect-demo-")
            .permissions(Permissions::from_mode(mode))
            .tempdir()?;
        // The umask may have taken the others' right to walk through.
        fs::set_permissions(folder.path(), Permissions::from_mode(mode))?;
        let (waiting, lease) = io::pipe()?;
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "connect-demo-keeper"])
            .arg(folder.path())
            .current_dir("/")
            .stdin(waiting)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        // From here on the keeper removes it; until here `folder` did.
        Ok(Self { path: folder.keep(), lease: Lease(lease), keeper })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One more reason to keep the folder.
    pub fn lease(&self) -> io::Result<Lease> {
        self.lease.0.try_clone().map(Lease)
    }

    /// A folder inside that only `owner`, or we, can enter.
    pub fn private(&self, name: &str, owner: Option<&Account>) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        give(&path, owner)?;
        Ok(path)
    }

    /// Gives the folder up and waits until it is gone, which is when every lease has ended too.
    pub async fn remove(self) -> io::Result<ExitStatus> {
        let Self { lease, mut keeper, .. } = self;
        drop(lease);
        keeper.wait().await
    }
}

impl From<Lease> for Stdio {
    fn from(lease: Lease) -> Self {
        lease.0.into()
    }
}

/// A file that only `owner`, or we, can read.
pub fn write_private(path: &Path, content: &str, owner: Option<&Account>) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())?;
    give(path, owner)
}

fn give(path: &Path, owner: Option<&Account>) -> io::Result<()> {
    match owner {
        Some(account) => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_folder_goes_when_the_last_lease_ends_and_not_before() {
        let folder = DemoFolder::create(None).expect("is made");
        let path = folder.path().to_owned();
        let inside = folder.private("inside", None).expect("is made");
        write_private(&inside.join("secret"), "x", None).expect("is written");
        let lease = folder.lease().expect("is given");

        let mut removal = tokio::spawn(folder.remove());
        tokio::task::yield_now().await;
        assert!(path.exists() && !removal.is_finished());
        drop(lease);
        assert!((&mut removal).await.expect("runs").expect("is waited for").success());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_folder_that_is_dropped_is_removed_as_well() {
        let folder = DemoFolder::create(None).expect("is made");
        let DemoFolder { path, lease, mut keeper } = folder;
        drop(lease);
        keeper.wait().await.expect("ends");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn nobody_else_can_look_inside() {
        let folder = DemoFolder::create(None).expect("is made");
        let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        let file = folder.path().join("secret");
        write_private(&file, "x", None).expect("is written");
        assert_eq!(mode(&file), 0o600);
        folder.remove().await.expect("is removed");
    }
}
