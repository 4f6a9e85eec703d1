//! Canonical bytes of a value: the same for the text and the binary format, whatever the session's
//! settings. What cannot be read has none, and gets the neutral value.

use std::net::IpAddr;

use super::{
    decimal::Decimal,
    fold::folded,
    hex,
    plan::Format,
    temporal::{Zone, parse_date, parse_timestamp},
};

/// Types whose values are masked one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reviewed {
    /// text, varchar, name
    Text,
    /// bpchar: trailing spaces do not count.
    Padded,
    /// citext: the case of letters does not count.
    Folded,
    Int2,
    Int4,
    Int8,
    Numeric,
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
    Inet,
    Bytea,
    /// By its text: two documents that differ in spaces or order of keys are two values.
    Json,
    /// By its text, in which the server puts spaces and order right, but not superfluous zeros.
    Jsonb,
}

/// Hands the canonical bytes of `value` to `use_bytes`.
pub(super) fn with_canonical<T>(
    reviewed: Reviewed,
    format: Format,
    value: &[u8],
    use_bytes: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    match reviewed {
        Reviewed::Text => use_bytes(value),
        Reviewed::Padded => use_bytes(value.trim_suffix_spaces()),
        Reviewed::Folded => use_bytes(&folded(value)),
        Reviewed::Int2 | Reviewed::Int4 | Reviewed::Int8 => {
            use_bytes(&integer(reviewed, format, value)?.to_be_bytes())
        }
        Reviewed::Numeric => use_bytes(decimal(format, value)?.as_bytes()),
        Reviewed::Bytea => bytea(format, value, use_bytes),
        Reviewed::Json => use_bytes(value),
        Reviewed::Jsonb => use_bytes(jsonb(format, value)?),
        Reviewed::Date => use_bytes(&date(format, value)?.to_be_bytes()),
        Reviewed::Timestamp => use_bytes(&timestamp(format, value, Zone::Absent)?.to_be_bytes()),
        Reviewed::TimestampTz => use_bytes(&timestamp(format, value, Zone::Present)?.to_be_bytes()),
        Reviewed::Uuid => use_bytes(&uuid(format, value)?),
        Reviewed::Inet => inet(format, value).and_then(|inet| use_bytes(inet.as_bytes())),
    }
}

trait TrimSuffixSpaces {
    fn trim_suffix_spaces(&self) -> &[u8];
}

impl TrimSuffixSpaces for [u8] {
    fn trim_suffix_spaces(&self) -> &[u8] {
        let spaces = self.iter().rev().take_while(|byte| **byte == b' ').count();
        self.get(..self.len().saturating_sub(spaces)).unwrap_or_default()
    }
}

fn integer(reviewed: Reviewed, format: Format, value: &[u8]) -> Option<i64> {
    match (format, reviewed) {
        (Format::Text, _) => std::str::from_utf8(value).ok()?.parse().ok(),
        (Format::Binary, Reviewed::Int2) => value.try_into().ok().map(i16::from_be_bytes).map(i64::from),
        (Format::Binary, Reviewed::Int4) => value.try_into().ok().map(i32::from_be_bytes).map(i64::from),
        (Format::Binary, _) => value.try_into().ok().map(i64::from_be_bytes),
    }
}

fn decimal(format: Format, value: &[u8]) -> Option<Decimal> {
    match format {
        Format::Text => Decimal::from_text(value),
        Format::Binary => Decimal::from_binary(value),
    }
}

fn date(format: Format, value: &[u8]) -> Option<i32> {
    match format {
        Format::Text => parse_date(value),
        Format::Binary => value.try_into().ok().map(i32::from_be_bytes),
    }
}

fn timestamp(format: Format, value: &[u8], zone: Zone) -> Option<i64> {
    match format {
        Format::Text => parse_timestamp(value, zone),
        Format::Binary => value.try_into().ok().map(i64::from_be_bytes),
    }
}

fn uuid(format: Format, value: &[u8]) -> Option<[u8; 16]> {
    if format == Format::Binary {
        return value.try_into().ok();
    }
    let dashes = [8, 13, 18, 23].map(|at| value.get(at).copied());
    if value.len() != 36 || dashes != [Some(b'-'); 4] {
        return None;
    }
    let mut digits = value.iter().filter(|byte| **byte != b'-');
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = hex::byte(*digits.next()?, *digits.next()?)?;
    }
    digits.next().is_none().then_some(bytes)
}

/// `jsonb_send` puts its version before the text.
const JSONB_VERSION: &[u8] = &[1];

fn jsonb(format: Format, value: &[u8]) -> Option<&[u8]> {
    match format {
        Format::Text => Some(value),
        Format::Binary => value.strip_prefix(JSONB_VERSION),
    }
}

/// How text of the style `hex` begins, and none of the style `escape` does.
pub(super) const HEX_STYLE: &[u8] = b"\\x";

fn bytea<T>(format: Format, value: &[u8], use_bytes: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    match (format, value.strip_prefix(HEX_STYLE)) {
        (Format::Binary, _) => use_bytes(value),
        (Format::Text, Some(digits)) => use_bytes(&hex::decode(digits)?),
        (Format::Text, None) => use_bytes(&unescape(value)?),
    }
}

/// Reads the style `escape`: a backslash is doubled, or has three octal digits behind it.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Some(bytes),
            [b'\\', b'\\', after @ ..] => {
                bytes.push(b'\\');
                after
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            [b'\\', ..] => return None,
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
}

/// A value as `inet_send` has it: family, prefix length, 0, count of octets, octets.
#[derive(Debug, PartialEq, Eq)]
struct Inet {
    bytes: [u8; 20],
    length: usize,
}

/// `PGSQL_AF_INET` and `PGSQL_AF_INET6`.
pub(super) const INET_V4: u8 = 2;
pub(super) const INET_V6: u8 = 3;

impl Inet {
    fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let mut bytes = [0; 20];
        let (family, longest) = match address {
            IpAddr::V4(_) => (INET_V4, 32),
            IpAddr::V6(_) => (INET_V6, 128),
        };
        let mut put = |octets: &[u8]| {
            let head = [family, prefix, 0, octets.len() as u8];
            bytes.iter_mut().zip(head.iter().chain(octets)).for_each(|(slot, byte)| *slot = *byte);
            head.len() + octets.len()
        };
        let length = match address {
            IpAddr::V4(v4) => put(&v4.octets()),
            IpAddr::V6(v6) => put(&v6.octets()),
        };
        (prefix <= longest).then_some(Self { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn inet(format: Format, value: &[u8]) -> Option<Inet> {
    if format == Format::Binary {
        let ([family, prefix, _, length], octets) = value.split_first_chunk::<4>()?;
        let address = match (*family, usize::from(*length) == octets.len()) {
            (INET_V4, true) => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
            (INET_V6, true) => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            _ => return None,
        };
        return Inet::new(address, *prefix);
    }
    let text = std::str::from_utf8(value).ok()?;
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    Inet::new(address, prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?)
}
