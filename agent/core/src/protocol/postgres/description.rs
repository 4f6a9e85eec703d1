//! RowDescription: the server's own word on where each field of a result comes from.

use bytes::Bytes;

use super::reader::{Reader, Short};
use crate::{
    catalog::Oid,
    mask::{Field, Format},
};

/// The server broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a malformed result description")]
pub struct MalformedDescription;

/// Reads the body of a RowDescription.
///
/// # Errors
/// The server's violation.
pub fn read(body: Bytes) -> Result<Vec<Field>, MalformedDescription> {
    fields(body).map_err(|_| MalformedDescription)
}

fn fields(body: Bytes) -> Result<Vec<Field>, Short> {
    let mut reader = Reader::new(body);
    let count = reader.count()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let _name = reader.text()?;
        let relation = Oid(reader.u32()?);
        let number = reader.i16()?;
        let type_oid = Oid(reader.u32()?);
        let (_size, modifier) = (reader.i16()?, reader.i32()?);
        let format = match reader.i16()? {
            0 => Format::Text,
            1 => Format::Binary,
            _ => return Err(Short),
        };
        fields.push(Field { relation, number, type_oid, modifier, format });
    }
    if reader.is_empty() { Ok(fields) } else { Err(Short) }
}
