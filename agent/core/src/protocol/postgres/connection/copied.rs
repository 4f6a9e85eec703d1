//! COPY to the client: one message is one row, for the server sends them so, but for a line of names at the beginning
//! and a mark at the end, which nobody pays for.

use bytes::{Bytes, BytesMut};

use super::{
    Connection, Passing,
    respond::{Fault, violation},
    rows::{MAX_MASKED_ROW, message},
    run::{Run, width},
};
use crate::{
    catalog::Catalog,
    mask::{CopyWatch, Lines, Long, MaskError, MaskKey, Sighting, Written},
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
    /// How the lines are written, unless it is in binary.
    lines: Lines,
    begun: bool,
}

impl Copied {
    /// `None` if it is something else.
    pub(super) const fn by(facts: &Statement) -> Option<Self> {
        match facts.effect {
            Effect::CopyOut { names, lines } => Some(Self { binary: false, names, lines, begun: false }),
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
        self.watch_data();
        self.watch_for_persons(None);
        self.outbox.say_to_client(response);
    }

    /// Finds out which of its columns are looked at.
    fn watch_data(&mut self) {
        let Some(catalog) = self.setup.catalog.clone() else { return };
        let Some(run) = self.current_run() else { return };
        let (Some(copied), Ok(width)) = (run.copied, u16::try_from(run.width)) else { return };
        let written = if copied.binary { Written::Binary } else { Written::Lines(copied.lines) };
        let names = copied.names && !copied.binary;
        let facts = &run.facts;
        let watch = CopyWatch::new(&catalog, &facts.protection, &facts.lineage, (written, width, names));
        run.copy_watch = watch.map(Box::new);
    }

    /// Up to which length data of a COPY must be whole.
    pub(super) fn longest_whole_data(&mut self) -> usize {
        let is_looked_at = self.current_run().is_some_and(|run| run.copy_watch.is_some());
        if is_looked_at { MAX_MASKED_ROW } else { self.held() }
    }

    /// How many rows the next message of a COPY is.
    pub(super) fn copied_rows(&mut self, body: usize) -> u64 {
        self.current_run().and_then(|run| run.copied.as_mut()).map_or(1, |copied| copied.rows(body))
    }

    /// A whole message of a COPY.
    pub(super) fn copied(&mut self, message: Bytes) -> Result<(), Fault> {
        let rows = self.copied_rows(message.len().saturating_sub(HEADER));
        if !self.may_give(rows, message.len())? {
            return Ok(());
        }
        let data = message.get(HEADER..).unwrap_or_default();
        let watch = self.current_run().and_then(|run| run.copy_watch.as_mut());
        if watch.is_none_or(|watch| watch.passes(data)) {
            self.gives_content(data);
            return self.stream(message);
        }
        self.shape_data(data)
    }

    /// Data whose values are looked at one by one.
    fn shape_data(&mut self, data: &[u8]) -> Result<(), Fault> {
        let mut shaped = BytesMut::with_capacity(data.len() + data.len() / 8);
        self.look_at_data(|watch, (catalog, key)| watch.take(catalog, key, data, &mut shaped))?;
        self.say_data(&shaped)
    }

    /// The end of the data, and before it what was held of them.
    pub(super) fn copied_ends(&mut self, end: Bytes) -> Result<(), Fault> {
        let mut shaped = BytesMut::new();
        self.look_at_data(|watch, (catalog, key)| watch.end(catalog, key, &mut shaped))?;
        self.say_data(&shaped)?;
        self.outbox.say_to_client(end);
        Ok(())
    }

    fn say_data(&mut self, data: &[u8]) -> Result<(), Fault> {
        if data.is_empty() {
            return Ok(());
        }
        self.gives_content(data);
        let written = self.outbox.write_to_client(|out| {
            message(b'd', out, |out| {
                out.extend_from_slice(data);
                Ok::<_, MaskError>(())
            })
        })?;
        self.count_bytes(written);
        Ok(())
    }

    fn look_at_data(
        &mut self,
        look: impl FnOnce(&mut CopyWatch, (&Catalog, &MaskKey)) -> Result<Vec<Sighting>, MaskError>,
    ) -> Result<(), Fault> {
        let (catalog, key) = (self.setup.catalog.clone(), self.setup.mask_key.clone());
        let Some(run) = self.current_run() else { return Ok(()) };
        let Some(watch) = &mut run.copy_watch else { return Ok(()) };
        let catalog = catalog.ok_or_else(|| violation("data without a catalog"))?;
        let seen = look(watch, (&catalog, &key))?;
        run.saw(&seen, &catalog);
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
            if let Some(run) = self.current_run() {
                let row = || run.watch.clone().map(|watch| Long::row(watch, 0));
                let long = match &mut run.copy_watch {
                    Some(watch) => Some(watch.long()?),
                    None => row(),
                };
                run.long = long.map(Box::new);
            }
            return self.stream(header);
        }
        self.server_part = Passing::Drop;
        Ok(())
    }

    /// A piece of a row or of data.
    pub(super) fn stream_part(&mut self, bytes: Bytes) -> Result<(), Fault> {
        let ends = !self.server.is_inside_message();
        let catalog = self.setup.catalog.clone();
        let shaped = match (self.current_run(), catalog) {
            (Some(run), Some(catalog)) => run.shape_part(&bytes, ends, &catalog)?,
            _ => None,
        };
        let bytes = shaped.unwrap_or(bytes);
        self.gives_content(&bytes);
        self.stream(bytes)
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

impl Run {
    /// The next piece of a row that is looked at as it passes; `None` if nobody looks.
    fn shape_part(
        &mut self,
        bytes: &[u8],
        ends: bool,
        catalog: &Catalog,
    ) -> Result<Option<Bytes>, MaskError> {
        let Some(mut long) = self.long.take() else { return Ok(None) };
        let mut out = BytesMut::with_capacity(bytes.len());
        let mut seen = long.take(bytes, &mut out)?;
        if ends {
            seen.extend(long.end(&mut out)?);
        } else {
            self.long = Some(long);
        }
        self.saw(&seen, catalog);
        Ok(Some(out.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_row_is_not_counted_as_one() {
        let count = |binary, names, bodies: &[usize]| {
            let mut copied = Copied { binary, names, lines: Lines::TEXT, begun: false };
            bodies.iter().map(|body| copied.rows(*body)).sum::<u64>()
        };
        assert_eq!(count(false, false, &[2, 21, 2]), 3);
        assert_eq!(count(false, true, &[2, 21, 2]), 2);
        assert_eq!(count(true, false, &[25, 6, 2]), 2);
        assert_eq!(count(true, false, &[21]), 0);
    }
}
