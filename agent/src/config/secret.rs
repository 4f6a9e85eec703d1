//! A database's password: from a file that only its owner reads, or from the environment. It never
//! stands in the configuration itself.

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    Surroundings,
    section::{Located, Section},
};
use crate::upstream::Secret;

const PASSWORD: (&str, &str) = ("password_file", "password_env");

/// Longest password that is read.
const MAX_PASSWORD: u64 = 4 * 1024;

/// `password_file` or `password_env`: exactly one of them.
pub(super) fn read(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Secret> {
    read_named(section, PASSWORD, around)
}

/// The same where something else than a password may be enough; empty if there is none.
pub(super) fn read_optional(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Secret> {
    read_given(section, PASSWORD, around).map(|given| given.unwrap_or(Secret(String::new())))
}

/// The same under other names.
pub(super) fn read_named(
    section: &mut Section<'_, '_>,
    names: (&'static str, &'static str),
    around: &Surroundings<'_>,
) -> Option<Secret> {
    let given = read_given(section, names, around)?;
    if given.is_none() {
        let (in_file, in_variable) = names;
        let what = in_file.trim_end_matches("_file");
        section.missing(
            in_file,
            &format!(
                "is missing; name a file of mode 0600 with the {what}, or a variable in `{in_variable}`"
            ),
        );
    }
    given
}

#[expect(clippy::option_option, reason = "outer: a problem was told; inner: neither is given")]
fn read_given(
    section: &mut Section<'_, '_>,
    (in_file, in_variable): (&'static str, &'static str),
    around: &Surroundings<'_>,
) -> Option<Option<Secret>> {
    let file = section.string(in_file);
    let variable = section.string(in_variable);
    match (file, variable) {
        (Some(file), None) => section.accept(&file, from_file(&around.resolve(&file.value))).map(Some),
        (None, Some(variable)) => section.accept(&variable, from_variable(&variable, around)).map(Some),
        (Some(_), Some(variable)) => {
            section.wrong_at(&variable, &format!("is given together with `{in_file}`; keep one of them"));
            None
        }
        (None, None) => Some(None),
    }
}

/// Whether a file is there and not everyone's to read.
pub(super) fn private_file(path: &Path) -> Result<(), String> {
    open_private(path).map(drop)
}

fn open_private(path: &Path) -> Result<File, String> {
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
    Ok(file)
}

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let unreadable = |error| format!("`{shown}` cannot be read: {error}");
    let file = open_private(path)?;
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
