//! Arrays, element by element: those of one dimension that begin at 1 and are not huge, and empty ones.
//! Every other array gets its neutral value, as it does where the server computes the mask.

use bytes::{Buf, BytesMut};

use super::{
    key::MaskKey,
    plan::Format,
    row::{NULL, Value},
    transform::Shape,
};

/// Longest array that is masked by element: masks can be longer than elements, and PostgreSQL's arrays must
/// stay below 1 GB.
pub(super) const MOST_ELEMENTS: i32 = 1 << 20;

/// Writes the array with its elements masked. `None`: it cannot be read, and part of it may be written.
pub(super) fn write(shape: &Shape, key: &MaskKey, clear: &[u8], out: &mut Value<'_>) -> Option<()> {
    match shape.format {
        Format::Text => Text { shape, key, scratch: BytesMut::new() }.write(clear, out),
        Format::Binary => binary(shape, key, clear, out),
    }
}

/// `array_send`: count of dimensions, whether there are NULLs, element type; of each dimension length and
/// lower bound; then the elements.
fn binary(shape: &Shape, key: &MaskKey, clear: &[u8], out: &mut Value<'_>) -> Option<()> {
    let mut rest = clear;
    let dimensions = rest.try_get_i32().ok()?;
    let nulls = rest.try_get_i32().ok()?;
    let element = rest.try_get_u32().ok()?;
    if dimensions == 0 && rest.is_empty() {
        out.put(clear);
        return Some(());
    }
    let (length, lower) = (rest.try_get_i32().ok()?, rest.try_get_i32().ok()?);
    if dimensions != 1 || lower != 1 || length > MOST_ELEMENTS || !matches!(nulls, 0 | 1) {
        return None;
    }
    // A slice of an array with NULLs says that it has some too; a new array does not.
    let mut has_nulls = 0;
    each(length, rest, |value| {
        has_nulls |= i32::from(value.is_none());
        Some(())
    })?;
    let head = [dimensions.to_be_bytes(), has_nulls.to_be_bytes(), element.to_be_bytes()];
    out.put(head.as_flattened());
    out.put([length.to_be_bytes(), lower.to_be_bytes()].as_flattened());
    each(length, rest, |value| match value {
        Some(value) => out.nested(|element| shape.write(key, value, element)).ok(),
        None => {
            out.put(&NULL.to_be_bytes());
            Some(())
        }
    })
}

/// Goes through elements, each behind its length, with nothing behind the last.
fn each(count: i32, elements: &[u8], mut see: impl FnMut(Option<&[u8]>) -> Option<()>) -> Option<()> {
    let mut rest = elements;
    for _ in 0..count {
        let length = rest.try_get_i32().ok()?;
        if length == NULL {
            see(None)?;
        } else {
            see(Some(rest.split_off(..usize::try_from(length).ok()?)?))?;
        }
    }
    rest.is_empty().then_some(())
}

/// `array_out`: elements in braces, with commas between; quoted where one could be read as something else.
struct Text<'a> {
    shape: &'a Shape,
    key: &'a MaskKey,
    /// An element's mask before it is quoted.
    scratch: BytesMut,
}

impl Text<'_> {
    fn write(mut self, clear: &[u8], out: &mut Value<'_>) -> Option<()> {
        let mut rest = clear.strip_prefix(b"{")?;
        out.put(b"{");
        if rest == b"}" {
            out.put(b"}");
            return Some(());
        }
        for _ in 0..MOST_ELEMENTS {
            rest = self.element(rest, out)?;
            let (separator, after) = rest.split_first()?;
            out.put(&[*separator]);
            match (separator, after) {
                (b'}', []) => return Some(()),
                (b',', _) => rest = after,
                _ => return None,
            }
        }
        None
    }

    /// Masks the first element and gives what is behind it.
    fn element<'text>(&mut self, text: &'text [u8], out: &mut Value<'_>) -> Option<&'text [u8]> {
        if let Some(quoted) = text.strip_prefix(b"\"") {
            let (element, rest) = unquote(quoted)?;
            self.mask(&element, out)?;
            return Some(rest);
        }
        let end = text.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        let (element, rest) = text.split_at_checked(end)?;
        if element == b"NULL" {
            out.put(element);
        } else if element.is_empty() || element.iter().any(|byte| matches!(byte, b'{' | b'"' | b'\\')) {
            return None;
        } else {
            self.mask(element, out)?;
        }
        Some(rest)
    }

    fn mask(&mut self, element: &[u8], out: &mut Value<'_>) -> Option<()> {
        self.scratch.clear();
        let (shape, key) = (self.shape, self.key);
        Value::write_into(&mut self.scratch, |value| shape.write(key, element, value)).ok()?;
        let length = self.scratch.try_get_i32().ok()?;
        if length < 0 {
            out.put(b"NULL");
        } else {
            quote(&self.scratch, out);
        }
        Some(())
    }
}

/// An element in quotes, and what is behind them.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut element = Vec::new();
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some((element, after)),
            [b'\\', byte, after @ ..] => {
                element.push(*byte);
                after
            }
            [] | [b'\\'] => return None,
            [byte, after @ ..] => {
                element.push(*byte);
                after
            }
        };
    }
}

fn quote(element: &[u8], out: &mut Value<'_>) {
    // What `array_out` calls a space: `array_isspace`.
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | 9..=13);
    if !element.is_empty() && !element.iter().any(special) && !element.eq_ignore_ascii_case(b"NULL") {
        return out.put(element);
    }
    out.put(b"\"");
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.put(b"\\");
        }
        out.put(&[*byte]);
    }
    out.put(b"\"");
}
