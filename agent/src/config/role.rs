//! `[[resource.role]]`: as which role of the database somebody works there.

use std::sync::Arc;

use connect_core::principal::Principal;

use super::{
    access::{self, AccessList},
    section::{Located, Section},
};

/// Longest name of a role in bytes: the server cuts what is longer, and could mean another one then.
const LONGEST: usize = 63;

/// The server's own word for no role.
const NONE: &str = "none";

/// Who works as whom, in the order of the file: the first line that admits somebody counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `None`: the account that the agent logs in as.
    role: Option<Arc<str>>,
    who: AccessList,
}

/// As whom somebody works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorksAs {
    /// The account that the agent logs in as.
    Account,
    Role(Arc<str>),
    /// There are roles, and none is for them: they do not get in.
    Nobody,
}

impl Roles {
    #[must_use]
    pub fn of(&self, principal: &Principal) -> WorksAs {
        if self.rules.is_empty() {
            return WorksAs::Account;
        }
        match self.rules.iter().find(|rule| rule.who.admits(principal)) {
            Some(Rule { role: Some(role), .. }) => WorksAs::Role(Arc::clone(role)),
            Some(Rule { role: None, .. }) => WorksAs::Account,
            None => WorksAs::Nobody,
        }
    }

    /// Every role that somebody may work as.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rules.iter().filter_map(|rule| rule.role.as_ref())
    }

    pub(super) fn at_home(&mut self, issuer: &Arc<str>) {
        for rule in &mut self.rules {
            rule.who.at_home(issuer);
        }
    }
}

pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Roles> {
    // All of them, so that each has its report.
    let rules: Vec<Option<Rule>> = section.sections("role").into_iter().map(read_rule).collect();
    Some(Roles { rules: rules.into_iter().collect::<Option<_>>()? })
}

fn read_rule(mut section: Section<'_, '_>) -> Option<Rule> {
    let name = section.required_string("role", "analyst");
    let role = name.and_then(|name| section.accept(&name, role(&name)));
    let who = access::read(&mut section, "who");
    if who.as_ref().is_some_and(AccessList::is_empty) {
        section.missing(
            "who",
            "is missing; for example `who = [\"group:analysts\"]`, or `[\"*\"]` for everyone",
        );
    }
    section.finish();
    let who = who.filter(|who| !who.is_empty())?;
    Some(Rule { role: role?, who })
}

fn role(name: &Located<String>) -> Result<Option<Arc<str>>, String> {
    match name.value.as_str() {
        NONE => Ok(None),
        "public" => Err("`public` is everybody and no role".to_owned()),
        name if name.len() > LONGEST => Err(format!("a role's name has {LONGEST} bytes at most")),
        name if name.contains('\0') => Err("must not contain a NUL character".to_owned()),
        name => Ok(Some(name.into())),
    }
}
