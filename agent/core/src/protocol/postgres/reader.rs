//! Reads fields from the front of a message body. Every read is checked; nothing is copied.

use bytes::{Buf, Bytes};

/// The body ended early, or a text has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short;

/// A message body, read from the front.
#[derive(Clone)]
pub(super) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(super) const fn new(body: Bytes) -> Self {
        Self { rest: body }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Short> {
        self.rest.try_get_u8().map_err(|_| Short)
    }

    pub(super) fn i16(&mut self) -> Result<i16, Short> {
        self.rest.try_get_i16().map_err(|_| Short)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Short> {
        self.rest.try_get_i32().map_err(|_| Short)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Short> {
        self.rest.try_get_u32().map_err(|_| Short)
    }

    /// A count that must not be negative.
    pub(super) fn count(&mut self) -> Result<usize, Short> {
        usize::try_from(self.i16()?).map_err(|_| Short)
    }

    /// Text up to its NUL, without it.
    pub(super) fn text(&mut self) -> Result<Bytes, Short> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Short)?;
        let text = self.rest.split_to(end);
        self.rest.advance(1);
        Ok(text)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<Bytes, Short> {
        if self.rest.len() < length {
            return Err(Short);
        }
        Ok(self.rest.split_to(length))
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(self) -> Bytes {
        self.rest
    }
}
