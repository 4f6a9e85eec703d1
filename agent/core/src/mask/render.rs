//! The shapes of masks. Input is the keyed digest and what [`super::kept`] lets through; a clear value
//! cannot come here.
//!
//! Every shape can be told from a real value: a domain under `.invalid`, a subscriber number in the area
//! `000`, an IBAN with check digits 00, a card that begins with 0 and fails Luhn, an address of the
//! documentation prefix, a document whose key is `masked`. All are at most 48 bytes, and shorter where the
//! column is. [`super::sql`] makes the same shapes in the server.

use std::{fmt::Write as _, net::Ipv6Addr};

use connect_shared::label::Label;

use super::{
    canonical::{HEX_STYLE, INET_V6, Reviewed},
    decimal::Masked,
    digest::Digest,
    hex, kept,
    luhn::passes_luhn,
    plan::Format,
    row::Value,
    temporal::civil_from_days,
    transform::Shape,
    wrapping::Wrapping,
};

/// Masked birth dates lie in the eighty years from here: 1930-01-01 in days since 2000-01-01.
const FIRST_DAY: i64 = -25_567;
pub(super) const DAYS: u64 = 29_220;
const MICROS: i64 = 1_000_000;
pub(super) const DAY_SECONDS: u64 = 86_400;

/// Masked years of birth: as many from here.
pub(super) const FIRST_YEAR: u64 = 1_930;
pub(super) const YEARS: u64 = 80;

/// Digits of a masked telephone number behind the area, and of a masked card before the last four.
pub(super) const SUBSCRIBER: usize = 9;
pub(super) const CARD_MIDDLE: usize = 11;

/// Writes the mask of a text. `clear` is read by [`kept`] only.
fn text(shape: &Shape, digest: &Digest, clear: &[u8], out: &mut Value<'_>) {
    match shape.label {
        Label::Email | Label::PersonName | Label::Address | Label::NationalId => {
            wrapped(shape, digest, out);
        }
        Label::Phone => phone(kept::calling_code(clear), digest, out),
        Label::Card => out.put(&card(kept::last_four(clear), digest)),
        Label::Iban => iban(kept::iban_country(clear), digest, out),
        Label::NetworkAddress => network(digest, out),
        Label::BirthDate => put_date(masked_days(digest), out),
        Label::Location
        | Label::Health
        | Label::FreeText
        | Label::Salary
        | Label::Secret
        | Label::Confidential
        | Label::Unscanned => out.put(neutral_text(shape.label)),
    }
    out.fit(shape.room);
}

/// What stands for every text of a label that is not masked value by value.
pub(super) const fn neutral_text(label: Label) -> &'static [u8] {
    match label {
        Label::Secret => b"[secret]",
        Label::Confidential => b"[confidential]",
        Label::Unscanned => b"[not scanned yet]",
        Label::FreeText => b"[free text]",
        Label::Health => b"[health]",
        Label::Location => b"[location]",
        _ => b"[masked]",
    }
}

fn wrapped(shape: &Shape, digest: &Digest, out: &mut Value<'_>) {
    let Some(wrapping) = Wrapping::new(shape.label, shape.room) else { return };
    out.put(wrapping.before.as_bytes());
    out.put(digest.letters().get(..wrapping.letters).unwrap_or_default());
    out.put(wrapping.after.as_bytes());
}

/// Country code, the area `000` that no plan assigns, nine digits: never over E.164's fifteen.
fn phone(code: Option<kept::CallingCode>, digest: &Digest, out: &mut Value<'_>) {
    if let Some(code) = code {
        out.put(b"+");
        out.put(code.as_bytes());
        out.put(b" ");
    }
    out.put(b"000 ");
    out.put(&digits::<SUBSCRIBER>(digest.number()));
}

fn digits<const LENGTH: usize>(number: u64) -> [u8; LENGTH] {
    let mut rest = number;
    let mut text = [b'0'; LENGTH];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// Sixteen digits: a zero, which no issuer has, eleven digits, the last four. It always fails Luhn.
fn card(last_four: Option<[u8; 4]>, digest: &Digest) -> [u8; 16] {
    let mut card = [b'0'; 16];
    let middle = digits::<CARD_MIDDLE>(digest.number());
    let last = last_four.unwrap_or(*b"0000");
    let parts = middle.iter().chain(&last);
    card.iter_mut().skip(1).zip(parts).for_each(|(slot, digit)| *slot = *digit);
    if passes_luhn(&card) {
        // Invariant: changing one digit always changes the sum modulo 10.
        if let Some(digit) = card.get_mut(1) {
            *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
        }
    }
    card
}

/// Check digits 00 are never valid: they are 98 minus a remainder, so 02 to 98 (ISO 13616).
fn iban(country: Option<&'static [u8; 2]>, digest: &Digest, out: &mut Value<'_>) {
    out.put(country.unwrap_or(b"XX"));
    out.put(b"00");
    out.put(&digest.letters().map(|letter| letter.to_ascii_uppercase()));
}

/// An address of the documentation prefix 2001:db8::/32 (RFC 3849) with 96 bits of the digest.
fn masked_address(digest: &Digest) -> [u8; 16] {
    let mut address = digest.bytes();
    let prefix = [0x20, 0x01, 0x0d, 0xb8];
    address.iter_mut().zip(prefix).for_each(|(slot, byte)| *slot = byte);
    address
}

/// In a text all groups have four digits, so that the length is fixed.
fn network(digest: &Digest, out: &mut Value<'_>) {
    let groups = Ipv6Addr::from(masked_address(digest)).segments();
    for (place, group) in groups.iter().enumerate() {
        let colon = if place == 0 { "" } else { ":" };
        // The prefix is written as everybody writes it. Writing to a value cannot fail.
        let _ = if place < 2 { write!(out, "{colon}{group:x}") } else { write!(out, "{colon}{group:04x}") };
    }
}

/// Writes the mask of a value of any reviewed type. `canonical` is read by [`kept`] only, of `clear` only
/// the style that it is written in.
pub(super) fn value(shape: &Shape, digest: &Digest, canonical: &[u8], clear: &[u8], out: &mut Value<'_>) {
    let format = shape.format;
    match shape.reviewed {
        Reviewed::Text | Reviewed::Padded | Reviewed::Folded => text(shape, digest, canonical, out),
        Reviewed::Int2 | Reviewed::Int4 | Reviewed::Int8 => {
            integer(shape, masked_number(shape, digest), out);
        }
        Reviewed::Numeric => numeric(shape, masked_number(shape, digest), out),
        Reviewed::Date => date(format, digest, out),
        Reviewed::Timestamp => timestamp(format, digest, b"", out),
        Reviewed::TimestampTz => timestamp(format, digest, b"+00", out),
        Reviewed::Uuid => uuid(format, digest, out),
        Reviewed::Inet => inet(format, digest, out),
        Reviewed::Bytea => bytea(format, digest, clear.starts_with(HEX_STYLE), out),
        Reviewed::Json => document(digest, out),
        Reviewed::Jsonb => {
            out.put(if format == Format::Binary { b"\x01" } else { b"" });
            document(digest, out);
        }
    }
}

/// A number that its type can hold; a salary or a year of birth looks like one. It may collide.
fn masked_number(shape: &Shape, digest: &Digest) -> u64 {
    let number = digest.number();
    match (shape.label, shape.reviewed) {
        (Label::BirthDate, _) => FIRST_YEAR + number % YEARS,
        (Label::Salary, Reviewed::Int2) => 1_000 + number % 9_000,
        (Label::Salary, _) => 10_000 + number % 90_000,
        // 15 and 31 bits.
        (_, Reviewed::Int2) => number >> 45,
        (_, Reviewed::Int4) => number >> 29,
        // 53 bits: what a JavaScript client can hold.
        _ => number >> 7,
    }
}

fn integer(shape: &Shape, number: u64, out: &mut Value<'_>) {
    match (shape.format, shape.reviewed) {
        (Format::Text, _) => {
            // Writing to a value cannot fail.
            let _ = write!(out, "{number}");
        }
        (Format::Binary, Reviewed::Int2) => out.put(&(number as i16).to_be_bytes()),
        (Format::Binary, Reviewed::Int4) => out.put(&(number as i32).to_be_bytes()),
        (Format::Binary, _) => out.put(&number.to_be_bytes()),
    }
}

fn numeric(shape: &Shape, number: u64, out: &mut Value<'_>) {
    let digits = shape.room.digits();
    let most = digits.and_then(|digits| 10_u64.checked_pow(digits.room()?));
    let masked = Masked::new(most.map_or(number, |most| number % most), digits);
    out.put(&if shape.format == Format::Text { masked.text() } else { masked.binary() });
}

fn masked_days(digest: &Digest) -> i64 {
    FIRST_DAY + i64::try_from(digest.number() % DAYS).unwrap_or_default()
}

fn put_date(days: i64, out: &mut Value<'_>) {
    let (year, month, day) = civil_from_days(days);
    // Writing to a value cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

fn date(format: Format, digest: &Digest, out: &mut Value<'_>) {
    let days = masked_days(digest);
    match format {
        Format::Text => put_date(days, out),
        Format::Binary => out.put(&(days as i32).to_be_bytes()),
    }
}

fn timestamp(format: Format, digest: &Digest, zone: &[u8], out: &mut Value<'_>) {
    let seconds = digest.number() % (DAYS * DAY_SECONDS);
    let (day, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let days = FIRST_DAY + day as i64;
    match format {
        Format::Binary => out.put(&((days * DAY_SECONDS as i64 + second as i64) * MICROS).to_be_bytes()),
        Format::Text => {
            put_date(days, out);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            // Writing to a value cannot fail.
            let _ = write!(out, " {hour:02}:{minute:02}:{second:02}");
            out.put(zone);
        }
    }
}

/// A UUID of version 8, which is for one's own schemes (RFC 9562).
fn uuid(format: Format, digest: &Digest, out: &mut Value<'_>) {
    let number = u128::from_be_bytes(digest.bytes());
    let version = (number & !(0xf << 76)) | (0x8 << 76);
    // The variant's digit is 8 and never one of the three others that are allowed.
    let bytes = ((version & !(0xf << 60)) | (0x8 << 60)).to_be_bytes();
    if format == Format::Binary {
        return out.put(&bytes);
    }
    for (place, byte) in bytes.iter().enumerate() {
        let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing to a value cannot fail.
        let _ = write!(out, "{dash}{byte:02x}");
    }
}

fn inet(format: Format, digest: &Digest, out: &mut Value<'_>) {
    let address = masked_address(digest);
    if format == Format::Text {
        // Writing to a value cannot fail.
        let _ = write!(out, "{}", Ipv6Addr::from(address));
        return;
    }
    out.put(&[INET_V6, 128, 0, 16]);
    out.put(&address);
}

/// Sixteen bytes, in the style that the session has.
fn bytea(format: Format, digest: &Digest, hex_style: bool, out: &mut Value<'_>) {
    let bytes = digest.bytes();
    match (format, hex_style) {
        (Format::Binary, _) => out.put(&bytes),
        (Format::Text, true) => {
            out.put(HEX_STYLE);
            let mut digits = String::new();
            hex::encode(&bytes, &mut digits);
            out.put(digits.as_bytes());
        }
        (Format::Text, false) => bytes.iter().for_each(|byte| escape(*byte, out)),
    }
}

/// A byte in the style `escape`.
fn escape(byte: u8, out: &mut Value<'_>) {
    match byte {
        b'\\' => out.put(b"\\\\"),
        b' '..=b'~' => out.put(&[byte]),
        // Writing to a value cannot fail.
        _ => drop(write!(out, "\\{byte:03o}")),
    }
}

/// The key of a masked document, by which it is known.
pub(super) const DOCUMENT_BEFORE: &str = r#"{"masked": ""#;
pub(super) const DOCUMENT_AFTER: &str = r#""}"#;

fn document(digest: &Digest, out: &mut Value<'_>) {
    out.put(DOCUMENT_BEFORE.as_bytes());
    out.put(&digest.letters());
    out.put(DOCUMENT_AFTER.as_bytes());
}
