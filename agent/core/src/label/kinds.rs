//! Types as the rules see them.

use crate::{catalog::Oid, mask::types::*};

/// What a type can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Documents and lists of texts: json, xml, text[] …
    Document,
    Bytes,
    Number,
    Temporal,
    Boolean,
    /// inet, macaddr
    Network,
    Geometry,
    /// Words of some text.
    SearchVector,
    /// A type of an extension or of one's own: domain, enum, citext, vector …
    Custom,
    /// uuid, oid, ranges …: identifiers and technical values.
    Technical,
}

const FIRST_CUSTOM: u32 = crate::catalog::FIRST_NORMAL_OID;

impl Kind {
    pub(super) fn of(type_oid: Oid) -> Self {
        match type_oid.0 {
            TEXT | VARCHAR | BPCHAR | NAME => Self::Text,
            JSON | JSONB | XML => Self::Document,
            BYTEA => Self::Bytes,
            INT2 | INT4 | INT8 | FLOAT4 | FLOAT8 | NUMERIC | MONEY => Self::Number,
            DATE | TIMESTAMP | TIMESTAMPTZ | TIME | TIMETZ | INTERVAL => Self::Temporal,
            BOOL => Self::Boolean,
            INET | MACADDR | MACADDR8 => Self::Network,
            POINT | LSEG | PATH | BOX | POLYGON | LINE | CIRCLE => Self::Geometry,
            TSVECTOR | TSQUERY => Self::SearchVector,
            custom if custom >= FIRST_CUSTOM => Self::Custom,
            array => element(array).map_or(Self::Technical, Self::of_array),
        }
    }

    fn of_array(element: u32) -> Self {
        match Self::of(Oid(element)) {
            Self::Text | Self::Document | Self::Bytes => Self::Document,
            other => other,
        }
    }

    /// Whether only a look at values can tell that it is harmless.
    pub(super) const fn needs_content(self) -> bool {
        matches!(self, Self::Text | Self::Document | Self::Bytes | Self::Custom)
    }
}

/// Whether [`super::discover`] wants samples of a column of this type.
#[must_use]
pub fn needs_samples(type_oid: Oid) -> bool {
    Kind::of(type_oid).needs_content()
}
