//! `connect attest verify`: what a file or folder was made from, checked offline with the key of the agent's log.

mod approvals;
mod check;
mod figures;
mod logged;
mod output;
mod page;
mod reads;
mod statements;
#[cfg(test)]
mod tests;

pub(super) use self::page::{day, in_words};

use std::path::{Path, PathBuf};

use connect_shared::{
    attest::RunPredicate,
    proof::{note::VerifierKey, receipt::Receipt},
};

use super::run::attestation_of;
use crate::{
    application::{Application, Ending},
    arguments::{Attest, VerifyAttestation},
    audit,
    failure::{self, Outcome},
};

/// Longest file of attestations that is read.
const MAX_BYTES: u64 = 128 << 20;
/// Folders around a file whose attestations are looked for.
const MOST_AROUND: usize = 64;

pub(super) async fn run(application: &Application, command: &Attest) -> Outcome<Ending> {
    let Attest::Verify(wish) = command;
    let (application, wish) = (application.clone(), wish.clone());
    // Hashing blocks.
    let work = move || verify(&application, &wish);
    tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))?
}

fn verify(application: &Application, wish: &VerifyAttestation) -> Outcome<Ending> {
    let whole = super::run::whole(&wish.file)?;
    let place = wish.attestation.clone().unwrap_or_else(|| beside(&whole));
    let text = read(&place)?;
    let bar = application.console.measure("Hashing");
    let found = super::run::hash_any(&whole, &mut |done, total| bar.reached(done, total))?;
    drop(bar);
    let lines = check::lines(&text)?;
    let key = key(application, wish, &lines.run)?;
    let below = output::below(&whole, &place);
    let found = (&found, below.as_ref());
    let checked = check::check(&lines, &key, found)?;
    let receipts = || std::iter::once(&checked.receipt).chain(&checked.approvals);
    let gone = match &wish.log {
        Some(log) => {
            let sound = audit::log_holds(log, &key, receipts().cloned())?;
            statements::check(&lines.run, log, sound, checked.upto)?
        }
        None => 0,
    };
    for receipt in receipts() {
        audit::agrees_with_kept(application, &key, receipt)?;
    }
    let mut findings = check::findings(&lines.run, found);
    if gone > 0 {
        findings.push(format!(
            "of {gone} statements the log has pruned what they were compared with: only their hash holds"
        ));
    }
    application
        .console
        .document(&page::object(&lines.run, &findings), || page::page(&lines.run, &findings))?;
    Ok(Ending::Done)
}

/// The attestation of a file or folder by its whole name, or that of the nearest folder around it that has one.
fn beside(whole: &Path) -> PathBuf {
    let around = whole.ancestors().take(MOST_AROUND).map(attestation_of).find(|place| place.exists());
    around.unwrap_or_else(|| attestation_of(whole))
}

/// The key that the agent's log is signed with: given, or known since the agent was added.
fn key(application: &Application, wish: &VerifyAttestation, run: &RunPredicate) -> Outcome<VerifierKey> {
    let receipt = Receipt::parse(&run.receipt).map_err(|error| check::no_inclusion(&error.to_string()))?;
    audit::key_for(application, wish.key.as_deref(), &receipt.checkpoint)
}

fn read(place: &Path) -> Outcome<String> {
    use std::io::Read as _;
    let file = std::fs::File::open(place).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            failure::not_found("no_attestation", format!("there is no {}", place.display()))
                .help("name it: --attestation FILE")
        }
        _ => failure::file("read", place, &error),
    })?;
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| failure::file("read", place, &error))?;
    Ok(text)
}
