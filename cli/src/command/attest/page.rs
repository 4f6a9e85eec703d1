//! An attestation for people: from where, masked or not, and what nobody vouches for.

use connect_shared::{
    attest::{Approval, RunPredicate, Use},
    request::RequestKind,
    text::{cited, printable_name},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::check::not_covered;

pub(super) fn object(run: &RunPredicate, findings: &[String]) -> Value {
    let not_covered = not_covered(run);
    let mut run = serde_json::to_value(run).unwrap_or_default();
    if let Some(fields) = run.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "receipt" | "receipts"));
        fields.insert("not_covered".to_owned(), not_covered.into());
    }
    json!({ "schema": "connect.attestation/1", "verified": true, "findings": findings, "run": run })
}

pub(super) fn page(run: &RunPredicate, findings: &[String]) -> String {
    let mut page = String::from("ok: this is what the run wrote, and the log has the run\n");
    let actor =
        run.principal.actor.as_ref().map(|actor| format!(" · through {}", cited(actor))).unwrap_or_default();
    page.push_str(&format!("run      {} · job {}\n", cited(&run.run), cited(&run.job)));
    page.push_str(&format!("by       {}{actor}\n", cited(&run.principal.name)));
    let resources: Vec<String> = run.all_resources().map(cited).collect();
    page.push_str(&format!(
        "at       {} · entry {} of {}\n",
        resources.join(", "),
        run.index,
        cited(&run.agent)
    ));
    let counters = &run.counters;
    page.push_str(&format!(
        "ran      {} statements, {} rows, {} denied\n",
        counters.statements, counters.rows, counters.denials
    ));
    for output in &run.outputs {
        let files = output.files.map(|files| format!("{files} files, ")).unwrap_or_default();
        page.push_str(&format!("wrote    {} · {files}{} bytes\n", cited(&output.name), output.length));
    }
    page.push_str("sources\n");
    for source in &run.sources {
        let resource = source.resource.as_ref().map(|name| format!("{} · ", cited(name)));
        let resource = resource.unwrap_or_default();
        let approved: String =
            source.approvals.iter().map(|request| format!(" · approved: {request}")).collect();
        page.push_str(&format!("  {resource}{} · {} rows{approved}\n", cited(&source.table), source.rows));
        for column in &source.columns {
            let usage = match column.usage {
                Use::Direct => "",
                Use::Indirect => " · decided which rows",
            };
            let masked = column
                .masked
                .and_then(|label| serde_json::to_value(label).ok())
                .and_then(|label| label.as_str().map(|label| format!(" · masked: {label}")))
                .unwrap_or_default();
            page.push_str(&format!("    {}{usage}{masked}\n", cited(&column.name)));
        }
    }
    let approvals: Vec<String> = run.approvals.iter().map(in_words).collect();
    list(&mut page, "approved", &approvals);
    list(&mut page, "note", findings);
    list(&mut page, "not covered", &not_covered(run));
    page.push_str("The agent signed what it saw; connect signed the hash of the file.\n");
    page
}

/// An approval on one line: for what, by whom, when, and where it stands in the log.
pub(in crate::command) fn in_words(approval: &Approval) -> String {
    let what = match approval.of {
        RequestKind::Access => "access",
        RequestKind::Statement => "a statement",
        RequestKind::Unmask => "columns in clear",
        RequestKind::Window => "a class of statements",
        RequestKind::BreakGlass => "a broken glass",
    };
    let mut line = format!("{} · {what} at {}", approval.request, cited(&approval.resource));
    for by in &approval.by {
        let reason = by.reason.as_ref().map(|reason| format!(" · reason: {}", cited(reason)));
        let reason = reason.unwrap_or_default();
        let name = cited(&by.name);
        line.push_str(&format!(" · by {name} · on {} in entry {}{reason}", day(by.time), by.index));
    }
    if approval.by.is_empty() && approval.of == RequestKind::BreakGlass {
        line.push_str(" · nobody had approved it");
    } else if approval.by.is_empty() {
        line.push_str(" · the log no longer says by whom");
    }
    line
}

/// The day of a moment in milliseconds, in UTC.
pub(in crate::command) fn day(milliseconds: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok();
    at.and_then(|at| at.format(format_description!("[year]-[month]-[day]")).ok()).unwrap_or_default()
}

fn list(page: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.push_str(&format!("{heading}\n"));
    }
    for line in lines {
        page.push_str(&format!("  {}\n", printable_name(line)));
    }
}
