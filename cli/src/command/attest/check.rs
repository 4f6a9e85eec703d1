//! What an attestation must survive. Each way to cheat that is found has a name of its own.

use connect_shared::{
    attest::{
        Envelope, EnvelopeError, FileFact, PREDICATE_TYPE, PREDICATE_VERSION, RunPredicate, SLSA_TYPE,
        STATEMENT_TYPE, Statement, descriptors, folder_of,
    },
    entry::StatementResult,
    error::ErrorReport,
    proof::{note::VerifierKey, receipt::Receipt},
    text::printable_name,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    approvals, logged,
    output::{self, Below},
    reads,
};
use crate::{
    command::run::{Found, attestation::provenance},
    failure::{self, Outcome},
};

/// Most lines that are looked at.
const MAX_LINES: usize = 16;

/// The lines of a file, taken apart. Nothing in them is to be trusted yet.
pub(super) struct Lines {
    ours: (Envelope, Vec<u8>),
    slsa: (Envelope, Vec<u8>),
    subject: Vec<connect_shared::attest::Descriptor>,
    slsa_statement: Statement<Value>,
    pub(super) run: RunPredicate,
    /// The same as it was signed, with what this version does not know.
    predicate: Value,
}

impl Lines {
    /// Our own line, as this version would write it.
    fn statement(&self) -> Statement<&RunPredicate> {
        Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: self.subject.clone(),
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: &self.run,
        }
    }
}

/// What was found to be true.
pub(super) struct Checked {
    pub(super) receipt: Receipt,
    /// Up to where the log was gone through for the run.
    pub(super) upto: u64,
    /// Of the entries by which the approvals were given.
    pub(super) approvals: Vec<Receipt>,
}

/// Takes the text apart: one line of our predicate and one of SLSA's, and nothing of which nobody knows what
/// it says.
pub(super) fn lines(text: &str) -> Outcome<Lines> {
    let (mut ours, mut slsa) = (None, None);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() > MAX_LINES {
        return Err(unsound("form", "it has more lines than an attestation"));
    }
    for line in lines {
        let (envelope, payload) = Envelope::parse(line).map_err(envelope_problem)?;
        let statement: Statement<Value> = serde_json::from_slice(&payload)
            .map_err(|_| unsound("form", "a payload is no in-toto statement"))?;
        let slot = match (statement.kind.as_str(), statement.predicate_type.as_str()) {
            (STATEMENT_TYPE, PREDICATE_TYPE) => &mut ours,
            (STATEMENT_TYPE, SLSA_TYPE) => &mut slsa,
            _ => return Err(unsound("form", "a line is of a kind that is not known here")),
        };
        if slot.replace(((envelope, payload), statement)).is_some() {
            return Err(unsound("form", "two lines say the same kind of thing"));
        }
    }
    let missing = |what: &str| unsound("line_missing", &format!("the line with {what} is missing"));
    let (ours, statement) = ours.ok_or_else(|| missing("what the agent saw"))?;
    let (slsa, slsa_statement) = slsa.ok_or_else(|| missing("SLSA provenance"))?;
    let run: RunPredicate = serde_json::from_value(statement.predicate.clone())
        .map_err(|error| unsound("form", &format!("the predicate cannot be read: {error}")))?;
    Ok(Lines { ours, slsa, subject: statement.subject, slsa_statement, run, predicate: statement.predicate })
}

/// What is signed has one form. A field twice, or one that nobody knows, would be read by some and not by others.
fn one_reading(statement: &Statement<impl Serialize>, payload: &[u8]) -> Outcome<()> {
    if serde_json::to_vec(statement).is_ok_and(|written| written == payload) {
        return Ok(());
    }
    let words = "a payload has a field that is not known here, a field twice, or another form than it was made in: \
                 others could read something else in it";
    Err(unsound("form", words))
}

/// Signatures first; only then is it worth to look at what they are over.
pub(super) fn check(
    lines: &Lines,
    log: &VerifierKey,
    (found, below): (&Found, Option<&Below>),
) -> Outcome<Checked> {
    let (envelope, payload) = &lines.ours;
    envelope.verify(payload, log).map_err(|error| signature("the agent", &error))?;
    let run = &lines.run;
    let own: VerifierKey =
        run.key.parse().map_err(|_| unsound("form", "the key of the run cannot be read"))?;
    envelope.verify(payload, &own).map_err(|error| signature("the run", &error))?;
    // Of a later version it is told that it is one.
    if run.version <= PREDICATE_VERSION {
        one_reading(&lines.statement(), payload)?;
    }
    // Before its signature: a line of another run has a good one, of that run's key.
    one_run(lines)?;
    let (envelope, payload) = &lines.slsa;
    envelope.verify(payload, &own).map_err(|error| signature("the run", &error))?;
    one_reading(&lines.slsa_statement, payload)?;
    folders(run)?;
    output::check(run, found, below)?;
    logged::check(run, &lines.predicate, log)
}

/// Both lines are of one run and the same files.
fn one_run(lines: &Lines) -> Outcome<()> {
    let run = &lines.run;
    let invocation = &lines.slsa_statement.predicate["runDetails"]["metadata"]["invocationId"];
    let subjects = descriptors(&run.outputs, &run.folders);
    if invocation != run.run.as_str() || lines.slsa_statement.subject != lines.subject {
        return Err(unsound("other_run", "its lines are of two runs"));
    }
    if subjects != lines.subject {
        return Err(unsound("other_output", "its subjects are not the outputs of the run"));
    }
    // What generic tools read says the same as what the agent signed.
    let mut told = lines.slsa_statement.predicate.clone();
    let mut expected = provenance(run, lines.subject.clone()).predicate;
    for predicate in [&mut told, &mut expected] {
        // It was made by the version of its time.
        if let Some(builder) = predicate.pointer_mut("/runDetails/builder").and_then(Value::as_object_mut) {
            builder.remove("version");
        }
    }
    if told != expected {
        return Err(unsound("changed", "its SLSA provenance says something else than what the agent saw"));
    }
    Ok(())
}

/// Each folder has the list that its hash is over.
fn folders(run: &RunPredicate) -> Outcome<()> {
    let mut facts = run.inputs.iter().chain(&run.outputs).filter(|fact| fact.files.is_some());
    match facts.find(|fact| folder_of(fact, &run.folders).is_none()) {
        None => Ok(()),
        Some(fact) => Err(unsound(
            "form",
            &format!("the files of the folder {} are not listed", printable_name(&fact.name)),
        )),
    }
}

/// Times of files go by the ticks of the kernel, of a hundredth of a second at most: in milliseconds.
const TICK: u64 = 10;

/// What is true and still worth to know.
pub(super) fn findings(run: &RunPredicate, (found, below): (&Found, Option<&Below>)) -> Vec<String> {
    let mut findings: Vec<String> = output::finding(run, found, below).into_iter().collect();
    let hash = &found.fact.sha256;
    let holds = |output: &&FileFact| {
        let list = folder_of(output, &run.folders);
        output.sha256 == *hash || list.is_some_and(|list| list.files.iter().any(|file| file.sha256 == *hash))
    };
    let output = run.outputs.iter().find(holds);
    if let (Some(output), Some(last)) = (output, run.last_read)
        && output.modified.saturating_add(TICK) < last
    {
        findings.push(
            "the output was written before the run's last read: not all of the sources can be in it"
                .to_owned(),
        );
    }
    if run.sources.is_empty() {
        findings.push(
            "the run read no stored column: if there is data in the output, it came from elsewhere"
                .to_owned(),
        );
    }
    if run.counters.elsewhere > 0 {
        findings.push(format!(
            "the same principal ran {} statements outside of this run meanwhile",
            run.counters.elsewhere
        ));
    }
    findings
        .extend(reads::unused(run).map(|name| format!("the run did nothing on {}", printable_name(name))));
    findings.extend(run.lost.iter().map(|lost| {
        let (resource, code) = (printable_name(&lost.resource), printable_name(&lost.code));
        format!("the run had lost {resource} before its end ({code}): what it did after that was without it")
    }));
    let open = run.statements.iter().filter(|statement| statement.result == StatementResult::Unknown).count();
    if open > 0 {
        findings
            .push(format!("{open} statements had not ended when the run did: their rows are not counted"));
    }
    findings.extend(approvals::findings(run));
    let unsure = run.counters.partial + run.counters.opaque;
    if unsure > 0 {
        findings.push(format!("{unsure} statements were not understood in full: sources may be missing"));
    }
    findings
}

/// What nobody vouches for: what the agent says of that, and what this attestation has no proof of.
pub(super) fn not_covered(run: &RunPredicate) -> Vec<String> {
    let mut lines = run.not_covered.clone();
    if run.version < PREDICATE_VERSION {
        lines.push(
            "labels of masks, times, denials, policies and approvals: this attestation is of the first version, and has \
             no more than the agent's signature for them"
                .to_owned(),
        );
    }
    lines
}

fn envelope_problem(error: EnvelopeError) -> ErrorReport {
    match error {
        EnvelopeError::PayloadType => unsound("payload_type", &error.to_string()),
        _ => unsound("form", &error.to_string()),
    }
}

fn signature(whose: &str, error: &EnvelopeError) -> ErrorReport {
    match error {
        EnvelopeError::NotSigned(_) => unsound("not_signed", &format!("{whose} has not signed it: {error}")),
        _ => unsound("changed", &format!("the signature of {whose} does not hold: {error}")),
    }
}

pub(super) fn no_inclusion(why: &str) -> ErrorReport {
    unsound("not_in_log", &format!("it does not prove that the run stands in the agent's log: {why}"))
}

pub(super) fn unsound(code: &str, why: &str) -> ErrorReport {
    failure::unverified(&format!("attestation_{code}"), format!("the attestation does not hold: {why}"))
}
