//! Canonical decimal text of `numeric` values from both formats.

/// Longest canonical form. Longer numbers are not masked by value: they get the neutral value.
const LONGEST: usize = 512;
const GROUP: usize = 4;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// A number without superfluous zeros: `-12.5`, `0`, `NaN`.
pub(super) struct Decimal {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Decimal {
    const fn empty() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }

    fn word(word: &[u8]) -> Option<Self> {
        let mut decimal = Self::empty();
        decimal.append(word)?;
        Some(decimal)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn append(&mut self, part: &[u8]) -> Option<()> {
        let end = self.length.checked_add(part.len())?;
        self.bytes.get_mut(self.length..end)?.copy_from_slice(part);
        self.length = end;
        Some(())
    }

    /// From digits without a point; drops zeros on both outer sides.
    fn compose(negative: bool, whole: &[u8], fraction: &[u8]) -> Option<Self> {
        let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
        let whole = whole.get(zeros..)?;
        let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
        let fraction = fraction.get(..fraction.len().checked_sub(zeros)?)?;
        if whole.is_empty() && fraction.is_empty() {
            return Self::word(b"0");
        }
        let mut decimal = Self::empty();
        decimal.append(if negative { b"-" } else { b"" })?;
        decimal.append(if whole.is_empty() { b"0" } else { whole })?;
        if !fraction.is_empty() {
            decimal.append(b".")?;
            decimal.append(fraction)?;
        }
        Some(decimal)
    }

    /// From `numeric_out`. It never writes an exponent.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        if matches!(text, b"NaN" | b"Infinity" | b"-Infinity") {
            return Self::word(text);
        }
        let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let (whole, fraction) = digits.split_at_checked(point)?;
        let fraction = fraction.strip_prefix(b".").unwrap_or_default();
        let plain = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        Self::compose(negative, whole, fraction)
    }

    /// From `numeric_send`: count, weight, sign, display scale, groups of four decimal digits.
    pub(super) fn from_binary(bytes: &[u8]) -> Option<Self> {
        let (head, groups) = bytes.split_first_chunk::<8>()?;
        let [count_high, count_low, weight_high, weight_low, sign_high, sign_low, _, _] = *head;
        let count = usize::from(u16::from_be_bytes([count_high, count_low]));
        let weight = i16::from_be_bytes([weight_high, weight_low]);
        if groups.len() != count.checked_mul(2)? {
            return None;
        }
        match u16::from_be_bytes([sign_high, sign_low]) {
            NAN => Self::word(b"NaN"),
            INFINITY => Self::word(b"Infinity"),
            NEGATIVE_INFINITY => Self::word(b"-Infinity"),
            POSITIVE => Self::from_groups(false, weight, groups),
            NEGATIVE => Self::from_groups(true, weight, groups),
            _ => None,
        }
    }

    fn from_groups(negative: bool, weight: i16, groups: &[u8]) -> Option<Self> {
        let mut digits = Digits::default();
        for _ in weight..-1 {
            digits.group(0)?;
        }
        for pair in groups.chunks_exact(2) {
            digits.group(u16::from_be_bytes(pair.try_into().ok()?))?;
        }
        let whole_groups = usize::try_from(i32::from(weight) + 1).unwrap_or(0);
        let whole_digits = whole_groups.checked_mul(GROUP)?;
        while digits.length < whole_digits {
            digits.group(0)?;
        }
        let (whole, fraction) = digits.as_bytes().split_at_checked(whole_digits)?;
        Self::compose(negative, whole, fraction)
    }
}

/// Decimal digits of groups, with room for the zeros that [`Decimal::compose`] drops.
struct Digits {
    bytes: [u8; LONGEST + 2 * GROUP],
    length: usize,
}

impl Default for Digits {
    fn default() -> Self {
        Self { bytes: [0; LONGEST + 2 * GROUP], length: 0 }
    }
}

impl Digits {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn group(&mut self, group: u16) -> Option<()> {
        if group > 9_999 {
            return None;
        }
        let end = self.length.checked_add(GROUP)?;
        let mut rest = group;
        for digit in self.bytes.get_mut(self.length..end)?.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.length = end;
        Some(())
    }
}

/// Binary form of a whole number up to 16 digits.
pub(super) fn whole_to_binary(number: u64) -> ([u8; 16], usize) {
    let mut groups = [0u16; 4];
    let mut rest = number;
    for group in groups.iter_mut().rev() {
        *group = (rest % 10_000) as u16;
        rest /= 10_000;
    }
    let used = groups.iter().skip_while(|group| **group == 0);
    let count = used.clone().count();
    let mut bytes = [0; 16];
    let head = [count as u16, count.saturating_sub(1) as u16, POSITIVE, 0];
    for (slot, value) in bytes.chunks_exact_mut(2).zip(head.iter().chain(used)) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
    (bytes, 8 + 2 * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(decimal: Option<Decimal>) -> Option<String> {
        decimal.map(|decimal| String::from_utf8_lossy(decimal.as_bytes()).into_owned())
    }

    fn binary(weight: i16, sign: u16, groups: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((groups.len() as u16).to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend([0, 0]);
        groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
        bytes
    }

    #[test]
    fn both_formats_of_a_number_have_one_canonical_form() {
        let table: [(&str, Vec<u8>, &str); 9] = [
            ("0.00", binary(0, POSITIVE, &[]), "0"),
            ("12.50", binary(0, POSITIVE, &[12, 5000]), "12.5"),
            ("-12.5", binary(0, NEGATIVE, &[12, 5000]), "-12.5"),
            ("120000.000", binary(1, POSITIVE, &[12]), "120000"),
            ("0.00001234", binary(-2, POSITIVE, &[1234]), "0.00001234"),
            ("0.5", binary(-1, POSITIVE, &[5000]), "0.5"),
            ("10000", binary(1, POSITIVE, &[1]), "10000"),
            ("NaN", binary(0, NAN, &[]), "NaN"),
            ("-Infinity", binary(0, NEGATIVE_INFINITY, &[]), "-Infinity"),
        ];
        for (written, sent, expected) in table {
            assert_eq!(text(Decimal::from_text(written.as_bytes())).as_deref(), Some(expected));
            assert_eq!(text(Decimal::from_binary(&sent)).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_number_has_no_canonical_form() {
        for written in ["", "-", ".", "1e5", "12,50", "$12", "1.2.3"] {
            assert!(Decimal::from_text(written.as_bytes()).is_none(), "{written}");
        }
        assert!(Decimal::from_binary(&binary(0, 0x1234, &[1])).is_none());
        assert!(Decimal::from_binary(&binary(0, POSITIVE, &[10_000])).is_none());
        assert!(Decimal::from_binary(&binary(i16::MAX, POSITIVE, &[1])).is_none());
        assert!(Decimal::from_binary(&binary(i16::MIN, POSITIVE, &[1])).is_none());
        assert!(Decimal::from_binary(&[0, 9, 0, 0, 0, 0, 0, 0]).is_none());
    }

    #[test]
    fn a_whole_number_survives_its_binary_form() {
        for number in [0, 7, 9_999, 10_000, 123_456_789, 9_007_199_254_740_991] {
            let (bytes, length) = whole_to_binary(number);
            assert_eq!(text(Decimal::from_binary(&bytes[..length])), Some(number.to_string()));
        }
    }
}
