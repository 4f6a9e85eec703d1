//! Values that must not reach a client, in any of the shapes that a statement could give them.

use std::sync::LazyLock;

use base64::Engine as _;

/// Parts of the protected values of `customers` 1 and `api_keys` 1, and of every row of
/// [`crate::attack::vault`], that no mask may show. (A card's last four digits, a phone's country code and an
/// IBAN's country are shown on purpose and are not here.)
const CLEAR: [&str; 14] = [
    "quorraline",
    "Quorraline",
    "zyxwell",
    "Zyxwell",
    "555 013",
    "1961-07-23",
    "3704004405",
    "4929771331",
    "078-05-1120",
    "QZ7x9canaryTOKEN",
    "5eedc0de",
    "10.83.251.",
    "1061-07",
    ".07.1061",
];

/// Days from 2000-01-01 to the canary's birth date, as PostgreSQL sends a date in binary.
const BIRTH_DATE: i32 = -14_041;

/// Beginnings of values of the vault, as PostgreSQL sends them in binary. The days are further away than any mask of a
/// salary is large: one of those is sent in four bytes as well, with either sign.
const BINARY: [(&str, &[u8]); 5] = [
    ("a day of July 1061 in binary", &[0, 0, 0, 4, 0xFF, 0xFA, 0xC5]),
    ("an account in binary", &[0, 0, 0, 8, 0, 0, 0, 0x56, 0x3D, 0x96]),
    ("a salary in binary", &[0, 37, 1, 144, 17, 53]),
    ("a device in binary", &[0x5E, 0xED, 0xC0, 0xDE, 0x5E, 0xED]),
    ("an address in binary", &[2, 32, 0, 4, 10, 83, 251]),
];

/// The first canary found in bytes that a client received.
#[must_use]
pub fn found_in(received: &[u8]) -> Option<String> {
    // By their first byte: answers are long, and hardly any byte begins a canary.
    static SHAPES: LazyLock<Vec<Vec<Shape>>> = LazyLock::new(|| {
        let mut by_first = vec![Vec::new(); 256];
        for (name, bytes) in shapes() {
            by_first[usize::from(bytes[0])].push((name, bytes));
        }
        by_first
    });
    (0..received.len()).find_map(|at| {
        let rest = &received[at..];
        let found = SHAPES[usize::from(rest[0])].iter().find(|(_, bytes)| rest.starts_with(bytes));
        found.map(|(name, _)| name.clone())
    })
}

/// A canary in some form: what it is, and its bytes.
type Shape = (String, Vec<u8>);

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for clear in CLEAR {
        let bytes = clear.as_bytes();
        let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
        // The last letters of base 64 depend on what follows the canary.
        let stable = encoded[..encoded.len() - encoded.len() % 4].to_owned();
        shapes.push((clear.to_owned(), bytes.to_vec()));
        shapes.push((format!("{clear} in capitals"), clear.to_uppercase().into_bytes()));
        shapes.push((format!("{clear} reversed"), clear.chars().rev().collect::<String>().into_bytes()));
        shapes.push((format!("{clear} in hexadecimal"), hexadecimal.into_bytes()));
        shapes.push((format!("{clear} in base 64"), stable.into_bytes()));
    }
    let mut binary_date = 4_i32.to_be_bytes().to_vec();
    binary_date.extend(BIRTH_DATE.to_be_bytes());
    shapes.push(("the birth date in binary".to_owned(), binary_date));
    shapes.extend(BINARY.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())));
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_each_of_its_shapes() {
        for hidden in ["xquorralinex", "ENILARROUQ", "71756f7272616c696e65", "cXVvcnJhbGluZS56eXh3ZWxs"] {
            let found = found_in(hidden.as_bytes()).or_else(|| found_in(hidden.to_lowercase().as_bytes()));
            assert!(found.is_some(), "{hidden}");
        }
        assert_eq!(found_in(b"nothing of that kind"), None);
    }
}
