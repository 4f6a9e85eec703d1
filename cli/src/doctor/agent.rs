//! What is outside of this machine: agents and identity providers.

use connect_shared::{
    api::AgentInfo,
    error::{ErrorReport, Exit},
};
use time::OffsetDateTime;

use super::Check;
use crate::{
    agents::{Agent, Door, Identity},
    api::ControlApi,
    application::Application,
    certificate::ClientKey,
    failure::{self, Outcome},
    identity::{Provider, Source},
    proxy::{self, Proxy},
    session,
    tunnel::{self, Transport, Ways},
};

/// Tokens are refused when clocks differ by more than this many seconds.
const TOLERATED: i64 = 30;

/// TCP, certificate, identity, UDP and clock of one agent.
pub(super) async fn look_at(agent: &Agent) -> Vec<Check> {
    let name = |what: &str| format!("agent {}, {what}", agent.name);
    let api = match ControlApi::new(agent, None) {
        Ok(api) => api,
        Err(report) => return vec![Check::bad("agent_settings", name("settings"), report)],
    };
    let about = match api.about().await {
        Ok(about) => about,
        Err(report) => {
            // Of a proxy the report itself says what would help.
            let report = if api.proxy().is_some() { report } else { with_network_help(report, agent, "TCP") };
            return vec![Check::bad("agent_tcp", name("TCP and certificate"), report)];
        }
    };
    let mut checks = vec![Check::good(
        "agent_tcp",
        name("TCP and certificate"),
        format!("{} answers{}, version {}", agent.url, proxy::clause(api.proxy()), about.version),
    )];
    checks.push(same_facts(agent, &about));
    checks.extend(ways(agent, api.proxy(), &name).await);
    checks.push(clock(name("clock"), api.clock().await));
    checks
}

/// Which agent of a group new sessions go to.
pub(super) async fn group(door: &Door<'_>) -> Check {
    let what = format!("group {}", door.name);
    let order = match session::in_order(&door.agents()).await {
        Ok(order) => order,
        Err(report) => return Check::bad("agent_group", what, report),
    };
    let names: Vec<&str> = order.agents.iter().map(|agent| agent.name.as_str()).collect();
    let words = format!("new sessions go to the first of {}", names.join(", "));
    match order.passed.first() {
        None => Check::good("agent_group", what, words),
        Some((name, why)) => {
            let report =
                failure::unreachable("agent_group", format!("{words}; `{name}` is passed over: {why}"));
            Check::weak("agent_group", what, report)
        }
    }
}

/// What to look at when nothing answers.
fn with_network_help(mut report: ErrorReport, agent: &Agent, protocol: &str) -> ErrorReport {
    if report.exit == Exit::Unreachable {
        report.help = vec![format!(
            "see that the agent runs, and that the network lets {protocol} through to {}",
            agent.url
        )];
    }
    report
}

/// An agent whose provider or log key changed must be looked at by a person.
fn same_facts(agent: &Agent, about: &AgentInfo) -> Check {
    let what = format!("agent {}, identity", agent.name);
    let key = &about.log.verifier_key;
    let others = about.other_identities.iter().map(|other| &other.identity);
    let mut identities = std::iter::once(&about.identity).chain(others);
    if identities.any(|identity| agent.identity == identity.clone().into()) && *key == agent.log.key {
        return Check::good(
            "agent_identity",
            what,
            "identity provider and log key are those that were added",
        );
    }
    let changed = if *key == agent.log.key { "its identity provider" } else { "the key of its log" };
    let report = failure::unverified("agent_changed", format!("{changed} is not the one that was added"))
        .help(format!("ask its operator why; then: connect agents rm {0}, and add it again", agent.name));
    Check::bad("agent_identity", what, report)
}

/// Both ways of a tunnel. One is enough.
async fn ways(agent: &Agent, proxy: Option<&Proxy>, name: &impl Fn(&str) -> String) -> [Check; 2] {
    let (udp, tls) = tokio::join!(probe(agent, Transport::Quic), probe(agent, Transport::Tls));
    let udp = udp.map_err(|report| with_network_help(report, agent, "UDP"));
    let udp = match (udp, &tls) {
        (Ok(()), _) => Check::good("agent_udp", name("UDP"), "the tunnel gets through"),
        (Err(mut report), Ok(())) => {
            report.message.push_str("; tunnels go by TLS over TCP, which is slower");
            Check::weak("agent_udp", name("UDP"), report)
        }
        (Err(report), Err(_)) => Check::bad("agent_udp", name("UDP"), report),
    };
    let what = name("TLS over TCP");
    let tls = match tls {
        Ok(()) => {
            let way = proxy.map(|proxy| format!(", by the proxy {proxy},")).unwrap_or_default();
            Check::good("agent_tls", what, format!("the tunnel gets through{way} where UDP does not"))
        }
        Err(report) => Check::weak("agent_tls", what, with_network_help(report, agent, "TCP")),
    };
    [udp, tls]
}

async fn probe(agent: &Agent, transport: Transport) -> Outcome<()> {
    tunnel::probe(agent, &ClientKey::generate()?, Ways::Only(transport)).await
}

fn clock(what: String, answer: Outcome<Option<OffsetDateTime>>) -> Check {
    let theirs = match answer {
        Ok(Some(theirs)) => theirs,
        Ok(None) => return Check::good("clock", what, "the agent does not tell its time"),
        Err(report) => return Check::bad("clock", what, report),
    };
    let apart = (OffsetDateTime::now_utc() - theirs).whole_seconds();
    if apart.abs() <= TOLERATED {
        return Check::good("clock", what, format!("within {TOLERATED} s of this machine's"));
    }
    let which = if apart > 0 { "ahead of" } else { "behind" };
    let report = failure::local("clock_skew", format!("this machine is {} s {which} the agent", apart.abs()))
        .help("set the clock of this machine (timedatectl set-ntp true)");
    Check::bad("clock", what, report)
}

/// Whether people can sign in, and who has.
pub(super) async fn look_at_provider(application: &Application, identity: &Identity) -> Vec<Check> {
    let found = Provider::discover(identity).await;
    let issuer = identity.issuer.clone();
    let mut checks =
        vec![Check::of("identity_provider", "identity provider", found, |_| format!("{issuer} answers"))];
    match application.workload() {
        Ok(None) => {}
        found => {
            let words = |source: Option<Source>| {
                source.map(|source| format!("this program's tokens come from {source}")).unwrap_or_default()
            };
            checks.push(Check::of("sign_in", "sign-in", found, words));
            return checks;
        }
    }
    let record = application.keep(None).and_then(|keep| keep.record(identity));
    checks.push(match record {
        Ok(Some(record)) => {
            Check::good("sign_in", "sign-in", format!("{}, kept {}", record.profile.principal(), record.kept))
        }
        Ok(None) => Check::weak(
            "sign_in",
            "sign-in",
            failure::sign_in_needed(format!("nobody is signed in at {issuer}")),
        ),
        Err(report) => Check::bad("sign_in", "sign-in", report),
    });
    checks
}
