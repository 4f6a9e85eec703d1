//! Texts from elsewhere on terminals: names of databases, words of servers, statements of other people.

use std::fmt::Write as _;

/// Text without what a terminal would obey, and without what would show it in another order than it has.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if is_obeyed(letter) && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}

/// The same of a name, which has no line of its own.
#[must_use]
pub fn printable_name(name: &str) -> String {
    printable(name).replace('\n', "\u{fffd}")
}

/// A name on a line with other words: in quotes where it could pass for some of these.
#[must_use]
pub fn cited(name: &str) -> String {
    let name = printable_name(name);
    let alike = name.contains(|letter| matches!(letter, '·' | '\u{2500}'..='\u{257f}' | '•' | '…'));
    let other = |letter: char| letter.is_whitespace() && letter != ' ';
    let blank = name.is_empty() || name.starts_with(' ') || name.ends_with(' ') || name.contains("  ");
    if alike || blank || name.contains(other) { format!("\"{}\"", name.replace('"', "\\\"")) } else { name }
}

/// JSON in which letters that a terminal would obey are escaped. They stand in strings only, so that the
/// document stays the same.
#[must_use]
pub fn harmless_json(json: String) -> String {
    let obeyed = |letter: char| letter != '\n' && is_obeyed(letter);
    if !json.contains(obeyed) {
        return json;
    }
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if obeyed(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
    text
}

/// Whether a letter is not shown but does something: control characters, directions (UAX #9), and what is ignored
/// or blank wherever it stands (`Default_Ignorable_Code_Point`, UAX #44), in which a whole text can hide.
#[must_use]
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || is_ignored(letter)
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{fff9}'..='\u{fffb}' | '\u{2800}')
}

/// `Default_Ignorable_Code_Point` of Unicode 16 (DerivedCoreProperties.txt).
const fn is_ignored(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_pass_for_other_words_stands_in_quotes() {
        assert_eq!(cited("model one.bin"), "model one.bin");
        assert_eq!(cited("public.\"a.b\".c"), "public.\"a.b\".c");
        assert_eq!(cited("train · failed with 1"), "\"train · failed with 1\"");
        assert_eq!(cited("a\" · b"), "\"a\\\" · b\"");
        assert_eq!(cited("x\n└─ y"), "\"x\u{fffd}└─ y\"");
        for blank in ["", " x", "x ", "x   y", "x\u{a0}y", "x\u{2003}y"] {
            assert_eq!(cited(blank), format!("\"{blank}\""));
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_a_mark_and_in_json_an_escape() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}b\nc";
        assert_eq!(printable(hostile), "a\u{fffd}[2J\u{fffd}31m\u{fffd}b\nc");
        assert_eq!(printable_name(hostile), "a\u{fffd}[2J\u{fffd}31m\u{fffd}b\u{fffd}c");
        let json = serde_json::to_string(hostile).expect("JSON");
        let harmless = harmless_json(json);
        assert!(!harmless.contains(is_obeyed), "{harmless}");
        assert_eq!(serde_json::from_str::<String>(&harmless).expect("JSON"), hostile);
        let hidden: String =
            "Obey".chars().filter_map(|letter| char::from_u32(0xe0000 + u32::from(letter))).collect();
        let harmless = harmless_json(serde_json::to_string(&hidden).expect("JSON"));
        assert!(harmless.is_ascii(), "{harmless}");
        assert_eq!(serde_json::from_str::<String>(&harmless).expect("JSON"), hidden);
        assert_eq!(printable(&hidden), "\u{fffd}".repeat(4));
        for unseen in
            "\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{206a}\u{2800}\u{3164}\u{fe0f}\u{ffa0}\u{fffa}".chars()
        {
            assert!(is_obeyed(unseen), "{unseen:?}");
        }
        assert!(!"aä ß漢🦀…·─'".contains(is_obeyed));
    }
}
