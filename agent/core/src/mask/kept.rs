//! The only parts of a clear value that a mask may show: a phone's country code, a card's last four
//! digits, an IBAN's country. Each comes from a closed table or has a fixed short length, so that no
//! hostile or odd value can carry more through. [`super::sql`] reads the same parts by the same rules.

use std::ops::RangeInclusive;

/// Country calling codes of one and two digits (ITU-T E.164); every other code has three.
const SHORT_CODES: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// The first two digits of assigned codes of three digits.
const LONG_CODE_STARTS: [&str; 23] = [
    "21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69", "80",
    "85", "87", "88", "96", "97", "99",
];

/// Most digits of a telephone number (E.164), with room for an international prefix.
pub(super) const PHONE_DIGITS: RangeInclusive<usize> = 7..=17;

/// Digits of a payment card (ISO/IEC 7812).
pub(super) const CARD_DIGITS: RangeInclusive<usize> = 13..=19;

/// Longest text, in bytes, that is looked at as a telephone or card number.
pub(super) const LONGEST_NUMBER: usize = 64;

/// What may stand between the digits of a telephone number.
pub(super) const PHONE_MARKS: &str = " -./()";

/// What may stand between the digits of a card number.
pub(super) const CARD_MARKS: &str = " -";

/// Countries in the IBAN registry.
pub(super) const IBAN_COUNTRIES: [&[u8; 2]; 78] = [
    b"AD", b"AE", b"AL", b"AT", b"AZ", b"BA", b"BE", b"BG", b"BH", b"BR", b"BY", b"CH", b"CR", b"CY", b"CZ",
    b"DE", b"DK", b"DO", b"EE", b"EG", b"ES", b"FI", b"FO", b"FR", b"GB", b"GE", b"GI", b"GL", b"GR", b"GT",
    b"HR", b"HU", b"IE", b"IL", b"IQ", b"IS", b"IT", b"JO", b"KW", b"KZ", b"LB", b"LC", b"LI", b"LT", b"LU",
    b"LV", b"LY", b"MC", b"MD", b"ME", b"MK", b"MR", b"MT", b"MU", b"NL", b"NO", b"PK", b"PL", b"PS", b"PT",
    b"QA", b"RO", b"RS", b"RU", b"SA", b"SC", b"SD", b"SE", b"SI", b"SK", b"SM", b"SO", b"ST", b"TN", b"TR",
    b"UA", b"VA", b"VG",
];

/// The country code of a number in international form, without its `+`.
pub(crate) fn calling_code(phone: &[u8]) -> Option<CallingCode> {
    let (characters, count) = without_marks(phone, PHONE_MARKS)?;
    let characters = characters.get(..count)?;
    let digits = characters.strip_prefix(b"+").or_else(|| characters.strip_prefix(b"00"))?;
    if !PHONE_DIGITS.contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let first = digits.first_chunk::<3>()?;
    let [a, b, _] = first.map(|digit| digit.wrapping_sub(b'0'));
    let length = code_length(a * 10 + b);
    (length > 0).then(|| CallingCode::of(*first, length)).flatten()
}

/// How many digits the country code has that begins with these two; 0 if none does.
pub(super) fn code_length(first_two: u8) -> usize {
    let [a, b] = [first_two / 10, first_two % 10].map(|digit| digit.wrapping_add(b'0'));
    let is = |known: &&&str| known.as_bytes() == [a] || known.as_bytes() == [a, b];
    match SHORT_CODES.iter().find(is) {
        Some(short) => short.len(),
        None if LONG_CODE_STARTS.iter().any(|start| start.as_bytes() == [a, b]) => 3,
        None => 0,
    }
}

/// The bytes of a short text that are no marks, and how many they are.
fn without_marks(text: &[u8], marks: &str) -> Option<([u8; LONGEST_NUMBER], usize)> {
    if text.len() > LONGEST_NUMBER {
        return None;
    }
    let mut rest = [0; LONGEST_NUMBER];
    let kept = text.iter().filter(|byte| !marks.as_bytes().contains(byte));
    let count = rest.iter_mut().zip(kept).map(|(slot, byte)| *slot = *byte).count();
    Some((rest, count))
}

/// One to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallingCode {
    digits: [u8; 3],
    length: usize,
}

impl CallingCode {
    fn of(digits: [u8; 3], length: usize) -> Option<Self> {
        digits.get(..length)?.iter().all(u8::is_ascii_digit).then_some(Self { digits, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }
}

/// The last four digits of what has the form of a card number.
pub(super) fn last_four(card: &[u8]) -> Option<[u8; 4]> {
    let (characters, count) = without_marks(card, CARD_MARKS)?;
    let digits = characters.get(..count)?;
    let plain = CARD_DIGITS.contains(&count) && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| digits.last_chunk::<4>().copied()).flatten()
}

/// The country of what begins as an IBAN does.
pub(crate) fn iban_country(iban: &[u8]) -> Option<&'static [u8; 2]> {
    let first = iban.first_chunk::<2>()?.map(|byte| byte.to_ascii_uppercase());
    let [_, _, check @ ..] = iban else { return None };
    let digits = check.first_chunk::<2>()?;
    let known = IBAN_COUNTRIES.into_iter().find(|country| **country == first);
    digits.iter().all(u8::is_ascii_digit).then_some(known).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(phone: &str) -> Option<String> {
        calling_code(phone.as_bytes()).map(|code| String::from_utf8_lossy(code.as_bytes()).into_owned())
    }

    #[test]
    fn only_an_assigned_country_code_is_kept() {
        assert_eq!(code("+49 170 1234567").as_deref(), Some("49"));
        assert_eq!(code("+1 (415) 555-0132").as_deref(), Some("1"));
        assert_eq!(code("00351 912 345 678").as_deref(), Some("351"));
        assert_eq!(code("0170 1234567"), None);
        assert_eq!(code("+49 call me maybe 12345678"), None);
        assert_eq!(code("+49"), None);
        assert_eq!(code("+49123456789012345678"), None);
        assert_eq!(code("+00 170 1234567"), None);
        assert_eq!(code("(+49) 170 1234567").as_deref(), Some("49"));
        assert_eq!(code(&format!("+49 1701234567{}", " ".repeat(LONGEST_NUMBER))), None);
    }

    #[test]
    fn only_a_card_number_keeps_its_last_four() {
        assert_eq!(last_four(b"4111 1111 1111 1234"), Some(*b"1234"));
        assert_eq!(last_four(b"378282246310005"), Some(*b"0005"));
        assert_eq!(last_four(b"1234"), None);
        assert_eq!(last_four(b"pin is 4111111111111234"), None);
    }

    #[test]
    fn only_a_country_of_the_registry_is_kept() {
        assert_eq!(iban_country(b"de89370400440532013000"), Some(b"DE"));
        assert_eq!(iban_country(b"XX89370400440532013000"), None);
        assert_eq!(iban_country(b"DEAR customer"), None);
    }
}
