//! Stop 5, hold: a statement waits on the live connection until somebody decides, and no other connection
//! hears of it.
//!
//! What is held is evaluated three times at least: when it comes; against a catalog that is read for it,
//! which is what the approver sees; and, when it was approved, against another one. Each time its
//! [`Binding`] is made anew. The agent gives an approval for a binding and takes its use, durably, before
//! the machine hears of it; the machine gives it to `decide` for that binding only. An approval with any values is
//! found by the [`template`], and is given for the binding that the statement has then.

mod template;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_shared::{
    api::{HeldStatement, LabelledColumn},
    decision::{Outcome, ReasonCode},
    ids::RequestId,
};

use super::{
    Blocked, Connection, Expect, Resync, Transaction,
    deny::Denied,
    exact::Exact,
    intend::Pending,
    stage::{Carrier, Execution},
};
use crate::{
    approval::{Approval, Binder, Binding, Reach},
    catalog::Catalog,
    machine::{HoldAsk, HoldEnd, HoldNews, Output},
    protocol::postgres::{
        answer::{self, ErrorText, Severity},
        values::Values,
    },
    statement::{Effect, Kind, Statement},
};

/// How far a message is on its way through a hold.
#[derive(Clone, Default)]
pub(super) enum Holding {
    #[default]
    Not,
    /// A catalog was read for it; it is held since then.
    Fresh { since: Instant },
    /// The use of an approval was taken for it.
    Approved { since: Instant, approval: Arc<Approval> },
}

impl Holding {
    const fn since(&self) -> Option<Instant> {
        match self {
            Self::Not => None,
            Self::Fresh { since } | Self::Approved { since, .. } => Some(*since),
        }
    }

    pub(super) fn approval(&self) -> Option<&Arc<Approval>> {
        match self {
            Self::Approved { approval, .. } => Some(approval),
            _ => None,
        }
    }
}

/// A message that waits for an approval.
pub(super) struct Held {
    message: Pending,
    denied: Denied,
    exact: Exact,
    resync: Resync,
    since: Instant,
    pub(super) until: Instant,
    request: Option<RequestId>,
}

/// Settings that the connection has made since it began, as a digest: what they do to a statement's meaning
/// is bound without being understood.
#[derive(Default)]
pub(super) struct Trail {
    digest: [u8; 32],
    /// Some of it is undone if a transaction fails, so that the digest alone does not say what is in force.
    uncertain: bool,
}

impl Trail {
    fn mix(&mut self, parts: &[&[u8]]) {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(&self.digest);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        self.digest = context.finish().as_ref().first_chunk().copied().unwrap_or_default();
    }
}

impl Connection {
    /// A statement is about to be sent: what it sets is bound from here on.
    pub(super) fn follow_settings(&mut self, facts: &Statement, text: &[u8], place: usize) {
        let sets = match facts.kind {
            Kind::SessionControl => matches!(facts.verb.as_str(), "set" | "reset" | "discard"),
            _ => holds_word(text, b"set_config"),
        };
        let own = || [&b"connect.wait"[..], b"application_name"].iter().any(|name| holds_word(text, name));
        if sets && !(own() && is_single(text)) {
            self.trail.mix(&[text, &place.to_be_bytes()]);
            if self.transaction != Transaction::Idle || self.in_flight.iter().any(runs) {
                self.trail.uncertain = true;
                self.disown_trail(b"set");
            } else {
                // Alone in its message it is done when it is answered.
                self.trail.uncertain |= self.keys_unsynced() || !is_single(text);
            }
        } else if self.trail.uncertain && facts.kind == Kind::Transaction {
            self.disown_trail(facts.verb.as_bytes());
        }
    }

    /// Nothing is in flight and no transaction is open: what is set, is set.
    pub(super) fn settings_are_settled(&mut self) {
        if self.in_flight.is_empty() && self.staged.is_none() {
            self.trail.uncertain = false;
        }
    }

    /// An error may have undone settings.
    pub(super) fn settings_may_be_undone(&mut self) {
        if self.trail.uncertain {
            self.disown_trail(b"error");
        }
    }

    /// From here on what is bound is of this connection and this moment only.
    fn disown_trail(&mut self, why: &[u8]) {
        let connection = self.setup.facts.connection.to_bytes();
        let moment = self.statement_id().to_bytes();
        self.trail.mix(&[why, &connection, &moment]);
    }

    /// Whether everything that this connection has set is what it began with.
    pub(super) fn has_no_trail(&self) -> bool {
        self.trail.digest == [0; 32] && !self.trail.uncertain
    }

    /// What an approval of this message would be for.
    pub(super) fn binding(&self, executions: &[Execution], carrier: &Carrier) -> Binding {
        let mut binder = self.binder(b"", executions.len(), carrier);
        let values = values(carrier);
        for execution in executions {
            self.bind_execution(&mut binder, execution, values);
        }
        self.bind_catalog(&mut binder, executions);
        binder.finish()
    }

    /// What does not depend on the statements themselves.
    fn binder(&self, of: &[u8], statements: usize, carrier: &Carrier) -> Binder {
        let facts = &self.setup.facts;
        let mut binder = Binder::new(&self.setup.commitment_key);
        if !of.is_empty() {
            binder.part(of);
        }
        let who = &facts.principal.reference;
        binder.parts([who.sub.as_str(), &who.idp, who.actor.as_deref().unwrap_or_default()].into_iter());
        let mut groups: Vec<&str> = facts.principal.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        binder.parts(groups.into_iter());
        binder.parts([facts.resource.name.as_str(), &facts.resource.database].into_iter());
        binder.part(self.policies.digest().as_bytes());
        binder.part(match carrier {
            Carrier::Query => b"query",
            Carrier::Execute { .. } => b"execute",
        });
        binder.part(&self.trail.digest);
        for (name, value) in self.startup_settings() {
            binder.parts([name, value].into_iter());
        }
        binder.part(&(statements as u64).to_be_bytes());
        binder
    }

    fn bind_catalog(&self, binder: &mut Binder, executions: &[Execution]) {
        if let Some(catalog) = &self.setup.catalog {
            let facts = executions.iter().map(|execution| &*execution.facts);
            binder.catalog(catalog, &Reach::of(facts, catalog));
        }
    }

    fn bind_execution(&self, binder: &mut Binder, execution: &Execution, values: Option<&Values>) {
        binder.part(&execution.text);
        binder.part(&execution.prepared.place.to_be_bytes());
        match values {
            Some(values) => values.parts().into_iter().for_each(|part| binder.part(part)),
            None => binder.part(execution.binds.digest()),
        }
        self.bind_meaning(binder, execution);
    }

    /// What a statement means here, beside its text.
    fn bind_meaning(&self, binder: &mut Binder, execution: &Execution) {
        let facts = &execution.facts;
        binder.part(&self.named_text(facts).unwrap_or_default());
        binder.part(facts.verb.as_bytes());
        binder.parts(facts.reads.iter().map(String::as_str));
        binder.parts(facts.writes.iter().map(String::as_str));
        let session = self.session_ahead().map(crate::session::Session::fingerprint).unwrap_or_default();
        binder.part(format!("{session:?}").as_bytes());
        if !session.is_shared() {
            // What only this session has is nobody else's, under the same names or not.
            binder.part(&self.setup.facts.connection.to_bytes());
        }
    }

    /// The text that stands behind the name that a statement executes or fetches from.
    fn named_text(&self, facts: &Statement) -> Option<Bytes> {
        match &facts.effect {
            Effect::Execute { name, .. } => {
                self.names.statement(name.as_bytes()).map(|prepared| prepared.text.clone())
            }
            Effect::Fetch { name } => {
                self.names.portal(name.as_bytes()).map(|portal| portal.prepared.text.clone())
            }
            _ => None,
        }
    }

    /// A message must wait: for a catalog that is read for it, then for an approval.
    pub(super) fn hold(
        &mut self,
        denied: Denied,
        executions: &[Execution],
        carrier: &Carrier,
        message: Pending,
    ) {
        let Holding::Fresh { since } = message.holding else { return self.evaluate_afresh(message) };
        let exact = executions.first().map_or_else(Exact::unread, Execution::exact);
        let ask = HoldAsk {
            binding: self.binding(executions, carrier),
            template: self.template(&denied, executions, carrier),
            reason: self.setup.grant.reason.clone(),
            statement: self.shown(&denied, executions, carrier, &exact.text),
            radius: self.radius(executions, carrier).map(Box::new),
        };
        let resync = match carrier {
            Carrier::Query => Resync::Query,
            Carrier::Execute { .. } => Resync::Sync,
        };
        let until = since + self.setup.hold_time;
        let held = Held { message, denied, exact, resync, since, until, request: None };
        self.blocked = Some(Box::new(Blocked::Approval(Box::new(held))));
        self.outbox.push(Output::Hold(Box::new(ask)));
    }

    /// Evaluates a message again, against a catalog that is read from now on.
    fn evaluate_afresh(&mut self, message: Pending) {
        let since = message.holding.since().unwrap_or(self.now);
        let holding = Holding::Fresh { since };
        let again = Pending { refreshed: true, holding, ..message };
        if let Some(Expect::Sync | Expect::Query(_) | Expect::Denied { until: Resync::Query, .. }) =
            self.in_flight.back()
        {
            // What is before it in the pipeline is answered first; then it comes here again.
            let holding = Holding::Not;
            self.blocked = Some(Box::new(Blocked::Drain { message: Pending { holding, ..again } }));
            return;
        }
        let version = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        self.block_for_catalog(again, version);
    }

    /// What the approver sees.
    fn shown(
        &self,
        denied: &Denied,
        executions: &[Execution],
        carrier: &Carrier,
        text: &Bytes,
    ) -> HeldStatement {
        let mut shown = String::from_utf8_lossy(text).into_owned();
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        let mut normalized: Vec<&str> = Vec::new();
        for execution in executions {
            if let Some(named) = self.named_text(&execution.facts) {
                shown.push_str("\n-- what it names:\n");
                shown.push_str(&String::from_utf8_lossy(&named));
            }
            reads.extend(execution.facts.reads.iter().cloned());
            writes.extend(execution.facts.writes.iter().cloned());
            normalized.extend(execution.facts.normalized.as_deref());
        }
        for names in [&mut reads, &mut writes] {
            names.sort_unstable();
            names.dedup();
        }
        let labelled = self.setup.catalog.as_deref().map(|catalog| labelled(catalog, &reads, &writes));
        let given =
            values(carrier).or_else(|| executions.iter().find_map(|execution| execution.given.as_ref()));
        let reason = denied.decision.reasons.first();
        let need = denied.need.as_deref();
        HeldStatement {
            who: need.map(|need| need.who.clone()).unwrap_or_default(),
            approvals: need.map_or(1, |need| need.count),
            window: need.and_then(|need| need.window).map(|window| window.as_secs()),
            any_values: self.template(denied, executions, carrier).is_some(),
            text: Some(shown),
            normalized: (!normalized.is_empty()).then(|| normalized.join("; ")),
            verbs: executions.iter().map(|execution| execution.facts.verb.clone()).collect(),
            with_parameters: executions.iter().any(|execution| !execution.binds.is_nothing()),
            parameters: given.map(Values::in_words).unwrap_or_default(),
            labelled: labelled.unwrap_or_default(),
            reads,
            writes,
            policy: reason.map(|reason| reason.policy.clone()).unwrap_or_default(),
            why: reason.map(|reason| reason.message.clone()).unwrap_or_default(),
            radius: None,
        }
    }

    /// Something became of the message that waits.
    pub(super) fn hold_news(&mut self, news: HoldNews) {
        let Some(Blocked::Approval(mut held)) =
            self.blocked.take_if(|blocked| matches!(**blocked, Blocked::Approval(_))).map(|blocked| *blocked)
        else {
            return;
        };
        match news {
            HoldNews::Asked(request) => {
                held.request = Some(request);
                self.asked(held, request);
            }
            HoldNews::Approved => {
                let holding = Holding::Fresh { since: held.since };
                self.evaluate_afresh(Pending { holding, ..held.message });
            }
            HoldNews::Taken(approval) => {
                let holding = Holding::Approved { since: held.since, approval: Arc::new(approval) };
                self.take_up(Pending { holding, ..held.message });
                self.drive_client();
            }
            HoldNews::Rejected { by, reason } => {
                // Somebody's words are no result: what must never leave stands in them by no fault of the client's.
                let canaries = self.setup.canaries.as_deref();
                let is_free = |reason: &String| {
                    canaries.is_none_or(|canaries| canaries.find(reason.as_bytes()).is_none())
                };
                let because = reason.filter(is_free).map(|reason| format!(": {reason}")).unwrap_or_default();
                let message = format!("{by} has rejected it{because}");
                self.give_up(*held, ReasonCode::Rejected, message, None);
            }
            HoldNews::Over => {
                let message = "nobody approved it in time".to_owned();
                self.give_up(
                    *held,
                    ReasonCode::NotDecided,
                    message,
                    Some("Send the statement again.".into()),
                );
            }
            HoldNews::Unavailable(why) => {
                let hint = "Try again in a moment, or ask the operator of the agent.".to_owned();
                self.give_up(*held, ReasonCode::ApprovalsUnavailable, why, Some(hint));
            }
        }
    }

    fn asked(&mut self, held: Box<Held>, request: RequestId) {
        let approvers = self.approvers(&held.denied);
        let page = self.setup.pages.as_ref().map(|pages| format!(", or open {pages}{request}"));
        let page = page.unwrap_or_default();
        let waits = self.session_ahead().is_none_or(crate::session::Session::waits);
        let why = held.denied.decision.reasons.first().map(|reason| reason.message.clone());
        let why = why.unwrap_or_default();
        if !waits {
            self.outbox.push(Output::HoldOver(HoldEnd::Keep));
            let hint = format!(
                "Once {approvers} has approved it (connect approve {request}{page}), the same statement goes through."
            );
            let code = held.denied.decision.reasons.first().map_or(ReasonCode::Opaque, |reason| reason.code);
            return self.give_up(*held, code, format!("{why}: it needs an approval ({request})"), Some(hint));
        }
        let seconds = self.setup.hold_time.as_secs();
        self.notices.push(answer::error(ErrorText {
            severity: Severity::Notice,
            sqlstate: "00000",
            message: &format!("{why}: waiting for an approval by {approvers} ({request})"),
            detail: Some(&format!("It waits for {seconds} s at most; cancel it to take the request back.")),
            hint: Some(&format!("They run: connect approve {request}{page}")),
        }));
        self.blocked = Some(Box::new(Blocked::Approval(held)));
    }

    /// Who may approve it, in words.
    fn approvers(&self, denied: &Denied) -> String {
        let asked = denied.need.as_ref().map(|need| (need.who.as_slice(), need.count));
        let (names, count) = match asked {
            Some((who @ [_, ..], count)) => (crate::decide::names(who), count),
            Some(([], count)) => (self.setup.facts.resource.approvers.join(", "), count),
            None => (self.setup.facts.resource.approvers.join(", "), 1),
        };
        if count > 1 { format!("{count} of {names}") } else { names }
    }

    /// The message fails as if the server had refused it.
    fn give_up(&mut self, held: Held, code: ReasonCode, message: String, hint: Option<String>) {
        let Held { mut denied, exact, resync, request, .. } = held;
        if let Some(reason) = denied.decision.reasons.first_mut() {
            reason.code = code;
            reason.message = message;
            reason.hint = hint;
            reason.object = request.map(|request| request.to_string());
        }
        denied.decision.outcome = Outcome::Hold;
        denied.sqlstate = code.sqlstate();
        self.deny(denied, &exact, resync, b"connect_denied");
        self.drive_client();
    }

    /// The client cancels what waits.
    pub(super) fn cancelled(&mut self) {
        let Some(held) = self.take_held() else { return };
        self.outbox.push(Output::HoldOver(HoldEnd::Withdraw));
        let message = "canceling statement due to user request".to_owned();
        self.give_up(held, ReasonCode::Withdrawn, message, None);
    }

    /// It has waited as long as a statement may.
    pub(super) fn hold_timed_out(&mut self) {
        let Some(held) = self.take_held() else { return };
        self.outbox.push(Output::HoldOver(HoldEnd::Keep));
        let waited = self.now.saturating_duration_since(held.since).as_secs();
        let (message, hint) = match held.request {
            Some(request) => (
                format!("no approval came within {waited} s ({request})"),
                "The request stays open: once it is approved, the same statement goes through.".to_owned(),
            ),
            None => ("the agent could not ask for an approval in time".to_owned(), "Try again.".to_owned()),
        };
        self.give_up(held, ReasonCode::NotDecided, message, Some(hint));
    }

    fn take_held(&mut self) -> Option<Held> {
        match self.blocked.take().map(|blocked| *blocked) {
            Some(Blocked::Approval(held)) => Some(*held),
            other => {
                self.blocked = other.map(Box::new);
                None
            }
        }
    }

    /// Whatever waits, waits no more: the server skips it, or the connection ends.
    pub(super) fn unblock(&mut self) {
        if matches!(self.blocked.take().as_deref(), Some(Blocked::Approval(_))) {
            self.outbox.push(Output::HoldOver(HoldEnd::Keep));
        }
    }

    /// Says what waits to be said, where a message of the server is not halfway out.
    pub(super) fn say_notices(&mut self) {
        if !self.notices.is_empty() && !self.server.is_inside_message() {
            for notice in std::mem::take(&mut self.notices) {
                self.outbox.say_to_client(notice);
            }
        }
    }
}

/// How long a statement waits where nothing else is configured.
pub const HOLD_TIME: Duration = Duration::from_secs(600);

/// Protected columns of relations that are named so.
fn labelled(catalog: &Catalog, reads: &[String], writes: &[String]) -> Vec<LabelledColumn> {
    let mut labelled = Vec::new();
    for relation in catalog.relations.values() {
        let name = format!("{}.{}", relation.schema, relation.name);
        if !reads.contains(&name) && !writes.contains(&name) {
            continue;
        }
        labelled.extend(relation.columns.iter().filter_map(|column| {
            Some(LabelledColumn { column: format!("{name}.{}", column.name), label: column.label? })
        }));
    }
    labelled.sort_by(|a, b| a.column.cmp(&b.column));
    labelled
}

/// What was bound to a portal, as far as it was kept.
fn values(carrier: &Carrier) -> Option<&Values> {
    match carrier {
        Carrier::Execute { portal, .. } => portal.values.as_ref(),
        Carrier::Query => None,
    }
}

/// It may begin or end a transaction.
const fn runs(expect: &Expect) -> bool {
    matches!(expect, Expect::Execute(_) | Expect::Query(_))
}

fn holds_word(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// One statement, as far as semicolons tell: more than one is never taken for one.
fn is_single(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b";").unwrap_or(text);
    !text.contains(&b';')
}
