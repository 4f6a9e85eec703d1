//! Puts the parts of an agent together, runs them, and takes them apart in order.
//!
//! Order of the start: the port (so that a second agent leaves no trace), the keys, the log (which recovers
//! what a crash left), the entry that says who decides from here on, and only then the door. Order of the
//! end: the door, the sessions, the last entry, the log.
//!
//! Read next: [`agent`] for what the parts share.

mod agent;
mod clock;
mod counts;
mod ending;
mod stored;

#[cfg(test)]
pub(crate) mod testing;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use connect_core::decide::{InForce, Policies};
use connect_shared::{
    api::{IdentityInfo, OtherIdentity},
    entry::Entry,
    frame::ALPN,
};
use tokio::{sync::watch, task::JoinSet};

use self::stored::Stored;
pub use self::{
    agent::{Agent, NoPlace, OpenConnection, Served, now, record_unavailable, wall_clock},
    counts::Counted,
    ending::signalled,
};
use crate::{
    api,
    audit::Follower,
    budgets::KeptBudgets,
    catalog::{CatalogService, Clear, Rows},
    config::{Config, IdentityConfig, Retention},
    console::{Console, ConsoleError},
    driver::Kept,
    exact::Texts,
    export::{Exporter, taken_by_all},
    grants::{GrantAuthority, GrantKeyError},
    identity::{FetchError, IdentityVerifier},
    keys::{KeyError, Keys},
    lineage,
    listener::{
        BindError, Certificates, ClientKey, HandshakeRate, Listener, Sockets, TlsSetupError, server_config,
    },
    log::{self, Log, LogClosed, LogOptions, OpenError, PruneRule, PrunedLog},
    notify::Notices,
    parking::Parking,
    policy::{self, PolicyError},
    radius::Looks,
    requests::Requests,
    resource::ResourceRuntime,
    revocation::Revocations,
    shards::Shards,
    signals::Signals,
    store::{Store, StoreError},
    tunnel::{EndpointError, Tunnels, endpoint},
    usage::KeptUsage,
    witness::Asker,
};

/// ALPN of the control API.
const HTTP: &[u8] = b"http/1.1";
/// How long the parts may take to end.
const STOP_TIME: Duration = Duration::from_secs(15);
/// How long witnesses may take to cosign the last checkpoint.
const COSIGN_TIME: Duration = Duration::from_secs(3);

/// Why an agent does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    GrantKey(#[from] GrantKeyError),
    #[error("the log cannot be used: {0}")]
    Log(String),
    #[error("{0}")]
    Revocations(String),
    #[error("{0}")]
    Budgets(String),
    #[error("{0}")]
    Sharing(String),
    #[error("exact texts cannot be kept: {0}")]
    Texts(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error(transparent)]
    Identity(#[from] FetchError),
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("no threads: {0}")]
    Threads(#[from] std::io::Error),
    #[error("a part of the agent ended by a bug; see the log lines above")]
    Ended,
}

impl From<OpenError> for ServeError {
    fn from(error: OpenError) -> Self {
        Self::Log(error.to_string())
    }
}

impl From<LogClosed> for ServeError {
    fn from(error: LogClosed) -> Self {
        Self::Log(error.to_string())
    }
}

/// An agent that serves.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, with the port that it got.
    pub address: SocketAddr,
    /// `sha256:…` of its certificate, for clients to pin.
    pub fingerprint: String,
    pub(crate) log: Log,
    #[cfg(test)]
    pub(crate) agent: std::sync::Weak<Agent>,
    drain: watch::Sender<bool>,
    drain_time: Duration,
    /// Asked once more at the end.
    witnesses: Option<Arc<Asker>>,
    /// Both are kept once more at the end.
    usage: Arc<KeptUsage>,
    budgets: Arc<KeptBudgets>,
    /// Written once more at the end.
    texts: Option<Texts>,
    /// Told of once more at the end.
    refusals: Arc<agent::RefusalBudget>,
    stop: watch::Sender<bool>,
    parts: JoinSet<()>,
    /// They end with this.
    _polls: JoinSet<()>,
}

/// Starts an agent; it serves when this returns.
///
/// # Errors
/// The port, the keys or the log cannot be had.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    let sockets = Sockets::bind(config.listen)?;
    let address = sockets.address;
    let policies = policy::load(&config.policy)?;
    let config = Arc::new(config);
    let (keys, log) = {
        let config = Arc::clone(&config);
        // Re-hashing a long log takes its time.
        tokio::task::spawn_blocking(move || open_state(&config)).await.map_err(|_| ServeError::Ended)??
    };
    let last = log.time();
    // Before anything that it does, and the resources connect as soon as there are some.
    let seq = log.append(started(&config, policies.digest()))?;
    log.wait_durable(seq).await?;
    let (drain, draining) = watch::channel(false);
    let stored = stored::open(&config, &keys).await?;
    let agent = Arc::new(assemble(&config, &keys, &log, draining, policies, &stored)?);
    if let Some(sharing) = &agent.sharing {
        agent.revocations.tell_through(Arc::clone(sharing.untold()));
        sharing.catch_up(&agent).await?;
    }
    agent.requests.sweep();
    agent.usage.load().await?;
    agent.usage.follow();
    agent.budgets.follow();
    let (usage, refusals) = (Arc::clone(&agent.usage), Arc::clone(&agent.refusals));
    let budgets = Arc::clone(&agent.budgets);
    policy::follow(&config, &agent.policies, &log);

    let (witnesses, texts) = (agent.witnesses.clone(), agent.texts.clone());
    let mut polls = agent.signals.poll(&agent);
    if let Some(sharing) = &agent.sharing {
        sharing.follow(&agent, &mut polls);
    }
    polls.spawn(lineage::end_abandoned(Arc::clone(&agent)));
    clock::follow(&log, last, &mut polls);
    let (stop, stopping) = watch::channel(false);
    let rate = Arc::new(HandshakeRate::default());
    let tls = Certificates::new(server_config(&keys.certificate, ClientKey::Optional, &[HTTP, ALPN])?);
    let tls = match (&keys.console, config.console.as_ref().and_then(|console| console.certificate.as_ref()))
    {
        (Some(certificate), Some(named)) => {
            tls.with(&named.name, server_config(certificate, ClientKey::NotAsked, &[HTTP])?)
        }
        _ => tls,
    };
    let shards = Shards::start()?;
    let (endpoint, door) = endpoint(sockets.udp, &keys.certificate, &shards)?;
    let router = api::router(Arc::clone(&agent));
    let listener = Listener::new(sockets.tcp, tls, router, Arc::clone(&rate), Arc::clone(&door));
    #[cfg(test)]
    let weak = Arc::downgrade(&agent);
    let tunnels = Tunnels::new((endpoint, door), agent, rate, shards);
    let mut parts = JoinSet::new();
    parts.spawn(listener.run(stopping.clone()));
    parts.spawn(tunnels.run(stopping));
    let fingerprint = keys.certificate.fingerprint();
    tracing::info!(%address, %fingerprint, resources = config.resources.len(), "the agent serves");
    let drain_time = config.drain;
    Ok(Running {
        address,
        fingerprint,
        log,
        #[cfg(test)]
        agent: weak,
        witnesses,
        usage,
        budgets,
        texts,
        refusals,
        drain,
        drain_time,
        stop,
        parts,
        _polls: polls,
    })
}

/// Runs an agent until `shutdown` is set or its sender is gone.
///
/// # Errors
/// It cannot start, or a part of it ended by a bug.
pub async fn run(config: Config, mut shutdown: watch::Receiver<bool>) -> Result<(), ServeError> {
    let mut running = start(config).await?;
    tokio::select! {
        () = crate::listener::stopped(&mut shutdown) => running.stop("asked to stop").await,
        () = running.ended() => {
            running.stop("a part ended by a bug").await?;
            Err(ServeError::Ended)
        }
    }
}

impl Running {
    /// Returns when a part of the agent ended although nobody asked it to.
    pub async fn ended(&mut self) {
        let _part = self.parts.join_next().await;
    }

    /// Stops accepting, ends sessions with words that say why, and closes the log behind the last entry.
    ///
    /// # Errors
    /// The log could not take the last entries.
    pub async fn stop(mut self, reason: &str) -> Result<(), ServeError> {
        tracing::info!(reason, "the agent stops");
        self.drain.send_replace(true);
        // The tunnels end by themselves when nothing is left in them.
        let drained = tokio::time::timeout(self.drain_time, self.parts.join_next()).await;
        if drained.is_err() {
            tracing::info!("transactions are cut that did not end in time");
        }
        self.stop.send_replace(true);
        let parts = &mut self.parts;
        let ended =
            tokio::time::timeout(STOP_TIME, async { while parts.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("parts of the agent did not end in time and are cut");
            self.parts.shutdown().await;
        }
        if let Err(error) = self.usage.keep().await {
            tracing::warn!(%error, "what principals were given cannot be kept");
        }
        self.budgets.keep().await;
        if let Some(texts) = self.texts.take() {
            let _cancelled = tokio::task::spawn_blocking(move || texts.flush()).await;
        }
        let left_out = self.refusals.left_out();
        if left_out > 0 {
            let _closed_log_has_said_so = self.log.append(Entry::RefusalsLeftOut { count: left_out });
        }
        let stopped = self.log.append(Entry::AgentStopped { reason: reason.to_owned() });
        self.last_cosignatures().await;
        let log = self.log.clone();
        let closed =
            tokio::task::spawn_blocking(move || log.shutdown()).await.map_err(|_| ServeError::Ended)?;
        stopped.map(|_| ()).and(closed).map_err(ServeError::from)
    }
}

impl Running {
    /// What nobody has cosigned when the agent stops could be cut while it is away. A witness that is away
    /// itself is not waited for long.
    async fn last_cosignatures(&self) {
        let Some(mut cosigned) = self.witnesses.as_ref().map(|asker| asker.cosigned()) else { return };
        if let Ok(published) = self.log.publish_now().await {
            let _without =
                tokio::time::timeout(COSIGN_TIME, cosigned.wait_for(|size| *size >= published.size)).await;
        }
    }
}

/// Removes what `rule` does not keep, while nobody has the log open. What a sink has not taken stays.
pub(crate) fn prune(config: &Config, rule: &Retention) -> Result<Option<PrunedLog>, OpenError> {
    let dir = config.state_dir.join("log");
    let most = taken_by_all(&dir, &config.log.sinks).map_err(|source| OpenError::Io {
        what: "read the cursors in",
        path: dir.join("sinks"),
        source,
    })?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (age, now) = (milliseconds(rule.time), milliseconds(now));
    let rule = PruneRule { keep: rule.name.clone(), age, now, most };
    log::prune(&dir, LogOptions::new(config.log.origin.clone(), &dir), &rule)
}

fn open_state(config: &Config) -> Result<(Keys, Log), ServeError> {
    let keys = Keys::open(config)?;
    let mut options = LogOptions::new(config.log.origin.clone(), keys.log_dir.clone());
    options.mode = config.log.mode;
    if let Some(rule) = &config.log.keep
        && let Some(pruned) = prune(config, rule)?
    {
        tracing::info!(upto = pruned.upto, keep = rule.name, "old entries were pruned");
    }
    let (log, recovery) = Log::open(&keys.log_dir, options)?;
    if let Some(torn) = &recovery.torn {
        tracing::warn!(segment = %torn.segment, bytes = torn.bytes, "the log's tail was torn and is cut");
    }
    if !recovery.unknown.is_empty() {
        tracing::warn!(statements = recovery.unknown.len(), "statements were open when the agent last ended");
    }
    tracing::info!(entries = recovery.entries, "the log is open");
    Ok((keys, log))
}

fn assemble(
    config: &Config,
    keys: &Keys,
    log: &Log,
    draining: watch::Receiver<bool>,
    policies: Arc<Policies>,
    stored: &Stored,
) -> Result<Agent, ServeError> {
    let store: &Arc<dyn Store> = &stored.store;
    let resources: BTreeMap<String, Served> = config
        .resources
        .iter()
        .map(|resource| {
            let name = resource.resource.name.clone();
            let upstream = Arc::clone(&resource.upstream);
            let catalog = CatalogService::start(
                name.clone(),
                Arc::clone(&upstream),
                resource.labels.clone(),
                resource.functions.clone(),
                log.clone(),
            );
            let looks = Looks::new(name.clone(), Arc::clone(&upstream), log.clone());
            let runtime = ResourceRuntime {
                resource: Arc::clone(&resource.resource),
                upstream,
                catalog,
                clear: Clear::new(resource.clear.clone()),
                rows: Rows::new(resource.rows.clone()),
                roles: resource.roles.clone(),
                tags: resource.tags.clone(),
                canaries: resource.canaries.clone(),
                looks,
            };
            (name, Served { engine: resource.engine, runtime: Arc::new(runtime) })
        })
        .collect();
    let index = Follower::start(log, &keys.log_dir)?;
    let console = open_console(config, keys)?;
    let requests = Requests::new(Arc::clone(store), log.clone(), &stored.seal_key, config.requests);
    if let Some(console) = &console {
        requests.have_pages_at(console.pages());
    }
    if !config.notified.is_empty() {
        requests.announce_by(Notices::start(config, console.as_ref().map(Console::links)));
    }
    Ok(Agent {
        name: config.name.clone(),
        identity_info: identity_info(&config.identity),
        other_identities: config
            .others
            .iter()
            .map(|(name, config)| OtherIdentity { name: name.clone(), identity: identity_info(config) })
            .collect(),
        identity: IdentityVerifier::new(config)?,
        grants: GrantAuthority::new(config, &keys.grant)?,
        revocations: Revocations::open(&config.state_dir, &config.identity.issuer, now())
            .map_err(ServeError::Revocations)?,
        signals: Signals::new(&config.signals)?,
        auditors: config.log.auditors.clone(),
        revokers: config.grants.revokers.clone(),
        resources,
        log: log.clone(),
        counts: counts::Counts::default(),
        sinks: Exporter::start(log, &index, &keys.log_dir, &config.log.sinks)?,
        index,
        runs: Arc::default(),
        witnesses: Asker::start(log, &config.log.witnesses).map(Arc::new),
        mask_key: Arc::clone(&stored.mask_key),
        budgets: KeptBudgets::open(&config.state_dir, config.budget).map_err(ServeError::Budgets)?,
        usage: KeptUsage::new(Arc::clone(store)),
        commitment_key: stored.commitment_key,
        texts: keep_texts(config, log)?,
        text_readers: config.log.text_readers.clone(),
        cancels: Arc::default(),
        connections: Arc::default(),
        parking: Parking::new(config.park),
        kept: Kept::default(),
        draining,
        refusals: Arc::default(),
        policies: Arc::new(InForce::new(policies)),
        requests,
        console,
        sharing: stored.sharing.clone(),
    })
}

fn open_console(config: &Config, keys: &Keys) -> Result<Option<Console>, ConsoleError> {
    let Some(console) = &config.console else { return Ok(None) };
    Console::new(console, (&config.name, &keys.commitment), &config.identity).map(Some)
}

/// Exact texts are kept where the configuration says how long.
fn keep_texts(config: &Config, log: &Log) -> Result<Option<Texts>, ServeError> {
    let state = config.state_dir.as_path();
    let Some(rule) = &config.log.texts else {
        if Texts::are_in(state) {
            tracing::warn!(
                "exact texts were kept, and nothing says how long any more: `connect-agent audit erase` removes them"
            );
        }
        return Ok(None);
    };
    Texts::start(state, rule.time, log).map(Some).map_err(|error| ServeError::Texts(error.to_string()))
}

fn identity_info(config: &IdentityConfig) -> IdentityInfo {
    IdentityInfo {
        issuer: config.issuer.clone(),
        client_id: config.client_id.clone(),
        scopes: config.scopes.clone(),
    }
}

fn started(config: &Config, policy_digest: &str) -> Entry {
    Entry::AgentStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_digest: config.digest.clone(),
        policy_digest: policy_digest.to_owned(),
        mode: config.log.mode.to_string(),
    }
}
