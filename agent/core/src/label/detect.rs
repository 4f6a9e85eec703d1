//! The table of contents: which shapes of values stand for which label, and how many of them it takes.

use std::sync::LazyLock;

use connect_shared::label::Label;
use regex::Regex;

use super::{checks, first_names::is_first_name, network, secrets::holds_secret, tokens::folded};
use crate::mask::kept::calling_code;

/// How a value fits a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is the value.
    Whole,
    /// It is somewhere in a longer text.
    Inside,
}

/// What a few fitting values in a column of others mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Few {
    /// Personal data in free text.
    FreeText,
    /// Chance: identifiers fit now and then.
    Chance,
}

/// One line of the table.
pub(super) struct Detector {
    pub(super) name: &'static str,
    pub(super) label: Label,
    pub(super) fit: fn(&str) -> Option<Fit>,
    /// Per cent of the values that it takes, and at least so many (or all, if there are fewer).
    pub(super) share: usize,
    pub(super) least: usize,
    pub(super) few: Few,
}

macro_rules! detector {
    ($name:literal, $label:ident, $fit:expr, $share:literal %, $least:literal, $few:ident) => {
        Detector {
            name: $name,
            label: Label::$label,
            fit: $fit,
            share: $share,
            least: $least,
            few: Few::$few,
        }
    };
}

/// Sure ones first: the first that has its share decides.
pub(super) const DETECTORS: &[Detector] = &[
    detector!("secret", Secret, secret, 0 %, 1, FreeText),
    detector!("e-mail", Email, email, 20 %, 1, FreeText),
    detector!("iban", Iban, iban, 20 %, 1, FreeText),
    detector!("us-ssn", NationalId, ssn, 30 %, 1, FreeText),
    detector!("phone", Phone, phone, 30 %, 1, FreeText),
    detector!("card", Card, card, 60 %, 3, Chance),
    detector!("italian-tax-code", NationalId, |v| whole(checks::is_italian_tax_code(v)), 20 %, 1, FreeText),
    detector!("french-nir", NationalId, |v| whole(checks::is_french_nir(v)), 50 %, 2, Chance),
    detector!("spanish-id", NationalId, |v| whole(checks::is_spanish_id(v)), 50 %, 2, Chance),
    detector!("brazilian-cpf", NationalId, |v| whole(checks::is_brazilian_cpf(v)), 30 %, 2, Chance),
    detector!("british-nino", NationalId, |v| whole(checks::is_british_nino(v)), 60 %, 3, Chance),
    detector!("german-tax-id", NationalId, |v| whole(checks::is_german_tax_id(v)), 80 %, 5, Chance),
    detector!("polish-pesel", NationalId, |v| whole(checks::is_polish_pesel(v)), 80 %, 5, Chance),
    detector!("dutch-bsn", NationalId, |v| whole(checks::is_dutch_bsn(v)), 80 %, 5, Chance),
    detector!("local-phone", Phone, |v| whole(is_local_phone(v)), 60 %, 3, Chance),
    detector!("network-address", NetworkAddress, |v| whole(network::is_address(v)), 60 %, 2, Chance),
    detector!("place", Location, |v| whole(network::is_place(v)), 60 %, 2, Chance),
    detector!("street", Address, |v| whole(is_street(v)), 30 %, 2, Chance),
    detector!("given-name", PersonName, |v| whole(is_person(v)), 30 %, 3, Chance),
];

fn whole(fits: bool) -> Option<Fit> {
    fits.then_some(Fit::Whole)
}

pub(super) fn secret(value: &str) -> Option<Fit> {
    whole(holds_secret(value))
}

/// A pattern of this file. `None` is excluded by a test; a detector without its pattern fits everything.
struct Pattern(LazyLock<Option<Regex>>);

impl Pattern {
    const fn new(compile: fn() -> Option<Regex>) -> Self {
        Self(LazyLock::new(compile))
    }

    /// How the first place that passes `check` fits.
    fn find(&self, value: &str, check: impl Fn(&str) -> bool) -> Option<Fit> {
        let Some(pattern) = self.0.as_ref() else { return Some(Fit::Inside) };
        let found = pattern.find_iter(value).find(|found| check(found.as_str()))?;
        Some(if found.len() == value.len() { Fit::Whole } else { Fit::Inside })
    }
}

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: Pattern = Pattern::new(|| Regex::new($text).ok());
    };
}

pattern!(EMAIL, r"[\p{L}0-9._%+'-]+@(?:[\p{L}0-9-]+\.)+\p{L}{2,24}");
pattern!(IBAN, r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b");
pattern!(SSN, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b");
pattern!(PHONE, r"(?:\+|\b00)[1-9][0-9 ()./-]{6,20}[0-9]\b");
pattern!(DIALLED, r"\+[1-9][0-9 ()./-]{6,20}[0-9]");
pattern!(CARD, r"\b[0-9](?:[ -]?[0-9]){12,18}\b");
pattern!(LOCAL_PHONE, r"^(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}$");
pattern!(
    STREET,
    r"(?i)(?:\b(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|drive|court|platz|allee|weg|damm|ufer|straat|laan|ulica|ul|rue|calle|via|piazza|plaza|avenida|rua|viale|corso|impasse|chemin)\b|(?:strasse|straße|str|gasse|weg|platz|straat|laan|gracht)\b)"
);

/// Domains of documentation and tests (RFC 2606 and 6761).
const NOBODYS_DOMAINS: [&str; 4] = [".invalid", ".test", ".example", ".localhost"];
const NOBODYS_HOSTS: [&str; 3] = ["example.com", "example.net", "example.org"];
const ROLES: [&str; 6] = ["git", "noreply", "no-reply", "donotreply", "postmaster", "mailer-daemon"];

fn is_somebodys_email(address: &str) -> bool {
    let lower = address.to_lowercase();
    let Some((local, domain)) = lower.split_once('@') else { return false };
    let host = NOBODYS_HOSTS.iter().any(|host| {
        domain.strip_suffix(host).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    !host && !ROLES.contains(&local) && !NOBODYS_DOMAINS.iter().any(|end| domain.ends_with(end))
}

pub(super) fn email(value: &str) -> Option<Fit> {
    if !value.contains('@') {
        return None;
    }
    EMAIL.find(value, is_somebodys_email)
}

pub(super) fn iban(value: &str) -> Option<Fit> {
    IBAN.find(value, checks::is_iban)
}

pub(super) fn ssn(value: &str) -> Option<Fit> {
    SSN.find(value, checks::is_us_ssn)
}

fn phone(value: &str) -> Option<Fit> {
    PHONE.find(value, |found| calling_code(found.as_bytes()).is_some())
}

/// A number as it is dialled from abroad: the other sign for that, two zeros, begins many numbers.
pub(super) fn dialled(value: &str) -> Option<Fit> {
    DIALLED.find(value, |found| calling_code(found.as_bytes()).is_some())
}

/// A card number inside of other text counts only where there are words: long numbers lie in many places.
pub(super) fn card(value: &str) -> Option<Fit> {
    let fit = CARD.find(value, checks::is_card)?;
    (fit == Fit::Whole || (has_words(value) && !value.contains(['{', '[']))).then_some(fit)
}

fn has_words(value: &str) -> bool {
    value.split(|letter: char| !letter.is_alphabetic()).filter(|word| word.len() > 2).count() > 1
}

fn is_local_phone(value: &str) -> bool {
    LOCAL_PHONE.find(value, |_| true) == Some(Fit::Whole)
}

/// A street and a number, at most eight words.
fn is_street(value: &str) -> bool {
    let words = value.split_whitespace().count();
    let number = value.split([' ', ',']).any(|word| word.bytes().next().is_some_and(|b| b.is_ascii_digit()));
    let short = (2..=12).contains(&words) && value.len() <= 120;
    short && number && STREET.find(value, |_| true).is_some()
}

/// Small words inside of family names.
const PARTICLES: [&str; 12] = ["von", "van", "de", "der", "den", "di", "da", "del", "la", "dos", "du", "ter"];

/// One to four capitalised words, particles aside, of which one of the first two is a given name.
fn is_person(value: &str) -> bool {
    let words: Vec<&str> = value
        .split([' ', ','])
        .filter(|word| !word.is_empty() && !PARTICLES.contains(word))
        .take(5)
        .collect();
    let capitalised = words.iter().all(|word| {
        let name = word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '.'));
        name && word.chars().next().is_some_and(char::is_uppercase)
    });
    let given = |word: &&str| word.split('-').next().is_some_and(|first| is_first_name(&folded(first)));
    (1..=4).contains(&words.len()) && capitalised && words.iter().take(2).any(given)
}

/// Digits and marks as telephone numbers have them, in any national form.
pub(super) fn is_phone_like(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let marks = value.bytes().all(|b| b.is_ascii_digit() || b" +-()./x".contains(&b));
    marks && (6..=16).contains(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&EMAIL, &IBAN, &SSN, &PHONE, &DIALLED, &CARD, &LOCAL_PHONE, &STREET] {
            assert!(pattern.0.is_some());
        }
    }

    #[test]
    fn addresses_of_documentation_and_roles_are_nobodys() {
        for nobodys in
            ["a@example.com", "b@mail.example.org", "c@x.invalid", "git@github.com", "noreply@shop.de"]
        {
            assert_eq!(email(nobodys), None, "{nobodys}");
        }
        assert_eq!(email("jürgen.müller@müller-bau.de"), Some(Fit::Whole));
        assert_eq!(email("write to anna@web.de please"), Some(Fit::Inside));
        assert_eq!(email("b@notexample.com"), Some(Fit::Whole));
    }

    #[test]
    fn numbers_inside_of_vectors_are_no_cards() {
        assert_eq!(card("[0.4111111111111111,0.25]"), None);
        assert_eq!(card("my card is 4111 1111 1111 1111, thanks"), Some(Fit::Inside));
        assert_eq!(card("4111111111111111"), Some(Fit::Whole));
    }

    #[test]
    fn people_are_told_from_products_and_places() {
        for person in
            ["Anna Schmidt", "Jean-Luc Picard", "Müller, Hans", "Ana Lucía de la Cruz", "Peter van Dyk"]
        {
            assert!(is_person(person), "{person}");
        }
        for other in
            ["Blue Running Shoes", "New York", "Paris", "pending", "Anna's book of 1001 nights", "ACME"]
        {
            assert!(!is_person(other), "{other}");
        }
    }
}
