//! How a stranger checks the log: RFC 6962 arithmetic, signed notes, checkpoints, tiles, receipts, and
//! the walk that re-hashes a whole log and names what is wrong and where.
//!
//! Everything here is arithmetic on bytes that someone else has fetched: no file, no socket, no clock.
//! The formats are C2SP's (`signed-note`, `tlog-checkpoint`, `tlog-tiles`, `tlog-proof`), so that tools
//! which this project did not write read the same log.
//!
//! Read next: [`tree`] for the hashes, [`verify`] for what an auditor runs.

pub mod checkpoint;
pub mod cosignature;
pub mod growth;
pub mod note;
pub mod pruning;
pub mod receipt;
pub mod rotation;
pub mod tile;
pub mod tree;
pub mod verify;
