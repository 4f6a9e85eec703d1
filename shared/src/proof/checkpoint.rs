//! Checkpoints (`c2sp.org/tlog-checkpoint`): what the log has signed about itself, its size and its root.

use super::{
    note::{Note, NoteError, SigningKey, VerifierKey},
    tree::Hash,
};

/// The head of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's identity; the name of the key that signs.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Why a text is no checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint is no signed note of this log: {0}")]
    Note(#[from] NoteError),
    #[error("line {0} of the checkpoint is not what it must be (origin, size, root)")]
    Line(usize),
    #[error("the checkpoint is for the log `{found}`, not for `{expected}`")]
    OtherOrigin { found: String, expected: String },
}

impl Checkpoint {
    /// The signed text.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign_note(&format!("{}\n{}\n{}\n", self.origin, self.size, self.root))
    }

    /// Opens a signed checkpoint: the signature is `key`'s, and the origin is the key's name. Extension
    /// lines are allowed and ignored.
    ///
    /// # Errors
    /// It is no checkpoint, or not of this log.
    pub fn open(signed: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(signed)?;
        note.verify(key)?;
        let checkpoint = Self::from_text(note.text())?;
        if checkpoint.origin != key.name() {
            let expected = key.name().to_owned();
            return Err(CheckpointError::OtherOrigin { found: checkpoint.origin, expected });
        }
        Ok(checkpoint)
    }

    fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Line(1))?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Line(1))?;
        let size = lines.next().and_then(parse_decimal).ok_or(CheckpointError::Line(2))?;
        let root = lines.next().and_then(|line| line.parse().ok()).ok_or(CheckpointError::Line(3))?;
        match lines.position(str::is_empty) {
            Some(empty) => Err(CheckpointError::Line(4 + empty)),
            None => Ok(Self { origin: origin.to_owned(), size, root }),
        }
    }
}

/// A number in decimal digits without leading zeros.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (text == "0" || !text.starts_with('0')) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::tree::empty_root;

    fn key(name: &str) -> SigningKey {
        SigningKey::from_seed(name, [3; 32]).expect("a good name")
    }

    #[test]
    fn a_checkpoint_survives_its_signed_text_and_the_oracle_reads_the_same() {
        let key = key("connect.local/demo");
        let checkpoint = Checkpoint { origin: "connect.local/demo".into(), size: 70_000, root: empty_root() };
        let signed = checkpoint.sign(&key);
        assert_eq!(Checkpoint::open(&signed, key.verifier()), Ok(checkpoint.clone()));
        let text = signed.split_once("\n\n").map(|(text, _)| format!("{text}\n")).expect("a note");
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).expect("a checkpoint");
        assert_eq!(
            (theirs.origin(), theirs.size(), theirs.hash().0),
            ("connect.local/demo", 70_000, empty_root().0)
        );
    }

    #[test]
    fn a_checkpoint_of_another_log_or_form_is_refused() {
        let key = key("connect.local/demo");
        let root = empty_root();
        let other = Checkpoint { origin: "connect.local/prod".into(), size: 1, root }.sign(&key);
        assert!(matches!(Checkpoint::open(&other, key.verifier()), Err(CheckpointError::OtherOrigin { .. })));
        for (text, line) in [
            (format!("\n1\n{root}\n"), 1),
            (format!("connect.local/demo\n01\n{root}\n"), 2),
            (format!("connect.local/demo\n+1\n{root}\n"), 2),
            ("connect.local/demo\n1\nAAAA\n".to_owned(), 3),
            ("connect.local/demo\n1\n".to_owned(), 3),
            (format!("connect.local/demo\n1\n{root}\n\nextra\n"), 4),
        ] {
            let opened = Checkpoint::open(&key.sign_note(&text), key.verifier());
            assert_eq!(opened, Err(CheckpointError::Line(line)), "{text:?}");
        }
        let extended = key.sign_note(&format!("connect.local/demo\n1\n{root}\nextension\n"));
        assert!(Checkpoint::open(&extended, key.verifier()).is_ok());
    }
}
