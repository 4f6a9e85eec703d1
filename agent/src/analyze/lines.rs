//! Lines of standard input, of a bounded length: one that is longer is passed over to its end.

use std::io::{self, BufRead as _, BufReader, Read};

/// Longest line. A statement of the greatest length fits several times over, however it is escaped.
pub(super) const LONGEST: usize = 16 << 20;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// Nothing but spaces.
    Blank,
    /// Longer than [`LONGEST`].
    TooLong,
    End,
}

/// Reads line by line.
pub(super) struct Lines<R: Read> {
    input: BufReader<R>,
    line: Vec<u8>,
    longest: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_longest(input, LONGEST)
    }

    fn with_longest(input: R, longest: usize) -> Self {
        Self { input: BufReader::with_capacity(64 * 1024, input), line: Vec::new(), longest }
    }

    /// Whether the next line may have to be waited for: then whatever was answered should be out.
    pub(super) fn would_wait(&self) -> bool {
        !self.input.buffer().contains(&b'\n')
    }

    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        // What a long line needed is not kept for the short ones behind it.
        self.line.shrink_to(64 * 1024);
        let mut too_long = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                break;
            }
            let (part, ends) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&buffer[..end], true),
                None => (buffer, false),
            };
            too_long |= self.line.len() + part.len() > self.longest;
            if too_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(ends);
            self.input.consume(taken);
            if ends {
                return Ok(self.line(too_long));
            }
        }
        // The last line may lack its end.
        if too_long || !self.line.is_empty() { Ok(self.line(too_long)) } else { Ok(Line::End) }
    }

    fn line(&self, too_long: bool) -> Line<'_> {
        if too_long {
            return Line::TooLong;
        }
        match self.line.trim_ascii() {
            [] => Line::Blank,
            text => Line::Whole(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, longest: usize) -> Vec<String> {
        let mut lines = Lines::with_longest(text.as_bytes(), longest);
        let mut seen = Vec::new();
        loop {
            seen.push(match lines.next().expect("a text can be read") {
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::Blank => "(blank)".to_owned(),
                Line::TooLong => "(too long)".to_owned(),
                Line::End => return seen,
            });
        }
    }

    #[test]
    fn lines_are_split_at_their_ends_and_the_last_needs_none() {
        assert_eq!(all("a\r\n \nb", 10), ["a", "(blank)", "b"]);
        assert_eq!(all("a\n", 10), ["a"]);
        assert_eq!(all("", 10), [""; 0]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        assert_eq!(all("0123456789\nabc\n", 9), ["(too long)", "abc"]);
        let long = "x".repeat(300_000);
        assert_eq!(all(&format!("{long}\nabc\n{long}"), 100_000), ["(too long)", "abc", "(too long)"]);
    }
}
