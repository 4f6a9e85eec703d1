//! Ending what was granted before its time, at once: which sessions there are and whose, who is shut out,
//! and the way from an event to the sessions that it cuts.
//!
//! Whom an event means is shut out first and looked for among the sessions after that; a session enters the
//! table first and is held against those who are shut out after that. So whichever comes first, no session
//! slips through between the two.
//!
//! Where several agents share a store, what is ordered here is told to the others, and what they order is done here:
//! [`told`].
//!
//! Read next: [`shut`] for how long and whom, [`crate::tunnel`] for what a cut session does.

mod ended;
pub(crate) mod kept;
mod shut;
mod told;
mod untold;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use connect_core::principal::Principal;
use connect_shared::{entry::PrincipalRef, grant::Action, ids::SessionId};
use tokio::sync::watch;

use self::{ended::Ended, shut::Shut};
pub(crate) use self::{kept::Kept, untold::Untold};
pub use self::{
    shut::{Lifted, Lock, Until, Whom},
    told::Event,
};
use crate::{grants::VerifiedGrant, identity::SignedIn};

/// Why a session of groups that somebody has lost ends: a sentence's end.
const LOST_GROUPS: &str = "your groups have changed, and they no longer allow it";

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
    #[must_use]
    pub fn of(grant: &VerifiedGrant) -> Self {
        Self {
            own: grant.key.clone(),
            givers: grant.givers().map(str::to_owned).collect(),
            issued_at: grant.issued_at,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub struct Revocations {
    sessions: Mutex<HashMap<SessionId, Held>>,
    ended: Ended,
    shut: Shut,
    /// The agent's own provider: names without a prefix are its people's.
    home: String,
    /// What other agents are to hear; none, where there are no others.
    untold: OnceLock<Arc<Untold>>,
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
    /// Cuts it, unless it is cut already: the first reason stays. Whether this is the first.
    fn end(&self, at: Instant, why: &str) -> bool {
        self.cut.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| Cut { at, why: why.to_owned() });
            first
        })
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
    /// With those who were shut out, and what was cut, before the agent was started.
    ///
    /// # Errors
    /// A file of them is damaged: nobody could say who must not come in.
    pub fn open(state: &Path, home: &str, now: u64) -> Result<Arc<Self>, String> {
        let shut = Shut::open(state.join("revoked.json"), now)?;
        Ok(Arc::new(Self {
            sessions: Mutex::default(),
            ended: Ended::open(state.join("ended.json"), now)?,
            shut,
            home: home.to_owned(),
            untold: OnceLock::new(),
        }))
    }

    /// How many sessions there are, with those that are parked.
    pub fn sessions(&self) -> usize {
        self.table().len()
    }

    /// Whether somebody is shut out, by whatever token or grant of whenever it was.
    pub fn is_shut_out(&self, standing: &Standing, now: u64) -> bool {
        self.shut.holds(standing, &self.home, now)
    }

    /// Whether a grant is worth nothing any more: whoever it names is shut out, or a session of its own key or of
    /// one of those who handed it on was cut after it was issued.
    pub fn is_over(&self, grant: &VerifiedGrant, now: u64) -> bool {
        self.is_void(&grant.standing(), &Line::of(grant), now)
    }

    fn is_void(&self, standing: &Standing, line: &Line, now: u64) -> bool {
        let givers = line.givers.iter().map(String::as_str);
        self.is_shut_out(standing, now)
            || self.ended.has(&line.own, line.issued_at)
            || self.ended.has_giver(givers, line.issued_at)
    }

    /// Whether nothing can be handed on by this grant: it is over, or its sessions may have ended with an agent
    /// that was here before.
    pub fn hands_nothing_on(&self, grant: &VerifiedGrant, now: u64) -> bool {
        let own = std::iter::once(grant.key.as_str());
        self.is_over(grant, now) || self.ended.has_giver(own, grant.issued_at)
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
        (!self.is_void(&standing, &line, now)).then_some(watched)
    }

    /// Whether what was ordered of somebody is about this sign-in.
    pub fn means(&self, whom: &Whom, until: &Until, standing: &Standing, now: u64) -> bool {
        whom.means(standing, &self.home) && until.covers(standing.signed_in_at, now)
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
        let count = self.shut_out((whom, name), until, why, now);
        self.tell(|| Event::ShutOut {
            whom: whom.clone(),
            name: name.map(str::to_owned),
            until: until.clone(),
            why: why.to_owned(),
        });
        self.shut.keep();
        count
    }

    /// The same of this agent alone, and not written down.
    fn shut_out(&self, (whom, name): (&Whom, Option<&str>), until: &Until, why: &str, now: u64) -> usize {
        let at = Instant::now();
        self.shut.add(whom, name, until, now);
        let mut count = 0;
        for held in self.table().values() {
            if whom.means(&held.standing, &self.home) && until.covers(held.standing.signed_in_at, now) {
                held.end(at, why);
                count += 1;
            }
        }
        count
    }

    /// Takes a lock off somebody.
    pub fn restore(&self, whom: &Whom, lock: &Lock, now: u64) {
        self.shut.remove(whom, lock, &self.home, now);
        self.tell(|| Event::Restored { whom: whom.clone(), lock: lock.clone() });
    }

    /// Whether somebody of this name is shut out until a time.
    pub fn is_kept_out(&self, name: &str, now: u64) -> bool {
        self.shut.is_kept_out(name, &self.home, now)
    }

    /// Lets somebody in again who was shut out until a time, by the name that people read or the stable id at the
    /// agent's own provider: whether anybody was, and whether they still are for another reason.
    pub fn lift(&self, name: &str, now: u64) -> Lifted {
        let lifted = self.shut.lift(name, &self.home, now);
        self.tell(|| Event::Lifted { name: name.to_owned() });
        lifted
    }

    /// Cuts one session, if it is `owner`'s or anybody may, with all that had a part of its grant: how many. The
    /// grants that its key has, and what it handed on, are worth nothing from here on.
    pub fn cut_session(&self, id: SessionId, owner: Option<&PrincipalRef>, why: &str, now: u64) -> usize {
        let at = Instant::now();
        let key = {
            let table = self.table();
            let held = table.get(&id).filter(|held| owner.is_none_or(|owner| is_same(owner, &held.standing)));
            let Some(held) = held else { return 0 };
            held.end(at, why);
            held.line.own.clone()
        };
        let parts = self.cut_keys(std::slice::from_ref(&key), at, why, now);
        self.tell(|| Event::Ended { keys: vec![key.clone()], why: why.to_owned(), at: now });
        self.ended.keep(now);
        1 + parts
    }

    /// What these keys had and handed on is worth nothing from here on. How many sessions of parts end.
    fn cut_keys(&self, keys: &[String], at: Instant, why: &str, now: u64) -> usize {
        // First the keys, then those who are in: see the module's words.
        keys.iter().for_each(|key| self.ended.add(key, now));
        let table = self.table();
        let parts = |held: &&Held| keys.iter().any(|key| held.line.givers.contains(key));
        table.values().filter(parts).fold(0, |count, held| {
            held.end(at, why);
            count + 1
        })
    }

    /// Cuts all sessions of one's own; how many.
    pub fn cut_own(&self, owner: &PrincipalRef, why: &str, now: u64) -> usize {
        let count = self.cut_own_here(owner, why, now);
        self.tell(|| Event::OwnEnded { owner: owner.clone(), why: why.to_owned() });
        count
    }

    fn cut_own_here(&self, owner: &PrincipalRef, why: &str, now: u64) -> usize {
        let at = Instant::now();
        let mut count = 0;
        for held in self.table().values().filter(|held| is_same(owner, &held.standing)) {
            held.end(at, why);
            self.ended.add(&held.line.own, now);
            // Whoever has handed it on may have no session just now, and its parts are no better for that.
            held.line.givers.iter().for_each(|giver| self.ended.add(giver, now));
            count += 1;
        }
        if count > 0 {
            self.ended.keep(now);
        }
        count
    }

    /// Holds the sessions of somebody against what a newer token says: those that it would not be granted any
    /// more end, and those of groups that somebody has lost: policies may name them. `may` says what a principal,
    /// who was another before, may do with a resource.
    pub fn reconsider(
        &self,
        newer: &SignedIn,
        may: impl Fn(&Principal, &Principal, &str) -> Vec<Action>,
        now: u64,
    ) -> Vec<SessionId> {
        let at = Instant::now();
        let (mut cut, mut lost) = (Vec::new(), Vec::new());
        for (id, held) in self.table().iter() {
            let older = held.standing.signed_in_at <= newer.issued_at;
            if !older || !is_same(&newer.principal.reference, &held.standing) {
                continue;
            }
            let mut principal = newer.principal.clone();
            principal.reference.actor.clone_from(&held.standing.principal.reference.actor);
            let known = &held.standing.principal;
            let allowed = may(known, &principal, &held.resource);
            let before = lost.len();
            lost.extend(principal.groups_lost_since(known).cloned());
            if lost.len() > before || held.actions.iter().any(|action| !allowed.contains(action)) {
                held.end(at, LOST_GROUPS);
                cut.push(*id);
            }
        }
        let _they_are_among_these = self.shut_out_of(lost, &newer.principal, newer.issued_at, now);
        cut
    }

    /// Somebody was granted something by a newer sign-in, at `since`: what an older one says of groups that are
    /// theirs no more is worth nothing, neither in a grant nor by itself. How many sessions end.
    pub fn lose_groups(&self, known: &Principal, newer: &Principal, since: u64, now: u64) -> usize {
        let lost = newer.groups_lost_since(known).cloned().collect();
        self.shut_out_of(lost, newer, since, now)
    }

    /// Of groups that somebody has lost. It does not touch whoever has none of them, so the newer sign-in is good.
    fn shut_out_of(&self, mut groups: Vec<String>, newer: &Principal, since: u64, now: u64) -> usize {
        if groups.is_empty() {
            return 0;
        }
        groups.sort_unstable();
        groups.dedup();
        let (idp, sub) = (newer.reference.idp.clone(), newer.reference.sub.clone());
        let whom = Whom::LostGroups { idp, sub, name: newer.name.clone(), groups };
        self.revoke_known((&whom, None), &Until::SignedInAgainSince(since), LOST_GROUPS, now)
    }

    /// Whether somebody has a session of a resource by this key, and so asks for more time and for nothing new.
    pub fn has_session(&self, key: &str, owner: &PrincipalRef, resource: &str) -> bool {
        let table = self.table();
        let theirs = |held: &Held| {
            held.line.own == key && held.resource == resource && held.standing.principal.reference == *owner
        };
        table.values().any(|held| theirs(held) && held.cut.borrow().is_none())
    }

    /// Cuts every session; how many.
    pub fn cut_all(&self, why: &str) -> usize {
        let at = Instant::now();
        self.table().values().filter(|held| held.end(at, why)).count()
    }

    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(untold) = self.untold.get() {
            untold.add(event());
        }
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
    /// A newer grant is about to be in force. `false`: it was revoked meanwhile, and the session is cut.
    #[must_use]
    pub fn renewed(&self, grant: &VerifiedGrant, now: u64) -> bool {
        let (standing, line) = (grant.standing(), Line::of(grant));
        if let Some(held) = self.of.table().get_mut(&self.id) {
            held.standing = standing.clone();
            held.line = line.clone();
            held.actions.clone_from(&grant.actions);
        }
        // Looked at after the table has it: see the module's words.
        let over = self.of.is_void(&standing, &line, now);
        if over {
            self.end("the sign-in behind it was revoked");
        }
        !over
    }

    /// Cuts the session, unless it is cut already: the first reason stays.
    pub fn end(&self, why: &str) {
        if let Some(held) = self.of.table().get(&self.id) {
            held.end(Instant::now(), why);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.of.table().remove(&self.id);
    }
}
