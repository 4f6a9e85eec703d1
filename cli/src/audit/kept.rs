//! The largest checkpoint of each log that was found sound here. A log that no longer contains it was cut or
//! written anew, whatever its signature says.

use connect_shared::proof::{checkpoint::Checkpoint, note::VerifierKey};

use crate::{
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// What was kept for the log of a key.
pub(super) fn load(paths: &Paths, key: &VerifierKey) -> Outcome<Option<Checkpoint>> {
    Ok(load_signed(paths, key)?.map(|(checkpoint, _)| checkpoint))
}

/// The same with its signed text.
pub(super) fn load_signed(paths: &Paths, key: &VerifierKey) -> Outcome<Option<(Checkpoint, String)>> {
    let file = file(paths, key);
    let Some(text) = private::read(&file)? else { return Ok(None) };
    // The file is this key's, so that one of another key is none that was kept here. To take it for none would let
    // the next one replace it, whatever became of the log.
    let checkpoint = Checkpoint::open(&text, key).map_err(|error| {
        let words = format!("the checkpoint that was kept in {} is damaged: {error}", file.display());
        failure::unverified("kept_checkpoint_damaged", words).help(
            "put the file back from a copy; or remove it, and the log is no longer held against what it was",
        )
    })?;
    Ok(Some((checkpoint, text)))
}

/// Keeps a signed checkpoint if it is larger than the kept one.
pub(super) fn keep(paths: &Paths, key: &VerifierKey, signed: &str) -> Outcome<()> {
    let Ok(new) = Checkpoint::open(signed, key) else { return Ok(()) };
    if load(paths, key)?.is_some_and(|old| old.size >= new.size) {
        return Ok(());
    }
    private::write(&file(paths, key), signed.as_bytes())
}

fn file(paths: &Paths, key: &VerifierKey) -> std::path::PathBuf {
    paths.checkpoints().join(private::file_name(key.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use connect_shared::proof::{note::SigningKey, tree};

    use super::*;

    #[test]
    fn a_smaller_checkpoint_and_one_of_another_key_replace_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let signing = SigningKey::from_seed("log.test", [1; 32]).expect("a key");
        let other = SigningKey::from_seed("log.test", [2; 32]).expect("a key");
        let signed = |size: u64, key: &SigningKey| {
            Checkpoint { origin: "log.test".into(), size, root: tree::empty_root() }.sign(key)
        };
        let key = signing.verifier();
        keep(&paths, key, &signed(7, &signing)).expect("kept");
        keep(&paths, key, &signed(3, &signing)).expect("ignored");
        keep(&paths, key, &signed(9, &other)).expect("ignored");
        assert_eq!(load(&paths, key).expect("read").map(|kept| kept.size), Some(7));
        // One that was damaged is neither believed nor replaced.
        private::write(&file(&paths, key), b"log.test\n7\n").expect("written");
        for report in [load(&paths, key).err(), keep(&paths, key, &signed(9, &signing)).err()] {
            assert_eq!(report.expect("it is damaged").code, "kept_checkpoint_damaged");
        }
    }
}
