//! The settings that change what a statement means.

use std::sync::Arc;

use super::path;
use crate::catalog::code::Name;

/// A setting that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Setting {
    SearchPath,
    Role,
    Authorization,
    /// `standard_conforming_strings`
    Strings,
    /// `connect.wait`: whether a statement that is held waits for its approval.
    Wait,
    /// `connect.purpose`: what the session is for.
    Purpose,
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Each a name of its own, as SET has them.
    Names(Arc<[Name]>),
    /// A text that the server reads itself, as `set_config` and startup parameters have it.
    Text(Name),
    Default,
    /// Computed, or set under a condition.
    Unknown,
}

/// How long it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    /// Until the transaction ends.
    Local,
    /// One of the two.
    Unknown,
}

/// How string constants are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lexing {
    /// As the parser reads them: a backslash is an ordinary character.
    #[default]
    Standard,
    /// Otherwise, or nobody knows: no text means what the parser says.
    Other,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) enum Actor {
    /// The one that the agent signed in as.
    #[default]
    Login,
    Named(Name),
    Unknown,
}

/// Values of the settings that are followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings {
    /// Names in the list, `$user` and `pg_temp` among them; `None` if nobody knows.
    pub(super) path: Option<Arc<[Name]>>,
    /// It was set, and not to its default: RESET ALL passes over a setting that was not.
    pub(super) path_is_set: bool,
    pub(super) authorization: Actor,
    /// `None`: no role is set, and the authorisation counts.
    pub(super) role: Option<Actor>,
    pub(super) lexing: Lexing,
    /// A statement that is held fails at once.
    pub(super) no_wait: bool,
    /// What the client says that it is for.
    pub(super) purpose: Option<Name>,
}

impl Setting {
    /// The setting of this name, whose case does not count.
    pub(super) fn named(name: &str) -> Option<Self> {
        const SETTINGS: [(&str, Setting); 6] = [
            ("search_path", Setting::SearchPath),
            ("role", Setting::Role),
            ("session_authorization", Setting::Authorization),
            ("standard_conforming_strings", Setting::Strings),
            ("connect.wait", Setting::Wait),
            ("connect.purpose", Setting::Purpose),
        ];
        SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, setting)| *setting)
    }
}

impl Settings {
    /// The role whose rights count.
    pub(super) fn role(&self) -> &Actor {
        self.role.as_ref().unwrap_or(&self.authorization)
    }

    /// What is left when nothing is known any more.
    pub(super) const fn unknown() -> Self {
        Self {
            path: None,
            path_is_set: true,
            authorization: Actor::Unknown,
            role: Some(Actor::Unknown),
            lexing: Lexing::Other,
            no_wait: false,
            purpose: None,
        }
    }

    /// Takes a value; `reset` has the defaults.
    pub(super) fn set(&mut self, setting: Setting, value: &Value, reset: &Self) {
        match setting {
            Setting::SearchPath => {
                self.path = path_value(value, reset);
                self.path_is_set = *value != Value::Default;
            }
            Setting::Role => self.role = role_value(value, reset),
            Setting::Authorization => {
                self.authorization = authorization_value(value, reset);
                // Back to the login, the role goes back too; for another one it is none (`guc.c`).
                self.role = if *value == Value::Default { reset.role.clone() } else { None };
            }
            Setting::Strings => self.lexing = lexing_value(value, reset),
            Setting::Wait => {
                self.no_wait = if *value == Value::Default {
                    reset.no_wait
                } else {
                    single(value).is_some_and(is_false)
                };
            }
            Setting::Purpose => {
                self.purpose = if *value == Value::Default {
                    reset.purpose.clone()
                } else {
                    single(value).filter(|purpose| !purpose.is_empty()).map(Name::from)
                };
            }
        }
    }

    /// `RESET ALL`, which leaves the roles alone.
    pub(super) fn reset_all(&mut self, reset: &Self) {
        self.path.clone_from(&reset.path);
        self.path_is_set = false;
        self.lexing = reset.lexing;
        self.no_wait = reset.no_wait;
        self.purpose.clone_from(&reset.purpose);
    }

    /// Another name for the role that counts.
    pub(super) fn rename_role(&mut self, old: &str, new: &Name) {
        let actors = [Some(&mut self.authorization), self.role.as_mut()];
        for actor in actors.into_iter().flatten() {
            if matches!(actor, Actor::Named(name) if &**name == old) {
                *actor = Actor::Named(new.clone());
            }
        }
    }
}

fn path_value(value: &Value, reset: &Settings) -> Option<Arc<[Name]>> {
    match value {
        Value::Names(names) => Some(names.iter().map(|name| path::cut(name).into()).collect()),
        Value::Text(text) => path::identifiers(text).map(Arc::from),
        Value::Default => reset.path.clone(),
        Value::Unknown => None,
    }
}

fn role_value(value: &Value, reset: &Settings) -> Option<Actor> {
    match single(value) {
        Some("none") => None,
        Some(name) => Some(Actor::Named(path::cut(name).into())),
        None if *value == Value::Default => reset.role.clone(),
        None => Some(Actor::Unknown),
    }
}

fn authorization_value(value: &Value, reset: &Settings) -> Actor {
    match single(value) {
        Some(name) => Actor::Named(path::cut(name).into()),
        None if *value == Value::Default => reset.authorization.clone(),
        None => Actor::Unknown,
    }
}

fn lexing_value(value: &Value, reset: &Settings) -> Lexing {
    match single(value) {
        Some(text) if is_true(text) => Lexing::Standard,
        Some(_) => Lexing::Other,
        None if *value == Value::Default => reset.lexing,
        None => Lexing::Other,
    }
}

fn single(value: &Value) -> Option<&str> {
    match value {
        Value::Names(names) => match &**names {
            [name] => Some(name),
            _ => None,
        },
        Value::Text(text) => Some(text),
        Value::Default | Value::Unknown => None,
    }
}

/// As the server reads a truth value: any beginning that is clear (`parse_bool`).
pub(super) fn is_true(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str| !text.is_empty() && word.starts_with(text.as_str());
    begins("true") || begins("yes") || text == "on" || text == "1"
}

/// As [`is_true`].
pub(super) fn is_false(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str| !text.is_empty() && word.starts_with(text.as_str());
    begins("false") || begins("no") || text == "off" || text == "of" || text == "0"
}
