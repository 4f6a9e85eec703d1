//! Mask keys in the server's session: statements that read masks in place of values need them there.
//!
//! They are set by FunctionCall messages of our own, so they stand in no statement's text: those of all
//! labels of the snapshot when the connection is opened, since within a pipeline no call may come between;
//! those of labels that came later right before the first statement that needs them. The server forgets them
//! at RESET ALL and DISCARD ALL, and those that were set inside a transaction with its rollback; then they
//! are set again, after a RESET as soon as the server is ready. Without them the masks are NULL, never the
//! value.

use std::collections::HashSet;

use connect_shared::{decision::ReasonCode, label::Label};

use super::{Connection, Expect, Transaction};
use crate::{
    catalog::FIRST_NORMAL_OID,
    mask::sql,
    protocol::postgres::answer,
    statement::{Effect, Kind, Protection, Refusal, Statement},
};

/// Labels whose keys the server has.
#[derive(Default)]
pub(super) struct Keys {
    /// For as long as nothing resets them.
    held: HashSet<Label>,
    /// Until the transaction ends, or goes back to a savepoint.
    lent: HashSet<Label>,
    /// Extended messages were sent since the last Sync: a call between them would commit what they did.
    unsynced: bool,
    /// The server has forgotten those that it was given ahead.
    lost: bool,
}

impl Keys {
    pub(super) fn forget(&mut self) {
        self.lost |= !self.held.is_empty();
        self.held.clear();
        self.lent.clear();
    }

    /// A transaction ended.
    pub(super) fn transaction_ended(&mut self) {
        self.lent.clear();
    }

    pub(super) fn set_unsynced(&mut self, unsynced: bool) {
        self.unsynced = unsynced;
    }

    /// What a statement that is about to be sent does to them.
    pub(super) fn before(&mut self, statement: &Statement) {
        match (&statement.effect, statement.kind) {
            (Effect::DiscardAll, _) => self.forget(),
            (_, Kind::SessionControl) if statement.verb == "reset" => self.forget(),
            // It may go back to before they were set.
            (_, Kind::Transaction) => self.lent.clear(),
            _ => {}
        }
    }
}

impl Connection {
    /// Gives the server, which has just been opened, the keys of all labels that statements may need.
    pub(super) fn give_keys_ahead(&mut self) {
        let Some(catalog) = self.setup.catalog.clone() else { return };
        self.keys.lost = false;
        // At a time when no call may be made nothing is lost: the statement that needs them asks again.
        let _asked_again = self.give_keys(catalog.labels());
    }

    /// Gives them again if the server has forgotten them, and nothing is on its way to it.
    pub(super) fn give_lost_keys(&mut self) {
        if self.keys.lost && self.is_quiet() {
            self.give_keys_ahead();
        }
    }

    /// Whether nothing is on its way to the server, and no transaction is open there: a call of ours disturbs nobody.
    pub(super) fn is_quiet(&self) -> bool {
        self.in_flight.is_empty() && self.large.is_none() && self.transaction == Transaction::Idle
    }

    /// Extended messages were sent since the last Sync.
    pub(super) const fn keys_unsynced(&self) -> bool {
        self.keys.unsynced
    }

    /// Gives the server the keys of these labels, as far as it has them not.
    ///
    /// # Errors
    /// It cannot be given any now.
    pub(super) fn give_keys(&mut self, labels: &HashSet<Label>) -> Result<(), Refusal> {
        let known = |label: &Label| self.keys.held.contains(label) || self.keys.lent.contains(label);
        let missing: Vec<Label> = labels.iter().filter(|label| !known(label)).copied().collect();
        if missing.is_empty() || self.transaction == Transaction::Failed {
            // A statement in a failed transaction only hears so.
            return Ok(());
        }
        if self.keys.unsynced {
            return Err(not_now());
        }
        for setting in sql::settings(&self.setup.mask_key, missing.iter().copied()) {
            self.outbox.say_to_server(answer::set_config(setting.name.as_bytes(), setting.value.as_bytes()));
            self.in_flight.push_back(Expect::Key);
        }
        // What is still in flight may begin or end a transaction: then nothing is sure to last.
        let lasts = self.transaction == Transaction::Idle
            && self.in_flight.iter().all(|expect| matches!(expect, Expect::Key));
        let into = if lasts { &mut self.keys.held } else { &mut self.keys.lent };
        into.extend(missing);
        Ok(())
    }
}

/// Labels whose keys the server must have for statements that read masks.
pub(super) fn labels<'s>(statements: impl IntoIterator<Item = &'s Statement>) -> HashSet<Label> {
    let columns = statements.into_iter().flat_map(|statement| match &statement.protection {
        Protection::Masked { columns, .. } => columns.as_slice(),
        _ => &[],
    });
    // What is hidden of the server's own relations is NULL, and needs no key.
    columns.filter(|column| column.relation.0 >= FIRST_NORMAL_OID).map(|column| column.label).collect()
}

fn not_now() -> Refusal {
    Refusal {
        code: ReasonCode::NotUnderstood,
        object: None,
        message: "masks for this statement cannot be prepared in the middle of a pipeline".to_owned(),
        hint: Some("Send Sync, then this statement.".to_owned()),
        sqlstate: None,
        unknown_object: None,
    }
}
