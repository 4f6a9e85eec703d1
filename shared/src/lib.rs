//! Nouns that cross the wire between `connect` and `connect-agent`: ids, grants, decisions, frames,
//! entries and proofs. Nothing here does I/O, reads a clock or makes a random number; but for `udp` and `flow`,
//! which both ends of a tunnel need and only they ask for.
//!
//! Read next: [`frame`] for what moves through the tunnel, [`entry`] for what the log holds,
//! [`proof`] for how a stranger checks it.

pub mod api;
pub mod attest;
pub mod decision;
pub mod engine;
pub mod entry;
pub mod error;
#[cfg(feature = "udp")]
pub mod flow;
pub mod frame;
pub mod grant;
pub mod hexadecimal;
pub mod ids;
pub mod label;
pub mod lineage;
pub mod ocsf;
pub mod openlineage;
pub mod proof;
pub mod replay;
pub mod request;
pub mod text;
#[cfg(feature = "udp")]
pub mod udp;
