//! Recognises masks that come back: whoever was shown one and writes it where the value stands would destroy the
//! value. Masks of texts, addresses of networks and documents can be told from any real value by their shape
//! ([`super::render`]), without a memory of what was given out: after a restart, by another agent and for another
//! person as well. Masks that are numbers, dates, UUIDs, bytes or constants of such types look like any other
//! value and are not recognised.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Longest text that a mask can be, with spaces around it.
const LONGEST: usize = 96;

/// Every shape, in any letter case. Those that a short column cuts are known by what is left of them.
const SHAPES: [&str; 9] = [
    // An address; its domain or the end of its letters may be cut off.
    r"u_[a-z0-9]{10,20}(?:@m?a?s?k?e?d?\.?i?n?v?a?l?i?d?)?",
    r"(?:name|address|id)_[a-z0-9]{8,20}",
    r"\+[0-9]{1,3} ?000 ?[0-9]{9}",
    r"000 [0-9]{9}",
    // An IBAN whose check digits are 00.
    r"[a-z]{2}00[a-z0-9]{20}",
    // A card that no issuer has.
    r"0[0-9]{15}",
    r"2001:0?db8(?::[0-9a-f]{0,4}){2,6}(?:/128)?",
    r#"\{"masked": ?"[a-z0-9]{20}"\}"#,
    r"\[(?:secret|confidential|not scanned yet|free text|health|location|masked)\]",
];

static WHOLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?i-u)^(?:{})$", SHAPES.join("|"))).ok());

/// A mask within other bytes: what stands around it belongs to no value. `behind`: what does.
fn within(behind: &str) -> Option<Regex> {
    let (shapes, other) = (SHAPES.join("|"), r"[^a-z0-9_.@+-]");
    Regex::new(&format!("(?i-u)(?:^|{other})(?:{shapes})(?:{behind})")).ok()
}

static WITHIN: LazyLock<Option<Regex>> = LazyLock::new(|| within(r"[^a-z0-9_.@+-]"));

static AT_END: LazyLock<Option<Regex>> = LazyLock::new(|| within("$"));

fn is_within(bytes: &[u8]) -> bool {
    WITHIN.as_ref().is_none_or(|shapes| shapes.is_match(bytes))
}

fn is_at_end(bytes: &[u8]) -> bool {
    AT_END.as_ref().is_none_or(|shapes| shapes.is_match(bytes))
}

/// Whether a text is a mask and nothing else.
#[must_use]
pub fn is_mask(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    // A pattern that did not compile recognises everything: nothing is let through unread.
    let matches = || WHOLE.as_ref().is_none_or(|shapes| shapes.is_match(text));
    (4..=LONGEST).contains(&text.len()) && matches()
}

/// Whether a value is a mask, or an array with one among its elements.
#[must_use]
pub fn gives_mask(value: &[u8], binary: bool) -> bool {
    match (binary, value) {
        // An array, a document, a row.
        (false, [b'{' | b'[' | b'(', ..]) if !is_mask(value) => fields(value).any(is_mask),
        (false, _) => is_mask(value),
        // An address behind its family, length and kind.
        (true, [_, 128, _, 16, 0x20, 0x01, 0x0d, 0xb8, ..]) if value.len() == 20 => true,
        (true, [1, document @ ..]) if is_mask(document) => true,
        // Elements of an array stand behind their lengths, which could be anything.
        (true, _) => is_mask(value) || (value.len() > 20 && (is_within(value) || is_at_end(value))),
    }
}

/// What a text splits into where rows, columns and elements of arrays end, whatever they end with here.
fn fields(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_end(*byte))
}

const fn is_end(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b',' | b';' | b'|' | b'"' | b'\'' | b'{' | b'}' | b'(' | b')')
}

/// Data of a COPY, which comes in pieces of any length.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// `None`: the server has not said yet.
    binary: Option<bool>,
    /// The field of a text that has begun, unless it is too long for a mask already.
    begun: Vec<u8>,
    too_long: bool,
    /// The end of what came in binary.
    tail: Vec<u8>,
}

impl Incoming {
    /// What the server says of its format.
    pub const fn is_in(&mut self, binary: bool) {
        self.binary = Some(binary);
    }

    /// Whether there is a mask in this piece, or ends in it. Before its format is known it is read as both.
    pub fn gives_mask(&mut self, piece: &[u8]) -> bool {
        let in_text = self.binary != Some(true) && self.in_text(piece);
        let in_binary = self.binary != Some(false) && self.in_binary(piece);
        in_text || in_binary
    }

    /// Whether the last field is one.
    pub fn end(&mut self) -> bool {
        let in_text = self.binary != Some(true) && self.end_of_field();
        let in_binary = self.binary != Some(false) && is_at_end(&self.tail);
        self.tail.clear();
        in_text || in_binary
    }

    fn in_text(&mut self, piece: &[u8]) -> bool {
        for field in piece.split_inclusive(|byte| is_end(*byte)) {
            let (text, ends) = match field {
                [text @ .., last] if is_end(*last) => (text, true),
                text => (text, false),
            };
            self.go_on(text);
            if ends && self.end_of_field() {
                return true;
            }
        }
        // A document has such signs in itself.
        WITHIN_DOCUMENT.as_ref().is_none_or(|shape| shape.is_match(piece))
    }

    fn end_of_field(&mut self) -> bool {
        let is_one = !self.too_long && is_mask(&self.begun);
        self.begun.clear();
        self.too_long = false;
        is_one
    }

    fn go_on(&mut self, more: &[u8]) {
        self.too_long |= self.begun.len() + more.len() > LONGEST;
        if !self.too_long {
            self.begun.extend_from_slice(more);
        }
    }

    fn in_binary(&mut self, piece: &[u8]) -> bool {
        self.tail.extend_from_slice(piece);
        let found = is_within(&self.tail);
        let kept = self.tail.len().saturating_sub(LONGEST);
        self.tail.drain(..kept);
        found
    }
}

/// A document's mask in a COPY, where quotes may be doubled or escaped.
static WITHIN_DOCUMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)\{[\\"]*masked[\\"]*: ?[\\"]*[a-z0-9]{20}[\\"]*\}"#).ok());

#[cfg(test)]
mod tests {
    use super::*;

    const MASKS: [&str; 14] = [
        "u_abcdefghij0123456789@masked.invalid",
        "U_ABCDEFGHIJ0123456789@MASKED.INVALID",
        "u_abcdefghij@masked.in",
        "name_abcdefghij0123456789",
        "address_abcdefghij0123456789",
        "id_abcdefghij0123456789",
        "+49 000 123456789",
        "000 123456789",
        "DE00ABCDEFGHIJ0123456789",
        "0123456789011234",
        "2001:db8:1234:5678:9abc:def0:1234:5678",
        r#"{"masked": "abcdefghij0123456789"}"#,
        "[confidential]",
        "[not scanned yet]",
    ];

    const VALUES: [&str; 14] = [
        "ana@example.com",
        "u_ana@example.com",
        "u_abcdefghij0123456789@example.com",
        "masked.invalid",
        "name",
        "+49 170 1234567",
        "DE89370400440532013000",
        "4929771331770046",
        "2001:4860:4860::8888",
        r#"{"masked": true}"#,
        "{}",
        "[draft]",
        "write to u_abcdefghij0123456789@masked.invalid",
        "",
    ];

    #[test]
    fn every_shape_is_known_and_no_other_value_is_taken_for_one() {
        for mask in MASKS {
            assert!(is_mask(mask.as_bytes()), "{mask}");
            assert!(is_mask(format!("  {mask} ").as_bytes()), "{mask}");
            assert!(gives_mask(mask.as_bytes(), false) && gives_mask(mask.as_bytes(), true), "{mask}");
        }
        for value in VALUES {
            assert!(!is_mask(value.as_bytes()) && !gives_mask(value.as_bytes(), false), "{value}");
        }
    }

    #[test]
    fn arrays_and_binary_formats_are_looked_into() {
        assert!(gives_mask(b"{ana@example.com,u_abcdefghij0123456789@masked.invalid}", false));
        assert!(gives_mask(b"{\"[secret]\",x}", false));
        assert!(gives_mask(br#"[{"id": 1, "email": "u_abcdefghij0123456789@masked.invalid"}]"#, false));
        assert!(!gives_mask(b"{ana@example.com,li@example.com}", false));
        let address = [3, 128, 0, 16, 0x20, 1, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert!(gives_mask(&address, true));
        let document = [&[1][..], MASKS[11].as_bytes()].concat();
        assert!(gives_mask(&document, true));
        let array =
            [b"\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x01\0\0\0\x25", MASKS[0].as_bytes()].concat();
        assert!(gives_mask(&array, true));
        assert!(!gives_mask(&[0xff; 64], true));
    }

    #[test]
    fn masks_are_met_in_copied_rows_however_these_are_cut() {
        for mask in MASKS {
            for row in [format!("1\t{mask}\tx\n"), format!("1,\"{}\",x\r\n", mask.replace('"', "\"\""))] {
                for size in [1, 2, 7, 1_000] {
                    // What has quotes in itself is only met in one piece.
                    if mask.contains('"') && size < 1_000 {
                        continue;
                    }
                    let mut incoming = Incoming { binary: Some(false), ..Incoming::default() };
                    let met = row.as_bytes().chunks(size).any(|piece| incoming.gives_mask(piece));
                    assert!(met || incoming.end(), "{row:?} by {size}");
                }
            }
        }
        let mut last = Incoming { binary: Some(false), ..Incoming::default() };
        assert!(!last.gives_mask(b"2\t[secret]") && last.end(), "no line ends it");
        let mut binary = Incoming { binary: Some(true), ..Incoming::default() };
        assert!(!binary.gives_mask(b"\0\0\0\x25u_abcdefghij"));
        assert!(binary.gives_mask(b"0123456789@masked.invalid\xff\xff"));
        let mut last = Incoming { binary: Some(true), ..Incoming::default() };
        assert!(!last.gives_mask(b"\0\0\0\x19name_abcdefghij0123456789") && last.end());
        let mut hashes = Incoming { binary: Some(true), ..Incoming::default() };
        assert!(!hashes.gives_mask(b"\0\0\0\x28abcdab00abcdefabcd0123456789abcdef012345\0\0"));
    }

    #[test]
    fn rows_without_masks_pass() {
        let mut incoming = Incoming { binary: Some(false), ..Incoming::default() };
        for value in VALUES {
            assert!(!incoming.gives_mask(format!("1\t{value}\n").as_bytes()), "{value}");
        }
        let long = format!("{}u_abcdefghij0123456789@masked.invalid\n", "x".repeat(200));
        assert!(!incoming.gives_mask(long.as_bytes()) && !incoming.end());
    }
}
