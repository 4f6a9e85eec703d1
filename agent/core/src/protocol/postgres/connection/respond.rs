//! Stops 8 and 9, shape and account: each server message is paired with what was asked. Results wait
//! for the durable record of their statement; rows are masked by the plan of their description;
//! completion is accounted before it is relayed.

use bytes::Bytes;
use connect_shared::entry::StatementResult;

use super::{
    Connection, Described, Expect, MAX_WAITING, Passing, Phase, Shown, Transaction,
    limits::Ours,
    outbox::Rest,
    rows::MAX_MASKED_ROW,
    run::{Run, rows_of_tag},
};
use crate::{
    machine::Ending,
    mask::Field,
    protocol::postgres::{
        description,
        frame::{Message, Piece, Plan, Side},
    },
    record::Release,
    session::ServerState,
    statement::{Effect, Refusal, Schema},
};

/// Longest of the server's other messages.
const MAX_SERVER_MESSAGE: usize = 1 << 20;

/// Why a server message cannot be relayed.
pub(super) enum Fault {
    /// The server broke the protocol.
    Violation(String),
    /// A row must not be shown, or no more of them.
    Unmaskable(Refusal),
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Violation(error.to_string())
    }
}

pub(super) fn violation(message: &str) -> Fault {
    Fault::Violation(message.to_owned())
}

/// What a ReadyForQuery says.
pub(super) fn status(ready: &Message) -> Result<Transaction, Fault> {
    match ready.body()[..] {
        [b'I'] => Ok(Transaction::Idle),
        [b'T'] => Ok(Transaction::Open),
        [b'E'] => Ok(Transaction::Failed),
        _ => Err(violation("a malformed ReadyForQuery")),
    }
}

impl Connection {
    /// Whether the server may be read: not while much waits for a durable record.
    pub(super) fn server_may_be_read(&self) -> bool {
        self.server.buffered() < MAX_WAITING || !self.is_gated()
    }

    /// Relays what the server said, as far as the record allows.
    pub(super) fn drive_server(&mut self) {
        while matches!(self.phase, Phase::Ready) {
            self.open_gate();
            if self.is_gated() {
                return;
            }
            let passed = self.pass_rows().and_then(|()| self.pay());
            if self.was_the_end(passed) {
                return;
            }
            let (longest, held) = (self.longest_whole_row(), self.longest_whole_data());
            match self.server.next(|kind, length| plan(kind, length, longest, held)) {
                Ok(None) => return,
                Ok(Some(piece)) => {
                    let passed = self.server_piece(piece).and_then(|()| self.pay());
                    if self.was_the_end(passed) {
                        return;
                    }
                }
                Err(error) => return self.violation(Side::Server, &error),
            }
        }
    }

    /// Whether what came was the end. What must never leave comes first: whatever else is wrong behind it, it was met.
    fn was_the_end(&mut self, passed: Result<(), Fault>) -> bool {
        if self.sees_canary() {
            return true;
        }
        match passed {
            Ok(()) => false,
            Err(fault) => {
                self.fault(fault);
                true
            }
        }
    }

    /// The statement whose results come next.
    pub(super) fn current_run(&mut self) -> Option<&mut Run> {
        match self.in_flight.front_mut() {
            Some(Expect::Execute(run)) => Some(run),
            Some(Expect::Query(runs)) => runs.front_mut(),
            _ => None,
        }
    }

    /// Takes the proof that the next results may leave, if the log has given it.
    fn open_gate(&mut self) {
        let intent = match self.current_run() {
            Some(run) if run.release.is_none() => run.intent,
            _ => return,
        };
        let release = self.ledger.claim_durable(intent).map(Release::new);
        if let Some(run) = self.current_run() {
            run.release = release;
        }
    }

    /// Whether what comes next must wait for the log.
    pub(super) fn is_gated(&self) -> bool {
        match self.in_flight.front() {
            Some(Expect::Execute(run)) => run.release.is_none(),
            Some(Expect::Query(runs)) => runs.front().is_some_and(|run| run.release.is_none()),
            Some(Expect::Denied { ticket, .. }) => self.ledger.claim_durable(*ticket).is_none(),
            _ => false,
        }
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) {
        if let Some(run) = self.current_run() {
            run.bytes += bytes as u64;
        }
    }

    fn server_piece(&mut self, piece: Piece) -> Result<(), Fault> {
        match piece {
            Piece::Message(message) => self.server_message(message),
            Piece::Start { kind: b'D', header, body } => self.start_row(1, header, body),
            Piece::Start { kind: b'd', header, body } if self.is_copying_out() => {
                let rows = self.copied_rows(body);
                self.start_row(rows, header, body)
            }
            Piece::Start { kind: b'd', .. } if self.is_in_vain() => {
                self.server_part = Passing::Drop;
                Ok(())
            }
            Piece::Part(_) if self.server_part == Passing::Drop => Ok(()),
            Piece::Part(bytes) => self.stream_part(bytes),
            Piece::Start { .. } | Piece::Skipped { .. } => {
                Err(violation("the server sent a message that nothing asked for"))
            }
        }
    }

    /// Whether the server still speaks about a text in which a limit was broken.
    fn is_in_vain(&self) -> bool {
        matches!(self.in_flight.front(), Some(Expect::Ours(Ours::Rest { .. })))
    }

    pub(super) fn stream(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.count_bytes(bytes.len());
        let rest = if self.server.is_inside_message() { Rest::Follows } else { Rest::Nothing };
        self.outbox.say_piece_to_client(bytes, rest);
        Ok(())
    }

    fn server_message(&mut self, message: Message) -> Result<(), Fault> {
        match message.kind {
            b'N' => return self.notice(message),
            b'S' => {
                self.follow_report(message.body());
                self.report(message);
                return Ok(());
            }
            b'A' => {
                self.outbox.say_to_client(message.bytes);
                return Ok(());
            }
            _ if matches!(self.in_flight.front(), Some(Expect::Key)) => return self.key_answer(&message),
            _ if matches!(self.in_flight.front(), Some(Expect::Name)) => {
                return self.name_answer(&message);
            }
            _ if matches!(self.in_flight.front(), Some(Expect::Ours(_))) => return self.own_answer(message),
            b'E' => return self.server_error(message),
            b'Z' => return self.ready(message),
            _ => {}
        }
        match self.in_flight.front() {
            Some(Expect::Parse { .. }) if message.kind == b'1' => self.relay_and_settle(message.bytes),
            Some(Expect::Bind { portal, .. }) if message.kind == b'2' => {
                if let Some(portal) = portal.clone() {
                    self.follow_bound(&portal);
                }
                self.relay_and_settle(message.bytes)
            }
            Some(Expect::Close { .. }) if message.kind == b'3' => self.relay_and_settle(message.bytes),
            Some(Expect::EmptyExecute) if message.kind == b'I' => self.relay_and_settle(message.bytes),
            Some(Expect::Query(runs)) if message.kind == b'I' && runs.is_empty() => {
                self.outbox.say_to_client(message.bytes);
                Ok(())
            }
            Some(Expect::Describe { .. }) => self.description(message),
            Some(Expect::Execute(_) | Expect::Query(_)) => self.result(message),
            _ => Err(violation("the server sent a message that nothing asked for")),
        }
    }

    /// The answer to a key of ours, which the client never asked for.
    fn key_answer(&mut self, message: &Message) -> Result<(), Fault> {
        match message.kind {
            b'V' => {}
            b'E' => self.keys.forget(),
            b'Z' => {
                status(message)?;
                self.in_flight.pop_front();
            }
            _ => return Err(violation("the server answered a function call with something else")),
        }
        Ok(())
    }

    fn relay_and_settle(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.in_flight.pop_front();
        self.outbox.say_to_client(bytes);
        Ok(())
    }

    fn description(&mut self, message: Message) -> Result<(), Fault> {
        let Some(Expect::Describe { of, shown }) = self.in_flight.front() else {
            return Err(violation("a description that nothing asked for"));
        };
        let shown = *shown;
        match (message.kind, of) {
            // ParameterDescription: RowDescription or NoData follows.
            (b't', Described::Statement) => {
                if shown == Shown::ToClient {
                    self.outbox.say_to_client(message.bytes);
                }
                return Ok(());
            }
            (b'T', of) => {
                let fields = description::read(message.body())?;
                keep(of, fields);
            }
            (b'n', of) => keep(of, Vec::new()),
            _ => return Err(violation("the server answered Describe with something else")),
        }
        self.in_flight.pop_front();
        if shown == Shown::ToClient {
            self.outbox.say_to_client(message.bytes);
        }
        Ok(())
    }

    /// A message of a running statement.
    fn result(&mut self, message: Message) -> Result<(), Fault> {
        let Some(run) = self.current_run() else {
            return Err(violation("the server sent a result that no statement asked for"));
        };
        if run.over.is_some() && !matches!(message.kind, b'C' | b's' | b'V') {
            // Nothing more of it reaches the client.
            return Ok(());
        }
        match message.kind {
            // Nothing else answers a call, and nothing but a call is answered so.
            b'V' if run.is_call => self.complete(message)?,
            _ if run.is_call => {
                return Err(violation("the server answered a function call with something else"));
            }
            b'T' => {
                let fields = description::read(message.body())?;
                self.plan_rows(&fields)?;
                self.outbox.say_to_client(message.bytes);
            }
            b'D' => self.row(&message)?,
            b'C' => self.complete(message)?,
            b's' => self.suspend(message)?,
            b'G' if run.facts.effect == Effect::CopyIn => self.copy_begins(message.bytes),
            b'H' if run.copied.is_some() => self.copied_begins(message.bytes),
            b'd' if run.copied.is_some() => self.copied(message.bytes)?,
            b'c' if run.copied.is_some() => self.copied_ends(message.bytes)?,
            _ => return Err(violation("the server sent a message that does not fit the statement")),
        }
        Ok(())
    }

    fn complete(&mut self, message: Message) -> Result<(), Fault> {
        let rows = if message.kind == b'V' { 1 } else { rows_of_tag(&message.body()) };
        if message.kind == b'V' {
            // The one value of a call; whether it may leave is seen in what follows.
            let _may_leave = self.gives(1, message.bytes.len());
        }
        if self.may_complete(&message.body(), rows).is_err() {
            return Ok(());
        }
        let run = match self.in_flight.front_mut() {
            Some(Expect::Query(runs)) => runs.pop_front(),
            Some(Expect::Execute(_)) => match self.in_flight.pop_front() {
                Some(Expect::Execute(run)) => Some(*run),
                _ => None,
            },
            _ => None,
        };
        let Some(mut run) = run else { return Err(violation("a completion without a statement")) };
        run.count += rows;
        if run.is_call {
            run.bytes += message.bytes.len() as u64;
        }
        self.follow_success(&mut run);
        self.portals_after(&message.body());
        self.others_may_go();
        if let Some((run, completion)) = self.hold_completion(run, message.bytes) {
            self.account_done(run);
            self.outbox.say_to_client(completion);
        }
        Ok(())
    }

    fn suspend(&mut self, message: Message) -> Result<(), Fault> {
        let Some(Expect::Execute(_)) = self.in_flight.front() else {
            return Err(violation("the server suspended something that is no portal"));
        };
        if self.may_suspend().is_err() {
            return Ok(());
        }
        if let Some(Expect::Execute(mut run)) = self.in_flight.pop_front() {
            // What it sets or calls may have run already.
            self.follow_success(&mut run);
            let name = run.portal.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
            if let Some(older) = self.suspended.insert(name, *run) {
                self.account_done(older);
            }
        }
        self.others_may_go();
        self.outbox.say_to_client(message.bytes);
        Ok(())
    }

    pub(super) fn ready(&mut self, message: Message) -> Result<(), Fault> {
        let transaction = status(&message)?;
        let Some(message) = self.end_own(message) else { return Ok(()) };
        // What has not ended stays in flight, so that the end of the connection is its end in the record.
        if !matches!(self.in_flight.front(), Some(Expect::Sync | Expect::Query(_))) {
            return Err(violation("the server is ready before it answered"));
        }
        if let Some(Expect::Query(runs)) = self.in_flight.pop_front() {
            for run in runs {
                self.account(run, StatementResult::Unknown);
            }
        }
        self.transaction = transaction;
        self.follow_ready(match self.transaction {
            Transaction::Idle => ServerState::Idle,
            Transaction::Open => ServerState::InTransaction,
            Transaction::Failed => ServerState::Failed,
        });
        if self.transaction == Transaction::Idle {
            self.transaction_ended();
            self.settings_are_settled();
        }
        self.outbox.say_to_client(message.bytes);
        self.give_lost_keys();
        self.name_principal();
        Ok(())
    }

    /// Portals end with their transaction.
    fn transaction_ended(&mut self) {
        self.keys.transaction_ended();
        self.portals_end();
        for (_, run) in std::mem::take(&mut self.suspended) {
            self.account_done(run);
        }
        if !self.protected {
            // Nothing to protect, so nothing to know anew.
            self.schema = Schema::Known;
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Violation(message) => self.violation(Side::Server, &message),
            Fault::Unmaskable(refusal) => self.end(&Ending {
                code: refusal.code.as_str().to_owned(),
                sqlstate: refusal.code.sqlstate(),
                message: refusal.message,
                hint: refusal.hint,
            }),
        }
    }
}

fn keep(of: &Described, fields: Vec<Field>) {
    if let Described::Portal(portal) = of {
        // A second description of the same portal says the same.
        let _already_known = portal.fields.set(fields);
    }
}

/// `longest`: rows up to this length must be whole, longer ones pass in pieces; `None`: no row may pass so.
/// `held`: the same of what is copied.
fn plan(kind: u8, length: usize, longest: Option<usize>, held: usize) -> Plan {
    match kind {
        b'D' if longest.is_some_and(|longest| length > longest) => Plan::Stream,
        b'D' => Plan::Whole(MAX_MASKED_ROW),
        b'd' if length <= held => Plan::Whole(held),
        b'd' => Plan::Stream,
        // What a function gives is as long as a row may be.
        b'V' => Plan::Whole(MAX_MASKED_ROW),
        // The server quotes what it was given.
        b'E' | b'N' => Plan::Whole(MAX_MASKED_ROW),
        _ => Plan::Whole(MAX_SERVER_MESSAGE),
    }
}
