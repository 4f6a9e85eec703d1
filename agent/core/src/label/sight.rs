//! Values that show by themselves what they are, wherever they turn up: the net under the labels, for results of
//! columns that look harmless by name and sample.
//!
//! One pass over the bytes of many rows finds where anything could be ([`may_show`]); only there the rules look
//! closer ([`seen`]). Only rules with a check of their own count, or of shapes that nothing else has: a value that
//! is hidden without need breaks somebody's work.

use std::{borrow::Cow, sync::LazyLock};

use connect_shared::label::Label;
use regex::bytes::Regex;

use super::detect::{self, Fit};
use crate::{catalog::Oid, mask::types::*};

/// What every value that is seen has in it. Wider than the rules, in bytes, and without a case: one automaton.
const CANDIDATES: &str = r"(?-u)(?:@[0-9A-Za-z\x80-\xff-]+\.|\+[1-9][0-9 ()./-]{6}|[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9](?:[ -]?[0-9]){12}|[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}|eyJ[A-Za-z0-9_-]{8}|PRIVATE KEY|[a-z]{2}_(?:live|test|prod)_|whsec_|gh[pousr]_|github_pat_|glpat-|npm_|pypi-|xox[abeoprs]-|AIza|ya29\.|SG\.|sk-|AKIA|ASIA|AGE-SECRET|\$(?:[1567y2]|gy|argon|scrypt|pbkdf|apr)|[0-9a-z_]\$|\{[A-Z]+[0-9]*\}|SCRAM-SHA|md5[0-9a-f]{32}|://[^\s/:@]*:|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|[Pp][Ww][Dd]|[Aa][Cc][Cc][Oo][Uu][Nn][Tt][Kk][Ee][Yy]|[Ss][Hh][Aa][Rr][Ee][Dd][Aa][Cc][Cc][Ee][Ss][Ss]|[Bb][Ee][Aa][Rr][Ee][Rr])";

static CANDIDATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(CANDIDATES).ok());

/// A rule and the label of what it finds.
type Rule = (Label, fn(&str) -> Option<Fit>);

const RULES: [Rule; 6] = [
    (Label::Secret, detect::secret),
    (Label::Email, detect::email),
    (Label::Iban, detect::iban),
    (Label::NationalId, detect::ssn),
    (Label::Phone, detect::dialled),
    (Label::Card, detect::card),
];

/// Whether values of this type are looked at: texts, and documents of texts.
pub(crate) const fn is_looked_at(type_oid: Oid) -> bool {
    matches!(type_oid.0, TEXT | VARCHAR | BPCHAR | JSON | JSONB | XML)
}

/// Whether anything in these bytes could be a value that is seen.
pub(crate) fn may_show(bytes: &[u8]) -> bool {
    // Invariant: a test proves that the pattern compiles; if it did not, everything would be looked at.
    CANDIDATE.as_ref().is_none_or(|candidate| candidate.is_match(bytes))
}

/// What a value is, by itself: personal data somewhere in a longer text make it free text.
pub(crate) fn seen(value: &[u8]) -> Option<Label> {
    if !may_show(value) {
        return None;
    }
    // Where bytes are no UTF-8, each is taken for a character: letters beyond ASCII stand in some alphabet.
    let text = match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.iter().copied().map(char::from).collect::<String>()),
    };
    let text = text.trim();
    RULES.iter().find_map(|(label, rule)| match (rule(text)?, label) {
        (_, Label::Secret) => Some(Label::Secret),
        (Fit::Whole, label) => Some(*label),
        (Fit::Inside, _) => Some(Label::FreeText),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here so that scanners of repositories do not stumble over them.
    fn shown() -> Vec<(String, Label)> {
        let fill = "0123456789abcdefABCDEF0123456789abcdef";
        let secrets = [
            format!("sk_{}_{fill}", "live"),
            format!("token gh{}_{fill} of the robot", "p"),
            format!("AK{}IOSFODNN7EXAMPLE", "IA"),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned(),
            format!("-----BEGIN RSA {} KEY-----\nMIIE", "PRIVATE"),
            "$2b$12$KIXQ4S9vQJ0Yw1yq3b5cUe".to_owned(),
            "pbkdf2_sha256$260000$abcdefgh$xyz".to_owned(),
            "{SSHA}abcdefghijkl".to_owned(),
            "postgres://app:hunter2@db.internal:5432/shop".to_owned(),
            "Server=db;User Id=app;PassWord=hunter2;".to_owned(),
            "SCRAM-SHA-256$4096:c2FsdA==$x:y".to_owned(),
            "md5900150983cd24fb0d6963f7d28e17f72".to_owned(),
            "Authorization: bearer abcdefghijklmnopqrstuv".to_owned(),
        ];
        let others = [
            ("anna.schmidt@web.de", Label::Email),
            ("  anna.schmidt@web.de ", Label::Email),
            ("call anna.schmidt@web.de today", Label::FreeText),
            ("jürgen@müller-bau.de", Label::Email),
            ("DE89 3704 0044 0532 0130 00", Label::Iban),
            ("pay to DE89370400440532013000", Label::FreeText),
            ("078-05-1120", Label::NationalId),
            ("+49 30 901820", Label::Phone),
            ("ring +1 (212) 555-0134 after six", Label::FreeText),
            ("4111111111111111", Label::Card),
            ("my card is 4111 1111 1111 1111 thanks", Label::FreeText),
            ("{\"mail\": \"anna.schmidt@web.de\"}", Label::FreeText),
        ];
        let secrets = secrets.into_iter().map(|text| (text, Label::Secret));
        secrets.chain(others.map(|(text, label)| (text.to_owned(), label))).collect()
    }

    #[test]
    fn the_pattern_compiles() {
        assert!(CANDIDATE.is_some());
    }

    #[test]
    fn values_that_show_what_they_are_are_seen() {
        for (text, label) in shown() {
            assert_eq!(seen(text.as_bytes()), Some(label), "{text}");
        }
    }

    #[test]
    fn all_that_the_rules_find_is_a_candidate() {
        for (text, _) in shown() {
            assert!(may_show(format!("\u{0}\u{0}{text}\u{0}").as_bytes()), "{text}");
        }
    }

    #[test]
    fn values_of_other_encodings_are_seen() {
        assert_eq!(seen(b"j\xfcrgen@m\xfcller-bau.de"), Some(Label::Email), "Latin 1");
        assert_eq!(seen(b"\xff\xfe write to anna.schmidt@web.de \xc3"), Some(Label::FreeText));
        assert_eq!(seen(b"\xa7 DE89 3704 0044 0532 0130 00"), Some(Label::FreeText));
    }

    #[test]
    fn harmless_values_are_left_alone() {
        for text in [
            "",
            "SKU-10234",
            "00123456789012",
            "2026-11-25 22:20:14.123456+01",
            "5eedc0de-5eed-4eed-8eed-000000000000",
            "1234567890123456",
            "noreply@shop.de",
            "git@github.com:rust-lang/rust.git",
            "person@masked.invalid",
            "https://example.com/a/b?c=d",
            "v1.2.3-rc.4+5",
            "3.14159265358979",
            "Anna Schmidt, Berlin",
            "password reset requested",
            "ISBN 978-3-16-148410-0",
            "GB12 size XL",
        ] {
            assert_eq!(seen(text.as_bytes()), None, "{text}");
        }
        assert_eq!(seen(&[0xff, 0xfe, b'@', b'x', b'.']), None, "bytes that are no text");
    }
}
