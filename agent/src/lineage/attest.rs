//! What the agent signs about a run, once it has ended: everything that it saw. The files are the word of
//! whoever ran it, and are marked so.

use std::sync::LazyLock;

use connect_shared::{
    attest::{
        Envelope, FileFact, Folder, MAX_ENVELOPE, PREDICATE_TYPE, PREDICATE_VERSION, Principal, RunPredicate,
        STATEMENT_TYPE, Statement, descriptors, statements_digest, summary,
    },
    entry::{Entry, PrincipalRef},
    ids::RunId,
};
use tokio::sync::Semaphore;

use super::{
    leaves::{Unreadable, Visitor, each},
    lost::closed,
    run::{Begun, Finished, Glance, Run},
};
use crate::{
    lanes::Lanes,
    log::{Log, LogClosed, PublicFolder, ReceiptUnavailable, fits_leaf},
};

/// Bytes of an attestation beside statements and sources, at most.
const MAX_REST: usize = 2 << 20;
/// Proofs of approvals in one attestation, and bytes of all of them: a part of [`MAX_REST`].
const MAX_RECEIPTS: (usize, usize) = (256, MAX_REST / 2);

/// How a run ended, by the word of whoever ran it.
pub(crate) struct Ending {
    pub(crate) inputs: Vec<FileFact>,
    pub(crate) outputs: Vec<FileFact>,
    pub(crate) status: u8,
    /// Why the agent ended it, if nobody else did.
    pub(crate) reason: Option<String>,
}

impl Ending {
    /// Whether it is the same one.
    fn is_of(&self, predicate: &RunPredicate, (status, reason): (u8, &Option<String>)) -> bool {
        (&self.inputs, &self.outputs) == (&predicate.inputs, &predicate.outputs)
            && (self.status, &self.reason) == (status, reason)
    }
}

/// Why there is no attestation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no such run of yours in the log")]
    NoSuchRun,
    #[error("the run was ended before, at entry {0}")]
    Ended(u64),
    #[error(
        "the agent ended the run at entry {0}: its last session had ended, and nobody said in time how it went on"
    )]
    Abandoned(u64),
    #[error("the run has {0} statements, more than one attestation can hold")]
    TooLarge(u64),
    #[error("the names of its files are longer together than the entry about the end of a run can be")]
    TooManyNames,
    #[error(transparent)]
    Closed(#[from] LogClosed),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Receipt(#[from] ReceiptUnavailable),
    #[error("the attestation could not be made")]
    Internal,
}

/// What stands on no paper, whatever the statements say.
const NOT_COVERED: [&str; 5] = [
    "connections that the command made around connect",
    "files and networks that the command read beside the inputs that were named",
    "which of the rows that came back the command used for its outputs",
    "statements that the same principal ran outside of this run: see counters.elsewhere",
    "that the hashes of inputs and outputs are right: connect says so, with the run's key; the agent saw no file",
];

/// Runs that are held whole in memory at once, however many are being ended.
static WHOLE: Semaphore = Semaphore::const_new(2);

/// Each run is ended by one caller at a time.
static ENDING: LazyLock<Lanes<RunId>> = LazyLock::new(|| Lanes::new(1));

/// Ends a run of this principal and signs what was seen of it. One that failed has no attestation.
pub(crate) async fn attest(
    log: &Log,
    id: RunId,
    owner: PrincipalRef,
    ending: Ending,
    folders: Vec<Folder>,
    left: &[String],
) -> Result<Option<Envelope>, Refused> {
    // Whoever asks about runs that are not keeps nothing in memory.
    let (glance, seen) = look(log, 0, Glance::new(id, owner.clone())).await?;
    if !glance.exists {
        return Err(Refused::NoSuchRun);
    }
    // A run is ended once: whoever comes second sees the first one's entry.
    let alone = ENDING.enter(id).await.ok_or(Refused::Internal)?;
    let whole = WHOLE.acquire().await.map_err(|_| Refused::Internal)?;
    let (glance, _) = look(log, seen, glance).await?;
    let (mut run, upto) = look(log, 0, Run::new(id, owner, glance)).await?;
    let begun = run.begun.take().ok_or(Refused::NoSuchRun)?;
    let (ended, before) = (run.last_time, run.ended.take());
    let mut finished = run.finish(begun.resources.first().map_or("", String::as_str));
    closed(&mut finished.lost, left, &begun.resources);
    // What failed is not attested, and ends however much of it there is.
    let (status, reason) = (ending.status, ending.reason.clone());
    let failed = status != 0;
    if !failed {
        fits(&finished, &folders)?;
    }
    let lists: Vec<Entry> = folders.iter().map(|folder| listed(&begun, folder)).collect();
    let digest = statements_digest(&finished.statements);
    let mut predicate = predicate(log.origin(), &begun, (ending, folders), finished, ended);
    let told = match &before {
        Some(before) if before.summary.is_none() => None,
        _ if failed => None,
        _ => Some(summary(&serde_json::to_value(&predicate).map_err(|_| Refused::Internal)?)),
    };
    predicate.index = match before {
        None => {
            let end = entry(&begun, &predicate, (status, reason), (digest, upto, told));
            if !failed && !fits_leaf(&end) {
                return Err(Refused::TooManyNames);
            }
            // If we stop here, the run is still open: a list that stands there twice says nothing else.
            lists.into_iter().try_for_each(|list| log.append(list).map(drop))?;
            log.append(end)?.0
        }
        // The answer to the same question was lost on its way: it is given again.
        Some(before)
            if before.ending.is_of(&predicate, (status, &reason))
                && before.digest == digest
                && before.summary == told =>
        {
            before.index
        }
        Some(before) if before.ending.reason.is_some() => return Err(Refused::Abandoned(before.index)),
        Some(before) => return Err(Refused::Ended(before.index)),
    };
    drop((alone, whole));
    if failed {
        return Ok(None);
    }
    predicate.receipt = log.receipt(predicate.index).await?;
    predicate.receipts = receipts(log, &predicate).await?;
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: descriptors(&predicate.outputs, &predicate.folders),
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate,
    };
    let payload = serde_json::to_vec(&statement).map_err(|_| Refused::Internal)?;
    Ok(Some(log.sign_attestation(&payload)))
}

/// Proofs that approvals stand in the log, as many as have a place. What was pruned has none.
async fn receipts(log: &Log, predicate: &RunPredicate) -> Result<Vec<String>, Refused> {
    let by = predicate.approvals.iter().flat_map(|approval| &approval.by);
    let (most, mut left) = MAX_RECEIPTS;
    let mut receipts = Vec::new();
    for approver in by.take(most) {
        match log.receipt(approver.index).await {
            Ok(receipt) if receipt.len() > left => break,
            Ok(receipt) => {
                left -= receipt.len();
                receipts.push(receipt);
            }
            Err(ReceiptUnavailable::Pruned) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(receipts)
}

/// Goes through all that is in the log by now from the entry `from` on, and says how much that is.
async fn look<V: Visitor + Send + 'static>(
    log: &Log,
    from: u64,
    mut visitor: V,
) -> Result<(V, u64), Refused> {
    let size = log.publish_now().await?.size;
    let public = PublicFolder::new(log.public_dir());
    let seen = tokio::task::spawn_blocking(move || each(&public, from..size, &mut visitor).map(|()| visitor));
    Ok((seen.await.map_err(|_| Refused::Internal)??, size))
}

/// Before anything is recorded: a run whose attestation nobody can read must not be over.
fn fits(finished: &Finished, folders: &[Folder]) -> Result<(), Refused> {
    // A file in a folder stands there twice: in its list, and as a subject.
    let json =
        serde_json::to_vec(&(&finished.statements, &finished.sources, &finished.approvals, folders, folders));
    let length = json.map_err(|_| Refused::Internal)?.len();
    // The rest has files and a receipt; base 64 makes four bytes of three.
    if length.saturating_add(MAX_REST) / 3 * 4 > MAX_ENVELOPE - MAX_REST {
        return Err(Refused::TooLarge(finished.counters.statements));
    }
    Ok(())
}

/// What the log knows a file in a folder by.
fn listed(begun: &Begun, folder: &Folder) -> Entry {
    Entry::FolderListed {
        run: begun.identity.id,
        principal: begun.principal.clone(),
        folder: folder.hash(),
        files: folder.files.clone(),
    }
}

fn entry(
    begun: &Begun,
    predicate: &RunPredicate,
    (status, reason): (u8, Option<String>),
    (digest, upto, summary): (String, u64, Option<String>),
) -> Entry {
    Entry::RunEnded {
        run: begun.identity.id,
        principal: begun.principal.clone(),
        resource: predicate.resource.clone(),
        resources: predicate.resources.clone(),
        job: predicate.job.clone(),
        status,
        reason,
        inputs: predicate.inputs.clone(),
        outputs: predicate.outputs.clone(),
        statements: predicate.counters.statements,
        digest,
        upto: Some(upto),
        summary,
    }
}

/// All of them, if there are several.
fn several(resources: &[String]) -> Vec<String> {
    if resources.len() > 1 { resources.to_vec() } else { Vec::new() }
}

/// Everything but where it stands in the log.
fn predicate(
    origin: &str,
    begun: &Begun,
    (ending, folders): (Ending, Vec<Folder>),
    finished: Finished,
    ended: u64,
) -> RunPredicate {
    let Begun { identity, principal, name, resources, time } = begun;
    RunPredicate {
        version: PREDICATE_VERSION,
        run: identity.id.to_string(),
        job: identity.job.clone(),
        parent: identity.parent.clone(),
        agent: origin.to_owned(),
        resource: resources.first().cloned().unwrap_or_default(),
        resources: several(resources),
        principal: Principal {
            name: name.clone(),
            sub: principal.sub.clone(),
            idp: principal.idp.clone(),
            actor: principal.actor.clone(),
        },
        key: identity.key.clone(),
        started: *time,
        ended,
        last_read: finished.last_read,
        sources: finished.sources,
        statements: finished.statements,
        approvals: finished.approvals,
        policies: finished.policies,
        counters: finished.counters,
        lost: finished.lost,
        inputs: ending.inputs,
        outputs: ending.outputs,
        folders,
        not_covered: NOT_COVERED.map(str::to_owned).to_vec(),
        index: 0,
        receipt: String::new(),
        receipts: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::attest::{Counters, Source};

    use super::*;

    #[test]
    fn a_run_that_no_attestation_can_hold_is_refused_before_anything_is_recorded() {
        let finished = |length: usize| Finished {
            statements: Vec::new(),
            counters: Counters { statements: 3, ..Counters::default() },
            approvals: Vec::new(),
            sources: vec![Source {
                approvals: Vec::new(),
                resource: None,
                table: "x".repeat(length),
                columns: Vec::new(),
                statements: 1,
                rows: 1,
            }],
            policies: Vec::new(),
            last_read: None,
            lost: Vec::new(),
        };
        assert!(fits(&finished(40 << 20), &[]).is_ok());
        assert!(matches!(fits(&finished(50 << 20), &[]), Err(Refused::TooLarge(3))));
    }
}
