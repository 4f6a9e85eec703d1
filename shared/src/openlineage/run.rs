//! A run as two events, in place of one for each of its statements: that it began, and how it ended, with all that
//! its statements read and wrote together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Input, client, column_lineage, ended_as, facet,
    flows::{Flowing, Flows, STATISTICS},
    run_event,
    statement::{PARENT, file, identity, input_file, own, understood},
};
use crate::{
    attest::FileFact,
    entry::PrincipalRef,
    ids::RunId,
    label::Label,
    lineage::{LineageReport, UnderstandingStatus},
};

/// Whose run it is, and when something of it stands where in the log.
#[derive(Debug, Clone, Copy)]
pub struct RunTold<'a> {
    pub origin: &'a str,
    /// Of the entry that the event is of; milliseconds.
    pub index: u64,
    pub time: u64,
    pub run: &'a str,
    pub job: &'a str,
    /// As the environment named it: `namespace/job/id` where it is OpenLineage's.
    pub parent: Option<&'a str>,
    pub principal: &'a PrincipalRef,
    /// The principal's name.
    pub name: Option<&'a str>,
    pub resources: &'a [String],
}

/// Statements of a run that have one lineage on one resource.
#[derive(Debug, Clone)]
pub struct Part {
    pub resource: String,
    /// `None`: they refer to what the log does not say.
    pub lineage: Option<(LineageReport, BTreeMap<String, Label>)>,
    pub statements: u64,
    pub failed: u64,
    pub rows: u64,
    /// Ids of the approvals without which some of them would not have run.
    pub approvals: BTreeSet<String>,
}

/// The event of its beginning.
#[must_use]
pub fn begun(told: &RunTold<'_>) -> Value {
    event(told, "START", json!({ "resources": told.resources }), (Vec::new(), Vec::new()), &[])
}

/// The event of its end: `how` is the exit status of its command and why the agent ended it, if it did, `files` what it read and wrote by its own word,
/// `all` whether the parts are all.
#[must_use]
pub fn whole_run(
    told: &RunTold<'_>,
    how: (u8, Option<&str>),
    parts: &[Part],
    all: bool,
    (inputs, outputs): (&[FileFact], &[FileFact]),
) -> Value {
    let receiver = format!("run/{}", told.run);
    let (mut flows, mut masks) = (Flows::default(), BTreeMap::new());
    for part in parts {
        let Some((report, masked)) = &part.lineage else { continue };
        flows.add(&Flowing {
            origin: told.origin,
            resource: &part.resource,
            receiver: &receiver,
            report,
            masks: masked,
            rows: part.rows,
            bytes: None,
            failed: part.failed == part.statements,
        });
        masks.extend(masked.iter().map(|(column, label)| (format!("{}/{column}", part.resource), label)));
    }
    let received = flows.received(told.origin, &receiver);
    let read = flows.inputs().into_iter().chain(inputs.iter().map(input_file)).collect();
    let written =
        flows.outputs().into_iter().chain(outputs.iter().map(|fact| made(fact, &received))).collect();
    let sum = |of: fn(&Part) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
    let mut about = json!({
        "resources": told.resources,
        "status": how.0,
        "statements": sum(|part| part.statements),
        "failed": sum(|part| part.failed),
        "rows": sum(|part| part.rows),
        "masks": masks,
        "approvals": parts.iter().flat_map(|part| &part.approvals).collect::<BTreeSet<_>>(),
    });
    if let (Some(reason), Some(fields)) = (how.1, about.as_object_mut()) {
        fields.insert("reason".to_owned(), reason.into());
    }
    let known = known(parts, all);
    event(told, ended_as(how), about, (read, written), &[("connect_lineage", known)])
}

/// How well all of it is understood together: no better than any of its statements.
fn known(parts: &[Part], all: bool) -> Value {
    let mut status = UnderstandingStatus::Complete;
    let mut reasons = BTreeSet::new();
    for part in parts {
        match &part.lineage {
            Some((report, _)) => {
                status = status.max(report.status);
                reasons.extend(report.reasons.iter().map(String::as_str));
            }
            None => {
                status = UnderstandingStatus::Opaque;
                reasons.insert("missing: the log does not hold a lineage");
            }
        }
    }
    if !all {
        status = status.max(UnderstandingStatus::Partial);
        reasons.insert("cut: there are more lineages than one event holds");
    }
    understood(status, reasons)
}

/// A file that the run wrote: everything that it received can be in it, and nobody knows where.
fn made(fact: &FileFact, received: &BTreeSet<Input>) -> Value {
    let received: Vec<Input> = received.iter().cloned().collect();
    let none = std::iter::empty::<(&String, Vec<Input>)>();
    let statistics = json!({ "size": fact.length, "fileCount": fact.files.unwrap_or(1) });
    let mut dataset = file(fact);
    if let Some(fields) = dataset.as_object_mut() {
        fields.insert("facets".to_owned(), json!({ "columnLineage": column_lineage(none, &received) }));
        let statistics = json!({ "outputStatistics": facet(STATISTICS, statistics) });
        fields.insert("outputFacets".to_owned(), statistics);
    }
    dataset
}

fn event(
    told: &RunTold<'_>,
    kind: &str,
    about: Value,
    (inputs, outputs): (Vec<Value>, Vec<Value>),
    more: &[(&str, Value)],
) -> Value {
    let audit = json!({ "origin": told.origin, "outcome": told.index });
    let mut facets = json!({
        "connect_identity": identity(told.principal, told.name),
        "connect_audit": facet(&own("audit"), audit),
        "connect_run": facet(&own("run"), about),
    });
    if let Some(fields) = facets.as_object_mut() {
        fields.extend(more.iter().map(|(name, facet)| ((*name).to_owned(), facet.clone())));
        if let Some(parent) = told.parent.and_then(parent_facet) {
            fields.insert("parent".to_owned(), parent);
        }
    }
    let job = json!({ "namespace": client(told.origin), "name": told.job });
    run_event(told.time, kind, json!({ "runId": told.run, "facets": facets }), &job, &inputs, &outputs)
}

/// What a run is a part of, where the environment named it as OpenLineage does.
pub(super) fn parent_facet(text: &str) -> Option<Value> {
    let (namespace, job, run) = parent(text)?;
    let job = json!({ "namespace": namespace, "name": job });
    Some(facet(PARENT, json!({ "run": { "runId": run }, "job": job })))
}

/// A parent as OpenLineage's own clients name it.
fn parent(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, run) = text.rsplit_once('/')?;
    let (namespace, job) = rest.rsplit_once('/')?;
    let sound = !namespace.is_empty() && !job.is_empty() && run.parse::<RunId>().is_ok();
    sound.then_some((namespace, job, run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::{OutputColumnReport, OutputKind, OutputReport};

    const RUN: &str = "07070707-0707-4707-8707-070707070707";

    fn principal() -> PrincipalRef {
        PrincipalRef { sub: "u1".into(), idp: "idp".into(), actor: None }
    }

    fn part(resource: &str, kind: OutputKind, source: &str, failed: u64) -> Part {
        let table = (kind == OutputKind::Table).then(|| "public.made".to_owned());
        let column = OutputColumnReport {
            name: "a".to_owned(),
            data_type: None,
            direct: vec![source.to_owned()],
            origin: Some(source.to_owned()),
            masked: None,
        };
        let output = OutputReport { kind, table, columns: vec![column], created: false };
        let report = LineageReport {
            outputs: vec![output],
            reads: vec![source.to_owned()],
            ..LineageReport::default()
        };
        let masks = [(source.to_owned(), Label::NationalId)].into_iter().collect();
        let approvals = ["req_1".to_owned()].into_iter().collect();
        Part {
            resource: resource.to_owned(),
            lineage: Some((report, masks)),
            statements: 1,
            failed,
            rows: 2,
            approvals,
        }
    }

    fn ended(status: u8, parts: &[Part], all: bool) -> Value {
        let (principal, resources) = (principal(), ["shop".to_owned(), "stock".to_owned()]);
        let told = RunTold {
            origin: "log",
            index: 9,
            time: 1,
            run: RUN,
            job: "train",
            parent: Some("airflow/daily/07070707-0707-4707-8707-070707070708"),
            principal: &principal,
            name: None,
            resources: &resources,
        };
        let file = FileFact {
            name: "model".to_owned(),
            sha256: "a".repeat(64),
            length: 3,
            modified: 0,
            files: None,
        };
        whole_run(
            &told,
            (status, None),
            parts,
            all,
            (std::slice::from_ref(&file), std::slice::from_ref(&file)),
        )
    }

    #[test]
    fn a_run_is_the_union_of_what_its_statements_read_and_wrote_on_all_of_its_resources() {
        let parts = [
            part("shop", OutputKind::Result, "public.t.ssn", 0),
            part("stock", OutputKind::Result, "public.t.ssn", 0),
            part("stock", OutputKind::Table, "public.u.b", 0),
        ];
        let event = ended(0, &parts, true);
        assert_eq!(
            (&event["eventType"], &event["inputs"].as_array().map(Vec::len)),
            (&"COMPLETE".into(), &Some(4))
        );
        let given = &event["inputs"][3]["inputFacets"]["inputStatistics"];
        assert_eq!((&given["size"], &given["fileCount"]), (&json!(3), &json!(1)), "{event:#}");
        let output = |name: &str| {
            let outputs = event["outputs"].as_array().expect("outputs");
            let found =
                outputs.iter().find(|output| output["name"].as_str().is_some_and(|it| it.starts_with(name)));
            found.unwrap_or_else(|| panic!("no {name} in {event:#}")).clone()
        };
        let received = output("run/");
        let fields = &received["facets"]["columnLineage"]["fields"]["a"]["inputFields"];
        assert_eq!(fields.as_array().map(Vec::len), Some(2), "tables of one name are two: {fields:#}");
        assert_eq!(received["outputFacets"]["outputStatistics"]["rowCount"], 4);
        let model = &output("model@sha256:")["facets"]["columnLineage"];
        assert_eq!(
            (
                model["fields"].as_object().map(serde_json::Map::len),
                model["dataset"].as_array().map(Vec::len)
            ),
            (Some(0), Some(2))
        );
        assert_eq!(output("public.made")["namespace"], "connect://log/stock");
        let facets = &event["run"]["facets"];
        assert_eq!(facets["connect_run"]["masks"]["stock/public.t.ssn"], "pii.national_id");
        assert_eq!(facets["connect_run"]["approvals"], json!(["req_1"]), "each once");
        assert_eq!(facets["connect_lineage"]["status"], "complete");
        assert_eq!(facets["parent"]["job"], json!({ "namespace": "airflow", "name": "daily" }));
    }

    #[test]
    fn what_failed_wrote_nothing_and_what_is_not_known_is_said() {
        let mut lost = part("shop", OutputKind::Result, "public.t.a", 0);
        lost.lineage = None;
        let event = ended(1, &[part("shop", OutputKind::Table, "public.t.a", 1), lost], true);
        assert_eq!(
            (&event["eventType"], &event["run"]["facets"]["connect_lineage"]["status"]),
            (&"FAIL".into(), &"opaque".into())
        );
        assert!(!event["outputs"].to_string().contains("public.made"), "{event:#}");
        assert_eq!(ended(143, &[], true)["eventType"], "ABORT");
        let cut = ended(0, &[], false);
        assert_eq!(cut["run"]["facets"]["connect_lineage"]["status"], "partial");
    }

    #[test]
    fn a_parent_of_another_kind_is_no_facet() {
        assert!(parent("a/b/07070707-0707-4707-8707-070707070707").is_some());
        assert_eq!(parent("s3://x/y/07070707-0707-4707-8707-070707070707").map(|one| one.0), Some("s3://x"));
        for other in [
            "mlflow:abc",
            "a/07070707-0707-4707-8707-070707070707",
            "a/b/c",
            "//07070707-0707-4707-8707-070707070707",
        ] {
            assert!(parent(other).is_none(), "{other}");
        }
    }
}
