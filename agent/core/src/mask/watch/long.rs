//! Rows that are too long to be kept: their values pass in pieces, and are crossed out from where they show what they
//! are. What leaves is as long as what came, since the length of it has left already.

use bytes::{BufMut, BytesMut};

use super::{
    Sighting, Watch,
    cells::{Lines, Reader, Step},
    crossed::{self, Crossed},
};
use crate::mask::row::MaskError;

/// What takes the place of what is crossed out in rows.
const FILLER: u8 = b'*';

/// A message of which one row, or data of a COPY, come in pieces.
#[derive(Debug)]
pub struct Long {
    watch: Watch,
    /// Number of the value, from 0.
    at: u16,
    value: Crossed,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Lines {
        reader: Reader,
        /// These are the names of the columns.
        names: bool,
        /// What may belong to the value, or end it.
        mark: Option<u8>,
        /// Nothing came behind the end of a line.
        has_ended: bool,
    },
    Row {
        /// Of what comes before the row.
        before: usize,
        place: Place,
        /// Of a count or length, what has come.
        number: Vec<u8>,
    },
}

/// What comes next of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Count,
    Length,
    /// So many bytes of a value.
    Value(usize),
}

impl Long {
    /// A row, with so many bytes before it.
    #[must_use]
    pub fn row(watch: Watch, before: usize) -> Self {
        let shape = Shape::Row { before, place: Place::Count, number: Vec::new() };
        Self { watch, at: 0, value: Crossed::new(FILLER), shape }
    }

    pub(super) fn lines(watch: Watch, lines: Lines, names: bool) -> Self {
        let shape = Shape::Lines { reader: Reader::new(lines), names, mark: None, has_ended: true };
        Self { watch, at: 0, value: Crossed::new(lines.filler()), shape }
    }

    /// Appends what may leave of more bytes, and tells what was seen. The end of a value is held until it has come.
    ///
    /// # Errors
    /// They are not as they were said to be.
    pub fn take(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<Vec<Sighting>, MaskError> {
        let mut seen = Vec::new();
        match self.shape {
            Shape::Lines { .. } => bytes.iter().for_each(|byte| self.byte(*byte, &mut seen, out)),
            Shape::Row { .. } => self.parts(bytes, &mut seen, out)?,
        }
        Ok(seen)
    }

    /// The message has ended: the rest of it leaves.
    ///
    /// # Errors
    /// It ends within a row or line.
    pub fn end(&mut self, out: &mut BytesMut) -> Result<Vec<Sighting>, MaskError> {
        let mut seen = Vec::new();
        let is_whole = match &self.shape {
            Shape::Lines { has_ended, .. } => *has_ended,
            Shape::Row { place, number, .. } => {
                *place == Place::Length && number.is_empty() && self.at == self.watch.fields
            }
        };
        if !is_whole {
            return Err(MaskError);
        }
        self.end_value(&mut seen, out);
        self.unmark(out);
        Ok(seen)
    }

    /// A byte of a line.
    fn byte(&mut self, byte: u8, seen: &mut Vec<Sighting>, out: &mut BytesMut) {
        let Shape::Lines { reader, mark, has_ended, .. } = &mut self.shape else { return };
        let step = reader.step(byte);
        *has_ended = step == Step::EndOfLine;
        match step {
            Step::Mark => *mark = Some(byte),
            Step::Value(meant) => match mark.take() {
                Some(mark) => self.more(&[mark, byte], &[meant], seen, out),
                None => self.more(&[byte], &[meant], seen, out),
            },
            Step::Open => out.put_u8(byte),
            step => {
                self.end_value(seen, out);
                self.unmark(out);
                out.put_u8(byte);
                match step {
                    Step::EndOfCell => self.at = self.at.saturating_add(1),
                    Step::EndOfLine => self.end_line(),
                    _ => {}
                }
            }
        }
    }

    fn end_line(&mut self) {
        self.at = 0;
        if let Shape::Lines { names, .. } = &mut self.shape {
            *names = false;
        }
    }

    /// A sign that belonged to no value leaves behind it.
    fn unmark(&mut self, out: &mut BytesMut) {
        if let Shape::Lines { mark, .. } = &mut self.shape {
            out.extend(mark.take());
        }
    }

    /// Bytes of a row.
    fn parts(
        &mut self,
        mut bytes: &[u8],
        seen: &mut Vec<Sighting>,
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        while let Some(byte) = bytes.first() {
            let Shape::Row { before, place, number } = &mut self.shape else { return Err(MaskError) };
            let taken = match place {
                _ if *before > 0 => {
                    let taken = bytes.len().min(*before);
                    *before -= taken;
                    out.extend_from_slice(bytes.get(..taken).unwrap_or_default());
                    taken
                }
                Place::Value(left) => {
                    let piece = crossed::piece(bytes.get(..bytes.len().min(*left)).unwrap_or_default());
                    *left -= piece.len();
                    let ends = *left == 0;
                    self.more(piece, piece, seen, out);
                    if ends {
                        self.next_value(seen, out);
                    }
                    piece.len()
                }
                Place::Count | Place::Length => {
                    number.push(*byte);
                    out.put_u8(*byte);
                    self.number(seen, out)?;
                    1
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// A count or length, if all of it has come.
    fn number(&mut self, seen: &mut Vec<Sighting>, out: &mut BytesMut) -> Result<(), MaskError> {
        let Shape::Row { place, number, .. } = &mut self.shape else { return Ok(()) };
        if *place == Place::Length && self.at >= self.watch.fields {
            return Err(MaskError);
        }
        match (*place, number.as_slice()) {
            (Place::Count, [high, low]) => {
                if u16::from_be_bytes([*high, *low]) != self.watch.fields {
                    return Err(MaskError);
                }
                *place = Place::Length;
            }
            (Place::Length, bytes @ [_, _, _, _]) => {
                let length = bytes.first_chunk().copied().map(i32::from_be_bytes);
                match length.map(usize::try_from) {
                    Some(Ok(length)) if length > 0 => *place = Place::Value(length),
                    _ if length.is_some_and(|length| length < -1) => return Err(MaskError),
                    _ => self.next_value(seen, out),
                }
            }
            _ => return Ok(()),
        }
        if let Shape::Row { number, .. } = &mut self.shape {
            number.clear();
        }
        Ok(())
    }

    fn next_value(&mut self, seen: &mut Vec<Sighting>, out: &mut BytesMut) {
        self.end_value(seen, out);
        self.at = self.at.saturating_add(1);
        if let Shape::Row { place, .. } = &mut self.shape {
            *place = Place::Length;
        }
    }

    /// More of the value.
    fn more(&mut self, written: &[u8], meant: &[u8], seen: &mut Vec<Sighting>, out: &mut BytesMut) {
        let names = matches!(self.shape, Shape::Lines { names: true, .. });
        let Some(place) = self.watch.place(self.at).filter(|_| !names) else {
            return out.extend_from_slice(written);
        };
        let is_shown = |label| self.watch.is_shown(label, place);
        let label = self.value.take(written, meant, is_shown, out);
        seen.extend(label.map(|label| Sighting { at: self.at, field: place.field, label }));
    }

    fn end_value(&mut self, seen: &mut Vec<Sighting>, out: &mut BytesMut) {
        let Some(place) = self.watch.place(self.at) else { return };
        let label = self.value.end(|label| self.watch.is_shown(label, place), out);
        seen.extend(label.map(|label| Sighting { at: self.at, field: place.field, label }));
    }
}

#[cfg(test)]
mod tests;
