//! Values that must never leave a database. Nobody who works honestly ever needs one, so whoever is about to be
//! given one is taking more than they should: nothing of what it stands in goes out.
//!
//! They are looked for in the bytes for a client, as they are and in the few other forms in which a statement
//! gives a value whole: in other letter case, backwards, as hexadecimal and base 64 digits, and in the binary
//! formats of UUIDs and whole numbers. It is a tripwire and no wall: whoever takes a value apart, or computes
//! with it, gets it past this.

use std::{fmt, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{Engine as _, engine::general_purpose};
use connect_shared::hexadecimal::hexadecimal;

/// Shortest and longest value in bytes: what is shorter is met by chance, and what is longer is held back for
/// longer in rows that pass in pieces.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

/// Most values of one resource.
pub const MOST: usize = 256;

/// In what form a value was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Backwards,
    Hexadecimal,
    Base64,
    Binary,
}

impl Form {
    /// The word in entries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Backwards => "backwards",
            Self::Hexadecimal => "hexadecimal",
            Self::Base64 => "base64",
            Self::Binary => "binary",
        }
    }
}

/// A value that was met, by its name. Nothing of the value is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub canary: Arc<str>,
    pub form: Form,
}

/// One value, and what it is called where it must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Canary {
    pub name: String,
    pub value: String,
}

impl fmt::Debug for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canary({}, {} bytes)", self.name, self.value.len())
    }
}

/// Why something cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    #[error("must have between {} and {} bytes: what is shorter is met by chance", LENGTHS.start(), LENGTHS.end())]
    Length,
    #[error("must be one line without quotes and backslashes, which stand in results in several ways")]
    Characters,
    #[error("are too many or too long together")]
    TooMany,
}

/// The values of one resource, ready to be looked for.
pub struct Canaries {
    forms: AhoCorasick,
    /// What each pattern is of.
    sightings: Vec<Sighting>,
    /// The longest pattern.
    longest: usize,
}

impl fmt::Debug for Canaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canaries({} forms)", self.sightings.len())
    }
}

/// Whether a value can be looked for.
///
/// # Errors
/// What is wrong with it.
pub fn check(value: &str) -> Result<(), CanaryError> {
    if !LENGTHS.contains(&value.len()) {
        return Err(CanaryError::Length);
    }
    let stands_as_it_is =
        |character: char| !character.is_control() && !matches!(character, '"' | '\'' | '\\');
    if value.chars().all(stands_as_it_is) { Ok(()) } else { Err(CanaryError::Characters) }
}

impl Canaries {
    /// `None` where there are none.
    ///
    /// # Errors
    /// One of them cannot be looked for.
    pub fn new(canaries: &[Canary]) -> Result<Option<Arc<Self>>, CanaryError> {
        if canaries.is_empty() {
            return Ok(None);
        }
        if canaries.len() > MOST {
            return Err(CanaryError::TooMany);
        }
        let (mut patterns, mut sightings) = (Vec::new(), Vec::new());
        for Canary { name, value } in canaries {
            check(value)?;
            let canary: Arc<str> = name.as_str().into();
            for (form, pattern) in forms(value) {
                patterns.push(pattern);
                sightings.push(Sighting { canary: Arc::clone(&canary), form });
            }
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let forms = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&patterns)
            .map_err(|_| CanaryError::TooMany)?;
        Ok(Some(Arc::new(Self { forms, sightings, longest })))
    }

    /// The first that stands in these bytes.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Option<&Sighting> {
        let found = self.forms.find(bytes)?;
        self.sightings.get(found.pattern().as_usize())
    }

    /// So many bytes at the end of a piece could be the beginning of one.
    #[must_use]
    pub const fn tail(&self) -> usize {
        self.longest.saturating_sub(1)
    }
}

/// Every form of a value, the plain one first.
fn forms(value: &str) -> Vec<(Form, Vec<u8>)> {
    let bytes = value.as_bytes();
    let mut forms = vec![(Form::Plain, bytes.to_vec())];
    let backwards: String = value.chars().rev().collect();
    if backwards != value {
        forms.push((Form::Backwards, backwards.into_bytes()));
    }
    forms.push((Form::Hexadecimal, hexadecimal(bytes).into_bytes()));
    for before in 0..3 {
        let digits = base64(bytes, before, &general_purpose::STANDARD_NO_PAD);
        let of_urls = base64(bytes, before, &general_purpose::URL_SAFE_NO_PAD);
        if of_urls != digits {
            forms.push((Form::Base64, of_urls));
        }
        forms.push((Form::Base64, digits));
    }
    forms.extend(uuid(value).map(|bytes| (Form::Binary, bytes)));
    forms.extend(numbers(value).into_iter().map(|bytes| (Form::Binary, bytes)));
    forms
}

/// The digits that depend on the value alone where it stands behind so many bytes modulo three, whatever these
/// and what follows are.
fn base64(value: &[u8], before: usize, engine: &general_purpose::GeneralPurpose) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(value.iter().copied()).collect();
    let digits = engine.encode(&padded).into_bytes();
    let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    digits.get(first..end).unwrap_or_default().to_vec()
}

/// The sixteen bytes of what is written as a UUID.
fn uuid(value: &str) -> Option<Vec<u8>> {
    let has_form = value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let digits: String = value.chars().filter(|character| *character != '-').collect();
    let number = has_form.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()?;
    Some(number.to_be_bytes().to_vec())
}

/// A whole number as a cell of four or eight bytes, with its length before it.
fn numbers(value: &str) -> Vec<Vec<u8>> {
    let Ok(number) = value.parse::<i64>() else { return Vec::new() };
    let cell = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let short = i32::try_from(number).ok().map(|number| cell(&number.to_be_bytes()));
    short.into_iter().chain([cell(&number.to_be_bytes())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "zz-canary-7f3@example.com";

    fn canaries(value: &str) -> Arc<Canaries> {
        let canary = Canary { name: "customer zero".into(), value: value.into() };
        Canaries::new(&[canary]).expect("it can be looked for").expect("there is one")
    }

    fn form(value: &str, bytes: &[u8]) -> Option<Form> {
        canaries(value).find(bytes).map(|sighting| sighting.form)
    }

    #[test]
    fn a_value_is_met_in_every_form_that_gives_it_whole() {
        assert_eq!(form(VALUE, format!("a row with {VALUE} in it").as_bytes()), Some(Form::Plain));
        assert_eq!(form(VALUE, VALUE.to_uppercase().as_bytes()), Some(Form::Plain));
        let backwards: String = VALUE.chars().rev().collect();
        assert_eq!(form(VALUE, backwards.as_bytes()), Some(Form::Backwards));
        assert_eq!(form(VALUE, hexadecimal(VALUE.as_bytes()).as_bytes()), Some(Form::Hexadecimal));
        for before in ["", "a", "ab", "abc", "abcd", "some words before it "] {
            for after in ["", "z", "zz", " and behind it"] {
                let text = format!("{before}{VALUE}{after}");
                let standard = general_purpose::STANDARD.encode(&text);
                assert_eq!(form(VALUE, standard.as_bytes()), Some(Form::Base64), "{text}");
                let of_urls = general_purpose::URL_SAFE_NO_PAD.encode(&text);
                assert_eq!(form(VALUE, of_urls.as_bytes()), Some(Form::Base64), "{text}");
            }
        }
    }

    #[test]
    fn binary_formats_of_uuids_and_numbers_are_met() {
        let uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let bytes = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes();
        assert_eq!(form(uuid, &bytes), Some(Form::Binary));
        assert_eq!(form("4929771331770046", b"\0\0\0\x08\0\x11\x83\xa0\x12\xcf\x15\x3e"), None, "another");
        let cell = [&8_u32.to_be_bytes()[..], &4_929_771_331_770_046_i64.to_be_bytes()].concat();
        assert_eq!(form("4929771331770046", &cell), Some(Form::Binary));
        let short = [&4_u32.to_be_bytes()[..], &12_345_678_i32.to_be_bytes()].concat();
        assert_eq!(form("12345678", &short), Some(Form::Binary));
    }

    #[test]
    fn what_is_no_value_is_not_met() {
        assert_eq!(form(VALUE, b"zz-canary-7f3@example.net and zz-canary-7f3"), None);
        assert_eq!(form(VALUE, b""), None);
    }

    #[test]
    fn what_would_be_met_by_chance_or_never_is_refused() {
        assert_eq!(check("short"), Err(CanaryError::Length));
        assert_eq!(check(&"x".repeat(257)), Err(CanaryError::Length));
        for value in ["two\nlines of it", "with a \"quote\"", "with a \\ in it", "O'Canary of Dublin"] {
            assert_eq!(check(value), Err(CanaryError::Characters), "{value}");
        }
        assert_eq!(check(VALUE), Ok(()));
        let many = vec![Canary { name: "n".into(), value: VALUE.into() }; MOST + 1];
        assert_eq!(Canaries::new(&many).err(), Some(CanaryError::TooMany));
        assert!(Canaries::new(&[]).expect("none").is_none());
    }

    #[test]
    fn nothing_prints_a_value() {
        let canary = Canary { name: "customer zero".into(), value: VALUE.into() };
        let printed =
            format!("{canary:?} {:?} {:?}", canaries(VALUE), canaries(VALUE).find(VALUE.as_bytes()));
        assert!(!printed.contains("canary-7f3"), "{printed}");
    }
}
