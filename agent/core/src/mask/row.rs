//! One pass over a DataRow: runs between masked fields are copied as one slice each.
//!
//! The server is not trusted: every length is checked against the row before it is used.

use bytes::{BufMut, BytesMut};

use super::room::Room;

/// A row that cannot be masked. It is never forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a row that does not fit its description")]
pub struct MaskError;

/// Length of a NULL.
pub(super) const NULL: i32 = -1;

/// A row that is read field by field, and copied behind.
pub(super) struct RowCopy<'row, 'out> {
    row: &'row [u8],
    /// Of the next field that was not read.
    position: usize,
    /// Everything before is in `out`, or masked.
    copied: usize,
    out: &'out mut BytesMut,
}

impl<'row, 'out> RowCopy<'row, 'out> {
    /// Reads the head of the row, which must count `fields`.
    pub(super) fn new(row: &'row [u8], fields: u16, out: &'out mut BytesMut) -> Result<Self, MaskError> {
        let count = row.first_chunk::<2>().ok_or(MaskError)?;
        if u16::from_be_bytes(*count) != fields {
            return Err(MaskError);
        }
        Ok(Self { row, position: count.len(), copied: 0, out })
    }

    /// The next field, read and left as it is.
    pub(super) fn next(&mut self) -> Result<Option<&'row [u8]>, MaskError> {
        let rest = self.row.get(self.position..).ok_or(MaskError)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(MaskError)?;
        self.position += length.len();
        let length = i32::from_be_bytes(*length);
        if length == NULL {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| MaskError)?;
        let value = rest.get(..length).ok_or(MaskError)?;
        self.position += length;
        Ok(Some(value))
    }

    /// Passes over fields that stay as they are.
    pub(super) fn keep(&mut self, fields: u16) -> Result<(), MaskError> {
        for _ in 0..fields {
            self.next()?;
        }
        Ok(())
    }

    /// Replaces the next field by what `mask` writes. A NULL stays NULL.
    pub(super) fn replace(&mut self, mask: impl FnOnce(&[u8], &mut Value<'_>)) -> Result<(), MaskError> {
        self.copy_run()?;
        if let Some(value) = self.next()? {
            Value::write_into(self.out, |cell| mask(value, cell))?;
        } else {
            self.out.put_i32(NULL);
        }
        self.copied = self.position;
        Ok(())
    }

    fn copy_run(&mut self) -> Result<(), MaskError> {
        let run = self.row.get(self.copied..self.position).ok_or(MaskError)?;
        self.out.extend_from_slice(run);
        Ok(())
    }

    /// Copies what is behind the last masked field, which may be `Nothing`.
    pub(super) fn finish(self, tail: Tail) -> Result<(), MaskError> {
        let rest = self.row.get(self.copied..).ok_or(MaskError)?;
        if tail == Tail::Nothing && !rest.is_empty() {
            return Err(MaskError);
        }
        self.out.extend_from_slice(rest);
        Ok(())
    }
}

/// What is behind the last masked field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    Nothing,
    Fields,
}

/// The place of one value in the masked row: its length is written when it is complete.
pub(super) struct Value<'out> {
    out: &'out mut BytesMut,
    start: usize,
    null: bool,
}

impl<'out> Value<'out> {
    fn begin(out: &'out mut BytesMut) -> Self {
        let start = out.len();
        out.put_i32(0);
        Self { out, start, null: false }
    }

    /// Writes one value behind its length, as rows and arrays have it.
    pub(super) fn write_into(
        out: &'out mut BytesMut,
        write: impl FnOnce(&mut Value<'_>),
    ) -> Result<(), MaskError> {
        let mut value = Self::begin(out);
        write(&mut value);
        value.end()
    }

    /// Appends an element of this value behind its length.
    pub(super) fn nested(&mut self, write: impl FnOnce(&mut Value<'_>)) -> Result<(), MaskError> {
        Value::write_into(self.out, write)
    }

    /// Appends to the value.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Takes back what was appended.
    pub(super) fn restart(&mut self) {
        self.out.truncate(self.start + size_of::<i32>());
    }

    /// Cuts an ASCII text, or fills it with spaces, as the server does with a value of this room.
    pub(super) fn fit(&mut self, room: Room) {
        let begin = self.start + size_of::<i32>();
        let (Room::Characters(most) | Room::Padded(most)) = room else { return };
        let end = begin.saturating_add(most);
        if end < self.out.len() {
            self.out.truncate(end);
        } else if matches!(room, Room::Padded(_)) {
            self.out.resize(end, b' ');
        }
    }

    /// Makes it a NULL, whatever was appended.
    pub(super) fn set_null(&mut self) {
        self.null = true;
    }

    fn end(self) -> Result<(), MaskError> {
        let head = self.start + size_of::<i32>();
        let length = if self.null {
            self.out.truncate(head);
            NULL
        } else {
            let length = self.out.len().checked_sub(head).ok_or(MaskError)?;
            i32::try_from(length).map_err(|_| MaskError)?
        };
        let slot = self.out.get_mut(self.start..head).ok_or(MaskError)?;
        slot.copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

impl std::fmt::Write for Value<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
