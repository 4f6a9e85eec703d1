//! The files of a run: hashed as a stream, and refused where a hash would not say what it seems to.

use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use aws_lc_rs::digest;
use connect_shared::{
    attest::{FileFact, Folder},
    hexadecimal::hexadecimal,
};
use serde::{Deserialize, Serialize};

use super::{
    claim::{self, Claim},
    folder::{self, Seen},
};
use crate::{
    console::Console,
    failure::{self, Outcome},
    paths::Paths,
};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// A file or folder, by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::command) struct Found {
    pub(in crate::command) fact: FileFact,
    /// The files in it, if it is a folder.
    pub(in crate::command) folder: Option<Folder>,
}

/// The outputs before the command ran.
pub(super) struct Before {
    found: Vec<(PathBuf, Stamps)>,
    /// Nobody else's run writes them meanwhile.
    _locks: Vec<Claim>,
}

/// What changes when a file is written.
pub(super) type Stamp = (u64, u64, u64, i64, i64);

/// Of every file that was there, by its name below a folder; of a file itself, by the empty name.
pub(super) type Stamps = BTreeMap<String, Stamp>;

pub(super) fn stamp(about: &Metadata) -> Stamp {
    (about.dev(), about.ino(), about.len(), about.ctime(), about.ctime_nsec())
}

impl Before {
    /// Looks at each output, and keeps other runs off it.
    pub(super) fn look(paths: &Paths, outputs: &[PathBuf]) -> Outcome<Self> {
        let mut found: Vec<(PathBuf, Stamps)> = Vec::new();
        let mut locks = Vec::new();
        for path in outputs {
            let whole = whole(path)?;
            if found.iter().any(|(known, _)| *known == whole) {
                return Err(failure::usage(format!("{} is named twice", path.display())));
            }
            if found.iter().any(|(known, _)| known.starts_with(&whole) || whole.starts_with(known)) {
                return Err(failure::usage(format!("{} is in another output, or around it", path.display())));
            }
            if let Some((known, _)) = found.iter().find(|(known, _)| known.file_name() == whole.file_name()) {
                return Err(same_name(known, &whole));
            }
            let about = stamps(&whole)?;
            locks.push(claim::claim(paths, &whole)?);
            found.push((whole, about));
        }
        Ok(Self { found, _locks: locks })
    }

    /// The outputs by their whole names.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &Path> {
        self.found.iter().map(|(path, _)| path.as_path())
    }

    /// A file that was there before and was not touched was not made by this run; nor is a folder in which such
    /// a file is, or one that has another name elsewhere: that may be an old one, and stays open to whoever has it.
    pub(super) fn differs(&self, path: &Path) -> Outcome<()> {
        let seen = seen(path)?;
        if let Some(file) = seen.iter().find(|file| file.names > 1) {
            return Err(linked(path, file));
        }
        let now = by_name(seen);
        let before = self.found.iter().find(|(known, _)| known == path).map(|(_, stamps)| stamps);
        let same = |(name, stamp): &(&String, &Stamp)| before.and_then(|all| all.get(*name)) == Some(*stamp);
        let Some((name, _)) = now.iter().find(same) else { return Ok(()) };
        let file = if name.is_empty() { path.to_owned() } else { path.join(name) };
        let words = format!("{} was there before and was not written by this run", file.display());
        let report = failure::unverified("output_not_written", words);
        if name.is_empty() { Err(report) } else { Err(report.help("give each run a folder of its own")) }
    }
}

/// An attestation has no folders above an output: nobody could say later which of the two is which.
fn same_name(one: &Path, two: &Path) -> connect_shared::error::ErrorReport {
    let words = format!(
        "{} and {} have one name, and an attestation knows outputs by their names",
        one.display(),
        two.display()
    );
    failure::usage(words).help("call them differently, or name one folder that both are in")
}

/// The one name of a file or folder: of the folders above it, as far as they are there, no link is left in it, and it
/// has no `/` at its end. A link in its own place stays one, and is refused where it is looked at.
pub(in crate::command) fn whole(path: &Path) -> Outcome<PathBuf> {
    let whole = std::path::absolute(path).map_err(|error| failure::file("use", path, &error))?;
    let mut below = Vec::new();
    let mut rest = whole.as_path();
    while let (Some(name), Some(above)) = (rest.file_name(), rest.parent()) {
        below.push(name);
        match above.canonicalize() {
            Ok(real) => return Ok(below.into_iter().rev().fold(real, |path, name| path.join(name))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => rest = above,
            Err(error) => return Err(failure::file("use", path, &error)),
        }
    }
    Err(failure::usage(format!("{} has no name of its own", path.display())))
}

/// What is there now; nothing is fine.
pub(super) fn stamps(path: &Path) -> Outcome<Stamps> {
    seen(path).map(by_name)
}

fn by_name(seen: Vec<Seen>) -> Stamps {
    seen.into_iter().map(|file| (file.name, file.stamp)).collect()
}

/// The file, with the empty name, or every file in the folder.
fn seen(path: &Path) -> Outcome<Vec<Seen>> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(vec![Seen::new(String::new(), &about)]),
        Ok(about) if about.is_dir() => folder::list(path),
        Ok(_) => Err(no_file(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failure::file("look at", path, &error)),
    }
}

fn linked(path: &Path, file: &Seen) -> connect_shared::error::ErrorReport {
    let place = if file.name.is_empty() { path.to_owned() } else { path.join(&file.name) };
    let words = format!(
        "{} has {} names (hard links), so that it may be an older file, and be written under another name",
        place.display(),
        file.names
    );
    failure::unverified("output_linked", words)
        .help("let the command copy it, in place of a hard link: cp, not ln")
}

/// Hashes a file or folder that stays as it is meanwhile.
pub(super) async fn hash(path: &Path, mut news: Box<dyn FnMut(u64, u64) + Send>) -> Outcome<Found> {
    let path = path.to_owned();
    let work = move || hash_any(&path, &mut news);
    tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))?
}

/// As [`hash`], and blocks.
pub(in crate::command) fn hash_any(path: &Path, news: &mut dyn FnMut(u64, u64)) -> Outcome<Found> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => folder::hash(path, news),
        _ => Ok(Found { fact: hash_file(path, news)?, folder: None }),
    }
}

/// A bar on this terminal.
pub(super) fn bar(console: &Console, path: &Path) -> Box<dyn FnMut(u64, u64) + Send> {
    let bar = console.measure(&format!("Hashing {}", path.display()));
    Box::new(move |done, total| bar.reached(done, total))
}

/// What [`hash_any`] does with a file.
pub(super) fn hash_file(path: &Path, news: &mut dyn FnMut(u64, u64)) -> Outcome<FileFact> {
    let problem = |error: std::io::Error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => no_file(path),
        _ => failure::file("read", path, &error),
    };
    // A link could lead elsewhere by the time that somebody verifies.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file = File::options().read(true).custom_flags(flags).open(path).map_err(problem)?;
    let before = file.metadata().map_err(problem)?;
    if !before.is_file() {
        return Err(no_file(path));
    }
    let mut context = digest::Context::new(&digest::SHA256);
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let read = file.read(&mut chunk).map_err(problem)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        context.update(bytes);
        done += read as u64;
        news(done, before.len());
    }
    // The name must still mean the file that was read, and nobody may have written meanwhile.
    let after = std::fs::symlink_metadata(path).map_err(problem)?;
    if done != before.len() || stamp(&before) != stamp(&after) {
        let words = format!("{} was written while it was hashed", path.display());
        return Err(failure::unverified("output_growing", words)
            .help("let the command wait for whatever still writes it"));
    }
    let modified = before.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(FileFact {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: hexadecimal(context.finish().as_ref()),
        length: done,
        modified: modified.and_then(|time| u64::try_from(time.as_millis()).ok()).unwrap_or_default(),
        files: None,
    })
}

pub(super) fn no_file(path: &Path) -> connect_shared::error::ErrorReport {
    let words = format!("{} is a link or a device, and no file and no folder", path.display());
    failure::unverified("output_no_file", words).help("name the file itself; a folder may hold files only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quietly(path: &Path) -> Outcome<FileFact> {
        hash_file(path, &mut |_, _| {})
    }

    #[test]
    fn one_folder_by_two_names_is_one_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let above = folder.path().canonicalize().expect("there");
        let (real, link) = (above.join("real"), above.join("link"));
        std::fs::create_dir(&real).expect("a folder");
        std::os::unix::fs::symlink(&real, &link).expect("a link");
        let of = |path: PathBuf| whole(&path).expect("a name");
        assert_eq!(of(link.join("model")), real.join("model"));
        assert_eq!(of(link.join("none/yet/model/")), real.join("none/yet/model"));
        assert_eq!(of(real.join("../link/model")), real.join("model"));
        assert_eq!(of(above.join("none/model")), above.join("none/model"));
        assert_eq!(of(link.clone()), link, "in its own place it stays a link");
        let paths = Paths::below(&above.join("home"));
        let twice = Before::look(&paths, &[link.join("model"), real.join("model")]).map(|_| ());
        assert!(twice.expect_err("one file").message.contains("is named twice"));
        let within = Before::look(&paths, &[link.join("none/model"), real.join("none")]).map(|_| ());
        assert!(within.expect_err("one in the other").message.contains("or around it"));
    }

    #[test]
    fn a_file_is_hashed_and_a_link_and_a_folder_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("model.bin"), folder.path().join("link"));
        std::fs::write(&file, "abc").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let found = quietly(&file).expect("a hash");
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((found.name.as_str(), found.length), ("model.bin", 3));
        assert_eq!(quietly(&link).expect_err("a link").code, "output_no_file");
        assert_eq!(
            quietly(folder.path()).expect_err("a folder").code,
            "output_no_file",
            "by itself it is no file"
        );
    }

    #[test]
    fn of_a_large_file_one_is_told_how_far_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("model.bin");
        let length = 3 * CHUNK as u64 + 7;
        File::create(&file).and_then(|file| file.set_len(length)).expect("written");
        let mut told = Vec::new();
        let found = hash_file(&file, &mut |done, total| told.push((done, total))).expect("a hash");
        assert!(told.len() >= 4 && told.is_sorted(), "{told:?}");
        assert!(told.iter().all(|(done, total)| done <= total && *total == length), "{told:?}");
        assert_eq!((told.last(), found.length), (Some(&(length, length)), length));
    }

    #[test]
    fn a_file_that_grows_while_it_is_hashed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("model.bin");
        std::fs::write(&file, "abc").expect("written");
        let grown = hash_file(&file, &mut |_, _| std::fs::write(&file, "abcdef").expect("written"));
        assert_eq!(grown.expect_err("it grew").code, "output_growing");
    }

    #[test]
    fn two_runs_cannot_write_one_file_and_an_untouched_file_is_not_an_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let file = folder.path().join("model.bin");
        std::fs::write(&file, "abc").expect("written");
        let outputs = [file.clone()];
        let first = Before::look(&paths, &outputs).expect("the first");
        assert_eq!(Before::look(&paths, &outputs).map(|_| ()).expect_err("busy").code, "output_busy");
        assert_eq!(first.differs(&file).expect_err("untouched").code, "output_not_written");
        std::fs::write(&file, "abd").expect("written");
        first.differs(&file).expect("written by the run");
        drop(first);
        Before::look(&paths, &outputs).expect("free again");
    }

    #[test]
    fn a_hard_link_to_an_old_file_is_no_output_and_a_copy_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(&folder.path().join("home"));
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("old"), "abc").expect("written");
        std::fs::create_dir(at("data")).expect("made");
        let before = Before::look(&paths, &[at("model"), at("data")]).expect("there");
        for name in ["model", "data/part"] {
            std::fs::hard_link(at("old"), at(name)).expect("a link");
        }
        for (output, named) in [("model", "model has 3 names"), ("data", "data/part has 3 names")] {
            let report = before.differs(&at(output)).expect_err("it is the old one");
            assert_eq!(report.code, "output_linked");
            assert!(report.message.contains(named), "{}", report.message);
        }
        for name in ["model", "data/part"] {
            std::fs::remove_file(at(name)).expect("removed");
            std::fs::copy(at("old"), at(name)).expect("copied");
        }
        before.differs(&at("model")).expect("a file of its own");
        before.differs(&at("data")).expect("so is this");
        // An input may have as many names as it likes: what counts is what the run could read.
        std::fs::hard_link(at("old"), at("again")).expect("a link");
        quietly(&at("again")).expect("a hash");
    }

    #[test]
    fn no_output_is_in_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(&folder.path().join("home"));
        let at = |name: &str| folder.path().join(name);
        let refused =
            |outputs: &[PathBuf]| Before::look(&paths, outputs).map(|_| ()).expect_err("refused").code;
        assert_eq!(refused(&[at("a"), at("a/model")]), "usage");
        assert_eq!(refused(&[at("a/"), at("a")]), "usage");
        assert_eq!(refused(&[PathBuf::from("/")]), "usage");
        assert_eq!(refused(&[at("..")]), "usage");
        assert_eq!(refused(&[at("a/one"), at("b/one")]), "usage", "an attestation could not tell them apart");
        Before::look(&paths, &[at("a/one"), at("b/two")]).expect("two files");
    }

    #[test]
    fn a_folder_with_one_untouched_file_was_not_written_by_the_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(&folder.path().join("home"));
        let output = folder.path().join("data");
        std::fs::create_dir(&output).expect("made");
        for name in ["old", "new"] {
            std::fs::write(output.join(name), name).expect("written");
        }
        let before = Before::look(&paths, std::slice::from_ref(&output)).expect("there");
        std::fs::write(output.join("new"), "other").expect("written");
        let report = before.differs(&output).expect_err("one is old");
        assert_eq!(report.code, "output_not_written");
        assert!(report.message.contains("data/old was there before"), "{}", report.message);
        std::fs::write(output.join("old"), "other").expect("written");
        before.differs(&output).expect("all are new");
    }
}
