//! Neutral values: one constant per type, valid in both formats, for labels and types that are not masked
//! value by value, and for values that cannot be read.

use connect_shared::label::Label;

use super::{plan::Format, render::neutral_text, types::*};

/// What stands for every value of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neutral {
    Bytes(&'static [u8]),
    /// An array without elements of this type, in binary.
    EmptyArray(u32),
    /// The type is not known.
    Null,
}

/// The neutral value of a type under a label.
pub(super) fn neutral(label: Label, type_oid: u32, format: Format) -> Neutral {
    if matches!(type_oid, TEXT | VARCHAR | BPCHAR | NAME) {
        return Neutral::Bytes(neutral_text(label));
    }
    if let Some(element) = element(type_oid) {
        return match format {
            Format::Text => Neutral::Bytes(b"{}"),
            Format::Binary => Neutral::EmptyArray(element),
        };
    }
    let constant = match format {
        Format::Text => text(type_oid),
        Format::Binary => binary(type_oid),
    };
    constant.map_or(Neutral::Null, Neutral::Bytes)
}

fn text(type_oid: u32) -> Option<&'static [u8]> {
    Some(match type_oid {
        BOOL => b"f",
        BYTEA => b"\\x",
        CHAR | XML | BIT | VARBIT | TSVECTOR | TSQUERY => b"",
        INT2 | INT4 | INT8 | OID | XID | XID8 | CID | FLOAT4 | FLOAT8 | NUMERIC => b"0",
        MONEY => b"0.00",
        TID => b"(0,0)",
        JSON | JSONB => b"{}",
        JSONPATH => b"$",
        POINT => b"(0,0)",
        LSEG => b"[(0,0),(0,0)]",
        PATH | POLYGON => b"((0,0))",
        BOX => b"(0,0),(0,0)",
        LINE => b"{1,0,0}",
        CIRCLE => b"<(0,0),0>",
        CIDR => b"0.0.0.0/0",
        INET => b"0.0.0.0",
        MACADDR => b"00:00:00:00:00:00",
        MACADDR8 => b"00:00:00:00:00:00:00:00",
        DATE => b"1970-01-01",
        TIME | INTERVAL => b"00:00:00",
        TIMETZ => b"00:00:00+00",
        TIMESTAMP => b"1970-01-01 00:00:00",
        TIMESTAMPTZ => b"1970-01-01 00:00:00+00",
        UUID => b"00000000-0000-0000-0000-000000000000",
        PG_LSN => b"0/0",
        range if RANGES.contains(&range) => b"empty",
        multirange if MULTIRANGES.contains(&multirange) => b"{}",
        _ => return None,
    })
}

/// 1970-01-01 in days and in microseconds since 2000-01-01.
const DAYS_1970: [u8; 4] = (-10_957_i32).to_be_bytes();
const MICROS_1970: [u8; 8] = (-946_684_800_000_000_i64).to_be_bytes();

const ZEROS: [u8; 32] = [0; 32];
/// One point (0,0): closed flag and count, or count alone.
const CLOSED_PATH: [u8; 21] = path();
const ONE_POINT_POLYGON: [u8; 20] = polygon();
/// The line x = 0, since A and B must not both be zero: 1.0 and two zeros.
const UNIT_LINE: [u8; 24] = line();

const fn path() -> [u8; 21] {
    let mut bytes = [0; 21];
    bytes[0] = 1;
    bytes[4] = 1;
    bytes
}

const fn polygon() -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[3] = 1;
    bytes
}

const fn line() -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = 0x3f;
    bytes[1] = 0xf0;
    bytes
}

fn binary(type_oid: u32) -> Option<&'static [u8]> {
    let zeros = match type_oid {
        BOOL | CHAR => 1,
        BYTEA | XML => 0,
        INT2 => 2,
        INT4 | OID | XID | CID | FLOAT4 => 4,
        INT8 | XID8 | FLOAT8 | MONEY | TIME | PG_LSN => 8,
        // A numeric without digits; an empty bit string, vector or query with its count.
        NUMERIC => 8,
        BIT | VARBIT | TSVECTOR | TSQUERY => 4,
        TID | MACADDR => 6,
        MACADDR8 => 8,
        POINT | INTERVAL | UUID => 16,
        LSEG | BOX => 32,
        CIRCLE => 24,
        TIMETZ => 12,
        multirange if MULTIRANGES.contains(&multirange) => 4,
        _ => return special(type_oid),
    };
    ZEROS.get(..zeros)
}

fn special(type_oid: u32) -> Option<&'static [u8]> {
    Some(match type_oid {
        JSON => b"{}",
        JSONB => b"\x01{}",
        JSONPATH => b"\x01$",
        PATH => &CLOSED_PATH,
        POLYGON => &ONE_POINT_POLYGON,
        LINE => &UNIT_LINE,
        INET => &[2, 32, 0, 4, 0, 0, 0, 0],
        CIDR => &[2, 0, 1, 4, 0, 0, 0, 0],
        DATE => &DAYS_1970,
        TIMESTAMP | TIMESTAMPTZ => &MICROS_1970,
        // RANGE_EMPTY
        range if RANGES.contains(&range) => &[1],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_with_a_neutral_text_has_a_neutral_binary_value() {
        for type_oid in 0..6_000 {
            assert_eq!(text(type_oid).is_some(), binary(type_oid).is_some(), "type {type_oid}");
        }
    }

    #[test]
    fn a_type_that_is_not_known_is_null() {
        assert_eq!(neutral(Label::Secret, 16_999, Format::Text), Neutral::Null);
        assert_eq!(neutral(Label::Secret, 16_999, Format::Binary), Neutral::Null);
    }
}
