//! Proofs of what was done: fetching receipts, and checking logs and receipts without trusting whoever runs
//! the agent. A folder is checked offline.

mod folder;
mod kept;
mod keys;
pub(crate) mod monitor;
mod receipt;
mod remote;
mod search;
mod verify;

pub(crate) use self::search::{When, history};
use connect_shared::{error::ErrorReport, proof::verify::LogReader};

use crate::{
    application::{Application, Ending},
    arguments,
    failure::Outcome,
};

/// Where a log is read from.
trait Source: LogReader + Send + 'static {
    /// Why the last read failed, where more is known than the words for it.
    fn problem(&self) -> Option<ErrorReport>;
}

/// Runs one of the commands.
pub(crate) async fn run(application: &Application, command: &arguments::Audit) -> Outcome<Ending> {
    match command {
        arguments::Audit::Verify(wish) => verify::run(application, wish).await,
        arguments::Audit::Receipt(wish) => receipt::run(application, wish).await,
        arguments::Audit::Search(wish) => search::search(application, wish).await,
        arguments::Audit::Tail(wish) => search::tail(application, wish).await,
    }
}
