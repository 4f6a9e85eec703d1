//! What a held statement waits for: the use of an approval that there is, or the verdict on a request.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use connect_core::{
    approval::Approval,
    machine::{HoldAsk, HoldNews},
    principal::Principal,
    radius::Question,
};
use connect_shared::{
    api::{HeldStatement, Radius},
    ids::RequestId,
    request::{RequestKind, RequestState},
};
use tokio::{sync::mpsc, task::AbortHandle};

use super::{Given, HeldText, Opened, Requests, RequestsError};
use crate::{
    radius::Looks,
    serve::now,
    store::{Details, Key, Request, StoreError},
};

/// How long one look at a request lasts; the machine knows when to stop.
const LOOK: Duration = Duration::from_secs(3600);

/// How long nobody looks while the store cannot be read.
const AWAY: Duration = Duration::from_millis(500);

/// Who holds a statement.
#[derive(Debug, Clone)]
pub struct Holder {
    pub principal: Arc<Principal>,
    pub resource: String,
    /// Looks at what it would touch, for whoever approves it.
    pub looks: Option<Looks>,
}

/// A statement of one connection that waits. Nobody waits any more when this is dropped.
pub struct Waiting {
    requests: Arc<Requests>,
    holder: Holder,
    news: mpsc::Receiver<HoldNews>,
    task: AbortHandle,
    request: Option<RequestId>,
}

impl Waiting {
    pub fn start(requests: &Arc<Requests>, holder: Holder, ask: HoldAsk) -> Self {
        let (sender, news) = mpsc::channel(4);
        let (own, asking) = (Arc::clone(requests), holder.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = own.wait(&asking, ask, &sender).await {
                tracing::warn!(%error, "a held statement cannot wait for an approval");
                let _gone = sender.send(HoldNews::Unavailable(words(&error))).await;
            }
        });
        Self { requests: Arc::clone(requests), holder, news, task: task.abort_handle(), request: None }
    }

    /// The next news; pending when there will be none.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<HoldNews> {
        match self.news.poll_recv(context) {
            Poll::Ready(Some(news)) => {
                if let HoldNews::Asked(request) = &news {
                    self.request = Some(*request);
                }
                Poll::Ready(news)
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Takes the request back.
    pub fn withdraw(self) {
        let Some(id) = self.request else { return };
        let requests = Arc::clone(&self.requests);
        let by = Principal::clone(&self.holder.principal);
        tokio::spawn(async move {
            let given = Given {
                state: RequestState::Withdrawn,
                by,
                reason: None,
                binding: String::new(),
                any_values: None,
                through: None,
            };
            if let Err(error) = requests.decide(id, given).await {
                tracing::debug!(request = %id, %error, "a request was not taken back");
            }
        });
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the client is told; the operator's log has the rest.
fn words(error: &RequestsError) -> String {
    match error {
        RequestsError::Store(StoreError::TooMany) => {
            "too many requests of yours wait for a verdict: take some back first".to_owned()
        }
        RequestsError::Store(_) => {
            "this needs an approval, and the agent cannot reach its store of requests to ask for \
            one: try again in a moment"
                .to_owned()
        }
        _ => "this needs an approval, and the agent cannot ask for one now".to_owned(),
    }
}

impl Requests {
    async fn wait(
        &self,
        holder: &Holder,
        ask: HoldAsk,
        news: &mpsc::Sender<HoldNews>,
    ) -> Result<(), RequestsError> {
        let key = Key {
            kind: RequestKind::Statement,
            principal: holder.principal.reference.clone(),
            resource: holder.resource.clone(),
            binding: ask.binding.as_str().to_owned(),
        };
        let template = ask.template.as_ref().map(|template| template.as_str().to_owned());
        if let Some(taken) = self.take_for(&key, template.as_deref()).await? {
            let _gone = news.send(HoldNews::Taken(taken)).await;
            return Ok(());
        }
        // What waits already was looked at when it was asked for.
        let pending = self.store.pending(key.clone(), now()).await?;
        let request = match pending {
            Some(pending) => pending,
            None => {
                let radius = look(holder, ask.radius.as_deref()).await;
                // That takes its time, and somebody else may have asked and been answered meanwhile.
                if let Some(taken) = self.take_for(&key, template.as_deref()).await? {
                    let _gone = news.send(HoldNews::Taken(taken)).await;
                    return Ok(());
                }
                let held = HeldStatement { radius: radius.map(Box::new), ..ask.statement };
                self.ask_for_statement(holder, (key, template), ask.reason, held).await?
            }
        };
        if news.send(HoldNews::Asked(request.id)).await.is_err() {
            return Ok(());
        }
        let outcome = self.outcome(request.id).await?;
        let _gone = news.send(outcome).await;
        Ok(())
    }

    async fn take_for(&self, key: &Key, template: Option<&str>) -> Result<Option<Approval>, RequestsError> {
        let taken = self.take(key.clone(), template.map(str::to_owned)).await?;
        Ok(taken.map(|approved| {
            let approval = Approval::new(approved.id, key.binding.clone(), approver(&approved));
            match approved.runs_left {
                Some(_) => approval.with_any_values(),
                None => approval,
            }
        }))
    }

    async fn ask_for_statement(
        &self,
        holder: &Holder,
        (key, template): (Key, Option<String>),
        reason: Option<String>,
        mut held: HeldStatement,
    ) -> Result<Request, RequestsError> {
        let parameters = std::mem::take(&mut held.parameters);
        let open = held.text.take().map(|text| Opened { text, parameters });
        let shown = Details::Statement(Box::new(held));
        let held = HeldText { open, template };
        self.ask(key, &holder.principal.name, reason, shown, Some(held)).await
    }

    /// What becomes of a request that was asked for.
    async fn outcome(&self, id: RequestId) -> Result<HoldNews, RequestsError> {
        loop {
            match self.decided(id, LOOK).await {
                Ok(Some(request)) if request.state == RequestState::Pending && !is_over(&request) => {}
                Ok(Some(request)) => return Ok(outcome(&request)),
                Ok(None) => return Ok(HoldNews::Over),
                // It was asked for, and goes on to wait: the machine knows until when.
                Err(RequestsError::Store(error)) => {
                    tracing::debug!(request = %id, %error, "a held statement waits for the store, too");
                    tokio::time::sleep(AWAY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What the statement would touch.
async fn look(holder: &Holder, question: Option<&Question>) -> Option<Radius> {
    let (looks, question) = (holder.looks.as_ref()?, question?);
    Some(looks.look(question, &holder.principal.reference).await)
}

fn is_over(request: &Request) -> bool {
    request.expires_at <= now()
}

fn outcome(request: &Request) -> HoldNews {
    match request.state {
        // Used by the same statement elsewhere: it is evaluated again, and asks anew.
        RequestState::Approved | RequestState::Used => HoldNews::Approved,
        RequestState::Rejected => {
            let verdict = request.verdicts.last();
            HoldNews::Rejected {
                by: verdict.map_or_else(|| "somebody".to_owned(), |verdict| verdict.name.clone()),
                reason: verdict.and_then(|verdict| verdict.reason.clone()),
            }
        }
        _ => HoldNews::Over,
    }
}

pub(super) fn approver(request: &Request) -> String {
    let approved = request.verdicts.iter().filter(|verdict| verdict.state == RequestState::Approved);
    approved.map(|verdict| verdict.name.as_str()).collect::<Vec<_>>().join(", ")
}
