//! Denials: one is recorded, and the statement is replaced upstream by one that fails by construction, so that
//! transaction, savepoints and pipeline stand as after any error.

use std::sync::Arc;

use connect_shared::{
    decision::{Decision, Outcome, Reason, ReasonCode},
    entry::{Denial, Entry, TextRef},
    ids::StatementId,
};

use super::{
    Connection, Expect, Resync,
    exact::Exact,
    mistake::{Mistake, Words},
    names::Space,
};
use crate::{
    decide::{Need, limit},
    lineage::{GapKind, Lineage},
    protocol::postgres::{answer, frame::Side},
    record::{Claim, ReadProof},
    session::{Fingerprint, LONGEST_NAME},
    statement::{Changes, Effect, Kind, Protection, Refusal, Schema, Statement},
};

/// The count of parameter types in a Parse without any.
const NO_TYPES: &[u8] = &[0, 0];

/// SQLSTATE of a text that cannot be parsed.
const SYNTAX_ERROR: &str = "42601";

/// A statement that may not run, or not now.
pub(super) struct Denied {
    pub(super) id: StatementId,
    pub(super) facts: Arc<Statement>,
    pub(super) decision: Box<Decision>,
    pub(super) sqlstate: &'static str,
    /// Who may lift it.
    pub(super) need: Option<Box<Need>>,
}

impl Denied {
    pub(super) fn by_limit(
        id: StatementId,
        facts: &Arc<Statement>,
        reason: Reason,
        permitted: Decision,
    ) -> Self {
        let sqlstate = reason.code.sqlstate();
        let decision = Box::new(limit::decided(reason, permitted.policy_digest));
        Self { id, facts: Arc::clone(facts), decision, sqlstate, need: None }
    }

    /// Somebody may approve it.
    pub(super) fn is_held(&self) -> bool {
        self.decision.outcome == Outcome::Hold
    }
}

impl Connection {
    /// Records a denial and makes the server fail in place of the statement.
    pub(super) fn deny(&mut self, denied: Denied, exact: &Exact, until: Resync, name: &[u8]) {
        let text: &[u8] = &exact.text;
        let Denied { id, facts, decision, sqlstate, need: _ } = denied;
        self.record_text(&facts);
        let (error, words, failing) = match Mistake::of(&facts) {
            Some(mistake) => (mistake.error(text), mistake.words(), mistake.failing(text)),
            None => {
                (answer::denial(&decision, sqlstate, &id.to_string()), Words::Ours, answer::FAILS.to_vec())
            }
        };
        let decision = if sqlstate == SYNTAX_ERROR { Box::new(decision.without_quotes()) } else { decision };
        let sequence = Some(self.next_sequence());
        let purpose = self.recorded_purpose();
        let connection = &self.setup.facts;
        let denial = Denial {
            statement: id,
            session: connection.session,
            connection: connection.connection,
            principal: connection.principal.reference.clone(),
            grant: self.setup.grant.id,
            resource: connection.resource.name.clone(),
            verb: facts.verb.clone(),
            text: facts.text.clone(),
            commitment: self.commitment(id, exact),
            sequence,
            run: connection.run,
            task: connection.task.as_deref().map(str::to_owned),
            purpose,
            decision: *decision,
        };
        let ticket = self.record(Claim::Awaited, Entry::Denial(Box::new(denial)));
        self.keep_exact(id, exact);
        match until {
            Resync::Query => self.outbox.say_to_server(answer::query(&failing)),
            Resync::Sync => {
                self.skipping = true;
                self.say_extended(answer::parse(name, &failing, NO_TYPES));
            }
        }
        self.in_flight.push_back(Expect::Denied { ticket, error, words, until });
    }

    /// Denies what was never analysed.
    pub(super) fn deny_unanalysed(&mut self, verb: &str, length: usize, refusal: Refusal, until: Resync) {
        let facts = Arc::new(Statement {
            verb: verb.to_owned(),
            kind: Kind::Read,
            text: TextRef::Length(length as u64),
            normalized: None,
            reads: Vec::new(),
            writes: Vec::new(),
            proof: ReadProof::MayWrite,
            protection: Protection::Refused(refusal),
            shown: Vec::new(),
            lookups: 0,
            assigned: Vec::new(),
            gives_mask: false,
            settings: Vec::new(),
            changes: Changes::default(),
            shapes: Vec::new(),
            effect: Effect::None,
            lineage: Arc::new(Lineage::opaque(GapKind::TooLarge, "a text that was not read")),
            change: Arc::default(),
            under: Fingerprint::default(),
        });
        let id = self.statement_id();
        match self.decide(&facts, id, Schema::Known, None) {
            Err(denied) => self.deny(denied, &Exact::unread(), until, b"connect_denied"),
            Ok(_) => self.violation(Side::Server, &"a refused statement was permitted"),
        }
    }

    pub(super) fn deny_unread(&mut self, length: usize, until: Resync) {
        let limit = self.setup.limits.bytes;
        let message = format!("the statement is over the limit of {limit} bytes, so it was not read");
        let hint = "Send fewer rows in one statement, or use COPY.";
        self.deny_unanalysed("unread", length, refusal(ReasonCode::TooLarge, message, hint, None), until);
    }

    pub(super) fn deny_without_catalog(&mut self, until: Resync) {
        let message = "the agent cannot read this database's catalog now, so it understands nothing";
        let hint = "Try again in a moment; the agent's /readyz says what is wrong.";
        let refusal = refusal(ReasonCode::NotUnderstood, message.to_owned(), hint, Some("57P03"));
        self.deny_unanalysed("unread", 0, refusal, until);
    }

    /// There are so many names that another one must wait until some are free.
    pub(super) fn deny_another_name(&mut self, space: Space, verb: &str, length: usize, until: Resync) {
        let (message, hint) = match space {
            Space::Statements => {
                ("too many prepared statements are open", "Close some, or use DEALLOCATE ALL.")
            }
            Space::Portals => ("too many portals are open", "Close some, or end the transaction."),
        };
        let refusal = refusal(ReasonCode::TooLarge, message.to_owned(), hint, Some("54000"));
        self.deny_unanalysed(verb, length, refusal, until);
    }

    /// The server would take it for another name that begins in the same way.
    pub(super) fn deny_long_name(&mut self, length: usize) {
        let message = format!(
            "the name of a prepared statement or portal has {length} bytes, over the limit of {LONGEST_NAME}"
        );
        let hint = "Use a shorter name: the server cuts longer ones, and takes two that begin alike for one.";
        let refusal = refusal(ReasonCode::TooLarge, message, hint, Some("42622"));
        self.deny_unanalysed("unread", length, refusal, Resync::Sync);
    }

    pub(super) fn deny_missing_portal(&mut self, name: &[u8]) {
        let message = format!("portal \"{}\" does not exist", String::from_utf8_lossy(name));
        let hint = "Bind it again.";
        let refusal = refusal(ReasonCode::NotUnderstood, message, hint, Some("34000"));
        self.deny_unanalysed("execute", 0, refusal, Resync::Sync);
    }
}

pub(super) fn refusal(
    code: ReasonCode,
    message: String,
    hint: &str,
    sqlstate: Option<&'static str>,
) -> Refusal {
    Refusal { code, object: None, message, hint: Some(hint.to_owned()), sqlstate, unknown_object: None }
}
