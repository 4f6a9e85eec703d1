//! The lines of `<output>.intoto.jsonl`: the agent's predicate, signed by the agent and by us, and SLSA
//! provenance for generic tools, signed by us.

use std::path::{Path, PathBuf};

use connect_shared::{
    api::RunEnd,
    attest::{
        ATTESTATION, Envelope, PREDICATE_TYPE, RunPredicate, SLSA_TYPE, STATEMENT_TYPE, Statement,
        descriptors,
    },
    grant::RunIdentity,
    proof::note::SigningKey,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::failure::{self, Outcome};

/// Also of a folder that was named with a `/` at its end.
pub(super) fn beside(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().collect();
    let mut name = path.into_os_string();
    name.push(ATTESTATION);
    PathBuf::from(name)
}

/// Both lines. What the agent signed is looked at first: we sign nothing that is not about this run and these
/// files.
pub(super) fn lines(
    envelope: Envelope,
    run: &RunIdentity,
    end: &RunEnd,
    key: &SigningKey,
) -> Outcome<String> {
    let line = text(&envelope)?;
    let (envelope, payload) = Envelope::parse(&line).map_err(|error| other(&error.to_string()))?;
    let statement: Statement<RunPredicate> =
        serde_json::from_slice(&payload).map_err(|_| other("it cannot be read"))?;
    let subjects = descriptors(&end.outputs, &end.folders);
    let said = &statement.predicate;
    if statement.predicate_type != PREDICATE_TYPE
        || statement.subject != subjects
        || said.run != run.id.to_string()
        || said.key != run.key
        || said.resources != run.resources
        || said.outputs != end.outputs
        || said.folders != end.folders
    {
        return Err(other("it is about another run or other files"));
    }
    let slsa = serde_json::to_vec(&provenance(said, statement.subject.clone()))
        .map_err(|error| failure::unexpected(error.to_string()))?;
    let ours = text(&envelope.also_sign(&payload, key))?;
    Ok(format!("{ours}\n{}\n", text(&Envelope::sign(&slsa, key))?))
}

/// What generic tools read of a run.
pub(in crate::command) fn provenance(
    run: &RunPredicate,
    subject: Vec<connect_shared::attest::Descriptor>,
) -> Statement<Value> {
    let tables = run.sources.iter().map(|source| {
        let columns: Vec<&str> = source.columns.iter().map(|column| column.name.as_str()).collect();
        json!({
            "name": format!("{}/{}", source.resource.as_ref().unwrap_or(&run.resource), source.table),
            "annotations": { "columns": columns, "rows": source.rows },
        })
    });
    let files = descriptors(&run.inputs, &run.folders).into_iter();
    let files = files.map(|file| json!({ "name": file.name, "digest": file.digest }));
    let dependencies: Vec<Value> = tables.chain(files).collect();
    let mut parameters = json!({ "job": run.job, "resource": run.resource, "parent": run.parent });
    if let (false, Some(fields)) = (run.resources.is_empty(), parameters.as_object_mut()) {
        fields.insert("resources".to_owned(), run.resources.clone().into());
    }
    Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject,
        predicate_type: SLSA_TYPE.to_owned(),
        predicate: json!({
            "buildDefinition": {
                "buildType": PREDICATE_TYPE,
                "externalParameters": parameters,
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": { "id": "tag:connect.invalid,2026:connect", "version": { "connect": env!("CARGO_PKG_VERSION") } },
                "metadata": {
                    "invocationId": run.run,
                    "startedOn": moment(run.started),
                    "finishedOn": moment(run.ended),
                },
            },
        }),
    }
}

/// Milliseconds as RFC 3339.
pub(super) fn moment(milliseconds: u64) -> Option<String> {
    let nanoseconds = i128::from(milliseconds) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?.format(&Rfc3339).ok()
}

fn text(envelope: &Envelope) -> Outcome<String> {
    serde_json::to_string(envelope).map_err(|error| failure::unexpected(error.to_string()))
}

fn other(why: &str) -> connect_shared::error::ErrorReport {
    failure::unverified("attestation_invalid", format!("the agent's attestation proves nothing: {why}"))
}
