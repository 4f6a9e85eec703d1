//! HTTP towards the identity provider: HTTPS, or plain HTTP on the loopback; no redirects; bounded answers.

use std::{net::IpAddr, time::Duration};

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::{Client, Url, redirect::Policy};

use crate::{
    api::{Limit, read_body},
    failure::{self, Outcome},
    proxy,
};

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

/// The provider did not answer, or not as it must.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("{0}")]
    NoAnswer(String),
    #[error("`{0}` is neither https nor on this machine")]
    Insecure(String),
}

/// A client for one provider.
pub(super) fn client(issuer: &Url) -> Outcome<Client> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_PATIENCE)
        .timeout(ANSWER_PATIENCE)
        .user_agent(crate::program::NAME_AND_VERSION);
    builder = if is_loopback(issuer) { builder.no_proxy() } else { proxy::around(builder)? };
    builder.build().map_err(|error| failure::unexpected(failure::chain(&error)))
}

/// Whether secrets may be sent to `url`.
pub(super) fn is_acceptable(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Carries one request of the OpenID library.
pub(super) async fn send(client: Client, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let request = reqwest::Request::try_from(request)
        .map_err(|error| TransportError::NoAnswer(failure::chain(&error.without_url())))?;
    if !is_acceptable(request.url()) {
        return Err(TransportError::Insecure(request.url().origin().ascii_serialization()));
    }
    let place = request.url().origin().ascii_serialization();
    let response = client.execute(request).await.map_err(|error| {
        let why = of_proxy(&error).map(str::to_owned).unwrap_or_else(|| match error.is_timeout() {
            true => "no answer in time".to_owned(),
            false => innermost(&error),
        });
        TransportError::NoAnswer(format!("{place}: {why}"))
    })?;
    let mut answer = http::Response::builder().status(response.status());
    if let Some(kind) = response.headers().get(http::header::CONTENT_TYPE) {
        answer = answer.header(http::header::CONTENT_TYPE, kind);
    }
    let body = read_body(response, Limit::Bytes(1024 * 1024)).await;
    let body = body.map_err(|report| TransportError::NoAnswer(format!("{place}: {report}")))?;
    answer.body(body).map_err(|error| TransportError::NoAnswer(error.to_string()))
}

/// What a proxy on the way did, if that is what happened.
fn of_proxy(error: &reqwest::Error) -> Option<&'static str> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(words) = proxy::words(&cause.to_string()) {
            return Some(words);
        }
        next = cause.source();
    }
    None
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    match last.downcast_ref::<std::io::Error>() {
        Some(error) => failure::reason(error),
        None => last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_encrypted_or_not_at_all() {
        let acceptable = |text: &str| is_acceptable(&Url::parse(text).expect("a URL"));
        assert!(acceptable("https://id.example.com/"));
        assert!(acceptable("http://127.0.0.1:9000/"));
        assert!(acceptable("http://[::1]:9000/"));
        assert!(acceptable("http://localhost:9000/"));
        assert!(!acceptable("http://id.example.com/"));
        assert!(!acceptable("http://127.0.0.1.example.com/"));
        assert!(!acceptable("http://localhost.example.com/"));
        assert!(!acceptable("ftp://127.0.0.1/"));
    }
}
