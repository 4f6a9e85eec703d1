//! Names as words: `customerEMail2`, `customer_e_mail_2` and `CUSTOMER-EMAIL` are the same to the rules.

/// Most words of a name; PostgreSQL's names have at most 63 bytes.
const MOST: usize = 64;

/// Lower-case words of a name, without accents.
pub(super) fn tokens(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = Class::Other;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let class = Class::of(letter);
        let ends_acronym = class == Class::Upper
            && before == Class::Upper
            && letters.peek().is_some_and(|next| Class::of(*next) == Class::Lower);
        let begins = match (before, class) {
            (_, Class::Other) => false,
            (Class::Other, _) => true,
            (Class::Lower, Class::Upper) => true,
            (Class::Digit, other) => other != Class::Digit,
            (_, Class::Digit) => true,
            _ => ends_acronym,
        };
        if begins && words.len() < MOST {
            words.push(String::new());
        }
        if let (true, Some(word)) = (class != Class::Other, words.last_mut()) {
            fold(letter, word);
        }
        before = class;
    }
    words
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Class {
    fn of(letter: char) -> Self {
        if letter.is_numeric() {
            Self::Digit
        } else if letter.is_uppercase() {
            Self::Upper
        } else if letter.is_alphabetic() {
            Self::Lower
        } else {
            Self::Other
        }
    }
}

/// Appends a letter in lower case and without its accent.
fn fold(letter: char, word: &mut String) {
    for lower in letter.to_lowercase() {
        match lower {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => word.push('a'),
            'ç' | 'ć' => word.push('c'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' => word.push('e'),
            'ì' | 'í' | 'î' | 'ï' => word.push('i'),
            'ł' => word.push('l'),
            'ñ' | 'ń' => word.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => word.push('o'),
            'ś' => word.push('s'),
            'ù' | 'ú' | 'û' | 'ü' => word.push('u'),
            'ź' | 'ż' => word.push('z'),
            'ß' => word.push_str("ss"),
            other => word.push(other),
        }
    }
}

/// One word of a text, folded as names are.
pub(super) fn folded(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    word.chars().for_each(|letter| fold(letter, &mut folded));
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_has_the_same_words() {
        for name in ["customer_email", "customerEmail", "CUSTOMER_EMAIL", "Customer-Email", "customer email"]
        {
            assert_eq!(tokens(name), ["customer", "email"], "{name}");
        }
        assert_eq!(tokens("IPAddress"), ["ip", "address"]);
        assert_eq!(tokens("customerID"), ["customer", "id"]);
        assert_eq!(tokens("address2"), ["address", "2"]);
        assert_eq!(tokens("Straße"), ["strasse"]);
        assert_eq!(tokens("téléphone_ménage"), ["telephone", "menage"]);
        assert!(tokens("__").is_empty());
    }
}
