//! Stops 4 to 7: decide, record, forward. A statement is staged with its permit until the log has
//! acknowledged its INTENT, and only then its bytes go to the server. What becomes of a denied one is in
//! [`deny`](super::deny).

use std::sync::Arc;

use bytes::Bytes;
use connect_shared::{
    decision::{Decision, Obligation},
    entry::{Entry, Intent, StatementResult, TextRef},
    ids::StatementId,
    text::printable_name,
};

use super::{
    Connection, Expect, Resync, Transaction,
    bounds::{Bounds, is_limit},
    copy::Copying,
    deny::Denied,
    exact::{Binds, Exact},
    intend::{Pending, needs_description},
    limits::Apart,
    names::{Hold, Portal, Prepared, Space},
    run::{RowPlan, Run},
};
use crate::{
    approval::{Approval, Approved},
    decide::{Asking, Verdict, limit},
    machine::Output,
    protocol::postgres::{answer, frame::Side, values::Values},
    record::{Claim, Permit, ReadProof, Recorded, Ticket, forward},
    statement::{Effect, Kind, Protection, Schema, Statement},
};

/// Texts whose normal form this connection has already sent to the log.
const MAX_KNOWN_TEXTS: usize = 4_096;

/// Most characters of a purpose that a record has.
const MAX_PURPOSE: usize = 500;

/// One statement that is about to run.
pub(super) struct Execution {
    pub(super) facts: Arc<Statement>,
    pub(super) text: Bytes,
    pub(super) binds: Binds,
    /// What PREPARE or DECLARE would put under its name.
    pub(super) prepared: Arc<Prepared>,
    /// What a function call gives that does not stand in its text.
    pub(super) given: Option<Values>,
}

impl Execution {
    pub(super) fn exact(&self) -> Exact {
        Exact { text: self.text.clone(), binds: self.binds.clone(), keep: self.prepared.keep }
    }
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

/// What would become of a statement if it were executed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InPrinciple {
    Permitted,
    Held,
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
        let one_too_many = executions.iter().find_map(|execution| {
            let (space, name) = made(&execution.facts)?;
            (!self.names.takes(space, name)).then_some((space, execution))
        });
        if let Some((space, execution)) = one_too_many {
            let (verb, length) = (execution.facts.verb.clone(), execution.text.len());
            return self.deny_another_name(space, &verb, length, until);
        }
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
                    let exact = execution.exact();
                    return self.deny(denied, &exact, until, b"connect_denied");
                }
            }
        }
        if let Some((exact, denied)) = beside_transaction(&executions, &permitted) {
            if let Some(run) = continued {
                self.account(run, StatementResult::Cut("denied".to_owned()));
            }
            return self.deny(denied, &exact, until, b"connect_denied");
        }
        if let Some(held) = held {
            return self.hold(held, &executions, &carrier, pending);
        }
        if continued.is_none() {
            self.tell_of_broken_glass(permitted.iter().map(|(_, decision)| decision));
        }
        let permitted = executions.into_iter().zip(permitted).collect();
        let mut drafts = self.record_intents(permitted, continued, approval.as_ref());
        let is_call = bytes.first() == Some(&b'F');
        drafts.iter_mut().for_each(|draft| draft.run.is_call = is_call);
        let bytes = match (&carrier, drafts.as_slice()) {
            // Nothing in it is a text.
            _ if is_call => bytes,
            (Carrier::Query, [only]) => self.tags.query(bytes, Some(only.run.id)),
            (Carrier::Query, _) => self.tags.query(bytes, None),
            // It was tagged when it was prepared.
            (Carrier::Execute { .. }, _) => bytes,
        };
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
        let purpose = self.recorded_purpose();
        let exact = execution.exact();
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
            commitment: self.commitment(id, &exact),
            read_only: execution.facts.proof == ReadProof::ReadOnly,
            reads: execution.facts.reads.clone(),
            writes: execution.facts.writes.clone(),
            sequence,
            run: facts.run,
            task: facts.task.as_deref().map(str::to_owned),
            purpose,
            lineage,
            decision,
        };
        let ticket = self.record(Claim::Awaited, Entry::Intent(Box::new(intent)));
        self.keep_exact(id, &exact);
        ticket
    }

    /// What the session says that it is for, as far as it fits into a line of a record.
    pub(super) fn recorded_purpose(&mut self) -> Option<String> {
        let purpose = self.session_ahead().and_then(crate::session::Session::purpose)?;
        Some(printable_name(&purpose.chars().take(MAX_PURPOSE).collect::<String>()))
    }

    pub(super) fn record_text(&mut self, facts: &Statement) {
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

    /// Forwards what is staged, once its records allow it.
    pub(super) fn release_staged(&mut self) {
        if !self.staged.as_ref().is_some_and(|staged| is_recorded(staged, &self.ledger)) || self.waits_alone()
        {
            return;
        }
        let Some(staged) = self.staged.take() else { return };
        let Staged { drafts, mut bytes, carrier } = staged;
        let mut runs = Vec::with_capacity(drafts.len());
        for Draft { permit, mut run, prepared } in drafts {
            let Some(recorded) = self.claim(&permit, run.intent) else { return };
            // The message goes once, with the permit of its first statement; those behind it in the same
            // text need theirs all the same.
            let Ok(forwarded) = forward(permit, recorded, std::mem::take(&mut bytes)) else {
                return self.violation(Side::Server, &"a write was about to overtake its record");
            };
            let (bytes, _, obligations) = forwarded.into_parts();
            self.bind_run(&mut run, &obligations, &carrier);
            self.describe_before_execute(&run, &carrier);
            match carrier {
                Carrier::Query => self.outbox.say_to_server(bytes),
                Carrier::Execute { .. } => self.say_execute(bytes),
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

    /// What has limits goes alone, and what may write in a transaction. True while it waits for that.
    fn waits_alone(&mut self) -> bool {
        let Some(Staged { drafts, carrier: Carrier::Query, .. }) = &self.staged else { return false };
        if !drafts.iter().any(|draft| has_limits(&draft.permit)) {
            return false;
        }
        let writes = drafts.iter().any(|draft| draft.permit.proof() == ReadProof::MayWrite);
        if !self.in_flight.is_empty() {
            if self.unflushed > 0 {
                self.outbox.say_to_server(answer::flush());
                self.unflushed = 0;
            }
            return true;
        }
        if writes && self.transaction == Transaction::Idle && !matches!(self.apart, Apart::Wrapped { .. }) {
            self.begin_own();
            return true;
        }
        false
    }

    /// Binds a statement to its limits from here on.
    fn bind_run(&mut self, run: &mut Run, obligations: &[Obligation], carrier: &Carrier) {
        run.bounds = Bounds::of(obligations, &self.setup.facts);
        let Some(bounds) = &mut run.bounds else { return };
        bounds.fetched_from(match (&run.facts.effect, carrier) {
            (Effect::Fetch { name }, _) => self.names.portal(name.as_bytes()).cloned(),
            (_, Carrier::Execute { portal, .. }) => Some(Arc::clone(portal)),
            (_, Carrier::Query) => None,
        });
        match (carrier, &self.apart) {
            (Carrier::Execute { .. }, _) => self.apart = Apart::Execute,
            (Carrier::Query, Apart::Wrapped { .. }) => {}
            (Carrier::Query, _) => self.apart = Apart::Text,
        }
    }

    /// Nothing goes behind what has limits, so its answer must be asked for.
    fn say_execute(&mut self, bytes: Bytes) {
        if matches!(self.apart, Apart::Execute) {
            // Its time begins when all before it is answered, which a server keeps back while it runs.
            self.outbox.say_to_server(answer::flush());
        }
        self.say_extended(bytes);
        if matches!(self.apart, Apart::Execute) {
            self.outbox.say_to_server(answer::flush());
            self.unflushed = 0;
        }
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
            Effect::CopyIn => self.copying = Copying::Asked,
            Effect::Prepare { name } => {
                let name = Bytes::copy_from_slice(name.as_bytes());
                run.change = Some(self.names.set_statement(name, prepared.clone()));
            }
            Effect::Declare { name, holds } => {
                let name = Bytes::copy_from_slice(name.as_bytes());
                let cursor = Portal {
                    hold: Hold::new(*holds),
                    ..Portal::new(prepared.clone(), Binds::default(), None)
                };
                let cursor = Arc::new(cursor);
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

    /// Of statements whose records will not be written there is nothing to account for.
    pub(super) fn forget_unrecorded(&mut self) {
        let ledger = &self.ledger;
        if let Some(staged) = &mut self.staged {
            staged.drafts.retain(|draft| ledger.claim_appended(draft.run.intent).is_some());
        }
    }

    /// The connection ends while statements wait for their records: they never ran.
    pub(super) fn cut_staged(&mut self) {
        for draft in self.staged.take().into_iter().flat_map(|staged| staged.drafts) {
            self.account(draft.run, StatementResult::Cut("not_forwarded".to_owned()));
        }
    }

    pub(super) fn decide(
        &mut self,
        facts: &Arc<Statement>,
        id: StatementId,
        schema: Schema,
        approved: Option<Approved<'_>>,
    ) -> Result<(Permit, Decision), Denied> {
        let facts = schema.hold(facts, self.protected);
        match self.verdict(&facts, id, approved) {
            Verdict::Permit(permit, decision) => Ok((permit, decision)),
            Verdict::Hold(decision, need) => Err(Denied {
                id,
                facts,
                decision: Box::new(decision),
                sqlstate: "42501",
                need: Some(Box::new(need)),
            }),
            Verdict::Deny(decision, sqlstate) => {
                Err(Denied { id, facts, decision: Box::new(decision), sqlstate, need: None })
            }
        }
    }

    fn verdict(
        &mut self,
        facts: &Arc<Statement>,
        id: StatementId,
        approved: Option<Approved<'_>>,
    ) -> Verdict {
        let purpose = self.session_ahead().and_then(crate::session::Session::purpose).cloned();
        let setup = &self.setup;
        let asking = Asking {
            principal: &setup.facts.principal,
            grant: &setup.grant,
            resource: &setup.facts.resource,
            purpose: purpose.as_deref(),
            wall: setup.wall + self.now.saturating_duration_since(setup.opened),
        };
        match approved {
            Some(_) => self.policies.decide(&asking, facts, id, approved),
            None => self.kept.evaluated(&self.policies, &asking, facts).verdict(facts, id, None),
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
        if let Err(reason) = self.within_bounds(permitted.0.obligations(), facts) {
            return Err(Denied::by_limit(id, facts, reason, permitted.1));
        }
        let (setup, lookups) = (&self.setup, facts.lookups);
        let (principal, resource) = (&setup.facts.principal, &setup.facts.resource);
        let begun = match principal.reference.actor {
            Some(_) => setup.lookups.actors.begin(&self.spender(), self.now),
            None => Ok(()),
        };
        let spent = match lookups {
            0 => begun,
            lookups => begun.and_then(|()| setup.lookups.spend(principal, resource, lookups, self.now)),
        };
        match spent {
            Ok(()) => Ok(permitted),
            Err(refusal) => {
                let refused =
                    Statement { protection: Protection::Refused(refusal), ..Statement::clone(facts) };
                self.decide(&Arc::new(refused), id, schema, approved)
            }
        }
    }

    /// Decides at Parse and Bind: the permit is taken anew at Execute.
    pub(super) fn decide_in_principle(&mut self, facts: &Arc<Statement>) -> Result<InPrinciple, Denied> {
        let Some((facts, _)) = self.effective(facts) else { return Ok(InPrinciple::Permitted) };
        let id = self.statement_id();
        match self.decide(&facts, id, self.schema, None) {
            // It is held when it is executed, with its values.
            Err(denied) if denied.is_held() => Ok(InPrinciple::Held),
            decided => decided.map(|(_permit, _decision)| InPrinciple::Permitted),
        }
    }
}

/// The name that a statement makes.
fn made(facts: &Statement) -> Option<(Space, &[u8])> {
    match &facts.effect {
        Effect::Prepare { name } => Some((Space::Statements, name.as_bytes())),
        Effect::Declare { name, .. } => Some((Space::Portals, name.as_bytes())),
        _ => None,
    }
}

fn has_limits(permit: &Permit) -> bool {
    permit.obligations().iter().any(is_limit)
}

/// The server ends a transaction of ours where a text says COMMIT, whatever came before.
fn beside_transaction(executions: &[Execution], permitted: &[(Permit, Decision)]) -> Option<(Exact, Denied)> {
    let [_, _, ..] = executions else { return None };
    executions.iter().find(|execution| execution.facts.kind == Kind::Transaction)?;
    let limited = |(permit, _): &(Permit, Decision)| has_limits(permit);
    let place = permitted.iter().position(limited)?;
    let (execution, (permit, decision)) = (executions.get(place)?, permitted.get(place)?);
    let policy = decision.reasons.first().map_or("", |reason| reason.policy.as_str());
    let reason = limit::with_transaction(policy);
    let denied = Denied::by_limit(permit.statement(), &execution.facts, reason, decision.clone());
    Some((execution.exact(), denied))
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
