//! How far a sink has taken the log, and what its next summary will say. Durable before the next batch is sent.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Event, summary::Account};
use crate::log::{Keep, write_atomically};

/// The cursor of one sink.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    next: u64,
    account: Account,
    shown: Arc<AtomicU64>,
}

impl Cursor {
    /// Of the sink `name`; a new one begins with the log.
    pub(super) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}.cursor"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        // A cursor that cannot be read must not skip anything.
        let next = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(0);
        let account = lines.next().and_then(Account::read).unwrap_or(Account::begin(next));
        Ok(Self { path, next, account, shown: Arc::new(AtomicU64::new(next)) })
    }

    /// Index of the next entry, for those who look on.
    pub(super) fn shown(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shown)
    }

    /// Index of the next entry.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// What was taken since the last summary.
    pub(super) const fn account(&self) -> &Account {
        &self.account
    }

    /// These events were taken, and so is everything before `next`.
    pub(super) fn took(&mut self, events: &[Event], next: u64) -> io::Result<()> {
        let mut account = self.account;
        events.iter().filter(|event| !event.json.is_empty()).for_each(|event| account.count(event));
        self.keep(next, account)
    }

    /// Goes on at `next`, with nothing to sum up from before.
    pub(super) fn begin(&mut self, next: u64) -> io::Result<()> {
        self.keep(next, Account::begin(next))
    }

    fn keep(&mut self, next: u64, account: Account) -> io::Result<()> {
        let text = format!("{next}\n{}\n", account.write());
        write_atomically(&self.path, text.as_bytes(), Keep::Durable)?;
        (self.next, self.account) = (next, account);
        self.shown.store(next, Ordering::Relaxed);
        Ok(())
    }
}
