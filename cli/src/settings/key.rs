//! The keys that exist.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Resource,
    Port,
    Output,
    Color,
    Keep,
    Input,
    Agent,
    Workload,
}

impl Key {
    pub(crate) const ALL: [Self; 8] = [
        Self::Resource,
        Self::Port,
        Self::Output,
        Self::Color,
        Self::Keep,
        Self::Input,
        Self::Agent,
        Self::Workload,
    ];

    /// Its name in files; in the environment it is `CONNECT_` and the same in capitals.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Port => "port",
            Self::Output => "output",
            Self::Color => "color",
            Self::Keep => "keep",
            Self::Input => "input",
            Self::Agent => "agent",
            Self::Workload => "workload",
        }
    }

    /// What it is for, in a few words.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Resource => "the resource when a command names none",
            Self::Port => "local port: a number, or auto",
            Self::Output => "table, json, jsonl or name",
            Self::Color => "auto, always or never",
            Self::Keep => "where a sign-in is kept: auto, keychain, sealed, file or nothing",
            Self::Input => "false: never ask anything",
            Self::Agent => "the only agent to use, instead of the known ones: URL#FINGERPRINT",
            Self::Workload => {
                "how a program signs in: github, env:NAME, file:PATH, url:URL, client:ID,key=FILE"
            }
        }
    }

    pub(crate) const fn default_value(self) -> &'static str {
        match self {
            Self::Resource | Self::Agent => "",
            Self::Port => "the one that was used before",
            Self::Output => "table",
            Self::Color | Self::Keep | Self::Workload => "auto",
            Self::Input => "true",
        }
    }

    /// Whether a project's file may hold it.
    pub(crate) const fn is_for_projects(self) -> bool {
        matches!(self, Self::Resource | Self::Port)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The known key that a misspelt one is nearest to.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .map(|key| (strsim::osa_distance(key.name(), name), key))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, key)| key)
    }
}
