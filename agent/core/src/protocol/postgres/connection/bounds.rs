//! What the permit of one statement lets it take, and what it has taken.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use connect_shared::decision::{Obligation, Reason};

use super::names::Portal;
use crate::{
    decide::limit,
    principal::ConnectionFacts,
    usage::{
        Allowance, Usage, UsageKey, UsedUp,
        persons::{Person, PersonLimits},
    },
};

pub(super) type Most = Option<(u64, String)>;

/// What one statement may take.
#[derive(Default)]
pub(super) struct Bounds {
    pub(super) rows: Most,
    pub(super) change: Most,
    pub(super) time: Most,
    pub(super) hours: Vec<(UsageKey, Allowance)>,
    pub(super) persons: Vec<(UsageKey, PersonLimits)>,
    /// Rows that went out under it.
    pub(super) given: u64,
    /// What counts the rows of all that is fetched from a cursor or portal.
    pub(super) cursor: Option<Arc<Portal>>,
    /// Since when it runs.
    pub(super) since: Option<Instant>,
}

pub(super) fn is_limit(obligation: &Obligation) -> bool {
    matches!(
        obligation,
        Obligation::LimitRows { .. }
            | Obligation::LimitChange { .. }
            | Obligation::LimitTime { .. }
            | Obligation::LimitHour { .. }
            | Obligation::LimitPersons { .. }
    )
}

impl Bounds {
    /// `None` where there are no limits.
    pub(super) fn of(obligations: &[Obligation], whose: &ConnectionFacts) -> Option<Box<Self>> {
        if !obligations.iter().any(is_limit) {
            return None;
        }
        let mut bounds = Self::default();
        for obligation in obligations {
            match obligation {
                Obligation::LimitRows { most, policy } => bounds.rows = Some((*most, policy.clone())),
                Obligation::LimitChange { most, policy } => bounds.change = Some((*most, policy.clone())),
                Obligation::LimitTime { most, policy } => bounds.time = Some((*most, policy.clone())),
                Obligation::LimitHour { rows, bytes, policy } => {
                    let allowance = Allowance { rows: *rows, bytes: *bytes };
                    bounds.hours.push((key(whose, policy), allowance));
                }
                Obligation::LimitPersons { hour, day, policy } => {
                    let limits = PersonLimits { hour: *hour, day: *day, rest: None };
                    bounds.persons.push((key(whose, policy), limits));
                }
                Obligation::Mask { .. } | Obligation::Show { .. } | Obligation::Undoable => {}
            }
        }
        Some(Box::new(bounds))
    }

    /// Counts with all that is fetched from this.
    pub(super) fn fetched_from(&mut self, cursor: Option<Arc<Portal>>) {
        self.cursor = cursor;
    }

    /// Takes rows that are about to leave.
    pub(super) fn take(&mut self, usage: &Usage, rows: u64, bytes: u64, minute: u64) -> Result<(), Reason> {
        let before = self.cursor.as_ref().map_or(self.given, |cursor| cursor.given.load(Ordering::Relaxed));
        let after = before.saturating_add(rows);
        if let Some((most, policy)) = self.rows.as_ref().filter(|(most, _)| after > *most) {
            return Err(limit::too_many_rows(*most, policy));
        }
        for (key, allowance) in &self.hours {
            usage.take(key, *allowance, (rows, bytes), minute).map_err(|over| used_up(over, key))?;
        }
        self.given = self.given.saturating_add(rows);
        if let Some(cursor) = &self.cursor {
            cursor.given.store(after, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn limits_persons(&self) -> bool {
        !self.persons.is_empty()
    }

    /// Meets persons whose rows are about to leave.
    pub(super) fn meet(&self, usage: &Usage, persons: &[Person], minute: u64) -> Result<(), Reason> {
        for (key, limits) in &self.persons {
            usage
                .persons
                .meet(key, *limits, persons, minute)
                .map_err(|many| limit::too_many_persons(many.window, many.most, many.wait, &key.policy))?;
        }
        Ok(())
    }

    pub(super) fn late_at(&self) -> Option<Instant> {
        let (most, _) = self.time.as_ref()?;
        self.since?.checked_add(Duration::from_millis(*most))
    }
}

pub(super) fn key(whose: &ConnectionFacts, policy: &str) -> UsageKey {
    let reference = &whose.principal.reference;
    UsageKey {
        idp: reference.idp.clone(),
        sub: reference.sub.clone(),
        resource: whose.resource.name.clone(),
        policy: policy.to_owned(),
    }
}

pub(super) fn used_up(over: UsedUp, key: &UsageKey) -> Reason {
    limit::hour_over(over.what, over.most, over.wait, &key.policy)
}
