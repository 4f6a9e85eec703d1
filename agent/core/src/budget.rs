//! How many clear values a principal may look up: each could be a guess. How much its AI agents may take is in
//! [`actors`].

pub mod actors;
mod kept;

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use connect_shared::decision::ReasonCode;

pub use self::kept::Kept;
use crate::{
    principal::{Principal, Resource},
    statement::Refusal,
};

/// Constants and parameters that one principal may look up on one resource within [`WINDOW`].
pub const LOOKUPS: u32 = 100;

/// How long what was spent counts.
pub const WINDOW: Duration = Duration::from_secs(3_600);

/// Principals that are kept apart; beyond that those whose window is over are forgotten.
const MOST_PRINCIPALS: usize = 10_000;

/// Identity provider, subject and resource. An AI agent spends what is its human's.
type Who = (String, String, String);

/// What everybody has spent. One for all connections of an agent.
#[derive(Debug, Default)]
pub struct LookupBudget {
    /// What AI agents may take.
    pub actors: actors::ActorBudget,
    spent: Mutex<HashMap<Who, Spent>>,
    changed: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    since: Instant,
    lookups: u32,
}

impl LookupBudget {
    /// With limits for AI agents.
    #[must_use]
    pub fn with(limits: actors::ActorLimits) -> Self {
        Self { actors: actors::ActorBudget::new(limits), ..Self::default() }
    }

    /// Spends so many lookups, or none.
    ///
    /// # Errors
    /// They are not left.
    pub fn spend(
        &self,
        principal: &Principal,
        resource: &Resource,
        lookups: u32,
        now: Instant,
    ) -> Result<(), Refusal> {
        let who = (principal.reference.idp.clone(), principal.reference.sub.clone(), resource.name.clone());
        // Counts are whole at every moment, also where a thread died with the lock.
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_PRINCIPALS {
            all.retain(|_, spent| now.saturating_duration_since(spent.since) < WINDOW);
        }
        if all.len() >= MOST_PRINCIPALS && !all.contains_key(&who) {
            return Err(used_up(LOOKUPS, WINDOW));
        }
        let spent = all.entry(who).or_insert(Spent { since: now, lookups: 0 });
        let elapsed = now.saturating_duration_since(spent.since);
        if elapsed >= WINDOW {
            *spent = Spent { since: now, lookups: 0 };
        }
        let after = spent.lookups.saturating_add(lookups);
        if after > LOOKUPS {
            return Err(used_up(LOOKUPS.saturating_sub(spent.lookups), WINDOW.saturating_sub(elapsed)));
        }
        spent.lookups = after;
        self.changed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn used_up(left: u32, again: Duration) -> Refusal {
    Refusal {
        code: ReasonCode::LookupBudget,
        object: None,
        message: format!(
            "protected values may be looked up {LOOKUPS} times an hour, and {left} of them are left"
        ),
        hint: Some(format!(
            "Wait {} minutes, look up fewer values at once, or search by a free column.",
            again.as_secs().div_ceil(60)
        )),
        sqlstate: None,
        unknown_object: None,
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::entry::PrincipalRef;

    use super::*;
    use crate::principal::ResourceClass;

    fn principal(sub: &str, actor: Option<&str>) -> Principal {
        let reference =
            PrincipalRef { sub: sub.into(), idp: "https://id.test".into(), actor: actor.map(str::to_owned) };
        Principal { reference, name: sub.into(), groups: Vec::new() }
    }

    fn resource(name: &str) -> Resource {
        Resource {
            name: name.into(),
            database: "shop".into(),
            class: ResourceClass::Production,
            approvers: Vec::new(),
        }
    }

    #[test]
    fn a_principal_spends_what_it_has_and_no_more_until_an_hour_is_over() {
        let (budget, now) = (LookupBudget::default(), Instant::now());
        let (ana, shop) = (principal("ana", None), resource("shop"));
        assert_eq!(budget.spend(&ana, &shop, LOOKUPS - 1, now), Ok(()));
        let refusal = budget.spend(&ana, &shop, 2, now).expect_err("one is left");
        assert_eq!(refusal.code, ReasonCode::LookupBudget);
        assert!(refusal.message.contains("1 of them"), "{}", refusal.message);
        assert_eq!(budget.spend(&ana, &shop, 1, now), Ok(()), "nothing was spent by what was refused");
        assert!(budget.spend(&ana, &shop, 1, now + WINDOW / 2).is_err());
        assert_eq!(budget.spend(&ana, &shop, LOOKUPS, now + WINDOW), Ok(()));
    }

    #[test]
    fn an_ai_agent_spends_what_is_its_humans_and_others_have_their_own() {
        let (budget, now) = (LookupBudget::default(), Instant::now());
        let shop = resource("shop");
        assert_eq!(budget.spend(&principal("ana", Some("assistant")), &shop, LOOKUPS, now), Ok(()));
        assert!(budget.spend(&principal("ana", None), &shop, 1, now).is_err());
        assert_eq!(budget.spend(&principal("li", None), &shop, 1, now), Ok(()));
        assert_eq!(budget.spend(&principal("ana", None), &resource("other"), 1, now), Ok(()));
    }
}
