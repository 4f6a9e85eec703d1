//! An attestation for people: from where, masked or not, and what nobody vouches for.

use connect_shared::{
    attest::{RunPredicate, Use},
    text::printable_name,
};
use serde_json::{Value, json};

pub(super) fn object(run: &RunPredicate, findings: &[String]) -> Value {
    let mut run = serde_json::to_value(run).unwrap_or_default();
    if let Some(fields) = run.as_object_mut() {
        fields.remove("receipt");
    }
    json!({ "schema": "connect.attestation/1", "verified": true, "findings": findings, "run": run })
}

pub(super) fn page(run: &RunPredicate, findings: &[String]) -> String {
    let mut page = String::from("ok: this is what the run wrote, and the log has the run\n");
    let actor = run
        .principal
        .actor
        .as_ref()
        .map(|actor| format!(", through {}", printable_name(actor)))
        .unwrap_or_default();
    page.push_str(&format!("run      {} · job {}\n", printable_name(&run.run), printable_name(&run.job)));
    page.push_str(&format!("by       {}{actor}\n", printable_name(&run.principal.name)));
    let resources: Vec<String> = run.all_resources().map(printable_name).collect();
    page.push_str(&format!(
        "at       {} · entry {} of {}\n",
        resources.join(", "),
        run.index,
        printable_name(&run.agent)
    ));
    let counters = &run.counters;
    page.push_str(&format!(
        "ran      {} statements, {} rows, {} denied\n",
        counters.statements, counters.rows, counters.denials
    ));
    for output in &run.outputs {
        let files = output.files.map(|files| format!("{files} files, ")).unwrap_or_default();
        page.push_str(&format!(
            "wrote    {} · {files}{} bytes\n",
            printable_name(&output.name),
            output.length
        ));
    }
    page.push_str("sources\n");
    for source in &run.sources {
        let resource = source.resource.as_ref().map(|name| format!("{} · ", printable_name(name)));
        let resource = resource.unwrap_or_default();
        page.push_str(&format!("  {resource}{} · {} rows\n", printable_name(&source.table), source.rows));
        for column in &source.columns {
            let usage = match column.usage {
                Use::Direct => "",
                Use::Indirect => " (decided which rows)",
            };
            let masked = column
                .masked
                .and_then(|label| serde_json::to_value(label).ok())
                .and_then(|label| label.as_str().map(|label| format!(" masked: {label}")))
                .unwrap_or_default();
            page.push_str(&format!("    {}{usage}{masked}\n", printable_name(&column.name)));
        }
    }
    list(&mut page, "note", findings);
    list(&mut page, "not covered", &run.not_covered);
    page.push_str("The agent signed what it saw; connect signed the hash of the file.\n");
    page
}

fn list(page: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.push_str(&format!("{heading}\n"));
    }
    for line in lines {
        page.push_str(&format!("  {}\n", printable_name(line)));
    }
}
