//! `agent.toml`: read once, checked whole, typed from there on.
//!
//! Every problem is reported at once, with its line and key; nothing that is not understood is passed
//! over, and an unknown key is answered with the nearest one that exists. Reading touches files that the
//! configuration names (passwords, certificates); it opens no socket.
//!
//! Read next: [`section`] for how keys are taken, [`resource`] for the longest section.

mod access;
mod agent;
mod budget;
mod canary;
pub mod checks;
mod console;
mod identity;
mod mode;
mod nats;
mod notify;
mod park;
mod problem;
mod resource;
mod retention;
mod role;
mod rows;
mod secret;
mod section;
mod signals;
mod sink;
mod store;
mod value;
mod witness;
mod workload;

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub(crate) use self::retention::{KeepError, retention};
pub use self::{
    access::AccessList,
    console::ConsoleConfig,
    nats::{NatsConfig, NatsLogin},
    notify::{NoticeFormat, NotifyConfig},
    problem::{ConfigError, Problem},
    retention::Retention,
    role::{Roles, WorksAs},
    signals::SignalsConfig,
    sink::{EventsOf, SinkConfig, SinkFormat, SinkTarget},
    store::StoreConfig,
    value::is_loopback,
    witness::{WitnessConfig, WitnessRules},
    workload::{ClaimRule, KeysFrom, WorkloadConfig},
};
use self::{
    problem::Findings,
    section::{Located, Section},
};
use crate::{
    catalog::{ClearRule, LabelOverrides, Registered, RowRule},
    log::Mode,
    upstream::UpstreamConfig,
};
use connect_core::{canary::Canaries, principal::Resource, protocol::postgres::tag::Tag};
use connect_shared::{engine::Engine, error::StepUp, grant::Action, hexadecimal::hexadecimal};

/// Longest configuration file that is read.
const MAX_FILE: u64 = 1 << 20;
/// Most resources of one agent.
const MAX_RESOURCES: usize = 1_000;

/// The configuration of one agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shown to developers.
    pub name: String,
    /// TCP and UDP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Keys and log; made with mode 0700.
    pub state_dir: PathBuf,
    /// More names of the self-signed certificate.
    pub public_names: Vec<String>,
    pub certificate: CertificateSource,
    /// How long transactions may go on when the agent is to stop.
    pub drain: Duration,
    pub identity: IdentityConfig,
    /// Other identity providers, by name.
    pub others: Vec<(String, IdentityConfig)>,
    /// Programs that bring a token of their own.
    pub workloads: Vec<WorkloadConfig>,
    /// Who may tell that a sign-in is over.
    pub signals: Vec<SignalsConfig>,
    pub log: LogConfig,
    pub grants: GrantsConfig,
    /// What the AI agents of one person may take.
    pub budget: connect_core::budget::actors::ActorLimits,
    pub park: ParkConfig,
    pub requests: RequestsConfig,
    /// A database that several agents share; none: what must survive is in `state_dir`.
    pub store: Option<Arc<StoreConfig>>,
    /// The agent's pages; none: there are none.
    pub console: Option<ConsoleConfig>,
    /// Who is told of requests.
    pub notified: Vec<NotifyConfig>,
    pub policy: PolicyConfig,
    pub resources: Vec<ResourceConfig>,
    /// Hexadecimal SHA-256 of the file in a form without comments, order and spacing.
    pub digest: String,
}

/// Where the certificate of the listeners comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made at the first start, kept in the state folder, pinned by its fingerprint.
    SelfSigned,
    /// PEM files that somebody else renews.
    Files { certificate: PathBuf, key: PathBuf },
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Exactly as in the `iss` of its tokens.
    pub issuer: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    /// Oldest token that lets somebody in, however long it is good.
    pub max_token_age: Duration,
    pub ca_file: Option<PathBuf>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub origin: String,
    /// Who may read entries of others.
    pub auditors: AccessList,
    pub witnesses: WitnessRules,
    pub sinks: Vec<SinkConfig>,
    /// How long entries are kept; none: for ever.
    pub keep: Option<Retention>,
    /// What of it a loss of power may take.
    pub mode: Mode,
    /// How long exact texts and values are kept, sealed and beside the log; none: not at all.
    pub texts: Option<Retention>,
    /// Who may be shown them.
    pub text_readers: AccessList,
}

/// `[grants]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsConfig {
    pub lifetime: Duration,
    /// Who may end the sessions of others and keep them out.
    pub revokers: AccessList,
}

/// `[park]`: for how long database connections wait for another tunnel when theirs is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParkConfig {
    pub limit: Duration,
    /// While a transaction or a statement may hold locks; never longer than `limit`.
    pub in_transaction: Duration,
}

/// `[policy]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Together they are the set; none: the default decides.
    pub files: Vec<PathBuf>,
}

/// `[requests]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestsConfig {
    /// How long a held statement waits on its connection.
    pub wait: Duration,
    /// How long a request can be decided.
    pub lifetime: Duration,
    /// How long an approved statement can be run.
    pub window: Duration,
    /// Longest access that can be asked for, and what is usual.
    pub access: Duration,
}

/// One `[[resource]]`
#[derive(Debug, Clone)]
pub struct ResourceConfig {
    pub resource: Arc<Resource>,
    pub engine: Engine,
    pub upstream: Arc<UpstreamConfig>,
    pub read: AccessList,
    /// Writing includes reading.
    pub write: AccessList,
    /// Who may approve: statements that are held, and access that is asked for.
    pub approvers: AccessList,
    /// Who may approve that somebody sees columns in clear for a time; empty: the approvers.
    pub unmask_approvers: AccessList,
    /// Who may break the glass: what would be held runs, and is reviewed by the approvers afterwards.
    pub break_glass: AccessList,
    /// For how long.
    pub break_glass_for: Duration,
    /// Actions that somebody must approve each time.
    pub approval_for: Vec<Action>,
    pub labels: LabelOverrides,
    /// Functions that an administrator has read.
    pub functions: Registered,
    /// Who sees what in clear.
    pub clear: Vec<ClearRule>,
    /// Who does not see which rows.
    pub rows: Vec<RowRule>,
    /// What sign-in it takes to open it.
    pub demands: StepUp,
    /// As which role of the database somebody works.
    pub roles: Roles,
    /// What the database's own log is told of each statement.
    pub tags: Vec<Tag>,
    /// What of it must never leave.
    pub canaries: Option<Arc<Canaries>>,
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::unreadable(path, &source))?;
        let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self::parse(&text, &base, &|name| std::env::var(name).ok())
            .map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
    }

    /// Checks a text whose relative paths start at `base`.
    ///
    /// # Errors
    /// Everything that is wrong in it, in the order of its lines.
    pub fn parse(
        text: &str,
        base: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let (document, syntax) = toml::de::DeTable::parse_recoverable(text);
        let findings = Findings::new(text);
        for error in &syntax {
            findings.syntax(error.span().map_or(0, |span| span.start), error.message());
        }
        let surroundings = Surroundings { base, environment };
        let root = Section::root(document.get_ref(), &findings);
        let config = read_root(root, &surroundings, text);
        match (findings.into_problems(), config) {
            (problems, Some(config)) if problems.is_empty() => Ok(config),
            (problems, _) => Err(problems),
        }
    }
}

/// What a configuration refers to beside its own text.
struct Surroundings<'a> {
    base: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Surroundings<'_> {
    /// A path of the file, relative to the file's own folder.
    fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it is over the limit of {MAX_FILE} bytes")));
    }
    Ok(text)
}

/// Reads every section before it gives up, so that every problem is found.
fn read_root(mut root: Section<'_, '_>, around: &Surroundings<'_>, text: &str) -> Option<Config> {
    let agent = root.required_section("agent").and_then(|section| agent::read(section, around));
    let identity = root.required_section("identity").and_then(|section| identity::read(section, around));
    let name = agent.as_ref().map(|agent| agent.name.clone());
    let log = read_log(root.section("log"), name, around);
    let origin = log.as_ref().map(|log| log.origin.clone());
    let workloads = workload::read(&mut root, origin.as_deref(), around);
    let home = identity.as_ref().map(|(home, _)| home.issuer.as_str());
    let signals = signals::read(&mut root, (origin.as_deref(), home), around);
    let grants = read_grants(root.section("grants"));
    let park = park::read(root.section("park"));
    let budget = budget::read(root.section("budget"));
    let requests = read_requests(root.section("requests"));
    let store = store::read(root.section("store"), around);
    let public_names = agent.as_ref().map(|agent| agent.public_names.as_slice()).unwrap_or_default();
    let console = console::read(root.section("console"), public_names, around);
    let notified = notify::read(&mut root, around);
    let policy = read_policy(root.section("policy"), around);
    let resources = read_resources(&mut root, around);
    if let (Some((home, others)), Some(workloads)) = (&identity, &workloads) {
        workload::check_names(&root, home, others, workloads);
    }
    let notified = match (notified, &resources) {
        (Some(notified), Some(resources)) => notify::check(&root, notified, resources),
        _ => None,
    };
    root.finish();
    let agent = agent?;
    let (identity, others) = identity?;
    let mut log = log?;
    let mut resources = resources?;
    // Stable ids mean those of the agent's own provider: anybody else's are anybody's.
    let home: Arc<str> = identity.issuer.as_str().into();
    log.auditors.at_home(&home);
    log.text_readers.at_home(&home);
    let mut grants = grants?;
    grants.revokers.at_home(&home);
    for resource in &mut resources {
        resource.read.at_home(&home);
        resource.write.at_home(&home);
        resource.break_glass.at_home(&home);
        resource.roles.at_home(&home);
        resource.rows.iter_mut().for_each(|rule| rule.clear_for.at_home(&home));
    }
    Some(Config {
        name: agent.name,
        listen: agent.listen,
        state_dir: agent.state_dir,
        public_names: agent.public_names,
        certificate: agent.certificate,
        drain: agent.drain,
        identity,
        others,
        workloads: workloads?,
        signals: signals?,
        log,
        grants,
        park: park?,
        budget: budget?,
        requests: requests?,
        store: store?,
        console: console?,
        notified: notified?,
        policy,
        resources,
        digest: digest(text)?,
    })
}

fn read_log(
    section: Option<Section<'_, '_>>,
    agent: Option<String>,
    around: &Surroundings<'_>,
) -> Option<LogConfig> {
    let usual = agent.map(|name| format!("connect.local/{name}"));
    let Some(mut section) = section else {
        let witnesses = WitnessRules::default();
        let (auditors, sinks) = (AccessList::default(), Vec::new());
        let (keep, texts, text_readers) = (None, None, AccessList::default());
        let (origin, mode) = (usual?, Mode::Strict);
        return Some(LogConfig { origin, auditors, witnesses, sinks, keep, mode, texts, text_readers });
    };
    let origin = match section.string("origin") {
        Some(origin) => section.check(&origin, value::origin(&origin.value)).then_some(origin.value),
        None => usual,
    };
    let auditors = access::read(&mut section, "auditors");
    let witnesses = witness::read(&mut section);
    let sinks = sink::read(&mut section, around);
    let keep = read_retention(&mut section, "keep");
    let texts = read_retention(&mut section, "texts");
    let text_readers = access::read(&mut section, "text_readers");
    let mode = mode::read(&mut section);
    section.finish();
    let (auditors, witnesses, text_readers) = (auditors?, witnesses?, text_readers?);
    let (origin, sinks, keep, texts, mode) = (origin?, sinks?, keep?, texts?, mode?);
    Some(LogConfig { origin, auditors, witnesses, sinks, keep, mode, texts, text_readers })
}

#[expect(clippy::option_option, reason = "outer: it is good; inner: it is there")]
fn read_retention(section: &mut Section<'_, '_>, key: &'static str) -> Option<Option<Retention>> {
    let Some(text) = section.string(key) else { return Some(None) };
    let lasting = retention(&text.value).and_then(|rule| {
        let words = "would keep nothing; `1d` is the least here";
        if rule.time.is_zero() { Err(words.to_owned()) } else { Ok(rule) }
    });
    section.accept(&text, lasting).map(Some)
}

fn read_grants(section: Option<Section<'_, '_>>) -> Option<GrantsConfig> {
    let Some(mut section) = section else { return Some(GrantsConfig::default()) };
    let lifetime = match section.string("lifetime") {
        Some(text) => section.accept(&text, value::grant_lifetime(&text.value)),
        None => Some(GrantsConfig::default().lifetime),
    };
    let revokers = access::read(&mut section, "revokers");
    section.finish();
    Some(GrantsConfig { lifetime: lifetime?, revokers: revokers? })
}

fn read_policy(section: Option<Section<'_, '_>>, around: &Surroundings<'_>) -> PolicyConfig {
    let Some(mut section) = section else { return PolicyConfig::default() };
    let files = section.strings("files").unwrap_or_default();
    section.finish();
    PolicyConfig { files: files.iter().map(|file| around.resolve(&file.value)).collect() }
}

fn read_requests(section: Option<Section<'_, '_>>) -> Option<RequestsConfig> {
    let usual = RequestsConfig::default();
    let Some(mut section) = section else { return Some(usual) };
    let mut time = |key: &'static str, usual: Duration| match section.string(key) {
        Some(text) => section.accept(&text, value::request_time(&text.value)),
        None => Some(usual),
    };
    let wait = time("wait", usual.wait);
    let lifetime = time("lifetime", usual.lifetime);
    let window = time("window", usual.window);
    let access = time("access", usual.access);
    section.finish();
    Some(RequestsConfig { wait: wait?, lifetime: lifetime?, window: window?, access: access? })
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(600),
            lifetime: Duration::from_secs(24 * 3_600),
            window: Duration::from_secs(3_600),
            access: Duration::from_secs(8 * 3_600),
        }
    }
}

impl Default for GrantsConfig {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(600), revokers: AccessList::default() }
    }
}

fn read_resources(root: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Vec<ResourceConfig>> {
    let sections = root.sections("resource");
    if sections.is_empty() {
        if !root.has("resource") {
            root.missing("resource", "is missing; add a `[[resource]]` section for each database");
        }
        return None;
    }
    if sections.len() > MAX_RESOURCES {
        root.wrong("resource", &format!("more than {MAX_RESOURCES} resources"));
        return None;
    }
    let read: Vec<Option<resource::Read>> =
        sections.into_iter().map(|section| resource::read(section, around)).collect();
    report_duplicates(root, &read);
    read.into_iter().map(|resource| resource.and_then(|read| read.config)).collect()
}

fn report_duplicates(root: &Section<'_, '_>, resources: &[Option<resource::Read>]) {
    let mut seen: Vec<&Located<String>> = Vec::new();
    for name in resources.iter().flatten().map(|read| &read.name) {
        match seen.iter().find(|earlier| earlier.value == name.value) {
            Some(earlier) => root.wrong_at(
                name,
                &format!(
                    "`{}` is already the name of the resource in line {}; give this one another",
                    name.value, earlier.line
                ),
            ),
            None => seen.push(name),
        }
    }
}

/// SHA-256 of the keys and values alone, so that a comment does not look like a change.
fn digest(text: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let canonical = serde_json::to_vec(&table).ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical);
    Some(hexadecimal(digest.as_ref()))
}
