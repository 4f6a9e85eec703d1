//! The keyed digest of one value, and the pieces that masks are made of. Each piece is one that built-in
//! functions of PostgreSQL also give; [`super::sql`] makes the same ones there.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How many letters a mask has where its length is free: at least 100 bits.
pub(super) const LETTERS: usize = 20;

/// 256 bits that depend on key and value only.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Base 64 of the first 120 bits in small letters and digits. Five bits a letter are left.
    pub(super) fn letters(&self) -> [u8; LETTERS] {
        let mut letters = [b'0'; LETTERS];
        let written = STANDARD.encode_slice(self.chunk::<0, 15>(), &mut letters);
        debug_assert_eq!(written.ok(), Some(LETTERS), "fifteen bytes are twenty letters");
        for letter in &mut letters {
            *letter = match *letter {
                b'+' => b'8',
                b'/' => b'9',
                letter => letter.to_ascii_lowercase(),
            };
        }
        letters
    }

    /// 60 bits: what a signed number of eight bytes holds without a sign.
    pub(super) fn number(&self) -> u64 {
        u64::from_be_bytes(self.chunk::<16, 8>()) >> 4
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
