//! Who may do something: `group:X`, `principal:X`, `*`.

use std::sync::Arc;

use connect_core::principal::Principal;

use super::section::Section;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever can sign in.
    Anyone,
    /// Members of a group, by the name in the groups claim.
    Group(String),
    /// One principal, by name, or by stable id at the agent's own identity provider.
    Principal(String),
}

impl Who {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let named = |name: &str| match name.trim() {
            "" => Err(format!("`{text}` names nobody; write a name behind the colon")),
            trimmed if trimmed != name => Err(format!("`{text}` has a space around its name; remove it")),
            name => Ok(name.to_owned()),
        };
        match text.split_once(':') {
            _ if text == "*" => Ok(Self::Anyone),
            Some(("group", name)) => named(name).map(Self::Group),
            Some(("principal", name)) => named(name).map(Self::Principal),
            _ => Err(format!(
                "`{text}` is not understood; write `group:NAME`, `principal:NAME-OR-ID` or `*` for everyone"
            )),
        }
    }

    fn admits(&self, principal: &Principal, home: Option<&str>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Group(group) => principal.groups.iter().any(|name| name == group),
            Self::Principal(who) => {
                let is_home = home == Some(principal.reference.idp.as_str());
                *who == principal.name || is_home && *who == principal.reference.sub
            }
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anyone => f.write_str("*"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Principal(name) => write!(f, "principal:{name}"),
        }
    }
}

/// A list of those who may. Empty: nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessList {
    list: Vec<Who>,
    /// The issuer whose stable ids are meant.
    home: Option<Arc<str>>,
}

impl AccessList {
    /// Of lines that stand elsewhere than in the configuration; `None` if one of them is not understood.
    #[must_use]
    pub fn of(lines: &[String]) -> Option<Self> {
        let list: Option<Vec<_>> = lines.iter().map(|line| Who::parse(line).ok()).collect();
        // Whoever has an id of another provider is nobody here: people are meant by names and groups.
        list.map(|list| Self { list, home: None })
    }

    /// Its lines as they are written.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.list.iter().map(ToString::to_string).collect()
    }

    /// Whether one of its lines means `principal`.
    #[must_use]
    pub fn admits(&self, principal: &Principal) -> bool {
        self.list.iter().any(|who| who.admits(principal, self.home.as_deref()))
    }

    /// Stable ids are those of this issuer from now on. Without one, people are meant by their names only.
    pub(super) fn at_home(&mut self, issuer: &Arc<str>) {
        self.home = Some(Arc::clone(issuer));
    }

    /// Its lines as people say them: `data-oncall`, `li@example.com`, `everyone`.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let word = |who: &Who| match who {
            Who::Anyone => "everyone".to_owned(),
            Who::Group(name) | Who::Principal(name) => name.clone(),
        };
        self.list.iter().map(word).collect()
    }

    /// Whether it admits nobody at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl std::fmt::Display for AccessList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, who) in self.list.iter().enumerate() {
            write!(f, "{}{who}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The list under `key`, empty if it is absent.
pub(super) fn read(section: &mut Section<'_, '_>, key: &'static str) -> Option<AccessList> {
    let Some(lines) = section.strings(key) else { return Some(AccessList::default()) };
    let mut list: Vec<Who> = Vec::new();
    let mut good = true;
    for line in &lines {
        match section.accept(line, Who::parse(&line.value)) {
            Some(who) if list.contains(&who) => {
                section.wrong_at(line, &format!("`{who}` is listed twice; remove one"));
                good = false;
            }
            Some(who) => list.push(who),
            None => good = false,
        }
    }
    good.then_some(AccessList { list, home: None })
}
