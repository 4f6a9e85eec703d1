//! Signed notes (`c2sp.org/signed-note`), Ed25519 only: text, a blank line, signature lines.
//!
//! Signatures by keys that the reader does not know are ignored, as the specification asks; a signature
//! that names a known key and does not verify rejects the whole note.

mod key;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub(super) use self::key::{KEY_BYTES, SIGNING_PREFIX, decode, encode, key_id};
pub use self::key::{KeyError, SigningKey, VerifierKey, is_key_name};

/// Longest note that is read.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Most signatures that are read; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 100;

/// Why a text is no note, or no note of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("longer than {MAX_NOTE_BYTES} bytes")]
    TooLong,
    #[error("holds a control character")]
    ControlCharacter,
    #[error("has no blank line between text and signatures")]
    NoSignatures,
    #[error("signature line {0} is not an em dash, a name and base64")]
    SignatureLine(usize),
    #[error("not signed by the key `{0}`")]
    NotSigned(String),
    #[error("the signature of the key `{0}` does not fit the text: one of the two was changed")]
    BadSignature(String),
}

/// A note that was taken apart. Its text means nothing until [`Note::verify`] has said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Note {
    /// Takes a note apart.
    ///
    /// # Errors
    /// It is not a note, or over a limit.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The last empty line divides: the text may hold empty lines, signatures may not.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate().take(MAX_SIGNATURES) {
            signatures.push(Signature::parse(line).ok_or(NoteError::SignatureLine(number + 1))?);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// What is signed, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands behind the id in the signature lines of a key: nothing of it is verified.
    pub(super) fn signatures_of(&self, name: &str, id: u32) -> impl Iterator<Item = &[u8]> {
        let known =
            self.signatures.iter().filter(move |signature| signature.id == id && signature.name == name);
        known.map(|signature| signature.bytes.as_slice())
    }

    /// Checks that `key` signed the text.
    ///
    /// # Errors
    /// It did not, or a signature in its name does not verify.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut known =
            self.signatures.iter().filter(|s| s.id == key.id() && s.name == key.name()).peekable();
        if known.peek().is_none() {
            return Err(NoteError::NotSigned(key.name().to_owned()));
        }
        if known.all(|signature| key.is_signature_of(self.text.as_bytes(), &signature.bytes)) {
            Ok(())
        } else {
            Err(NoteError::BadSignature(key.name().to_owned()))
        }
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        if !is_key_name(name) {
            return None;
        }
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use signed_note::{Note as OracleNote, StandardSigner, StandardVerifier, VerifierList};

    use super::*;

    const NAME: &str = "connect.local/demo";

    fn key() -> SigningKey {
        SigningKey::from_seed(NAME, [7; 32]).expect("a good name")
    }

    #[test]
    fn a_key_survives_its_texts_and_a_changed_text_is_refused() {
        let key = key();
        let text = key.verifier().to_string();
        assert_eq!(text.parse::<VerifierKey>().as_ref(), Ok(key.verifier()));
        assert_eq!(
            SigningKey::from_text(&key.to_text()).map(|k| k.verifier().clone()).as_ref(),
            Ok(key.verifier())
        );
        let renamed = text.replace("demo", "prod");
        assert_eq!(renamed.parse::<VerifierKey>(), Err(KeyError::OtherHash));
        assert_eq!("x y+00000000+AQ==".parse::<VerifierKey>(), Err(KeyError::Name));
        assert_eq!("x".parse::<VerifierKey>(), Err(KeyError::Form));
        assert!(SigningKey::from_seed("a+b", [0; 32]).is_err());
        assert!(!format!("{key:?}").contains(&key.to_text()[40..]));
    }

    #[test]
    fn a_note_of_ours_is_accepted_by_the_oracle_and_one_of_the_oracle_by_us() {
        let key = key();
        let ours = key.sign_note("first\n\nthird\n");
        let verifier = StandardVerifier::new(&key.verifier().to_string()).expect("a verifier key");
        let read = OracleNote::from_bytes(ours.as_bytes()).expect("a note");
        let (good, _) = read.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("it verifies");
        assert_eq!(good.len(), 1);

        let signer = StandardSigner::new(&key.to_text()).expect("a signing key");
        let mut theirs = OracleNote::new(b"first\n\nthird\n", &[]).expect("a text");
        theirs.add_sigs(&[&signer]).expect("signed");
        assert_eq!(String::from_utf8(theirs.to_bytes()).expect("text"), ours);
        let note = Note::parse(&ours).expect("a note");
        assert_eq!((note.text(), note.verify(key.verifier())), ("first\n\nthird\n", Ok(())));
    }

    #[test]
    fn a_changed_text_and_another_key_are_refused_and_unknown_signatures_ignored() {
        let (key, other) = (key(), SigningKey::from_seed(NAME, [8; 32]).expect("a good name"));
        let signed = key.sign_note("a line\n");
        let changed = Note::parse(&signed.replace("a line", "b line")).expect("a note");
        assert_eq!(changed.verify(key.verifier()), Err(NoteError::BadSignature(NAME.into())));
        let note = Note::parse(&signed).expect("a note");
        assert_eq!(note.verify(other.verifier()), Err(NoteError::NotSigned(NAME.into())));
        let witnessed = format!("{signed}— witness.example AAAAAAAA\n");
        assert_eq!(Note::parse(&witnessed).expect("a note").verify(key.verifier()), Ok(()));
    }

    #[test]
    fn what_is_no_note_is_refused_by_what_is_wrong_with_it() {
        assert_eq!(Note::parse("text\n"), Err(NoteError::NoSignatures));
        assert_eq!(Note::parse("text\n\n— name AAAAAAAA"), Err(NoteError::NoSignatures));
        assert_eq!(Note::parse("text\n\n"), Err(NoteError::NoSignatures));
        assert_eq!(Note::parse("text\n\n- name AAAAAAAA\n"), Err(NoteError::SignatureLine(1)));
        assert_eq!(Note::parse("text\n\n— name AAA\n"), Err(NoteError::SignatureLine(1)));
        assert_eq!(Note::parse("te\tt\n\n— name AAAAAAAA\n"), Err(NoteError::ControlCharacter));
        assert_eq!(Note::parse(&"x".repeat(MAX_NOTE_BYTES + 1)), Err(NoteError::TooLong));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,200}", lines in "(— ?[a-z +]{0,9} ?[A-Za-z0-9+/=]{0,20}\n?){0,3}") {
            let _ = Note::parse(&format!("{text}\n\n{lines}"));
            let _ = text.parse::<VerifierKey>();
            let _ = SigningKey::from_text(&text);
        }
    }
}
