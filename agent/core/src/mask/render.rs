//! The shapes of masks. Input is the keyed digest and what [`super::kept`] lets through; a clear value
//! cannot come here.
//!
//! Every shape can be told from a real value: a domain under `.invalid`, a subscriber number in the area
//! `000`, an IBAN with check digits 00, a card that begins with 0 and fails Luhn, an address of the
//! documentation prefix. All are at most 48 bytes; a column's own length limit is not known here, and
//! clients do not enforce it.

use std::{fmt::Write as _, net::Ipv6Addr};

use connect_shared::label::Label;

use super::{
    canonical::{INET_V6, Reviewed},
    decimal::whole_to_binary,
    digest::Digest,
    kept,
    luhn::passes_luhn,
    plan::Format,
    row::Value,
    temporal::civil_from_days,
};

/// Masked birth dates lie in the eighty years from here: 1930-01-01 in days since 2000-01-01.
const FIRST_DAY: i64 = -25_567;
const DAYS: u64 = 29_220;
const MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * MICROS;
const DAY_SECONDS: u64 = 86_400;

/// Writes the mask of a text. `clear` is read by [`kept`] only.
pub(super) fn text(label: Label, digest: &Digest, clear: &[u8], out: &mut Value<'_>) {
    match label {
        Label::Email => wrapped(b"u_", digest, b"@masked.invalid", out),
        Label::Phone => phone(kept::calling_code(clear), digest, out),
        Label::PersonName => wrapped(b"name_", digest, b"", out),
        Label::Address => wrapped(b"address_", digest, b"", out),
        Label::NationalId => wrapped(b"id_", digest, b"", out),
        Label::Card => out.put(&card(kept::last_four(clear), digest)),
        Label::Iban => iban(kept::iban_country(clear), digest, out),
        Label::NetworkAddress => network(digest, out),
        Label::BirthDate => date(Format::Text, digest, out),
        Label::Location
        | Label::Health
        | Label::FreeText
        | Label::Salary
        | Label::Secret
        | Label::Confidential
        | Label::Unscanned => out.put(neutral_text(label)),
    }
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

fn wrapped(before: &[u8], digest: &Digest, after: &[u8], out: &mut Value<'_>) {
    out.put(before);
    out.put(&digest.letters());
    out.put(after);
}

/// Country code, the area `000` that no plan assigns, nine digits: never over E.164's fifteen.
fn phone(code: Option<kept::CallingCode>, digest: &Digest, out: &mut Value<'_>) {
    if let Some(code) = code {
        out.put(b"+");
        out.put(code.as_bytes());
        out.put(b" ");
    }
    out.put(b"000 ");
    out.put(&digits::<9>(digest.number()));
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
    let middle = digits::<11>(digest.number());
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

fn network(digest: &Digest, out: &mut Value<'_>) {
    // Writing to a value cannot fail.
    let _ = write!(out, "{}", Ipv6Addr::from(masked_address(digest)));
}

/// Writes the mask of a value of any reviewed type.
pub(super) fn value(
    reviewed: Reviewed,
    label: Label,
    format: Format,
    digest: &Digest,
    clear: &[u8],
    out: &mut Value<'_>,
) {
    match reviewed {
        Reviewed::Text | Reviewed::Padded => text(label, digest, clear, out),
        Reviewed::Int2 | Reviewed::Int4 | Reviewed::Int8 | Reviewed::Numeric => {
            number(reviewed, format, masked_number(reviewed, label, digest), out);
        }
        Reviewed::Date => date(format, digest, out),
        Reviewed::Timestamp => timestamp(format, digest, b"", out),
        Reviewed::TimestampTz => timestamp(format, digest, b"+00", out),
        Reviewed::Uuid => uuid(format, digest, out),
        Reviewed::Inet => inet(format, digest, out),
    }
}

/// A number that its type can hold; a salary or a year of birth looks like one. It may collide.
fn masked_number(reviewed: Reviewed, label: Label, digest: &Digest) -> u64 {
    let number = digest.number();
    match (label, reviewed) {
        (Label::BirthDate, _) => 1_930 + number % 80,
        (Label::Salary, Reviewed::Int2) => 1_000 + number % 9_000,
        (Label::Salary, _) => 10_000 + number % 90_000,
        (_, Reviewed::Int2) => number >> 49,
        (_, Reviewed::Int4) => number >> 33,
        // 53 bits: what a JavaScript client can hold.
        _ => number >> 11,
    }
}

fn number(reviewed: Reviewed, format: Format, number: u64, out: &mut Value<'_>) {
    match (format, reviewed) {
        (Format::Text, _) => {
            // Writing to a value cannot fail.
            let _ = write!(out, "{number}");
        }
        (Format::Binary, Reviewed::Int2) => out.put(&(number as i16).to_be_bytes()),
        (Format::Binary, Reviewed::Int4) => out.put(&(number as i32).to_be_bytes()),
        (Format::Binary, Reviewed::Int8) => out.put(&number.to_be_bytes()),
        (Format::Binary, _) => {
            let (bytes, length) = whole_to_binary(number);
            out.put(bytes.get(..length).unwrap_or_default());
        }
    }
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
    let days = masked_days(digest);
    let second = i64::try_from(digest.second_number() % DAY_SECONDS).unwrap_or_default();
    match format {
        Format::Binary => out.put(&(days * DAY_MICROS + second * MICROS).to_be_bytes()),
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
    let bytes = ((version & !(0b11 << 62)) | (0b10 << 62)).to_be_bytes();
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
    if format == Format::Text {
        return network(digest, out);
    }
    let address = masked_address(digest);
    out.put(&[INET_V6, 128, 0, 16]);
    out.put(&address);
}
