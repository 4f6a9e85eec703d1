//! Columns, with what the server packs into a type modifier: what stands in parentheses behind a type's name.

use connect_shared::label::Label;

use super::{Oid, code::Name, shown::Seen};

const BIT: u32 = 1560;
const VARBIT: u32 = 1562;
const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const NUMERIC: u32 = 1700;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const INTERVAL: u32 = 1186;
const TIMETZ: u32 = 1266;
/// `VARHDRSZ`
const HEADER: i32 = 4;
/// `MAX_TIMESTAMP_PRECISION` and its like.
const MOST_DIGITS: i32 = 6;
/// `INTERVAL_FULL_RANGE`
const ALL_FIELDS: i32 = 0x7fff;
/// `INTERVAL_FULL_PRECISION`
const ALL_DIGITS: i32 = 0xffff;

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// `pg_attribute.attnum`, from 1.
    pub number: i16,
    pub name: Name,
    /// Type OID.
    pub type_oid: Oid,
    /// Length or precision of the type.
    pub modifier: Modifier,
    pub identity: Option<Identity>,
    /// Schema and name of its collation, if it is another than its type's.
    pub collation: Option<Box<(Name, Name)>>,
    /// `None`: scanned, and free to show.
    pub label: Option<Label>,
    /// The configuration says that it is free to show, whatever its values look like.
    pub cleared: bool,
    /// How whoever this snapshot is for sees it, where that is not as everybody does.
    pub seen: Option<Seen>,
    /// Part of a unique index, primary key or foreign key on either side: writing it tests stored values.
    pub tested_on_write: bool,
    pub not_null: bool,
}

/// `pg_attribute.attidentity`: a sequence gives the column its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Always,
    ByDefault,
}

impl Identity {
    /// `None` for a column that is none.
    #[must_use]
    pub const fn from_catalog(attidentity: u8) -> Option<Self> {
        match attidentity {
            b'a' => Some(Self::Always),
            b'd' => Some(Self::ByDefault),
            _ => None,
        }
    }
}

impl Column {
    /// A column of this type, of which nothing else is known.
    #[must_use]
    pub const fn new(number: i16, name: Name, type_oid: Oid) -> Self {
        Self {
            number,
            name,
            type_oid,
            modifier: Modifier::NONE,
            identity: None,
            collation: None,
            label: None,
            cleared: false,
            seen: None,
            tested_on_write: false,
            not_null: false,
        }
    }
}

/// `pg_attribute.atttypmod`, `pg_type.typtypmod`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Modifier(pub i32);

impl Default for Modifier {
    fn default() -> Self {
        Self::NONE
    }
}

impl Modifier {
    /// The type alone.
    pub const NONE: Self = Self(-1);
    /// There is one, of a type that packs it in a way that is not known here.
    pub const UNKNOWN: Self = Self(i32::MIN);

    /// From the numbers behind a type's name, of the type itself or of an array of it, as `typmodin` of the
    /// server's own types packs them. `None` stands for what is no number.
    #[must_use]
    pub fn written(type_oid: Oid, numbers: &[Option<i32>]) -> Self {
        match numbers {
            [] => Self::NONE,
            [Some(first)] => Self::packed(type_oid, *first, None),
            [Some(first), Some(second)] => Self::packed(type_oid, *first, Some(*second)),
            _ => Self::UNKNOWN,
        }
    }

    fn packed(type_oid: Oid, first: i32, second: Option<i32>) -> Self {
        match (type_oid.0, second) {
            (BPCHAR | VARCHAR, None) => Self(first.saturating_add(HEADER)),
            (BIT | VARBIT, None) => Self(first),
            (NUMERIC, scale) => {
                let packed = (first & 0xffff) << 16 | (scale.unwrap_or_default() & 0x7ff);
                Self(packed.saturating_add(HEADER))
            }
            (TIME | TIMETZ | TIMESTAMP | TIMESTAMPTZ, None) => Self(first.min(MOST_DIGITS)),
            (INTERVAL, None) if first == ALL_FIELDS => Self::NONE,
            (INTERVAL, digits) => {
                let digits = digits.map_or(ALL_DIGITS, |digits| digits.min(MOST_DIGITS));
                Self((first & ALL_FIELDS) << 16 | (digits & ALL_DIGITS))
            }
            _ => Self::UNKNOWN,
        }
    }

    /// The other if there is none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::NONE { other } else { self }
    }

    /// Whether a value of the one is known to have the other's length already.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        self == other && self != Self::UNKNOWN
    }

    /// The one of two values; none if they differ.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        if self.is(other) { self } else { Self::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_packed_as_the_server_does() {
        // `SELECT atttypmod FROM pg_attribute` of a table with such columns.
        let of = |oid: u32, numbers: &[i32]| {
            let numbers: Vec<Option<i32>> = numbers.iter().map(|number| Some(*number)).collect();
            Modifier::written(Oid(oid), &numbers).0
        };
        assert_eq!(of(VARCHAR, &[10]), 14);
        assert_eq!(of(BPCHAR, &[1]), 5);
        assert_eq!(of(NUMERIC, &[10, 2]), 655_366);
        assert_eq!(of(NUMERIC, &[10]), 655_364);
        assert_eq!(of(NUMERIC, &[3, -2]), 198_654 + 4);
        assert_eq!(of(TIMESTAMPTZ, &[3]), 3);
        assert_eq!(of(TIME, &[9]), 6);
        assert_eq!(of(BIT, &[8]), 8);
        assert_eq!(of(INTERVAL, &[0x7fff, 3]), 2_147_418_115);
        assert_eq!(of(INTERVAL, &[0x7fff]), -1);
        assert_eq!(of(INTERVAL, &[8]), 589_823);
        assert_eq!(of(VARCHAR, &[]), -1);
        assert_eq!(of(70_000, &[3]), Modifier::UNKNOWN.0);
    }

    #[test]
    fn what_is_not_known_is_nobodys_length() {
        assert!(!Modifier::UNKNOWN.is(Modifier::UNKNOWN));
        assert_eq!(Modifier(14).common(Modifier(14)), Modifier(14));
        assert_eq!(Modifier(14).common(Modifier(13)), Modifier::NONE);
        assert_eq!(Modifier::UNKNOWN.common(Modifier::UNKNOWN), Modifier::NONE);
    }
}
