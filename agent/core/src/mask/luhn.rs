//! Luhn's check digit, which cards carry and masked cards must fail.

/// Luhn's check over ASCII digits (ISO/IEC 7812-1, annex B).
pub(crate) fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            let doubled = digit * 2;
            match (place % 2, doubled > 9) {
                (0, _) => digit,
                (_, true) => doubled - 9,
                (_, false) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_numbers_pass_and_one_changed_digit_fails() {
        assert!(passes_luhn(b"4111111111111111"));
        assert!(passes_luhn(b"378282246310005"));
        assert!(!passes_luhn(b"4111111111111112"));
    }
}
