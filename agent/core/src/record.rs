//! The proof, in types, that nothing runs without a decision and a record, and that nothing leaves
//! before the record is durable.
//!
//! [`Permit`] is made only by [`crate::decide`]; [`Appended`] and [`Durable`] only by [`Ledger`], from
//! the log's acknowledgements. None of them can be built elsewhere, cloned or kept: [`forward`] and
//! [`Release`] take them by value. These programs must not compile:
//!
//! ```compile_fail,E0451
//! use connect_core::record::{Permit, ReadProof};
//! let id = connect_shared::ids::StatementId::from_random([0; 16]);
//! let permit = Permit { statement: id, obligations: Vec::new(), proof: ReadProof::ReadOnly };
//! ```
//! ```compile_fail,E0624
//! use connect_core::record::{Permit, ReadProof};
//! let id = connect_shared::ids::StatementId::from_random([0; 16]);
//! let permit = Permit::grant(id, Vec::new(), ReadProof::ReadOnly);
//! ```
//! ```compile_fail,E0451
//! use connect_core::record::{Durable, Seq};
//! let durable = Durable { seq: Seq(0) };
//! ```
//! ```compile_fail,E0382
//! use connect_core::record::{Permit, Recorded, forward};
//! fn twice(permit: Permit, a: Recorded, b: Recorded) {
//!     let first = forward(permit, a, bytes::Bytes::new());
//!     let second = forward(permit, b, bytes::Bytes::new());
//! }
//! ```
//! ```compile_fail,E0308
//! use connect_core::record::{Appended, Release};
//! fn early(appended: Appended) -> Release {
//!     Release::new(appended)
//! }
//! ```

use std::{collections::VecDeque, fmt};

use bytes::Bytes;
use connect_shared::{decision::Obligation, ids::StatementId};

/// Index of an entry in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Names one request to append, until the log has given it a [`Seq`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The right to run one statement once.
#[derive(Debug)]
#[must_use = "a permit that is dropped was for nothing"]
pub struct Permit {
    statement: StatementId,
    obligations: Vec<Obligation>,
    proof: ReadProof,
}

/// Whether a statement was proved to change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadProof {
    /// Proved read-only: it may go while the record is on its way to the disk.
    ReadOnly,
    /// Anything else: the record is durable first.
    MayWrite,
}

impl Permit {
    /// Only `decide` grants.
    pub(crate) const fn grant(
        statement: StatementId,
        obligations: Vec<Obligation>,
        proof: ReadProof,
    ) -> Self {
        Self { statement, obligations, proof }
    }

    /// The statement that it is for.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// What the statement is bound to.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Whether the statement was proved read-only.
    #[must_use]
    pub const fn proof(&self) -> ReadProof {
        self.proof
    }
}

/// The log has taken the entry; it is not yet safe from a crash.
#[derive(Debug)]
pub struct Appended {
    seq: Seq,
}

/// The entry is on stable storage.
#[derive(Debug)]
pub struct Durable {
    seq: Seq,
}

impl Appended {
    /// Where the entry stands.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }
}

impl Durable {
    /// Where the entry stands.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }
}

/// A proof that is good enough for the permit it comes with.
#[derive(Debug)]
pub enum Recorded {
    /// Any statement.
    Durable(Durable),
    /// A statement that was proved read-only.
    Appended(Appended),
}

/// The permit and the record do not fit: a write with an entry that is only appended.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a statement that may write needs a durable entry before it is forwarded")]
pub struct NotDurable;

/// The only way for a statement's bytes to the server.
///
/// # Errors
/// [`NotDurable`] if the permit is for a statement that may write and the entry is only appended.
pub fn forward(permit: Permit, recorded: Recorded, bytes: Bytes) -> Result<Forwarded, NotDurable> {
    match (permit.proof, &recorded) {
        (ReadProof::MayWrite, Recorded::Appended(_)) => Err(NotDurable),
        _ => Ok(Forwarded { bytes, statement: permit.statement, obligations: permit.obligations }),
    }
}

/// Bytes that may go to the server.
#[derive(Debug)]
pub struct Forwarded {
    bytes: Bytes,
    statement: StatementId,
    obligations: Vec<Obligation>,
}

impl Forwarded {
    /// Takes the bytes, and what the rows that come back are bound to.
    #[must_use]
    pub fn into_parts(self) -> (Bytes, StatementId, Vec<Obligation>) {
        (self.bytes, self.statement, self.obligations)
    }
}

/// The right to send one statement's results to the client. Needs the durable entry.
#[derive(Debug)]
pub struct Release {
    seq: Seq,
}

impl Release {
    /// Results may leave from here on.
    #[must_use]
    pub const fn new(durable: Durable) -> Self {
        Self { seq: durable.seq }
    }

    /// The entry that stands for these results.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }
}

/// What the log has acknowledged to this connection.
#[derive(Default)]
pub struct Ledger {
    next_ticket: u64,
    /// Tickets without a place in the log, in order.
    waiting: VecDeque<(Ticket, Claim)>,
    /// Places of tickets that may still be claimed, in order.
    appended: VecDeque<(Ticket, Seq)>,
    /// Every entry before this one is durable.
    durable_before: u64,
}

/// Whether anyone will ask where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Something waits for it.
    Awaited,
    /// It is written, and that is all.
    Unclaimed,
}

/// The log answered something that was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log acknowledged an entry that this connection did not send")]
pub struct UnexpectedAcknowledgement;

impl Ledger {
    /// A name for the next entry of this connection.
    pub fn ticket(&mut self, claim: Claim) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.push_back((ticket, claim));
        ticket
    }

    /// The log gave `ticket` the place `seq`.
    ///
    /// # Errors
    /// The acknowledgement is not for the oldest waiting ticket.
    pub fn appended(&mut self, ticket: Ticket, seq: Seq) -> Result<(), UnexpectedAcknowledgement> {
        match self.waiting.pop_front() {
            Some((oldest, claim)) if oldest == ticket => {
                if claim == Claim::Awaited {
                    self.appended.push_back((ticket, seq));
                }
                Ok(())
            }
            _ => Err(UnexpectedAcknowledgement),
        }
    }

    /// Every entry before `upto` is durable. An older news than the last changes nothing.
    pub fn durable(&mut self, upto: u64) {
        self.durable_before = self.durable_before.max(upto);
    }

    /// The proof that `ticket` has a place. Asking again gives another proof of the same fact.
    #[must_use]
    pub fn claim_appended(&self, ticket: Ticket) -> Option<Appended> {
        self.place_of(ticket).map(|seq| Appended { seq })
    }

    /// The proof that `ticket` is durable.
    #[must_use]
    pub fn claim_durable(&self, ticket: Ticket) -> Option<Durable> {
        let seq = self.place_of(ticket)?;
        (seq.0 < self.durable_before).then_some(Durable { seq })
    }

    /// Forgets `ticket`: nobody will ask again.
    pub fn settle(&mut self, ticket: Ticket) {
        if let Ok(index) = self.find(ticket) {
            self.appended.remove(index);
        }
    }

    /// Gives back the room for what is settled.
    pub fn rest(&mut self) {
        if self.waiting.is_empty() && self.appended.is_empty() {
            (self.waiting, self.appended) = Default::default();
        }
    }

    fn place_of(&self, ticket: Ticket) -> Option<Seq> {
        self.appended.get(self.find(ticket).ok()?).map(|(_, seq)| *seq)
    }

    fn find(&self, ticket: Ticket) -> Result<usize, usize> {
        self.appended.binary_search_by_key(&ticket, |(appended, _)| *appended)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("waiting", &self.waiting.len())
            .field("appended", &self.appended.len())
            .field("durable_before", &self.durable_before)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> StatementId {
        StatementId::from_random([9; 16])
    }

    #[test]
    fn a_write_is_not_forwarded_on_an_entry_that_is_only_appended() {
        let mut ledger = Ledger::default();
        let ticket = ledger.ticket(Claim::Awaited);
        ledger.appended(ticket, Seq(4)).expect("the oldest ticket");
        let appended = ledger.claim_appended(ticket).expect("it has a place");
        let permit = Permit::grant(statement(), Vec::new(), ReadProof::MayWrite);
        let refused = forward(permit, Recorded::Appended(appended), Bytes::from_static(b"x"));
        assert_eq!(refused.map(|_| ()), Err(NotDurable));
    }

    #[test]
    fn an_entry_is_durable_only_once_the_watermark_is_past_it() {
        let mut ledger = Ledger::default();
        let ticket = ledger.ticket(Claim::Awaited);
        assert!(ledger.claim_appended(ticket).is_none());
        ledger.appended(ticket, Seq(4)).expect("the oldest ticket");
        ledger.durable(4);
        assert!(ledger.claim_durable(ticket).is_none());
        ledger.durable(5);
        ledger.durable(2);
        assert_eq!(ledger.claim_durable(ticket).expect("it is durable").seq(), Seq(4));
        ledger.settle(ticket);
        assert!(ledger.claim_durable(ticket).is_none());
    }

    #[test]
    fn what_is_settled_out_of_order_leaves_the_others_where_they_are() {
        let mut ledger = Ledger::default();
        let tickets: Vec<Ticket> = (0..5).map(|_| ledger.ticket(Claim::Awaited)).collect();
        for (seq, ticket) in (10..).zip(&tickets) {
            ledger.appended(*ticket, Seq(seq)).expect("the oldest ticket");
        }
        ledger.settle(tickets[2]);
        ledger.settle(tickets[2]);
        ledger.rest();
        let places: Vec<_> =
            tickets.iter().map(|ticket| ledger.claim_appended(*ticket).map(|place| place.seq().0)).collect();
        assert_eq!(places, [Some(10), Some(11), None, Some(13), Some(14)]);
        tickets.iter().for_each(|ticket| ledger.settle(*ticket));
        ledger.rest();
        assert_eq!((ledger.waiting.capacity(), ledger.appended.capacity()), (0, 0));
        let next = ledger.ticket(Claim::Awaited);
        ledger.appended(next, Seq(20)).expect("the oldest ticket");
        assert!(ledger.claim_appended(next).is_some());
    }

    #[test]
    fn an_acknowledgement_out_of_order_is_refused() {
        let mut ledger = Ledger::default();
        let _first = ledger.ticket(Claim::Awaited);
        let second = ledger.ticket(Claim::Awaited);
        assert_eq!(ledger.appended(second, Seq(0)), Err(UnexpectedAcknowledgement));
    }
}
