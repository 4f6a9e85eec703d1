//! Where the values of a COPY in text or CSV begin and end, byte by byte, as the server writes them.

/// How the lines of a COPY to the client are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub delimiter: u8,
    /// Of CSV: what stands around values, and what before such a sign within one.
    pub quotes: Option<(u8, u8)>,
}

impl Lines {
    pub const TEXT: Self = Self { delimiter: b'\t', quotes: None };

    /// Whether no sign of these can hide a value that shows what it is, so that the bytes of lines can be
    /// looked at as they are.
    pub(super) const fn is_plain(self) -> bool {
        let usual = matches!(self.delimiter, b'\t' | b',' | b';' | b'|');
        usual && matches!(self.quotes, None | Some((b'"', b'"')))
    }

    /// Whether bytes end where a line ends, of [plain](Self::is_plain) ones that begin where one begins.
    pub(super) fn are_whole(self, bytes: &[u8]) -> bool {
        let quotes = || bytes.iter().filter(|byte| **byte == b'"').count();
        bytes.last() == Some(&b'\n') && (self.quotes.is_none() || quotes() % 2 == 0)
    }

    /// Appends a value.
    pub(super) fn write(self, value: &[u8], out: &mut impl Extend<u8>) {
        let Some((quote, escape)) = self.quotes else {
            return value.iter().for_each(|byte| self.write_byte(*byte, out));
        };
        out.extend([quote]);
        for byte in value {
            let escaped = (*byte == quote || *byte == escape).then_some(escape);
            out.extend(escaped.into_iter().chain([*byte]));
        }
        out.extend([quote]);
    }

    fn write_byte(self, byte: u8, out: &mut impl Extend<u8>) {
        let letter = match byte {
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            _ if byte == b'\\' || byte == self.delimiter => byte,
            _ => return out.extend([byte]),
        };
        out.extend([b'\\', letter]);
    }

    /// A byte that is no sign of these.
    pub(super) fn filler(self) -> u8 {
        let is_sign = |byte: &u8| {
            let (quote, escape) = self.quotes.unwrap_or_default();
            [self.delimiter, quote, escape].contains(byte)
        };
        [b'*', b'#', b'x', b'-'].into_iter().find(|byte| !is_sign(byte)).unwrap_or(b'*')
    }
}

/// What a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A value begins behind it, in quotes.
    Open,
    /// It makes the next byte a part of the value, if that is one, else the value has ended.
    Mark,
    /// This byte of the value.
    Value(u8),
    EndOfCell,
    EndOfLine,
    /// Behind a value, and none of it.
    Behind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    /// Behind a backslash of a text.
    Escaped,
    Quoted,
    /// Behind what may end the value, or escape what comes.
    Marked,
    /// Behind an escape that is no quote.
    QuotedEscape,
    Closed,
}

/// Reads lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    lines: Lines,
    state: State,
}

impl Reader {
    pub(super) const fn new(lines: Lines) -> Self {
        Self { lines, state: State::Start }
    }

    pub(super) fn step(&mut self, byte: u8) -> Step {
        let (step, state) = match self.lines.quotes {
            None => self.of_text(byte),
            Some((quote, escape)) => self.of_csv(byte, quote, escape),
        };
        self.state = state;
        step
    }

    fn of_text(self, byte: u8) -> (Step, State) {
        match (self.state, byte) {
            (State::Escaped, _) => (Step::Value(unescaped(byte)), State::Plain),
            (_, b'\\') => (Step::Mark, State::Escaped),
            _ => self.outside(byte),
        }
    }

    fn of_csv(self, byte: u8, quote: u8, escape: u8) -> (Step, State) {
        match self.state {
            State::Start if byte == quote => (Step::Open, State::Quoted),
            State::Quoted if byte == quote && quote == escape => (Step::Mark, State::Marked),
            State::Quoted if byte == quote => (Step::Behind, State::Closed),
            State::Quoted if byte == escape => (Step::Mark, State::QuotedEscape),
            State::Quoted | State::QuotedEscape => (Step::Value(byte), State::Quoted),
            State::Marked if byte == quote => (Step::Value(byte), State::Quoted),
            State::Marked | State::Closed => match self.outside(byte) {
                (Step::Value(_), _) => (Step::Behind, State::Closed),
                ended => ended,
            },
            State::Start | State::Plain | State::Escaped => self.outside(byte),
        }
    }

    fn outside(self, byte: u8) -> (Step, State) {
        match byte {
            b'\n' => (Step::EndOfLine, State::Start),
            _ if byte == self.lines.delimiter => (Step::EndOfCell, State::Start),
            _ => (Step::Value(byte), State::Plain),
        }
    }
}

/// What the server writes with a letter behind a backslash.
const fn unescaped(letter: u8) -> u8 {
    match letter {
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(lines: Lines, text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut reader = Reader::new(lines);
        let (mut all, mut line, mut cell) = (Vec::new(), Vec::new(), Vec::new());
        for byte in text {
            match reader.step(*byte) {
                Step::Value(byte) => cell.push(byte),
                Step::EndOfCell => line.push(std::mem::take(&mut cell)),
                Step::EndOfLine => {
                    line.push(std::mem::take(&mut cell));
                    all.push(std::mem::take(&mut line));
                }
                Step::Open | Step::Mark | Step::Behind => {}
            }
        }
        assert!(line.is_empty() && cell.is_empty(), "a line that has no end");
        all
    }

    const VALUES: [&str; 10] =
        ["", "plain", "a\tb", "a,b", "say \"so\"", "back\\slash", "two\nlines\r", "e", "|;#", "\\N"];

    #[test]
    fn what_is_written_is_read_again_whatever_the_signs_are() {
        for delimiter in *b"\t,;|:e-@ " {
            for quotes in
                [None, Some((b'"', b'"')), Some((b'\'', b'\\')), Some((b'q', b'e')), Some((b'"', b','))]
            {
                let lines = Lines { delimiter, quotes };
                if quotes.is_some_and(|(quote, _)| quote == delimiter)
                    || (quotes.is_none() && delimiter == b'e')
                {
                    continue;
                }
                let mut text = Vec::new();
                for (place, value) in VALUES.iter().enumerate() {
                    text.extend((place > 0).then_some(delimiter));
                    lines.write(value.as_bytes(), &mut text);
                }
                text.push(b'\n');
                let twice = text.repeat(2);
                let expected: Vec<Vec<u8>> = VALUES.iter().map(|value| value.as_bytes().to_vec()).collect();
                assert_eq!(cells(lines, &twice), [expected.clone(), expected], "{lines:?}");
                assert!(![Some(delimiter), quotes.map(|it| it.0)].contains(&Some(lines.filler())));
            }
        }
    }

    #[test]
    fn values_without_quotes_are_read_in_csv_too() {
        let lines = Lines { delimiter: b',', quotes: Some((b'"', b'"')) };
        let read = cells(lines, b"1,x,,\"\",\"a \"\"b\"\"\"\n");
        assert_eq!(read, [["1", "x", "", "", "a \"b\""].map(|value| value.as_bytes().to_vec()).to_vec()]);
        assert!(lines.are_whole(b"1,\"a\nb\"\n") && !lines.are_whole(b"1,\"a\n") && !lines.are_whole(b"1,2"));
    }
}
