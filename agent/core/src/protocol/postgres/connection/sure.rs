//! Whether a name stands for the same thing here and at the server.
//!
//! Names change here when a message is sent, and at the server when it is taken. In between, what follows in the same
//! group (up to a Sync, or within one text) is skipped if the change fails. What follows behind the group is not: it
//! runs whatever the name stood for before. There a name is used only once the server has answered.

use bytes::Bytes;

use super::{
    Blocked, Connection, Expect, Resync,
    intend::Pending,
    names::{NameChange, Space},
    run::Run,
};
use crate::{
    protocol::postgres::answer,
    statement::{Effect, Statement},
};

/// A name that a message uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used<'n> {
    pub(super) space: Space,
    pub(super) name: &'n [u8],
}

impl<'n> Used<'n> {
    pub(super) const fn statement(name: &'n [u8]) -> Self {
        Self { space: Space::Statements, name }
    }

    pub(super) const fn portal(name: &'n [u8]) -> Self {
        Self { space: Space::Portals, name }
    }

    /// The name that a statement runs by.
    pub(super) fn by(facts: &'n Statement) -> Option<Self> {
        match &facts.effect {
            Effect::Execute { name, .. } => Some(Self::statement(name.as_bytes())),
            Effect::Fetch { name } => Some(Self::portal(name.as_bytes())),
            _ => None,
        }
    }

    fn is_changed_by(self, change: &NameChange) -> bool {
        change.space() == self.space && **change.name() == *self.name
    }

    fn is_dropped_by(self, effect: &Effect) -> bool {
        let is_it = |name: &Option<String>| name.as_ref().is_none_or(|name| name.as_bytes() == self.name);
        match (self.space, effect) {
            (_, Effect::DiscardAll) => true,
            (Space::Statements, Effect::Deallocate { name }) => is_it(name),
            (Space::Portals, Effect::CloseCursor { name }) => is_it(name),
            _ => false,
        }
    }
}

impl Connection {
    /// Lets a message wait for the server's answers if a name that it uses may stand for something else there. Tells
    /// whether it waits.
    pub(super) fn waits_to_be_sure<'n>(
        &mut self,
        pending: &Pending,
        used: impl IntoIterator<Item = Used<'n>>,
    ) -> bool {
        if !used.into_iter().any(|used| self.is_unsure(used)) {
            return false;
        }
        if self.unflushed > 0 {
            self.outbox.say_to_server(answer::flush());
            self.unflushed = 0;
        }
        self.blocked = Some(Box::new(Blocked::Drain { message: pending.clone() }));
        true
    }

    fn is_unsure(&self, used: Used<'_>) -> bool {
        let mut behind = false;
        for expect in self.in_flight.iter().rev() {
            behind |= ends_group(expect);
            let dropped = runs(expect).any(|run| used.is_dropped_by(&run.facts.effect));
            if dropped || changes(expect).any(|change| used.is_changed_by(change)) {
                return behind;
            }
        }
        false
    }

    /// Takes a change back that the server did not make. If the name was changed again since, that stands, and what
    /// it replaced is what was there before this one.
    pub(super) fn take_back(&mut self, change: NameChange) {
        let mut later = self.in_flight.iter_mut().flat_map(changes_mut);
        match later.find(|later| later.space() == change.space() && later.name() == change.name()) {
            Some(later) => later.replaces_what(change),
            None => self.names.undo(change),
        }
    }

    /// The server has dropped a name (`None`: all of them). What has been given it again since stands.
    pub(super) fn dropped(&mut self, space: Space, name: Option<&Bytes>) {
        let mut kept: Vec<Bytes> = Vec::new();
        for later in self.in_flight.iter_mut().flat_map(changes_mut) {
            let meant = later.space() == space && name.is_none_or(|name| name == later.name());
            if meant && !kept.contains(later.name()) {
                kept.push(later.name().clone());
                later.replaces_nothing();
            }
        }
        match name {
            Some(name) if kept.is_empty() => self.names.remove(space, name),
            Some(_) => {}
            None => self.names.retain(space, &kept),
        }
    }
}

/// Whether what is behind it runs even if something before it fails.
const fn ends_group(expect: &Expect) -> bool {
    !matches!(
        expect,
        Expect::Parse { .. }
            | Expect::Bind { .. }
            | Expect::Describe { .. }
            | Expect::Close { .. }
            | Expect::Execute(_)
            | Expect::EmptyExecute
            | Expect::Denied { until: Resync::Sync, .. }
    )
}

fn runs(expect: &Expect) -> impl Iterator<Item = &Run> {
    let (one, several) = match expect {
        Expect::Execute(run) => (Some(&**run), None),
        Expect::Query(runs) => (None, Some(runs)),
        _ => (None, None),
    };
    one.into_iter().chain(several.into_iter().flatten())
}

/// Changes of names that the server has not answered, in order.
fn changes(expect: &Expect) -> impl Iterator<Item = &NameChange> {
    let own = match expect {
        Expect::Parse { change, .. } | Expect::Bind { change, .. } | Expect::Close { change } => {
            change.as_ref()
        }
        _ => None,
    };
    own.into_iter().chain(runs(expect).filter_map(|run| run.change.as_ref()))
}

fn changes_mut(expect: &mut Expect) -> impl Iterator<Item = &mut NameChange> {
    let (own, one, several) = match expect {
        Expect::Parse { change, .. } | Expect::Bind { change, .. } | Expect::Close { change } => {
            (change.as_mut(), None, None)
        }
        Expect::Execute(run) => (None, run.change.as_mut(), None),
        Expect::Query(runs) => (None, None, Some(runs)),
        _ => (None, None, None),
    };
    let several = several.into_iter().flatten().filter_map(|run| run.change.as_mut());
    own.into_iter().chain(one).chain(several)
}
