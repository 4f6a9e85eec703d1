//! `connect attest verify`: what a file or folder was made from, checked offline with the key of the agent's log.

mod approvals;
mod check;
mod figures;
mod logged;
mod page;
mod reads;
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
    let place = wish.attestation.clone().unwrap_or_else(|| beside(&wish.file));
    let text = read(&place)?;
    let bar = application.console.measure("Hashing");
    let whole = std::path::absolute(&wish.file).map_err(|error| failure::file("use", &wish.file, &error))?;
    let found = super::run::hash_any(&whole, &mut |done, total| bar.reached(done, total))?;
    drop(bar);
    let lines = check::lines(&text)?;
    let key = key(application, wish, &lines.run)?;
    let checked = check::check(&lines, &key, &found)?;
    if let Some(log) = &wish.log {
        let receipts = std::iter::once(checked.receipt.clone()).chain(checked.approvals);
        audit::log_holds(log, &key, receipts)?;
    }
    audit::agrees_with_kept(application, &key, &checked.receipt)?;
    let findings = check::findings(&lines.run, &found);
    application
        .console
        .document(&page::object(&lines.run, &findings), || page::page(&lines.run, &findings))?;
    Ok(Ending::Done)
}

/// The attestation of a file or folder, or that of the nearest folder around it that has one.
fn beside(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let around = whole.ancestors().take(MOST_AROUND).map(attestation_of).find(|place| place.exists());
    around.unwrap_or_else(|| attestation_of(path))
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
