//! One statement that has ended, and the end of a run, as events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    client, ended_as, facet,
    flows::{Flowing, Flows},
    run::parent_facet,
    run_event, run_id,
};
use crate::{
    attest::{FileFact, digest_of},
    decision::OutcomeKind,
    entry::{Intent, OutcomeEntry, PrincipalRef, StatementResult},
    label::Label,
    lineage::{LineageReport, UnderstandingStatus},
};

const INPUT_STATISTICS: &str = "https://openlineage.io/spec/facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet";
const SQL: &str = "https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet";
/// The lowest version that has what is said, for receivers that know no later one.
pub(super) const PARENT: &str =
    "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json#/$defs/ParentRunFacet";

/// SQLSTATE `query_canceled`.
const CANCELLED: &str = "57014";

/// The schema of a facet of our own.
pub(super) fn own(name: &str) -> String {
    format!("tag:connect.invalid,2026:openlineage/1-0-0/{name}")
}

/// The facet about how well what an event says is known, with the reasons why it is not more.
pub fn understood<'a>(status: UnderstandingStatus, reasons: impl IntoIterator<Item = &'a str>) -> Value {
    let reasons: Vec<&str> = reasons.into_iter().collect();
    facet(&own("lineage"), json!({ "status": status.as_str(), "reasons": reasons }))
}

/// What the log says of a statement.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub origin: &'a str,
    /// Index and time of its OUTCOME.
    pub index: u64,
    pub time: u64,
    pub outcome: &'a OutcomeEntry,
    /// Index of its INTENT.
    pub begun: u64,
    pub intent: &'a Intent,
    /// The principal's name.
    pub name: Option<&'a str>,
    /// The normalised text.
    pub sql: Option<&'a str>,
    /// Job of its run.
    pub job: Option<&'a str>,
    /// What it is computed from; `None` where nothing stored is read or written, or nothing is known.
    pub lineage: Option<(&'a LineageReport, &'a BTreeMap<String, Label>)>,
    /// Ids of the approvals without which it would not have run.
    pub approvals: &'a [String],
}

/// The event of a statement.
#[must_use]
pub fn statement(told: &Told<'_>) -> Value {
    let Told { origin, intent, outcome, .. } = told;
    let kind = match &outcome.result {
        StatementResult::Done => "COMPLETE",
        // Whoever ran it, or the server for them, has called it off.
        StatementResult::Failed(sqlstate) if sqlstate == CANCELLED => "ABORT",
        StatementResult::Failed(_) => "FAIL",
        StatementResult::Cut(_) => "ABORT",
        StatementResult::Unknown => "OTHER",
    };
    let id = run_id(&[origin, &intent.statement.to_string()]);
    let run = json!({ "runId": id, "facets": run_facets(told) });
    let mut job_facets = json!({});
    if let (Some(sql), Some(facets)) = (told.sql, job_facets.as_object_mut()) {
        facets.insert("sql".into(), facet(SQL, json!({ "query": sql, "dialect": "postgresql" })));
    }
    let name = match &intent.text {
        crate::entry::TextRef::Fingerprint(fingerprint) => {
            format!("{}/{}/{fingerprint}", intent.resource, intent.verb)
        }
        crate::entry::TextRef::Length(_) => format!("{}/{}", intent.resource, intent.verb),
    };
    let job = json!({ "namespace": client(origin), "name": name, "facets": job_facets });
    let (inputs, outputs) =
        told.lineage.map_or_else(Default::default, |(report, masks)| flows(told, report, masks));
    run_event(told.time, kind, run, &job, &inputs, &outputs)
}

fn run_facets(told: &Told<'_>) -> Value {
    let Told { origin, intent, outcome, .. } = told;
    let decision = &intent.decision;
    let outcome_word = match decision.outcome.kind() {
        OutcomeKind::Permit => "permit",
        OutcomeKind::Hold => "hold",
        OutcomeKind::Deny => "deny",
    };
    let status = match (&intent.lineage, told.lineage) {
        // It refers to what the log does not say.
        (Some(_), None) => (UnderstandingStatus::Opaque, Vec::new()),
        (_, Some((report, _))) => (report.status, report.reasons.clone()),
        (None, None) => (UnderstandingStatus::Complete, Vec::new()),
    };
    let masks: BTreeMap<&String, &Label> = told.lineage.into_iter().flat_map(|(_, masks)| masks).collect();
    let mut facets = json!({
        "connect_identity": identity(&intent.principal, told.name),
        "connect_decision": facet(&own("decision"), json!({
            "outcome": outcome_word,
            "policyDigest": decision.policy_digest,
            "masks": masks,
            "approvals": told.approvals,
        })),
        "connect_audit": facet(&own("audit"), json!({
            "origin": origin,
            "statement": intent.statement.to_string(),
            "intent": told.begun,
            "outcome": told.index,
            "commitment": intent.commitment,
            "rows": outcome.rows,
            "bytes": outcome.bytes,
        })),
        "connect_lineage": understood(status.0, status.1.iter().map(String::as_str)),
    });
    if let (Some(run), Some(fields)) = (&intent.run, facets.as_object_mut()) {
        let job = json!({ "namespace": client(origin), "name": told.job.unwrap_or("unknown") });
        let run = json!({ "runId": run.to_string() });
        fields.insert("parent".into(), facet(PARENT, json!({ "run": run, "job": job })));
    }
    facets
}

pub(super) fn identity(principal: &PrincipalRef, name: Option<&str>) -> Value {
    let fields =
        json!({ "sub": principal.sub, "idp": principal.idp, "name": name, "actor": principal.actor });
    facet(&own("identity"), fields)
}

fn flows(
    told: &Told<'_>,
    report: &LineageReport,
    masks: &BTreeMap<String, Label>,
) -> (Vec<Value>, Vec<Value>) {
    let mut flows = Flows::default();
    flows.add(&Flowing {
        origin: told.origin,
        resource: &told.intent.resource,
        receiver: &receiver(told.intent),
        report,
        masks,
        rows: told.outcome.rows,
        bytes: Some(told.outcome.bytes),
        failed: matches!(told.outcome.result, StatementResult::Failed(_) | StatementResult::Cut(_)),
    });
    (flows.inputs(), flows.outputs())
}

/// Who gets the rows.
fn receiver(intent: &Intent) -> String {
    match (&intent.run, &intent.principal.actor) {
        (Some(run), _) => format!("run/{run}"),
        (None, Some(actor)) => format!("principal/{}/{actor}", intent.principal.sub),
        (None, None) => format!("principal/{}", intent.principal.sub),
    }
}

/// The event of a run's end: from files and the run's own reads to files. `parent` is what the run is a part of, as
/// the environment named it.
#[must_use]
pub fn ended(
    (origin, index, time): (&str, u64, u64),
    (run, job, parent): (&str, &str, Option<&str>),
    how: (u8, Option<&str>),
    principal: &PrincipalRef,
    (inputs, outputs): (&[FileFact], &[FileFact]),
) -> Value {
    let mut facets = json!({
        "connect_identity": identity(principal, None),
        "connect_audit": facet(&own("audit"), json!({ "origin": origin, "outcome": index })),
    });
    if let (Some(parent), Some(fields)) = (parent.and_then(parent_facet), facets.as_object_mut()) {
        fields.insert("parent".to_owned(), parent);
    }
    let received = json!({ "namespace": client(origin), "name": format!("run/{run}") });
    let inputs: Vec<Value> = inputs.iter().map(input_file).chain([received]).collect();
    let outputs: Vec<Value> = outputs.iter().map(file).collect();
    let job = json!({ "namespace": client(origin), "name": job });
    run_event(time, ended_as(how), json!({ "runId": run, "facets": facets }), &job, &inputs, &outputs)
}

/// A file as a dataset: by its hash, since another content is another dataset.
pub(super) fn file(file: &FileFact) -> Value {
    let name = file_name(&file.name, &file.sha256, file.files.is_some());
    json!({ "namespace": "file", "name": name })
}

/// What a file is called as a dataset, or a folder, whose hash is in-toto's `dirHash`.
#[must_use]
pub fn file_name(name: &str, hash: &str, is_folder: bool) -> String {
    format!("{name}@{}:{hash}", digest_of(is_folder))
}

/// A file that a run read. How much of a table a statement read nobody counts; how long a file is stands in the log.
pub(super) fn input_file(fact: &FileFact) -> Value {
    let statistics = json!({ "size": fact.length, "fileCount": fact.files.unwrap_or(1) });
    let mut dataset = file(fact);
    if let Some(fields) = dataset.as_object_mut() {
        let statistics = json!({ "inputStatistics": facet(INPUT_STATISTICS, statistics) });
        fields.insert("inputFacets".to_owned(), statistics);
    }
    dataset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::Entry,
        lineage::{OutputKind, OutputReport, RenameReport, RenamedColumn},
    };

    #[test]
    fn what_failed_or_was_cut_wrote_nothing_and_what_was_called_off_is_aborted() {
        let intent = Entry::samples().into_iter().find_map(|entry| match entry {
            Entry::Intent(intent) => Some(intent),
            _ => None,
        });
        let intent = intent.expect("a sample");
        let output = OutputReport {
            kind: OutputKind::Table,
            table: Some("public.made".into()),
            created: false,
            columns: Vec::new(),
        };
        let columns = vec![RenamedColumn { number: 1, from: "sku".into(), to: "sku".into() }];
        let (from, to) = ("public.fresh".into(), "public.kept".into());
        let renames = vec![RenameReport { from, to, oid: None, columns }];
        let report = LineageReport { outputs: vec![output], renames, ..LineageReport::default() };
        let masks = BTreeMap::new();
        let event = |result: StatementResult| {
            let outcome = OutcomeEntry {
                statement: intent.statement,
                result,
                rows: 1,
                bytes: 1,
                masked: Vec::new(),
                content: None,
                micros: 1,
            };
            let told = Told {
                origin: "log",
                index: 2,
                time: 1,
                outcome: &outcome,
                begun: 1,
                intent: &intent,
                name: None,
                sql: None,
                job: None,
                lineage: Some((&report, &masks)),
                approvals: &[],
            };
            let event = statement(&told);
            (event["eventType"].as_str().unwrap_or_default().to_owned(), event["outputs"].to_string())
        };
        let failed = |sqlstate: &str| StatementResult::Failed(sqlstate.to_owned());
        for (result, kind, writes) in [
            (StatementResult::Done, "COMPLETE", true),
            (failed("23505"), "FAIL", false),
            (failed(CANCELLED), "ABORT", false),
            (StatementResult::Cut("rows_limit".to_owned()), "ABORT", false),
            (StatementResult::Unknown, "OTHER", true),
        ] {
            let (said, outputs) = event(result.clone());
            assert_eq!((said.as_str(), outputs.contains("public.made")), (kind, writes), "{result:?}");
            assert_eq!(outputs.contains("public.kept"), writes, "{result:?} {outputs}");
        }
        let (_, outputs) = event(StatementResult::Done);
        for said in ["\"RENAME\"", "public.fresh", "IDENTITY"] {
            assert!(outputs.contains(said), "{said}: {outputs}");
        }
    }
}
