//! Sinks: the log is their outbox. Each has a cursor of its own, kept on the disk, that moves only when
//! what is before it was taken; so everything arrives at least once and in order, also after a stop of any
//! kind, and duplicates are at most one batch. A sink that is away holds up itself and nothing else.
//!
//! [`engine`] moves the cursors; [`summary`] lets a receiver prove that it has everything, [`resend`] gives entries
//! again, and [`lag`] says how far behind a sink is. [`file`], [`webhook`], [`syslog`], [`otlp`], [`splunk`], [`nats`] and [`openlineage`] are
//! where events go to.

mod cursor;
mod engine;
mod file;
pub(crate) mod http;
pub(crate) mod lag;
mod nats;
mod openlineage;
mod otlp;
pub(crate) mod resend;
mod splunk;
mod summary;
mod syslog;
pub(crate) mod webhook;

#[cfg(test)]
mod tests;

pub(crate) use self::engine::{Exporter, taken_by_all};

/// One event on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) index: u64,
    /// Milliseconds since 1970.
    pub(crate) time: u64,
    /// The kind of its entry.
    pub(crate) kind: &'static str,
    /// One line of JSON; empty where the format has nothing to say of the entry.
    pub(crate) json: String,
    /// Nothing is recorded if this one cannot be delivered: it tells of such a case itself.
    pub(crate) tells_of_loss: bool,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// Later, perhaps. A word for the operator.
    NotNow(&'static str),
    /// Never, as it is.
    Refused(&'static str),
}
