//! Masks of texts, and the parts of a clear text that [`crate::mask::kept`] lets through. Texts are looked at
//! by the numbers of their characters: no collation has a say in it.

use std::ops::RangeInclusive;

use connect_shared::label::Label;

use super::{
    number::{date_text, digits},
    shape::{Source, capitals, hexadecimal, letters},
    term::{call, chain, joined, let_once, literal, operator, plain, utf8},
};
use crate::mask::{
    kept::{CARD_DIGITS, CARD_MARKS, IBAN_COUNTRIES, LONGEST_NUMBER, PHONE_DIGITS, PHONE_MARKS, code_length},
    render::{CARD_MIDDLE, SUBSCRIBER, neutral_text},
    wrapping::Wrapping,
};

const DIGITS: &str = "0123456789";

pub(super) fn mask(source: &Source<'_>, digest: &str) -> String {
    if let Some(wrapping) = Wrapping::new(source.label, source.room) {
        return wrapped(&wrapping, digest);
    }
    match source.label {
        Label::Phone => phone(source, digest),
        Label::Card => card(source, digest),
        Label::Iban => iban(source, digest),
        Label::NetworkAddress => network(source, digest),
        Label::BirthDate => date_text(digest),
        // None of these is masked by value.
        label => literal(std::str::from_utf8(neutral_text(label)).unwrap_or_default()),
    }
}

fn wrapped(wrapping: &Wrapping, digest: &str) -> String {
    let (before, after) = (literal(wrapping.before), literal(wrapping.after));
    let letters = letters(digest, wrapping.letters);
    if wrapping.after.is_empty() {
        joined(&[&before, &letters])
    } else {
        joined(&[&before, &letters, &after])
    }
}

/// The number of a text's character, counted from 1; 0 behind its end.
fn character(text: &str, place: usize) -> String {
    call("ascii", &[&call("substr", &[text, &place.to_string(), "1"])])
}

fn is_character(text: &str, place: usize, character_code: char) -> String {
    operator(character(text, place), "=", u32::from(character_code))
}

fn is_digit(text: &str, place: usize) -> String {
    let within = |comparison, bound: char| operator(character(text, place), comparison, u32::from(bound));
    format!("{} AND {}", within(">=", '0'), within("<=", '9'))
}

fn has_length(text: &str, lengths: &RangeInclusive<usize>) -> String {
    let length = call("octet_length", &[text]);
    let within = |comparison, bound| operator(&length, comparison, bound);
    format!("{} AND {}", within(">=", lengths.start()), within("<=", lengths.end()))
}

/// The text without these characters.
fn without(text: &str, characters: &str) -> String {
    call("translate", &[text, &literal(characters), "''"])
}

fn is_all_digits(text: &str) -> String {
    operator(call("octet_length", &[&without(text, DIGITS)]), "=", 0)
}

/// A short text without its marks; NULL for a long one, which is no number of anything.
fn without_marks(source: &Source<'_>, marks: &str) -> String {
    let short = operator(call("octet_length", &[&source.text()]), "<=", LONGEST_NUMBER);
    format!("CASE WHEN {short} THEN {} END", without(&source.text(), marks))
}

fn phone(source: &Source<'_>, digest: &str) -> String {
    let [compact, national] = ["compact", "international"].map(|name| format!("{}_{name}", source.word));
    let rest = |from: usize| call("substr", &[&compact, &from.to_string()]);
    let prefixed = format!(
        "CASE WHEN {} THEN {} WHEN {} AND {} THEN {} END",
        is_character(&compact, 1, '+'),
        rest(2),
        is_character(&compact, 1, '0'),
        is_character(&compact, 2, '0'),
        rest(3)
    );
    let number = let_once(&without_marks(source, PHONE_MARKS), &compact, &prefixed);
    let code = let_once(&number, &national, &calling_code(&national));
    joined(&[&format!("COALESCE({code}, '')"), "'000 '", &digits(digest, SUBSCRIBER)])
}

/// `+`, the country code of a number in digits, and a space; NULL if it has none.
fn calling_code(number: &str) -> String {
    // For each two digits that a number begins with, how many digits are its country's.
    let lengths: String = (0..100).map(|two| code_length(two).to_string()).collect();
    let digit = |place| operator(character(number, place), "-", u32::from('0'));
    let two = operator(operator(digit(1), "*", 10), "+", digit(2));
    let place = operator(two, "+", 1);
    let length =
        operator(call("ascii", &[&call("substr", &[&literal(&lengths), &place, "1"])]), "-", u32::from('0'));
    format!(
        "CASE WHEN {} AND {} THEN CASE WHEN {} THEN {} END END",
        has_length(number, &PHONE_DIGITS),
        is_all_digits(number),
        operator(&length, ">", 0),
        joined(&["'+'", &call("left", &[number, &length]), "' '"])
    )
}

/// Cards have this many digits.
const CARD: usize = 1 + CARD_MIDDLE + 4;

fn card(source: &Source<'_>, digest: &str) -> String {
    let [compact, card, bytes] = ["compact", "card", "bytes"].map(|name| format!("{}_{name}", source.word));
    let last_four = format!(
        "CASE WHEN {} AND {} THEN {} END",
        has_length(&compact, &CARD_DIGITS),
        is_all_digits(&compact),
        call("right", &[&compact, "4"])
    );
    let last_four = let_once(&without_marks(source, CARD_MARKS), &compact, &last_four);
    let composed = joined(&["'0'", &digits(digest, CARD_MIDDLE), &format!("COALESCE({last_four}, '0000')")]);
    // One digit more: '9' becomes '0'.
    let place = operator(character(&card, 2), "-", u32::from('0') - 1);
    let next = call("substr", &["'1234567890'", &place, "1"]);
    let failing = format!(
        "CASE WHEN {} THEN {} ELSE {card} END",
        passes_luhn(&bytes),
        call("overlay", &[&card, &next, "2", "1"])
    );
    let_once(&composed, &card, &let_once(&utf8(&card), &bytes, &failing))
}

/// Luhn's check over the bytes of [`CARD`] digits: from the right every second one counts double, and one
/// more if that has two digits. What the byte of `0` adds is taken off at the end.
fn passes_luhn(bytes: &str) -> String {
    let zero = u32::from('0');
    let mut terms = Vec::new();
    let mut surplus = 0;
    for place in 0..CARD {
        let byte = call("get_byte", &[bytes, &place.to_string()]);
        if (CARD - place).is_multiple_of(2) {
            let carry = operator(operator(&byte, "-", zero), "/", 5);
            terms.push(operator(operator(&byte, "*", 2), "+", carry));
            surplus += 2 * zero;
        } else {
            terms.push(byte);
            surplus += zero;
        }
    }
    let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
    operator(operator(chain(&terms, "+"), "%", 10), "=", surplus % 10)
}

/// Country, `00`, letters.
fn iban(source: &Source<'_>, digest: &str) -> String {
    let text = source.text();
    let country = call("upper", &[&plain(&call("substr", &[&text, "1", "2"]))]);
    let list = IBAN_COUNTRIES.map(|country| String::from_utf8_lossy(country).into_owned()).join(" ");
    // A country is where a place of the list is one behind a multiple of three; 0 is none.
    let before = operator(call("strpos", &[&literal(&list), &country]), "-", 1);
    let kept = format!(
        "CASE WHEN {} AND {} AND {} THEN {country} END",
        operator(operator(before, "%", 3), "=", 0),
        is_digit(&text, 3),
        is_digit(&text, 4)
    );
    joined(&[&format!("COALESCE({kept}, 'XX')"), "'00'", &capitals(digest)])
}

/// An address of the documentation prefix with 96 bits of the digest.
pub(super) fn network(source: &Source<'_>, digest: &str) -> String {
    let digits = format!("{}_digits", source.word);
    let group = |place: usize| call("substr", &[&digits, &(place * 4 + 1).to_string(), "4"]);
    let groups: Vec<String> = (2..8).map(group).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let address =
        joined(&["'2001:db8:'", &groups.join(" OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) ")]);
    let_once(&hexadecimal(digest), &digits, &address)
}
