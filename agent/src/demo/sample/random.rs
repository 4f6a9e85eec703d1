//! The sample's randomness: the same on every machine and for every row on its own.

/// Changing it changes every row.
const SEED: u64 = 0x5EED_0C0A_11EC_7000;

/// SplitMix64 (Steele, Lea and Flood, 2014): tiny and good enough for sample data; never for keys.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The randomness of one row, which depends on no other row.
    pub fn of_row(table: &str, row: u64) -> Self {
        let table = table.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut random = Self { state: SEED ^ table ^ row.wrapping_mul(0xD6E8_FEB8_6659_FD93) };
        random.number();
        random
    }

    /// 64 random bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        let scaled = (u128::from(self.number()) * u128::from(end)) >> 64;
        // Smaller than `end`, so it fits.
        u64::try_from(scaled).unwrap_or_default()
    }

    /// From `low` up to and including `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True this many times in a hundred.
    pub fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let place = self.below(list.len() as u64);
        &list[usize::try_from(place).unwrap_or_default()]
    }

    /// One of a list of texts that is not empty.
    pub fn word<'a>(&mut self, list: &'a [String]) -> &'a str {
        self.pick::<String>(list)
    }

    pub fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.below(10)).unwrap_or_default())
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| self.digit()).collect()
    }

    /// Letters and digits, as in an access key.
    pub fn letters(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(*self.pick(alphabet))).collect()
    }

    /// A pattern with `#` for a digit and `@` for a capital letter.
    pub fn fill(&mut self, pattern: &str) -> String {
        let fill = |sign| match sign {
            '#' => self.digit(),
            '@' => char::from(b'A' + u8::try_from(self.below(26)).unwrap_or_default()),
            other => other,
        };
        pattern.chars().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_generator() {
        // The first value of SplitMix64 from state 0, as its authors publish it.
        let mut random = Random { state: 0 };
        assert_eq!(random.number(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn a_range_is_used_whole_and_never_left() {
        let mut random = Random::of_row("range", 1);
        let drawn: std::collections::BTreeSet<u64> = (0..1000).map(|_| random.between(3, 7)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn rows_do_not_repeat_each_other() {
        let firsts: std::collections::BTreeSet<u64> =
            (0..10_000).map(|row| Random::of_row("customers", row).number()).collect();
        assert_eq!(firsts.len(), 10_000);
    }
}
