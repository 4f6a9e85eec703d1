//! COPY from the client. Between the server's CopyInResponse and the end of the data the server takes nothing
//! else: it ignores Flush and Sync, and throws any other message away with an error. So what a client sends
//! behind a COPY gets its answer or not, as the COPY begins or fails; whoever pairs answers with questions
//! must not be wrong about that.

use bytes::Bytes;

use super::{Blocked, Connection, Expect, Passing, intend::Pending, limits::Apart, respond::Fault, run::Run};
use crate::{
    decide::limit,
    protocol::postgres::{
        answer,
        frame::{HEADER, Side},
        message::ClientMessage,
    },
    statement::Effect,
    understand::masked_value,
};

/// How it stands with a permitted COPY from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    No,
    /// The statement was sent, and the server has not answered.
    Asked,
    /// The server takes data.
    Open,
}

/// Whether the server throws a message away while it takes data.
pub(super) const fn interrupts_copy(message: &ClientMessage) -> bool {
    !matches!(
        message,
        ClientMessage::Terminate
            | ClientMessage::Sync
            | ClientMessage::Flush
            | ClientMessage::CopyData
            | ClientMessage::CopyDone
            | ClientMessage::CopyFail
    )
}

impl Connection {
    pub(super) fn sync(&mut self, bytes: Bytes) {
        self.skipping = false;
        self.unflushed = 0;
        match self.copying {
            // The server ignores it, and so it is not even sent.
            Copying::Open => {}
            // libpq sends one with the statement. It counts only if the COPY fails.
            Copying::Asked => {
                self.outbox.say_to_server(bytes);
                self.in_flight.push_back(Expect::SyncInCopy);
            }
            Copying::No => {
                self.outbox.say_to_server(bytes);
                self.in_flight.push_back(Expect::Sync);
                self.keys.set_unsynced(false);
                self.follow_sent();
            }
        }
    }

    /// Whether data that comes is looked at: it fills protected columns.
    pub(super) fn is_guarded_copy(&mut self) -> bool {
        self.copying != Copying::No && self.copies().next().is_some_and(|run| run.incoming.is_some())
    }

    /// Whether data, or its end, may go to the server: there is no mask in it.
    fn copies_no_mask(&mut self, kind: u8, bytes: &[u8]) -> bool {
        let Some(run) = self.copies().next() else { return true };
        let Some(incoming) = &mut run.incoming else { return true };
        let met = match kind {
            b'd' => incoming.gives_mask(bytes.get(HEADER..).unwrap_or_default()),
            b'c' => incoming.end(),
            _ => false,
        };
        if met && let Some(column) = run.facts.assigned.first() {
            let reason = limit::writes_mask(column);
            run.break_off(&reason);
        }
        !met
    }

    /// A piece of data that passes as it comes. A mask in it ends the connection: the message has begun, and the
    /// server, which is left in the middle of it, keeps nothing.
    pub(super) fn copy_piece(&mut self, bytes: Bytes) {
        let guarded = self.client_part == Passing::Forward;
        let run = if guarded { self.copies().next() } else { None };
        let met = run.and_then(|run| {
            let meets = run.incoming.as_mut()?.gives_mask(&bytes);
            run.facts.assigned.first().filter(|_| meets).map(masked_value)
        });
        match met {
            Some(refusal) => self.fault(Fault::Unmaskable(refusal)),
            None => {
                if guarded {
                    self.takes_content(&bytes);
                }
                self.client_copy_bytes(bytes);
            }
        }
    }

    /// Data that the server takes.
    fn takes_content(&mut self, data: &[u8]) {
        if let Some(content) = self.copies().next().and_then(|run| run.content.as_mut()) {
            content.take(data);
        }
    }

    /// The server takes data: the Syncs that were sent before it get no answer.
    pub(super) fn copy_begins(&mut self, response: Bytes) {
        // Of CopyInResponse the first byte says whether it is in binary.
        let binary = response.get(HEADER).is_some_and(|format| *format != 0);
        if let Some(run) = self.current_run()
            && let Some(incoming) = &mut run.incoming
        {
            incoming.is_in(binary);
        }
        if self.current_run().is_some_and(|run| !run.data_ended) {
            self.copying = Copying::Open;
        }
        while matches!(self.in_flight.get(1), Some(Expect::SyncInCopy)) {
            self.in_flight.remove(1);
        }
        self.outbox.say_to_client(response);
    }

    /// Data and its end; outside a permitted COPY the server would ignore them, and they are not even sent.
    pub(super) fn copy_message(&mut self, kind: u8, bytes: Bytes) {
        if self.copying == Copying::No {
            return;
        }
        let (kind, bytes) = match self.copies_no_mask(kind, &bytes) {
            true => (kind, bytes),
            false => (b'f', answer::copy_fail(b"a mask would be written")),
        };
        if kind == b'd' {
            self.takes_content(bytes.get(HEADER..).unwrap_or_default());
        } else {
            if let Some(run) = self.copies().next() {
                run.data_ended = true;
            }
            self.copying_goes_on();
        }
        self.outbox.say_to_server(bytes);
        if kind != b'd' && matches!(self.apart, Apart::Execute) {
            // The Sync behind it waits for the answer.
            self.outbox.say_to_server(answer::flush());
        }
    }

    /// A COPY is over, for the client or for the server: there may be another one in the same text.
    pub(super) fn copying_goes_on(&mut self) {
        self.copying = if self.copies().next().is_some() { Copying::Asked } else { Copying::No };
    }

    /// COPYs in flight whose data has not ended, in order.
    fn copies(&mut self) -> impl Iterator<Item = &mut Run> {
        let runs = self.in_flight.iter_mut().flat_map(|expect| {
            let (one, several) = match expect {
                Expect::Execute(run) => (Some(&mut **run), None),
                Expect::Query(runs) => (None, Some(runs)),
                _ => (None, None),
            };
            one.into_iter().chain(several.into_iter().flatten())
        });
        runs.filter(|run| run.facts.effect == Effect::CopyIn && !run.data_ended)
    }

    /// No COPY began: the Syncs from `place` on, which were sent for one, are as any other.
    pub(super) fn syncs_count(&mut self, place: usize) {
        for expect in self.in_flight.iter_mut().skip(place) {
            match expect {
                Expect::SyncInCopy => *expect = Expect::Sync,
                Expect::Sync => {}
                _ => break,
            }
        }
    }

    /// Another message than data. Whether the server will answer it is not known before the COPY has begun or
    /// failed; once it has begun, the message is lost with it, and the data has ended.
    pub(super) fn interrupt_copy(&mut self, pending: Pending) {
        if self.copying == Copying::Asked {
            self.blocked = Some(Box::new(Blocked::Drain { message: pending }));
            return;
        }
        self.fail_copy(pending.message.kind);
    }

    /// The same for a message that is too long to be kept until that is known.
    pub(super) fn interrupt_copy_unread(&mut self, kind: u8) {
        if self.copying == Copying::Asked {
            self.violation(
                Side::Client,
                &"a text over the limit came before the COPY in front of it had begun",
            );
        } else {
            self.fail_copy(kind);
        }
    }

    fn fail_copy(&mut self, kind: u8) {
        let why = format!("unexpected message type 0x{kind:02X} during COPY from stdin");
        self.copy_message(b'f', answer::copy_fail(why.as_bytes()));
    }
}
