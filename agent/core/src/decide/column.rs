//! What a principal sees of one protected column, as pure data: for whoever makes masks, and for
//! `connect explain`. A policy may forbid a column or make its mask stricter; it shows one in clear only where
//! a permit about that very column carries `@unmask`, or somebody has approved that for a time, and nothing that
//! speaks beside it objects.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    decision::{Reason, ReasonCode},
    label::Label,
};

use super::{
    Asking, Policies,
    ask::{self, Target, Who, World},
    set::{Act, MaskWish, Rule, Spoken},
    words::{self, Subject},
};
use crate::{
    approval::{Approved, Leave},
    catalog::{Catalog, How, Shown},
    statement::{ProtectedColumn, Statement},
};

/// What becomes of the values of a column. The strictest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// They are shown as they are.
    Clear(Reason),
    /// They are masked as their label is.
    Masked(Reason),
    /// Nothing of them is shown, not even which are equal.
    Neutral(Reason),
    /// What reads them waits for an approval.
    Held(Reason),
    /// What reads them is denied.
    Denied(Reason),
}

impl Sight {
    const fn rank(&self) -> u8 {
        match self {
            Self::Clear(_) => 0,
            Self::Masked(_) => 1,
            Self::Neutral(_) => 2,
            Self::Held(_) => 3,
            Self::Denied(_) => 4,
        }
    }

    fn stricter(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// The rule that says so, and why.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Clear(reason)
            | Self::Masked(reason)
            | Self::Neutral(reason)
            | Self::Held(reason)
            | Self::Denied(reason) => reason,
        }
    }
}

impl Policies {
    /// What this principal sees of `schema.table.column` when `statement` reads it. Whatever fails is denied.
    #[must_use]
    pub fn sight(
        &self,
        asking: &Asking<'_>,
        column: &str,
        label: Label,
        statement: &Statement,
        approved: Option<Approved<'_>>,
    ) -> Sight {
        let masked = |policy: &str| Sight::Masked(told(policy, column, "its label is masked"));
        if !self.speaks_of_columns() && asking.shown_by(column, label).is_none() {
            return masked("default/mask");
        }
        let target = Target::Column(column.to_owned(), label.as_str());
        let questions = BTreeSet::from([(Act::Read, target.clone())]);
        let subject = Subject { act: Act::Read, target: &target, asking, statement };
        let mut sight: Option<Sight> = None;
        for who in ask::everybody(asking.principal) {
            let seen = match World::new(self, asking, who, statement, &questions, approved) {
                Ok(world) => seen(&world, &target, &subject, (column, label), approved),
                Err(error) => Sight::Denied(words::failed(&error).0),
            };
            sight = Some(match sight {
                Some(sight) => sight.stricter(seen),
                None => seen,
            });
        }
        match sight {
            Some(Sight::Clear(_)) if ask::is_agent(asking.principal) => {
                Sight::Masked(told("default/mask", column, "programs are shown masks"))
            }
            Some(sight) => sight,
            None => masked("default/mask"),
        }
    }
}

fn seen(
    world: &World<'_>,
    target: &Target,
    subject: &Subject<'_>,
    (column, label): (&str, Label),
    approved: Option<Approved<'_>>,
) -> Sight {
    let spoken = world.ask(Act::Read, target);
    if let Some(error) = &spoken.failed {
        return Sight::Denied(words::failed(error).0);
    }
    if !spoken.permits.iter().any(|rule| !rule.shadow) {
        return Sight::Denied(words::not_permitted(subject).0);
    }
    let mut objection: Option<Sight> = None;
    for rule in spoken.forbids.iter().filter(|rule| !rule.shadow) {
        let asked =
            rule.approval.as_ref().is_some_and(|approval| approval.asks_anybody(subject.asking.resource));
        let speaks = match (asked, approved) {
            (true, Some(_)) => continue,
            (true, None) => Sight::Held(words::denied(rule, subject).0),
            (false, _) => Sight::Denied(words::denied(rule, subject).0),
        };
        objection = Some(match objection {
            Some(objection) => objection.stricter(speaks),
            None => speaks,
        });
    }
    if let Some(objection) = objection {
        return objection;
    }
    match (wished(&spoken), subject.asking.shown_by(column, label)) {
        (Some((MaskWish::Neutral, rule)), _) => Sight::Neutral(told(&rule.id, column, "a policy hides it")),
        (Some((MaskWish::Clear, rule)), _) => {
            Sight::Clear(told(&rule.id, column, "a policy shows it in clear"))
        }
        (None, Some(leave)) => Sight::Clear(super::by_approval("default/unmask", leave.approved())),
        (None, None) => Sight::Masked(told("default/mask", column, "its label is masked")),
    }
}

/// The strictest wish of the permits that speak.
fn wished<'p>(spoken: &Spoken<'p>) -> Option<(MaskWish, &'p Rule)> {
    let permits = spoken.permits.iter().filter(|rule| !rule.shadow);
    permits.filter_map(|rule| Some((rule.mask?, *rule))).max_by_key(|(mask, _)| *mask)
}

impl Policies {
    /// The columns that this principal sees in clear, and those of which it sees nothing, as far as its
    /// policies say so of a plain SELECT of them. What waits for an approval counts as approved: nothing that
    /// reads such a column runs without one. A program never sees anything in clear: what it is given goes on
    /// to places that nobody here knows.
    pub fn look(&self, asking: &Asking<'_>, catalog: &Catalog, shown: &mut Shown) {
        if !self.wishes() && !asking.leaves().any(Leave::is_of_columns) {
            return;
        }
        let program = ask::is_agent(asking.principal);
        for (label, columns) in by_label(catalog) {
            let mut wishes = vec![None; columns.len()];
            for who in ask::everybody(asking.principal) {
                let wished = self.wishes_of(asking, who, label, &columns);
                wishes = wishes.into_iter().zip(wished).map(|(known, wished)| known.max(wished)).collect();
            }
            for (name, wish) in columns.into_iter().zip(wishes) {
                match wish {
                    Some(MaskWish::Neutral) => shown.hidden.insert(name),
                    Some(MaskWish::Clear) if !program => shown.permitted.insert(name),
                    None if asking.shown_by(&name, label).is_some() => shown.permitted.insert(name),
                    Some(MaskWish::Clear) | None => false,
                };
            }
        }
    }

    /// What is wished of each of these columns, all of one label.
    fn wishes_of(
        &self,
        asking: &Asking<'_>,
        who: Who,
        label: Label,
        columns: &[String],
    ) -> Vec<Option<MaskWish>> {
        if !self.wishes() {
            return vec![None; columns.len()];
        }
        let target = |name: &String| Target::Column(name.clone(), label.as_str());
        let questions = columns.iter().map(|name| (Act::Read, target(name))).collect();
        let world = match (World::looking(self, asking, who, label, &questions), columns) {
            (Ok(world), _) => world,
            // Whoever asks for such a column is told so, and sees nothing of it until then.
            (Err(_), [] | [_]) => return vec![Some(MaskWish::Neutral); columns.len()],
            (Err(_), _) => {
                let alone = |column| self.wishes_of(asking, who, label, std::slice::from_ref(column));
                return columns.iter().flat_map(alone).collect();
            }
        };
        columns
            .iter()
            .map(|name| wished(&world.ask(Act::Read, &target(name))).map(|(wish, _)| wish))
            .collect()
    }
}

/// Columns with labels, by label: policies are asked about those of one together.
fn by_label(catalog: &Catalog) -> BTreeMap<Label, Vec<String>> {
    let mut found: BTreeMap<Label, Vec<String>> = BTreeMap::new();
    for relation in catalog.relations.values().filter(|relation| !relation.is_system()) {
        for column in &relation.columns {
            if let Some(label) = column.label {
                let name = format!("{}.{}", relation.qualified_name(), column.name);
                found.entry(label).or_default().push(name);
            }
        }
    }
    found
}

/// Whether a statement shows what only policies let it show: they are asked even if they speak of no columns
/// any more.
pub(super) fn needs_leave(statement: &Statement) -> bool {
    statement.shown.iter().any(|column| column.seen.is_some_and(|seen| seen.how == How::Permitted))
}

/// Whether somebody may see a column as the snapshot of its connection shows it, now that these rules speak
/// about the statement. The snapshot may be stricter than they are, and never less strict.
pub(super) fn holds(asking: &Asking<'_>, spoken: &Spoken<'_>, column: &ProtectedColumn) -> bool {
    let wish = wished(spoken).map(|(wish, _)| wish);
    match column.seen.map(|seen| seen.how) {
        Some(How::Hidden) => true,
        Some(How::Permitted) => {
            let by_approval = || asking.shown_by(&column.name, column.own_label()).is_some();
            wish == Some(MaskWish::Clear) || wish.is_none() && by_approval()
        }
        Some(How::Configured) | None => wish != Some(MaskWish::Neutral),
    }
}

/// The requests by which a statement reads columns in clear, each once: its record names them.
pub(super) fn by_leave(asking: &Asking<'_>, statement: &Statement) -> Vec<Reason> {
    let permitted = |column: &&ProtectedColumn| column.seen.is_some_and(|seen| seen.how == How::Permitted);
    let shown = statement.shown.iter().filter(permitted);
    let mut leaves: Vec<&Leave> =
        shown.filter_map(|column| asking.shown_by(&column.name, column.own_label())).collect();
    leaves.sort_by_key(|leave| leave.request);
    leaves.dedup_by_key(|leave| leave.request);
    leaves.into_iter().map(|leave| super::by_approval("default/unmask", leave.approved())).collect()
}

fn told(policy: &str, column: &str, message: &str) -> Reason {
    Reason {
        policy: policy.to_owned(),
        code: ReasonCode::Granted,
        object: Some(column.to_owned()),
        message: message.to_owned(),
        hint: None,
    }
}
