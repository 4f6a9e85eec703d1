//! What a column's type modifier leaves room for. A mask that is longer would not be a value of the
//! column, and the server would cut it where it computes it.

use super::{decimal::Digits, types::*};

/// Of a type with its modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Any,
    /// `varchar(n)`
    Characters(usize),
    /// `bpchar(n)`: shorter values have spaces behind.
    Padded(usize),
    /// `numeric(p,s)`
    Digits(Digits),
    /// `bit(n)`
    Bits(usize),
}

/// Bytes of header that count in modifiers of texts.
const HEADER: i32 = 4;

impl Room {
    /// `modifier` as `pg_attribute.atttypmod` and result descriptions have it. An array's is its elements'.
    pub(super) fn new(type_oid: u32, modifier: i32) -> Self {
        let characters = modifier.checked_sub(HEADER).and_then(|most| usize::try_from(most).ok());
        let bits = usize::try_from(modifier).ok();
        match type_oid {
            VARCHAR => characters.map_or(Self::Any, Self::Characters),
            BPCHAR => characters.map_or(Self::Any, Self::Padded),
            NUMERIC => Digits::from_modifier(modifier).map_or(Self::Any, Self::Digits),
            BIT => bits.map_or(Self::Any, Self::Bits),
            _ => Self::Any,
        }
    }

    /// Most characters of a text.
    pub(super) const fn characters(self) -> Option<usize> {
        match self {
            Self::Characters(most) | Self::Padded(most) => Some(most),
            Self::Any | Self::Digits(_) | Self::Bits(_) => None,
        }
    }

    pub(super) const fn digits(self) -> Option<Digits> {
        match self {
            Self::Digits(digits) => Some(digits),
            _ => None,
        }
    }
}
