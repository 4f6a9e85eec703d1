//! Names that one text gives: its later statements mean these, before any of them has run.

use std::{collections::HashMap, sync::Arc};

use super::{
    exact::Binds,
    names::{Names, Portal, Prepared},
};
use crate::statement::Effect;

/// What the statements of a text have made of names so far.
#[derive(Default)]
pub(super) struct Own {
    statements: Changed<Prepared>,
    portals: Changed<Portal>,
}

/// `None`: dropped.
struct Changed<T> {
    of: HashMap<Box<str>, Option<Arc<T>>>,
    /// Whatever had a name before the text is gone.
    others_gone: bool,
}

impl<T> Default for Changed<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), others_gone: false }
    }
}

impl<T> Changed<T> {
    fn set(&mut self, name: &str, value: Option<Arc<T>>) {
        self.of.insert(name.into(), value);
    }

    fn drop_named(&mut self, name: Option<&str>) {
        match name {
            Some(name) => self.set(name, None),
            None => *self = Self { of: HashMap::new(), others_gone: true },
        }
    }

    fn find<'n>(&'n self, name: &str, before: impl FnOnce() -> Option<&'n Arc<T>>) -> Option<Arc<T>> {
        match self.of.get(name) {
            Some(known) => known.clone(),
            None if self.others_gone => None,
            None => before().cloned(),
        }
    }
}

impl Own {
    /// A statement of the text has run, as far as those behind it are concerned: they run only if it did not fail.
    pub(super) fn follow(&mut self, effect: &Effect, prepared: &Arc<Prepared>) {
        match effect {
            Effect::Prepare { name } => self.statements.set(name, Some(prepared.clone())),
            Effect::Declare { name, .. } => {
                let portal = Portal::new(prepared.clone(), Binds::default(), None);
                self.portals.set(name, Some(Arc::new(portal)));
            }
            Effect::Deallocate { name } => self.statements.drop_named(name.as_deref()),
            Effect::CloseCursor { name } => self.portals.drop_named(name.as_deref()),
            Effect::DiscardAll => {
                self.statements.drop_named(None);
                self.portals.drop_named(None);
            }
            _ => {}
        }
    }

    pub(super) fn statement(&self, name: &str, names: &Names) -> Option<Arc<Prepared>> {
        self.statements.find(name, || names.statement(name.as_bytes()))
    }

    pub(super) fn portal(&self, name: &str, names: &Names) -> Option<Arc<Portal>> {
        self.portals.find(name, || names.portal(name.as_bytes()))
    }
}
