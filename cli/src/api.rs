//! The agent's control API over HTTPS: who it is, what may be opened, grants, receipts, the log's files.
//!
//! Only the certificate that was fixed when the agent was added is accepted, also through a proxy.

mod address;
mod body;
mod problem;

use std::time::Duration;

use connect_shared::{
    api::{
        AccessWish, AgentInfo, ExplainRequest, Explanation, GrantRequest, GrantResponse, LineageAnswer,
        LineageQuestion, ReconcileRequest, Reconciliation, RequestInfo, RequestList, ResourceList,
        RevocationAnswer, RevocationRequest, RunAttestation, RunEnd, SearchAnswer, SearchRequest, TextAnswer,
        TextRequest, VerdictWish,
    },
    ids::{RequestId, RunId},
};
use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use serde::de::DeserializeOwned;

pub(crate) use self::{
    address::Address,
    body::{Limit, read as read_body},
    problem::other_certificate,
};
use crate::{
    agents::Agent,
    certificate::{self, ClientKey, Speech, Trust},
    failure::{self, Outcome},
    proxy::{self, Proxy},
};

/// How long an agent may take to answer at all.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer about a text: many statements, each with every column of wide tables.
const MAX_EXPLANATION: usize = 64 * 1024 * 1024;

/// Longest answer to a search: many rows, each with the whole of its entries.
const MAX_SEARCH: usize = 256 * 1024 * 1024;

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Caller<'a> {
    Anyone,
    /// An ID token.
    Principal(&'a str),
}

/// The control API of one agent.
#[derive(Debug, Clone)]
pub(crate) struct ControlApi {
    name: String,
    address: Address,
    http: Client,
    proxy: Option<Proxy>,
}

impl ControlApi {
    /// Of a known agent. Grants need this process's key.
    pub(crate) fn new(agent: &Agent, key: Option<&ClientKey>) -> Outcome<Self> {
        Self::at(&agent.name, agent.url.parse()?, &agent.trust()?, key)
    }

    /// Of an agent that is not known yet.
    pub(crate) fn at(name: &str, address: Address, trust: &Trust, key: Option<&ClientKey>) -> Outcome<Self> {
        let proxy = proxy::towards(&address)?;
        let builder = Client::builder();
        let builder = if proxy.is_none() { builder.no_proxy() } else { proxy::around(builder)? };
        let http = builder
            .tls_backend_preconfigured(certificate::client_config(trust, key, Speech::Http)?)
            .https_only(true)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(ANSWER_PATIENCE)
            .user_agent(crate::program::NAME_AND_VERSION)
            .build()
            .map_err(|error| failure::unexpected(failure::chain(&error)))?;
        Ok(Self { name: name.to_owned(), address, http, proxy })
    }

    /// The proxy on the way to it.
    pub(crate) const fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// What the agent says of itself.
    pub(crate) async fn about(&self) -> Outcome<AgentInfo> {
        self.json(self.request(Method::GET, "/v1/agent", Caller::Anyone)).await
    }

    /// Whether it can let somebody in; if not, why.
    pub(crate) async fn ready(&self) -> Outcome<()> {
        self.text("/readyz", Caller::Anyone, Limit::Document).await.map(|_| ())
    }

    /// What this principal may open.
    pub(crate) async fn resources(&self, id_token: &str) -> Outcome<ResourceList> {
        self.json(self.request(Method::GET, "/v1/resources", Caller::Principal(id_token))).await
    }

    /// Asks for a grant.
    pub(crate) async fn grant(&self, id_token: &str, request: &GrantRequest) -> Outcome<GrantResponse> {
        self.json(self.request(Method::POST, "/v1/grants", Caller::Principal(id_token)).json(request)).await
    }

    /// Hands a part of a grant on: whose it is, shows this process's key.
    pub(crate) async fn hand_on(&self, request: &GrantRequest) -> Outcome<GrantResponse> {
        self.json(self.request(Method::POST, "/v1/grants", Caller::Anyone).json(request)).await
    }

    /// Asks what would become of a text.
    pub(crate) async fn explain(&self, id_token: &str, request: &ExplainRequest) -> Outcome<Explanation> {
        let call = self.request(Method::POST, "/v1/explain", Caller::Principal(id_token)).json(request);
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// The same by a grant that is bound to this process's key.
    pub(crate) async fn explain_by_grant(&self, request: &ExplainRequest) -> Outcome<Explanation> {
        let call = self.request(Method::POST, "/v1/explain", Caller::Anyone).json(request);
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// Asks the index of the log.
    pub(crate) async fn search(&self, id_token: &str, request: &SearchRequest) -> Outcome<SearchAnswer> {
        let call = self.request(Method::POST, "/v1/search", Caller::Principal(id_token)).json(request);
        self.json_within(call, Limit::Bytes(MAX_SEARCH)).await
    }

    /// Asks the agent to hold its log against a database.
    pub(crate) async fn reconcile(
        &self,
        id_token: &str,
        request: &ReconcileRequest,
    ) -> Outcome<Reconciliation> {
        let call = self.request(Method::POST, "/v1/reconcile", Caller::Principal(id_token)).json(request);
        self.json_within(call, Limit::Bytes(MAX_SEARCH)).await
    }

    /// Asks for the exact text of a statement.
    pub(crate) async fn exact_text(&self, id_token: &str, request: &TextRequest) -> Outcome<TextAnswer> {
        let call = self.request(Method::POST, "/v1/text", Caller::Principal(id_token)).json(request);
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// Ends sessions.
    pub(crate) async fn revoke(
        &self,
        id_token: &str,
        request: &RevocationRequest,
    ) -> Outcome<RevocationAnswer> {
        self.json(self.request(Method::POST, "/v1/revocations", Caller::Principal(id_token)).json(request))
            .await
    }

    /// Asks where values came from or went to.
    pub(crate) async fn lineage(&self, id_token: &str, question: &LineageQuestion) -> Outcome<LineageAnswer> {
        let call = self.request(Method::POST, "/v1/lineage", Caller::Principal(id_token)).json(question);
        self.json_within(call, Limit::Bytes(MAX_SEARCH)).await
    }

    /// Ends a run; what the agent saw of it.
    pub(crate) async fn end_run(&self, id_token: &str, run: RunId, end: &RunEnd) -> Outcome<RunAttestation> {
        let path = format!("/v1/runs/{run}/end");
        let call = self.request(Method::POST, &path, Caller::Principal(id_token)).json(end);
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// Asks for access that somebody must approve.
    pub(crate) async fn ask(&self, id_token: &str, wish: &AccessWish) -> Outcome<RequestInfo> {
        self.json(self.request(Method::POST, "/v1/requests", Caller::Principal(id_token)).json(wish)).await
    }

    /// Requests that concern this principal.
    pub(crate) async fn requests(&self, id_token: &str) -> Outcome<RequestList> {
        let call = self.request(Method::GET, "/v1/requests", Caller::Principal(id_token));
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// One request, as soon as it is decided or after so many seconds.
    pub(crate) async fn request_of(
        &self,
        id_token: &str,
        id: RequestId,
        seconds: u64,
    ) -> Outcome<RequestInfo> {
        let path = format!("/v1/requests/{id}?wait={seconds}");
        let call = self.request(Method::GET, &path, Caller::Principal(id_token));
        self.json_within(call, Limit::Bytes(MAX_EXPLANATION)).await
    }

    /// Decides about a request.
    pub(crate) async fn decide(
        &self,
        id_token: &str,
        id: RequestId,
        wish: &VerdictWish,
    ) -> Outcome<RequestInfo> {
        let path = format!("/v1/requests/{id}/verdict");
        self.json(self.request(Method::POST, &path, Caller::Principal(id_token)).json(wish)).await
    }

    /// A text: a receipt, a checkpoint.
    pub(crate) async fn text(&self, path: &str, caller: Caller<'_>, limit: Limit) -> Outcome<String> {
        let bytes = self.fetch(path, caller, limit).await?;
        let missing = || failure::not_found("not_found", format!("the agent `{}` has no {path}", self.name));
        String::from_utf8(bytes.ok_or_else(missing)?)
            .map_err(|_| failure::unexpected(format!("the agent's {path} is not text")))
    }

    /// A file, or `None` if there is none.
    pub(crate) async fn fetch(
        &self,
        path: &str,
        caller: Caller<'_>,
        limit: Limit,
    ) -> Outcome<Option<Vec<u8>>> {
        let response = self.send(self.request(Method::GET, path, caller)).await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND && path.starts_with("/log/") {
            return Ok(None);
        }
        let response = problem::refusal(response, &self.name).await?;
        body::read(response, limit).await.map(Some)
    }

    /// The agent's clock, as its answers carry it: seconds since 1970.
    pub(crate) async fn clock(&self) -> Outcome<Option<time::OffsetDateTime>> {
        let response = self.send(self.request(Method::GET, "/healthz", Caller::Anyone)).await?;
        let date = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        let format = &time::format_description::well_known::Rfc2822;
        Ok(date.and_then(|date| time::OffsetDateTime::parse(&date.replace("GMT", "+0000"), format).ok()))
    }

    fn request(&self, method: Method, path: &str, caller: Caller<'_>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        match caller {
            Caller::Anyone => request,
            Caller::Principal(id_token) => request.bearer_auth(id_token),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Outcome<Response> {
        request
            .send()
            .await
            .map_err(|error| problem::unreachable(&self.name, &self.address, self.proxy(), &error))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Outcome<T> {
        self.json_within(request, Limit::Document).await
    }

    async fn json_within<T: DeserializeOwned>(&self, request: RequestBuilder, limit: Limit) -> Outcome<T> {
        let response = problem::refusal(self.send(request).await?, &self.name).await?;
        let bytes = body::read(response, limit).await?;
        serde_json::from_slice(&bytes).map_err(|_| {
            failure::unexpected(format!(
                "the answer of the agent `{}` is not what this version knows",
                self.name
            ))
        })
    }
}
