//! What the server and the snapshots say about the session by themselves.

use std::sync::Arc;

use super::{
    Change, Session,
    find::TEMPORARY,
    path,
    settings::{Setting, Settings, Value},
};
use crate::catalog::{Catalog, code::Name};

/// ReadyForQuery's transaction status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    Idle,
    InTransaction,
    Failed,
}

/// Whether a report was another than what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Believed {
    News,
    NoNews,
}

/// When a snapshot was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It began after this session's last commit.
    AfterLastCommit,
    /// It came unasked: its reading may have begun before.
    Unasked,
}

impl Session {
    /// ReadyForQuery: the message or pipeline is over, and this is where the transaction stands.
    pub fn ready(&mut self, state: ServerState, catalog: &Catalog) {
        let (explicit, failed) = (self.transaction.is_explicit(), self.transaction.is_failed());
        match (state, explicit, failed) {
            (ServerState::Idle, false, _) => self.sync(catalog),
            // Its COMMIT failed.
            (ServerState::Idle, true, true) => {
                self.roll_back();
                self.refresh(catalog);
            }
            (ServerState::InTransaction, true, false) | (ServerState::Failed, true, true) => {}
            // A transaction that we did not see begin or end.
            (ServerState::Idle, true, false) => {
                self.commit(catalog);
                self.everything_unknown();
                self.refresh(catalog);
            }
            (ServerState::InTransaction | ServerState::Failed, ..) => {
                self.everything_unknown();
                self.enter();
                self.transaction.take_state(state);
                self.refresh(catalog);
            }
        }
        if self.believe_report(state) == Believed::News {
            self.refresh(catalog);
        }
    }

    /// ParameterStatus. Reports come before ReadyForQuery, and count from there on.
    pub fn reported(&mut self, name: &str, value: &str) {
        match Setting::named(name) {
            Some(Setting::SearchPath) => self.reported = path::identifiers(value).map(Arc::from),
            Some(Setting::Strings) => {
                let value = Value::Text(value.into());
                let defaults = Settings::default();
                self.settings.set(Setting::Strings, &value, &defaults);
                self.lasting.set(Setting::Strings, &value, &defaults);
            }
            _ => {}
        }
    }

    /// Parameters that the server reported at login, before anything ran.
    pub fn reported_at_login<'a>(
        &mut self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
        catalog: &Catalog,
    ) {
        for (name, value) in parameters {
            self.reported(name, value);
        }
        if let Some(reported) = &self.reported
            && self.settings.path.as_ref() != Some(reported)
        {
            // Something ran at login; what RESET would go back to is not what the snapshot says.
            self.reset.path = None;
            let _refreshed_below = self.believe_report(ServerState::Idle);
        }
        self.refresh(catalog);
    }

    /// The server's own word on the search path, where it gives one, beats ours.
    fn believe_report(&mut self, state: ServerState) -> Believed {
        // After an error it is what it was before the transaction, and the rollback is still to come.
        let Some(reported) = self.reported.as_ref().filter(|_| state != ServerState::Failed) else {
            return Believed::NoNews;
        };
        let agrees = self.settings.path.as_ref() == Some(reported);
        if agrees && self.lasting.path.is_some() {
            return Believed::NoNews;
        }
        let reported = reported.clone();
        if !agrees {
            self.disagreements += u64::from(self.settings.path.is_some());
            self.settings.path = Some(reported.clone());
            // What it will be after the commit, the server says then.
            self.lasting.path = None;
        }
        if state == ServerState::Idle {
            self.lasting.path = Some(reported);
        }
        Believed::News
    }

    /// The session's temporary schema has this name at the server.
    pub fn temporary_schema_is(&mut self, name: &str, catalog: &Catalog) {
        self.temporary_schema = Some(name.into());
        self.refresh(catalog);
    }

    /// A newer snapshot came. Committed changes that it shows are its matter from now on; what is
    /// temporary or not committed stays the session's.
    pub fn settle(&mut self, catalog: &Catalog, reading: Reading) {
        self.follow_inherited(catalog);
        // A reading that came unasked may have begun before the commit; the one after it has not.
        let shows = match (reading, self.relations.committed) {
            (Reading::AfterLastCommit, _) | (Reading::Unasked, None) => true,
            (Reading::Unasked, Some(committed)) => catalog.version > committed.saturating_add(1),
        };
        if shows && !self.transaction.is_open() {
            self.drop_settled();
            self.take_temporary_oids(catalog);
        }
        self.refresh(catalog);
    }

    fn drop_settled(&mut self) {
        let settled = |schema: &Name| &**schema != TEMPORARY;
        let relations = &self.relations;
        let stale = relations.changed.keys().any(|(schema, _)| settled(schema));
        let stale = stale || !relations.parts.is_empty();
        if !stale && !relations.code_changed && !relations.stored_lost && self.schemas.is_empty() {
            self.rights_changed = false;
            return;
        }
        Arc::make_mut(&mut self.relations.changed).retain(|(schema, _), _| !settled(schema));
        self.relations.parts = Arc::default();
        self.relations.code_changed = false;
        self.relations.stored_lost = false;
        self.relations.committed = None;
        self.rights_changed = false;
        self.schemas = Arc::default();
        self.reweigh();
        self.changed();
    }

    /// The default of a role or database changed. Open sessions keep theirs, unless it came from the
    /// server's files; which it was, nobody says.
    fn follow_inherited(&mut self, catalog: &Catalog) {
        let Some(inherited) = &self.inherited_path else { return };
        if *inherited == catalog.search_path {
            return;
        }
        let before = self.reset.path.take();
        self.inherited_path = None;
        for settings in [&mut self.settings, &mut self.lasting] {
            if settings.path == before && self.reported.is_none() {
                settings.path = None;
            }
        }
    }

    /// Temporary tables that the snapshot shows get the server's OIDs.
    fn take_temporary_oids(&mut self, catalog: &Catalog) {
        let Some(schema) = self.temporary_schema.clone() else { return };
        let mut told = Vec::new();
        for (key, change) in self.relations.changed.iter() {
            let Change::Known(own) = change else { continue };
            let shown = catalog.candidates(Some(&schema), &key.1).next();
            if let Some(shown) = shown.filter(|_| &*key.0 == TEMPORARY)
                && shown.oid != own.relation.oid
            {
                told.push((key.clone(), own.renumbered(shown.oid)));
            }
        }
        for (key, own) in told {
            self.put(key, Change::Known(Arc::new(own)));
        }
    }
}
