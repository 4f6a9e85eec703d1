//! The sans-IO heart of `connect-agent`: protocols, statements, policy and masking.
//!
//! Nothing here opens a socket or a file, reads a clock or makes a random number: time, randomness, ids,
//! catalog snapshots and log acknowledgements come in as [`machine::Input`], and what should happen
//! comes out as [`machine::Output`].
//!
//! The life of a query is the order of these modules: [`protocol`] (frame, intend) → [`understand`] →
//! [`decide`] → [`record`] → forward → shape ([`mask`]) → account.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented
    )
)]

pub mod approval;
pub mod budget;
pub mod canary;
pub mod catalog;
pub mod decide;
pub mod explain;
mod keyed;
pub mod label;
pub mod lineage;
pub mod machine;
pub mod mask;
pub mod person;
pub mod principal;
pub mod protocol;
pub mod radius;
pub mod record;
pub mod session;
pub mod statement;
pub mod understand;
pub mod usage;
