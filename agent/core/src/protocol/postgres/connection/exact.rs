//! What the commitment of a statement is over: its exact text and what was bound. Where they are kept, sealed and
//! beside the log, they go out with the salt; of statements whose texts are where passwords stand, the salt alone.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use connect_shared::{hexadecimal::hexadecimal, ids::StatementId};
use zeroize::Zeroizing;

use super::{Connection, extended::digest};
use crate::{
    machine::{ExactText, KeptText, Output},
    statement::{Kind, Statement},
};

/// Most bytes of Binds that a connection keeps for statements to come.
const MAX_BINDS: usize = 1 << 20;

/// Nothing was bound.
const NOTHING: [u8; 32] = [0; 32];

/// What a statement and its denial are recorded of.
#[derive(Clone)]
pub(super) struct Exact {
    pub(super) text: Bytes,
    pub(super) binds: Binds,
    pub(super) keep: Keep,
}

impl Exact {
    /// Of a text that was not read.
    pub(super) fn unread() -> Self {
        Self { text: Bytes::new(), binds: Binds::default(), keep: Keep::Salt }
    }
}

/// What is kept of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of it.
    Text,
    /// The salt: whoever has the text can show that it is the one.
    Salt,
}

impl Keep {
    /// A text is kept as a whole, so each of its statements must be one whose text may be: of those that read and
    /// write rows. Where passwords have a place of their own (roles, user mappings, subscriptions, settings …), and
    /// where nobody can tell (DO, what does not parse), it is not.
    pub(super) fn of<'a>(mut statements: impl Iterator<Item = &'a Statement>) -> Self {
        if statements.all(may_be_kept) { Self::Text } else { Self::Salt }
    }
}

fn may_be_kept(facts: &Statement) -> bool {
    let carries = matches!(facts.kind, Kind::Read | Kind::Write | Kind::Transaction);
    carries && facts.normalized.is_some() && is_of_rows(&facts.verb)
}

fn is_of_rows(verb: &str) -> bool {
    let first = verb.split(' ').next().unwrap_or_default();
    matches!(
        first,
        "select" | "values" | "table" | "insert" | "update" | "delete" | "merge" | "copy" | "explain"
    ) || matches!(first, "prepare" | "execute" | "declare" | "fetch" | "move" | "function")
        || matches!(first, "begin" | "start" | "commit" | "end" | "rollback" | "abort")
        || matches!(first, "savepoint" | "release" | "truncate")
}

/// What was bound, as a commitment has it.
#[derive(Clone, Default)]
pub(super) struct Binds {
    /// SHA-256 of the Bind; zeros for none.
    digest: [u8; 32],
    message: Option<Arc<BindMessage>>,
}

/// The Bind itself, with the types that its statement was declared with.
struct BindMessage {
    bytes: Zeroizing<Vec<u8>>,
    types: Bytes,
    room: Arc<AtomicUsize>,
}

impl Drop for BindMessage {
    fn drop(&mut self) {
        self.room.fetch_sub(self.bytes.len(), Relaxed);
    }
}

impl Binds {
    /// Of a message that nothing is kept of.
    pub(super) const fn digested(digest: [u8; 32]) -> Self {
        Self { digest, message: None }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.digest == NOTHING
    }

    pub(super) const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Room for what is bound on a connection whose texts are kept.
#[derive(Default)]
pub(super) struct Room(Arc<AtomicUsize>);

impl Room {
    fn keep(&self, bytes: &[u8], types: &Bytes) -> Option<Arc<BindMessage>> {
        if self.0.load(Relaxed).saturating_add(bytes.len()) > MAX_BINDS {
            return None;
        }
        self.0.fetch_add(bytes.len(), Relaxed);
        // A copy: a slice would keep the whole buffer that it was read into, and nobody could wipe it.
        let bytes = Zeroizing::new(bytes.to_vec());
        Some(Arc::new(BindMessage { bytes, types: types.clone(), room: Arc::clone(&self.0) }))
    }
}

impl Connection {
    /// What a Bind or a function call gives.
    pub(super) fn binds(&self, message: &[u8], types: &Bytes) -> Binds {
        let room = self.secrets.texts.as_ref();
        Binds { digest: digest(message), message: room.and_then(|room| room.keep(message, types)) }
    }

    /// SHA-256 over salt, exact text and binds. The salt comes from a key and the statement's id: whoever holds the
    /// key can open it, nobody can guess the text from it. Where texts are kept, only this connection has had the
    /// key, and the salt is among what is kept.
    pub(super) fn commitment(&self, id: StatementId, exact: &Exact) -> String {
        use aws_lc_rs::digest;
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.secrets.commitments.tag(&id.to_bytes()));
        context.update(&(exact.text.len() as u64).to_be_bytes());
        context.update(&exact.text);
        context.update(exact.binds.digest());
        hexadecimal(context.finish().as_ref())
    }

    /// Hands on what a statement's commitment is over, behind the record that has it.
    pub(super) fn keep_exact(&mut self, id: StatementId, exact: &Exact) {
        if self.secrets.texts.is_none() {
            return;
        }
        let bind = exact.binds.message.as_ref();
        let kept = match exact.keep {
            Keep::Salt => KeptText::Withheld,
            Keep::Text => KeptText::Whole {
                text: Zeroizing::new(exact.text.to_vec()),
                bind: bind.map(|bind| bind.bytes.clone()),
                types: bind.map(|bind| bind.types.clone()).unwrap_or_default(),
            },
        };
        let salt = Zeroizing::new(self.secrets.commitments.tag(&id.to_bytes()));
        let binds = *exact.binds.digest();
        self.outbox.push(Output::ExactText(Box::new(ExactText { statement: id, salt, binds, kept })));
    }
}
