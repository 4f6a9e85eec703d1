//! HMAC-SHA256 (RFC 2104) under a key that is used for every value and statement: what the key itself costs is done
//! once, and what is kept of it is wiped. It is on the way of each masked value, where a context that is copied and
//! wiped for each would be most of the cost; the hash itself is sha2's.

use std::fmt;

use sha2::block_api::compress256;
use zeroize::Zeroizing;

/// Bytes that SHA-256 takes at a time, to which HMAC fills its key.
const BLOCK: usize = 64;

/// The number of bits of the message ends the last block.
const LENGTH: usize = size_of::<u64>();

/// SHA-256 before its first block (FIPS 180-4, 5.3.3).
const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

type State = [u32; 8];

/// A key, ready for use. It is in no log and no `Debug`.
#[derive(Clone)]
pub(crate) struct Keyed {
    /// SHA-256 behind the key's inner block, and behind its outer one.
    inner: Zeroizing<State>,
    outer: Zeroizing<State>,
}

impl Keyed {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let behind = |constant: u8| {
            let mut block = Zeroizing::new([constant; BLOCK]);
            block.iter_mut().zip(key).for_each(|(slot, byte)| *slot ^= byte);
            let mut state = Zeroizing::new(START);
            compress256(&mut state, std::slice::from_ref(&*block));
            state
        };
        Self { inner: behind(0x36), outer: behind(0x5c) }
    }

    /// The tag over some bytes.
    pub(crate) fn tag(&self, bytes: &[u8]) -> [u8; 32] {
        digest(&finish(*self.outer, &digest(&finish(*self.inner, bytes))))
    }
}

/// Goes on behind one block, to the end of the message.
fn finish(mut state: State, bytes: &[u8]) -> State {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    compress256(&mut state, blocks);
    let mut last = [[0; BLOCK]; 2];
    let used = if rest.len() < BLOCK - LENGTH { 1 } else { 2 };
    let flat = last.as_flattened_mut();
    flat.iter_mut().zip(rest.iter().chain(&[0x80])).for_each(|(slot, byte)| *slot = *byte);
    let bits = (BLOCK as u64 + bytes.len() as u64) * 8;
    if let Some(place) = flat.get_mut(used * BLOCK - LENGTH..used * BLOCK) {
        place.copy_from_slice(&bits.to_be_bytes());
    }
    compress256(&mut state, last.get(..used).unwrap_or_default());
    state
}

fn digest(state: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (words, _) = bytes.as_chunks_mut::<4>();
    words.iter_mut().zip(state).for_each(|(slot, word)| *slot = word.to_be_bytes());
    bytes
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    #[test]
    fn it_is_the_hmac_that_everybody_else_has() {
        let key = std::array::from_fn(|place| place as u8);
        let bytes: Vec<u8> = (0..200).collect();
        for length in 0..bytes.len() {
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &bytes[..length]);
            assert_eq!(Keyed::new(&key).tag(&bytes[..length]), expected.as_ref(), "over {length} bytes");
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", Keyed::new(&[65; 32])), "Keyed");
    }
}
