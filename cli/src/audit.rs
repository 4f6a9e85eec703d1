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
mod text;
mod verify;

use std::path::Path;

use connect_shared::{
    error::ErrorReport,
    proof::{
        checkpoint::Checkpoint,
        note::VerifierKey,
        receipt::Receipt,
        verify::{LogReader, Report, Verification, Wrong},
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
    failure::{self, Outcome, printable},
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
        arguments::Audit::Text(wish) => text::run(application, wish).await,
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
    let report = verification.run(&reader, &mut |_| {}).map_err(|error| other_log(&error.to_string()))?;
    if !report.is_sound() {
        return Err(unsound(&report));
    }
    let pruned = report.pruned.map_or(0, |pruned| pruned.upto);
    Ok(Sound { size: report.checkpoint.size, pruned })
}

/// What is wrong with a log. One whose tail is gone is another matter than one that says something else: with the
/// tail, its owner can have something to hide, or a copy is an old one.
fn unsound(report: &Report) -> ErrorReport {
    let Some((has, had)) = cut(report) else {
        // Where it is says more than that there is something.
        let placed = report.faults.iter().find(|fault| fault.index.is_some());
        let first =
            placed.or(report.faults.first()).map(|fault| format!(": {}", printable(&fault.to_string())));
        return other_log(&format!(
            "it is not what was signed, or does not hold the run and its approvals{}",
            first.unwrap_or_default()
        ));
    };
    let words = format!("the log was cut: it has {has} entries, and had {had} when that was signed");
    failure::unverified("attestation_log_cut", words).help("connect audit verify --log DIR")
}

/// How many entries a log has, and how many it had: by an earlier word of its own, or by its last one.
fn cut(report: &Report) -> Option<(u64, u64)> {
    let size = report.checkpoint.size;
    let seen = report.faults.iter().filter_map(|fault| match fault.wrong {
        Wrong::CutOff { size: had, .. } => Some((size, had)),
        Wrong::EntriesMissing { upto } if upto == size => Some((fault.index.unwrap_or_default(), size)),
        _ => None,
    });
    seen.max_by_key(|(_, had)| *had)
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
