//! Data of a COPY to the client: its values are looked at as those of rows are, and masked in their place.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::{
    Long, Sighting, Watch,
    cells::{Lines, Reader, Step},
    origins::results,
};
use crate::{
    catalog::{Catalog, Oid},
    label::sight,
    lineage::{Lineage, Status},
    mask::{
        key::MaskKey,
        plan::{Field, Format},
        row::MaskError,
        types::TEXT,
    },
    statement::Protection,
    understand::{base_type, column_modifier},
};

/// Longest part of a line or row that is kept until the rest of it comes in another message: the server ends them
/// together.
const MOST_PENDING: usize = 64 << 10;

/// What comes before the first row in binary, without an extension: signature, flags, length of the extension.
pub(super) const SIGNATURE: usize = 19;

/// Looks at the data of one COPY.
#[derive(Debug)]
pub struct CopyWatch {
    pub(super) watch: Watch,
    pub(super) written: Written,
    /// The first line has the names of the columns, and has not come.
    pub(super) names: bool,
    /// What comes before the first row has come.
    pub(super) begun: bool,
    /// A line or row whose end has not come.
    pending: BytesMut,
}

/// How the data are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Lines(Lines),
    Binary,
}

impl CopyWatch {
    /// `None`: nothing of it is to be looked at. `width`: how many columns the server says there are.
    #[must_use]
    pub fn new(
        catalog: &Catalog,
        protection: &Protection,
        lineage: &Lineage,
        (written, width, names): (Written, u16, bool),
    ) -> Option<Self> {
        let format = if written == Written::Binary { Format::Binary } else { Format::Text };
        let fields = fields(catalog, lineage, width, format);
        let watch = Watch::new(catalog, protection, lineage, &fields)?;
        Some(Self { watch, written, names, begun: false, pending: BytesMut::new() })
    }

    /// Whether a whole message can pass as it is.
    #[must_use]
    pub fn passes(&mut self, data: &[u8]) -> bool {
        let whole = match self.written {
            Written::Lines(lines) => lines.is_plain() && lines.are_whole(data),
            Written::Binary => self.begun && row(data).is_some_and(|row| row.len() == data.len()),
        };
        let passes = whole && self.pending.is_empty() && !sight::may_show(data);
        if passes {
            self.names = false;
        }
        passes
    }

    /// Appends what may leave of more data, and tells what was seen in it.
    ///
    /// # Errors
    /// It is not as it was said to be.
    pub fn take(
        &mut self,
        catalog: &Catalog,
        key: &MaskKey,
        data: &[u8],
        out: &mut BytesMut,
    ) -> Result<Vec<Sighting>, MaskError> {
        let mut all = Cow::Borrowed(data);
        if !self.pending.is_empty() {
            all = Cow::Owned([&std::mem::take(&mut self.pending)[..], data].concat());
        }
        let mut shaping = Shaping { catalog, key, seen: Vec::new(), out };
        let taken = match self.written {
            Written::Lines(lines) => self.lines(lines, &all, &mut shaping)?,
            Written::Binary => self.rows(&all, &mut shaping)?,
        };
        let rest = all.get(taken..).unwrap_or_default();
        if rest.len() > MOST_PENDING {
            return Err(MaskError);
        }
        self.pending.extend_from_slice(rest);
        Ok(shaping.seen)
    }

    /// The data have ended: a line without an end is the last.
    ///
    /// # Errors
    /// They end within a row.
    pub fn end(
        &mut self,
        catalog: &Catalog,
        key: &MaskKey,
        out: &mut BytesMut,
    ) -> Result<Vec<Sighting>, MaskError> {
        match self.written {
            _ if self.pending.is_empty() => Ok(Vec::new()),
            Written::Binary => Err(MaskError),
            Written::Lines(lines) => {
                let mut shaped = BytesMut::new();
                let seen = self.take(catalog, key, b"\n", &mut shaped)?;
                // A sign of the end is no part of what was sent.
                let kept = shaped.len().saturating_sub(1);
                out.extend_from_slice(shaped.get(..kept).unwrap_or_default());
                if self.pending.is_empty() { Ok(seen) } else { self.end_within(lines, out) }
            }
        }
    }

    /// Nothing of a value whose quotes nobody closes.
    fn end_within(&mut self, lines: Lines, out: &mut BytesMut) -> Result<Vec<Sighting>, MaskError> {
        let length = self.pending.len().saturating_sub(1);
        self.pending.clear();
        out.put_bytes(lines.filler(), length);
        Ok(Vec::new())
    }

    /// A message of this length that will not come as a whole.
    ///
    /// # Errors
    /// A line or row has begun before it.
    pub fn long(&mut self) -> Result<Long, MaskError> {
        if !self.pending.is_empty() {
            return Err(MaskError);
        }
        let (names, begun) = (self.names, self.begun);
        (self.names, self.begun) = (false, true);
        Ok(match self.written {
            Written::Lines(lines) => Long::lines(self.watch.clone(), lines, names),
            Written::Binary => Long::row(self.watch.clone(), if begun { 0 } else { SIGNATURE }),
        })
    }

    /// Whole lines; gives how much of the data they are.
    fn lines(&mut self, lines: Lines, data: &[u8], shaping: &mut Shaping<'_>) -> Result<usize, MaskError> {
        let mut line = Line { lines, reader: Reader::new(lines), at: 0, start: 0, value: Vec::new() };
        let mut taken = 0;
        // Of the line that has begun: if its end has not come, it is read again.
        let (mut shaped, mut seen) = (BytesMut::new(), Vec::new());
        for (place, byte) in data.iter().enumerate() {
            let step = line.reader.step(*byte);
            if let Step::Value(byte) = step {
                line.value.push(byte);
            }
            if !matches!(step, Step::EndOfCell | Step::EndOfLine) {
                continue;
            }
            let cell = data.get(line.start..place).unwrap_or_default();
            let watch = (!self.names).then_some(&self.watch);
            seen.extend(line.cell(watch, cell, shaping, &mut shaped)?);
            shaped.extend_from_slice(&[*byte]);
            line.start = place + 1;
            line.at = line.at.saturating_add(1);
            if step == Step::EndOfLine {
                (taken, line.at, self.names) = (place + 1, 0, false);
                shaping.out.extend_from_slice(&shaped.split());
                shaping.seen.append(&mut seen);
            }
        }
        Ok(taken)
    }

    /// Whole rows in binary; gives how much of the data they are.
    fn rows(&mut self, data: &[u8], shaping: &mut Shaping<'_>) -> Result<usize, MaskError> {
        let mut taken = 0;
        if !self.begun {
            let Some(length) = header(data) else { return Ok(0) };
            let Some(header) = data.get(..length) else { return Ok(0) };
            shaping.out.extend_from_slice(header);
            (taken, self.begun) = (length, true);
        }
        while let Some(row) = data.get(taken..).and_then(row) {
            taken += row.len();
            if row == [0xff, 0xff] {
                shaping.out.extend_from_slice(row);
                continue;
            }
            let seen = self.watch.sightings(row)?;
            self.watch.hide(shaping.catalog, shaping.key, row, &seen, shaping.out)?;
            shaping.seen.extend(seen);
        }
        Ok(taken)
    }
}

/// What masks are made with, what was seen, and where all of it goes.
struct Shaping<'a> {
    catalog: &'a Catalog,
    key: &'a MaskKey,
    seen: Vec<Sighting>,
    out: &'a mut BytesMut,
}

/// A line on its way.
struct Line {
    lines: Lines,
    reader: Reader,
    /// Number of the value, from 0.
    at: u16,
    /// Where it begins as it is written.
    start: usize,
    value: Vec<u8>,
}

impl Line {
    /// Appends a value that has ended, as it is written or masked.
    fn cell(
        &mut self,
        watch: Option<&Watch>,
        written: &[u8],
        shaping: &Shaping<'_>,
        out: &mut BytesMut,
    ) -> Result<Option<Sighting>, MaskError> {
        let value = std::mem::take(&mut self.value);
        let seen = watch.and_then(|watch| watch.seen_in(self.at, &value));
        match &seen {
            Some(sighting) => {
                let mask = sighting.mask(shaping.catalog, shaping.key, &value)?;
                self.lines.write(&mask, out);
            }
            None => out.extend_from_slice(written),
        }
        Ok(seen)
    }
}

/// How long the beginning of data in binary is; `None` before that is known.
fn header(data: &[u8]) -> Option<usize> {
    let extension = data.get(SIGNATURE - 4..)?.first_chunk()?;
    Some(SIGNATURE.saturating_add(u32::from_be_bytes(*extension) as usize))
}

/// The first row, or what ends them, if all of it is there.
fn row(data: &[u8]) -> Option<&[u8]> {
    let count = data.first_chunk::<2>()?;
    let fields = u16::try_from(i16::from_be_bytes(*count)).unwrap_or(0);
    let mut end = count.len();
    for _ in 0..fields {
        let length = data.get(end..)?.first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        end = end.checked_add(4)?.checked_add(length)?;
    }
    data.get(..end)
}

/// Columns of the data, of which the server says no more than how many they are.
fn fields(catalog: &Catalog, lineage: &Lineage, width: u16, format: Format) -> Vec<Field> {
    let columns = results(lineage, usize::from(width)).unwrap_or_default();
    let known = lineage.status != Status::Opaque;
    // Of what is not known it could be a text.
    let text = Field { relation: Oid(0), number: 0, type_oid: Oid(TEXT), modifier: -1, format };
    let fields = (0..usize::from(width)).map(|place| {
        let Some(output) = columns.get(place).filter(|_| known) else { return text };
        let stored = output.identity.and_then(|id| {
            let column = catalog.relation(id.relation)?.column(id.number)?;
            Some((id, column))
        });
        match stored {
            Some((id, column)) => Field {
                relation: id.relation,
                number: id.number,
                type_oid: base_type(catalog, column.type_oid),
                modifier: column_modifier(column, catalog).0,
                format,
            },
            None if output.type_oid.0 == 0 => text,
            None => Field { type_oid: base_type(catalog, output.type_oid), ..text },
        }
    });
    fields.collect()
}

#[cfg(test)]
mod tests;
