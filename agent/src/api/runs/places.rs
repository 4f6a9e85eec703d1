//! Places in which runs are ended: so many at once, and so many of one person, whose others wait for its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use connect_shared::entry::PrincipalRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Of everybody: each goes through the log.
static ALL: Semaphore = Semaphore::const_new(16);
/// Of one person, with all AI agents that act for it.
const OF_ONE: usize = 4;

type People = HashMap<(String, String), Arc<Semaphore>>;

/// By identity provider and subject, for as long as somebody has a place or waits for one.
static PEOPLE: Mutex<Option<People>> = Mutex::new(None);

/// One run's place.
pub(super) struct Place {
    who: (String, String),
    own: Option<OwnedSemaphorePermit>,
    _all: Option<SemaphorePermit<'static>>,
}

/// Waits for a place; `None` once there are none any more.
pub(super) async fn place(who: &PrincipalRef) -> Option<Place> {
    let who = (who.idp.clone(), who.sub.clone());
    let own = with(|people| {
        let made = || Arc::new(Semaphore::new(OF_ONE));
        Arc::clone(people.entry(who.clone()).or_insert_with(made))
    });
    // Whoever stops waiting leaves nothing behind.
    let mut place = Place { who, own: None, _all: None };
    place.own = Some(own.acquire_owned().await.ok()?);
    place._all = Some(ALL.acquire().await.ok()?);
    Some(place)
}

fn with<T>(act: impl FnOnce(&mut People) -> T) -> T {
    act(PEOPLE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(HashMap::new))
}

impl Drop for Place {
    fn drop(&mut self) {
        self.own = None;
        // Whoever waits or is about to has a share of it, and takes it away later.
        with(|people| {
            if people.get(&self.who).is_some_and(|own| Arc::strong_count(own) == 1) {
                people.remove(&self.who);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_ends_many_runs_waits_for_itself_and_others_do_not() {
        let who = |sub: &str, actor: Option<&str>| PrincipalRef {
            sub: sub.to_owned(),
            idp: "places".to_owned(),
            actor: actor.map(str::to_owned),
        };
        let (ana, agent, li) = (who("ana", None), who("ana", Some("claude")), who("li", None));
        let mut held: Vec<_> = (0..OF_ONE).map(|_| place(&ana).now_or_never().flatten()).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(place(&agent).now_or_never().is_none(), "an AI agent is its person");
        let mut waiting = Box::pin(place(&ana));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(place(&li).now_or_never().flatten().is_some());
        held.pop();
        assert!(waiting.now_or_never().flatten().is_some());
        drop(held);
        let kept = with(|people| people.contains_key(&("places".to_owned(), "ana".to_owned())));
        assert!(!kept, "nothing is left");
    }
}
