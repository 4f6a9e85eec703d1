//! HMAC-SHA256 (RFC 2104) under a key that is used often: what the key itself costs is done once.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key, ready for use. It is in no log and no `Debug`.
#[derive(Clone)]
pub(crate) struct Keyed(Hmac<Sha256>);

impl Keyed {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut block = Zeroizing::new(hmac::digest::Key::<Hmac<Sha256>>::default());
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
        Self(Hmac::new(&block))
    }

    /// The tag over some bytes.
    pub(crate) fn tag(&self, bytes: &[u8]) -> [u8; 32] {
        let mut hmac = self.0.clone();
        hmac.update(bytes);
        hmac.finalize().into_bytes().into()
    }
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
