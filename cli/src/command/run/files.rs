//! The files of a run: hashed as a stream, and refused where a hash would not say what it seems to.

use std::{
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use aws_lc_rs::digest;
use connect_shared::attest::FileFact;

use crate::{
    console::Console,
    failure::{self, Outcome},
    paths::Paths,
    private::Lock,
};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// The outputs before the command ran.
pub(super) struct Before {
    found: Vec<(PathBuf, Option<Stamp>)>,
    /// Nobody else's run writes them meanwhile.
    _locks: Vec<Lock>,
}

/// What changes when a file is written.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(about: &Metadata) -> Stamp {
    (about.dev(), about.ino(), about.len(), about.ctime(), about.ctime_nsec())
}

impl Before {
    /// Looks at each output, and keeps other runs off it.
    pub(super) fn look(paths: &Paths, outputs: &[PathBuf]) -> Outcome<Self> {
        let mut found = Vec::new();
        let mut locks = Vec::new();
        for path in outputs {
            let whole = std::path::absolute(path).map_err(|error| failure::file("use", path, &error))?;
            if found.iter().any(|(known, _)| *known == whole) {
                return Err(failure::usage(format!("{} is named twice", path.display())));
            }
            let about = match std::fs::symlink_metadata(&whole) {
                Ok(about) if about.is_file() => Some(stamp(&about)),
                Ok(_) => return Err(no_file(path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(failure::file("look at", path, &error)),
            };
            locks.push(lock(paths, &whole)?);
            found.push((whole, about));
        }
        Ok(Self { found, _locks: locks })
    }

    /// A file that was there before and was not touched was not made by this run.
    pub(super) fn differs(&self, path: &Path, _found: &FileFact) -> Outcome<()> {
        let whole = std::path::absolute(path).map_err(|error| failure::file("use", path, &error))?;
        let now =
            std::fs::symlink_metadata(&whole).map_err(|error| failure::file("look at", path, &error))?;
        let before = self.found.iter().find(|(known, _)| *known == whole).and_then(|(_, stamp)| *stamp);
        if before == Some(stamp(&now)) {
            let words = format!("{} was there before and was not written by this run", path.display());
            return Err(failure::unverified("output_not_written", words));
        }
        Ok(())
    }
}

/// By the file's whole name, in this person's own folder.
fn lock(paths: &Paths, whole: &Path) -> Outcome<Lock> {
    let hash = digest::digest(&digest::SHA256, whole.as_os_str().as_encoded_bytes());
    let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let file = paths.runtime()?.join(format!("output-{name}.lock"));
    Lock::at_once(&file)?.ok_or_else(|| {
        let words = format!("another run writes {} now", whole.display());
        failure::local("output_busy", words).help("give each run an output of its own")
    })
}

/// Hashes a file that stays as it is meanwhile.
pub(super) async fn hash(console: &Console, path: &Path) -> Outcome<FileFact> {
    let bar = console.measure(&format!("Hashing {}", path.display()));
    let path = path.to_owned();
    let work = move || hash_file(&path, &mut |done, total| bar.reached(done, total));
    tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))?
}

/// As [`hash`], with news of how far it is.
pub(in crate::command) fn hash_file(path: &Path, news: &mut dyn FnMut(u64, u64)) -> Outcome<FileFact> {
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
        sha256: context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        length: done,
        modified: modified.and_then(|time| u64::try_from(time.as_millis()).ok()).unwrap_or_default(),
    })
}

fn no_file(path: &Path) -> connect_shared::error::ErrorReport {
    failure::unverified("output_no_file", format!("{} is a link, a folder or a device", path.display()))
        .help("name the file itself; archive a folder first")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quietly(path: &Path) -> Outcome<FileFact> {
        hash_file(path, &mut |_, _| {})
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
        assert_eq!(quietly(folder.path()).expect_err("a folder").code, "output_no_file");
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
        let found = quietly(&file).expect("a hash");
        assert_eq!(first.differs(&file, &found).expect_err("untouched").code, "output_not_written");
        std::fs::write(&file, "abd").expect("written");
        first.differs(&file, &found).expect("written by the run");
        drop(first);
        Before::look(&paths, &outputs).expect("free again");
    }
}
