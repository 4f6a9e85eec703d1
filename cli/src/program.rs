//! This program's own name, and programs that it finds on PATH.

use std::path::{Path, PathBuf};

/// For the agent's record: `connect/0.1.0`.
pub(crate) const NAME_AND_VERSION: &str = concat!("connect/", env!("CARGO_PKG_VERSION"));

/// The program of a name on PATH, or the file that a path names.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return is_executable(Path::new(name)).then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
