use super::*;

const BIRTH: Birth = Birth { year: 1987, month: 4, day: 9 };

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn luhn_gives_the_digits_of_published_numbers() {
    assert_eq!(luhn_digit("424242424242424"), '2');
    assert_eq!(luhn_digit("37828224631000"), '5');
    assert_eq!(luhn_digit("7992739871"), '3');
}

#[test]
fn every_card_passes_luhn_however_it_is_written() {
    let mut random = Random::of_row("cards", 1);
    for _ in 0..500 {
        let card = card(&mut random);
        let digits = digits_of(&card);
        assert!(matches!(digits.len(), 15 | 16), "{card}");
        let (body, check) = digits.split_at(digits.len() - 1);
        assert_eq!(luhn_digit(body).to_string(), check, "{card}");
    }
}

#[test]
fn every_account_number_leaves_one_modulo_97() {
    let mut random = Random::of_row("accounts", 1);
    for (country, pattern) in [("DE", "##################"), ("NL", "DEMO##########")] {
        for _ in 0..200 {
            let iban = iban(country, pattern, &mut random);
            let (head, account) = iban.split_at(4);
            assert_eq!(remainder_97(&format!("{account}{head}")), 1, "{iban}");
        }
    }
    // The example of the standard's registry.
    assert_eq!(remainder_97("370400440532013000DE89"), 1);
}

#[test]
fn national_ids_carry_the_check_digits_of_their_countries() {
    let mut random = Random::of_row("ids", 1);
    for _ in 0..200 {
        let bsn = digits_of(&national_id("NL", BIRTH, &mut random));
        let sum: i64 = values(&bsn)
            .zip([9, 8, 7, 6, 5, 4, 3, 2, -1])
            .map(|(digit, weight)| i64::from(digit) * weight)
            .sum();
        assert_eq!((bsn.len(), sum % 11), (9, 0), "{bsn}");

        let pesel = national_id("PL", BIRTH, &mut random);
        let sum: u32 =
            values(&pesel).zip([1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).map(|(digit, weight)| digit * weight).sum();
        assert!(pesel.starts_with("870409") && sum.is_multiple_of(10), "{pesel}");

        let nir = digits_of(&national_id("FR", BIRTH, &mut random));
        let (number, key) = nir.split_at(13);
        let parse = |text: &str| text.parse::<u64>().expect("is a number");
        assert_eq!((parse(number) + parse(key)) % 97, 0, "{nir}");

        let personal = digits_of(&national_id("SE", BIRTH, &mut random));
        assert!(personal.ends_with(luhn_digit(&personal[..9])), "{personal}");
    }
}

#[test]
fn a_german_tax_id_passes_its_check() {
    let mut random = Random::of_row("tax", 1);
    for _ in 0..200 {
        let id = national_id("DE", BIRTH, &mut random);
        // ISO 7064 the other way round: the check digit included, the rest is 1.
        let product = values(&id[..10]).fold(10, |product, digit| match (digit + product) % 10 {
            0 => 10 * 2 % 11,
            sum => sum * 2 % 11,
        });
        let last = values(&id[10..]).next().expect("has a last digit");
        assert_eq!((last + product) % 10, 1, "{id}");
    }
}

#[test]
fn a_brazilian_number_has_both_check_digits() {
    let mut random = Random::of_row("cpf", 1);
    for _ in 0..200 {
        let cpf = digits_of(&national_id("BR", BIRTH, &mut random));
        for (place, first) in [(9, 10), (10, 11)] {
            let sum: u32 =
                values(&cpf[..place]).zip((2..=first).rev()).map(|(digit, weight)| digit * weight).sum();
            let expected = sum * 10 % 11 % 10;
            assert_eq!(values(&cpf[place..]).next(), Some(expected), "{cpf}");
        }
    }
}
