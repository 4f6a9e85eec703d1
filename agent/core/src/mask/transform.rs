//! What is done to the values of one field, chosen once per result by label, type and format.

use connect_shared::label::Label;

use super::{
    array,
    canonical::{Reviewed, with_canonical},
    key::MaskKey,
    known::known,
    neutral::{Neutral, neutral},
    plan::{Field, Format},
    render,
    room::Room,
    row::Value,
    types::*,
};
use crate::catalog::{Catalog, Oid};

/// The mask of one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transform {
    method: Method<Shape>,
    /// For what has no mask of its own.
    neutral: Neutral,
    room: Room,
}

/// How a column is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method<Keyed> {
    /// The same for every value.
    Neutral,
    /// By the value's keyed digest.
    Keyed(Keyed),
    /// An array, by the keyed digest of each element.
    Elements(Keyed),
}

/// The mask of one value that is no array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) label: Label,
    pub(super) reviewed: Reviewed,
    pub(super) format: Format,
    pub(super) room: Room,
    neutral: Neutral,
}

impl Transform {
    pub(super) fn new(catalog: &Catalog, label: Label, field: &Field) -> Self {
        let type_oid = known(catalog, field.type_oid);
        let shape = |scalar: u32, reviewed| Shape {
            label,
            reviewed,
            format: field.format,
            room: Room::new(scalar, field.modifier),
            neutral: neutral(label, scalar, field.format),
        };
        let method = match method(catalog, label, type_oid) {
            Method::Neutral => Method::Neutral,
            Method::Keyed(reviewed) => Method::Keyed(shape(type_oid, reviewed)),
            Method::Elements(reviewed) => {
                Method::Elements(shape(element(type_oid).unwrap_or(type_oid), reviewed))
            }
        };
        let neutral = match neutral(label, type_oid, field.format) {
            // The array's own element type, where another stands for it here.
            Neutral::EmptyArray(_) if type_oid != field.type_oid.0 => {
                let own = catalog.code.types.get(&field.type_oid).map_or(Oid(0), |known| known.element);
                Neutral::EmptyArray(own.0)
            }
            other => other,
        };
        Self { method, neutral, room: Room::new(type_oid, field.modifier) }
    }

    /// Writes the mask of `clear`.
    pub(super) fn write(&self, key: &MaskKey, clear: &[u8], out: &mut Value<'_>) {
        let written = match &self.method {
            Method::Neutral => None,
            Method::Keyed(shape) => return shape.write(key, clear, out),
            Method::Elements(shape) => array::write(shape, key, clear, out),
        };
        if written.is_none() {
            out.restart();
            self.neutral.write(self.room, clear, out);
        }
    }
}

impl Shape {
    /// Writes the mask of `clear`, or its neutral value if it cannot be read.
    pub(super) fn write(&self, key: &MaskKey, clear: &[u8], out: &mut Value<'_>) {
        let written = with_canonical(self.reviewed, self.format, clear, |canonical| {
            let digest = key.digest(self.label, canonical)?;
            render::value(self, &digest, canonical, clear, out);
            Some(())
        });
        if written.is_none() {
            self.neutral.write(self.room, clear, out);
        }
    }
}

/// Whether a column's equal values have equal masks of their own; else one constant stands for all.
#[must_use]
pub fn is_keyed(catalog: &Catalog, label: Label, type_oid: Oid) -> bool {
    method(catalog, label, known(catalog, type_oid)) != Method::Neutral
}

/// `type_oid` as [`known`] has it.
pub(super) fn method(catalog: &Catalog, label: Label, type_oid: u32) -> Method<Reviewed> {
    // Canonical bytes are UTF-8, and the server can give only the bytes that it has without an error.
    if !catalog.utf8 {
        return Method::Neutral;
    }
    let keyed = |scalar| reviewed(scalar).filter(|_| shows_equality(label, scalar));
    match element(type_oid) {
        Some(element) => keyed(element).map_or(Method::Neutral, Method::Elements),
        None => keyed(type_oid).map_or(Method::Neutral, Method::Keyed),
    }
}

/// Whether equal values may be seen to be equal. Not where few values are possible or where nothing is
/// won by it: a secret, a diagnosis, a text, a place.
pub(crate) const fn shows_equality(label: Label, type_oid: u32) -> bool {
    match label {
        Label::Email
        | Label::Phone
        | Label::PersonName
        | Label::BirthDate
        | Label::Address
        | Label::NationalId
        | Label::NetworkAddress
        | Label::Iban => true,
        // A card as a number has no room for its form.
        Label::Card => matches!(type_oid, TEXT | VARCHAR | BPCHAR | CITEXT),
        // A salary in words cannot look like one.
        Label::Salary => !matches!(type_oid, TEXT | VARCHAR | BPCHAR | NAME | CITEXT),
        Label::Location
        | Label::Health
        | Label::FreeText
        | Label::Secret
        | Label::Confidential
        | Label::Unscanned => false,
    }
}

/// Hands a value to `take` in bytes that are the same in both formats, where its type has such.
pub(crate) fn canonical(type_oid: u32, format: Format, value: &[u8], mut take: impl FnMut(&[u8])) {
    let taken = reviewed(type_oid).and_then(|reviewed| {
        with_canonical(reviewed, format, value, |bytes| {
            take(bytes);
            Some(())
        })
    });
    if taken.is_none() {
        take(value);
    }
}

const fn reviewed(type_oid: u32) -> Option<Reviewed> {
    Some(match type_oid {
        TEXT | VARCHAR | NAME => Reviewed::Text,
        BPCHAR => Reviewed::Padded,
        CITEXT => Reviewed::Folded,
        INT2 => Reviewed::Int2,
        INT4 => Reviewed::Int4,
        INT8 => Reviewed::Int8,
        NUMERIC => Reviewed::Numeric,
        DATE => Reviewed::Date,
        TIMESTAMP => Reviewed::Timestamp,
        TIMESTAMPTZ => Reviewed::TimestampTz,
        UUID => Reviewed::Uuid,
        INET => Reviewed::Inet,
        BYTEA => Reviewed::Bytea,
        JSON => Reviewed::Json,
        JSONB => Reviewed::Jsonb,
        _ => return None,
    })
}
