//! Files and folders that only their owner may read: made with the right mode from the first moment,
//! and replaced as a whole.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use aws_lc_rs::digest;
use connect_shared::hexadecimal::hexadecimal;

use crate::failure::{self, Outcome};

/// Largest file of our own that is read.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Whatever a name is, it makes one file: 32 digits of its hash.
pub(crate) fn file_name(name: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, name);
    hexadecimal(hash.as_ref()).chars().take(32).collect()
}

/// Makes a folder with mode 0700, with what is missing above it.
pub(crate) fn folder(path: &Path) -> Outcome<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| failure::file("create", path, &error))
}

/// Makes a folder with mode 0700 that is certainly ours: its parent may be open to everybody.
pub(crate) fn own_folder(path: &Path) -> Outcome<()> {
    folder(path)?;
    let about = fs::symlink_metadata(path).map_err(|error| failure::file("look at", path, &error))?;
    let own = rustix::process::geteuid().as_raw();
    if !about.is_dir() || about.uid() != own {
        return Err(failure::local("runtime_folder", format!("{} belongs to somebody else", path.display()))
            .help("set CONNECT_RUNTIME_DIR to a folder of your own"));
    }
    if about.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(|error| failure::file("protect", path, &error))?;
    }
    Ok(())
}

/// The whole file, or `None` if there is none.
pub(crate) fn read(path: &Path) -> Outcome<Option<String>> {
    let opened = match fs::File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure::file("read", path, &error)),
    };
    let mut text = String::new();
    opened.take(MAX_FILE).read_to_string(&mut text).map_err(|error| failure::file("read", path, &error))?;
    Ok(Some(text))
}

/// Replaces the file as a whole, with mode 0600. If we stop half-way, the old one is still there.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Outcome<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    folder(parent)?;
    let problem = |error: io::Error| failure::file("write", path, &error);
    // A temporary file has mode 0600 from its first moment.
    let mut next = tempfile::NamedTempFile::new_in(parent).map_err(problem)?;
    next.write_all(contents).map_err(problem)?;
    next.as_file().sync_data().map_err(problem)?;
    next.persist(path).map_err(|error| problem(error.error))?;
    Ok(())
}

/// Removes the file if it is there.
pub(crate) fn remove(path: &Path) -> Outcome<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure::file("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Holds an operating-system lock while it lives; it ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: fs::File,
}

impl Lock {
    /// Waits for the lock behind `path`.
    pub(crate) fn wait(path: &Path) -> Outcome<Self> {
        let file = Self::file(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| failure::file("lock", path, &error.into()))?;
        Ok(Self { _file: file })
    }

    /// The lock behind `path`, if nobody has it.
    pub(crate) fn at_once(path: &Path) -> Outcome<Option<Self>> {
        let file = Self::file(path)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failure::file("lock", path, &error.into())),
        }
    }

    fn file(path: &Path) -> Outcome<fs::File> {
        if let Some(parent) = path.parent() {
            folder(parent)?;
        }
        fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| failure::file("lock", path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_for_its_owner_only_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below").join("file");
        write(&path, b"one").expect("written");
        write(&path, b"two").expect("written again");
        assert_eq!(read(&path).expect("read").as_deref(), Some("two"));
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().expect("above")).expect("there").mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_could_read_is_closed_and_a_link_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = folder.path().join("open");
        fs::create_dir(&open).expect("made");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).expect("opened");
        own_folder(&open).expect("ours");
        assert_eq!(fs::metadata(&open).expect("there").mode() & 0o777, 0o700);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&open, &link).expect("linked");
        assert!(own_folder(&link).is_err());
    }

    #[test]
    fn a_lock_is_free_again_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        drop(Lock::wait(&path).expect("locked"));
        drop(Lock::wait(&path).expect("locked again"));
    }
}
