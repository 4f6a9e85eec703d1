//! Erasing texts by their keys, while nobody has the log open.

use std::path::{Path, PathBuf};

use connect_shared::{entry::Entry, ids::ConnectionId};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use super::{
    ExactError, FOLDER, KEY,
    keyring::{About, Keyring, Wrapping},
    writer::{KEYS, tell_erased},
};
use crate::log::{Log, LogClosed, LogOptions, OpenError};

/// Whose texts are erased; everything that is given must hold.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct EraseArgs {
    /// Those of this principal: the stable id, as `sub` in the log's entries.
    #[arg(long, value_name = "ID")]
    principal: Option<String>,
    /// Those that were sent before: `2026-11-25`, `2026-11-25T10:00:00Z`. Keys go whole: with them, up to six hours
    /// more.
    #[arg(long, value_name = "DATE", value_parser = moment)]
    before: Option<u64>,
    /// Those of this connection: `cn_…`.
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
}

impl EraseArgs {
    pub(crate) fn which(&self) -> Which {
        let Self { principal, before, connection } = self;
        Which { principal: principal.clone(), before: *before, connection: *connection }
    }
}

/// Milliseconds since 1970 of a day, in UTC, or a moment.
fn moment(text: &str) -> Result<u64, String> {
    let whole = if text.len() == "2026-11-25".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment = OffsetDateTime::parse(&whole, &Rfc3339);
    let moment = moment.map_err(|_| "write `2026-11-25` or `2026-11-25T10:00:00Z`".to_owned())?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| "that is before 1970".to_owned())
}

/// Whose texts are erased. Everything that is given must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Which {
    /// Stable id of the principal, at any provider.
    pub(crate) principal: Option<String>,
    /// Sent before this, in milliseconds since 1970. A key goes whole: with it, up to six hours more.
    pub(crate) before: Option<u64>,
    pub(crate) connection: Option<ConnectionId>,
}

impl Which {
    fn cause(&self) -> &'static str {
        match (&self.principal, self.connection) {
            (Some(_), _) => "principal",
            (None, Some(_)) => "connection",
            (None, None) => "before",
        }
    }
}

/// Why nothing was erased, or nothing says so yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EraseError {
    #[error("there are no exact texts in `{}`", .0.display())]
    Nothing(PathBuf),
    #[error(transparent)]
    Log(#[from] OpenError),
    #[error(transparent)]
    Texts(#[from] ExactError),
    #[error(
        "the keys are erased, and the log does not take the entry that says so: {0}; it is written at the next start"
    )]
    Unsaid(std::io::Error),
    #[error(transparent)]
    Closed(#[from] LogClosed),
}

/// Erases keys, and says so in the log. Gives how many.
///
/// # Errors
/// An agent has the log open, or the disk fails.
pub(crate) fn erase(state: &Path, origin: &str, which: &Which) -> Result<u64, EraseError> {
    let (folder, key) = (state.join(FOLDER), state.join(KEY));
    let path = folder.join(KEYS);
    if !key.exists() || !path.exists() {
        return Err(EraseError::Nothing(folder));
    }
    let log_dir = state.join("log");
    // The lock of the log is that of the texts as well.
    let (log, _) = Log::open(&log_dir, LogOptions::new(origin, &log_dir))?;
    let key = crate::keys::read_or_make_random(&key).map(Zeroizing::new).map_err(ExactError::from)?;
    let wrapping = Wrapping::new(&key, origin);
    let mut keyring = Keyring::open(&path).map_err(ExactError::io(&path))?;
    let owner = which.principal.as_deref().map(|sub| wrapping.owner(sub));
    let gone = |about: &About| {
        owner.is_none_or(|owner| about.owner == owner)
            && which.before.is_none_or(|before| about.begun < before)
            && which.connection.is_none_or(|connection| about.connection == connection)
    };
    keyring.erase(gone).map_err(ExactError::io(&path))?;
    let said = tell_erased(&mut keyring, &log, |keys| Entry::TextsErased {
        cause: which.cause().to_owned(),
        keys,
        before: which.before,
        connection: which.connection,
    });
    let keys = said.map_err(EraseError::Unsaid)?;
    log.publish_now_blocking()?;
    log.shutdown()?;
    Ok(keys)
}
