//! Numbers of the type `numeric`: their canonical decimal text from both formats, and both formats of
//! masked ones.

/// Decimal digits in a group of the binary format.
const GROUP: usize = 4;
const ZEROS: &[u8; GROUP] = b"0000";

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// A number without superfluous zeros: `-12.5`, `0`, `NaN`.
pub(super) struct Decimal(Vec<u8>);

impl Decimal {
    fn word(word: &[u8]) -> Self {
        Self(word.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From digits without a point; drops zeros on both outer sides.
    fn compose(negative: bool, whole: &[u8], fraction: &[u8]) -> Self {
        let (whole, fraction) = (without_zeros_before(whole), without_zeros_behind(fraction));
        if whole.is_empty() && fraction.is_empty() {
            return Self::word(b"0");
        }
        let mut bytes = Vec::with_capacity(whole.len() + fraction.len() + 3);
        bytes.extend_from_slice(if negative { b"-" } else { b"" });
        bytes.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        if !fraction.is_empty() {
            bytes.push(b'.');
            bytes.extend_from_slice(fraction);
        }
        Self(bytes)
    }

    /// From `numeric_out`. It never writes an exponent.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        if matches!(text, b"NaN" | b"Infinity" | b"-Infinity") {
            return Some(Self::word(text));
        }
        let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let (whole, fraction) = digits.split_at_checked(point)?;
        let fraction = fraction.strip_prefix(b".").unwrap_or_default();
        let plain = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        Some(Self::compose(negative, whole, fraction))
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
            NAN => Some(Self::word(b"NaN")),
            INFINITY => Some(Self::word(b"Infinity")),
            NEGATIVE_INFINITY => Some(Self::word(b"-Infinity")),
            POSITIVE => Self::from_groups(false, weight, groups),
            NEGATIVE => Self::from_groups(true, weight, groups),
            _ => None,
        }
    }

    fn from_groups(negative: bool, weight: i16, groups: &[u8]) -> Option<Self> {
        // Room for the groups' digits, and for zeros of at most `i16::MAX` groups on either side.
        let mut digits = Vec::with_capacity(groups.len() * 2);
        for _ in weight..-1 {
            digits.extend_from_slice(ZEROS);
        }
        for pair in groups.chunks_exact(2) {
            let group = u16::from_be_bytes(pair.try_into().ok()?);
            digits.extend_from_slice(&digits_of(group)?);
        }
        let whole_digits = usize::try_from(i32::from(weight) + 1).unwrap_or(0) * GROUP;
        digits.resize(digits.len().max(whole_digits), b'0');
        let (whole, fraction) = digits.split_at_checked(whole_digits)?;
        Some(Self::compose(negative, whole, fraction))
    }
}

fn digits_of(group: u16) -> Option<[u8; GROUP]> {
    let digits = [1_000, 100, 10, 1].map(|unit| b'0' + (group / unit % 10) as u8);
    (group <= 9_999).then_some(digits)
}

fn without_zeros_before(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn without_zeros_behind(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    digits.get(..digits.len().saturating_sub(zeros)).unwrap_or_default()
}

/// Precision and scale of a column of `numeric(p,s)`, and how a mask finds room in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) precision: u16,
    pub(super) scale: i16,
}

/// Most digits of a masked number: what a JavaScript client can hold in any case.
const MOST_DIGITS: u16 = 15;

impl Digits {
    /// From the type modifier: precision above, scale in the eleven bits below (signed), and 4.
    pub(super) fn from_modifier(modifier: i32) -> Option<Self> {
        let packed = u32::try_from(modifier.checked_sub(4)?).ok()?;
        let scale = i16::try_from(packed & 0x7ff).ok()?;
        let scale = if scale < 0x400 { scale } else { scale - 0x800 };
        Some(Self { precision: u16::try_from(packed >> 16).ok()?, scale })
    }

    /// Decimal digits that a mask may have, if fewer than it would.
    pub(super) fn room(self) -> Option<u32> {
        let whole = i32::from(self.precision) - i32::from(self.scale);
        let room = if self.exponent() == 0 { u16::try_from(whole).unwrap_or(0) } else { self.precision };
        (room <= MOST_DIGITS).then_some(room.into())
    }

    /// The power of ten that a mask is multiplied with: 0 where whole numbers have room.
    pub(super) fn exponent(self) -> i16 {
        let whole_numbers = self.scale >= 0 && i32::from(self.precision) > i32::from(self.scale);
        if whole_numbers { 0 } else { self.scale.saturating_neg() }
    }

    /// Digits behind the point that the server writes.
    fn written(self) -> usize {
        usize::try_from(self.scale).unwrap_or(0)
    }
}

/// A masked number as the server would write it.
pub(super) struct Masked {
    whole: Vec<u8>,
    fraction: Vec<u8>,
}

impl Masked {
    /// `units` that are below ten to the power of [`Digits::room`].
    pub(super) fn new(units: u64, digits: Option<Digits>) -> Self {
        let written = digits.map_or(0, Digits::written);
        let exponent = digits.map_or(0, Digits::exponent);
        let mut number = units.to_string().into_bytes();
        if exponent < 0 {
            // All digits lie behind the point.
            let zeros = vec![b'0'; written.saturating_sub(number.len())];
            return Self { whole: b"0".to_vec(), fraction: [zeros, number].concat() };
        }
        if units != 0 {
            number.resize(number.len() + usize::try_from(exponent).unwrap_or(0), b'0');
        }
        Self { whole: number, fraction: vec![b'0'; written] }
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let point: &[u8] = if self.fraction.is_empty() { b"" } else { b"." };
        [&self.whole, point, &self.fraction].concat()
    }

    /// As `numeric_send` has it: no groups of zeros on either side.
    pub(super) fn binary(&self) -> Vec<u8> {
        let missing = |digits: &[u8]| digits.len().next_multiple_of(GROUP) - digits.len();
        let before = vec![b'0'; missing(&self.whole)];
        let behind = vec![b'0'; missing(&self.fraction)];
        let digits = [&before, &self.whole, &self.fraction, &behind].map(Vec::as_slice).concat();
        let groups: Vec<u16> = digits.chunks_exact(GROUP).map(group_of).collect();
        let leading = groups.iter().take_while(|group| **group == 0).count();
        let trailing = groups.iter().rev().take_while(|group| **group == 0).count();
        let used = groups.get(leading..groups.len().saturating_sub(trailing)).unwrap_or_default();
        let whole_groups = self.whole.len().div_ceil(GROUP);
        // Both are below ten thousand: a precision is at most a thousand.
        let weight = if used.is_empty() { 0 } else { whole_groups as i16 - leading as i16 - 1 };
        let head = [used.len() as u16, weight as u16, POSITIVE, self.fraction.len() as u16];
        head.iter().chain(used).flat_map(|word| word.to_be_bytes()).collect()
    }
}

fn group_of(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |group, digit| group * 10 + u16::from(digit.wrapping_sub(b'0')))
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
        assert!(Decimal::from_binary(&[0, 9, 0, 0, 0, 0, 0, 0]).is_none());
    }

    #[test]
    fn the_longest_numbers_have_their_canonical_form() {
        let long = "7".repeat(1_000);
        assert_eq!(text(Decimal::from_text(long.as_bytes())).as_deref(), Some(&*long));
        let largest = text(Decimal::from_binary(&binary(i16::MAX, POSITIVE, &[1])));
        assert_eq!(largest, Some(format!("1{}", "0".repeat(131_068))));
        let smallest = text(Decimal::from_binary(&binary(i16::MIN, POSITIVE, &[1])));
        assert!(smallest.is_some_and(|number| number.starts_with("0.0") && number.ends_with("0001")));
    }

    fn digits(precision: u16, scale: i16) -> Digits {
        let modifier = (i32::from(precision) << 16 | i32::from(scale) & 0x7ff) + 4;
        let digits = Digits::from_modifier(modifier).expect("a modifier");
        assert_eq!(digits, Digits { precision, scale });
        digits
    }

    #[test]
    fn a_masked_number_is_written_with_the_scale_of_its_column() {
        for (units, digits, expected) in [
            (0, None, "0"),
            (9_007_199_254_740_991, None, "9007199254740991"),
            (10_000, None, "10000"),
            (1_234, Some(digits(10, 2)), "1234.00"),
            (0, Some(digits(10, 2)), "0.00"),
            (12, Some(digits(2, 2)), "0.12"),
            (7, Some(digits(3, 6)), "0.000007"),
            (123, Some(digits(3, -2)), "12300"),
            (0, Some(digits(3, -2)), "0"),
        ] {
            let masked = Masked::new(units, digits);
            assert_eq!(String::from_utf8_lossy(&masked.text()), expected);
            let canonical = text(Decimal::from_text(expected.as_bytes()));
            assert_eq!(text(Decimal::from_binary(&masked.binary())), canonical, "{expected}");
        }
    }

    #[test]
    fn a_mask_has_as_many_digits_as_its_column_has_room_for() {
        assert_eq!(digits(10, 2).room(), Some(8));
        assert_eq!(digits(30, 2).room(), None);
        assert_eq!(digits(3, 3).room(), Some(3));
        assert_eq!(digits(3, -2).room(), Some(3));
        assert_eq!(digits(1_000, 1_000).room(), None);
    }
}
