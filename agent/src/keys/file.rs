//! Private files and folders: made atomically, refused when anyone else could read or change them.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// Longest key file that is read.
const MAX_KEY: u64 = 64 * 1024;

/// Why the agent's own keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the folder `{}` cannot be made: {source}; make it for the user that runs the agent, or choose another `state_dir`", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("`{}` belongs to another account (uid {owner}); run `chown` so that the agent's own account (uid {own}) owns it", path.display())]
    Owner { path: PathBuf, owner: u32, own: u32 },
    #[error("others may read or change `{}` (mode {mode:04o}); run `chmod {wanted:03o} {}`", path.display(), path.display())]
    Mode { path: PathBuf, mode: u32, wanted: u32 },
    #[error("`{}` is not {expected}", path.display())]
    Kind { path: PathBuf, expected: &'static str },
    #[error("`{}` is damaged: {reason}; restore it from a backup, or remove it to have a new one made", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the certificate cannot be made: {0}; check `public_name`")]
    Certificate(String),
    #[error("the system gave no random bytes")]
    Randomness,
}

/// A folder of mode 0700 that is ours.
pub(super) fn open_folder(path: &Path) -> Result<(), KeyError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| KeyError::Folder { path: path.to_owned(), source })?;
    check_folder(path)
}

/// Whether the folder is one, and ours.
pub(super) fn check_folder(path: &Path) -> Result<(), KeyError> {
    let metadata =
        fs::metadata(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    if !metadata.is_dir() {
        return Err(KeyError::Kind { path: path.to_owned(), expected: "a folder" });
    }
    check_owner_and_mode(path, &metadata, 0o700)
}

/// A file that only we can read.
pub(super) fn read_private(path: &Path) -> Result<Vec<u8>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(KeyError::Kind { path: path.to_owned(), expected: "a file" });
    }
    check_owner_and_mode(path, &metadata, 0o600)?;
    let mut bytes = Vec::new();
    file.take(MAX_KEY + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_KEY {
        return Err(KeyError::Damaged {
            path: path.to_owned(),
            reason: "it is too long for a key".to_owned(),
        });
    }
    Ok(bytes)
}

/// The file's bytes; if there is none, new ones that are kept there first.
pub(super) fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    match read_private(path) {
        Err(KeyError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let bytes = make()?;
            write_private(path, &bytes)?;
            Ok(bytes)
        }
        outcome => outcome,
    }
}

/// Writes a new file of mode 0600. If we stop on the way, there is no file of this name.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let unwritable = |source| KeyError::Unwritable { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    // A NamedTempFile is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    file.write_all(bytes).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    // Not persist(): two agents that start at once must not replace each other's key.
    file.persist_noclobber(path).map_err(|error| unwritable(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)
}

fn check_owner_and_mode(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeyError> {
    let own = rustix::process::geteuid().as_raw();
    // Files of root are as good as our own: root can change what it likes anyway.
    if metadata.uid() != own && metadata.uid() != 0 {
        return Err(KeyError::Owner { path: path.to_owned(), owner: metadata.uid(), own });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_with_mode_0600_and_read_after_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mask.key");
        let first = read_or_make(&path, || Ok(vec![7; 32])).expect("made");
        let second = read_or_make(&path, || Ok(vec![8; 32])).expect("read");
        assert_eq!(first, second);
        let mode = fs::metadata(&path).expect("it is there").mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_cure() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mask.key");
        write_private(&path, &[1; 32]).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("opened wide");
        let error = read_private(&path).expect_err("others may read it").to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opened wide");
        assert!(matches!(open_folder(folder.path()), Err(KeyError::Mode { wanted: 0o700, .. })));
    }

    #[test]
    fn two_agents_that_start_at_once_never_replace_a_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("grant.key");
        write_private(&path, b"first").expect("written");
        assert!(matches!(write_private(&path, b"second"), Err(KeyError::Unwritable { .. })));
        assert_eq!(read_private(&path).expect("readable"), b"first");
    }
}
