//! Check digits. Each test takes a value as written and is true only if form and digits fit.

use crate::mask::{kept::iban_country, luhn::passes_luhn};

/// Digits of a value in which nothing but digits and the given separators may stand.
fn digits_with(value: &str, separators: &[char]) -> Option<Vec<u8>> {
    value
        .chars()
        .filter(|letter| !separators.contains(letter))
        .map(|letter| letter.to_digit(10).and_then(|digit| u8::try_from(digit).ok()))
        .collect()
}

fn fixed<const LENGTH: usize>(value: &str, separators: &[char]) -> Option<[u8; LENGTH]> {
    digits_with(value, separators)?.try_into().ok()
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Prefix and length of the card schemes, and Luhn.
pub(super) fn is_card(value: &str) -> bool {
    let Some(digits) = digits_with(value, &[' ', '-']) else { return false };
    let text: Vec<u8> = digits.iter().map(|digit| digit + b'0').collect();
    let number = text.iter().take(4).fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let scheme = match digits.len() {
        15 => matches!(number, 3_400..=3_499 | 3_700..=3_799),
        14 => matches!(number, 3_000..=3_059 | 3_600..=3_699 | 3_800..=3_899),
        16 => matches!(number, 2_221..=2_720 | 3_528..=3_589 | 4_000..=5_999 | 6_011 | 6_440..=6_599),
        13 | 19 => matches!(number, 4_000..=4_999),
        _ => false,
    };
    // One digit all along is a placeholder.
    scheme && text.iter().any(|digit| text.first() != Some(digit)) && passes_luhn(&text)
}

/// ISO 13616: country of the registry, length, and remainder 1 modulo 97.
pub(super) fn is_iban(value: &str) -> bool {
    let compact: String = value.chars().filter(|letter| *letter != ' ').collect();
    let plain = compact.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(15..=34).contains(&compact.len()) || iban_country(compact.as_bytes()).is_none() {
        return false;
    }
    let (head, rest) = compact.split_at(4);
    let remainder = rest.chars().chain(head.chars()).try_fold(0, |remainder, letter| {
        let number = letter.to_digit(36)?;
        Some(if number < 10 { (remainder * 10 + number) % 97 } else { (remainder * 100 + number) % 97 })
    });
    remainder == Some(1)
}

/// US social security number, written with dashes: no area 000, 666 or 900 and above.
pub(super) fn is_us_ssn(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    let plain = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    plain
        && (area.len(), group.len(), serial.len()) == (3, 2, 4)
        && !matches!(*area, "000" | "666")
        && !area.starts_with('9')
        && *group != "00"
        && *serial != "0000"
}

/// Germany, Steuer-Identifikationsnummer: ISO 7064 MOD 11,10.
pub(super) fn is_german_tax_id(value: &str) -> bool {
    let Some(digits) = fixed::<11>(value, &[' ']) else { return false };
    let [body @ .., check] = digits;
    let product = body.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    body.first() != Some(&0) && (11 - product) % 10 == u32::from(check)
}

/// Spain, DNI and NIE: the letter is the number modulo 23.
pub(super) fn is_spanish_id(value: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let compact = value.trim().replace(['-', ' '], "").to_ascii_uppercase();
    let Some((body, letter)) = compact.split_at_checked(8) else { return false };
    let body = match body.chars().next() {
        Some('X') => body.replacen('X', "0", 1),
        Some('Y') => body.replacen('Y', "1", 1),
        Some('Z') => body.replacen('Z', "2", 1),
        _ => body.to_owned(),
    };
    let Ok(number) = body.parse::<usize>() else { return false };
    let plain = body.bytes().all(|byte| byte.is_ascii_digit());
    plain && letter.as_bytes() == LETTERS.get(number % 23..=number % 23).unwrap_or_default()
}

/// France, NIR: 13 digits and 97 minus their remainder. Corsica's letters are left out.
pub(super) fn is_french_nir(value: &str) -> bool {
    let Some(digits) = fixed::<15>(value, &[' ']) else { return false };
    let number = digits.iter().take(13).fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let [sex, .., tens, ones] = digits;
    let month = digits.get(3..5).map_or(0, |pair| pair.iter().fold(0, |month, digit| month * 10 + digit));
    let key = u64::from(tens) * 10 + u64::from(ones);
    matches!(sex, 1..=2) && (1..=12).contains(&month) && 97 - number % 97 == key
}

/// Italy, codice fiscale: form and check letter.
pub(super) fn is_italian_tax_code(value: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let code = value.trim().to_ascii_uppercase();
    let form = b"AAAAAA00A00A000A";
    let fits = code.len() == form.len()
        && code.bytes().zip(form).all(|(byte, form)| match form {
            b'A' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_digit(),
        });
    let sum: u32 = code
        .bytes()
        .take(15)
        .enumerate()
        .map(|(place, byte)| {
            let number = if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') };
            let odd = place % 2 == 0;
            let swapped = ODD.get(usize::from(number)).copied().unwrap_or_default();
            if odd { swapped } else { u32::from(number) }
        })
        .sum();
    fits && code.bytes().last().map(|byte| u32::from(byte.wrapping_sub(b'A'))) == Some(sum % 26)
}

/// The Netherlands, burgerservicenummer: the eleven test.
pub(super) fn is_dutch_bsn(value: &str) -> bool {
    let Some(digits) = fixed::<9>(value, &['.', ' ']) else { return false };
    let [body @ .., check] = digits;
    let sum = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == u32::from(check)
}

/// Poland, PESEL: a date of birth and a check digit.
pub(super) fn is_polish_pesel(value: &str) -> bool {
    let Some(digits) = fixed::<11>(value, &[]) else { return false };
    let [body @ .., check] = digits;
    let [_, _, month_tens, month_ones, day_tens, day_ones, ..] = digits;
    let month = (month_tens * 10 + month_ones) % 20;
    let day = day_tens * 10 + day_ones;
    let sum = weighted(&body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    (1..=12).contains(&month) && (1..=31).contains(&day) && (10 - sum % 10) % 10 == u32::from(check)
}

/// Brazil, CPF, written with its separators: two check digits.
pub(super) fn is_brazilian_cpf(value: &str) -> bool {
    let Some(digits) = fixed::<11>(value, &['.', '-']) else { return false };
    let check = |take: usize| {
        let weights: Vec<u32> = (2..=11).rev().skip(10 - take).collect();
        let sum = weighted(digits.get(..take).unwrap_or_default(), &weights);
        (sum * 10 % 11 % 10) as u8
    };
    let same = digits.iter().all(|digit| digits.first() == Some(digit));
    let [.., first, second] = digits;
    !same && value.contains('-') && check(9) == first && check(10) == second
}

/// United Kingdom, national insurance number: prefix rules, six digits, suffix A to D.
pub(super) fn is_british_nino(value: &str) -> bool {
    let compact = value.replace(' ', "").to_ascii_uppercase();
    let [first, second, digits @ .., suffix] = compact.as_bytes() else { return false };
    let prefix = |byte: &u8, banned: &[u8]| byte.is_ascii_uppercase() && !banned.contains(byte);
    prefix(first, b"DFIQUV")
        && prefix(second, b"DFIOQUV")
        && digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(suffix, b'A'..=b'D')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str) -> bool;

    /// Published examples and test numbers.
    #[test]
    fn each_check_takes_its_examples_and_refuses_a_changed_digit() {
        let table: [(&str, Check, &str, &str); 12] = [
            ("card", is_card, "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("amex", is_card, "378282246310005", "378282246310006"),
            ("iban", is_iban, "DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
            ("ssn", is_us_ssn, "078-05-1120", "978-05-1120"),
            ("steuer-id", is_german_tax_id, "86095742719", "86095742718"),
            ("dni", is_spanish_id, "12345678Z", "12345678A"),
            ("nie", is_spanish_id, "X1234567L", "X1234567M"),
            ("nir", is_french_nir, "255081416802538", "255081416802539"),
            ("codice fiscale", is_italian_tax_code, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            ("bsn", is_dutch_bsn, "111222333", "111222334"),
            ("pesel", is_polish_pesel, "44051401359", "44051401358"),
            ("cpf", is_brazilian_cpf, "529.982.247-25", "529.982.247-26"),
        ];
        for (name, check, good, bad) in table {
            assert!(check(good), "{name} {good}");
            assert!(!check(bad), "{name} {bad}");
        }
        assert!(is_british_nino("AB 12 34 56 C"));
        assert!(!is_british_nino("DB123456C"));
    }

    #[test]
    fn no_check_panics_on_odd_texts() {
        let checks: [Check; 11] = [
            is_card,
            is_iban,
            is_us_ssn,
            is_german_tax_id,
            is_spanish_id,
            is_french_nir,
            is_italian_tax_code,
            is_dutch_bsn,
            is_polish_pesel,
            is_brazilian_cpf,
            is_british_nino,
        ];
        for value in
            ["", "é", "ééééééééé", "٣٣٣٣٣٣٣٣٣", "1234567é", "DE", "--", "ÄÖÜ", "DE89é70400440532013000"]
        {
            checks.iter().for_each(|check| assert!(!check(value), "{value}"));
        }
    }
}
