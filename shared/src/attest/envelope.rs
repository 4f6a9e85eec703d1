//! DSSE: a payload, its type, and signatures over both.
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::proof::note::{SigningKey, VerifierKey};

/// The only type of payload that is an attestation.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Longest envelope that is read.
pub const MAX_ENVELOPE: usize = 64 << 20;

/// One signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub payload_type: String,
    /// Base 64.
    pub payload: String,
    pub signatures: Vec<Signature>,
}

/// One signature. The id says which key to try; it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub keyid: String,
    /// Base 64.
    pub sig: String,
}

/// Why a text is no envelope, or its signature none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it is no envelope of a signed statement")]
    Form,
    #[error("the type of its payload is not that of an attestation")]
    PayloadType,
    #[error("it has no signature of the key {0}")]
    NotSigned(String),
    #[error("the signature of {0} is not over this content: something in it was changed")]
    Signature(String),
}

/// `name+hash`: how signatures name a key.
fn key_id(key: &VerifierKey) -> String {
    format!("{}+{:08x}", key.name(), key.id())
}

/// What is signed: the length of each part stands before it, so that no two pairs have one encoding.
fn encoding(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs a payload.
    #[must_use]
    pub fn sign(payload: &[u8], key: &SigningKey) -> Self {
        let unsigned = Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: Vec::new(),
        };
        unsigned.also_sign(payload, key)
    }

    /// Adds a signature over the same payload.
    #[must_use]
    pub fn also_sign(mut self, payload: &[u8], key: &SigningKey) -> Self {
        let sig = STANDARD.encode(key.sign_bytes(&encoding(payload)));
        self.signatures.push(Signature { keyid: key_id(key.verifier()), sig });
        self
    }

    /// Takes one apart. Nothing in it is to be trusted before [`Self::verify`].
    ///
    /// # Errors
    /// It is no envelope, or not of an attestation.
    pub fn parse(line: &str) -> Result<(Self, Vec<u8>), EnvelopeError> {
        if line.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::Form);
        }
        let envelope: Self = serde_json::from_str(line).map_err(|_| EnvelopeError::Form)?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType);
        }
        let payload = STANDARD.decode(&envelope.payload).map_err(|_| EnvelopeError::Form)?;
        Ok((envelope, payload))
    }

    /// The key ids that it is signed under, by their own word.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|signature| signature.keyid.as_str())
    }

    /// Checks that `key` has signed the payload.
    ///
    /// # Errors
    /// It has not.
    pub fn verify(&self, payload: &[u8], key: &VerifierKey) -> Result<(), EnvelopeError> {
        let id = key_id(key);
        let own: Vec<&Signature> = self.signatures.iter().filter(|one| one.keyid == id).collect();
        if own.is_empty() {
            return Err(EnvelopeError::NotSigned(id));
        }
        let signed = encoding(payload);
        let good = |one: &&Signature| {
            STANDARD.decode(&one.sig).is_ok_and(|signature| key.is_signature_of(&signed, &signature))
        };
        if own.iter().any(good) { Ok(()) } else { Err(EnvelopeError::Signature(id)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, [seed; 32]).expect("a key")
    }

    #[test]
    fn a_payload_is_signed_by_each_of_its_keys_and_by_no_other() {
        let (one, two, other) = (key("log", 1), key("run", 2), key("log", 3));
        let envelope = Envelope::sign(b"{}", &one).also_sign(b"{}", &two);
        let line = serde_json::to_string(&envelope).expect("JSON");
        let (read, payload) = Envelope::parse(&line).expect("an envelope");
        assert_eq!(payload, b"{}");
        assert_eq!(read.verify(&payload, one.verifier()), Ok(()));
        assert_eq!(read.verify(&payload, two.verifier()), Ok(()));
        assert!(matches!(read.verify(&payload, other.verifier()), Err(EnvelopeError::NotSigned(_))));
        assert!(matches!(read.verify(b"{ }", one.verifier()), Err(EnvelopeError::Signature(_))));
    }

    #[test]
    fn another_payload_type_and_another_form_are_refused() {
        let envelope = Envelope::sign(b"{}", &key("log", 1));
        let line = serde_json::to_string(&envelope).expect("JSON");
        let changed = line.replace("in-toto+json", "in-toto+yaml");
        assert_eq!(Envelope::parse(&changed).map(|_| ()), Err(EnvelopeError::PayloadType));
        for form in ["", "[]", "{}", "{\"payloadType\":1}"] {
            assert_eq!(Envelope::parse(form).map(|_| ()), Err(EnvelopeError::Form), "{form}");
        }
    }

    #[test]
    fn what_is_signed_is_what_the_protocol_says() {
        // The example of the protocol, with our type.
        let signed = String::from_utf8(encoding(b"hello world")).expect("text");
        assert_eq!(signed, "DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    }
}
