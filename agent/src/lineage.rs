//! Lineage out of the log: what a run read, and from where. Everything here is found in the published log
//! again, so that whoever has the log can find the same.
//!
//! Read next: [`index`] for the tables that questions are asked of, [`ask`] for how they are answered;
//! [`claim`] for whose a run is, [`open`] for those that are not over, [`ending`] for how they end, [`waits`] for how long they wait after a restart; [`event`] for what others hear; [`leaves`] for how the log itself is gone through, [`run`] for one run, [`attest`] for what the agent signs
//! about it.

mod approvals;
mod ask;
mod attest;
mod claim;
mod ending;
mod event;
mod index;
mod leaves;
mod lost;
mod open;
mod run;
mod waits;

pub use self::open::{Gate, Runs};
pub(crate) use self::{
    ask::{Asked, ask},
    attest::{Ending, Refused},
    claim::ClaimError,
    ending::{end, end_abandoned, owns},
    event::{Entering, event},
    index::{Known, put},
    open::Lasting,
};

/// Tables of lineage and runs in the search index.
pub(crate) const TABLES: [&str; 2] = [index::TABLES, waits::TABLES];
/// What takes back from them what was taken of entries that may be of a history that is no more.
pub(crate) const FORGET: [&str; 2] = [index::FORGET, waits::FORGET];
