//! Every file operation that the log's promises rest on, in one place: what is written, what is synced, and
//! under which name it can be found afterwards.
//!
//! An agent is compiled with the operating system behind it and nothing in between. The log's own tests are
//! compiled with a choice: a path below [`simulated::ROOT`] is on a disk in memory, which loses power, tears
//! writes, refuses and fills up as a test tells it to (`tests/power.rs`).

#[cfg(test)]
mod either;
mod real;
#[cfg(test)]
pub(super) mod simulated;

#[cfg(test)]
pub(super) use self::either::{
    DiskFile, create_folders, names, remove_file, remove_folder, rename, sync_folder,
};
#[cfg(not(test))]
pub(super) use self::real::{
    DiskFile, create_folders, names, remove_file, remove_folder, rename, sync_folder,
};
