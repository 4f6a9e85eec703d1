//! Cosignatures of witnesses, `cosignature/v1` (<https://c2sp.org/tlog-cosignature>): that a checkpoint was
//! seen at a time, and that it contains every one that the witness had seen before.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::note::{KEY_BYTES, KeyError, Note, SIGNING_PREFIX, decode, encode, is_key_name, key_id};

/// Type byte of timestamped Ed25519 cosignatures in key ids and encoded keys.
const COSIGNATURE_TYPE: u8 = 4;
/// Timestamp and signature behind the key id.
const COSIGNATURE_BYTES: usize = 8 + 64;

/// What a stranger needs to check a witness. Its text is `name+hash+base64(0x04‖public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: u32,
    public: [u8; KEY_BYTES],
}

impl WitnessKey {
    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the witness cosigned the note, in seconds since 1970: the latest of its good cosignatures.
    /// `None`: there is none of it, or none that fits the text.
    #[must_use]
    pub fn cosigned_at(&self, note: &Note) -> Option<u64> {
        let good = note.signatures_of(&self.name, self.id).filter_map(|bytes| {
            let (time, signature) =
                bytes.split_first_chunk::<8>().filter(|_| bytes.len() == COSIGNATURE_BYTES)?;
            let time = u64::from_be_bytes(*time);
            let message = message(time, note.text());
            UnparsedPublicKey::new(&ED25519, self.public)
                .verify(message.as_bytes(), signature)
                .is_ok()
                .then_some(time)
        });
        good.max()
    }
}

fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, encode(COSIGNATURE_TYPE, &self.public))
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, id, public) = decode(COSIGNATURE_TYPE, text)?;
        if id != key_id(name, COSIGNATURE_TYPE, &public) {
            return Err(KeyError::OtherHash);
        }
        Ok(Self { name: name.to_owned(), id, public })
    }
}

/// The key with which a witness cosigns. `Debug` never shows the secret; [`CosigningKey::to_text`] does.
pub struct CosigningKey {
    pair: Ed25519KeyPair,
    seed: [u8; KEY_BYTES],
    witness: WitnessKey,
}

impl CosigningKey {
    /// A key from 32 random bytes.
    ///
    /// # Errors
    /// [`KeyError::Name`] if `name` cannot name a key.
    pub fn from_seed(name: &str, seed: [u8; KEY_BYTES]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::NotEd25519)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NotEd25519)?;
        let id = key_id(name, COSIGNATURE_TYPE, &public);
        Ok(Self { pair, seed, witness: WitnessKey { name: name.to_owned(), id, public } })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64(0x04‖seed)`.
    ///
    /// # Errors
    /// The text is not such a key.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let rest = text.trim_end().strip_prefix(SIGNING_PREFIX).ok_or(KeyError::Form)?;
        let (name, id, seed) = decode(COSIGNATURE_TYPE, rest)?;
        let key = Self::from_seed(name, seed)?;
        if key.witness.id == id { Ok(key) } else { Err(KeyError::OtherHash) }
    }

    /// The secret text, for a file that only its owner can read.
    #[must_use]
    pub fn to_text(&self) -> String {
        let WitnessKey { name, id, .. } = &self.witness;
        format!("{SIGNING_PREFIX}{name}+{id:08x}+{}", encode(COSIGNATURE_TYPE, &self.seed))
    }

    /// The public half.
    #[must_use]
    pub const fn witness(&self) -> &WitnessKey {
        &self.witness
    }

    /// The signature line over a note's text, without its line feed. `time` in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, text: &str, time: u64) -> String {
        let mut bytes = self.witness.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&time.to_be_bytes());
        bytes.extend_from_slice(self.pair.sign(message(time, text).as_bytes()).as_ref());
        format!("— {} {}", self.witness.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for CosigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosigningKey").field("witness", &self.witness).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{checkpoint::Checkpoint, note::SigningKey, tree::empty_root};

    fn key() -> CosigningKey {
        CosigningKey::from_seed("witness.example/one", [9; 32]).expect("a good name")
    }

    fn signed() -> String {
        let log = SigningKey::from_seed("connect.local/demo", [3; 32]).expect("a good name");
        Checkpoint { origin: "connect.local/demo".into(), size: 7, root: empty_root() }.sign(&log)
    }

    #[test]
    fn a_key_survives_its_texts_and_is_no_key_of_a_log() {
        let key = key();
        assert_eq!(key.witness().to_string().parse().as_ref(), Ok(key.witness()));
        let again = CosigningKey::from_text(&key.to_text()).expect("the same");
        assert_eq!(again.witness(), key.witness());
        assert!(key.witness().to_string().parse::<crate::proof::note::VerifierKey>().is_err());
        assert!(!format!("{key:?}").contains(&key.to_text()[45..]));
    }

    #[test]
    fn a_cosignature_holds_for_its_text_its_time_and_its_key_alone() {
        let (key, signed) = (key(), signed());
        let text = Note::parse(&signed).expect("a note").text().to_owned();
        let cosigned = format!("{signed}{}\n", key.cosign(&text, 1_764_000_000));
        let note = Note::parse(&cosigned).expect("a note");
        assert_eq!(key.witness().cosigned_at(&note), Some(1_764_000_000));
        assert_eq!(key.witness().cosigned_at(&Note::parse(&signed).expect("a note")), None);
        let other = Note::parse(&cosigned.replacen("\n7\n", "\n8\n", 1)).expect("a note");
        assert_eq!(key.witness().cosigned_at(&other), None);
        let stranger = CosigningKey::from_seed("witness.example/one", [8; 32]).expect("a good name");
        assert_eq!(stranger.witness().cosigned_at(&note), None);
        let twice = format!("{cosigned}{}\n", key.cosign(&text, 1_764_000_060));
        assert_eq!(key.witness().cosigned_at(&Note::parse(&twice).expect("a note")), Some(1_764_000_060));
        // The line reads as the specification says: key id, big-endian time, signature.
        let line = key.cosign(&text, 1);
        let bytes = STANDARD.decode(line.rsplit(' ').next().expect("base64")).expect("base64");
        assert_eq!((bytes.len(), &bytes[4..12]), (4 + 8 + 64, [0, 0, 0, 0, 0, 0, 0, 1].as_slice()));
    }
}
