//! What tables compute of their own, bound once for a snapshot and not anew for each row that is written.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, RwLock},
};

use super::{Binder, Bound, Facts, flow::Flow, printed::Sight, row_security::Secured};
use crate::catalog::{ColumnExpression, FIRST_NORMAL_OID, Oid, Relation};

/// Which expression of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// By its place among the table's.
    Check(usize),
    /// The default of this column, or what it is generated of.
    Column(i16),
}

/// What is the same for everybody: an expression over the row itself, which runs the server's own code.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) flow: Flow,
    pub(super) functions: BTreeSet<Oid>,
    /// What it cost to bind it.
    steps: usize,
}

/// An expression that is bound; `None` is one that has to be bound for each session and each row.
type Answer = Option<Arc<Known>>;

/// Answers within a snapshot, each there from its first use. A clone is empty: what it calls may have changed
/// since.
#[derive(Debug, Default)]
pub struct KnownExpressions(RwLock<HashMap<(Oid, Place), Answer>>);

impl Clone for KnownExpressions {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KnownExpressions {
    fn get(&self, key: (Oid, Place)) -> Option<Answer> {
        self.0.read().ok()?.get(&key).cloned()
    }

    fn put(&self, key: (Oid, Place), answer: Answer) {
        if let Ok(mut answers) = self.0.write() {
            answers.insert(key, answer);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.read().map_or(0, |answers| answers.len())
    }
}

impl Binder<'_> {
    /// What an expression over stored rows of a table is, if that is the same for everybody.
    pub(super) fn own_expression(&mut self, relation: &Relation, place: Place, text: &str) -> Bound<Answer> {
        // What the session has made of the table is its own.
        let is_stored = self.catalog.relation(relation.oid).is_some_and(|own| std::ptr::eq(own, relation));
        if !is_stored || self.session.relations.code_changed {
            return Ok(None);
        }
        // A check over a column that is computed when it is read tells what is not known of that one.
        if matches!(place, Place::Check(_)) && has_virtual(relation) {
            return Ok(None);
        }
        let key = (relation.oid, place);
        if let Some(answer) = self.catalog.known.get(key) {
            // As much as to bind it: what a statement is told does not depend on who asked before.
            self.step(answer.as_ref().map_or(0, |known| known.steps))?;
            return Ok(answer);
        }
        let before = self.steps;
        let facts = std::mem::take(&mut self.facts);
        let sight = Sight { relation: Some(relation), ..Sight::default() };
        let flows = self.printed(text, sight, "");
        let facts = std::mem::replace(&mut self.facts, facts);
        let flow = flows?.into_iter().next().unwrap_or_default();
        let is_own = |flow: &Flow| {
            let mut columns = flow.direct.iter().chain(flow.indirect.iter());
            columns.all(|column| column.relation == relation.oid)
        };
        let same = is_plain(&facts) && flow.runs.is_empty() && is_own(&flow);
        let steps = self.steps.saturating_sub(before);
        let answer = same.then(|| Arc::new(Known { flow, functions: facts.functions, steps }));
        if answer.is_none() {
            // Whoever binds it anew pays then.
            self.steps = before;
        }
        self.catalog.known.put(key, answer.clone());
        Ok(answer)
    }
}

fn has_virtual(relation: &Relation) -> bool {
    let mut expressions = relation.details.iter().flat_map(|details| &details.expressions);
    expressions.any(|(_, expression)| matches!(expression, ColumnExpression::Virtual(_)))
}

/// Nothing but functions of the server itself.
fn is_plain(facts: &Facts) -> bool {
    let Facts {
        reads,
        relations,
        functions,
        gaps,
        written,
        multiplying,
        indirect,
        opaque,
        behind,
        names: _,
        renames,
        secured,
    } = facts;
    let is_builtin = |oid: &Oid| oid.0 < FIRST_NORMAL_OID;
    reads.is_empty()
        && relations.is_empty()
        && functions.iter().all(is_builtin)
        && gaps.is_empty()
        && written.is_empty()
        && multiplying.is_none()
        && indirect.is_empty()
        && !opaque
        && behind.is_none()
        && renames.is_empty()
        && *secured == Secured::Nothing
}
