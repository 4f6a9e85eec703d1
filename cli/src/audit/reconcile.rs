//! `connect audit reconcile`: what went on at a database that did not come through the agent. The agent asks
//! the server who is logged in and what has run; a log that the server wrote is looked through here.

mod server_log;

use std::path::Path;

use connect_shared::{
    api::{
        ForeignSession, ReconcileRequest, Reconciliation, SearchFilter, SearchOrder, SearchRequest,
        SearchScope, StatementCount,
    },
    entry::Entry,
};
use serde_json::{Value, json};

use self::server_log::{LoggedSession, Sessions};
use super::search::{Asking, moment, one_line};
use crate::{
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
};

/// Findings of one kind that people are shown; programs get all.
const SHOWN: usize = 20;
/// How far the clocks of the server and the agent may be apart, with the time that a login takes.
const APART: u64 = 60_000;
/// Logins that are asked for at once.
const PAGE: u32 = 1_000;

pub(super) async fn run(application: &Application, wish: &arguments::Reconcile) -> Outcome<Ending> {
    let asking = Asking::new(application, wish.agent.as_deref()).await?;
    let waiting = application.console.wait_quietly_for("Asking the agent to compare");
    let answer = asking.reconcile(&ReconcileRequest { resource: wish.resource.clone() }).await;
    drop(waiting);
    let answer = answer?;
    let logged = match &wish.server_log {
        Some(file) => Some(from_log(&asking, &answer, file).await?),
        None => None,
    };
    asking.monitor().await?;
    application
        .console
        .document(&as_json(&answer, logged.as_ref())?, || for_people(&answer, logged.as_ref()))?;
    judge(&wish.resource, &answer, logged.as_ref())
}

/// Everything that is not explained counts, and so does what was not looked at.
fn judge(resource: &str, answer: &Reconciliation, logged: Option<&Logged>) -> Outcome<Ending> {
    let resource = failure::printable(resource);
    let sessions = answer.sessions.len() + logged.map_or(0, |logged| logged.found.len());
    let (found, unexplained) = (answer.statements.found.len(), answer.statements.unexplained.len());
    if sessions + found > 0 {
        let words = format!(
            "{sessions} sessions and {found} statements at `{resource}` did not come through the agent, and \
             {unexplained} more under its account are in no entry"
        );
        return Err(failure::unverified("bypassed", words)
            .help("see who holds accounts of that database beside the agent"));
    }
    if unexplained > 0 {
        let words = format!(
            "{unexplained} statements at `{resource}` under the agent's account are in no entry of its log"
        );
        return Err(failure::unverified("unexplained", words)
            .help("look through them, and change the password of that account if they are nobody's"));
    }
    if answer.statements.cut {
        let words = format!(
            "the server of `{resource}` has more statements than were compared; those that ran least were \
             not looked at"
        );
        return Err(failure::unverified("not_all_compared", words)
            .help("SELECT pg_stat_statements_reset() at that server, and compare more often"));
    }
    if answer.statements.before_log > 0 {
        let words = format!(
            "{} statements at `{resource}` under the agent's account may have run before the first entry that its \
             log still has",
            answer.statements.before_log
        );
        return Err(failure::unverified("not_all_compared", words)
            .help("SELECT pg_stat_statements_reset() at that server, and compare again later"));
    }
    Ok(Ending::Done)
}

/// What a log of the server says.
#[derive(Debug)]
struct Logged {
    /// Sessions at the resource's database.
    sessions: usize,
    found: Vec<LoggedSession>,
}

async fn from_log(asking: &Asking<'_>, answer: &Reconciliation, file: &Path) -> Outcome<Logged> {
    let (path, database, resource) = (file.to_owned(), answer.database.clone(), answer.resource.as_str());
    let read = tokio::task::spawn_blocking(move || Sessions::read(&path, &database)).await;
    let sessions = read.map_err(|error| failure::unexpected(error.to_string()))??;
    let Some((first, last)) = sessions.span() else { return Ok(Logged { sessions: 0, found: Vec::new() }) };
    let logins = logins(asking, resource, (first.saturating_sub(APART), last.saturating_add(APART))).await?;
    let count = sessions.len();
    Ok(Logged { sessions: count, found: sessions.without(&logins, APART) })
}

/// Processes and times of the agent's own logins within a span.
async fn logins(asking: &Asking<'_>, resource: &str, span: (u64, u64)) -> Outcome<Vec<(u32, u64)>> {
    let filter = SearchFilter {
        resource: Some(resource.to_owned()),
        since: Some(span.0),
        until: Some(span.1),
        kinds: vec!["upstream_opened".to_owned()],
        ..SearchFilter::default()
    };
    let mut request = SearchRequest {
        scope: SearchScope::All,
        filter,
        order: SearchOrder::OldestFirst,
        before: None,
        from: None,
        limit: PAGE,
        wait: 0,
    };
    let mut logins = Vec::new();
    loop {
        let answer = asking.ask(&request).await?;
        for entry in answer.rows.iter().flat_map(|row| &row.entries) {
            if let Entry::UpstreamOpened { process, .. } = entry.leaf.entry {
                logins.push((process, entry.leaf.time));
            }
        }
        match answer.rows.last() {
            Some(last) if answer.more => request.from = Some(last.index + 1),
            _ => return Ok(logins),
        }
    }
}

fn as_json(answer: &Reconciliation, logged: Option<&Logged>) -> Outcome<Value> {
    let mut document =
        serde_json::to_value(answer).map_err(|error| failure::unexpected(error.to_string()))?;
    if let (Some(fields), Some(logged)) = (document.as_object_mut(), logged) {
        let log = json!({"sessions": logged.sessions, "found": logged.found});
        fields.insert("server_log".to_owned(), log);
    }
    Ok(document)
}

fn for_people(answer: &Reconciliation, logged: Option<&Logged>) -> String {
    let mut text = format!(
        "{}: {} sessions of the agent (account {}), {} of others\n",
        failure::printable(&answer.resource),
        answer.own_sessions,
        failure::printable(&answer.account),
        answer.sessions.len()
    );
    list(&mut text, &answer.sessions, session);
    let statements = &answer.statements;
    match &statements.unavailable {
        Some(why) => text.push_str(&format!("Statements were not compared: {}\n", failure::printable(why))),
        None => {
            let since =
                statements.since.map_or_else(String::new, |since| format!(" since {}", moment(since)));
            let found = statements.found.len();
            let compared = statements.compared;
            text.push_str(&format!("{compared} statements{since}, {found} not as the log says\n"));
        }
    }
    list(&mut text, &statements.found, count);
    if !statements.unexplained.is_empty() {
        let unexplained = statements.unexplained.len();
        text.push_str(&format!("{unexplained} under the agent's account are in no entry:\n"));
        list(&mut text, &statements.unexplained, count);
    }
    if statements.samples + statements.rewritten > 0 {
        text.push_str(&format!(
            "{} have the form of the agent's own samples for labels, {} that of statements with masks in them\n",
            statements.samples, statements.rewritten
        ));
    }
    if statements.cut {
        text.push_str("The server has more statements: those that ran least were not looked at\n");
    }
    if statements.before_log > 0 {
        text.push_str(&format!(
            "{} under the agent's account may have run before the first entry that is kept: nothing can be said \
             of them\n",
            statements.before_log
        ));
    }
    if let Some(times) = statements.forgotten.filter(|times| *times > 0) {
        text.push_str(&format!(
            "The server has forgotten what ran least, {times} times: it was not looked at\n"
        ));
    }
    if let Some(logged) = logged {
        let (sessions, found) = (logged.sessions, logged.found.len());
        text.push_str(&format!("{sessions} sessions in the server's log, {found} not through the agent\n"));
        list(&mut text, &logged.found, LoggedSession::line);
    }
    let sound = answer.sessions.is_empty()
        && statements.is_clean()
        && logged.is_none_or(|logged| logged.found.is_empty());
    if sound {
        text.push_str("ok: nothing was found that did not come through the agent\n");
    }
    text
}

fn list<T>(text: &mut String, found: &[T], line: impl Fn(&T) -> String) {
    for one in found.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", line(one)));
    }
    let more = found.len().saturating_sub(SHOWN);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
}

fn session(session: &ForeignSession) -> String {
    let word = |text: &Option<String>| text.as_deref().map_or_else(|| "?".to_owned(), failure::printable);
    let since = session.since.map_or_else(|| "?".to_owned(), moment);
    let sql = session.sql.as_deref().map(|sql| format!(": {}", one_line(sql))).unwrap_or_default();
    format!(
        "process {} as {} ({}) from {} since {since}, {}{sql}",
        session.process,
        word(&session.role),
        word(&session.application),
        session.address.as_deref().map_or_else(|| "this machine".to_owned(), failure::printable),
        word(&session.state),
    )
}

fn count(count: &StatementCount) -> String {
    let sql = count.sql.as_deref().map_or_else(|| "a text without a normal form".to_owned(), one_line);
    let (calls, recorded) = (count.calls, count.recorded);
    format!("{calls} calls as {}, {recorded} in the log: {sql}", failure::printable(&count.role))
}

#[cfg(test)]
mod tests {
    use connect_shared::api::ForeignStatements;

    use super::*;

    fn answer(statements: ForeignStatements) -> Reconciliation {
        Reconciliation {
            schema: "connect.reconciliation/1".to_owned(),
            resource: "shop-db".to_owned(),
            database: "shop".to_owned(),
            origin: "connect.local/test".to_owned(),
            indexed: 1,
            time: 0,
            account: "agent".to_owned(),
            own_sessions: 1,
            sessions: Vec::new(),
            statements,
        }
    }

    fn code(statements: ForeignStatements) -> Option<String> {
        let answer = answer(statements);
        let judged = judge("shop-db", &answer, None);
        let is_ok = for_people(&answer, None).contains("ok: nothing was found");
        assert_eq!(judged.is_ok(), is_ok, "what people read and what programs get say the same");
        judged.err().map(|report| report.code)
    }

    #[test]
    fn what_is_in_no_entry_counts_and_so_does_what_was_not_looked_at() {
        let one = |recorded| {
            let sql = Some("SELECT email FROM customers".to_owned());
            vec![StatementCount { role: "agent".to_owned(), calls: 2, recorded, sql }]
        };
        let none = ForeignStatements::default;
        assert_eq!(code(none()), None);
        assert_eq!(code(ForeignStatements { own: 7, forgotten: Some(1), ..none() }), None);
        assert_eq!(code(ForeignStatements { found: one(1), ..none() }).as_deref(), Some("bypassed"));
        assert_eq!(code(ForeignStatements { unexplained: one(0), ..none() }).as_deref(), Some("unexplained"));
        assert_eq!(code(ForeignStatements { cut: true, ..none() }).as_deref(), Some("not_all_compared"));
        let pruned = ForeignStatements { before_log: 2, ..none() };
        assert!(
            for_people(&answer(pruned.clone()), None).contains("2 under the agent's account may have run")
        );
        assert_eq!(code(pruned).as_deref(), Some("not_all_compared"));
        let both = ForeignStatements { unexplained: one(0), cut: true, ..none() };
        let told = for_people(&answer(both), None);
        assert!(told.contains("2 calls as agent, 0 in the log: SELECT email FROM customers"), "{told}");
        assert!(told.contains("were not looked at"), "{told}");
    }
}
