//! A text is understood against a catalog that knows what this connection has changed: what must wait for
//! one, or for the server's answers, waits here.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Blocked, CATALOG_TIME, Connection, Expect, Resync, Transaction,
    copy::Copying,
    follow::reads_by_name,
    intend::{Analysed, Pending, Understood, resync},
};
use crate::{
    catalog::Catalog,
    machine::Output,
    session::Reading,
    statement::{Effect, Protection, Schema, Statement},
    understand::understand_masked,
};

/// Whether something that it names is not in the snapshot, though its text may say that it need not be there: it could
/// be what another connection has made a moment ago, and whose values would be lost under another name.
fn names_the_unknown(facts: &Statement) -> bool {
    facts.lineage.renames.missing
        || matches!(&facts.protection, Protection::Refused(refusal) if refusal.unknown_object.is_some())
}

impl Connection {
    /// Analyses a text against a snapshot that knows what this connection has changed.
    pub(super) fn understand(&mut self, pending: &Pending, text: &Bytes) -> Understood {
        if self.schema == Schema::Changed && self.must_settle_schema(pending) {
            return Understood::Blocked;
        }
        let Some(catalog) = self.setup.catalog.clone() else {
            self.block_for_catalog(pending.clone(), 0);
            return Understood::Blocked;
        };
        let analysed = self.analyse(text, &catalog);
        let unknown = analysed.statements.iter().any(|facts| names_the_unknown(facts));
        if unknown && !pending.refreshed && self.schema == Schema::Known {
            let again = Pending { refreshed: true, ..pending.clone() };
            self.block_for_catalog(again, catalog.version);
            return Understood::Blocked;
        }
        Understood::Facts(analysed)
    }

    pub(super) fn analyse(&mut self, text: &Bytes, catalog: &Catalog) -> Arc<Analysed> {
        if let Some(known) = self.analyses.get(text, catalog.version)
            && known.statements.first().is_none_or(|facts| self.is_ahead(facts))
        {
            return known;
        }
        let session = self.session_for(text);
        let limits = &self.setup.limits;
        let (analysis, sent) = understand_masked(text, catalog, &session, limits, &self.setup.mask_key);
        let statements = analysis.statements.into_iter().map(Arc::new).collect();
        let by_shape = analysis.numbers_are_inert;
        let analysed = Arc::new(Analysed { statements, version: catalog.version, by_shape, sent });
        if !reads_by_name(text) {
            self.analyses.keep(text, &analysed);
        }
        analysed
    }

    /// After a change of schema: waits for the answers in flight, then for a snapshot. False if neither
    /// can help because the change is not committed; then the schema guard decides.
    pub(super) fn must_settle_schema(&mut self, pending: &Pending) -> bool {
        match self.in_flight.back() {
            Some(Expect::Sync | Expect::Query(_) | Expect::Denied { until: Resync::Query, .. }) => {
                self.blocked = Some(Box::new(Blocked::Drain { message: pending.clone() }));
                true
            }
            Some(_) => false,
            None if self.transaction == Transaction::Idle => {
                let version = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
                self.block_for_catalog(pending.clone(), version);
                true
            }
            None => false,
        }
    }

    pub(super) fn block_for_catalog(&mut self, message: Pending, newer_than: u64) {
        let until = self.now + CATALOG_TIME;
        self.outbox.push(Output::NeedCatalog { newer_than });
        self.blocked = Some(Box::new(Blocked::Catalog { message, newer_than, until }));
    }

    /// A snapshot came: whoever waits for it goes on.
    pub(super) fn catalog_came(&mut self) {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        match self.blocked.take().map(|blocked| *blocked) {
            Some(Blocked::Catalog { message, newer_than, .. }) if current > newer_than => {
                if self.transaction == Transaction::Idle {
                    self.schema = Schema::Known;
                }
                self.follow_catalog(Reading::AfterLastCommit);
                self.take_up(message);
                self.drive_client();
            }
            other => self.blocked = other.map(Box::new),
        }
    }

    /// Whether a name stands for what was opened before its tables were committed, which a newer snapshot knows.
    pub(super) fn knows_too_little(&self, facts: &Statement, pending: &Pending) -> bool {
        let by_name = matches!(facts.effect, Effect::Fetch { .. } | Effect::Execute { .. });
        by_name && names_the_unknown(facts) && !pending.refreshed && self.schema == Schema::Known
    }

    /// No snapshot can be had: the statement is not understood.
    pub(super) fn catalog_failed(&mut self) {
        if let Some(Blocked::Catalog { message, .. }) = self
            .blocked
            .take_if(|blocked| matches!(**blocked, Blocked::Catalog { .. }))
            .map(|blocked| *blocked)
        {
            self.deny_without_catalog(resync(message.message.kind));
            self.drive_client();
        }
    }

    /// Goes on with a message that waited for the server's answers.
    pub(super) fn retry_drained(&mut self) {
        if (self.in_flight.is_empty() || self.copying == Copying::Open)
            && let Some(Blocked::Drain { message }) = self
                .blocked
                .take_if(|blocked| matches!(**blocked, Blocked::Drain { .. }))
                .map(|blocked| *blocked)
        {
            self.take_up(message);
        }
    }
}
