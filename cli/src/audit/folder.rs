//! A log in a folder.

use std::{
    fs, io,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use connect_shared::{
    error::ErrorReport,
    proof::verify::{LogReader, ReadError},
};

use super::Source;
use crate::failure::{self, Outcome};

pub(super) struct Folder(PathBuf);

impl Folder {
    /// The log in `path`, or in the `public` or `log/public` below it, where an agent keeps its own.
    pub(super) fn find(path: &Path) -> Outcome<Self> {
        let places = ["", "public", "log/public"];
        let found =
            places.into_iter().map(|below| path.join(below)).find(|place| place.join("checkpoint").is_file());
        found.map(Self).ok_or_else(|| {
            failure::not_found(
                "no_log",
                format!("{} holds no log: there is no file `checkpoint` in it", path.display()),
            )
        })
    }
}

impl Source for Folder {
    fn problem(&self) -> Option<ErrorReport> {
        None
    }
}

impl LogReader for Folder {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
        let relative = Path::new(path);
        if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(ReadError(format!("`{path}` leaves the folder")));
        }
        let problem = |error: io::Error| ReadError(failure::reason(&error));
        let file = match fs::File::open(self.0.join(relative)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(error)),
        };
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(problem)?;
        if bytes.len() > limit {
            return Err(ReadError(format!("it is longer than {limit} bytes")));
        }
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_within_the_folder_and_within_the_limit() {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join("public")).expect("made");
        fs::write(place.path().join("public/checkpoint"), "text").expect("written");
        let folder = Folder::find(place.path()).expect("a log");
        assert_eq!(folder.read("checkpoint", 4).expect("read").as_deref(), Some(&b"text"[..]));
        assert_eq!(folder.read("tile/0/000", 4).expect("read"), None);
        assert!(folder.read("checkpoint", 3).is_err());
        assert!(folder.read("../secret", 4).is_err());
        assert!(folder.read("/etc/passwd", 4).is_err());
        assert!(Folder::find(&place.path().join("nowhere")).is_err());
    }
}
