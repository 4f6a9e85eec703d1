//! Outputs in order. Small pieces for one peer are joined, so that the driver writes once; a record is a
//! barrier that nothing behind it passes.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::machine::Output;

/// Pieces at least this long are handed on without a copy.
const LARGE: usize = 8 * 1024;

#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Output>,
    client: BytesMut,
    server: BytesMut,
}

impl Outbox {
    pub(super) fn say_to_client(&mut self, bytes: Bytes) {
        if bytes.len() >= LARGE {
            self.flush_client();
            self.queue.push_back(Output::ToClient(bytes));
        } else {
            self.client.extend_from_slice(&bytes);
        }
    }

    /// Where bytes for the client are written in place.
    pub(super) const fn client_buffer(&mut self) -> &mut BytesMut {
        &mut self.client
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
        self.flush_client();
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

    /// Throws everything away.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
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
