//! Numbers by chance that are the same in every run.

/// `xorshift64*`
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// From `first` to `last`, both may come.
    pub fn within(&mut self, first: i64, last: i64) -> i64 {
        let count = last.wrapping_sub(first) as u64;
        let above = if count == u64::MAX { self.number() } else { self.below(count + 1) };
        first.wrapping_add(above as i64)
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub fn string(&mut self, alphabet: &[char], longest: u64) -> String {
        (0..self.below(longest + 1)).map(|_| self.one_of(alphabet)).collect()
    }

    pub fn digits(&mut self, fewest: u64, most: u64) -> String {
        let count = fewest + self.below(most - fewest + 1);
        (0..count).map(|_| self.one_of(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])).collect()
    }
}
