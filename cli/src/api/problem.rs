//! What went wrong between this program and an agent, in words that help.

use connect_shared::error::ErrorReport;
use reqwest::Response;

use super::{Address, Limit, body};
use crate::{
    certificate,
    failure::{self, Outcome},
    proxy::{self, Proxy},
};

/// The answer if it is a good one, else the agent's own error.
pub(super) async fn refusal(response: Response, agent: &str) -> Outcome<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = body::read(response, Limit::Document).await?;
    match serde_json::from_slice::<ErrorReport>(&bytes) {
        Ok(report) => Err(report),
        Err(_) => {
            Err(failure::unexpected(format!("the agent `{agent}` answered {status} without saying why")))
        }
    }
}

/// No answer at all.
pub(super) fn unreachable(
    agent: &str,
    address: &Address,
    proxy: Option<&Proxy>,
    error: &reqwest::Error,
) -> ErrorReport {
    if let Some(why) = certificate_problem(error) {
        return other_certificate(agent, address, &why);
    }
    let causes = causes(error);
    let of_proxy = causes.iter().find_map(|cause| proxy::words(cause));
    let why = match of_proxy {
        Some(words) => words.to_owned(),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => causes.last().cloned().unwrap_or_default(),
    };
    let way = proxy::clause(proxy);
    let report = failure::unreachable(
        "agent_unreachable",
        format!("cannot reach the agent `{agent}` at {address}{way}: {why}"),
    );
    match proxy {
        Some(proxy) => report.help(proxy.help(address)).help("connect doctor"),
        None => report.help("connect doctor"),
    }
}

/// The agent is not, or no longer, the one that was added.
pub(crate) fn other_certificate(agent: &str, address: &Address, why: &str) -> ErrorReport {
    failure::unverified(
        "agent_certificate",
        format!("what answers at {address} does not have the certificate of the agent `{agent}`: {why}"),
    )
    .help("ask whoever runs the agent for its fingerprint; if it was changed on purpose:")
    .help(format!("connect agents add {address} --fingerprint sha256:…"))
}

/// What rustls found wrong with the agent's certificate, if that is what happened.
fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = cause.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return Some(certificate::words(why));
        }
        // An io::Error's source is that of what it holds: what it holds comes first.
        next = match inner {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        texts.push(match cause.downcast_ref::<std::io::Error>() {
            Some(error) => failure::reason(error),
            None => cause.to_string(),
        });
        next = cause.source();
    }
    texts
}
