//! Unix sockets that only this person can reach, removed when they are left.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use crate::failure::{self, Outcome};

/// A socket's file; it is removed with this value.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.0);
    }
}

/// Listens on `path`. A socket that nobody answers on any more is replaced.
pub(crate) fn bind(path: &Path) -> Outcome<(UnixListener, SocketFile)> {
    let problem = |error: &io::Error| failure::file("listen on", path, error);
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            clear(path)?;
            UnixListener::bind(path).map_err(|error| problem(&error))?
        }
        other => other.map_err(|error| problem(&error))?,
    };
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|error| problem(&error))?;
    Ok((listener, file))
}

fn clear(path: &Path) -> Outcome<()> {
    let in_use = |what: &str| {
        Err(failure::local("socket_busy", format!("{} {what}", path.display())).help("connect status"))
    };
    let about = fs::symlink_metadata(path).map_err(|error| failure::file("look at", path, &error))?;
    if !about.file_type().is_socket() {
        return in_use("exists and is no socket");
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return in_use("is in use by another program");
    }
    fs::remove_file(path).map_err(|error| failure::file("remove", path, &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_and_gone_when_it_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let (listener, file) = bind(&path).expect("listening");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert!(bind(&path).is_err(), "somebody answers there");
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_left_over_socket_is_replaced_and_a_file_never() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("listening"));
        assert!(path.exists(), "left over");
        bind(&path).expect("replaced");
        let file = folder.path().join("file");
        fs::write(&file, "kept").expect("written");
        assert!(bind(&file).is_err());
        assert_eq!(fs::read_to_string(&file).expect("kept"), "kept");
    }
}
