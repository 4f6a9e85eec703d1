//! Files that nobody else reads, written whole or not at all, and never over another.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use connect_shared::error::{ErrorReport, Exit};

/// Nothing is asked whose answers could not be written.
pub(super) fn check_free(path: &Path) -> Result<(), ErrorReport> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let words = format!("`{}` is there already, and is left alone", path.display());
    Err(ErrorReport::new("config_exists", Exit::Usage, words)
        .help(format!("connect-agent check --config {}", path.display()))
        .help("or write another file: --config FILE"))
}

/// Writes the password, if there is one, and the configuration; both or none.
pub(super) fn write(
    path: &Path,
    text: &str,
    password: Option<&(PathBuf, &str)>,
) -> Result<Vec<PathBuf>, ErrorReport> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|error| unwritable(folder, &error))?;
    }
    let mut written = Vec::new();
    if let Some((path, password)) = password {
        create(path, &format!("{password}\n"))?;
        written.push(path.clone());
    }
    if let Err(report) = create(path, text) {
        take_back(&written);
        return Err(report);
    }
    written.push(path.to_owned());
    Ok(written)
}

/// Removes what was written: the agent could not use it after all.
pub(super) fn take_back(written: &[PathBuf]) {
    for file in written {
        let _left_behind = fs::remove_file(file);
    }
}

fn create(path: &Path, text: &str) -> Result<(), ErrorReport> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| unwritable(path, &error))?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    done.map_err(|error| {
        let _half = fs::remove_file(path);
        unwritable(path, &error)
    })
}

fn unwritable(path: &Path, error: &io::Error) -> ErrorReport {
    ErrorReport::new("unwritable", Exit::Local, format!("`{}` cannot be written: {error}", path.display()))
        .help("run it as the user of the agent, or choose another place: --config FILE")
}
