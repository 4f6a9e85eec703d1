//! Masks on the wire: a plan per result description, applied to each row in place.

use bytes::BytesMut;

use crate::{
    catalog::{Catalog, Oid},
    statement::{ProtectedColumn, Protection, Refusal},
};

/// Format of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// One field of a result description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Table of origin; 0 if the field is not a plain column.
    pub relation: Oid,
    /// Attribute number in that table; 0 if the field is not a plain column.
    pub number: i16,
    pub type_oid: Oid,
    pub format: Format,
}

/// Key of all masks of one tenant. It is in no log and no `Debug`.
pub struct MaskKey {
    #[expect(dead_code, reason = "transforms read it")]
    key: [u8; 32],
}

impl MaskKey {
    /// From 32 random bytes that are kept as long as masks shall stay equal.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }
}

/// What to do with each row of one result.
#[derive(Debug, Clone)]
pub struct Plan {
    masked: Vec<ProtectedColumn>,
}

/// A row that cannot be masked. It is never forwarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a row that does not fit its description")]
pub struct MaskError;

impl Plan {
    /// Plans the masks of a result. `None`: rows pass as they are.
    ///
    /// # Errors
    /// The description disagrees with the analysis, or names an origin that the snapshot does not know.
    pub fn new(
        _catalog: &Catalog,
        _protection: &Protection,
        _fields: &[Field],
    ) -> Result<Option<Self>, Refusal> {
        Ok(None)
    }

    /// Columns that are masked.
    #[must_use]
    pub fn masked(&self) -> &[ProtectedColumn] {
        &self.masked
    }

    /// Appends the masked copy of `row` (the body of a DataRow message: count, then length and value of
    /// each field) to `out`. On an error `out` is as it was.
    ///
    /// # Errors
    /// The row does not fit the plan.
    pub fn apply(&self, _key: &MaskKey, _row: &[u8], _out: &mut BytesMut) -> Result<(), MaskError> {
        Err(MaskError)
    }
}
