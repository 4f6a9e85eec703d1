//! Settings, from the strongest to the weakest: a flag, `CONNECT_*`, the project's `.connect.toml`, the
//! person's configuration, the machine's, the default. Each value knows where it came from.
//!
//! A project file comes with a checkout and is not trusted: it may say which resource and which port, never
//! an endpoint or anything about trust.

mod key;
mod source;

use std::path::Path;

pub(crate) use self::key::Key;
use self::source::{Origin, Source};
use crate::{
    failure::{self, Outcome},
    paths::{Paths, SYSTEM_CONFIG},
};

/// All settings of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The strongest first.
    sources: Vec<Source>,
}

impl Settings {
    /// Reads the environment and every file.
    pub(crate) fn load(paths: &Paths, directory: &Path) -> Outcome<Self> {
        let mut sources = vec![source::environment(std::env::vars_os())?];
        if let Some(project) = source::project_file(directory) {
            sources.extend(source::file(&project, source::Kind::Project)?);
        }
        sources.extend(source::file(&paths.config_file(), source::Kind::Personal)?);
        sources.extend(source::file(Path::new(SYSTEM_CONFIG), source::Kind::Machine)?);
        Ok(Self { sources })
    }

    /// The strongest value of a key.
    pub(crate) fn value(&self, key: Key) -> Option<&str> {
        self.find(key).map(|(value, _)| value)
    }

    /// The strongest value of a key, or its default, and where it came from.
    pub(crate) fn explain(&self, key: Key) -> (String, String) {
        match self.find(key) {
            Some((value, origin)) => (value.to_owned(), origin.to_string()),
            None => (key.default_value().to_owned(), "default".to_owned()),
        }
    }

    /// The value of a key that holds one of a few words.
    pub(crate) fn word<T: std::str::FromStr<Err = String>>(&self, key: Key) -> Outcome<Option<T>> {
        let Some((value, origin)) = self.find(key) else { return Ok(None) };
        value.parse().map(Some).map_err(|why| failure::usage(format!("{origin}: `{}`: {why}", key.name())))
    }

    fn find(&self, key: Key) -> Option<(&str, &Origin)> {
        self.sources.iter().find_map(|source| Some((source.value(key)?, &source.origin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(project: &str, personal: &str) -> Outcome<Settings> {
        let sources = vec![
            source::parse(project, Path::new(".connect.toml"), source::Kind::Project)?,
            source::parse(personal, Path::new("config.toml"), source::Kind::Personal)?,
        ];
        Ok(Settings { sources })
    }

    #[test]
    fn the_project_beats_the_person_and_each_value_knows_its_origin() {
        let settings = settings("resource = \"prod-db\"", "resource = \"mine\"\nport = 7000").expect("good");
        assert_eq!(settings.value(Key::Resource), Some("prod-db"));
        assert_eq!(settings.explain(Key::Port), ("7000".to_owned(), "config.toml".to_owned()));
        assert_eq!(settings.explain(Key::Color), ("auto".to_owned(), "default".to_owned()));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_spelling() {
        let error = settings("", "resorce = \"a\"").expect_err("unknown");
        insta::assert_snapshot!(error.message, @"config.toml: there is no setting `resorce`; did you mean `resource`?");
        assert_eq!(error.exit.code(), 2);
    }

    #[test]
    fn a_project_may_not_choose_where_secrets_are_kept() {
        let error = settings("keep = \"file\"", "").expect_err("not for projects");
        insta::assert_snapshot!(error.message, @".connect.toml: a project may set only `resource` and `port`, not `keep`");
    }

    #[test]
    fn a_value_that_a_key_cannot_hold_is_refused_where_it_stands() {
        let settings = settings("", "output = \"xml\"").expect("text");
        let error = settings.word::<crate::console::Format>(Key::Output).expect_err("unknown word");
        insta::assert_snapshot!(error.message, @"config.toml: `output`: not one of table, json, jsonl, name");
    }
}
