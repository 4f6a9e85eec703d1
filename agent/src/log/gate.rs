//! What may not begin now. Whatever has begun can always end: entries that close something pass.

use std::sync::atomic::{AtomicBool, Ordering};

use connect_shared::entry::Entry;

use super::LogClosed;

/// Shared by all who append.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Too few witnesses have cosigned lately.
    unwitnessed: AtomicBool,
    /// The disk is full: what is left of it is for closing entries.
    reserve: AtomicBool,
    /// The disk is nearly full.
    scarce: AtomicBool,
}

impl Gate {
    /// Whether an entry may be appended now.
    pub(super) fn admit(&self, entry: &Entry) -> Result<(), LogClosed> {
        match entry {
            Entry::Intent(_) | Entry::ConnectionOpened { .. } => {
                self.closed_for_statements().map_or(Ok(()), Err)
            }
            // They end nothing, and whoever causes them can do so without end: the reserve is not for them.
            Entry::Denial(_)
            | Entry::GrantRefused { .. }
            | Entry::TunnelRefused { .. }
            | Entry::RefusalsLeftOut { .. }
            | Entry::StatementText { .. }
            | Entry::StatementLineage { .. }
            | Entry::Explained { .. }
            | Entry::Searched { .. }
            | Entry::TextShown { .. }
            | Entry::TextsLost { .. }
            | Entry::FolderListed { .. }
            | Entry::RunEnded { .. } => self.disk_is_full().map_or(Ok(()), Err),
            Entry::GrantIssued { .. } | Entry::SessionOpened { .. } => {
                self.closed_for_sessions().map_or(Ok(()), Err)
            }
            _ => Ok(()),
        }
    }

    /// Why nothing runs now.
    pub(crate) fn closed_for_statements(&self) -> Option<LogClosed> {
        if self.unwitnessed.load(Ordering::Acquire) {
            return Some(LogClosed::Unwitnessed);
        }
        self.disk_is_full()
    }

    fn disk_is_full(&self) -> Option<LogClosed> {
        self.reserve.load(Ordering::Acquire).then_some(LogClosed::DiskFull)
    }

    /// Why nobody is let in now.
    pub(crate) fn closed_for_sessions(&self) -> Option<LogClosed> {
        let scarce = || self.scarce.load(Ordering::Acquire).then_some(LogClosed::DiskScarce);
        self.closed_for_statements().or_else(scarce)
    }

    pub(crate) fn set_witnessed(&self, witnessed: bool) {
        self.unwitnessed.store(!witnessed, Ordering::Release);
    }

    /// The reserve is in use, or is there again.
    pub(super) fn set_reserve_used(&self, used: bool) {
        self.reserve.store(used, Ordering::Release);
    }

    pub(super) fn is_reserve_used(&self) -> bool {
        self.reserve.load(Ordering::Acquire)
    }

    pub(super) fn set_scarce(&self, scarce: bool) {
        self.scarce.store(scarce, Ordering::Release);
    }
}
