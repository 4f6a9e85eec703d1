//! Identifiers: 128 random bits each, printed as a prefix and 26 letters of Crockford base 32.
//!
//! Randomness is an argument, so that the sans-IO core stays repeatable.

mod run;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::run::RunId;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS: usize = 26;

/// Text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form `{prefix}_` and 26 letters or digits")]
pub struct ParseIdError {
    prefix: &'static str,
}

fn write_base32(value: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [0; DIGITS];
    for (place, slot) in digits.iter_mut().rev().enumerate() {
        *slot = ALPHABET[(value >> (place * 5)) as usize & 31];
    }
    // The alphabet is ASCII.
    f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
}

fn parse_base32(text: &str) -> Option<u128> {
    if text.len() != DIGITS {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        value.checked_mul(32)?.checked_add(digit as u128)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// An id from 16 random bytes.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The 16 bytes behind the text.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                write_base32(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(parse_base32)
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

id!(
    /// One principal's use of one resource, open to close.
    SessionId,
    "ss"
);
id!(
    /// One client socket with its upstream.
    ConnectionId,
    "cn"
);
id!(
    /// One statement: pairs an INTENT with its OUTCOME.
    StatementId,
    "st"
);
id!(
    /// One grant (its `jti`).
    GrantId,
    "gr"
);
id!(
    /// One tunnel: the CLI's QUIC connection to one agent.
    TunnelId,
    "tn"
);
id!(
    /// One request: somebody asks for access, or a statement waits for an approval.
    RequestId,
    "req"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for bytes in [[0u8; 16], [255u8; 16], *b"0123456789abcdef"] {
            let id = StatementId::from_random(bytes);
            assert_eq!(id.to_string().parse::<StatementId>(), Ok(id));
            assert_eq!(id.to_bytes(), bytes);
        }
    }

    #[test]
    fn an_id_of_another_kind_or_length_is_refused() {
        let id = StatementId::from_random([7; 16]).to_string();
        assert!(id.parse::<SessionId>().is_err());
        assert!(id[..20].parse::<StatementId>().is_err());
        assert!("st_ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<StatementId>().is_err());
        assert!("st_é".parse::<StatementId>().is_err());
    }
}
