//! What the log says of the end of a run, and whether an attestation says the same.

use connect_shared::{
    attest::{PREDICATE_VERSION, RunPredicate, statements_digest, summary},
    entry::Entry,
    proof::{note::VerifierKey, receipt::Receipt},
};
use serde_json::Value;

use super::{
    approvals,
    check::{Checked, no_inclusion, unsound},
    figures, reads,
};
use crate::failure::Outcome;

/// The log has an entry about the end of this very run, with these files, these statements and these figures.
pub(super) fn check(run: &RunPredicate, signed: &Value, log: &VerifierKey) -> Outcome<Checked> {
    let receipt = Receipt::parse(&run.receipt).map_err(|error| no_inclusion(&error.to_string()))?;
    let checkpoint = receipt.verify(log).map_err(|error| no_inclusion(&error.to_string()))?;
    if receipt.index != run.index {
        return Err(no_inclusion("the receipt is of another entry"));
    }
    let leaf = receipt.entry().map_err(|error| no_inclusion(&error.to_string()))?;
    let Entry::RunEnded {
        run: id,
        principal,
        resource,
        resources,
        job,
        inputs,
        outputs,
        statements,
        digest,
        upto,
        summary: logged,
        ..
    } = leaf.entry
    else {
        return Err(no_inclusion("the receipt is of an entry of another kind"));
    };
    if id.to_string() != run.run || outputs != run.outputs {
        return Err(unsound("other_run", "the receipt is of another run or other files"));
    }
    if inputs != run.inputs {
        return Err(unsound("other_input", "the log has this run with other inputs"));
    }
    if job != run.job {
        return Err(unsound("other_job", "the log has this run as one of another job"));
    }
    if run.agent != log.name() || checkpoint.origin != run.agent {
        return Err(unsound(
            "other_agent",
            "it says that it is of another agent than the one that signed it",
        ));
    }
    let by = &run.principal;
    if (&principal.sub, &principal.idp, &principal.actor) != (&by.sub, &by.idp, &by.actor) {
        return Err(unsound("other_principal", "the log has this run as somebody else's"));
    }
    reads::resources(run, std::iter::once(&resource).chain(&resources))?;
    if run.resource != resource || run.resources != resources {
        return Err(unsound("resource_order", "the first of its resources is another one in the log"));
    }
    version(run, logged.is_some())?;
    if statements != run.statements.len() as u64
        || statements != run.counters.statements
        || digest != statements_digest(&run.statements)
    {
        return Err(unsound(
            "statement_dropped",
            &format!(
                "the log has {statements} statements of this run, and the attestation does not list the same ones"
            ),
        ));
    }
    reads::sources(run)?;
    figures::check(run)?;
    let approvals = approvals::check(run, log, &checkpoint)?;
    // At last, since all that was looked at so far has a better name.
    if logged.is_some_and(|logged| logged != summary(signed)) {
        let words = "something in it is not what the agent said when the run ended: a count of denials or of what was \
                     done elsewhere, a name, a time, or what is not covered";
        return Err(unsound("summary", words));
    }
    Ok(Checked { upto: upto.unwrap_or(receipt.index), receipt, approvals })
}

/// The log knows by which rules an attestation was made: it cannot pass for an older one, of which less is known.
fn version(run: &RunPredicate, has_summary: bool) -> Outcome<()> {
    let words = match (run.version, has_summary) {
        (1, false) | (PREDICATE_VERSION, true) => return Ok(()),
        (version, _) if version > PREDICATE_VERSION => {
            "it is of a later version: a newer connect can check it"
        }
        _ => "it says that it is of another version than the one by which the log has the run",
    };
    Err(unsound("version", words))
}
