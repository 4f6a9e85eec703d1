//! Parts of a session's grant for sub-agents: a socket that only this person reaches, at which another `connect`
//! shows the certificate of its own key and says what it wants. The grant that it gets is the agent's to give: a
//! part of ours, bound to its key. Ours never leaves this process, and neither does our key.
//!
//! Whoever renews comes again; when this process ends, what it has handed on is not renewed.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use connect_shared::{
    api::{ExplainRequest, Explanation, GrantRequest, GrantResponse, HandOn},
    error::{ErrorReport, Exit},
    grant::{Action, BudgetPart},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::UnixStream,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::door::{read_line, write_line};
use crate::{
    agents::Agent,
    api::ControlApi,
    certificate::ClientKey,
    failure::{self, Outcome},
    listen::{Listener, Local},
    paths::Paths,
    private,
};

/// The variable in which a command finds the socket of the session that it runs in.
pub(crate) const VARIABLE: &str = "CONNECT_PARENT";
/// How a sub-agent is called that does not say.
pub(crate) const UNNAMED: &str = "sub-agent";

/// How long a visitor may take to ask, and an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(40);
/// Visitors at once.
const MOST_VISITORS: usize = 16;

/// A session's grant, as it is at each moment.
#[derive(Clone)]
pub(crate) struct Giver {
    pub(super) agent: Agent,
    pub(super) key: Arc<ClientKey>,
    pub(super) resource: String,
    pub(super) granted: watch::Receiver<String>,
}

/// What is decided beforehand about what is handed on; what is not, the one that comes may choose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// How the sub-agent is called.
    pub(crate) actor: Option<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) budget: BudgetPart,
    /// Until when, in seconds since 1970.
    pub(crate) until: Option<u64>,
}

/// What is wanted of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartWish {
    pub(crate) tables: Vec<String>,
    pub(crate) seconds: Option<u64>,
    pub(crate) budget: BudgetPart,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// The session that the one who asks runs in, by its own word.
    within: Option<String>,
    certificate: String,
    resource: String,
    actor: Option<String>,
    actions: Vec<Action>,
    reason: Option<String>,
    task: Option<String>,
    wish: PartWish,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// With the URL of the agent that gave it: in a group it is that of the session.
    Granted {
        agent: String,
        grant: Box<GrantResponse>,
    },
    Refused(Box<ErrorReport>),
}

/// An open socket; it closes with this value.
#[derive(Debug)]
pub(crate) struct Parts {
    serving: JoinHandle<()>,
    path: PathBuf,
}

impl Parts {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.serving.abort();
        let _gone_already = std::fs::remove_file(&self.path);
    }
}

/// Sockets that this process has opened.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Giver {
    /// Hands parts on to whoever of this person's processes comes.
    pub(crate) fn serve(self, paths: &Paths, terms: Terms) -> Outcome<Parts> {
        paths.runtime()?;
        let folder = paths.parts();
        private::own_folder(&folder)?;
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{nth}.sock", std::process::id()));
        let listener = Listener::unix(&path)?;
        let around = Parent::around().map(|around| around.socket);
        let near =
            std::iter::once(path.clone()).chain(around).map(|path| path.display().to_string()).collect();
        let serving = tokio::spawn(async move { serve(&listener, self, (terms, near)).await });
        Ok(Parts { serving, path })
    }

    /// What would become of a text under this very grant.
    pub(crate) async fn explain(&self, sql: &str, purpose: Option<&str>) -> Outcome<Explanation> {
        let request = ExplainRequest {
            resource: self.resource.clone(),
            sql: sql.to_owned(),
            search_path: None,
            actions: Vec::new(),
            actor: None,
            task: None,
            reason: None,
            purpose: purpose.map(str::to_owned),
            grant: Some(self.granted.borrow().clone()),
        };
        ControlApi::new(&self.agent, Some(&self.key))?.explain_by_grant(&request).await
    }

    async fn hand_on(&self, terms: &Terms, ask: Ask) -> Outcome<GrantResponse> {
        let request = request(&self.resource, terms, ask, self.granted.borrow().clone())?;
        ControlApi::new(&self.agent, Some(&self.key))?.hand_on(&request).await
    }
}

/// What the agent is asked for: within the terms.
fn request(resource: &str, terms: &Terms, ask: Ask, grant: String) -> Outcome<GrantRequest> {
    if ask.resource != resource {
        let words =
            format!("the session that this is a part of is for `{resource}`, not for `{}`", ask.resource);
        return Err(ErrorReport::new("grant_other_resource", Exit::Denied, words)
            .help(format!("connect exec {resource} -- …")));
    }
    let PartWish { tables, seconds, budget } = ask.wish;
    let fixed = !terms.tables.is_empty() && !tables.is_empty()
        || terms.budget != BudgetPart::default() && budget != BudgetPart::default();
    if fixed {
        let words = "the tables and the budget of this part are those that it was handed on with";
        return Err(ErrorReport::new("grant_wider", Exit::Denied, words).help("leave them out"));
    }
    let left = terms.until.map(|until| until.saturating_sub(crate::identity::now()));
    if left == Some(0) {
        let words = "what was handed on was for a time that is over";
        return Err(ErrorReport::new("grant_expired", Exit::SessionEnded, words));
    }
    let seconds = seconds.into_iter().chain(left).min();
    let actor = terms.actor.clone().or(ask.actor).unwrap_or_else(|| UNNAMED.to_owned());
    Ok(GrantRequest {
        resource: ask.resource,
        actions: ask.actions,
        reason: ask.reason,
        actor: Some(actor),
        run: None,
        task: ask.task,
        tables: if terms.tables.is_empty() { tables } else { terms.tables.clone() },
        hand_on: Some(Box::new(HandOn {
            grant,
            certificate: ask.certificate,
            seconds,
            budget: if terms.budget == BudgetPart::default() { budget } else { terms.budget },
        })),
    })
}

/// The command of an AI agent gets parts of the session that it runs in, and of what was handed on within the same
/// one. Any other, of somebody with more rights or of another budget, is none of its business.
fn may_come(near: &[String], ask: &Ask) -> Outcome<()> {
    match &ask.within {
        Some(within) if !near.contains(within) => {
            let words = format!(
                "this is the command of an AI agent ({VARIABLE} is set), and the session that it names is another one"
            );
            Err(ErrorReport::new("inside_an_ai_agent", Exit::Denied, words).help("leave --parent out"))
        }
        _ => Ok(()),
    }
}

/// `near`: the sockets in whose commands whoever comes may be.
async fn serve(listener: &Listener, giver: Giver, (terms, near): (Terms, Arc<[String]>)) {
    let mut room = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if room.len() < MOST_VISITORS => {
                if let Ok(visitor) = accepted {
                    let (giver, terms, near) = (giver.clone(), terms.clone(), Arc::clone(&near));
                    room.spawn(async move {
                        visitor.check().ok()?;
                        let Local::Unix(mut stream) = visitor else { return None };
                        let ask = timeout(PATIENCE, read_line::<Ask>(&mut stream)).await.ok()??;
                        let given = match may_come(&near, &ask) {
                            Ok(()) => giver.hand_on(&terms, ask).await,
                            Err(report) => Err(report),
                        };
                        let answer = match given {
                            Ok(grant) => {
                                Answer::Granted { agent: giver.agent.url.clone(), grant: Box::new(grant) }
                            }
                            Err(report) => Answer::Refused(Box::new(report)),
                        };
                        write_line(&mut stream, &answer).await
                    });
                }
            }
            Some(_) = room.join_next() => {}
        }
    }
}

/// Where a part comes from, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) socket: PathBuf,
    pub(crate) wish: PartWish,
}

impl Parent {
    /// The session of the AI agent whose command we are, if we are one: whatever is opened from here is a part of
    /// that one's grant, and never the person's own.
    pub(crate) fn around() -> Option<Self> {
        std::env::var_os(VARIABLE).map(|socket| Self::at(PathBuf::from(socket)))
    }

    /// The session behind this socket, of which all is wanted.
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket, wish: PartWish::default() }
    }

    /// Refuses what can be no part of a grant, where we are the command of an AI agent.
    ///
    /// # Errors
    /// We are.
    pub(crate) fn refuses(what: &str) -> Outcome<()> {
        if Self::around().is_none() {
            return Ok(());
        }
        let words = format!("this is the command of an AI agent ({VARIABLE} is set), and {what}");
        let report = ErrorReport::new("inside_an_ai_agent", Exit::Denied, words);
        Err(report.help("connect exec RESOURCE --as-agent NAME -- CMD"))
    }

    /// A part for whoever has this key, and the URL of its agent.
    pub(super) async fn grant(
        &self,
        key: &ClientKey,
        wanted: &GrantRequest,
    ) -> Outcome<(String, GrantResponse)> {
        let ask = Ask {
            within: Self::around().map(|around| around.socket.display().to_string()),
            certificate: key.thumbprint(),
            resource: wanted.resource.clone(),
            actor: wanted.actor.clone(),
            actions: wanted.actions.clone(),
            reason: wanted.reason.clone(),
            task: wanted.task.clone(),
            wish: self.wish.clone(),
        };
        let mut stream = UnixStream::connect(&self.socket).await.map_err(|_| gone())?;
        write_line(&mut stream, &ask).await.ok_or_else(gone)?;
        match timeout(ANSWER_PATIENCE, read_line(&mut stream)).await.ok().flatten() {
            Some(Answer::Granted { agent, grant }) => Ok((agent, *grant)),
            Some(Answer::Refused(report)) => Err(*report),
            None => Err(gone()),
        }
    }
}

fn gone() -> ErrorReport {
    failure::local("parent_gone", "the session that this would be a part of is not there any more")
        .help("let whoever handed it on do that again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(wish: PartWish) -> Ask {
        Ask {
            within: None,
            certificate: "c".into(),
            resource: "shop".into(),
            actor: None,
            actions: vec![Action::Read],
            reason: None,
            task: None,
            wish,
        }
    }

    #[test]
    fn who_runs_in_one_session_gets_no_part_of_another() {
        let near = ["/run/own.sock".to_owned(), "/run/around.sock".to_owned()];
        let from = |within: Option<&str>| {
            let asked = Ask { within: within.map(str::to_owned), ..ask(PartWish::default()) };
            may_come(&near, &asked).map_err(|report| report.code)
        };
        for within in [None, Some("/run/own.sock"), Some("/run/around.sock")] {
            assert_eq!(from(within), Ok(()), "{within:?}");
        }
        assert_eq!(from(Some("/run/other.sock")), Err("inside_an_ai_agent".into()));
    }

    #[test]
    fn what_was_decided_beforehand_nobody_chooses() {
        let terms = Terms {
            actor: Some("worker".into()),
            tables: vec!["public.orders".into()],
            budget: BudgetPart { rows: Some(5), ..BudgetPart::default() },
            until: Some(crate::identity::now() + 60),
        };
        let made = request("shop", &terms, ask(PartWish::default()), "g".into()).expect("a request");
        assert_eq!((made.actor.as_deref(), made.tables.as_slice()), (Some("worker"), &terms.tables[..]));
        let hand_on = made.hand_on.expect("it is handed on");
        assert_eq!(hand_on.budget, terms.budget);
        assert!(hand_on.seconds.is_some_and(|seconds| (1..=60).contains(&seconds)));
        let sooner =
            request("shop", &terms, ask(PartWish { seconds: Some(3), ..PartWish::default() }), "g".into());
        assert_eq!(sooner.expect("a request").hand_on.expect("handed on").seconds, Some(3));
        let tables = PartWish { tables: vec!["public.customers".into()], ..PartWish::default() };
        let budget =
            PartWish { budget: BudgetPart { rows: Some(9), ..BudgetPart::default() }, ..PartWish::default() };
        for wish in [tables, budget] {
            assert_eq!(
                request("shop", &terms, ask(wish), "g".into()).expect_err("fixed").code,
                "grant_wider"
            );
        }
        let other = Ask { actor: Some("somebody".into()), ..ask(PartWish::default()) };
        let made = request("shop", &terms, other, "g".into()).expect("a request");
        assert_eq!(made.actor.as_deref(), Some("worker"), "it is called as it was said");
        let elsewhere = Ask { resource: "other".into(), ..ask(PartWish::default()) };
        assert_eq!(
            request("shop", &terms, elsewhere, "g".into()).expect_err("no").code,
            "grant_other_resource"
        );
        let over = Terms { until: Some(1), ..terms };
        assert_eq!(
            request("shop", &over, ask(PartWish::default()), "g".into()).expect_err("over").code,
            "grant_expired"
        );
    }
}
