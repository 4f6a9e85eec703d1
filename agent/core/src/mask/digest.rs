//! The keyed digest of one value, and the pieces that masks are made of.

/// Lower-case base 32 without the letters that are read as digits.
const ALPHABET: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// 256 bits that depend on key and value only.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// 100 bits as 20 letters and digits.
    pub(super) fn letters(&self) -> [u8; 20] {
        let mut bits = u128::from_be_bytes(self.chunk::<0, 16>());
        let mut letters = [0; 20];
        for letter in &mut letters {
            *letter = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        letters
    }

    /// 64 bits.
    pub(super) fn number(&self) -> u64 {
        u64::from_be_bytes(self.chunk::<16, 8>())
    }

    /// 64 other bits.
    pub(super) fn second_number(&self) -> u64 {
        u64::from_be_bytes(self.chunk::<24, 8>())
    }

    /// The first 128 bits.
    pub(super) fn bytes(&self) -> [u8; 16] {
        self.chunk::<0, 16>()
    }

    fn chunk<const AT: usize, const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let chunk = self.0.get(AT..).and_then(|rest| rest.first_chunk::<LENGTH>());
        debug_assert!(chunk.is_some(), "chunks lie inside the digest");
        chunk.copied().unwrap_or([0; LENGTH])
    }
}
