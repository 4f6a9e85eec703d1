//! Browsers whose person has signed in. They are kept in memory, not for long, and not many; what is kept of
//! the cookie is its digest.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    keys::{self, KeyError},
    revocation::Standing,
};

/// How long somebody stays signed in, in seconds: to decide takes minutes, and to sign in again one touch.
pub(super) const LIFE: u64 = 30 * 60;
/// Most sessions, and most of one person.
const MAX_SESSIONS: usize = 4_096;
const MAX_OF_ONE: usize = 8;

/// Somebody at a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) standing: Standing,
    /// What makes a form one of this session's pages.
    pub(super) token: String,
    until: u64,
}

impl Session {
    /// Whether a form brought the token of this session.
    pub(super) fn is_token(&self, text: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(text.as_bytes(), self.token.as_bytes()).is_ok()
    }
}

#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Arc<Session>>>);

impl Sessions {
    /// A new one of somebody who has just signed in; what its cookie says.
    pub(super) fn begin(&self, standing: Standing, life: u64, now: u64) -> Result<String, KeyError> {
        let id = URL_SAFE_NO_PAD.encode(keys::random::<32>()?);
        let token = URL_SAFE_NO_PAD.encode(keys::random::<32>()?);
        let mut table = self.table();
        table.retain(|_, session| now < session.until);
        let theirs = &standing.principal.reference;
        let is_theirs = |session: &Session| session.standing.principal.reference.is_same_person(theirs);
        if table.values().filter(|session| is_theirs(session)).count() >= MAX_OF_ONE {
            drop_oldest(&mut table, is_theirs);
        }
        if table.len() >= MAX_SESSIONS {
            drop_oldest(&mut table, |_| true);
        }
        let until = now.saturating_add(life);
        table.insert(key(&id), Arc::new(Session { standing, token, until }));
        Ok(id)
    }

    pub(super) fn find(&self, id: &str, now: u64) -> Option<Arc<Session>> {
        self.table().get(&key(id)).filter(|session| now < session.until).cloned()
    }

    pub(super) fn end(&self, id: &str) {
        self.table().remove(&key(id));
    }

    /// Ends those whose person is meant.
    pub(super) fn end_those(&self, is_meant: impl Fn(&Standing) -> bool) {
        self.table().retain(|_, session| !is_meant(&session.standing));
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_oldest(table: &mut HashMap<[u8; 32], Arc<Session>>, among: impl Fn(&Session) -> bool) {
    let oldest = table.iter().filter(|(_, session)| among(session)).min_by_key(|(_, session)| session.until);
    if let Some(key) = oldest.map(|(key, _)| *key) {
        table.remove(&key);
    }
}

/// Whoever reads memory or measures time learns nothing that a cookie could be made of.
fn key(id: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
    key
}
