//! Whether what an attestation says of each statement is what the log has of it, where the whole log is at hand: its
//! INTENT, its OUTCOME, and the lineage that the INTENT refers to. And whether the log has statements of the run that
//! the attestation has not.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use connect_shared::{
    attest::{RunPredicate, StatementRecord},
    entry::{Entry, Intent, Leaf, OutcomeEntry, PrincipalRef},
    ids::StatementId,
    label::Label,
    lineage::{LineageReport, UnderstandingStatus},
};

use super::check::unsound;
use crate::{
    audit::{self, Sound},
    failure::Outcome,
};

/// What the log has of one statement, as far as it was seen.
struct Logged {
    record: StatementRecord,
    policy: String,
    lineage: Option<String>,
}

/// Of a lineage: columns by their use, masks with their labels, and how well it was understood.
struct Lineage {
    direct: Vec<String>,
    indirect: Vec<String>,
    masks: Vec<(String, Label)>,
    status: UnderstandingStatus,
}

struct Seen<'a> {
    run: &'a RunPredicate,
    principal: PrincipalRef,
    statements: HashMap<StatementId, Logged>,
    lineages: HashMap<String, Lineage>,
}

/// How many statements could not be compared, because the log has pruned what it had of them.
pub(super) fn check(run: &RunPredicate, log: &Path, sound: Sound, upto: u64) -> Outcome<u64> {
    let by = &run.principal;
    let principal = PrincipalRef { sub: by.sub.clone(), idp: by.idp.clone(), actor: by.actor.clone() };
    let mut seen = Seen { run, principal, statements: HashMap::new(), lineages: HashMap::new() };
    // A lineage stands in the log once, before all that refer to it, and only theirs are worth the memory.
    for kinds in [&["intent", "outcome"][..], &["statement_lineage"]] {
        audit::each_entry(log, (sound, upto), kinds, &mut |index, leaf| seen.visit(index, leaf))?;
    }
    seen.compare(sound.pruned)
}

impl Seen<'_> {
    fn visit(&mut self, index: u64, leaf: Leaf) {
        match leaf.entry {
            Entry::Intent(intent) if self.is_own(&intent) => {
                self.statements.insert(intent.statement, logged(self.run, index, leaf.time, *intent));
            }
            Entry::Outcome(outcome) => self.outcome(leaf.time, &outcome),
            Entry::StatementLineage { lineage, report, masks, .. } if self.is_wanted(&lineage) => {
                self.lineages.insert(lineage, Lineage::of(&report, masks.into_iter().collect()));
            }
            _ => {}
        }
    }

    fn is_wanted(&self, lineage: &str) -> bool {
        !self.lineages.contains_key(lineage)
            && self.statements.values().any(|logged| logged.lineage.as_deref() == Some(lineage))
    }

    /// What was done under another name or elsewhere is told by a number.
    fn is_own(&self, intent: &Intent) -> bool {
        intent.run.is_some_and(|run| run.to_string() == self.run.run)
            && intent.principal.is_or_acts_for(&self.principal)
            && self.run.all_resources().any(|resource| resource == intent.resource)
    }

    fn outcome(&mut self, time: u64, outcome: &OutcomeEntry) {
        if let Some(logged) = self.statements.get_mut(&outcome.statement) {
            logged.record.result.clone_from(&outcome.result);
            logged.record.rows = outcome.rows;
            logged.record.ended = Some(time);
        }
    }

    fn compare(mut self, pruned: u64) -> Outcome<u64> {
        let mut gone = 0;
        for said in &self.run.statements {
            let Some(mut logged) = self.statements.remove(&said.statement) else {
                if said.index < pruned {
                    gone += 1;
                    continue;
                }
                return Err(other(said, "the log has no such statement of this run"));
            };
            let whole = self.fill(&mut logged, pruned > 0);
            if !whole {
                gone += 1;
            }
            if let Some(what) = difference(self.run, said, &logged, whole) {
                return Err(other(said, &format!("the log has it with {what}")));
            }
        }
        match self.statements.into_values().next() {
            None => Ok(gone),
            Some(more) => Err(other(&more.record, "the log has it in this run, and the attestation has not")),
        }
    }

    /// Whether its lineage is known. One that stands nowhere is no lineage, unless it may have been pruned.
    fn fill(&self, logged: &mut Logged, pruned: bool) -> bool {
        let record = &mut logged.record;
        let Some(name) = &logged.lineage else { return true };
        match self.lineages.get(name) {
            Some(known) => {
                (record.direct, record.indirect) = (known.direct.clone(), known.indirect.clone());
                (record.masked, record.labels) = known.masks.iter().cloned().unzip();
                record.status = known.status;
                true
            }
            None => {
                record.status = UnderstandingStatus::Opaque;
                !pruned
            }
        }
    }
}

fn logged(run: &RunPredicate, index: u64, time: u64, intent: Intent) -> Logged {
    let record = StatementRecord {
        resource: (!run.resources.is_empty()).then_some(intent.resource),
        verb: intent.verb,
        commitment: intent.commitment,
        writes: intent.writes,
        time: Some(time),
        ..StatementRecord::new(intent.statement, index, intent.text)
    };
    Logged { record, policy: intent.decision.policy_digest, lineage: intent.lineage }
}

impl Lineage {
    fn of(report: &LineageReport, masks: Vec<(String, Label)>) -> Self {
        let columns = report.outputs.iter().flat_map(|output| &output.columns);
        let direct: BTreeSet<&String> = columns.flat_map(|column| &column.direct).collect();
        Self {
            direct: direct.into_iter().cloned().collect(),
            indirect: report.indirect.clone(),
            masks,
            status: report.status,
        }
    }
}

/// The first thing that is another one. The first version says no times, labels and policies, and not up to where the
/// log was gone through for it.
fn difference(
    run: &RunPredicate,
    said: &StatementRecord,
    logged: &Logged,
    whole: bool,
) -> Option<&'static str> {
    let log = &logged.record;
    let first = run.version < 2;
    let policy = said.policy.and_then(|place| run.policies.get(usize::try_from(place).ok()?));
    let lineage = (&said.direct, &said.indirect, said.status) == (&log.direct, &log.indirect, log.status);
    let same = [
        ("another place in it", said.index == log.index),
        ("another resource", said.resource == log.resource),
        ("another verb", said.verb == log.verb),
        ("another text", said.text == log.text && said.commitment == log.commitment),
        ("other tables that it writes", said.writes == log.writes),
        ("another end", first || (&said.result, said.rows) == (&log.result, log.rows)),
        ("other columns", lineage || !whole),
        ("other masks", said.masked == log.masked && (first || said.labels == log.labels) || !whole),
        ("another time", first || (said.time, said.ended) == (log.time, log.ended)),
        ("another policy", first || policy == Some(&logged.policy)),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

fn other(record: &StatementRecord, why: &str) -> connect_shared::error::ErrorReport {
    unsound("log_statement", &format!("of statement {}: {why}", record.statement))
}
