//! Which letters differ in nothing but their case, for citext. Its own rule is the locale of the database,
//! which masks must not depend on: here are the letters about which locales agree, and they take as many
//! bytes in both cases.

use std::ops::RangeInclusive;

/// Latin, Greek and Cyrillic.
const LETTERS: [RangeInclusive<char>; 3] =
    ['\u{c0}'..='\u{17f}', '\u{386}'..='\u{3ab}', '\u{400}'..='\u{45f}'];

/// A text in small letters.
pub(super) fn folded(text: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(letters) if !letters.is_ascii() => letters.chars().map(fold).collect::<String>().into_bytes(),
        _ => text.to_ascii_lowercase(),
    }
}

fn fold(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    let mut small = letter.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) if LETTERS.iter().any(|letters| letters.contains(&letter)) => small,
        _ => letter,
    }
}

/// Capitals that are not ASCII, and their small letters in the same order.
pub(super) fn table() -> (String, String) {
    let capitals = LETTERS.into_iter().flatten().filter(|letter| fold(*letter) != *letter);
    capitals.map(|capital| (capital, fold(capital))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_cases_are_one() {
        for (one, other) in
            [("ANNA@Web.de", "anna@web.de"), ("MÜLLER", "müller"), ("ΣΟΦΊΑ", "σοφία"), ("Юлия", "юЛИЯ")]
        {
            assert_eq!(folded(one.as_bytes()), folded(other.as_bytes()), "{one}");
        }
        assert_ne!(folded("İ".as_bytes()), folded(b"I"), "locales do not agree about it");
        assert_eq!(folded(b"A\xff"), b"a\xff");
    }

    #[test]
    fn a_letter_keeps_its_length() {
        let (capitals, small) = table();
        assert_eq!(capitals.chars().count(), small.chars().count());
        for (capital, small) in capitals.chars().zip(small.chars()) {
            assert_eq!(capital.len_utf8(), small.len_utf8(), "{capital}");
        }
        assert!(!capitals.contains(['\'', '\\']) && capitals.contains('Ä') && capitals.contains('Я'));
    }
}
