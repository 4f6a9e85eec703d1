//! Follows the session: as the server has confirmed it, and ahead of that as it will be if all that is in
//! flight succeeds.
//!
//! A statement is analysed ahead, since the client does not wait. If something in flight fails, what is
//! ahead is worked out anew; and before a statement's change is taken for certain, the state that it was
//! analysed under is compared with the one that it ran in, and it is analysed again if they differ.

use std::sync::Arc;

use bytes::Bytes;

use super::{Connection, Expect, names::Portal, run::Run};
use crate::{
    catalog::{Catalog, code::Name},
    lineage::Lineage,
    protocol::postgres::reader::{Reader, Short},
    session::{Reading, ServerState, Session},
    statement::Statement,
    understand::understand_one,
};

/// The session of a connection.
#[derive(Default)]
pub(super) struct Followed {
    /// Parameters that the upstream connection was opened with.
    startup: Vec<(String, String)>,
    /// What the server reported at login, until there is a snapshot to begin with.
    login: Option<Vec<(Bytes, Bytes)>>,
    /// As the server has confirmed it; `None` until there is a snapshot.
    confirmed: Option<Session>,
    /// As it will be; `None` if that is the same.
    ahead: Option<Box<Session>>,
}

impl Connection {
    /// The session as far as the server has confirmed it; `None` until there is a catalog snapshot.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        self.followed.confirmed.as_ref()
    }

    /// Settings that the connection began with, but for its name.
    pub(super) fn startup_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.followed.startup.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        named.filter(|(name, _)| !matches!(*name, "application_name" | "connect.wait"))
    }

    pub(super) fn opened_with(&mut self, parameters: &[(String, String)]) {
        self.followed.startup = parameters.to_vec();
    }

    /// The upstream connection is there, with what the server reports of itself.
    pub(super) fn logged_in(&mut self, reported: &[(Bytes, Bytes)]) {
        self.followed.login = Some(reported.to_vec());
        self.begin_session();
    }

    /// Begins to follow, once there are both a connection and a snapshot.
    pub(super) fn begin_session(&mut self) {
        if self.followed.confirmed.is_some() {
            return;
        }
        let (Some(catalog), Some(login)) = (&self.setup.catalog, &self.followed.login) else { return };
        let mut session = Session::begin(catalog, &self.followed.startup).without_names();
        let texts = login.iter().filter_map(|(name, value)| {
            Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
        });
        session.reported_at_login(texts, catalog);
        self.followed.confirmed = Some(session);
        self.followed.login = None;
    }

    /// The state that the next statement will find, if all before it succeed.
    pub(super) fn session_ahead(&self) -> Option<&Session> {
        self.followed.ahead.as_deref().or(self.followed.confirmed.as_ref())
    }

    /// The same, to analyse a text in.
    pub(super) fn session_for(&self, text: &[u8]) -> Session {
        let session = self.session_ahead().cloned().unwrap_or_default();
        if !reads_by_name(text) {
            return session;
        }
        let named = |name: &Bytes, facts: &Option<Arc<Statement>>| {
            let name: Name = std::str::from_utf8(name).ok()?.into();
            Some((name, facts.as_ref()?.lineage.clone()))
        };
        let prepared = self.names.statements().filter_map(|(name, prepared)| named(name, &prepared.facts));
        let cursors = self.names.portals().filter_map(|(name, portal)| named(name, &portal.prepared.facts));
        let (prepared, cursors): (Vec<(Name, Arc<Lineage>)>, Vec<_>) =
            (prepared.collect(), cursors.collect());
        session.with_names(prepared, cursors)
    }

    /// Whether facts were found under the state that the next statement will find.
    pub(super) fn is_ahead(&self, facts: &Statement) -> bool {
        self.session_ahead().is_none_or(|session| session.is_at(&facts.under))
    }

    /// A message with statements, or the end of a pipeline, was sent.
    pub(super) fn follow_sent(&mut self) {
        let Some(expect) = self.in_flight.back() else { return };
        let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &self.followed.confirmed) else {
            return;
        };
        let ends = matches!(expect, Expect::Sync | Expect::Query(_));
        let session = match &mut self.followed.ahead {
            Some(ahead) => ahead,
            None if changes(expect) || (ends && confirmed.ends_with_message()) => {
                self.followed.ahead.insert(Box::new(confirmed.clone()))
            }
            None => return,
        };
        assume(session, expect, catalog);
    }

    /// A statement succeeded. What is known of it afterwards is what it did in the state that it ran in.
    pub(super) fn follow_success(&mut self, run: &mut Run) {
        if let Some(facts) = self.as_it_ran(run) {
            run.facts = facts;
        }
        let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &mut self.followed.confirmed) else {
            return;
        };
        if !run.followed {
            run.followed = true;
            confirmed.apply(&run.facts.change, catalog);
        }
    }

    /// The facts of a statement, if the state that it ran in is another than it was analysed under.
    fn as_it_ran(&mut self, run: &Run) -> Option<Arc<Statement>> {
        let (text, place) = match &run.portal {
            // The server analyses a statement when it is bound.
            Some((_, portal)) => {
                let facts = portal.settled.get()?.clone();
                return self.effective(&facts).map(|(facts, _)| facts);
            }
            None => run.source.as_ref()?,
        };
        let confirmed = self.followed.confirmed.as_ref()?;
        if confirmed.is_at(&run.facts.under) {
            return None;
        }
        let facts = self.again(&text.clone(), *place)?;
        self.effective(&facts).map(|(facts, _)| facts)
    }

    /// BindComplete: from here on the portal means what its statement meant in the state of this moment.
    pub(super) fn follow_bound(&mut self, portal: &Portal) {
        let prepared = portal.prepared.clone();
        let (Some(facts), Some(confirmed)) = (&prepared.facts, &self.followed.confirmed) else { return };
        if confirmed.is_at(&facts.under) {
            return;
        }
        if let Some(facts) = self.again(&prepared.text, prepared.place) {
            // It is bound once.
            let _first = portal.settled.set(facts);
        }
    }

    fn again(&self, text: &Bytes, place: usize) -> Option<Arc<Statement>> {
        let (catalog, confirmed) = (self.setup.catalog.as_ref()?, self.followed.confirmed.as_ref()?);
        understand_one(text, place, catalog, confirmed, &self.setup.limits).map(Arc::new)
    }

    /// An error came: of what was in flight then, only what the server will still run counts.
    pub(super) fn follow_error(&mut self) {
        self.undone = true;
        if let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &mut self.followed.confirmed) {
            confirmed.failed(catalog);
        }
        self.look_ahead();
    }

    /// ReadyForQuery.
    pub(super) fn follow_ready(&mut self, state: ServerState) {
        if let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &mut self.followed.confirmed) {
            confirmed.ready(state, catalog);
        }
        if self.followed.ahead.is_some() {
            self.look_ahead();
        }
    }

    /// ParameterStatus.
    pub(super) fn follow_report(&mut self, body: Bytes) {
        let read = |body: Bytes| -> Result<(Bytes, Bytes), Short> {
            let mut reader = Reader::new(body);
            Ok((reader.text()?, reader.text()?))
        };
        if let (Ok((name, value)), Some(confirmed)) = (read(body), &mut self.followed.confirmed)
            && let (Ok(name), Ok(value)) = (std::str::from_utf8(&name), std::str::from_utf8(&value))
        {
            confirmed.reported(name, value);
        }
    }

    /// A newer snapshot came.
    pub(super) fn follow_catalog(&mut self, reading: Reading) {
        self.begin_session();
        if let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &mut self.followed.confirmed) {
            confirmed.settle(catalog, reading);
        }
        self.look_ahead();
    }

    /// Works out anew what the session will be.
    fn look_ahead(&mut self) {
        let (Some(catalog), Some(confirmed)) = (&self.setup.catalog, &mut self.followed.confirmed) else {
            return;
        };
        if let Some(before) = self.followed.ahead.take() {
            confirmed.skip_beyond(&before);
        }
        let first = self
            .in_flight
            .iter()
            .position(|expect| changes(expect) || (is_end(expect) && confirmed.ends_with_message()));
        if let Some(first) = first {
            let mut session = confirmed.clone();
            for expect in self.in_flight.iter().skip(first) {
                assume(&mut session, expect, catalog);
            }
            self.followed.ahead = Some(Box::new(session));
        }
    }
}

const fn is_end(expect: &Expect) -> bool {
    matches!(expect, Expect::Sync | Expect::Query(_))
}

fn changes(expect: &Expect) -> bool {
    match expect {
        Expect::Execute(run) => still_changes(run),
        Expect::Query(runs) => runs.iter().any(still_changes),
        _ => false,
    }
}

/// A portal that goes on after a pause has done what it does.
fn still_changes(run: &Run) -> bool {
    !run.followed && !run.facts.change.is_empty()
}

/// What a message does to the session, if all of it succeeds.
fn assume(session: &mut Session, expect: &Expect, catalog: &Catalog) {
    match expect {
        Expect::Execute(run) if still_changes(run) => session.apply(&run.facts.change, catalog),
        Expect::Query(runs) => {
            for run in runs {
                session.apply(&run.facts.change, catalog);
            }
            session.sync(catalog);
        }
        Expect::Sync => session.sync(catalog),
        _ => {}
    }
}

/// Whether a text may read what stands behind a name, other than by EXECUTE and FETCH themselves: these get
/// the facts of what they run anyway.
pub(super) fn reads_by_name(text: &[u8]) -> bool {
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let begins = text.trim_ascii_start().get(..7).is_some_and(|part| part.eq_ignore_ascii_case(b"execute"));
    has(b"current") && has(b" of") || has(b"execute") && !begins
}
