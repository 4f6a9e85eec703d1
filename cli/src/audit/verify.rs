//! `connect audit verify`: a whole log re-hashed and held against what it signed, against what was kept, and
//! against receipts; or a receipt by itself.

use std::path::{Path, PathBuf};

use connect_shared::proof::{
    checkpoint::Checkpoint,
    cosignature::WitnessKey,
    note::{MAX_NOTE_BYTES, VerifierKey},
    receipt::Receipt,
    verify::{Progress, Report, Verification, VerifyError},
};
use serde_json::{Value, json};

use super::{Source, folder::Folder, kept, keys, receipt::describe, remote::Remote, search::moment};
use crate::{
    api::{Address, ControlApi},
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
    private,
};

/// Faults that people are shown; programs get all that were listed.
const SHOWN: usize = 10;

pub(super) async fn run(application: &Application, wish: &arguments::Verify) -> Outcome<Ending> {
    let receipts = read_receipts(&wish.receipt)?;
    match (&wish.log, receipts.is_empty()) {
        (None, false) if wish.checkpoint.is_empty() => receipts_alone(application, wish, &receipts),
        (Some(place), _) if !place.contains("://") => {
            let reader = Folder::find(Path::new(place))?;
            whole_log(application, wish, receipts, reader).await
        }
        (place, _) => {
            let reader = remote(application, place.as_deref()).await?;
            whole_log(application, wish, receipts, reader).await
        }
    }
}

fn read_receipts(files: &[PathBuf]) -> Outcome<Vec<(String, Receipt)>> {
    files
        .iter()
        .map(|file| {
            let text = existing(file)?;
            let receipt = Receipt::parse(&text).map_err(|error| {
                failure::unverified("receipt_invalid", format!("{} is no receipt: {error}", file.display()))
            })?;
            Ok((file.display().to_string(), receipt))
        })
        .collect()
}

fn existing(file: &Path) -> Outcome<String> {
    private::read(file)?
        .ok_or_else(|| failure::not_found("no_file", format!("there is no file {}", file.display())))
}

async fn remote(application: &Application, place: Option<&str>) -> Outcome<Remote> {
    let agents = application.agents()?;
    let agent = match place {
        None => agents.only()?,
        Some(url) => {
            let address: Address = url.parse()?;
            agents.iter().find(|agent| agent.url == address.to_string()).ok_or_else(|| {
                failure::not_found("no_such_agent", format!("no agent at {address} is known here"))
                    .help(format!("connect agents add {address}"))
            })?
        }
    };
    let holder = application.holder(agent)?;
    application.signed_in(&holder).await?;
    Ok(Remote::new(ControlApi::new(agent, None)?, holder))
}

async fn whole_log<R: Source>(
    application: &Application,
    wish: &arguments::Verify,
    receipts: Vec<(String, Receipt)>,
    reader: R,
) -> Outcome<Ending> {
    let bar = application.console.measure("Checking the log");
    let (application, wish) = (application.clone(), wish.clone());
    let console = application.console.clone();
    // Hashing blocks, and so do readers.
    let work = move || {
        let (signed, key, former) = signed_checkpoint(&application, &wish, &reader)?;
        let checked = receipts.len();
        let mut verification = Verification::new(key.clone()).former(former.clone());
        for (label, receipt) in receipts {
            verification = verification.receipt(label, receipt);
        }
        for file in &wish.checkpoint {
            let text = existing(file)?;
            let by_former = former.iter().find_map(|key| Checkpoint::open(&text, key).ok());
            let kept = by_former.map_or_else(|| Checkpoint::open(&text, &key), Ok).map_err(|error| {
                failure::unverified("checkpoint_invalid", format!("{}: {error}", file.display()))
            })?;
            verification = verification.kept(file.display().to_string(), kept);
        }
        for kept in former.iter().chain([&key]).map(|key| kept::load(&application.paths, key)) {
            let Some(kept) = kept? else { continue };
            verification = verification.kept("the checkpoint that was kept here", kept);
        }
        verification = verification.witnesses(witnesses(&wish)?, wish.require_witnesses());
        let mut shown = |at: Progress| bar.reached(at.done, at.total);
        let ran = match &wish.range {
            Some(range) => verification.run_range(&reader, range.0.clone(), &mut shown),
            None => verification.run(&reader, &mut shown),
        };
        let report = ran.map_err(|error| unchecked(&reader, error))?;
        // A checkpoint is kept once it was shown to contain the one before it, which a part shows, too.
        if report.is_sound() {
            kept::keep(&application.paths, &key, &signed)?;
        }
        Ok((report, checked))
    };
    let (report, receipts) =
        tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))??;
    console.document(&as_json(&report, receipts), || for_people(&report, receipts))?;
    if report.is_sound() { Ok(Ending::Done) } else { Err(unsound(&report)) }
}

fn witnesses(wish: &arguments::Verify) -> Outcome<Vec<WitnessKey>> {
    let read = |text: &String| {
        text.parse().map_err(|error| {
            failure::usage(format!("`{}` is no key of a witness: {error}", failure::printable(text)))
        })
    };
    wish.witness.iter().map(read).collect()
}

fn signed_checkpoint<R: Source>(
    application: &Application,
    wish: &arguments::Verify,
    reader: &R,
) -> Outcome<(String, VerifierKey, Vec<VerifierKey>)> {
    let read = reader.read("checkpoint", MAX_NOTE_BYTES);
    let read = read
        .map_err(|source| unchecked(reader, VerifyError::Read { path: "checkpoint".to_owned(), source }))?;
    let bytes = read.ok_or_else(|| unchecked(reader, VerifyError::NoCheckpoint))?;
    let signed = String::from_utf8(bytes).map_err(|_| unchecked(reader, VerifyError::NotText))?;
    let key = keys::key_for(application, wish.key.as_deref(), &signed)?;
    let (key, former) = keys::now(reader, key, &signed)?;
    Ok((signed, key, former))
}

fn receipts_alone(
    application: &Application,
    wish: &arguments::Verify,
    receipts: &[(String, Receipt)],
) -> Outcome<Ending> {
    let mut lines = String::new();
    let mut objects = Vec::new();
    for (label, receipt) in receipts {
        let key = keys::key_for(application, wish.key.as_deref(), &receipt.checkpoint)?;
        let checkpoint = receipt.verify(&key).map_err(|error| {
            failure::unverified("receipt_invalid", format!("{label} proves nothing: {error}"))
        })?;
        let what = receipt.entry().map_or_else(|_| "an entry".to_owned(), |leaf| describe(&leaf));
        lines.push_str(&format!(
            "{label}: ok: entry {} of {} ({} entries, signed)\n  {what}\n",
            receipt.index, checkpoint.origin, checkpoint.size
        ));
        objects.push(json!({
            "receipt": label, "index": receipt.index, "origin": checkpoint.origin, "size": checkpoint.size,
        }));
    }
    let document = json!({"schema": "connect.verification/1", "sound": true, "receipts": objects});
    application.console.document(&document, || lines)?;
    Ok(Ending::Done)
}

fn for_people(report: &Report, receipts: usize) -> String {
    let mut text = format!(
        "{}: {} entries, {} statements, {} denials\n",
        report.checkpoint.origin, report.entries, report.statements, report.denials
    );
    if let Some(witnessed) = &report.witnessed {
        let names: Vec<&str> = witnessed.by.iter().map(|(name, _)| name.as_str()).collect();
        let by = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let size = report.checkpoint.size;
        text.push_str(&format!("  {} of {size} entries are cosigned by {by}\n", witnessed.size));
    }
    if let Some(pruned) = &report.pruned {
        text.push_str(&format!(
            "  entries before {} were pruned ({}), as entry {} says: their hashes are checked, their content is gone\n",
            pruned.upto,
            failure::printable(&pruned.keep),
            pruned.index
        ));
    }
    for fault in report.faults.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", failure::printable(&fault.to_string())));
    }
    let more = report.faults_total.saturating_sub(SHOWN as u64);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    if report.open_total > 0 {
        text.push_str(&format!("  {} statements have begun and not ended\n", report.open_total));
    }
    silences(&mut text, report);
    relaxed(&mut text, report);
    if report.is_sound() {
        let with = match receipts {
            0 => "",
            1 => ", and the receipt is in it",
            _ => ", and the receipts are in it",
        };
        text.push_str(&format!("ok: the log is what was signed{with}\n"));
    }
    text
}

/// Times that somebody must explain. They are no fault of the log.
/// What an agent of that mode acknowledges may be gone when its power fails: whoever relies on the log must know.
fn relaxed(text: &mut String, report: &Report) {
    if let Some(last) = report.relaxed.last() {
        text.push_str(&format!(
            "  warning: the agent has started {} times (last in entry {}) in the mode {}: where its power fails, as much \
             of what reads only may be lost\n",
            report.relaxed.len(),
            last.index,
            failure::printable(&last.mode)
        ));
    }
}

fn silences(text: &mut String, report: &Report) {
    for silence in report.silences.iter().take(SHOWN) {
        let seconds = silence.to.saturating_sub(silence.from) / 1_000;
        text.push_str(&format!(
            "  warning: nothing was written from {} to {} (entry {}), {seconds} s, and nothing says that the agent \
             was stopped\n",
            moment(silence.from),
            moment(silence.to),
            silence.index
        ));
    }
    let more = report.silences_total.saturating_sub(SHOWN as u64);
    if more > 0 {
        text.push_str(&format!("  and {more} more such times\n"));
    }
}

fn as_json(report: &Report, receipts: usize) -> Value {
    json!({
        "schema": "connect.verification/1",
        "sound": report.is_sound(),
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "root": report.checkpoint.root,
        "entries": report.entries,
        "witnessed": report.witnessed,
        "pruned": report.pruned,
        "statements": report.statements,
        "denials": report.denials,
        "first_time": report.first_time,
        "last_time": report.last_time,
        "receipts_checked": receipts,
        "open": report.open,
        "open_total": report.open_total,
        "silences": report.silences,
        "silences_total": report.silences_total,
        "relaxed": report.relaxed,
        "faults": report.faults,
        "faults_total": report.faults_total,
    })
}

fn unsound(report: &Report) -> connect_shared::error::ErrorReport {
    let count = report.faults_total;
    let what = if count == 1 { "1 fault was found".to_owned() } else { format!("{count} faults were found") };
    failure::unverified("log_unsound", format!("the log is not what was signed: {what}"))
        .help("keep this copy as it is, and show it to whoever answers for the log")
}

fn unchecked<R: Source>(reader: &R, error: VerifyError) -> connect_shared::error::ErrorReport {
    match error {
        VerifyError::Read { path, source } => reader.problem().unwrap_or_else(|| {
            failure::local("log_unreadable", format!("the log's `{path}` cannot be read: {source}"))
        }),
        VerifyError::NoCheckpoint => failure::not_found("no_log", error.to_string()),
        other => failure::unverified("checkpoint_invalid", other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::proof::{tree::Hash, verify::Silence};

    use super::*;

    #[test]
    fn silence_is_a_warning_and_the_log_is_what_was_signed() {
        let silence = Silence { index: 17, from: 1_764_064_800_000, to: 1_764_068_400_000 };
        let report = Report {
            checkpoint: Checkpoint { origin: "connect.local/test".into(), size: 20, root: Hash([0; 32]) },
            entries: 20,
            witnessed: None,
            pruned: None,
            statements: 0,
            denials: 0,
            first_time: None,
            last_time: None,
            open: Vec::new(),
            open_total: 0,
            silences: vec![silence],
            silences_total: 1,
            relaxed: Vec::new(),
            faults: Vec::new(),
            faults_total: 0,
        };
        let told = for_people(&report, 0);
        assert!(told.contains("warning: nothing was written from 2025-11-25"), "{told}");
        assert!(told.contains("(entry 17), 3600 s"), "{told}");
        assert!(told.contains("ok: the log is what was signed"), "{told}");
        let document = as_json(&report, 0);
        assert_eq!((&document["sound"], &document["silences_total"]), (&json!(true), &json!(1)));
        let expected = json!([{"index": 17, "from": 1_764_064_800_000_u64, "to": 1_764_068_400_000_u64}]);
        assert_eq!(document["silences"], expected);
    }
}
