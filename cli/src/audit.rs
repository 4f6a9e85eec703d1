//! Proofs of what was done: fetching receipts, and checking logs and receipts without trusting whoever runs
//! the agent. A folder is checked offline.

mod entries;
mod folder;
mod kept;
mod keys;
pub(crate) mod monitor;
mod receipt;
mod reconcile;
mod remote;
mod search;
mod verify;

use std::path::Path;

use connect_shared::{
    error::ErrorReport,
    proof::{
        checkpoint::Checkpoint,
        note::VerifierKey,
        receipt::Receipt,
        verify::{LogReader, Report, Verification},
    },
};

pub(crate) use self::{
    entries::{Sound, each as each_entry},
    keys::key_for,
    search::{Asking, Period, When, history, now},
};
use crate::{
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
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
        arguments::Audit::Reconcile(wish) => reconcile::run(application, wish).await,
        arguments::Audit::Tail(wish) => search::tail(application, wish).await,
    }
}

/// Hashes a log in a folder again: it must be sound, and hold the entries of receipts.
pub(crate) fn log_holds(
    place: &Path,
    key: &VerifierKey,
    receipts: impl IntoIterator<Item = Receipt>,
) -> Outcome<Sound> {
    let reader = folder::Folder::find(place)?;
    let verification = receipts
        .into_iter()
        .fold(Verification::new(key.clone()), |all, receipt| all.receipt("the attestation", receipt));
    let report = verification.run(&reader, &mut |_| {}).ok().filter(Report::is_sound);
    match report {
        Some(report) => {
            let pruned = report.pruned.map_or(0, |pruned| pruned.upto);
            Ok(Sound { size: report.checkpoint.size, pruned })
        }
        None => Err(other_log("it is not what was signed, or does not hold the run and its approvals")),
    }
}

/// A receipt must not contradict what was seen of its log before. Its checkpoint is kept where there is none:
/// nothing shows here that it contains the one that is.
pub(crate) fn agrees_with_kept(
    application: &Application,
    key: &VerifierKey,
    receipt: &Receipt,
) -> Outcome<()> {
    let own = Checkpoint::open(&receipt.checkpoint, key).map_err(|error| other_log(&error.to_string()))?;
    let kept = kept::load(&application.paths, key)?;
    match kept {
        None => kept::keep(&application.paths, key, &receipt.checkpoint),
        Some(kept) if kept.size == own.size && kept.root != own.root => {
            Err(other_log("the log has signed two trees of one size"))
        }
        Some(_) => Ok(()),
    }
}

fn other_log(why: &str) -> ErrorReport {
    failure::unverified("attestation_log", format!("the log does not bear out the attestation: {why}"))
        .help("connect audit verify --log DIR")
}
