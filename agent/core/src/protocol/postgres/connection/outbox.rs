//! Outputs in order. Small pieces for one peer are joined, so that the driver writes once; a record is a
//! barrier that nothing behind it passes. What stands before an OUTCOME may leave with what stands behind it,
//! and is not said at all where the log refuses that OUTCOME. Everything for the client comes through here, and
//! so it is here that what must never leave is looked for.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Bytes, BytesMut};

use connect_shared::entry::Entry;

use crate::{
    canary::{Canaries, Sighting},
    machine::Output,
};

/// Pieces at least this long are handed on without a copy.
const LARGE: usize = 8 * 1024;

#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Output>,
    client: BytesMut,
    server: BytesMut,
    guard: Option<Box<Guard>>,
    /// The client has a part of a message, so that nothing can be said behind it.
    torn: bool,
}

/// Whether more of a message follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Follows,
    Nothing,
}

/// Looks for what must never leave.
struct Guard {
    canaries: Arc<Canaries>,
    /// The end of a message that comes in pieces: the beginning of what must not leave could stand in it.
    held: BytesMut,
    seen: Option<Sighting>,
}

impl Guard {
    /// Whether these may leave: they have nothing of it in them, and nothing had before.
    fn admits(&mut self, bytes: &[u8]) -> bool {
        if self.seen.is_none() {
            self.seen = self.canaries.find(bytes).cloned();
        }
        self.seen.is_none()
    }

    /// What may leave of a message that comes in pieces.
    fn admitted(&mut self, piece: &[u8], rest: Rest) -> Option<Bytes> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(piece);
        if !self.admits(&held) {
            return None;
        }
        if rest == Rest::Follows {
            let leaves = held.len().saturating_sub(self.canaries.tail());
            self.held = held.split_off(leaves);
        }
        Some(held.freeze())
    }
}

impl Outbox {
    /// From here on this must not leave.
    pub(super) fn guard(&mut self, canaries: Arc<Canaries>) {
        let guard = Guard { canaries, held: BytesMut::new(), seen: None };
        self.guard = Some(Box::new(guard));
    }

    pub(super) const fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// What must not leave and was about to, once. It and all behind it has not left.
    pub(super) fn seen(&mut self) -> Option<Sighting> {
        self.guard.as_mut()?.seen.take()
    }

    /// Whether the client has a part of a message, so that nothing can be said behind it.
    pub(super) const fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whole messages for the client.
    pub(super) fn say_to_client(&mut self, bytes: Bytes) {
        if self.guard.as_mut().is_none_or(|guard| guard.admits(&bytes)) {
            self.push_to_client(bytes);
        }
    }

    /// A piece of a message for the client.
    pub(super) fn say_piece_to_client(&mut self, bytes: Bytes, rest: Rest) {
        let admitted = match &mut self.guard {
            Some(guard) => guard.admitted(&bytes, rest),
            None => Some(bytes),
        };
        if let Some(bytes) = admitted {
            self.torn = rest == Rest::Follows && (self.torn || !bytes.is_empty());
            self.push_to_client(bytes);
        }
    }

    fn push_to_client(&mut self, bytes: Bytes) {
        if bytes.len() >= LARGE {
            self.flush_client();
            self.queue.push_back(Output::ToClient(bytes));
        } else {
            self.client.extend_from_slice(&bytes);
        }
    }

    /// Whole messages for the client that are written in place; gives how long they are.
    pub(super) fn write_to_client<E>(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<usize, E> {
        let before = self.client.len();
        let written = write(&mut self.client);
        if let Some(guard) = &mut self.guard
            && !guard.admits(self.client.get(before..).unwrap_or_default())
        {
            self.client.truncate(before);
        }
        written.map(|()| self.client.len() - before)
    }

    pub(super) fn say_to_server(&mut self, bytes: Bytes) {
        if bytes.len() >= LARGE {
            self.flush_server();
            self.queue.push_back(Output::ToServer(bytes));
        } else {
            self.server.extend_from_slice(&bytes);
        }
    }

    pub(super) fn push(&mut self, output: Output) {
        let is_outcome =
            matches!(&output, Output::Record { entry, .. } if matches!(**entry, Entry::Outcome(_)));
        if !is_outcome {
            self.flush_client();
        }
        self.flush_server();
        self.queue.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        if self.queue.is_empty() {
            self.flush_client();
            self.flush_server();
        }
        self.queue.pop_front()
    }

    /// Gives back the room for what has left.
    pub(super) fn rest(&mut self) {
        for buffer in [&mut self.client, &mut self.server] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// Throws everything away but how statements ended, which the log may still take, and that all is over.
    pub(super) fn keep_ends(&mut self) {
        self.queue.retain(|output| match output {
            Output::Record { entry, .. } => matches!(**entry, Entry::Outcome(_)),
            output => matches!(output, Output::Finished { .. }),
        });
        self.client.clear();
        self.server.clear();
    }

    fn flush_client(&mut self) {
        if !self.client.is_empty() {
            self.queue.push_back(Output::ToClient(self.client.split().freeze()));
        }
    }

    fn flush_server(&mut self) {
        if !self.server.is_empty() {
            self.queue.push_back(Output::ToServer(self.server.split().freeze()));
        }
    }
}
