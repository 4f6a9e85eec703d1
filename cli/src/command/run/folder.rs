//! A folder of a run: every file in it, by its name below the folder. What is neither file nor folder is refused,
//! and so is a folder that changes while it is hashed.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use connect_shared::attest::{FileFact, Folder, FolderFile, MAX_FOLDER_FILES, is_name};

use super::files::{Found, Stamp, hash_file, no_file, stamp};
use crate::failure::{self, Outcome};

/// How deep folders lie in each other.
const MAX_DEPTH: usize = 64;

/// A file that was seen.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) stamp: Stamp,
    /// Hard links.
    pub(super) names: u64,
    length: u64,
}

impl Seen {
    pub(super) fn new(name: String, about: &Metadata) -> Self {
        Self { name, stamp: stamp(about), names: about.nlink(), length: about.len() }
    }
}

/// Every file below a folder, by name. No link is followed.
pub(super) fn list(folder: &Path) -> Outcome<Vec<Seen>> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = open.pop() {
        let problem = |error: io::Error| failure::file("read", &path, &error);
        for entry in std::fs::read_dir(&path).map_err(problem)? {
            let entry = entry.map_err(problem)?;
            let inside = entry.path();
            let name = named(&prefix, &inside, entry.file_name().to_str())?;
            let about = std::fs::symlink_metadata(&inside)
                .map_err(|error| failure::file("look at", &inside, &error))?;
            if about.is_dir() {
                if depth >= MAX_DEPTH {
                    return Err(too_much(folder, &format!("lies deeper than {MAX_DEPTH} folders")));
                }
                open.push((inside, format!("{name}/"), depth + 1));
            } else if about.is_file() {
                found.push(Seen::new(name, &about));
            } else {
                return Err(no_file(&inside));
            }
            if found.len() > MAX_FOLDER_FILES || open.len() > MAX_FOLDER_FILES {
                return Err(too_much(folder, &format!("has more than {MAX_FOLDER_FILES} files")));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn named(prefix: &str, path: &Path, name: Option<&str>) -> Outcome<String> {
    let whole = name.map(|name| format!("{prefix}{name}")).filter(|name| is_name(name));
    whole.ok_or_else(|| {
        let words = format!("the name of {} cannot stand in an attestation", path.display());
        failure::unverified("output_name", words).help("give it a shorter name of printable letters")
    })
}

fn too_much(folder: &Path, what: &str) -> connect_shared::error::ErrorReport {
    failure::usage(format!("{} {what}", folder.display())).help("archive it, and name the archive")
}

/// Hashes all of it, as a stream.
pub(super) fn hash(folder: &Path, news: &mut dyn FnMut(u64, u64)) -> Outcome<Found> {
    let name = folder.file_name().and_then(|name| name.to_str()).map(|name| format!("{name}/"));
    let name = name.ok_or_else(|| {
        failure::usage(format!("{} has no name that an attestation could say", folder.display()))
            .help("name the folder itself, not . or ..")
    })?;
    let before = list(folder)?;
    if before.is_empty() {
        let words = format!("there is no file in {}", folder.display());
        return Err(failure::unverified("output_empty", words));
    }
    let total = before.iter().fold(0_u64, |sum, file| sum.saturating_add(file.length));
    let (mut files, mut done, mut modified) = (Vec::with_capacity(before.len()), 0, 0);
    for seen in &before {
        let path: PathBuf = folder.join(&seen.name);
        let fact = hash_file(&path, &mut |here, _| news(done + here, total))?;
        done += fact.length;
        modified = modified.max(fact.modified);
        files.push(FolderFile { name: seen.name.clone(), sha256: fact.sha256, length: fact.length });
    }
    // What came, went or was written meanwhile.
    if list(folder)? != before {
        let words = format!("{} was written while it was hashed", folder.display());
        return Err(failure::unverified("output_growing", words)
            .help("let the command wait for whatever still writes it"));
    }
    let list = Folder::new(files);
    let fact =
        FileFact { name, sha256: list.hash(), length: done, modified, files: Some(list.files.len() as u64) };
    Ok(Found { fact, folder: Some(list) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("data/part")).expect("made");
        for name in ["b", "part/a", "part/c"] {
            std::fs::write(folder.path().join("data").join(name), name).expect("written");
        }
        folder
    }

    fn quietly(path: &Path) -> Outcome<Found> {
        hash(path, &mut |_, _| {})
    }

    #[test]
    fn a_folder_is_all_of_its_files_by_their_names_below_it() {
        let folder = filled();
        let data = folder.path().join("data");
        let mut told = Vec::new();
        let found = hash(&data, &mut |done, total| told.push((done, total))).expect("a hash");
        let list = found.folder.expect("a list");
        let names: Vec<&str> = list.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["b", "part/a", "part/c"]);
        assert_eq!((found.fact.name.as_str(), found.fact.files, found.fact.length), ("data/", Some(3), 13));
        assert!(list.is_of(&found.fact));
        assert_eq!(told.last(), Some(&(13, 13)), "progress is over the whole folder");
    }

    #[test]
    fn links_devices_strange_names_and_nothing_at_all_are_refused() {
        let folder = filled();
        let data = folder.path().join("data");
        let refused = |code: &str| assert_eq!(quietly(&data).expect_err(code).code, code);
        std::os::unix::fs::symlink("/etc", data.join("part/link")).expect("a link");
        refused("output_no_file");
        std::fs::remove_file(data.join("part/link")).expect("removed");
        let socket = std::os::unix::net::UnixListener::bind(data.join("socket")).expect("a socket");
        refused("output_no_file");
        drop(socket);
        std::fs::remove_file(data.join("socket")).expect("removed");
        std::fs::write(data.join("a\nb"), "").expect("written");
        refused("output_name");
        std::fs::remove_dir_all(&data).expect("removed");
        std::fs::create_dir_all(data.join("part")).expect("made");
        refused("output_empty");
    }

    #[test]
    fn a_folder_that_changes_while_it_is_hashed_is_refused() {
        let folder = filled();
        let data = folder.path().join("data");
        let added = hash(&data, &mut |_, _| std::fs::write(data.join("late"), "x").expect("written"));
        assert_eq!(added.expect_err("it grew").code, "output_growing");
        let mut gone = false;
        let removed = hash(&data, &mut |_, _| {
            if !std::mem::replace(&mut gone, true) {
                std::fs::remove_file(data.join("b")).expect("removed");
            }
        });
        removed.expect_err("one is gone");
    }
}
