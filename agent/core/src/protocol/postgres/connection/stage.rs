//! Stops 4 to 7: decide, record, forward. A statement is staged with its permit until the log has
//! acknowledged its INTENT, and only then its bytes go to the server. A denied one is recorded, and
//! replaced upstream by one that fails by construction.

use std::sync::Arc;

use bytes::Bytes;
use connect_shared::{
    decision::{Decision, Outcome, ReasonCode},
    entry::{Denial, Entry, Intent, StatementResult, TextRef},
    ids::StatementId,
};

use super::{
    Connection, Expect, Resync,
    intend::{Pending, needs_description},
    names::{Portal, Prepared},
    run::{RowPlan, Run},
};
use crate::{
    approval::{Approval, Approved},
    decide::{Verdict, decide},
    lineage::{GapKind, Lineage},
    machine::Output,
    protocol::postgres::{answer, frame::Side},
    record::{Claim, Permit, ReadProof, Recorded, Ticket, forward},
    session::Fingerprint,
    statement::{Effect, Kind, Protection, Refusal, Schema, Statement},
};

/// Texts whose normal form this connection has already sent to the log.
const MAX_KNOWN_TEXTS: usize = 4_096;

/// One statement that is about to run.
pub(super) struct Execution {
    pub(super) facts: Arc<Statement>,
    pub(super) text: Bytes,
    pub(super) binds: [u8; 32],
    /// What PREPARE or DECLARE would put under its name.
    pub(super) prepared: Arc<Prepared>,
}

/// The client message that runs it.
pub(super) enum Carrier {
    Query,
    Execute { name: Bytes, portal: Arc<Portal> },
}

/// Statements whose records are on their way to the log.
pub(super) struct Staged {
    drafts: Vec<Draft>,
    bytes: Bytes,
    carrier: Carrier,
}

struct Draft {
    permit: Permit,
    run: Run,
    prepared: Arc<Prepared>,
}

/// A statement that may not run, or not now.
pub(super) struct Denied {
    id: StatementId,
    facts: Arc<Statement>,
    pub(super) decision: Decision,
    pub(super) sqlstate: &'static str,
}

impl Denied {
    /// Somebody may approve it.
    fn is_held(&self) -> bool {
        self.decision.outcome == Outcome::Hold
    }
}

impl Connection {
    /// Decides about every statement of a message, and records all of them or the first denial.
    pub(super) fn stage(
        &mut self,
        executions: Vec<Execution>,
        bytes: Bytes,
        carrier: Carrier,
        pending: Pending,
    ) {
        let until = match carrier {
            Carrier::Query => Resync::Query,
            Carrier::Execute { .. } => Resync::Sync,
        };
        let continued = match &carrier {
            Carrier::Execute { name, .. } => self.suspended.remove(name),
            Carrier::Query => None,
        };
        let approval = pending.holding.approval().cloned();
        let approved = match (&continued, &approval) {
            // A portal goes on under the approval that it began with.
            (Some(run), _) => run.approval.as_deref().map(Approval::continued),
            (None, Some(approval)) => approval.covering(&self.binding(&executions, &carrier)),
            (None, None) => None,
        };
        let id = continued.as_ref().map(|run| run.id);
        let mut permitted = Vec::with_capacity(executions.len());
        let mut held: Option<Denied> = None;
        let mut schema = self.schema;
        for execution in &executions {
            let id = id.unwrap_or_else(|| self.statement_id());
            // What goes on was paid for when it began.
            let decided = match continued {
                Some(_) => self.decide(&execution.facts, id, schema, approved),
                None => self.decide_and_spend(&execution.facts, id, schema, approved),
            };
            schema = schema.after(&execution.facts);
            match decided {
                Ok(decided) => permitted.push(decided),
                // A denial further on beats it.
                Err(denied) if denied.is_held() && continued.is_none() => {
                    held.get_or_insert(denied);
                }
                Err(denied) => {
                    if let Some(run) = continued {
                        self.account(run, StatementResult::Cut("denied".to_owned()));
                    }
                    let (text, binds) = (execution.text.clone(), execution.binds);
                    return self.deny(denied, &text, binds, until, b"connect_denied");
                }
            }
        }
        if let Some(held) = held {
            return self.hold(held, &executions, &carrier, pending);
        }
        let permitted = executions.into_iter().zip(permitted).collect();
        let drafts = self.record_intents(permitted, continued, approval.as_ref());
        self.staged = Some(Staged { drafts, bytes, carrier });
        self.release_staged();
    }

    fn record_intents(
        &mut self,
        permitted: Vec<(Execution, (Permit, Decision))>,
        mut continued: Option<Run>,
        approval: Option<&Arc<Approval>>,
    ) -> Vec<Draft> {
        let mut drafts = Vec::with_capacity(permitted.len());
        for (execution, (permit, decision)) in permitted {
            // A suspended portal goes on under the INTENT that it has.
            let run = match continued.take() {
                Some(run) => run,
                None => {
                    let ticket = self.record_intent(&execution, permit.statement(), decision);
                    let run = Run::new(permit.statement(), execution.facts.clone(), ticket, self.now);
                    Run { approval: approval.cloned(), ..run }
                }
            };
            drafts.push(Draft { permit, run, prepared: execution.prepared });
        }
        drafts
    }

    fn record_intent(&mut self, execution: &Execution, id: StatementId, decision: Decision) -> Ticket {
        self.record_text(&execution.facts);
        let sequence = Some(self.next_sequence());
        let lineage = self.record_lineage(&execution.facts);
        let facts = &self.setup.facts;
        let intent = Intent {
            statement: id,
            session: facts.session,
            connection: facts.connection,
            principal: facts.principal.reference.clone(),
            grant: self.setup.grant.id,
            resource: facts.resource.name.clone(),
            verb: execution.facts.verb.clone(),
            text: execution.facts.text.clone(),
            commitment: self.commitment(id, &execution.text, &execution.binds),
            read_only: execution.facts.proof == ReadProof::ReadOnly,
            reads: execution.facts.reads.clone(),
            writes: execution.facts.writes.clone(),
            sequence,
            run: facts.run,
            lineage,
            decision,
        };
        self.record(Claim::Awaited, Entry::Intent(Box::new(intent)))
    }

    fn record_text(&mut self, facts: &Statement) {
        let (TextRef::Fingerprint(fingerprint), Some(sql)) = (&facts.text, &facts.normalized) else {
            return;
        };
        if self.known_texts.contains(fingerprint) {
            return;
        }
        if self.known_texts.len() >= MAX_KNOWN_TEXTS {
            self.known_texts.clear();
        }
        self.known_texts.insert(fingerprint.clone());
        let (fingerprint, sql) = (fingerprint.clone(), sql.clone());
        self.outbox.push(Output::StatementText { fingerprint, sql });
    }

    /// SHA-256 over salt, exact text and binds. The salt comes from the agent's key and the statement's
    /// id: whoever holds the key can open it, nobody can guess the text from it.
    fn commitment(&self, id: StatementId, text: &[u8], binds: &[u8; 32]) -> String {
        use aws_lc_rs::{digest, hmac};
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.setup.commitment_key);
        let salt = hmac::sign(&key, &id.to_bytes());
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(salt.as_ref());
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text);
        context.update(binds);
        hexadecimal(context.finish().as_ref())
    }

    /// Forwards what is staged, once its records allow it.
    pub(super) fn release_staged(&mut self) {
        let Some(staged) = self.staged.take_if(|staged| is_recorded(staged, &self.ledger)) else {
            return;
        };
        let Staged { drafts, mut bytes, carrier } = staged;
        let mut runs = Vec::with_capacity(drafts.len());
        for Draft { permit, mut run, prepared } in drafts {
            let Some(recorded) = self.claim(&permit, run.intent) else { return };
            // The message goes once, with the permit of its first statement; those behind it in the same
            // text need theirs all the same.
            let Ok(forwarded) = forward(permit, recorded, std::mem::take(&mut bytes)) else {
                return self.violation(Side::Server, &"a write was about to overtake its record");
            };
            let (bytes, ..) = forwarded.into_parts();
            self.describe_before_execute(&run, &carrier);
            match carrier {
                Carrier::Query => self.outbox.say_to_server(bytes),
                Carrier::Execute { .. } => self.say_extended(bytes),
            }
            self.before_run(&mut run, &prepared);
            if matches!(carrier, Carrier::Query) {
                run.source = Some((prepared.text.clone(), prepared.place));
            }
            runs.push(run);
        }
        self.expect_runs(runs, carrier);
        self.follow_sent();
    }

    fn claim(&self, permit: &Permit, ticket: Ticket) -> Option<Recorded> {
        match permit.proof() {
            ReadProof::MayWrite => self.ledger.claim_durable(ticket).map(Recorded::Durable),
            ReadProof::ReadOnly => self.ledger.claim_appended(ticket).map(Recorded::Appended),
        }
    }

    /// Rows that may hold protected columns are masked by the portal's own description.
    fn describe_before_execute(&mut self, run: &Run, carrier: &Carrier) {
        if let Carrier::Execute { name, portal } = carrier
            && matches!(run.rows, RowPlan::Unplanned)
            && needs_description(&run.facts)
        {
            self.describe_quietly(name, portal);
        }
    }

    /// What a statement changes for those behind it, from the moment that it is sent.
    fn before_run(&mut self, run: &mut Run, prepared: &Arc<Prepared>) {
        self.schema = self.schema.after(&run.facts);
        self.keys.before(&run.facts);
        self.follow_settings(&run.facts, &prepared.text, prepared.place);
        match &run.facts.effect {
            Effect::CopyIn => self.copying_in = true,
            Effect::Prepare { name } => {
                let name = Bytes::copy_from_slice(name.as_bytes());
                run.change = Some(self.names.set_statement(name, prepared.clone()));
            }
            Effect::Declare { name } => {
                let name = Bytes::copy_from_slice(name.as_bytes());
                let cursor = Arc::new(Portal::new(prepared.clone(), [0; 32]));
                run.change = Some(self.names.set_portal(name, cursor));
            }
            _ => {}
        }
    }

    fn expect_runs(&mut self, mut runs: Vec<Run>, carrier: Carrier) {
        match carrier {
            Carrier::Query => self.in_flight.push_back(Expect::Query(runs.into())),
            Carrier::Execute { name, portal } => {
                if let Some(mut run) = runs.pop() {
                    run.portal = Some((name, portal));
                    self.in_flight.push_back(Expect::Execute(Box::new(run)));
                }
            }
        }
    }

    /// The connection ends while statements wait for their records: they never ran.
    pub(super) fn cut_staged(&mut self) {
        for draft in self.staged.take().into_iter().flat_map(|staged| staged.drafts) {
            self.account(draft.run, StatementResult::Cut("not_forwarded".to_owned()));
        }
    }

    fn decide(
        &mut self,
        facts: &Arc<Statement>,
        id: StatementId,
        schema: Schema,
        approved: Option<Approved<'_>>,
    ) -> Result<(Permit, Decision), Denied> {
        let facts = schema.hold(facts, self.protected);
        let setup = &self.setup;
        let resource = &setup.facts.resource;
        match decide(&setup.facts.principal, &setup.grant, resource, &facts, id, approved) {
            Verdict::Permit(permit, decision) => Ok((permit, decision)),
            Verdict::Hold(decision) => Err(Denied { id, facts, decision, sqlstate: "42501" }),
            Verdict::Deny(decision, sqlstate) => Err(Denied { id, facts, decision, sqlstate }),
        }
    }

    /// Decides about a statement that is to be executed: each execution looks protected values up anew.
    fn decide_and_spend(
        &mut self,
        facts: &Arc<Statement>,
        id: StatementId,
        schema: Schema,
        approved: Option<Approved<'_>>,
    ) -> Result<(Permit, Decision), Denied> {
        let permitted = self.decide(facts, id, schema, approved)?;
        let lookups = facts.lookups;
        if lookups == 0 {
            return Ok(permitted);
        }
        let setup = &self.setup;
        match setup.lookups.spend(&setup.facts.principal, &setup.facts.resource, lookups, self.now) {
            Ok(()) => Ok(permitted),
            Err(refusal) => {
                let refused =
                    Statement { protection: Protection::Refused(refusal), ..Statement::clone(facts) };
                self.decide(&Arc::new(refused), id, schema, approved)
            }
        }
    }

    /// Decides at Parse and Bind: the permit is taken anew at Execute.
    pub(super) fn decide_in_principle(&mut self, facts: &Arc<Statement>) -> Result<(), Denied> {
        let Some((facts, _)) = self.effective(facts) else { return Ok(()) };
        let id = self.statement_id();
        match self.decide(&facts, id, self.schema, None) {
            // It is held when it is executed, with its values.
            Err(denied) if denied.is_held() => Ok(()),
            decided => decided.map(|(_permit, _decision)| ()),
        }
    }

    /// Records a denial and makes the server fail in place of the statement.
    pub(super) fn deny(&mut self, denied: Denied, text: &[u8], binds: [u8; 32], until: Resync, name: &[u8]) {
        let Denied { id, facts, decision, sqlstate } = denied;
        self.record_text(&facts);
        let error = answer::denial(&decision, sqlstate, &id.to_string());
        let sequence = Some(self.next_sequence());
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
            commitment: self.commitment(id, text, &binds),
            sequence,
            run: connection.run,
            decision,
        };
        let ticket = self.record(Claim::Awaited, Entry::Denial(Box::new(denial)));
        match until {
            Resync::Query => self.outbox.say_to_server(answer::failing_query()),
            Resync::Sync => {
                self.skipping = true;
                self.say_extended(answer::failing_parse(name));
            }
        }
        self.in_flight.push_back(Expect::Denied { ticket, error, until });
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
            lookups: 0,
            shapes: Vec::new(),
            effect: Effect::None,
            lineage: Arc::new(Lineage::opaque(GapKind::TooLarge, "a text that was not read")),
            change: Arc::default(),
            under: Fingerprint::default(),
        });
        let id = self.statement_id();
        match self.decide(&facts, id, Schema::Known, None) {
            Err(denied) => self.deny(denied, b"", [0; 32], until, b"connect_denied"),
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

    pub(super) fn deny_function_call(&mut self) {
        let message = "the function call message shows no statement";
        let hint = "Call the function in a SELECT.";
        let refusal = refusal(ReasonCode::Opaque, message.to_owned(), hint, None);
        self.deny_unanalysed("function call", 0, refusal, Resync::Query);
    }

    pub(super) fn deny_missing_portal(&mut self, name: &[u8]) {
        let message = format!("portal \"{}\" does not exist", String::from_utf8_lossy(name));
        let hint = "Bind it again.";
        let refusal = refusal(ReasonCode::NotUnderstood, message, hint, Some("34000"));
        self.deny_unanalysed("execute", 0, refusal, Resync::Sync);
    }
}

fn refusal(code: ReasonCode, message: String, hint: &str, sqlstate: Option<&'static str>) -> Refusal {
    Refusal { code, object: None, message, hint: Some(hint.to_owned()), sqlstate, unknown_object: None }
}

/// Whether every record is far enough for its statement: appended for reads, durable as soon as one of
/// them may write. The log is ordered, so the last one speaks for all.
fn is_recorded(staged: &Staged, ledger: &crate::record::Ledger) -> bool {
    let Some(last) = staged.drafts.last() else { return true };
    let writes = staged.drafts.iter().any(|draft| draft.permit.proof() == ReadProof::MayWrite);
    if writes {
        ledger.claim_durable(last.run.intent).is_some()
    } else {
        ledger.claim_appended(last.run.intent).is_some()
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
