//! Where a pruned log begins: the one file that says which segments count.

use std::{io, path::Path};

use connect_shared::proof::{tile::TileTree, tree::Hash};
use serde::{Deserialize, Serialize};

use super::super::{
    OpenError,
    error::io_error,
    public::{Keep, read_capped, write_atomically},
};

const FILE: &str = "pruned.json";
/// A name for each body that is removed with its entry.
const MAX_BYTES: usize = 64 << 20;

/// The first entry that is there, and the tree before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::log) struct Base {
    pub(in crate::log) upto: u64,
    pub(super) edge: Vec<Vec<Hash>>,
    /// Bodies of entries before `upto` that no later entry has.
    pub(super) blobs: Vec<String>,
    /// Nothing is left to be removed.
    pub(in crate::log) done: bool,
}

#[derive(Serialize, Deserialize)]
struct Written {
    upto: u64,
    edge: Vec<Vec<String>>,
    blobs: Vec<String>,
    done: bool,
}

impl Base {
    /// Of the log in `dir`; none: the log begins with its first entry.
    pub(in crate::log) fn load(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(FILE);
        let Some(bytes) = read_capped(&path, MAX_BYTES).map_err(io_error("read", &path))? else {
            return Ok(None);
        };
        let read = || {
            let Written { upto, edge, blobs, done } = serde_json::from_slice(&bytes).ok()?;
            let row =
                |row: Vec<String>| row.iter().map(|hash| hash.parse().ok()).collect::<Option<Vec<Hash>>>();
            let edge = edge.into_iter().map(row).collect::<Option<_>>()?;
            Some(Self { upto, edge, blobs, done })
        };
        let damaged = || OpenError::Pruning(format!("`{}` is damaged; restore it", path.display()));
        let base = read().ok_or_else(damaged)?;
        if base.tree().is_some() { Ok(Some(base)) } else { Err(damaged()) }
    }

    /// The tree before the first entry.
    pub(in crate::log) fn tree(&self) -> Option<TileTree> {
        TileTree::resume(self.upto, self.edge.clone())
    }

    pub(super) fn store(&self, dir: &Path) -> io::Result<()> {
        let row = |row: &Vec<Hash>| row.iter().map(ToString::to_string).collect();
        let edge = self.edge.iter().map(row).collect();
        let written = Written { upto: self.upto, edge, blobs: self.blobs.clone(), done: self.done };
        let bytes = serde_json::to_vec(&written).map_err(io::Error::other)?;
        write_atomically(&dir.join(FILE), &bytes, Keep::Durable)
    }
}
