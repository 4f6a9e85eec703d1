//! COPY to the client: one message is one row, for the server sends them so, but for a line of names at the beginning
//! and a mark at the end, which nobody pays for.

use bytes::Bytes;

use super::{Connection, Passing, respond::Fault, run::width};
use crate::{
    protocol::postgres::frame::HEADER,
    statement::{Effect, Statement},
};

/// What comes before the first row in binary: the signature, flags, and the length of an extension.
const BINARY_HEADER: usize = 19;
/// What ends a COPY in binary, in place of a row's count of fields.
const BINARY_TRAILER: usize = 2;

/// How far a COPY to the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    binary: bool,
    /// A line of names comes first.
    names: bool,
    begun: bool,
}

impl Copied {
    /// `None` if it is something else.
    pub(super) const fn by(facts: &Statement) -> Option<Self> {
        match facts.effect {
            Effect::CopyOut { names } => Some(Self { binary: false, names, begun: false }),
            _ => None,
        }
    }

    /// How many rows a message with a body of this length is: one or none.
    fn rows(&mut self, body: usize) -> u64 {
        let first = !std::mem::replace(&mut self.begun, true);
        let is_none = match (self.binary, first) {
            // The server sends what comes before the first row together with it.
            (true, true) => body == BINARY_HEADER + BINARY_TRAILER,
            (true, false) => body == BINARY_TRAILER,
            (false, first) => first && self.names,
        };
        u64::from(!is_none)
    }
}

impl Connection {
    pub(super) fn is_copying_out(&mut self) -> bool {
        self.current_run().is_some_and(|run| run.copied.is_some())
    }

    /// The server says what it will send.
    pub(super) fn copied_begins(&mut self, response: Bytes) {
        if let Some(run) = self.current_run() {
            run.width = width(&response, 1);
            if let Some(copied) = &mut run.copied {
                copied.binary = response.get(HEADER).is_some_and(|format| *format != 0);
            }
        }
        self.watch_for_persons(None);
        self.outbox.say_to_client(response);
    }

    /// How many rows the next message of a COPY is.
    pub(super) fn copied_rows(&mut self, body: usize) -> u64 {
        self.current_run().and_then(|run| run.copied.as_mut()).map_or(1, |copied| copied.rows(body))
    }

    /// A whole message of a COPY.
    pub(super) fn copied(&mut self, message: Bytes) -> Result<(), Fault> {
        let rows = self.copied_rows(message.len().saturating_sub(HEADER));
        if self.may_give(rows, message.len())? {
            self.gives_content(message.get(HEADER..).unwrap_or_default());
            self.stream(message)?;
        }
        Ok(())
    }

    /// Data that the client is given.
    pub(super) fn gives_content(&mut self, data: &[u8]) {
        if let Some(content) = self.current_run().and_then(|run| run.content.as_mut()) {
            content.take(data);
        }
    }

    /// A row that passes in pieces: all of it, or nothing.
    pub(super) fn start_row(&mut self, rows: u64, header: Bytes, body: usize) -> Result<(), Fault> {
        if self.may_give(rows, header.len() + body)? {
            self.server_part = Passing::Forward;
            return self.stream(header);
        }
        self.server_part = Passing::Drop;
        Ok(())
    }

    /// Whether rows that nobody looks at may leave, as far as anything is limited.
    fn may_give(&mut self, rows: u64, bytes: usize) -> Result<bool, Fault> {
        if !self.gives(rows, bytes) || rows > 0 && !self.may_meet_somebody()? {
            return Ok(false);
        }
        self.pay_rows(|| rows)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_row_is_not_counted_as_one() {
        let count = |binary, names, bodies: &[usize]| {
            let mut copied = Copied { binary, names, begun: false };
            bodies.iter().map(|body| copied.rows(*body)).sum::<u64>()
        };
        assert_eq!(count(false, false, &[2, 21, 2]), 3);
        assert_eq!(count(false, true, &[2, 21, 2]), 2);
        assert_eq!(count(true, false, &[25, 6, 2]), 2);
        assert_eq!(count(true, false, &[21]), 0);
    }
}
