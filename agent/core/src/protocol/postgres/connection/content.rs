//! What a COPY carries, by a hash of its bytes: what one COPY gave and another one took, byte for byte, is known by it
//! again, whatever became of it in between. The hash is keyed, for little content could be guessed from a plain one,
//! and goes over the data alone, since how it is cut into messages is everybody's own affair.

use aws_lc_rs::digest::{Context, SHA256};
use connect_shared::hexadecimal::hexadecimal;

use crate::keyed::Keyed;

/// The key of what COPYs of all connections are known by, made of one that all of them have.
pub(super) fn key(commitment_key: &[u8; 32]) -> Keyed {
    Keyed::new(&Keyed::new(commitment_key).tag(b"connect.copied/1"))
}

/// Data of a COPY that passes.
#[derive(Default)]
pub(super) struct Content(Option<Context>);

impl Content {
    /// More of it.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_with(|| Context::new(&SHA256)).update(bytes);
        }
    }

    /// What it is known by, in hexadecimal; `None` if it is nothing, for nothing comes from nothing.
    pub(super) fn known_by(self, key: &Keyed) -> Option<String> {
        let hash = self.0?.finish();
        Some(hexadecimal(&key.tag(hash.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known_by(parts: &[&[u8]], key: u8) -> Option<String> {
        let mut content = Content::default();
        parts.iter().for_each(|part| content.take(part));
        content.known_by(&super::key(&[key; 32]))
    }

    #[test]
    fn the_same_data_is_known_however_it_is_cut() {
        let whole = known_by(&[b"1\tana\n2\tli\n"], 1);
        assert!(whole.as_ref().is_some_and(|hash| hash.len() == 64));
        assert_eq!(known_by(&[b"1\ta", b"", b"na\n2\tli\n"], 1), whole);
        assert_ne!(known_by(&[b"1\tana\n2\tlo\n"], 1), whole);
        assert_ne!(known_by(&[b"1\tana\n2\tli\n"], 2), whole, "nobody tries values without the key");
        assert_eq!(known_by(&[b""], 1), None);
    }
}
