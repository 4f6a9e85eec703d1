//! Cursors, which DECLARE and the protocol's Bind name alike. They end with their transaction unless they
//! are WITH HOLD; that one was closed is not taken back by a rollback.

use std::sync::Arc;

use super::{Keeping, Session, SessionChange, change::Hold};
use crate::{catalog::code::Name, lineage::Lineage};

/// Most names that are kept; what is behind others is not known.
pub(super) const MOST_NAMES: usize = 10_000;

/// What ends a cursor, and what fetching from it does.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// Depth of the level that it was opened in; 0 if it outlived its transaction.
    depth: usize,
    hold: Hold,
    pub(super) change: Arc<SessionChange>,
}

impl Session {
    /// A cursor or portal was opened.
    pub(super) fn open_cursor(
        &mut self,
        name: &Name,
        hold: Hold,
        lineage: &Arc<Lineage>,
        change: &Arc<SessionChange>,
    ) {
        if self.keeping == Keeping::Elsewhere || self.cursors.len() >= MOST_NAMES {
            return;
        }
        let life = Life { depth: self.transaction.depth(), hold, change: change.clone() };
        Arc::make_mut(&mut self.cursors).insert(name.clone(), lineage.clone());
        Arc::make_mut(&mut self.cursor_lives).insert(name.clone(), life);
    }

    /// `None`: all of them.
    pub(super) fn close_cursor(&mut self, name: Option<&Name>) {
        match name {
            Some(name) => self.keep_cursors(|known, _| known != name),
            None => self.keep_cursors(|_, _| false),
        }
    }

    pub(super) fn fetched(&self, name: &Name) -> Option<Arc<SessionChange>> {
        self.cursor_lives.get(name).map(|life| life.change.clone())
    }

    pub(super) fn cursors_after_commit(&mut self) {
        self.keep_cursors(|_, life| life.hold == Hold::AfterCommit || life.depth == 0);
        self.sink_cursors(0);
    }

    /// A level ended well, and those above it: their cursors belong to the one around it.
    pub(super) fn cursors_released(&mut self, depth: usize) {
        self.sink_cursors(depth);
    }

    /// Levels above `depth` were rolled back.
    pub(super) fn cursors_since(&mut self, depth: usize) {
        self.keep_cursors(|_, life| life.depth <= depth);
    }

    fn sink_cursors(&mut self, depth: usize) {
        if self.cursor_lives.values().any(|life| life.depth > depth) {
            for life in Arc::make_mut(&mut self.cursor_lives).values_mut() {
                life.depth = life.depth.min(depth);
            }
        }
    }

    fn keep_cursors(&mut self, keep: impl Fn(&Name, &Life) -> bool) {
        if self.cursor_lives.iter().all(|(name, life)| keep(name, life)) {
            return;
        }
        let lives = Arc::make_mut(&mut self.cursor_lives);
        lives.retain(|name, life| keep(name, life));
        Arc::make_mut(&mut self.cursors).retain(|name, _| lives.contains_key(name));
    }
}
