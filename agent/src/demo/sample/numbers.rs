//! Numbers with check digits: cards, bank accounts, national ids. Right in form, invented in content.

use super::random::Random;

/// A card number that passes Luhn, written as people write it. The prefixes are those of the networks'
/// published test cards.
pub fn card(random: &mut Random) -> String {
    let (prefix, length) =
        *random.pick(&[("424242", 16), ("400000", 16), ("555555", 16), ("222300", 16), ("378282", 15)]);
    let mut digits = prefix.to_owned() + &random.digits(length - 1 - prefix.len());
    digits.push(luhn_digit(&digits));
    match random.below(4) {
        0 => grouped(&digits, ' '),
        1 => grouped(&digits, '-'),
        _ => digits,
    }
}

/// By fours; cards of fifteen digits by 4, 6 and 5.
fn grouped(digits: &str, separator: char) -> String {
    let starts: &[usize] = if digits.len() == 15 { &[4, 10] } else { &[4, 8, 12] };
    let mut text = String::with_capacity(digits.len() + starts.len());
    for (place, digit) in digits.chars().enumerate() {
        if starts.contains(&place) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// The digit that makes a number pass Luhn (ISO/IEC 7812-1, annex B).
pub fn luhn_digit(digits: &str) -> char {
    let sum: u32 = values(digits)
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => digit,
        })
        .sum();
    digit((10 - sum % 10) % 10)
}

/// An account number of a country by its pattern (ISO 13616).
pub fn iban(country: &str, pattern: &str, random: &mut Random) -> String {
    let account = random.fill(pattern);
    let check = 98 - remainder_97(&format!("{account}{country}00"));
    format!("{country}{check:02}{account}")
}

/// Letters count as 10 to 35.
fn remainder_97(text: &str) -> u32 {
    text.chars().filter_map(|sign| sign.to_digit(36)).fold(0, |rest, value| {
        let shifted = if value > 9 { rest * 100 } else { rest * 10 };
        (shifted + value) % 97
    })
}

/// Day of birth, for the countries that write it into the number.
#[derive(Debug, Clone, Copy)]
pub struct Birth {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

/// The number by which a country knows a person.
pub fn national_id(country: &str, birth: Birth, random: &mut Random) -> String {
    match country {
        "US" => format!(
            "{:03}-{:02}-{:04}",
            *random.pick(&[123, 219, 318, 457, 512, 574, 601, 731]),
            random.between(1, 99),
            random.between(1, 9999)
        ),
        "GB" => {
            let prefix = *random.pick(&["AB", "CE", "JG", "KR", "NP", "WM"]);
            format!("{prefix} {} {}", random.fill("## ## ##"), *random.pick(&["A", "B", "C", "D"]))
        }
        "DE" => german_tax_id(random),
        "FR" => french_security_number(birth, random),
        "ES" => {
            let number = random.between(10_000_000, 79_999_999);
            let letter =
                "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(usize::try_from(number % 23).unwrap_or_default());
            format!("{number}{}", letter.unwrap_or('T'))
        }
        "NL" => dutch_service_number(random),
        "PL" => weighted(&polish_digits(birth, random), &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3], |sum| {
            (10 - sum % 10) % 10
        }),
        "SE" | "GR" => born_and_luhn(country, birth, random),
        "BR" => brazilian_cpf(random),
        "JP" => {
            let digits = random.digits(11);
            weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], |sum| match sum % 11 {
                0 | 1 => 0,
                rest => 11 - rest,
            })
        }
        // India's PAN: the fourth letter says that it is a person's.
        _ => random.fill("@@@P@####@"),
    }
}

/// ISO 7064, MOD 11,10.
fn german_tax_id(random: &mut Random) -> String {
    let digits = format!("{}{}", random.between(1, 9), random.digits(9));
    let product = values(&digits).fold(10, |product, digit| {
        let sum = match (digit + product) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    let check = match 11 - product {
        10 => 0,
        check => check,
    };
    format!("{digits}{}", digit(check))
}

fn french_security_number(birth: Birth, random: &mut Random) -> String {
    let sex = random.between(1, 2);
    let (place, commune, order) = (random.between(10, 95), random.between(1, 550), random.between(1, 999));
    let year = birth.year.rem_euclid(100);
    let text = format!("{sex}{year:02}{:02}{place:02}{commune:03}{order:03}", birth.month);
    let key = 97 - text.parse::<u64>().unwrap_or_default() % 97;
    format!("{sex} {year:02} {:02} {place:02} {commune:03} {order:03} {key:02}", birth.month)
}

/// The «eleven test»: weights 9 to 2, and -1 for the last digit.
fn dutch_service_number(random: &mut Random) -> String {
    loop {
        let digits = format!("{}{}", random.between(1, 7), random.digits(7));
        let sum: u32 = values(&digits).zip((2..=9).rev()).map(|(digit, weight)| digit * weight).sum();
        // A rest of 10 has no digit; those numbers are not given out.
        if sum % 11 < 10 {
            return format!("{digits}{}", digit(sum % 11));
        }
    }
}

fn polish_digits(birth: Birth, random: &mut Random) -> String {
    // People born from 2000 on have 20 added to the month.
    let month = if birth.year < 2000 { birth.month } else { birth.month + 20 };
    format!("{:02}{month:02}{:02}{}", birth.year.rem_euclid(100), birth.day, random.digits(4))
}

fn born_and_luhn(country: &str, birth: Birth, random: &mut Random) -> String {
    let year = birth.year.rem_euclid(100);
    if country == "SE" {
        let day = format!("{year:02}{:02}{:02}", birth.month, birth.day);
        let serial = random.digits(3);
        format!("{day}-{serial}{}", luhn_digit(&format!("{day}{serial}")))
    } else {
        let digits = format!("{:02}{:02}{year:02}{}", birth.day, birth.month, random.digits(4));
        format!("{digits}{}", luhn_digit(&digits))
    }
}

fn brazilian_cpf(random: &mut Random) -> String {
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    let first = weighted(&random.digits(9), &[10, 9, 8, 7, 6, 5, 4, 3, 2], check);
    let all: Vec<char> = weighted(&first, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2], check).chars().collect();
    let part = |from: usize, to: usize| all[from..to].iter().collect::<String>();
    format!("{}.{}.{}-{}", part(0, 3), part(3, 6), part(6, 9), part(9, 11))
}

/// The digits and one more, made from their weighted sum.
fn weighted(digits: &str, weights: &[u32], check: impl Fn(u32) -> u32) -> String {
    let sum = values(digits).zip(weights).map(|(digit, weight)| digit * weight).sum();
    format!("{digits}{}", digit(check(sum)))
}

fn values(digits: &str) -> impl DoubleEndedIterator<Item = u32> {
    digits.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0')))
}

fn digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

#[cfg(test)]
mod tests;
