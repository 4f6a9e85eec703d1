//! Values that a Bind gives, in a form that people can read: whoever approves a statement must see with what
//! it runs. Nothing is decided on them.

use bytes::Bytes;
use connect_shared::hexadecimal::hexadecimal;

use super::{
    frame::HEADER,
    message::unsigned,
    reader::{Reader, Short},
};

/// Most bytes of one Bind that are kept to be shown.
pub const MAX_SHOWN: usize = 64 * 1024;
/// Most values that are written out.
const MOST: usize = 100;
/// As many as a Bind can have.
const MAX_PARAMETERS: usize = 65_535;
/// Most characters of one value.
const LONGEST: usize = 200;

/// What a Bind gives beside the text.
#[derive(Clone)]
pub struct Values {
    /// From the number of formats up to the last value, as the message has it.
    given: Bytes,
    /// Types as the Parse declares them.
    types: Bytes,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Values({} bytes)", self.given.len())
    }
}

/// The values of a whole Bind message in words; none of another message, and of one that is not whole.
#[must_use]
pub fn bound_in_words(message: &Bytes, types: &Bytes) -> Vec<String> {
    let Some((b'B', _)) = message.split_first() else { return Vec::new() };
    let mut zeros = message.iter().enumerate().skip(HEADER).filter(|(_, byte)| **byte == 0);
    // Behind the names of portal and statement.
    match zeros.nth(1) {
        Some((end, _)) => Values::new(message.slice(end + 1..), types.clone()).in_words(),
        None => Vec::new(),
    }
}

impl Values {
    #[must_use]
    pub const fn new(given: Bytes, types: Bytes) -> Self {
        Self { given, types }
    }

    /// The bytes that an approval holds for: they say everything, and no name of a statement or portal.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.given, &self.types]
    }

    /// Each value in its order, texts in quotes and with nothing in them that a terminal would obey.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        // The message was read before: it is not short.
        self.read().unwrap_or_else(|Short| vec!["(cannot be read)".to_owned()])
    }

    /// Each value as SQL writes it, `None` where only the server knows what its bytes mean: to see what a
    /// condition comes to with them.
    #[must_use]
    pub fn literals(&self) -> Vec<Option<String>> {
        let each = |type_oid: u32, format: i16, value: Option<&[u8]>| match (value, format) {
            (None, _) => Some("NULL".to_owned()),
            (Some(value), 0) => literal(value),
            (Some(value), _) => binary_literal(type_oid, value),
        };
        self.each(MAX_PARAMETERS, each).unwrap_or_default()
    }

    /// Whether something is true of a value, which comes with whether it is in binary; also if they cannot be
    /// read.
    #[must_use]
    pub fn any(&self, told: impl Fn(&[u8], bool) -> bool) -> bool {
        let each =
            |_: u32, format: i16, value: Option<&[u8]>| value.is_some_and(|value| told(value, format != 0));
        self.each(MAX_PARAMETERS, each).map_or(true, |all| all.contains(&true))
    }

    /// Of each value whether something is true of it, as it is of NULL. `None` if they cannot be read.
    #[must_use]
    pub fn each_is(&self, told: impl Fn(&[u8]) -> bool) -> Option<Vec<bool>> {
        let each = |_: u32, _: i16, value: Option<&[u8]>| value.is_none_or(&told);
        self.each(MAX_PARAMETERS, each).ok()
    }

    fn read(&self) -> Result<Vec<String>, Short> {
        let words = |type_oid: u32, format: i16, value: Option<&[u8]>| match (value, format) {
            (None, _) => "NULL".to_owned(),
            (Some(value), 0) => quoted(value),
            (Some(value), _) => binary(type_oid, value),
        };
        let mut all = self.each(MOST, words)?;
        let mut reader = Reader::new(self.given.clone());
        let formats = unsigned(&mut reader)?;
        reader.take(formats * 2)?;
        let count = unsigned(&mut reader)?;
        if count > MOST {
            all.push(format!("… and {} more", count - MOST));
        }
        Ok(all)
    }

    fn each<T>(&self, most: usize, told: impl Fn(u32, i16, Option<&[u8]>) -> T) -> Result<Vec<T>, Short> {
        let mut reader = Reader::new(self.given.clone());
        let formats = (0..unsigned(&mut reader)?).map(|_| reader.i16()).collect::<Result<Vec<_>, _>>()?;
        let count = unsigned(&mut reader)?;
        let types = self.declared();
        let mut all = Vec::with_capacity(count.min(most));
        for place in 0..count.min(most) {
            let format = match formats.as_slice() {
                [one] => *one,
                formats => formats.get(place).copied().unwrap_or_default(),
            };
            let type_oid = types.get(place).copied().unwrap_or_default();
            match usize::try_from(reader.i32()?) {
                Ok(length) => all.push(told(type_oid, format, Some(&reader.take(length)?))),
                // -1 is NULL.
                Err(_) => all.push(told(type_oid, format, None)),
            }
        }
        Ok(all)
    }

    /// Types of the parameters, as Parse has them; 0 where it says none.
    #[must_use]
    pub fn declared(&self) -> Vec<u32> {
        let mut reader = Reader::new(self.types.clone());
        let count = unsigned(&mut reader).unwrap_or_default();
        (0..count).map_while(|_| reader.u32().ok()).collect()
    }
}

fn literal(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0'))?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some(if number { format!("({text})") } else { format!("'{}'", text.replace('\'', "''")) })
}

/// Where no type was declared, one byte is a truth value and what is no text is a whole number, as programs
/// send them.
fn binary_literal(type_oid: u32, value: &[u8]) -> Option<String> {
    let text = || std::str::from_utf8(value).ok().filter(|text| !text.chars().any(char::is_control));
    match (type_oid, value) {
        (0 | 16, [truth @ (0 | 1)]) => Some(format!("'{}'", if *truth == 1 { 't' } else { 'f' })),
        (0, _) if text().is_some() => literal(value),
        (18 | 19 | 25 | 1042 | 1043, _) => literal(value),
        (0 | 21, [a, b]) => Some(format!("({})", i16::from_be_bytes([*a, *b]))),
        (0 | 23, [a, b, c, d]) => Some(format!("({})", i32::from_be_bytes([*a, *b, *c, *d]))),
        (0 | 20, _) => value.try_into().ok().map(|bytes| format!("({})", i64::from_be_bytes(bytes))),
        _ => None,
    }
}

fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let shown: String = text.chars().take(LONGEST).collect();
    let more = text.chars().count().saturating_sub(LONGEST);
    let rest = if more == 0 { String::new() } else { format!("… and {more} characters more") };
    format!("'{}'{rest}", shown.escape_debug())
}

/// Of a type that the client declared; where it did not, nobody but the server knows what the bytes mean.
fn binary(type_oid: u32, value: &[u8]) -> String {
    let shown = match (type_oid, value) {
        (16, [truth]) => Some((*truth != 0).to_string()),
        (21, [a, b]) => Some(i16::from_be_bytes([*a, *b]).to_string()),
        (23, [a, b, c, d]) => Some(i32::from_be_bytes([*a, *b, *c, *d]).to_string()),
        (26, [a, b, c, d]) => Some(u32::from_be_bytes([*a, *b, *c, *d]).to_string()),
        (20, _) => value.try_into().ok().map(|bytes| i64::from_be_bytes(bytes).to_string()),
        (700, [a, b, c, d]) => Some(f32::from_be_bytes([*a, *b, *c, *d]).to_string()),
        (701, _) => value.try_into().ok().map(|bytes| f64::from_be_bytes(bytes).to_string()),
        (18 | 19 | 25 | 114 | 1042 | 1043, _) => Some(quoted(value)),
        _ => None,
    };
    shown.unwrap_or_else(|| {
        let bytes = value.get(..LONGEST / 2).unwrap_or(value);
        let digits = hexadecimal(bytes);
        format!("binary, {} bytes: {digits}{}", value.len(), if bytes.len() < value.len() { "…" } else { "" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(formats: &[i16], values: &[Option<&[u8]>]) -> Bytes {
        let mut bytes = (formats.len() as u16).to_be_bytes().to_vec();
        formats.iter().for_each(|format| bytes.extend(format.to_be_bytes()));
        bytes.extend((values.len() as u16).to_be_bytes());
        for value in values {
            bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes.into()
    }

    fn words(formats: &[i16], types: &[u32], values: &[Option<&[u8]>]) -> Vec<String> {
        let mut declared = (types.len() as u16).to_be_bytes().to_vec();
        types.iter().for_each(|oid| declared.extend(oid.to_be_bytes()));
        Values::new(given(formats, values), declared.into()).in_words()
    }

    #[test]
    fn values_are_written_as_people_read_them() {
        assert_eq!(words(&[], &[], &[Some(b"7"), None, Some(b"x")]), ["'7'", "NULL", "'x'"]);
        assert_eq!(words(&[1], &[23, 20], &[Some(&[0, 0, 0, 42]), Some(&[255; 8])]), ["42", "-1"]);
        assert_eq!(words(&[0, 1], &[0, 25], &[Some(b"a"), Some(b"b")]), ["'a'", "'b'"]);
        assert_eq!(words(&[1], &[], &[Some(&[1, 2])]), ["binary, 2 bytes: 0102"]);
    }

    #[test]
    fn a_value_cannot_pass_for_another() {
        let shown = words(&[], &[], &[Some("x'\n$2 '\u{1b}[2K\u{202e}".as_bytes())]);
        assert_eq!(shown.len(), 1);
        assert!(!shown[0].contains(['\n', '\u{1b}', '\u{202e}']), "{shown:?}");
    }

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let long = vec![b'a'; 1_000];
        assert!(words(&[], &[], &[Some(&long)])[0].ends_with("… and 800 characters more"));
        let many = vec![Some(&b"1"[..]); 150];
        assert_eq!(words(&[], &[], &many).last().map(String::as_str), Some("… and 50 more"));
    }

    #[test]
    fn values_are_written_as_sql_has_them() {
        let literals = |formats: &[i16], values: &[Option<&[u8]>]| {
            Values::new(given(formats, values), Bytes::new()).literals()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            literals(&[], &[Some(b"7"), None, Some(b"it's")]),
            [text("(7)"), text("NULL"), text("'it''s'")]
        );
        assert_eq!(
            literals(&[1], &[Some(&[1]), Some(b"%"), Some(&[0, 0, 0, 5])]),
            [text("'t'"), text("'%'"), text("(5)")]
        );
        assert_eq!(literals(&[1], &[Some(&[0xff, 0, 1])]), [None]);
    }

    #[test]
    fn bytes_that_are_no_values_are_no_panic() {
        for cut in 0..10 {
            let whole = given(&[1], &[Some(b"abcd")]);
            let _words = Values::new(whole.slice(..cut), Bytes::new()).in_words();
        }
    }
}
