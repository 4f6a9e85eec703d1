//! A file of the state folder that says what a restart must not forget.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::log::{Keep, write_atomically};

#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    /// One after the other, so that the newest is what stays.
    writing: Mutex<()>,
}

impl Kept {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, writing: Mutex::new(()) }
    }

    /// What it says; nothing, before it was first written.
    ///
    /// # Errors
    /// It is damaged, in words: what it `says`, and what is to be done (`remedy`).
    pub(crate) fn read<T: DeserializeOwned + Default>(&self, says: &str, remedy: &str) -> Result<T, String> {
        let path = self.path.display();
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("`{path}` says {says} and cannot be read ({error}); {remedy}")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(format!("`{path}` cannot be read: {error}")),
        }
    }

    /// Writes all of it anew, and holds nobody up who only looks: what is locked is locked to be copied.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write<T: Serialize>(&self, all: &Mutex<T>) -> std::io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = serde_json::to_vec(&*all.lock().unwrap_or_else(PoisonError::into_inner))?;
        write_atomically(&self.path, &bytes, Keep::Durable)
    }
}
