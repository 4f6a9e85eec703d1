//! Options of a DSN as pairs, from `key=value` words and from the query of a URI.

use super::DsnError;

/// An option and its value.
pub(super) type Pair = (String, String);

/// `key = value key='value with \' and spaces'`
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>
pub(super) fn of_words(text: &str) -> Result<Vec<Pair>, DsnError> {
    let mut letters = Letters { rest: text.chars().collect::<Vec<_>>().into_iter().peekable(), at: 0 };
    let mut pairs = Vec::new();
    loop {
        letters.skip_spaces();
        if letters.rest.peek().is_none() {
            return Ok(pairs);
        }
        let key = letters.key();
        letters.skip_spaces();
        if key.is_empty() || letters.next() != Some('=') {
            return Err(DsnError::Pairs(letters.at));
        }
        letters.skip_spaces();
        let value = letters.value()?;
        pairs.push((key, value));
    }
}

struct Letters {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    /// From 1, for people.
    at: usize,
}

impl Letters {
    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.rest.next()
    }

    fn skip_spaces(&mut self) {
        while self.rest.next_if(|letter| letter.is_whitespace()).is_some() {
            self.at += 1;
        }
    }

    fn key(&mut self) -> String {
        let mut key = String::new();
        while let Some(letter) = self.rest.next_if(|letter| *letter != '=' && !letter.is_whitespace()) {
            self.at += 1;
            key.push(letter);
        }
        key
    }

    fn value(&mut self) -> Result<String, DsnError> {
        let quoted = self.rest.next_if_eq(&'\'').is_some();
        self.at += usize::from(quoted);
        let mut value = String::new();
        loop {
            match self.next() {
                None if quoted => return Err(DsnError::Pairs(self.at)),
                None => return Ok(value),
                Some('\'') if quoted => return Ok(value),
                Some(letter) if !quoted && letter.is_whitespace() => return Ok(value),
                Some('\\') => value.extend(self.next()),
                Some(letter) => value.push(letter),
            }
        }
    }
}

/// `key=value&key=value`, percent-encoded.
pub(super) fn of_query(query: &str) -> Result<Vec<Pair>, DsnError> {
    let words = query.split('&').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (key, value) = word.split_once('=').ok_or_else(|| malformed("an option has no value"))?;
            Ok((decoded(key)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, DsnError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { escaped(&mut rest)? } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| malformed("an option is not UTF-8"))
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Result<u8, DsnError> {
    let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(), digit()) else {
        return Err(malformed("a percent sign is followed by no hexadecimal number"));
    };
    u8::try_from(high * 16 + low).map_err(|_| malformed("a percent sign is followed by no byte"))
}

fn malformed(words: &str) -> DsnError {
    DsnError::Malformed(words.to_owned())
}
