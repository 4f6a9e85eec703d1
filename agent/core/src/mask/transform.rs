//! What is done to the values of one field, chosen once per result by label, type and format.

use connect_shared::label::Label;

use super::{
    canonical::{Reviewed, with_canonical},
    key::MaskKey,
    neutral::{Neutral, neutral},
    plan::Format,
    render,
    row::Value,
    types::*,
};
use crate::catalog::Oid;

/// The mask of one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transform {
    label: Label,
    format: Format,
    method: Method,
    /// For what has no mask of its own.
    neutral: Neutral,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// The same for every value.
    Neutral,
    /// By the value's keyed digest.
    Keyed(Reviewed),
}

impl Transform {
    pub(super) fn new(label: Label, type_oid: u32, format: Format) -> Self {
        Self { label, format, method: method(label, type_oid), neutral: neutral(label, type_oid, format) }
    }

    /// Writes the mask of `clear`.
    pub(super) fn write(&self, key: &MaskKey, clear: &[u8], out: &mut Value<'_>) {
        let Method::Keyed(reviewed) = self.method else { return self.write_neutral(out) };
        let digest =
            with_canonical(reviewed, self.format, clear, |canonical| key.digest(self.label, canonical));
        match digest {
            Some(digest) => render::value(reviewed, self.label, self.format, &digest, clear, out),
            None => self.write_neutral(out),
        }
    }

    fn write_neutral(&self, out: &mut Value<'_>) {
        match self.neutral {
            Neutral::Bytes(bytes) => out.put(bytes),
            Neutral::EmptyArray(element) => {
                // No dimensions, no NULLs, the element type.
                out.put(&[0; 8]);
                out.put(&element.to_be_bytes());
            }
            Neutral::Null => out.set_null(),
        }
    }
}

/// Whether a column's equal values have equal masks of their own; else one constant stands for all.
#[must_use]
pub const fn is_keyed(label: Label, type_oid: Oid) -> bool {
    matches!(method(label, type_oid.0), Method::Keyed(_))
}

const fn method(label: Label, type_oid: u32) -> Method {
    match (shows_equality(label, type_oid), reviewed(type_oid)) {
        (true, Some(reviewed)) => Method::Keyed(reviewed),
        _ => Method::Neutral,
    }
}

/// Whether equal values may be seen to be equal. Not where few values are possible or where nothing is
/// won by it: a secret, a diagnosis, a text, a place.
const fn shows_equality(label: Label, type_oid: u32) -> bool {
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
        Label::Card => matches!(type_oid, TEXT | VARCHAR | BPCHAR),
        // A salary in words cannot look like one.
        Label::Salary => !matches!(type_oid, TEXT | VARCHAR | BPCHAR),
        Label::Location
        | Label::Health
        | Label::FreeText
        | Label::Secret
        | Label::Confidential
        | Label::Unscanned => false,
    }
}

const fn reviewed(type_oid: u32) -> Option<Reviewed> {
    Some(match type_oid {
        TEXT | VARCHAR | NAME => Reviewed::Text,
        BPCHAR => Reviewed::Padded,
        INT2 => Reviewed::Int2,
        INT4 => Reviewed::Int4,
        INT8 => Reviewed::Int8,
        NUMERIC => Reviewed::Numeric,
        DATE => Reviewed::Date,
        TIMESTAMP => Reviewed::Timestamp,
        TIMESTAMPTZ => Reviewed::TimestampTz,
        UUID => Reviewed::Uuid,
        INET => Reviewed::Inet,
        _ => return None,
    })
}
