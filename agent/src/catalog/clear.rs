//! Who sees what otherwise than as masks, by configuration and policies, and the snapshots that they are given
//! for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use connect_core::{
    catalog::{Catalog, Shown},
    decide::{Asking, Policies},
    principal::Principal,
};
use connect_shared::{grant::Action, ids::RequestId};

use crate::config::AccessList;

/// One `[[resource.clear]]`: these people see this in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearRule {
    pub who: AccessList,
    pub shown: Shown,
}

/// The rules of one resource. Connections of the same sight share their snapshot.
#[derive(Debug, Default)]
pub struct Clear {
    rules: Vec<ClearRule>,
    made: Mutex<Vec<Made>>,
    /// The last first.
    looked: Mutex<VecDeque<(Look, Shown)>>,
}

/// Looks of policies that are kept: those of the people who open connections now.
const MOST_LOOKS: usize = 64;

/// What a look depends on.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    version: u64,
    digest: String,
    principal: Principal,
    actions: Vec<Action>,
    purpose: Option<String>,
    task: Option<Arc<str>>,
    moment: u64,
    /// Requests that were approved for a time.
    unmasked: Vec<RequestId>,
}

#[derive(Debug)]
struct Made {
    version: u64,
    shown: Shown,
    catalog: Weak<Catalog>,
}

impl Clear {
    #[must_use]
    pub const fn new(rules: Vec<ClearRule>) -> Self {
        Self { rules, made: Mutex::new(Vec::new()), looked: Mutex::new(VecDeque::new()) }
    }

    /// The snapshot as somebody sees it, by the policies that are in force now.
    #[must_use]
    pub fn seen_by(&self, asking: &Asking<'_>, policies: &Policies, catalog: Arc<Catalog>) -> Arc<Catalog> {
        let shown = self.shown_to(asking, policies, &catalog);
        self.view(catalog, &shown)
    }

    fn shown_to(&self, asking: &Asking<'_>, policies: &Policies, catalog: &Catalog) -> Shown {
        let mut shown = self.configured(asking.principal);
        let unmasked = asking.unmasked_by();
        if !policies.wishes() && unmasked.is_empty() {
            return shown;
        }
        let look = Look {
            version: catalog.version,
            digest: policies.digest().to_owned(),
            principal: asking.principal.clone(),
            actions: asking.grant.actions.clone(),
            purpose: asking.purpose().map(str::to_owned),
            task: asking.grant.task.clone(),
            moment: policies.moment(asking.wall),
            unmasked,
        };
        if let Some((_, known)) = locked(&self.looked).iter().find(|(known, _)| *known == look) {
            return known.clone();
        }
        policies.look(asking, catalog, &mut shown);
        let mut looked = locked(&self.looked);
        looked.truncate(MOST_LOOKS - 1);
        looked.push_front((look, shown.clone()));
        shown
    }

    /// What the configuration shows somebody in clear. A program that acts for them sees nothing: what it is
    /// given goes on to places that nobody here knows.
    fn configured(&self, principal: &Principal) -> Shown {
        let mut shown = Shown::default();
        if principal.reference.actor.is_some() {
            return shown;
        }
        for rule in self.rules.iter().filter(|rule| rule.who.admits(principal)) {
            shown.labels.extend(rule.shown.labels.iter().copied());
            shown.columns.extend(rule.shown.columns.iter().cloned());
        }
        shown
    }

    /// The snapshot for somebody of this sight.
    fn view(&self, catalog: Arc<Catalog>, shown: &Shown) -> Arc<Catalog> {
        if shown.is_empty() {
            return catalog;
        }
        let mut made = locked(&self.made);
        made.retain(|made| made.catalog.strong_count() > 0);
        let fits = |made: &&Made| made.version == catalog.version && made.shown == *shown;
        if let Some(known) = made.iter().find(fits).and_then(|made| made.catalog.upgrade()) {
            return known;
        }
        let view = Arc::new(catalog.shown_to(shown));
        made.push(Made { version: view.version, shown: shown.clone(), catalog: Arc::downgrade(&view) });
        view
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
