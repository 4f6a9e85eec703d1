//! The agent's pages under `/console`: requests, looked at and decided in a browser, on a phone, too. Rendered
//! here, without script, with nothing from elsewhere.
//!
//! A browser is nobody until its person has signed in at the agent's own identity provider, as with `connect`.
//! From then on it is a cookie that names a [`session`]; a verdict needs besides a token of the page that it
//! was given on, and a browser that says it comes from there ([`guard`]). Who may see and do what is not said
//! here: it is [`crate::api::requests`] that does, as for `connect`.
//!
//! Read next: [`sign_in`], then [`decide`]; [`page`] for what people see, [`link`] for what a chat is told.

mod decide;
mod guard;
mod link;
mod page;
mod session;
mod sign_in;
mod ticket;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use connect_shared::ids::RequestId;

pub(crate) use self::{link::Links, page::plain};
use self::{session::Sessions, ticket::Tickets};
use crate::{
    config::{ConsoleConfig, IdentityConfig},
    identity::{ClientOfOurs, FetchError, RelyingParty},
    keys::{self, KeyError},
    revocation::Standing,
    serve::Agent,
};

/// What a running console needs.
pub struct Console {
    /// Without a slash at the end.
    url: String,
    authority: String,
    /// Cookies know no ports: two agents on one machine are told apart by their names.
    cookie: String,
    door: RelyingParty,
    sessions: Sessions,
    tickets: Tickets,
    links: Arc<Links>,
    /// Longest life of a session, in seconds.
    longest: u64,
}

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error(transparent)]
    Identity(#[from] FetchError),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl Console {
    /// The console of the agent of this name. `key` is the agent's own.
    ///
    /// # Errors
    /// The provider's CA file cannot be used, or the system gives no random bytes.
    pub fn new(
        config: &ConsoleConfig,
        (agent, key): (&str, &[u8; 32]),
        identity: &IdentityConfig,
    ) -> Result<Self, ConsoleError> {
        let client = ClientOfOurs {
            client_id: config.client_id.clone().unwrap_or_else(|| identity.client_id.clone()),
            secret: config.client_secret.clone(),
            redirect_uri: format!("{}/console/callback", config.url),
        };
        Ok(Self {
            url: config.url.clone(),
            authority: config.authority().to_owned(),
            cookie: format!("__Host-connect-{agent}"),
            door: RelyingParty::new(identity, client)?,
            sessions: Sessions::default(),
            tickets: Tickets::new(&keys::random()?),
            links: Arc::new(Links::new(config.url.clone(), key)),
            longest: identity.max_token_age.as_secs(),
        })
    }

    /// The page of a request, for whoever has signed in.
    #[must_use]
    pub fn page_of(&self, request: RequestId) -> String {
        self.links.page_of(request)
    }

    /// What stands before the id in the address of a page.
    #[must_use]
    pub fn pages(&self) -> Arc<str> {
        format!("{}/console/requests/", self.url).into()
    }

    /// Links that a chat is given.
    #[must_use]
    pub fn links(&self) -> Arc<Links> {
        Arc::clone(&self.links)
    }

    /// The client as which people sign in.
    pub const fn door(&self) -> &RelyingParty {
        &self.door
    }

    /// Ends the sessions of those who are meant.
    pub fn end(&self, is_meant: impl Fn(&Standing) -> bool) {
        self.sessions.end_those(is_meant);
    }
}

/// All pages; without a console each says so.
pub(crate) fn router() -> Router<Arc<Agent>> {
    Router::new()
        .route("/console", get(decide::list))
        .route("/console/", get(decide::list))
        .route("/console/requests/{id}", get(decide::one))
        .route("/console/requests/{id}/verdict", post(decide::verdict))
        .route("/console/sign-in", get(sign_in::begin))
        .route("/console/callback", get(sign_in::finish))
        .route("/console/sign-out", post(sign_in::end))
        .route("/console/style.css", get(page::style))
        .route("/console/mark.svg", get(page::mark))
        .route("/console/{*rest}", get(decide::nothing))
}
