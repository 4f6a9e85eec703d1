//! Texts that are hard to mask.

use crate::random::Random;

pub const LETTERS: &[char] = &[
    'a',
    'b',
    'z',
    'A',
    'Z',
    'I',
    'i',
    ' ',
    '\t',
    '\n',
    '"',
    '\'',
    '\\',
    '{',
    '}',
    ',',
    '%',
    '_',
    '0',
    '9',
    '+',
    '-',
    '.',
    '/',
    '@',
    'ä',
    'Ä',
    'ß',
    'İ',
    'ı',
    'Σ',
    'ς',
    'я',
    'Я',
    '漢',
    '\u{1F600}',
    '\u{200D}',
    '\u{301}',
    '\u{7f}',
    '\u{1}',
    '\u{FFFF}',
    '\u{10FFFF}',
    '$',
    ':',
    ';',
    '=',
];

const COUNTRIES: &[&str] = &["DE", "de", "gB", "XX", "D", "", "VG", "DEAR", "A ", " A", "AD", "ÄD", "dé"];

const CODES: &[&str] = &[
    "+49", "0049", "+1", "+7", "+351", "00351", "+210", "+999", "+80", "+20", "+00", "0", "++49", "(+44)",
    "0 0 33",
];

/// Texts at the edges of what a mask looks at.
pub fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "   ",
        "'",
        "\\",
        "\\x",
        "\\000",
        "NULL",
        "null",
        "{}",
        "\u{FEFF}",
        "anna@web.de",
        "Anna@Web.de",
        "+49 170 1234567",
        " +49 170 1234567",
        "+49 170 1234567   ",
        "+",
        "00",
        "+4",
        "+49",
        "00491234567",
        "+1-415-555-0132",
        "+49123456789012345",
        "+491234567890123456",
        "+٤٩1234567",
        "4111 1111 1111 1234",
        "4111-1111-1111-1111-111",
        "4111111111111",
        "411111111111",
        "----",
        "DE89370400440532013000",
        "De00",
        "de0",
        "DE٣٤",
        "AD AE00",
        "1980-02-01",
        "infinity",
        "NaN",
        "84.1.2.3",
        "🙂",
    ]
    .map(Into::into)
    .into();
    texts.push("x".repeat(1 << 20));
    texts.push("漢".repeat(400_000));
    texts.push(format!("+49 1701234567{}", " ".repeat(1 << 20)));
    // Around the longest text that is looked at as a number.
    texts.extend((47..54).map(|spaces| format!("+49 1701234567{}", " ".repeat(spaces))));
    texts.extend((46..50).map(|marks| format!("4111111111111234{}", "-".repeat(marks))));
    texts
}

/// A text by chance, often nearly a number, an address or an account.
pub fn text(random: &mut Random) -> String {
    match random.below(6) {
        0 => random.string(LETTERS, 40),
        1 => format!("{}@{}.de", random.string(&LETTERS[..6], 10), random.digits(1, 6)),
        2 => {
            let mark = random.one_of(&["", " ", "-", "/", ".", "(", ")"]);
            let code = random.one_of(CODES);
            format!("{code}{mark}{}{mark}{}", random.digits(2, 4), random.digits(2, 14))
        }
        3 => {
            let mark = random.one_of(&["", " ", "-", "."]);
            let group = |random: &mut Random| random.digits(4, 4);
            let groups = [group(random), group(random), group(random), random.digits(0, 8)];
            groups.join(mark)
        }
        4 => {
            let country = random.one_of(COUNTRIES);
            format!("{country}{}", random.digits(0, 20))
        }
        _ => random.digits(0, 22),
    }
}
