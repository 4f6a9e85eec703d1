//! Approvals: each that a statement names is there, with the log's own entries by those who gave it.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    attest::{Approval, Approver, PREDICATE_VERSION, RunPredicate},
    entry::{Entry, RequestEntry},
    ids::RequestId,
    proof::{checkpoint::Checkpoint, note::VerifierKey, receipt::Receipt, tree::Hash},
    request::{RequestKind, RequestStep},
    text::printable_name,
};

use super::check::unsound;
use crate::failure::Outcome;

/// `end`: the checkpoint that the end of the run is proved by.
pub(super) fn check(run: &RunPredicate, log: &VerifierKey, end: &Checkpoint) -> Outcome<Vec<Receipt>> {
    if run.version < PREDICATE_VERSION {
        let has = !run.approvals.is_empty() || !run.receipts.is_empty();
        let has = has || run.statements.iter().any(|record| !record.approvals.is_empty());
        return if has { Err(unsound("form", "the first version has no approvals")) } else { Ok(Vec::new()) };
    }
    named(run)?;
    let (mut proved, mut trees) = (BTreeMap::new(), BTreeMap::from([(end.size, end.root)]));
    for text in &run.receipts {
        let receipt = proof(run, log, &mut trees, text)?;
        if proved.insert(receipt.index, receipt).is_some() {
            return Err(unsound("form", "an approval is proved twice"));
        }
    }
    Ok(proved.into_values().collect())
}

/// Those that statements name, and no others; and each was given before.
fn named(run: &RunPredicate) -> Outcome<()> {
    let mut first: BTreeMap<RequestId, u64> = BTreeMap::new();
    for record in &run.statements {
        for request in &record.approvals {
            first.entry(*request).or_insert(record.index);
        }
    }
    let mut entries = BTreeSet::new();
    for approval in &run.approvals {
        let request = approval.request;
        let Some(used) = first.remove(&request) else {
            return Err(unsound("approval_added", &format!("no statement ran by the approval of {request}")));
        };
        if !run.all_resources().any(|resource| resource == approval.resource) {
            return Err(other(request, "it is about another resource"));
        }
        if let Some(twice) = approval.by.iter().find(|by| !entries.insert(by.index)) {
            let words =
                format!("entry {} is said to be two approvals, of which {request} is one", twice.index);
            return Err(unsound("approval_twice", &words));
        }
        if approval.by.iter().any(|by| by.index >= used) {
            let words = format!("{request} was approved after what it is said to have allowed");
            return Err(unsound("approval_late", &words));
        }
        if approval.by.iter().any(|by| (&by.sub, &by.idp) == (&run.principal.sub, &run.principal.idp)) {
            let words = format!("{request} is said to be approved by whoever asked, which counts nowhere");
            return Err(unsound("approval_own", &words));
        }
    }
    match first.into_keys().next() {
        None => Ok(()),
        Some(request) => {
            let words = format!("a statement ran by the approval of {request}, which it does not tell of");
            Err(unsound("approval_left_out", &words))
        }
    }
}

/// A proof is of an entry that says what an approval here says.
fn proof(
    run: &RunPredicate,
    log: &VerifierKey,
    trees: &mut BTreeMap<u64, Hash>,
    text: &str,
) -> Outcome<Receipt> {
    let unproved =
        |why: &str| unsound("approval_unproved", &format!("the proof of an approval proves nothing: {why}"));
    let receipt = Receipt::parse(text).map_err(|error| unproved(&error.to_string()))?;
    let checkpoint = receipt.verify(log).map_err(|error| unproved(&error.to_string()))?;
    if *trees.entry(checkpoint.size).or_insert(checkpoint.root) != checkpoint.root {
        return Err(unsound("log", "the log has signed two trees of one size"));
    }
    let leaf = receipt.entry().map_err(|error| unproved(&error.to_string()))?;
    let Entry::Request(entry) = leaf.entry else { return Err(unproved("it is of an entry of another kind")) };
    let said = run.approvals.iter().find(|approval| approval.request == entry.request);
    let Some(said) = said else { return Err(unproved("no statement ran by it")) };
    if entry.step != RequestStep::Approved {
        return Err(other(entry.request, "the log has another step of it there"));
    }
    if (&entry.principal.sub, &entry.principal.idp) != (&run.principal.sub, &run.principal.idp) {
        return Err(other(entry.request, "the log has it as somebody else's"));
    }
    if !says(said, &entry, receipt.index, leaf.time) {
        return Err(other(
            entry.request,
            "the log has it from somebody else, at another time or for something else",
        ));
    }
    Ok(receipt)
}

fn says(said: &Approval, entry: &RequestEntry, index: u64, time: u64) -> bool {
    let Some(by) = &entry.by else { return false };
    let logged = Approver {
        name: entry.name.clone(),
        sub: by.sub.clone(),
        idp: by.idp.clone(),
        reason: entry.reason.clone(),
        time,
        index,
    };
    (said.of, &said.resource) == (entry.of, &entry.resource) && said.by.contains(&logged)
}

fn other(request: RequestId, why: &str) -> connect_shared::error::ErrorReport {
    unsound("approval_other", &format!("the approval of {request} is not what is told of it: {why}"))
}

/// Approvals of which no entry is proved here: the log's word on the end of the run covers them, too.
pub(super) fn findings(run: &RunPredicate) -> impl Iterator<Item = String> {
    let proved: BTreeSet<u64> = run
        .receipts
        .iter()
        .filter_map(|text| Receipt::parse(text).ok().map(|receipt| receipt.index))
        .collect();
    run.approvals.iter().flat_map(move |approval| {
        let request = approval.request;
        if approval.by.is_empty() && approval.of == RequestKind::BreakGlass {
            return vec![format!("nobody had approved {request}: somebody broke the glass")];
        }
        if approval.by.is_empty() {
            return vec![format!("the log no longer had who approved {request} when the run ended")];
        }
        let unproved = approval.by.iter().filter(|by| !proved.contains(&by.index));
        let words = |by: &Approver| {
            let (name, index) = (printable_name(&by.name), by.index);
            format!("that {name} approved {request} stands in entry {index}, of which there is no proof here: see the log")
        };
        unproved.map(words).collect()
    })
}
