//! Why there is no tunnel, for people.

use connect_shared::error::ErrorReport;
use quinn::ConnectionError;

use super::super::{PATIENCE, Transport};
use crate::{
    agents::Agent,
    api::{Address, other_certificate},
    failure,
    proxy::{self, Proxy},
};

pub(super) fn silent(
    agent: &Agent,
    address: &Address,
    transport: Transport,
    proxy: Option<&Proxy>,
) -> ErrorReport {
    match transport {
        Transport::Quic => no_answer(agent, address),
        Transport::Tls => failure::unreachable(
            "agent_unreachable",
            format!("the agent `{}` does not answer on TCP at {address}{}", agent.name, proxy::clause(proxy)),
        )
        .help("connect doctor"),
    }
}

/// TLS over TCP did not come about.
pub(super) fn no_tls(agent: &Agent, address: &Address, proxy: Option<&Proxy>, why: &str) -> ErrorReport {
    let way = proxy::clause(proxy);
    failure::unreachable(
        "agent_unreachable",
        format!("the agent `{}` cannot be reached by TLS over TCP at {address}{way}: {why}", agent.name),
    )
    .help("connect doctor")
}

/// The tunnel came up, and then nothing was said in it.
pub(crate) fn no_welcome(agent: &Agent, address: &Address, transport: Transport) -> ErrorReport {
    let way = match transport {
        Transport::Quic => "UDP",
        Transport::Tls => "TLS over TCP",
    };
    let seconds = PATIENCE.as_secs();
    failure::unreachable(
        "agent_unreachable",
        format!(
            "the agent `{}` at {address} took a tunnel by {way} and then said nothing for {seconds} s; it may be \
             overloaded, or its log may stand still",
            agent.name
        ),
    )
    .help("try again in a moment")
    .help("connect doctor")
}

fn no_answer(agent: &Agent, address: &Address) -> ErrorReport {
    let seconds = PATIENCE.as_secs();
    failure::unreachable(
        "agent_unreachable",
        format!(
            "the agent `{}` does not answer on UDP at {address} within {seconds} s; a firewall may block UDP port {}",
            agent.name,
            address.port()
        ),
    )
    .help("connect doctor")
}

pub(super) fn not_connected(
    agent: &Agent,
    address: &Address,
    error: &ConnectionError,
    transport: Transport,
    proxy: Option<&Proxy>,
) -> ErrorReport {
    match error {
        // CRYPTO_ERROR, RFC 9001 4.8: 0x0100 and the TLS alert.
        ConnectionError::TransportError(problem) if (0x100..0x200).contains(&u64::from(problem.code)) => {
            other_certificate(&agent.name, address, &problem.reason)
        }
        ConnectionError::TimedOut | ConnectionError::Reset => silent(agent, address, transport, proxy),
        other => failure::unreachable(
            "agent_unreachable",
            format!("cannot open a tunnel to the agent `{}` at {address}: {other}", agent.name),
        )
        .help("connect doctor"),
    }
}
