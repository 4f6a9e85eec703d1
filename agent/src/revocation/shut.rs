//! Who is shut out, and what of them: everything until a time, everything until somebody says otherwise, or
//! what was signed in before a moment. It is kept in `revoked.json` of the state folder, so that a restart
//! lets nobody in.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{Standing, kept::Kept};

/// Most that are remembered. Beyond it the oldest that ends by itself makes room.
const MAX_SHUT: usize = 20_000;
/// How long a moment is remembered: no token that was signed in before it can be good by then.
const MEMORY: u64 = 24 * 60 * 60;

/// Whom an event means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// By the stable id at an identity provider.
    Subject { idp: String, sub: String },
    /// By the name that people read, or by the stable id at the agent's own provider.
    Named(String),
    /// By the e-mail address at an identity provider, in lower case.
    Email { idp: String, email: String },
    /// Whoever is in this session of an identity provider; where nobody has said which session a sign-in is of,
    /// whoever has this stable id there.
    IdpSession {
        idp: String,
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sub: Option<String>,
        /// Or whoever has this e-mail address there, in lower case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
    },
    /// Whoever has this stable id and name, as far as a sign-in says that they are in one of these groups.
    LostGroups { idp: String, sub: String, name: String, groups: Vec<String> },
}

impl Whom {
    pub(super) fn means(&self, standing: &Standing, home: &str) -> bool {
        let reference = &standing.principal.reference;
        match self {
            Self::Subject { idp, sub } => *idp == reference.idp && *sub == reference.sub,
            Self::Named(name) => {
                *name == standing.principal.name || reference.idp == home && *name == reference.sub
            }
            Self::Email { idp, email } => *idp == reference.idp && is_called(&standing.principal.name, email),
            Self::IdpSession { idp, id, sub, email } => {
                let is_meant = match &standing.idp_session {
                    Some(session) => session == id,
                    None => {
                        let is_called = |email: &String| is_called(&standing.principal.name, email);
                        sub.as_ref() == Some(&reference.sub) || email.as_ref().is_some_and(is_called)
                    }
                };
                *idp == reference.idp && is_meant
            }
            Self::LostGroups { idp, sub, name, groups } => {
                let theirs = &standing.principal;
                let has_one = groups.iter().any(|group| theirs.groups.contains(group));
                *idp == reference.idp && *sub == reference.sub && theirs.is_named(name) && has_one
            }
        }
    }

    /// Whether a lock on the other one is a lock on this one. Before addresses were kept with their provider they
    /// were kept as names, which no other provider's people have.
    fn has_lock_of(&self, other: &Self, home: &str) -> bool {
        match (other, self) {
            (Self::Named(name), Self::Email { idp, email }) if idp == home => name.to_lowercase() == *email,
            _ => self == other,
        }
    }
}

/// Whether a name is this e-mail address, by itself or behind the name of another provider than the agent's own.
fn is_called(name: &str, email: &str) -> bool {
    let at_another = name.split_once('/').map(|(_, name)| name);
    [Some(name), at_another].into_iter().flatten().any(|name| name.to_lowercase() == email)
}

/// What keeps somebody out until it is taken back; each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    Account,
    /// A device that is not as it should be, by what the event calls it.
    Device(String),
}

/// What of them is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// What was signed in up to then, in seconds since 1970-01-01T00:00:00Z.
    SignedInAgainSince(u64),
    /// Everything, up to then.
    Time(u64),
    /// Everything, until this lock is taken off.
    Restored(Lock),
}

impl Until {
    /// Whether a token or grant whose sign-in was at that time is worth nothing now.
    pub(super) const fn covers(&self, signed_in_at: u64, now: u64) -> bool {
        match self {
            Self::SignedInAgainSince(moment) => signed_in_at <= *moment,
            Self::Time(end) => now < *end,
            Self::Restored(_) => true,
        }
    }

    /// Whether this is of the same kind; then it says the later of the two from now on.
    fn absorb(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::SignedInAgainSince(one), Self::SignedInAgainSince(two))
            | (Self::Time(one), Self::Time(two)) => {
                *one = (*one).max(*two);
                true
            }
            (Self::Restored(one), Self::Restored(two)) => one == two,
            _ => false,
        }
    }

    const fn is_over(&self, now: u64) -> bool {
        match self {
            Self::SignedInAgainSince(moment) => moment.saturating_add(MEMORY) < now,
            Self::Time(end) => *end <= now,
            Self::Restored(_) => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct One {
    whom: Whom,
    until: Until,
    /// The name that people read, where `whom` has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl One {
    fn is_named(&self, name: &str, home: &str) -> bool {
        is_named((&self.whom, self.name.as_deref()), name, home)
    }
}

/// Whether `whom`, with the name that people read, if that is another, is called `name`.
fn is_named((whom, read): (&Whom, Option<&str>), name: &str, home: &str) -> bool {
    match whom {
        Whom::Named(known) => known == name,
        Whom::Subject { idp, sub } => idp == home && sub == name || read == Some(name),
        Whom::Email { idp, email } => idp == home && is_called(name, email) || read == Some(name),
        Whom::IdpSession { .. } | Whom::LostGroups { .. } => false,
    }
}

/// Whether it is this lock that keeps `whom` out, which `restored` takes off.
pub(super) fn is_locked(whom: &Whom, until: &Until, (restored, lock): (&Whom, &Lock), home: &str) -> bool {
    restored.has_lock_of(whom, home) && matches!(until, Until::Restored(of) if of == lock)
}

/// Whether an operator who lets `name` in takes this back.
pub(super) fn is_lifted(whom: (&Whom, Option<&str>), until: &Until, name: &str, home: &str) -> bool {
    matches!(until, Until::Time(_)) && is_named(whom, name, home)
}

/// What became of letting somebody in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifted {
    pub was_shut_out: bool,
    /// They still are, by somebody else's word.
    pub still: bool,
}

#[derive(Debug)]
pub(super) struct Shut {
    kept: Kept,
    all: Mutex<Vec<One>>,
}

impl Shut {
    pub(super) fn open(path: PathBuf, now: u64) -> Result<Self, String> {
        let kept = Kept::new(path);
        let mut all: Vec<One> =
            kept.read("who is shut out", "restore it, or remove it to let everybody in again")?;
        all.retain(|one| !one.until.is_over(now));
        Ok(Self { kept, all: Mutex::new(all) })
    }

    pub(super) fn holds(&self, standing: &Standing, home: &str, now: u64) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|one| one.whom.means(standing, home) && one.until.covers(standing.signed_in_at, now))
    }

    /// From now on; [`Self::keep`] makes it outlive the agent.
    pub(super) fn add(&self, whom: &Whom, name: Option<&str>, until: &Until, now: u64) {
        self.change(now, |all| {
            // One of a kind for each.
            let known = all.iter_mut().filter(|one| one.whom == *whom).any(|one| one.until.absorb(until));
            if !known {
                all.push(One { whom: whom.clone(), until: until.clone(), name: name.map(str::to_owned) });
            }
            if all.len() > MAX_SHUT
                && let Some(at) = all.iter().position(|one| !matches!(one.until, Until::Restored(_)))
            {
                all.remove(at);
            }
        });
    }

    pub(super) fn remove(&self, whom: &Whom, lock: &Lock, home: &str, now: u64) {
        self.change(now, |all| all.retain(|one| !is_locked(&one.whom, &one.until, (whom, lock), home)));
        self.keep();
    }

    pub(super) fn is_kept_out(&self, name: &str, home: &str, now: u64) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let timed = |one: &&One| matches!(one.until, Until::Time(end) if now < end);
        all.iter().filter(timed).any(|one| one.is_named(name, home))
    }

    /// Takes off what shuts this name out until a time. Locks of an identity provider, and sign-ins that it has
    /// ended, are not an operator's to take back.
    pub(super) fn lift(&self, name: &str, home: &str, now: u64) -> Lifted {
        let means = |one: &One| one.is_named(name, home);
        let mut lifted = Lifted::default();
        self.change(now, |all| {
            let before = all.len();
            all.retain(|one| !is_lifted((&one.whom, one.name.as_deref()), &one.until, name, home));
            lifted = Lifted { was_shut_out: all.len() < before, still: all.iter().any(means) };
        });
        if lifted.was_shut_out {
            self.keep();
        }
        lifted
    }

    /// Writes it down. What cannot be written is in force as long as the agent runs.
    pub(super) fn keep(&self) {
        if let Err(error) = self.kept.write(&self.all) {
            tracing::warn!(%error, "who is shut out cannot be kept; a restart would let them in");
        }
    }

    fn change(&self, now: u64, change: impl FnOnce(&mut Vec<One>)) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !one.until.is_over(now));
        change(&mut all);
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject { idp, sub } => write!(f, "subject {sub} of {idp}"),
            Self::Named(name) => write!(f, "principal {name}"),
            Self::Email { idp, email } => write!(f, "e-mail address {email} of {idp}"),
            Self::IdpSession { idp, id, .. } => write!(f, "session {id} of {idp}"),
            Self::LostGroups { idp, sub, .. } => write!(f, "subject {sub} of {idp}"),
        }
    }
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignedInAgainSince(moment) => write!(f, "signed in again after {moment}"),
            Self::Time(end) => write!(f, "{end}"),
            Self::Restored(_) => f.write_str("restored"),
        }
    }
}
