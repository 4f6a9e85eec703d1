//! A database's password: from a file that only its owner reads, or from the environment. It never
//! stands in the configuration itself.

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    Surroundings,
    section::{Located, Section},
};
use crate::upstream::Secret;

/// Longest password that is read.
const MAX_PASSWORD: u64 = 4 * 1024;

/// `password_file` or `password_env`: exactly one of them.
pub(super) fn read(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Secret> {
    read_named(section, ("password_file", "password_env"), around)
}

/// The same under other names.
pub(super) fn read_named(
    section: &mut Section<'_, '_>,
    (in_file, in_variable): (&'static str, &'static str),
    around: &Surroundings<'_>,
) -> Option<Secret> {
    let file = section.string(in_file);
    let variable = section.string(in_variable);
    match (file, variable) {
        (Some(file), None) => section.accept(&file, from_file(&around.resolve(&file.value))),
        (None, Some(variable)) => section.accept(&variable, from_variable(&variable, around)),
        (Some(_), Some(variable)) => {
            section.wrong_at(&variable, &format!("is given together with `{in_file}`; keep one of them"));
            None
        }
        (None, None) => {
            let what = in_file.trim_end_matches("_file");
            section.missing(
                in_file,
                &format!(
                    "is missing; name a file of mode 0600 with the {what}, or a variable in `{in_variable}`"
                ),
            );
            None
        }
    }
}

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let unreadable = |error| format!("`{shown}` cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!(
            "`{shown}` can be read by everyone on this machine (mode {:04o}); run `chmod 600 {shown}`",
            mode & 0o7777
        ));
    }
    let mut text = String::new();
    file.take(MAX_PASSWORD + 1).read_to_string(&mut text).map_err(unreadable)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    accept(password.strip_suffix('\r').unwrap_or(password), &format!("`{shown}`"))
}

fn from_variable(variable: &Located<String>, around: &Surroundings<'_>) -> Result<Secret, String> {
    let name = &variable.value;
    let value = (around.environment)(name)
        .ok_or_else(|| format!("the variable `{name}` is not set in the environment of the agent"))?;
    accept(&value, &format!("the variable `{name}`"))
}

fn accept(password: &str, place: &str) -> Result<Secret, String> {
    if password.is_empty() {
        return Err(format!("{place} holds no password"));
    }
    if password.len() as u64 > MAX_PASSWORD || password.contains(['\0', '\n']) {
        return Err(format!("{place} must hold one line of at most {MAX_PASSWORD} bytes"));
    }
    Ok(Secret(password.to_owned()))
}
