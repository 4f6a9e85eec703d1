//! A value that is too long to be kept: it passes in pieces of the same length, and from where it shows what it is
//! it is crossed out.

use bytes::{BufMut, BytesMut};
use connect_shared::label::Label;

use crate::label::sight;

/// How much of a value is looked at together with what comes behind it: more than anything that shows what a value
/// is.
const WINDOW: usize = 64 << 10;

/// A part of a value, as it is written and as it is meant.
#[derive(Debug, Default)]
struct Part {
    written: BytesMut,
    meant: BytesMut,
}

/// A value on its way: a few windows of it are held at most.
#[derive(Debug)]
pub(super) struct Crossed {
    filler: u8,
    before: Part,
    now: Part,
    is_out: bool,
}

impl Crossed {
    pub(super) fn new(filler: u8) -> Self {
        Self { filler, before: Part::default(), now: Part::default(), is_out: false }
    }

    /// Takes more of the value: at most a window, that is not cut within a character. Gives what it shows, once.
    pub(super) fn take(
        &mut self,
        written: &[u8],
        meant: &[u8],
        is_shown: impl Fn(Label) -> bool,
        out: &mut BytesMut,
    ) -> Option<Label> {
        if self.is_out {
            out.put_bytes(self.filler, written.len());
            return None;
        }
        let is_character = meant.first().is_some_and(|byte| byte & 0xc0 != 0x80);
        let held = self.now.meant.len();
        let is_full = held >= 2 * WINDOW || (held >= WINDOW && is_character);
        let seen = if is_full { self.look(is_shown, out) } else { None };
        if self.is_out {
            out.put_bytes(self.filler, written.len());
        } else {
            self.now.written.extend_from_slice(written);
            self.now.meant.extend_from_slice(meant);
        }
        seen
    }

    /// The value has ended: the rest of it leaves.
    pub(super) fn end(&mut self, is_shown: impl Fn(Label) -> bool, out: &mut BytesMut) -> Option<Label> {
        let seen = if self.is_out { None } else { self.look(is_shown, out) };
        if !self.is_out {
            out.extend_from_slice(&self.before.written);
        }
        *self = Self::new(self.filler);
        seen
    }

    /// Looks at both parts together: the first leaves, or both are crossed out.
    fn look(&mut self, is_shown: impl Fn(Label) -> bool, out: &mut BytesMut) -> Option<Label> {
        let now = std::mem::take(&mut self.now);
        let mut before = std::mem::replace(&mut self.before, now);
        before.meant.extend_from_slice(&self.before.meant);
        let seen = sight::seen(&before.meant).filter(|label| !is_shown(*label));
        if seen.is_some() {
            self.is_out = true;
            out.put_bytes(self.filler, before.written.len() + self.before.written.len());
            self.before = Part::default();
        } else {
            out.extend_from_slice(&before.written);
        }
        seen
    }
}

/// The longest part of bytes that may be [taken](Crossed::take) at once.
pub(super) fn piece(bytes: &[u8]) -> &[u8] {
    let most = bytes.len().min(WINDOW);
    let ends = (0..=most).rev().take(4).find(|end| bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80));
    bytes.get(..ends.filter(|end| *end > 0).unwrap_or(most)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossed(value: &[u8], size: usize) -> (Vec<u8>, usize) {
        let (mut crossed, mut out) = (Crossed::new(b'*'), BytesMut::new());
        let mut seen = 0;
        for part in value.chunks(size) {
            let mut rest = part;
            while !rest.is_empty() {
                let piece = piece(rest);
                seen += usize::from(crossed.take(piece, piece, |_| false, &mut out).is_some());
                rest = &rest[piece.len()..];
            }
        }
        seen += usize::from(crossed.end(|_| false, &mut out).is_some());
        (out.to_vec(), seen)
    }

    #[test]
    fn what_shows_itself_anywhere_is_crossed_out_with_all_behind_it() {
        let mail = "write to anna.schmidt@web.de today ";
        for before in [0, 1, 5_000, WINDOW - 20, WINDOW, 2 * WINDOW - 5, 3 * WINDOW + 7] {
            let value = ["x ".repeat(before / 2), mail.to_owned(), "ü ".repeat(WINDOW)].concat();
            for size in [1_000, WINDOW, 10 * WINDOW] {
                let (out, seen) = crossed(value.as_bytes(), size);
                assert_eq!((out.len(), seen), (value.len(), 1), "{before} by {size}");
                let text = String::from_utf8(out).expect("no character is cut");
                assert!(!text.contains("anna.") && !text.contains("web.de"), "{before} by {size}");
                assert!(!text.contains('ü'), "nothing behind it is clear");
            }
        }
    }

    #[test]
    fn what_shows_nothing_passes_as_it_is() {
        let value = "nothing to see in höflichkeit ".repeat(10_000);
        for size in [999, WINDOW, usize::MAX] {
            assert_eq!(crossed(value.as_bytes(), size), (value.clone().into_bytes(), 0), "by {size}");
        }
        assert_eq!(crossed(&[0x80; 3 * WINDOW], 1 << 20).0.len(), 3 * WINDOW, "bytes that are no text");
        assert_eq!(crossed(b"", 1).0, b"");
    }
}
