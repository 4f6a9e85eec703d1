//! How much a run may have, by what is known of it at a time: before its command, when its inputs are hashed, and at
//! its end. What goes beyond is refused as early as it can be known, and not after hours of work.

use super::{
    folder::{Folder, MAX_FOLDER_FILES},
    predicate::{FileFact, MAX_FILES},
};

/// What the name of an attestation ends with, after that of its file.
pub const ATTESTATION: &str = ".intoto.jsonl";
/// Longest name of a file or folder of a run, in bytes, with the `/` at the end of a folder's: as file systems have it.
pub const MAX_FILE_NAME: usize = 255;
/// Longest JSON of what the agent is told at the end of a run, in bytes.
pub const MAX_RUN_END: usize = 2 << 20;
/// Of that, what is left to everything but files: ids, the status, and resources that were lost.
const REST: usize = 64 << 10;

/// Why a run would not be taken at its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    #[error("a run has no more than {MAX_FILES} files and folders {0}, and these are {1}")]
    Files(&'static str, usize),
    #[error("`{name}` cannot stand in an attestation: a name {0} has at most {1} bytes and no control characters",
        name = crate::text::printable_name(.2))]
    Name(&'static str, usize, String),
    #[error("the folders of a run have no more than {MAX_FOLDER_FILES} files in all, and these have {0}")]
    FolderFiles(usize),
    #[error("the names of its files are too long in all: {0} bytes of at most {limit}", limit = MAX_RUN_END - REST)]
    Bytes(usize),
}

/// The last names of what a run is to read and write, without the `/` of a folder.
///
/// # Errors
/// There are too many, or one of them can be no name. Beside an output there has to be room for its attestation's.
pub fn names_within(inputs: &[String], outputs: &[String]) -> Result<(), TooMuch> {
    let both = [
        (inputs, "to read", MAX_FILE_NAME - "/".len()),
        (outputs, "to write", MAX_FILE_NAME - ATTESTATION.len()),
    ];
    for (names, which, most) in both {
        if names.len() > MAX_FILES {
            return Err(TooMuch::Files(which, names.len()));
        }
        let is_none = |name: &&String| {
            name.is_empty()
                || name.len() > most
                || name.chars().any(|letter| letter.is_control() || letter == '/')
        };
        if let Some(name) = names.iter().find(is_none) {
            return Err(TooMuch::Name(which, most, name.clone()));
        }
    }
    Ok(())
}

/// What was hashed so far: only the inputs, or everything.
///
/// # Errors
/// It is too much.
pub fn within(inputs: &[FileFact], outputs: &[FileFact], folders: &[Folder]) -> Result<(), TooMuch> {
    let bare = |fact: &FileFact| match fact.files {
        Some(_) => fact.name.strip_suffix('/').unwrap_or(&fact.name).to_owned(),
        None => fact.name.clone(),
    };
    let names = |facts: &[FileFact]| -> Vec<String> { facts.iter().map(bare).collect() };
    names_within(&names(inputs), &names(outputs))?;
    let files = folders.iter().map(|folder| folder.files.len()).sum();
    if files > MAX_FOLDER_FILES {
        return Err(TooMuch::FolderFiles(files));
    }
    let length = serde_json::to_vec(&(inputs, outputs, folders)).map_or(usize::MAX, |json| json.len());
    if length > MAX_RUN_END - REST { Err(TooMuch::Bytes(length)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::FolderFile;

    fn folder(files: usize, name: usize) -> (FileFact, Folder) {
        let file = |number: usize| FolderFile {
            name: format!("{number:0name$}"),
            sha256: "a".repeat(64),
            length: 1,
        };
        let list = Folder::new((0..files).map(file).collect());
        let fact = FileFact {
            name: "data/".into(),
            sha256: list.hash(),
            length: files as u64,
            modified: 0,
            files: Some(files as u64),
        };
        (fact, list)
    }

    #[test]
    fn too_many_and_names_that_no_attestation_could_have_are_refused_before_anything_is_read() {
        let names = |count: usize| vec!["x".to_owned(); count];
        assert_eq!(names_within(&names(64), &names(64)), Ok(()));
        assert_eq!(names_within(&names(65), &[]), Err(TooMuch::Files("to read", 65)));
        assert_eq!(names_within(&[], &names(65)), Err(TooMuch::Files("to write", 65)));
        assert_eq!(names_within(&["x".repeat(254)], &["x".repeat(242)]), Ok(()));
        for (read, written) in [("x".repeat(255), "x".to_owned()), ("x".to_owned(), "x".repeat(243))] {
            assert!(matches!(names_within(&[read], &[written]), Err(TooMuch::Name(..))));
        }
        for name in ["", "a\nb", "a/b", "\u{1b}"] {
            let refused = names_within(&[], &[name.to_owned()]).expect_err("no name");
            assert!(!refused.to_string().contains(['\n', '\u{1b}']), "{refused}");
        }
    }

    #[test]
    fn folders_are_counted_together_and_long_names_are_too() {
        let (fact, list) = folder(3_000, 1);
        assert_eq!(within(std::slice::from_ref(&fact), &[], std::slice::from_ref(&list)), Ok(()));
        let more = folder(2_001, 2).1;
        let refused = within(std::slice::from_ref(&fact), &[], &[list, more]);
        assert_eq!(refused, Err(TooMuch::FolderFiles(5_001)));
        let (fact, list) = folder(4_999, 500);
        assert!(matches!(within(&[], &[fact], &[list]), Err(TooMuch::Bytes(_))));
    }
}
