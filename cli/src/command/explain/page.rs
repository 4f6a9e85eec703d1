//! An explanation as people read it: the decision first, then what comes out of what, then the rest.

use std::fmt::Write as _;

use comfy_table::Table;
use connect_shared::{
    api::{ExplainedStatement, Explanation, Mask, MaskMethod, MaskPlace},
    decision::{Obligation, Outcome, OutcomeKind, Reason, ReasonCode},
    lineage::{LineageReport, OutputKind, OutputReport, UnderstandingStatus},
    text::printable_name,
};

/// Where a line is broken, if it is a list.
const WIDTH: usize = 100;
/// Columns that the names of facts take.
const MARGIN: usize = 12;
/// Characters of the policy's digest: enough to tell two apart.
const DIGEST: usize = 12;

/// The whole page.
pub(super) fn page(explanation: &Explanation) -> String {
    let whom = whom(explanation);
    match explanation.statements.as_slice() {
        [] => format!("permitted: an empty text on {whom}\n"),
        [only] => statement(only, &whom, &explanation.policy_digest),
        several => {
            let outcome = match explanation.outcome {
                OutcomeKind::Permit => "permitted",
                OutcomeKind::Hold => "held",
                OutcomeKind::Deny => "denied",
            };
            let mut page = format!("{outcome}: {} statements on {whom}\n", several.len());
            for (place, one) in several.iter().enumerate() {
                let number = format!("{} of {}", place + 1, several.len());
                let _infallible = write!(page, "\n{}", statement(one, &number, &explanation.policy_digest));
            }
            page
        }
    }
}

fn whom(explanation: &Explanation) -> String {
    let resource = printable_name(&explanation.resource);
    let principal = printable_name(&explanation.principal);
    match &explanation.actor {
        Some(actor) => format!("{resource} as {} for {principal}", printable_name(actor)),
        None => format!("{resource} as {principal}"),
    }
}

fn statement(statement: &ExplainedStatement, whom: &str, digest: &str) -> String {
    let mut page = headline(statement, whom);
    let digest: String = digest.chars().take(DIGEST).collect();
    for reason in &statement.decision.reasons {
        reasons(&mut page, statement, reason);
        fact(
            &mut page,
            "rule",
            &format!("{}, policy {}", printable_name(&reason.policy), printable_name(&digest)),
        );
    }
    list(&mut page, "reads", &statement.reads);
    list(&mut page, "writes", &statement.writes);
    for (name, words) in statement.radius.iter().flat_map(|radius| radius.facts()) {
        fact(&mut page, name, &printable_name(&words));
    }
    for mask in &statement.masks {
        fact(&mut page, "masked", &masked(mask));
    }
    for column in &statement.clear {
        fact(
            &mut page,
            "in clear",
            &format!("{} ({}): a rule shows it to you", printable_name(&column.column), column.label),
        );
    }
    list(&mut page, "hidden rows", &statement.hidden_rows);
    if let Outcome::Permit(obligations) = &statement.decision.outcome {
        for limit in obligations.iter().filter_map(limited) {
            fact(&mut page, "at most", &limit);
        }
    }
    lineage(&mut page, &statement.lineage);
    page
}

/// What it may take, and which policy says so.
fn limited(obligation: &Obligation) -> Option<String> {
    let (what, policy) = match obligation {
        Obligation::LimitRows { most, policy } => (format!("{most} rows"), policy),
        Obligation::LimitChange { most, policy } => (format!("{most} rows changed"), policy),
        Obligation::LimitTime { most, policy } => (format!("{most} milliseconds"), policy),
        Obligation::LimitHour { rows, bytes, policy } => {
            let rows = rows.map(|rows| format!("{rows} rows"));
            let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
            let both: Vec<String> = rows.into_iter().chain(bytes).collect();
            (format!("{} within an hour, in all sessions", both.join(" and ")), policy)
        }
        Obligation::LimitPersons { hour, day, policy } => {
            let hour = hour.map(|most| format!("{most} different persons within an hour"));
            let day = day.map(|most| format!("{most} different persons within a day"));
            let both: Vec<String> = hour.into_iter().chain(day).collect();
            (format!("{}, in all sessions", both.join(" and ")), policy)
        }
        Obligation::Mask { .. } | Obligation::Show { .. } | Obligation::Undoable => return None,
    };
    Some(format!("{what} (rule {})", printable_name(policy)))
}

fn headline(statement: &ExplainedStatement, whom: &str) -> String {
    let verb = printable_name(&statement.verb).to_uppercase();
    let on = if whom.contains(" as ") { format!(" on {whom}") } else { format!(", {whom}") };
    match (statement.decision.outcome.kind(), &statement.sqlstate) {
        (OutcomeKind::Permit, _) => format!("permitted: {verb}{on}\n"),
        (OutcomeKind::Hold, _) => format!("held for approval: {verb}{on}\n"),
        (OutcomeKind::Deny, Some(state)) => {
            format!("denied: {verb}{on} · SQLSTATE {}\n", printable_name(state))
        }
        (OutcomeKind::Deny, None) => format!("denied: {verb}{on}\n"),
    }
}

/// Why it is not simply permitted. "Within the grant" says nothing new, and who has approved it does.
fn reasons(page: &mut String, statement: &ExplainedStatement, reason: &Reason) {
    if statement.decision.is_permit() {
        if reason.code == ReasonCode::Approved {
            fact(page, "approved", &printable_name(&reason.message));
        }
        return;
    }
    let object = reason.object.as_deref().filter(|object| !reason.message.contains(object));
    let object = object.map(|object| format!(" ({})", printable_name(object))).unwrap_or_default();
    fact(page, "reason", &format!("{}: {}{object}", reason.code.as_str(), printable_name(&reason.message)));
    if let Some(hint) = &reason.hint {
        fact(page, "hint", &printable_name(hint));
    }
}

fn masked(mask: &Mask) -> String {
    let how = match mask.method {
        MaskMethod::Keyed => "equal values get equal masks",
        MaskMethod::Constant => "one mask for every value",
    };
    let place = match mask.place {
        MaskPlace::Result => "",
        MaskPlace::Read => "; the statement computes with masks",
    };
    format!("{} as {}: {how}{place}", printable_name(&mask.column), mask.label)
}

fn lineage(page: &mut String, lineage: &LineageReport) {
    for output in lineage.outputs.iter().filter(|output| !output.columns.is_empty()) {
        page.push('\n');
        page.push_str(&table(output));
    }
    if lineage.outputs.iter().any(|output| !output.columns.is_empty()) {
        page.push('\n');
    }
    list(page, "depends on", &lineage.indirect);
    // Those of the server itself stand behind nearly every operator.
    let own: Vec<String> =
        lineage.functions.iter().filter(|name| !name.starts_with("pg_catalog.")).cloned().collect();
    list(page, "calls", &own);
    match lineage.status {
        UnderstandingStatus::Complete => fact(page, "understood", "completely"),
        UnderstandingStatus::Partial => fact(page, "understood", "in part; more may flow than is shown"),
        UnderstandingStatus::Opaque => fact(page, "understood", "not at all"),
    }
    for reason in &lineage.reasons {
        fact(page, "", &printable_name(reason));
    }
}

fn table(output: &OutputReport) -> String {
    let into = || printable_name(output.table.as_deref().unwrap_or_default());
    let heading = match (output.kind, output.created) {
        (OutputKind::Result, _) => "RESULT".to_owned(),
        (OutputKind::File, _) => "INTO a file of the server".to_owned(),
        (OutputKind::Table, false) => format!("INTO {}", into()),
        (OutputKind::Table, true) => format!("INTO {} (new)", into()),
    };
    let masks = output.columns.iter().any(|column| column.masked.is_some());
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let mut headings = vec![heading, "TYPE".to_owned(), "FROM".to_owned()];
    headings.extend(masks.then(|| "MASK".to_owned()));
    table.set_header(headings);
    for column in &output.columns {
        let from: Vec<String> = column.direct.iter().map(|source| printable_name(source)).collect();
        let mut cells = vec![
            printable_name(&column.name),
            column.data_type.as_deref().map_or_else(|| "?".to_owned(), printable_name),
            if from.is_empty() { "-".to_owned() } else { from.join("\n") },
        ];
        if masks {
            cells.push(column.masked.map(|label| label.to_string()).unwrap_or_default());
        }
        table.add_row(cells);
    }
    table.lines().map(|line| format!(" {}\n", line.trim_end())).collect()
}

/// One fact under its name.
fn fact(page: &mut String, name: &str, words: &str) {
    let _infallible = writeln!(page, "  {name:<MARGIN$}{words}");
}

/// Many names under one, broken between two of them.
fn list(page: &mut String, name: &str, items: &[String]) {
    let mut line = String::new();
    let mut name = name;
    for (place, item) in items.iter().enumerate() {
        let mut item = printable_name(item);
        if place + 1 < items.len() {
            item.push(',');
        }
        let length = line.chars().count() + 1 + item.chars().count();
        if !line.is_empty() && MARGIN + length > WIDTH {
            fact(page, std::mem::take(&mut name), &line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&item);
    }
    if !line.is_empty() {
        fact(page, name, &line);
    }
}

#[cfg(test)]
mod tests;
