//! Neutral values: one constant per type, valid in both formats, for labels and types that are not masked
//! value by value, and for values that cannot be read.

use connect_shared::label::Label;

use super::{
    canonical::HEX_STYLE, decimal::Masked, plan::Format, render::neutral_text, room::Room, row::Value,
    types::*,
};

/// What stands for every value of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neutral {
    Bytes(&'static [u8]),
    /// A text, which is cut where the column is shorter.
    Text(&'static [u8]),
    /// No bytes, in the style of the value that it stands for.
    NoBytes(Format),
    /// 0 with the scale of the column.
    Zero(Format),
    /// As many bits as the column has.
    ZeroBits(Format),
    /// An array without elements of this type, in binary.
    EmptyArray(u32),
    /// The type is not known.
    Null,
}

impl Neutral {
    /// Of `clear` nothing but the style is read.
    pub(super) fn write(self, room: Room, clear: &[u8], out: &mut Value<'_>) {
        match self {
            Self::NoBytes(format) => {
                let hex_style = format == Format::Text && clear.starts_with(HEX_STYLE);
                out.put(if hex_style { HEX_STYLE } else { b"" });
            }
            Self::Bytes(bytes) => out.put(bytes),
            Self::Text(text) => {
                out.put(text);
                out.fit(room);
            }
            Self::Zero(format) => {
                let zero = Masked::new(0, room.digits());
                out.put(&if format == Format::Text { zero.text() } else { zero.binary() });
            }
            Self::ZeroBits(format) => zero_bits(format, room, out),
            Self::EmptyArray(element) => {
                // No dimensions, no NULLs, the element type.
                out.put(&[0; 8]);
                out.put(&element.to_be_bytes());
            }
            Self::Null => out.set_null(),
        }
    }
}

/// `bit_send` has the count of bits before them.
fn zero_bits(format: Format, room: Room, out: &mut Value<'_>) {
    let Room::Bits(bits) = room else {
        return out.put(if format == Format::Text { b"" } else { &[0; 4] });
    };
    // Invariant: a bit string of a column of n bits has n bits, so the mask is not longer than the value.
    match format {
        Format::Text => out.put(&vec![b'0'; bits]),
        Format::Binary => {
            out.put(&u32::try_from(bits).unwrap_or(0).to_be_bytes());
            out.put(&vec![0; bits.div_ceil(8)]);
        }
    }
}

/// The neutral value of a type under a label.
pub(super) fn neutral(label: Label, type_oid: u32, format: Format) -> Neutral {
    match type_oid {
        TEXT | VARCHAR | BPCHAR | NAME | CITEXT => return Neutral::Text(neutral_text(label)),
        BYTEA => return Neutral::NoBytes(format),
        NUMERIC => return Neutral::Zero(format),
        BIT => return Neutral::ZeroBits(format),
        _ => {}
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

/// As PostgreSQL writes it with its usual settings, and reads it with all.
pub(super) fn text(type_oid: u32) -> Option<&'static [u8]> {
    Some(match type_oid {
        BOOL => b"f",
        // Neither may be empty: of one it depends on a setting, for the other the server gives a notice.
        XML => b"<masked/>",
        TSQUERY => b"'masked'",
        CHAR | VARBIT | TSVECTOR => b"",
        INT2 | INT4 | INT8 | OID | XID | XID8 | CID | FLOAT4 | FLOAT8 => b"0",
        MONEY => b"$0.00",
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
        INT2 => 2,
        INT4 | OID | XID | CID | FLOAT4 => 4,
        INT8 | XID8 | FLOAT8 | MONEY | TIME | PG_LSN => 8,
        // An empty bit string or vector with its count.
        VARBIT | TSVECTOR => 4,
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
        XML => b"<masked/>",
        // One item, a lexeme without weight and prefix.
        TSQUERY => b"\0\0\0\x01\x01\0\0masked\0",
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
