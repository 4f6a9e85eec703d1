//! Who is signed in, and the sessions that an AI agent uses: one for each resource and actor, opened when it
//! is first needed and held until the AI agent's program goes.

use std::{collections::HashMap, sync::Arc};

use connect_shared::{
    api::{ExplainRequest, Explanation, ResourceInfo},
    error::{ErrorReport, Exit},
    grant::Action,
};
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

use super::actor::Who;
use crate::{
    agents::Identity,
    api::ControlApi,
    application::Application,
    certificate::ClientKey,
    failure::{self, Outcome},
    identity::{Holder, Pending, SignIn},
    session::{self, ClientSettings, Giver, LocalWish, Parent, Parts, Patience, Request, Until},
};

/// Sessions at once.
const MOST_SESSIONS: usize = 16;

/// Shared by all calls.
#[derive(Clone)]
pub(super) struct Sessions {
    pub(super) application: Application,
    /// The session that all of this is a part of, if it is.
    parent: Option<Parent>,
    /// Resources that are offered; empty: all.
    offered: Arc<[String]>,
    reason: Option<String>,
    /// What a person started us for.
    task: Option<String>,
    pub(super) open: Arc<Mutex<HashMap<(String, Who), Open>>>,
    signing_in: Arc<Mutex<HashMap<Identity, SigningIn>>>,
}

pub(super) struct Open {
    client: Arc<ClientSettings>,
    resource: ResourceInfo,
    pub(super) giver: Giver,
    /// Parts of it that were handed on, each until a time.
    pub(super) parts: Vec<(u64, Parts)>,
    /// When it was wanted last, among all.
    used: u64,
    /// Its end ends the session.
    _until: oneshot::Sender<()>,
    holding: JoinHandle<()>,
}

/// Where the control API of a resource's agent is spoken.
pub(super) struct Desk {
    pub(super) target: session::Target,
    pub(super) api: ControlApi,
    pub(super) sign_in: SignIn,
}

/// A sign-in that waits for the person.
struct SigningIn {
    address: String,
    waiting: JoinHandle<()>,
}

/// Why a call cannot go on.
pub(super) enum Stop {
    /// A person must sign in at this address first.
    SignIn {
        address: Option<String>,
    },
    Failed(ErrorReport),
}

impl From<ErrorReport> for Stop {
    fn from(report: ErrorReport) -> Self {
        Self::Failed(report)
    }
}

impl Sessions {
    pub(super) fn new(
        application: Application,
        offered: Vec<String>,
        (reason, task): (Option<String>, Option<String>),
        parent: Option<Parent>,
    ) -> Self {
        Self {
            application,
            parent,
            offered: offered.into(),
            reason,
            task,
            open: Arc::default(),
            signing_in: Arc::default(),
        }
    }

    /// What a person started us for.
    pub(super) fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// Why, by that person's word.
    pub(super) fn purpose(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What can be read, at every agent that answers.
    pub(super) async fn resources(&self, who: &Who) -> Result<Vec<(String, ResourceInfo)>, Stop> {
        if self.parent.is_some() {
            return self.resources_of_part(who).await;
        }
        let agents = self.application.agents()?;
        if agents.is_empty() {
            return Err(crate::agents::none_known().into());
        }
        let mut found = Vec::new();
        for door in agents.doors() {
            let agents = session::in_order(&door.agents()).await?.agents;
            let agent = agents.first().unwrap_or(door.first);
            let holder = self.application.holder(agent)?;
            let sign_in = self.signed_in(&holder).await?;
            let list = ControlApi::new(agent, None)?.resources(sign_in.id_token.reveal()).await?;
            found.extend(list.resources.into_iter().map(|resource| (door.name.to_owned(), resource)));
        }
        found.retain(|(agent, resource)| {
            self.offers(&resource.name) || self.offers(&format!("{agent}/{}", resource.name))
        });
        Ok(found)
    }

    /// A part is of what it was handed on for.
    async fn resources_of_part(&self, who: &Who) -> Result<Vec<(String, ResourceInfo)>, Stop> {
        let mut found = Vec::new();
        for resource in self.offered.iter() {
            let target = self.target(resource).await?;
            self.client(resource, who).await?;
            let all = self.open.lock().await;
            let open = all.get(&(target.full_name(), who.clone()));
            found.extend(open.map(|open| (target.door.clone(), open.resource.clone())));
        }
        Ok(found)
    }

    /// The agent of a resource, and the sign-in to speak to it with.
    pub(super) async fn desk(&self, resource: &str) -> Result<Desk, Stop> {
        if self.parent.is_some() {
            let words = "a sub-agent asks nothing of people and of the record: its parent does";
            return Err(failure::local("not_for_sub_agents", words).into());
        }
        let target = self.target(resource).await?.settled(&self.application).await?;
        let holder = self.application.holder(&target.agent)?;
        let sign_in = self.signed_in(&holder).await?;
        let api = ControlApi::new(&target.agent, Some(&ClientKey::generate()?))?;
        Ok(Desk { target, api, sign_in })
    }

    /// What would become of a text.
    pub(super) async fn explain(&self, resource: &str, sql: &str, who: &Who) -> Result<Explanation, Stop> {
        if self.parent.is_some() {
            return self.explain_by_grant(resource, sql, who).await;
        }
        let desk = self.desk(resource).await?;
        let request = ExplainRequest {
            grant: None,
            resource: desk.target.resource,
            sql: sql.to_owned(),
            search_path: None,
            actions: vec![Action::Read],
            actor: Some(who.actor.clone()),
            task: who.task.clone(),
            reason: self.reason.clone(),
            purpose: None,
        };
        Ok(desk.api.explain(desk.sign_in.id_token.reveal(), &request).await?)
    }

    /// The same by the grant of the session, where nobody is signed in.
    async fn explain_by_grant(&self, resource: &str, sql: &str, who: &Who) -> Result<Explanation, Stop> {
        self.client(resource, who).await?;
        let target = self.target(resource).await?;
        let giver = {
            let all = self.open.lock().await;
            all.get(&(target.full_name(), who.clone())).map(|open| open.giver.clone())
        };
        let giver = giver.ok_or_else(|| failure::local("connection_lost", "the session ended"))?;
        Ok(giver.explain(sql, self.purpose()).await?)
    }

    /// How to reach a session for this actor.
    pub(super) async fn client(&self, resource: &str, who: &Who) -> Result<Arc<ClientSettings>, Stop> {
        let target = self.target(resource).await?;
        let key = (target.full_name(), who.clone());
        // Held while one opens, so that two calls do not open two.
        let mut all = self.open.lock().await;
        all.retain(|_, open| !open.holding.is_finished());
        let used = all.values().map(|open| open.used).max().map_or(0, |last| last.saturating_add(1));
        if let Some(open) = all.get_mut(&key) {
            open.used = used;
            return Ok(Arc::clone(&open.client));
        }
        if all.len() >= MOST_SESSIONS {
            leave_one(&mut all).await;
        }
        if all.len() >= MOST_SESSIONS {
            let words = format!("no more than {MOST_SESSIONS} sessions are open at once");
            return Err(failure::local("too_many_sessions", words).into());
        }
        let holder = self.application.holder(&target.agent)?;
        if self.parent.is_none() {
            self.signed_in(&holder).await?;
        }
        let request = Request {
            target,
            actions: vec![Action::Read],
            reason: self.reason.clone(),
            actor: Some(who.actor.clone()),
            run: None,
            task: who.task.clone(),
            local: LocalWish::Private,
            // A program is told what is missing; its person asks.
            patience: Patience::None,
            how_long: None,
        };
        let opened = match &self.parent {
            Some(parent) => session::open_part(&self.application, &request, parent.clone()).await?,
            None => session::open(&self.application, &request, holder).await?,
        };
        let open = self.hold(opened, used);
        let client = Arc::clone(&open.client);
        all.insert(key, open);
        Ok(client)
    }

    fn hold(&self, opened: session::Opened, used: u64) -> Open {
        let client = Arc::new(opened.client.clone());
        let (until, mut ended) = oneshot::channel::<()>();
        let console = self.application.console.clone();
        let (resource, giver) = (opened.resource.clone(), opened.giver.clone());
        let holding = tokio::spawn(async move {
            let finished = Box::pin(async move {
                let _dropped = (&mut ended).await;
            });
            opened.hold(&console, Until::Happens(finished)).await;
        });
        Open { client, resource, giver, parts: Vec::new(), used, _until: until, holding }
    }

    /// Ends every session, and waits for that.
    pub(super) async fn close(&self) {
        let all: Vec<Open> = self.open.lock().await.drain().map(|(_, open)| open).collect();
        for Open { _until: until, holding, .. } in all {
            drop(until);
            let _ended = holding.await;
        }
        for (_, signing_in) in self.signing_in.lock().await.drain() {
            signing_in.waiting.abort();
        }
    }

    pub(super) async fn target(&self, resource: &str) -> Result<session::Target, Stop> {
        if !self.offers(resource) {
            let words = format!("the resource `{resource}` is not offered here");
            return Err(failure::not_found("no_such_resource", words).into());
        }
        match session::resolve(&self.application, resource).await {
            Ok(target) => Ok(target),
            // Several agents are known, and one of them had to be asked first.
            Err(report) if report.exit == Exit::SignInNeeded => Err(Stop::SignIn { address: None }),
            Err(report) => Err(report.into()),
        }
    }

    /// By the name that the person gave: a name without its agent offers no agent's by its full name.
    fn offers(&self, resource: &str) -> bool {
        self.offered.is_empty() || self.offered.iter().any(|known| known == resource)
    }

    /// A good sign-in, or the address where the person gives us one. No browser is opened for an AI agent.
    async fn signed_in(&self, holder: &Holder) -> Result<SignIn, Stop> {
        match holder.fresh().await {
            Ok(sign_in) => Ok(sign_in),
            Err(report) if report.exit == Exit::SignInNeeded => {
                Err(Stop::SignIn { address: Some(self.wait_for_person(holder).await?) })
            }
            Err(report) => Err(report.into()),
        }
    }

    /// The address of the sign-in that is under way, or of a new one.
    async fn wait_for_person(&self, holder: &Holder) -> Outcome<String> {
        let mut all = self.signing_in.lock().await;
        all.retain(|_, one| !one.waiting.is_finished());
        if let Some(one) = all.get(holder.identity()) {
            return Ok(one.address.clone());
        }
        let pending = Pending::start(holder.identity()).await?;
        let address = pending.address().to_owned();
        let (application, holder) = (self.application.clone(), holder.clone());
        let identity = holder.identity().clone();
        let waiting = tokio::spawn(async move {
            let kept = match pending.finish().await {
                Ok(sign_in) => application.keep_sign_in(&holder, sign_in).await.map(|_| ()),
                Err(report) => Err(report),
            };
            if let Err(report) = kept {
                application.console.warn(&report.message);
            }
        });
        all.insert(identity, SigningIn { address: address.clone(), waiting });
        Ok(address)
    }
}

/// Ends the session that was wanted longest ago, of those that no call uses: each task has its own, and there are
/// more tasks than sessions.
async fn leave_one(all: &mut HashMap<(String, Who), Open>) {
    let now = crate::identity::now();
    let handed_on = |open: &Open| open.parts.iter().any(|(until, _)| *until > now);
    let idle = all.iter().filter(|(_, open)| Arc::strong_count(&open.client) == 1 && !handed_on(open));
    let oldest = idle.min_by_key(|(_, open)| open.used).map(|(key, _)| key.clone());
    if let Some(Open { _until: until, holding, .. }) = oldest.and_then(|key| all.remove(&key)) {
        drop(until);
        let _ended = holding.await;
    }
}
