//! Ed25519 keys of signed notes, in the text forms that `signed-note` and Go's `sumdb/note` read.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Type byte of Ed25519 in key ids and encoded keys.
const ED25519_TYPE: u8 = 1;
pub(in crate::proof) const KEY_BYTES: usize = 32;
pub(in crate::proof) const SIGNING_PREFIX: &str = "PRIVATE+KEY+";

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key's name must not be empty or hold spaces, control characters or `+`")]
    Name,
    #[error("not of the form `name+hash+base64`")]
    Form,
    #[error("not an Ed25519 key")]
    NotEd25519,
    #[error("the hash in the text is not that of the key: the text was changed")]
    OtherHash,
}

/// Whether `name` may name a key: no Unicode space, no `+`, nothing that breaks a line.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
pub(in crate::proof) fn key_id(name: &str, kind: u8, public: &[u8; KEY_BYTES]) -> u32 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(name.as_bytes());
    context.update(&[b'\n', kind]);
    context.update(public);
    match context.finish().as_ref() {
        [a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

pub(in crate::proof) fn encode(kind: u8, bytes: &[u8; KEY_BYTES]) -> String {
    let mut typed = [kind; 1 + KEY_BYTES];
    typed[1..].copy_from_slice(bytes);
    STANDARD.encode(typed)
}

/// `name+hash+base64`, split and decoded: the base64 may hold `+` itself, so it is the third part.
pub(in crate::proof) fn decode(kind: u8, text: &str) -> Result<(&str, u32, [u8; KEY_BYTES]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    if !is_key_name(name) {
        return Err(KeyError::Name);
    }
    if id.len() != 8 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(KeyError::Form);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Form)?;
    let bytes = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
    match bytes.split_first() {
        Some((found, rest)) if *found == kind => {
            Ok((name, id, rest.try_into().map_err(|_| KeyError::NotEd25519)?))
        }
        _ => Err(KeyError::NotEd25519),
    }
}

/// What a stranger needs to check signatures. Its text is `name+hash+base64(0x01‖public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: [u8; KEY_BYTES],
}

impl VerifierKey {
    /// The key's name; of a log's key, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short id in signature lines. It finds a key; it proves nothing.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn is_signature_of(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, encode(ED25519_TYPE, &self.public))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, id, public) = decode(ED25519_TYPE, text)?;
        if id != key_id(name, ED25519_TYPE, &public) {
            return Err(KeyError::OtherHash);
        }
        Ok(Self { name: name.to_owned(), id, public })
    }
}

/// The key that signs. `Debug` and `Display` never show the secret; [`SigningKey::to_text`] does.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    seed: [u8; KEY_BYTES],
    verifier: VerifierKey,
}

impl SigningKey {
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
        let verifier = VerifierKey { name: name.to_owned(), id: key_id(name, ED25519_TYPE, &public), public };
        Ok(Self { pair, seed, verifier })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64(0x01‖seed)`.
    ///
    /// # Errors
    /// The text is not such a key.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let rest = text.trim_end().strip_prefix(SIGNING_PREFIX).ok_or(KeyError::Form)?;
        let (name, id, seed) = decode(ED25519_TYPE, rest)?;
        let key = Self::from_seed(name, seed)?;
        if key.verifier.id == id { Ok(key) } else { Err(KeyError::OtherHash) }
    }

    /// The secret text, for a file that only its owner can read.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{SIGNING_PREFIX}{}+{:08x}+{}",
            self.verifier.name,
            self.verifier.id,
            encode(ED25519_TYPE, &self.seed)
        )
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs bytes whose form says by itself that they are no note.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }

    /// Signs `text`, which must end with a line feed, as a note with one signature.
    #[must_use]
    pub fn sign_note(&self, text: &str) -> String {
        let mut signature = self.verifier.id.to_be_bytes().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n— {} {}\n", self.verifier.name, STANDARD.encode(signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
