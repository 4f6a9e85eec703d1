//! The extended protocol: statements are parsed, bound to portals, described and executed by name.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bytes::Bytes;

use super::{
    Connection, Described, Expect, FLUSH_AFTER, Resync, Scrub, Shown,
    exact::{Binds, Exact, Keep},
    given::{declared, values_decide, with_shapes, without_keys, without_masks},
    hold::Holding,
    intend::{Pending, Understood},
    keys::labels,
    names::{NameChange, Portal, Prepared, Space, own},
    stage::{Carrier, Execution, InPrinciple},
    sure::Used,
};
use crate::{
    protocol::postgres::{
        answer,
        message::Named,
        values::{MAX_SHOWN, Values},
    },
    statement::{Effect, Refusal, Schema, Statement},
};

impl Connection {
    pub(super) fn parse(&mut self, pending: Pending, name: Bytes, text: Bytes, types: &Bytes) {
        let Understood::Facts(analysed) = self.understand(&pending, &text) else { return };
        let facts = match analysed.statements.as_slice() {
            [] => None,
            [facts] => Some(declared(facts.clone(), types)),
            [first, ..] => Some(several(first)),
        };
        let keep = Keep::of(analysed.statements.iter().map(AsRef::as_ref));
        if let Some(facts) = &facts
            && matches!(facts.effect, Effect::Fetch { .. } | Effect::Execute { .. })
            && let Some((effective, _)) = self.effective(facts)
            && self.knows_too_little(&effective, &pending)
        {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, analysed.version);
        }
        if let Some(facts) = &facts
            && let Err(denied) = self.decide_in_principle(facts)
        {
            return self.deny(denied, &Exact { text, binds: Binds::default(), keep }, Resync::Sync, &name);
        }
        if !self.names.takes(Space::Statements, &name) {
            return self.deny_another_name(Space::Statements, "parse", text.len(), Resync::Sync);
        }
        if let Err(refusal) = self.give_keys_of(facts.as_ref()) {
            return self.deny_unanalysed("select", text.len(), refusal, Resync::Sync);
        }
        let scrub = self.scrub(facts.as_deref());
        // An empty query stays one.
        let tagged = facts
            .as_ref()
            .and_then(|_| self.tags.parse(&name, analysed.sent.as_ref().unwrap_or(&text), types));
        let bytes = match (tagged, &analysed.sent) {
            (Some(tagged), _) => tagged,
            (None, Some(sent)) => answer::parse(&name, sent, types),
            (None, None) => pending.message.bytes,
        };
        let sent = analysed.sent.clone();
        // What is read with it may be long, and is not to be kept with it.
        let types = own(types);
        let prepared = Prepared { text, place: 0, keep, facts, version: analysed.version, sent, types };
        self.say_extended(bytes);
        let change = self.names.set_statement(name, Arc::new(prepared));
        self.in_flight.push_back(Expect::Parse { change: Some(change), scrub });
    }

    /// Gives the server the keys of what a statement runs, which may stand behind a name.
    pub(super) fn give_keys_of(&mut self, facts: Option<&Arc<Statement>>) -> Result<(), Refusal> {
        let runs = facts.and_then(|facts| self.effective(facts)).map(|(facts, _)| facts);
        self.give_keys(&labels(runs.as_deref()))
    }

    /// A message of the extended protocol, which leaves a transaction open until Sync.
    pub(super) fn say_extended(&mut self, bytes: Bytes) {
        self.keys.set_unsynced(true);
        self.outbox.say_to_server(bytes);
        self.count_unflushed();
    }

    pub(super) fn count_unflushed(&mut self) {
        self.unflushed += 1;
        if self.unflushed >= FLUSH_AFTER {
            self.outbox.say_to_server(answer::flush());
            self.unflushed = 0;
        }
    }

    /// Asks the server for the origins of a portal's fields, once.
    pub(super) fn describe_quietly(&mut self, name: &[u8], portal: &Arc<Portal>) {
        if !portal.asked.swap(true, Relaxed) {
            self.say_extended(answer::describe_portal(name));
            let of = Described::Portal(portal.clone());
            self.in_flight.push_back(Expect::Describe { of, shown: Shown::Quiet });
        }
    }

    pub(super) fn bind(&mut self, pending: Pending, portal: Bytes, statement: &Bytes, values: Bytes) {
        let prepared = self.names.statement(statement).and_then(|prepared| prepared.facts.clone());
        let within = prepared.as_deref().and_then(Used::by);
        if self.waits_to_be_sure(&pending, within.into_iter().chain([Used::statement(statement)])) {
            return;
        }
        let Some(prepared) = self.names.statement(statement).cloned() else {
            if self.large.is_some() {
                return self.pass_large_bind(portal, None, Scrub::None);
            }
            self.say_extended(pending.message.bytes);
            return self.bound_to_nothing(&portal);
        };
        let Some(prepared) = self.refreshed(&pending, statement, prepared) else { return };
        let binds = self.binds(&pending.message.bytes, &prepared.types);
        if self.large.is_some() && values_decide(&prepared) {
            return self.deny_large_bind(prepared.text.len());
        }
        let shapes = self.widened(&prepared, &values);
        let facts = prepared.facts.clone().map(|facts| with_shapes(facts, &shapes));
        let facts = facts.map(|facts| without_masks(facts, &values));
        let facts = facts.map(|facts| without_keys(facts, &values));
        let values = match facts.map(|facts| self.decide_in_principle(&facts)) {
            Some(Err(denied)) => {
                let exact = Exact { text: prepared.text.clone(), binds, keep: prepared.keep };
                return self.deny(denied, &exact, Resync::Sync, b"connect_denied");
            }
            Some(Ok(InPrinciple::Held)) if values.len() <= MAX_SHOWN => {
                // A copy: a slice would keep the whole buffer that it was read into.
                Some(Values::new(Bytes::copy_from_slice(&values), prepared.types.clone()))
            }
            _ => None,
        };
        if !self.names.takes(Space::Portals, &portal) {
            return self.deny_another_name(Space::Portals, "bind", prepared.text.len(), Resync::Sync);
        }
        if let Err(refusal) = self.give_keys_of(prepared.facts.as_ref()) {
            return self.deny_unanalysed("select", prepared.text.len(), refusal, Resync::Sync);
        }
        self.settle_portal(&portal);
        let scrub = self.scrub(prepared.facts.as_deref());
        if self.large.is_some() {
            return self.pass_large_bind(portal, Some(Portal::new(prepared, binds, None)), scrub);
        }
        self.say_extended(pending.message.bytes);
        self.bound(portal, Portal { shapes, ..Portal::new(prepared, binds, values) }, scrub);
    }

    /// The prepared statement under the snapshot in use: analysed again if that moved.
    pub(super) fn refreshed(
        &mut self,
        pending: &Pending,
        name: &Bytes,
        prepared: Arc<Prepared>,
    ) -> Option<Arc<Prepared>> {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        let holds = prepared.facts.as_ref().is_none_or(|facts| self.is_ahead(facts));
        if prepared.version == current && self.schema == Schema::Known && holds {
            return Some(prepared);
        }
        let Understood::Facts(analysed) = self.understand(pending, &prepared.text) else { return None };
        let again = Arc::new(Prepared {
            text: prepared.text.clone(),
            place: prepared.place,
            keep: prepared.keep,
            facts: prepared.facts_now(&analysed),
            version: analysed.version,
            sent: prepared.sent.clone(),
            types: prepared.types.clone(),
        });
        let _same_name = self.names.set_statement(name.clone(), again.clone());
        Some(again)
    }

    pub(super) fn describe(&mut self, what: Named, name: &[u8], bytes: Bytes) {
        let of = match what {
            Named::Statement => Described::Statement,
            Named::Portal => self.names.portal(name).map_or(Described::Unknown, |portal| {
                portal.asked.store(true, Relaxed);
                Described::Portal(portal.clone())
            }),
        };
        self.say_extended(bytes);
        self.in_flight.push_back(Expect::Describe { of, shown: Shown::ToClient });
    }

    pub(super) fn close(&mut self, what: Named, name: &Bytes, bytes: Bytes) {
        let change: NameChange = match what {
            Named::Statement => self.names.drop_statement(name),
            Named::Portal => {
                self.settle_portal(name);
                self.names.drop_portal(name)
            }
        };
        self.say_extended(bytes);
        self.in_flight.push_back(Expect::Close { change: Some(change) });
    }

    /// A portal that was suspended is over: its statement ended with what it gave so far.
    pub(super) fn settle_portal(&mut self, name: &Bytes) {
        if let Some(run) = self.suspended.remove(name) {
            self.account_done(run);
        }
    }

    pub(super) fn execute(&mut self, pending: Pending, name: &Bytes) {
        let prepared = self.names.portal(name).and_then(|portal| portal.prepared.facts.clone());
        let within = prepared.as_deref().and_then(Used::by);
        if self.waits_to_be_sure(&pending, within.into_iter().chain([Used::portal(name)])) {
            return;
        }
        let Some(portal) = self.names.portal(name).cloned() else {
            return self.deny_missing_portal(name);
        };
        let prepared = portal.prepared.clone();
        let facts = match pending.holding {
            Holding::Not => prepared.facts.clone(),
            // It was held since it was bound: labels and functions may be others by now.
            _ => self.opened_facts(&prepared),
        };
        let Some(facts) = facts else {
            // An empty query has no statement to record.
            self.say_extended(pending.message.bytes);
            self.in_flight.push_back(Expect::EmptyExecute);
            return;
        };
        let facts = with_shapes(facts, &portal.shapes);
        let Some((facts, inner)) = self.effective(&facts) else {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, 0);
        };
        if self.knows_too_little(&facts, &pending) {
            let version = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, version);
        }
        let binds = if inner.is_nothing() { portal.binds.clone() } else { inner };
        let execution = Execution { facts, text: prepared.text.clone(), binds, prepared, given: None };
        let carrier = Carrier::Execute { name: name.clone(), portal };
        self.stage(vec![execution], pending.message.bytes.clone(), carrier, pending);
    }
}

pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or([0; 32])
}

/// The server's own words.
pub(super) const SEVERAL: &str = "cannot insert multiple commands into a prepared statement";

/// The server's own refusal of several statements in one Parse.
fn several(first: &Statement) -> Arc<Statement> {
    Arc::new(first.refused_with("42601", SEVERAL.to_owned()))
}
