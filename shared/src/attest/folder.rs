//! A folder as an output or input of a run: every file in it by its hash, and one hash over all of them, in the
//! form that in-toto calls `dirHash`
//! (<https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md>). Anybody can compute it:
//! `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum`.
//!
//! The log holds the one hash; the list stands in the attestation, so that whoever verifies can name the file
//! that is another one.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::predicate::{Descriptor, FileFact};

use crate::hexadecimal::hexadecimal;

/// Files in all folders of one run.
pub const MAX_FOLDER_FILES: usize = 5_000;
/// Longest name of a file within its folder, in bytes.
pub const MAX_FOLDER_NAME: usize = 512;

/// The files of a folder, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub files: Vec<FolderFile>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FolderFile {
    /// Below the folder, with `/` between its parts.
    pub name: String,
    /// Hexadecimal.
    pub sha256: String,
    pub length: u64,
}

/// How a folder differs from what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference<'a> {
    Added(&'a str),
    Missing(&'a str),
    Changed(&'a str),
}

impl Folder {
    /// In the order that the hash has.
    #[must_use]
    pub fn new(mut files: Vec<FolderFile>) -> Self {
        files.sort_unstable();
        Self { files }
    }

    /// `dirHash`, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for file in &self.files {
            context.update(format!("{}  {}\n", file.sha256, file.name).as_bytes());
        }
        hexadecimal(context.finish().as_ref())
    }

    /// Whether it is the folder that a fact speaks of: nothing of it can be read in another way.
    #[must_use]
    pub fn is_of(&self, fact: &FileFact) -> bool {
        let in_order = self.files.is_sorted_by(|one, two| one.name < two.name);
        in_order
            && fact.files == Some(self.files.len() as u64)
            && self.files.iter().all(|file| is_name(&file.name) && is_hash(&file.sha256))
            && fact.length == self.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.length))
            && self.hash() == fact.sha256
    }

    /// What `now` has otherwise, by name.
    #[must_use]
    pub fn differences<'a>(&'a self, now: &'a Self) -> Vec<Difference<'a>> {
        let by_name = |folder: &'a Self| -> BTreeMap<&'a str, &'a str> {
            folder.files.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect()
        };
        let (then, now) = (by_name(self), by_name(now));
        let changed = then.iter().filter_map(|(name, hash)| match now.get(name) {
            None => Some(Difference::Missing(name)),
            Some(found) if found != hash => Some(Difference::Changed(name)),
            Some(_) => None,
        });
        let added = now.keys().filter(|name| !then.contains_key(*name)).map(|name| Difference::Added(name));
        changed.chain(added).collect()
    }
}

/// What in-toto calls the hash of a file, or of a folder.
#[must_use]
pub const fn digest_of(is_folder: bool) -> &'static str {
    if is_folder { "dirHash" } else { "sha256" }
}

/// SHA-256 of no bytes. Every empty file has it, so it says of none which one it is, and nothing came through it.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// 64 small hexadecimal digits.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A name that stays below its folder, and on its line of the hash.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.len() <= MAX_FOLDER_NAME
        && !name.chars().any(char::is_control)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The folder that a fact speaks of, among those of a run.
#[must_use]
pub fn folder_of<'a>(fact: &FileFact, folders: &'a [Folder]) -> Option<&'a Folder> {
    fact.files.and_then(|_| folders.iter().find(|folder| folder.is_of(fact)))
}

/// Files and folders as in-toto names them: of a folder itself, and every file in it, so that tools that know
/// files only find those.
#[must_use]
pub fn descriptors(facts: &[FileFact], folders: &[Folder]) -> Vec<Descriptor> {
    let mut all = Vec::new();
    for fact in facts {
        all.push(fact.descriptor());
        let inside = folder_of(fact, folders).map(|folder| folder.files.as_slice()).unwrap_or_default();
        all.extend(inside.iter().map(|file| Descriptor {
            name: format!("{}{}", fact.name, file.name),
            digest: [("sha256".to_owned(), file.sha256.clone())].into_iter().collect(),
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = EMPTY_SHA256;

    fn file(name: &str, sha256: &str) -> FolderFile {
        FolderFile { name: name.into(), sha256: sha256.into(), length: 1 }
    }

    fn fact(folder: &Folder) -> FileFact {
        FileFact {
            name: "data/".into(),
            sha256: folder.hash(),
            length: folder.files.len() as u64,
            modified: 0,
            files: Some(folder.files.len() as u64),
        }
    }

    #[test]
    fn the_hash_is_what_sha256sum_of_sha256sum_says() {
        let folder = Folder::new(vec![file("b", EMPTY), file("a/c", EMPTY)]);
        assert_eq!(folder.files[0].name, "a/c");
        // printf '%s  a/c\n%s  b\n' $EMPTY $EMPTY | sha256sum
        assert_eq!(folder.hash(), "8eed6f7a6d5935916c9ceba0d90dd4c3613553c1114cf2b7616fcf3b0a72c4c9");
    }

    #[test]
    fn a_list_that_could_be_read_otherwise_is_of_no_folder() {
        let good = Folder::new(vec![file("a", EMPTY), file("b", EMPTY)]);
        assert!(good.is_of(&fact(&good)));
        for name in ["../a", "/a", "a//b", ".", "", "a\nb"] {
            let bad = Folder { files: vec![file(name, EMPTY)] };
            assert!(!bad.is_of(&fact(&bad)), "{name:?}");
        }
        let twice = Folder { files: vec![file("a", EMPTY), file("a", EMPTY)] };
        assert!(!twice.is_of(&fact(&twice)));
        let unsorted = Folder { files: vec![file("b", EMPTY), file("a", EMPTY)] };
        assert!(!unsorted.is_of(&fact(&unsorted)));
        let longer = FileFact { length: 7, ..fact(&good) };
        assert!(!good.is_of(&longer));
        assert!(!good.is_of(&FileFact { files: None, ..fact(&good) }), "a file has no list");
    }

    #[test]
    fn what_was_added_changed_or_taken_away_is_named() {
        let other = "a".repeat(64);
        let then = Folder::new(vec![file("a", EMPTY), file("b", EMPTY), file("c", EMPTY)]);
        let now = Folder::new(vec![file("a", EMPTY), file("b", &other), file("d", EMPTY)]);
        assert_eq!(
            then.differences(&now),
            [Difference::Changed("b"), Difference::Missing("c"), Difference::Added("d")]
        );
        assert_eq!(then.differences(&then), []);
    }

    #[test]
    fn a_folder_and_its_files_are_subjects() {
        let folder = Folder::new(vec![file("a", EMPTY)]);
        let facts = [fact(&folder)];
        let all = descriptors(&facts, std::slice::from_ref(&folder));
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].name.as_str(), all[0].digest.get("dirHash")), ("data/", Some(&folder.hash())));
        assert_eq!((all[1].name.as_str(), all[1].digest["sha256"].as_str()), ("data/a", EMPTY));
    }
}
