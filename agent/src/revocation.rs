//! Ending what was granted before its time, at once: which sessions there are and whose, who is shut out,
//! and the way from an event to the sessions that it cuts.
//!
//! Whom an event means is shut out first and looked for among the sessions after that; a session enters the
//! table first and is held against those who are shut out after that. So whichever comes first, no session
//! slips through between the two.
//!
//! Read next: [`shut`] for how long and whom, [`crate::tunnel`] for what a cut session does.

mod shut;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use connect_core::principal::Principal;
use connect_shared::{entry::PrincipalRef, grant::Action, ids::SessionId};
use tokio::sync::watch;

use self::shut::Shut;
pub use self::shut::{Lifted, Lock, Until, Whom};
use crate::{
    grants::{Thumbprint, VerifiedGrant},
    identity::SignedIn,
};

/// How long a key that was cut is remembered: no grant that it handed on lasts so long.
const KEY_MEMORY: u64 = 24 * 60 * 60;

/// A cut that has been ordered.
#[derive(Debug, Clone)]
pub struct Cut {
    /// When the agent heard of it.
    pub at: Instant,
    /// Why, for the one whose session it was: a sentence's end.
    pub why: String,
}

/// Who is behind a session, and how they signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub principal: Principal,
    /// The provider's own session.
    pub idp_session: Option<String>,
    /// When the token was made that the grant was given for, in seconds since 1970-01-01T00:00:00Z.
    pub signed_in_at: u64,
}

impl From<&SignedIn> for Standing {
    fn from(signed_in: &SignedIn) -> Self {
        Self {
            principal: signed_in.principal.clone(),
            idp_session: signed_in.session.clone(),
            signed_in_at: signed_in.issued_at,
        }
    }
}

/// By which keys a grant came to a session: its own, and those of the AI agents that handed it on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pub own: String,
    pub givers: Vec<String>,
    /// When the grant was issued, in seconds since 1970-01-01T00:00:00Z.
    pub issued_at: u64,
}

impl Line {
    /// Of a grant that is bound to this certificate.
    #[must_use]
    pub fn of(grant: &VerifiedGrant, certificate: &Thumbprint) -> Self {
        Self {
            own: certificate.as_str().to_owned(),
            givers: grant.givers().map(str::to_owned).collect(),
            issued_at: grant.issued_at,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub struct Revocations {
    sessions: Mutex<HashMap<SessionId, Held>>,
    /// Keys whose sessions were cut, and when: what they had handed on until then is worth nothing.
    ended: Mutex<HashMap<String, u64>>,
    /// From when on it is known which keys were cut: seconds since 1970-01-01T00:00:00Z.
    begun: u64,
    shut: Shut,
    /// The agent's own provider: names without a prefix are its people's.
    home: String,
}

#[derive(Debug)]
struct Held {
    standing: Standing,
    resource: String,
    actions: Vec<Action>,
    line: Line,
    cut: watch::Sender<Option<Cut>>,
}

impl Held {
    fn end(&self, at: Instant, why: &str) {
        self.cut.send_replace(Some(Cut { at, why: why.to_owned() }));
    }
}

/// A session in the table; it is taken out when this is dropped.
#[derive(Debug)]
pub struct Watched {
    of: Arc<Revocations>,
    id: SessionId,
    /// `Some` when it is to end.
    pub cut: watch::Receiver<Option<Cut>>,
}

impl Revocations {
    /// With those who were shut out before the agent was started.
    ///
    /// # Errors
    /// The file of them is damaged: nobody could say who must not come in.
    pub fn open(state: &Path, home: &str, now: u64) -> Result<Arc<Self>, String> {
        let shut = Shut::open(state.join("revoked.json"), now)?;
        Ok(Arc::new(Self {
            sessions: Mutex::default(),
            ended: Mutex::default(),
            begun: now,
            shut,
            home: home.to_owned(),
        }))
    }

    /// Whether somebody is shut out, by whatever token or grant of whenever it was.
    pub fn is_shut_out(&self, standing: &Standing, now: u64) -> bool {
        self.shut.holds(standing, &self.home, now)
    }

    /// Whether a grant is worth nothing any more: whoever it names is shut out, or one of those who handed it on
    /// was cut after that.
    pub fn is_over(&self, grant: &VerifiedGrant, now: u64) -> bool {
        self.is_shut_out(&grant.standing(), now) || self.have_ended(grant.givers(), grant.issued_at)
    }

    /// Whether the session of one of these keys was cut since then. What is from before the agent started nobody
    /// knows any more, so it counts as cut: another part is asked for, and its giver is there to ask or is not.
    pub fn have_ended<'k>(&self, mut keys: impl Iterator<Item = &'k str>, since: u64) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        keys.any(|key| since < self.begun || ended.get(key).is_some_and(|moment| since <= *moment))
    }

    /// A session is about to begin. `None`: it must not.
    pub fn enter(
        self: &Arc<Self>,
        id: SessionId,
        standing: Standing,
        (resource, actions): (&str, &[Action]),
        line: Line,
        now: u64,
    ) -> Option<Watched> {
        let (sender, cut) = watch::channel(None);
        let held = Held {
            standing: standing.clone(),
            resource: resource.to_owned(),
            actions: actions.to_vec(),
            line: line.clone(),
            cut: sender,
        };
        self.table().insert(id, held);
        let watched = Watched { of: Arc::clone(self), id, cut };
        // Looked at after the session is in the table: see the module's words.
        let givers = line.givers.iter().map(String::as_str);
        let over = self.is_shut_out(&standing, now) || self.have_ended(givers, line.issued_at);
        (!over).then_some(watched)
    }

    #[cfg(test)]
    fn revoke(&self, whom: &Whom, until: &Until, why: &str, now: u64) -> usize {
        self.revoke_known((whom, None), until, why, now)
    }

    /// Shuts somebody out, whose name may be known, too, cuts every session of theirs (how many), and writes it
    /// down after that: the disk holds up nothing.
    pub fn revoke_known(
        &self,
        (whom, name): (&Whom, Option<&str>),
        until: &Until,
        why: &str,
        now: u64,
    ) -> usize {
        let at = Instant::now();
        self.shut.add(whom, name, until, now);
        let mut count = 0;
        for held in self.table().values() {
            if whom.means(&held.standing, &self.home) && until.covers(held.standing.signed_in_at, now) {
                held.end(at, why);
                count += 1;
            }
        }
        self.shut.keep();
        count
    }

    /// Takes a lock off somebody.
    pub fn restore(&self, whom: &Whom, lock: &Lock, now: u64) {
        self.shut.remove(whom, lock, now);
    }

    /// Whether somebody of this name is shut out until a time.
    pub fn is_kept_out(&self, name: &str, now: u64) -> bool {
        self.shut.is_kept_out(name, &self.home, now)
    }

    /// Lets somebody in again who was shut out until a time, by the name that people read or the stable id at the
    /// agent's own provider: whether anybody was, and whether they still are for another reason.
    pub fn lift(&self, name: &str, now: u64) -> Lifted {
        self.shut.lift(name, &self.home, now)
    }

    /// Cuts one session, if it is `owner`'s or anybody may, with all that had a part of its grant: how many. What
    /// it handed on is worth nothing from here on.
    pub fn cut_session(&self, id: SessionId, owner: Option<&PrincipalRef>, why: &str, now: u64) -> usize {
        let at = Instant::now();
        let key = {
            let table = self.table();
            let held = table.get(&id).filter(|held| owner.is_none_or(|owner| is_same(owner, &held.standing)));
            let Some(held) = held else { return 0 };
            held.end(at, why);
            held.line.own.clone()
        };
        // First the key, then those who are in: see the module's words.
        self.end_key(&key, now);
        let mut count = 1;
        for held in self.table().values().filter(|held| held.line.givers.contains(&key)) {
            held.end(at, why);
            count += 1;
        }
        count
    }

    fn end_key(&self, key: &str, now: u64) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, moment| moment.saturating_add(KEY_MEMORY) > now);
        ended.insert(key.to_owned(), now);
    }

    /// Cuts all sessions of one's own; how many.
    pub fn cut_own(&self, owner: &PrincipalRef, why: &str, now: u64) -> usize {
        let at = Instant::now();
        let table = self.table();
        let mut count = 0;
        for held in table.values().filter(|held| is_same(owner, &held.standing)) {
            held.end(at, why);
            self.end_key(&held.line.own, now);
            // Whoever has handed it on may have no session just now, and its parts are no better for that.
            held.line.givers.iter().for_each(|giver| self.end_key(giver, now));
            count += 1;
        }
        count
    }

    /// Holds the sessions of somebody against what a newer token says: those that it would not be granted any
    /// more end. `may` says what a principal, who was another before, may do with a resource.
    pub fn reconsider(
        &self,
        newer: &SignedIn,
        may: impl Fn(&Principal, &Principal, &str) -> Vec<Action>,
    ) -> Vec<SessionId> {
        let at = Instant::now();
        let mut cut = Vec::new();
        for (id, held) in self.table().iter() {
            let older = held.standing.signed_in_at <= newer.issued_at;
            if !older || !is_same(&newer.principal.reference, &held.standing) {
                continue;
            }
            let mut principal = newer.principal.clone();
            principal.reference.actor.clone_from(&held.standing.principal.reference.actor);
            let allowed = may(&held.standing.principal, &principal, &held.resource);
            if held.actions.iter().any(|action| !allowed.contains(action)) {
                held.end(at, "your groups have changed, and they no longer allow it");
                cut.push(*id);
            }
        }
        cut
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SessionId, Held>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever acts for somebody is cut with them.
fn is_same(owner: &PrincipalRef, standing: &Standing) -> bool {
    let theirs = &standing.principal.reference;
    owner.is_same_person(theirs)
}

impl Watched {
    /// A newer grant is in force.
    pub fn renewed(&self, standing: Standing, actions: &[Action], line: Line) {
        if let Some(held) = self.of.table().get_mut(&self.id) {
            held.standing = standing;
            held.line = line;
            held.actions = actions.to_vec();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.of.table().remove(&self.id);
    }
}
