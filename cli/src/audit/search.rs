//! `connect history`, `connect audit search` and `connect audit tail`: asking an agent's index. Every row
//! has the index of its entry, so that `connect audit receipt --index` proves it.

mod page;
mod period;
mod when;

use connect_shared::{
    api::{
        LineageAnswer, LineageQuestion, ReconcileRequest, Reconciliation, SearchAnswer, SearchFilter,
        SearchOrder, SearchRequest, SearchScope, TextAnswer, TextRequest,
    },
    error::ErrorReport,
    ocsf,
};

pub(super) use self::page::{moment, one_line};
pub(crate) use self::{period::Period, when::When};
use super::{keys, monitor};
use crate::{
    agents::Agent,
    api::ControlApi,
    application::{Application, Ending},
    arguments::{self, EventFormat},
    console::Format,
    failure::{self, Outcome},
    identity::Holder,
};

/// How long the agent holds a question that has no answer yet.
const WAIT_SECONDS: u8 = 20;
/// Rows that `tail` begins with, and takes at once.
const TAIL_ROWS: u32 = 200;

/// My own statements and how they ended.
pub(crate) async fn history(application: &Application, wish: &arguments::History) -> Outcome<Ending> {
    let mut filter = filter(&wish.filter)?;
    if filter.kinds.is_empty() {
        filter.kinds = vec!["intent".to_owned(), "denial".to_owned()];
    }
    let request = request(SearchScope::Own, filter, wish.limit);
    once(application, wish.agent.as_deref(), request, wish.filter.format).await
}

/// Everybody's entries.
pub(super) async fn search(application: &Application, wish: &arguments::Search) -> Outcome<Ending> {
    let mut filter = filter(&wish.filter)?;
    filter.principal = wish.principal.clone();
    let mut request = request(SearchScope::All, filter, wish.limit);
    request.before = wish.before;
    once(application, wish.agent.as_deref(), request, wish.filter.format).await
}

/// Everybody's entries as they are written, until Ctrl-C.
pub(super) async fn tail(application: &Application, wish: &arguments::Tail) -> Outcome<Ending> {
    if application.console.format == Format::Json {
        return Err(failure::usage("a stream is not one JSON document").help("connect audit tail -o jsonl"));
    }
    let mut filter = filter(&wish.filter)?;
    filter.principal = wish.principal.clone();
    let asking = Asking::new(application, wish.agent.as_deref()).await?;
    let mut request = request(SearchScope::All, filter, wish.lines.max(1));
    let first = asking.ask(&request).await?;
    asking.monitor().await?;
    let mut rows = first.rows.clone();
    rows.reverse();
    if wish.lines == 0 {
        rows.clear();
    }
    let as_events = wish.filter.format == Some(EventFormat::Ocsf);
    if as_events {
        events(application, &SearchAnswer { rows, ..first.clone() })?;
    } else if wish.lines > 0 {
        application.console.rows(&page::rows(&rows)?)?;
    }
    request.from = Some(first.indexed);
    (request.order, request.limit, request.wait) = (SearchOrder::OldestFirst, TAIL_ROWS, WAIT_SECONDS);
    loop {
        let answer = asking.ask(&request).await?;
        let last = answer.rows.last().map(|row| row.index + 1).filter(|_| answer.more);
        if as_events {
            events(application, &answer)?;
        } else {
            application.console.rows(&page::rows(&answer.rows)?.without_headings())?;
        }
        request.from = Some(last.unwrap_or(answer.indexed).max(request.from.unwrap_or(0)));
    }
}

async fn once(
    application: &Application,
    agent: Option<&str>,
    request: SearchRequest,
    format: Option<EventFormat>,
) -> Outcome<Ending> {
    let asking = Asking::new(application, agent).await?;
    let waiting = application.console.wait_quietly_for("Asking the agent");
    let answer = asking.ask(&request).await;
    drop(waiting);
    let answer = answer?;
    asking.monitor().await?;
    if answer.indexed < answer.size {
        let words =
            format!("the index is behind: {} of {} entries were looked through", answer.indexed, answer.size);
        application.console.warn(&words);
    }
    if format == Some(EventFormat::Ocsf) {
        return events(application, &answer).map(|()| Ending::Done);
    }
    let mut rows = page::rows(&answer.rows)?;
    rows.beside("origin", &answer.origin)?;
    rows.beside("indexed", &answer.indexed)?;
    rows.beside("more", &answer.more)?;
    if answer.rows.is_empty() {
        application.console.say("Nothing was found");
    }
    application.console.rows(&rows)?;
    if let (true, Some(last)) = (answer.more, answer.rows.last()) {
        application.console.say(&format!("There are more: --limit, or --before {}", last.index));
    }
    Ok(Ending::Done)
}

/// The entries of an answer as events.
fn events(application: &Application, answer: &SearchAnswer) -> Outcome<()> {
    let events = answer.rows.iter().flat_map(|row| ocsf::of_row(&answer.origin, row));
    events.into_iter().try_for_each(|event| application.console.object(&event))
}

/// One agent, as a signed-in person asks it.
pub(crate) struct Asking<'a> {
    application: &'a Application,
    agent: Agent,
    api: ControlApi,
    holder: Holder,
}

impl<'a> Asking<'a> {
    pub(crate) async fn new(application: &'a Application, named: Option<&str>) -> Outcome<Self> {
        let agents = application.agents()?;
        let agent = match named {
            Some(name) => agents.named(name)?,
            None => agents.only()?,
        };
        let holder = application.holder(agent)?;
        application.signed_in(&holder).await?;
        Ok(Self { application, agent: agent.clone(), api: ControlApi::new(agent, None)?, holder })
    }

    pub(super) async fn ask(&self, request: &SearchRequest) -> Outcome<SearchAnswer> {
        let sign_in = self.holder.fresh().await?;
        let answer = self.api.search(sign_in.id_token.reveal(), request).await?;
        // An agent that answers something else than was asked is not to be worked with.
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let known = keys::parse(&self.agent.log.key)?;
        if answer.origin != known.name() || answer.rows.len() > limit {
            return Err(odd_answer(&self.agent.name));
        }
        Ok(answer)
    }

    /// Asks the agent to hold its log against a database.
    pub(super) async fn reconcile(&self, request: &ReconcileRequest) -> Outcome<Reconciliation> {
        let sign_in = self.holder.fresh().await?;
        let answer = self.api.reconcile(sign_in.id_token.reveal(), request).await?;
        let known = keys::parse(&self.agent.log.key)?;
        if answer.origin != known.name() || answer.resource != request.resource {
            return Err(odd_answer(&self.agent.name));
        }
        Ok(answer)
    }

    /// What a statement exactly said.
    pub(super) async fn text(&self, request: &TextRequest) -> Outcome<TextAnswer> {
        let sign_in = self.holder.fresh().await?;
        self.api.exact_text(sign_in.id_token.reveal(), request).await
    }

    pub(super) const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Where values came from or went to.
    pub(crate) async fn lineage(&self, question: &LineageQuestion) -> Outcome<LineageAnswer> {
        let sign_in = self.holder.fresh().await?;
        let answer = self.api.lineage(sign_in.id_token.reveal(), question).await?;
        let known = keys::parse(&self.agent.log.key)?;
        if answer.origin != known.name() || answer.direction != question.direction {
            return Err(odd_answer(&self.agent.name));
        }
        Ok(answer)
    }

    /// Every use is a look at the log: it must contain what it had at the last one.
    pub(crate) async fn monitor(&self) -> Outcome<()> {
        monitor::look(&self.application.paths, &self.agent, &self.api).await.map(|_| ())
    }
}

fn odd_answer(agent: &str) -> ErrorReport {
    failure::unexpected(format!("the agent `{agent}` answered something else than was asked"))
}

fn request(scope: SearchScope, filter: SearchFilter, limit: u32) -> SearchRequest {
    SearchRequest { scope, filter, order: SearchOrder::NewestFirst, before: None, from: None, limit, wait: 0 }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn filter(wish: &arguments::Filter) -> Outcome<SearchFilter> {
    let now = now();
    Ok(SearchFilter {
        principal: None,
        actor: wish.actor.clone(),
        resource: wish.resource.clone(),
        table: wish.table.clone(),
        column: wish.column.clone(),
        label: wish.label.clone(),
        decision: wish.decision.map(Into::into),
        since: wish.since.map(|when| when.before(now)),
        until: wish.until.map(|when| when.before(now)),
        text: wish.text.clone(),
        kinds: wish.kind.clone(),
        statement: parsed(wish.statement.as_deref())?,
        session: parsed(wish.session.as_deref())?,
        run: parsed(wish.run.as_deref())?,
    })
}

/// An id as it is written.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: Option<&str>) -> Outcome<Option<T>> {
    let read = |text: &str| {
        text.parse().map_err(|error| failure::usage(format!("`{}` is {error}", failure::printable(text))))
    };
    text.map(read).transpose()
}
