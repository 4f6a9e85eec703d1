//! Rows of an answer, for people and for programs. Texts are others' and are shown as such: on one line,
//! without anything that a terminal would obey.

use connect_shared::{
    api::SearchRow,
    decision::OutcomeKind,
    entry::{Entry, StatementResult},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{console::Rows, failure::Outcome};

/// Longest text in a table.
const SHOWN: usize = 80;

pub(super) fn rows(found: &[SearchRow]) -> Outcome<Rows> {
    let headings = ["INDEX", "TIME", "WHO", "RESOURCE", "WHAT", "DECISION", "RESULT", "TEXT"];
    let mut rows = Rows::new("connect.search/1", "rows", &headings);
    for row in found {
        rows.add(&row.index.to_string(), cells(row), row)?;
    }
    Ok(rows)
}

fn cells(row: &SearchRow) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        row.index.to_string(),
        moment(row.time),
        who(row),
        row.resource.clone().unwrap_or_else(dash),
        row.verb.clone().unwrap_or_else(|| row.kind.replace('_', " ")),
        decision(row).unwrap_or_else(dash),
        result(row),
        row.sql.as_deref().map_or_else(|| about(row), one_line),
    ]
}

pub(in crate::audit) fn moment(milliseconds: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    let seconds = at.ok().and_then(|at| at.replace_nanosecond(0).ok());
    seconds.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "?".to_owned())
}

fn who(row: &SearchRow) -> String {
    let Some(principal) = &row.principal else { return "-".to_owned() };
    let name = row.name.as_deref().unwrap_or(&principal.sub);
    match &principal.actor {
        Some(actor) => format!("{actor} for {name}"),
        None => name.to_owned(),
    }
}

fn decision(row: &SearchRow) -> Option<String> {
    let word = match row.decision? {
        OutcomeKind::Deny => "deny",
        OutcomeKind::Hold => "hold",
        OutcomeKind::Permit => return Some("permit".to_owned()),
    };
    Some(match row.reasons.first() {
        Some(reason) => format!("{word}: {}", reason.as_str()),
        None => word.to_owned(),
    })
}

fn result(row: &SearchRow) -> String {
    match (&row.result, row.kind.as_str()) {
        (Some(StatementResult::Done), _) => match row.rows.unwrap_or_default() {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        },
        (Some(StatementResult::Failed(sqlstate)), _) => format!("failed {sqlstate}"),
        (Some(StatementResult::Cut(code)), _) => format!("cut: {code}"),
        (Some(StatementResult::Unknown), _) => "unknown".to_owned(),
        (None, "intent") => "running".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// What an entry without a text is about, in a few words.
fn about(row: &SearchRow) -> String {
    match row.entries.first().map(|first| &first.leaf.entry) {
        Some(Entry::GrantRefused { code, .. } | Entry::TunnelRefused { code, .. }) => one_line(code),
        Some(Entry::RefusalsLeftOut { count }) => format!("{count} more"),
        Some(Entry::SessionClosed { code, .. } | Entry::ConnectionClosed { code, .. }) => one_line(code),
        Some(Entry::SessionOpened { client, address, .. }) => one_line(&format!("{client} from {address}")),
        Some(Entry::GrantIssued { reason: Some(reason), .. }) => one_line(reason),
        Some(Entry::AgentStopped { reason } | Entry::LogReopened { reason }) => one_line(reason),
        Some(Entry::AgentStarted { version, mode, .. }) => one_line(&format!("{version}, {mode}")),
        Some(Entry::CanarySeen { canary, form, .. }) => one_line(&format!("{canary} ({form})")),
        Some(Entry::WitnessLate { witness, code, .. }) => one_line(&format!("{witness}: {code}")),
        Some(Entry::WitnessBack { witness, .. }) => one_line(witness),
        Some(Entry::ClockStepped { by }) => format!("by {by} ms"),
        Some(Entry::Searched { rows, .. }) => format!("{rows} rows shown"),
        Some(Entry::TextShown { of, found, reason, .. }) => one_line(&format!("{of} {found}: {reason}")),
        Some(Entry::TextsErased { cause, keys, .. }) => format!("{keys} keys, by {}", one_line(cause)),
        Some(Entry::TextsLost { statements, code }) => format!("{statements}: {}", one_line(code)),
        _ => "-".to_owned(),
    }
}

/// Any white space as one space, cut to what a line can show.
pub(in crate::audit) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= SHOWN {
        return words;
    }
    words.chars().take(SHOWN - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        api::{IndexedLeaf, RowFacts},
        decision::{Decision, Outcome},
        entry::{CATALOGUE, Denial, Leaf, PrincipalRef, TextRef},
        ids::{ConnectionId, GrantId, SessionId, StatementId},
    };

    use super::*;
    use crate::console::Format;

    fn row(sql: &str, name: &str) -> SearchRow {
        let denial = Denial {
            statement: StatementId::from_random([1; 16]),
            session: SessionId::from_random([2; 16]),
            connection: ConnectionId::from_random([3; 16]),
            principal: PrincipalRef { sub: "u1".into(), idp: "idp".into(), actor: None },
            grant: GrantId::from_random([4; 16]),
            resource: "prod-db".into(),
            verb: "delete".into(),
            text: TextRef::Length(9),
            commitment: "00".into(),
            sequence: Some(0),
            run: None,
            task: None,
            purpose: None,
            decision: Decision {
                outcome: Outcome::Deny,
                reasons: Vec::new(),
                shadow: Vec::new(),
                policy_digest: "00".into(),
            },
        };
        let principal = Some(denial.principal.clone());
        let leaf = Leaf { v: CATALOGUE, time: 1_764_064_800_000, entry: Entry::Denial(Box::new(denial)) };
        let facts = RowFacts {
            principal,
            name: Some(name.into()),
            resource: Some("prod-db".into()),
            sql: Some(sql.into()),
        };
        SearchRow::new(IndexedLeaf { index: 7, leaf }, None, facts)
    }

    #[test]
    fn a_row_reads_well() {
        let found = [row("DELETE FROM\n   orders", "ana@example.com")];
        insta::assert_snapshot!(rows(&found).expect("rows").shown(Format::Table), @r"
        INDEX  TIME                  WHO              RESOURCE  WHAT    DECISION  RESULT  TEXT
        7      2025-11-25T10:00:00Z  ana@example.com  prod-db   delete  deny      -       DELETE FROM orders
        ");
    }

    #[test]
    fn what_somebody_sent_cannot_drive_the_terminal_of_whoever_reads_it() {
        let hostile = "SELECT '\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200f}\r\u{7}\u{8}\u{0}\u{7f}x'";
        let found = [row(hostile, "a\u{1b}]0;title\u{7}\u{202e}")];
        let rows = rows(&found).expect("rows");
        for format in [Format::Table, Format::Json, Format::JsonLines] {
            let shown = rows.shown(format);
            let obeyed = |letter: char| {
                (letter.is_control() && letter != '\n')
                    || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!shown.contains(obeyed), "{format:?}: {shown:?}");
            assert_eq!(
                shown.lines().count(),
                if format == Format::Table { 2 } else { shown.lines().count() }
            );
        }
        let object: serde_json::Value = serde_json::from_str(&rows.shown(Format::JsonLines)).expect("JSON");
        assert_eq!(object["sql"], hostile, "programs get the very text");
    }
}
