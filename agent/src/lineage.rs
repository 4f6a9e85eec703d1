//! Lineage out of the log: what a run read, and from where. Everything here is found in the published log
//! again, so that whoever has the log can find the same.
//!
//! Read next: [`leaves`] for how the log is gone through, [`run`] for one run, [`attest`] for what the agent
//! signs about it.

mod attest;
mod leaves;
mod run;

pub(crate) use self::attest::{Ending, Refused, attest};
