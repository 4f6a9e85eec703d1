//! A request as whoever decides reads it. What others wrote cannot pass for what we say: it is indented,
//! and letters that a terminal would obey or that turn the reading direction are shown as what they are.

use std::fmt::Write as _;

use connect_shared::{
    api::{AnyValues, RequestInfo},
    grant::Action,
    request::RequestKind,
};

use crate::{command::open::clock, session::HowLong};

/// Columns that the names of facts take.
const MARGIN: usize = 10;
/// Characters of a headline.
const HEADLINE: usize = 60;

/// The whole page.
pub(super) fn page(info: &RequestInfo) -> String {
    let mut page = format!("{}  {}\n", info.id, info.state.as_str());
    fact(&mut page, "asks", &asker(info));
    fact(&mut page, "for", &what(info));
    if let Some(reason) = &info.reason {
        fact(&mut page, "why", reason);
    }
    if let Some(statement) = &info.statement {
        fact(&mut page, "rule", &format!("{}: {}", statement.policy, statement.why));
        list(&mut page, "reads", &statement.reads);
        list(&mut page, "writes", &statement.writes);
        for (name, words) in statement.radius.iter().flat_map(|radius| radius.facts()) {
            fact(&mut page, name, &words);
        }
        let labelled =
            statement.labelled.iter().map(|one| format!("{} ({})", one.column, one.label.as_str()));
        list(&mut page, "protected", &labelled.collect::<Vec<_>>());
        let text = statement.text.as_ref().or(statement.normalized.as_ref());
        let mark = if statement.text.is_some() { "statement" } else { "normal" };
        fact(&mut page, mark, text.map_or("(not kept any more)", String::as_str));
        for (place, value) in (1..).zip(&statement.parameters) {
            let name = if place == 1 { "values" } else { "" };
            fact(&mut page, name, &format!("${place} = {value}"));
        }
        if statement.with_parameters && statement.parameters.is_empty() {
            fact(&mut page, "values", "(not kept any more, or too long to be: it runs with these only)");
        }
    }
    let columns = info.columns.iter().map(|one| format!("{} ({})", one.column, one.label.as_str()));
    list(&mut page, "in clear", &columns.collect::<Vec<_>>());
    list(&mut page, "rules", &info.rules);
    if let Some(runs) = info.runs_left {
        fact(&mut page, "approved", &format!("in this form with any values, {runs} more runs"));
    } else if info.statement.as_ref().is_some_and(|statement| statement.any_values) {
        fact(&mut page, "form", "it may be approved in this form with any values: --template");
    }
    fact(&mut page, "until", &clock(info.expires_at));
    if info.kind == RequestKind::BreakGlass {
        fact(&mut page, "review", "approve it if it was right, reject it with a reason if it was not");
    }
    list(&mut page, "approvers", &info.approvers);
    if info.needs() > 1 {
        fact(&mut page, "needs", &format!("{} of them", info.needs()));
    }
    if let Some(link) = &info.link {
        fact(&mut page, "page", link);
    }
    for verdict in &info.verdicts {
        let because = verdict.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        fact(&mut page, verdict.verdict.as_str(), &format!("{}{because}", verdict.by));
    }
    page
}

/// `ana@example.com`, or `claude for ana@example.com`.
pub(super) fn asker(info: &RequestInfo) -> String {
    match &info.actor {
        Some(actor) => format!("{actor} for {}", info.principal),
        None => info.principal.clone(),
    }
}

fn what(info: &RequestInfo) -> String {
    match (&info.statement, info.seconds) {
        (Some(statement), _) => format!("one run of {} on {}", statement.verbs.join(", "), info.resource),
        (None, Some(seconds)) if info.kind == RequestKind::Unmask => {
            format!("to see columns of {} in clear for {}", info.resource, HowLong(seconds))
        }
        (None, Some(seconds)) if info.kind == RequestKind::Window => {
            let what = "that what these rules hold does not wait";
            format!("{what} on {} for {}", info.resource, HowLong(seconds))
        }
        (None, None) if info.kind == RequestKind::BreakGlass => {
            format!("has broken the glass of {}: nothing waited", info.resource)
        }
        (None, Some(seconds)) => {
            format!("{} on {} for {}", words(&info.actions), info.resource, HowLong(seconds))
        }
        (None, None) => format!("{} on {}", words(&info.actions), info.resource),
    }
}

/// One line.
pub(super) fn headline(info: &RequestInfo) -> String {
    let whole = match &info.statement {
        Some(statement) => {
            let text = statement.text.as_ref().or(statement.normalized.as_ref());
            text.map_or_else(
                || statement.verbs.join(", "),
                |text| text.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        }
        None if info.kind == RequestKind::BreakGlass => "whatever would be held".to_owned(),
        None if !info.rules.is_empty() => info.rules.join(", "),
        None if !info.columns.is_empty() => {
            info.columns.iter().map(|one| one.column.as_str()).collect::<Vec<_>>().join(", ")
        }
        None => words(&info.actions),
    };
    let mut line: String = plain(&whole).chars().take(HEADLINE).collect();
    if whole.chars().count() > HEADLINE {
        line.push('…');
    }
    line
}

/// What an approval with any values would be for.
pub(super) fn any_values(info: &RequestInfo, AnyValues { seconds, uses }: AnyValues) -> String {
    let mut page = String::new();
    let form = info.statement.as_ref().and_then(|statement| statement.normalized.as_deref());
    fact(&mut page, "form", form.unwrap_or("(it has none)"));
    let time = seconds.map_or_else(
        || "as long as one run would have".to_owned(),
        |seconds| format!("for {}", HowLong(seconds)),
    );
    fact(&mut page, "with", &format!("any values, up to {} runs, {time}", uses.unwrap_or(10)));
    page
}

fn words(actions: &[Action]) -> String {
    if actions.contains(&Action::Write) { "read and write".to_owned() } else { "read".to_owned() }
}

fn fact(page: &mut String, name: &str, text: &str) {
    for (place, line) in plain(text).lines().enumerate() {
        let name = if place == 0 { name } else { "" };
        let _infallible = writeln!(page, "  {name:MARGIN$} {line}");
    }
}

fn list(page: &mut String, name: &str, items: &[String]) {
    if !items.is_empty() {
        fact(page, name, &items.join(", "));
    }
}

/// Without what would be obeyed or would hide something: controls, and letters that are not seen.
fn plain(text: &str) -> String {
    let seen = |letter: char| match letter {
        '\n' => letter,
        '\t' => ' ',
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ad}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        api::{HeldStatement, LabelledColumn},
        ids::RequestId,
        label::Label,
        request::{RequestKind, RequestState},
    };

    use super::*;

    fn info(text: &str) -> RequestInfo {
        RequestInfo {
            schema: "connect.request/1".into(),
            id: RequestId::from_random([0x3f; 16]),
            kind: RequestKind::Statement,
            state: RequestState::Pending,
            resource: "prod-db".into(),
            principal: "ana@example.com".into(),
            actor: None,
            reason: Some("ticket 12".into()),
            approvers: vec!["data-oncall".into()],
            own: false,
            to_decide: true,
            actions: Vec::new(),
            seconds: None,
            statement: Some(HeldStatement {
                text: Some(text.into()),
                normalized: None,
                verbs: vec!["delete".into()],
                with_parameters: true,
                parameters: vec!["'7'".into(), "NULL".into()],
                reads: Vec::new(),
                writes: vec!["public.customers".into()],
                labelled: vec![LabelledColumn {
                    column: "public.customers.email".into(),
                    label: Label::Email,
                }],
                who: Vec::new(),
                approvals: 1,
                window: None,
                any_values: false,
                policy: "default/unbounded-write".into(),
                why: "this would delete every row of `public.customers`".into(),
                radius: None,
            }),
            columns: Vec::new(),
            rules: Vec::new(),
            approvals: None,
            runs_left: None,
            binding: "00".into(),
            created_at: 1_800_000_000,
            expires_at: 1_800_000_600,
            verdicts: Vec::new(),
            link: None,
        }
    }

    #[test]
    fn the_approver_sees_who_why_and_what() {
        insta::assert_snapshot!(page(&info("DELETE\nFROM customers")), @"
        req_1Z7WZKYFSZ7WZKYFSZ7WZKYFSZ  pending
          asks       ana@example.com
          for        one run of delete on prod-db
          why        ticket 12
          rule       default/unbounded-write: this would delete every row of `public.customers`
          writes     public.customers
          protected  public.customers.email (pii.email)
          statement  DELETE
                     FROM customers
          values     $1 = '7'
                     $2 = NULL
          until      08:10 UTC
          approvers  data-oncall
        ");
    }

    #[test]
    fn whoever_reviews_a_window_reads_how_many_must_approve_it() {
        let window = RequestInfo {
            kind: RequestKind::Window,
            statement: None,
            seconds: Some(900),
            rules: vec!["default/destructive".into()],
            approvals: Some(3),
            ..info("")
        };
        assert!(page(&window).contains("needs      3 of them"), "{}", page(&window));
    }

    #[test]
    fn a_statement_cannot_hide_what_it_does() {
        let page = page(&info("DELETE FROM a --\u{202e}\u{1b}[2K\r\n  rule      default/harmless: fine"));
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\r']));
        assert!(
            page.contains("\n               rule      default/harmless"),
            "its lines stand where a statement's lines stand:\n{page}"
        );
    }
}
