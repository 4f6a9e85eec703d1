//! Where settings stand: the environment and files.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::Key;
use crate::{
    failure::{self, Outcome},
    private,
};

/// Variables of ours that are no settings.
const OTHER_VARIABLES: [&str; 9] = [
    "CONNECT_ID_TOKEN",
    "CONNECT_ID_TOKEN_FILE",
    "CONNECT_HOME",
    "CONNECT_CONFIG_DIR",
    "CONNECT_STATE_DIR",
    "CONNECT_RUNTIME_DIR",
    "CONNECT_PASSPHRASE",
    "CONNECT_PASSPHRASE_FILE",
    "CONNECT_LOG",
];

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Project,
    Personal,
    Machine,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Environment,
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Values of one origin.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) origin: Origin,
    values: Vec<(Key, String)>,
}

impl Source {
    pub(super) fn value(&self, key: Key) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }
}

/// The variables that are settings. One that only looks like ours is not refused: it may be another
/// program's.
pub(super) fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Outcome<Source> {
    let mut values = Vec::new();
    for (name, value) in variables {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        let Some(short) = name.strip_prefix("CONNECT_") else { continue };
        if value.is_empty() || OTHER_VARIABLES.contains(&name) {
            continue;
        }
        if let Some(key) = Key::from_name(&short.to_ascii_lowercase()) {
            values.push((key, value.to_owned()));
        }
    }
    Ok(Source { origin: Origin::Environment, values })
}

/// The nearest `.connect.toml` from `directory` upwards, at most to the root of the checkout.
pub(super) fn project_file(directory: &Path) -> Option<PathBuf> {
    for folder in directory.ancestors() {
        let candidate = folder.join(".connect.toml");
        if candidate.is_file() {
            return Some(candidate);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// The settings of a file, if there is one.
pub(super) fn file(path: &Path, kind: Kind) -> Outcome<Option<Source>> {
    match private::read(path)? {
        Some(text) => parse(&text, path, kind).map(Some),
        None => Ok(None),
    }
}

/// The settings of a file's text.
pub(super) fn parse(text: &str, path: &Path, kind: Kind) -> Outcome<Source> {
    let place = path.display();
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| failure::usage(format!("{place}: {}", error.message())))?;
    let mut values = Vec::new();
    for (name, value) in table {
        let Some(key) = Key::from_name(&name) else { return Err(unknown(path, &name)) };
        if kind == Kind::Project && !key.is_for_projects() {
            return Err(failure::usage(format!(
                "{place}: a project may set only `resource` and `port`, not `{name}`"
            )));
        }
        let value = match value {
            toml::Value::String(value) => value,
            toml::Value::Integer(value) => value.to_string(),
            toml::Value::Boolean(value) => value.to_string(),
            _ => return Err(failure::usage(format!("{place}: `{name}` must be text ({})", key.meaning()))),
        };
        values.push((key, value));
    }
    Ok(Source { origin: Origin::File(path.to_owned()), values })
}

fn unknown(path: &Path, name: &str) -> connect_shared::error::ErrorReport {
    let place = path.display();
    let name = failure::printable(name);
    match Key::nearest(&name) {
        Some(key) => {
            failure::usage(format!("{place}: there is no setting `{name}`; did you mean `{}`?", key.name()))
        }
        None => failure::usage(format!("{place}: there is no setting `{name}`")).help("connect config list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_by_name_and_other_variables_are_left_alone() {
        let variables =
            [("CONNECT_PORT", "7001"), ("CONNECT_HOME", "/x"), ("PATH", "/bin"), ("CONNECT_X", "1")];
        let source = environment(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        let source = source.expect("good");
        assert_eq!(source.value(Key::Port), Some("7001"));
        assert_eq!(source.values.len(), 1);
    }

    #[test]
    fn a_project_file_is_found_from_below_and_not_beyond_the_checkout() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("checkout").join("src");
        std::fs::create_dir_all(&inner).expect("made");
        std::fs::write(folder.path().join(".connect.toml"), "").expect("written");
        assert_eq!(project_file(&inner), Some(folder.path().join(".connect.toml")));
        std::fs::create_dir(folder.path().join("checkout").join(".git")).expect("made");
        assert_eq!(project_file(&inner), None);
    }
}
