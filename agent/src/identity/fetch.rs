//! Asks the provider: discovery document and key set, within a time and a size, never following a
//! redirect to somewhere else.

use std::{path::Path, sync::Arc, time::Duration};

use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::config::KeysFrom;

/// How long a caller waits for the provider, all requests together.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const MAX_BODY: usize = 512 * 1024;
/// Most keys of one set that are looked at.
const MAX_KEYS: usize = 200;

/// Why the provider's keys are not here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the identity provider `{issuer}` does not answer: {reason}")]
    Unreachable { issuer: String, reason: String },
    #[error("the identity provider `{issuer}` answered something that cannot be used: {reason}")]
    Unusable { issuer: String, reason: String },
}

/// The way to one provider.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    keys: KeysFrom,
    client: Client,
}

#[derive(Deserialize)]
pub(super) struct Discovery {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    pub(super) scopes_supported: Option<Vec<String>>,
    /// Only those who sign people in themselves need these.
    #[serde(default)]
    pub(super) authorization_endpoint: Option<String>,
    #[serde(default)]
    pub(super) token_endpoint: Option<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207: each answer says whose it is.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Provider {
    pub(super) fn new(issuer: &str, keys: &KeysFrom, ca_file: Option<&Path>) -> Result<Self, FetchError> {
        let unusable = |reason: String| FetchError::Unusable { issuer: issuer.to_owned(), reason };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls(ca_file).map_err(unusable)?)
            .redirect(redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(1);
        let plain = |address: &str| address.starts_with("http://");
        if plain(issuer) || matches!(keys, KeysFrom::Address(address) if plain(address)) {
            // Only loopback issuers are plain; a proxy could not reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unusable(error.to_string()))?;
        Ok(Self { issuer: issuer.to_owned(), keys: keys.clone(), client })
    }

    /// Every key that the provider publishes and that we can read.
    pub(super) async fn keys(&self) -> Result<Vec<Jwk>, FetchError> {
        match tokio::time::timeout(PATIENCE, self.fetch()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.late()),
        }
    }

    /// The provider took too long.
    pub(super) fn late(&self) -> FetchError {
        let reason = format!("no answer within {} s", PATIENCE.as_secs());
        FetchError::Unreachable { issuer: self.issuer.clone(), reason }
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, FetchError> {
        let set: KeySet = match &self.keys {
            KeysFrom::Discovery => {
                let discovery = self.discover().await?;
                self.check_address(&discovery.jwks_uri, "jwks_uri")?;
                self.json(&discovery.jwks_uri, "its key set").await?
            }
            KeysFrom::Address(address) => self.json(address, "its key set").await?,
            KeysFrom::File(path) => self.read(path).await?,
        };
        let keys: Vec<Jwk> =
            set.keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok()).collect();
        if keys.is_empty() {
            return Err(self.unusable("its key set has no key that this agent can use".to_owned()));
        }
        Ok(keys)
    }

    /// What the provider says of itself.
    pub(super) async fn discover(&self) -> Result<Discovery, FetchError> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.json(&address, "its discovery document").await?;
        if discovery.issuer != self.issuer {
            // OpenID Connect Discovery 1.0, 4.3
            let reason = format!("it calls itself `{}`; write that as `issuer`", shorten(&discovery.issuer));
            return Err(self.unusable(reason));
        }
        Ok(discovery)
    }

    async fn read(&self, path: &Path) -> Result<KeySet, FetchError> {
        let wrong = |reason: String| self.unusable(format!("its key set `{}` {reason}", path.display()));
        let length =
            tokio::fs::metadata(path).await.map_err(|error| wrong(format!("cannot be read: {error}")))?.len();
        if length > MAX_BODY as u64 {
            return Err(wrong(format!("is longer than {MAX_BODY} bytes")));
        }
        let text = tokio::fs::read(path).await.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        serde_json::from_slice(&text).map_err(|error| wrong(format!("cannot be read ({error})")))
    }

    /// Keys and codes may pass in clear only where everything passes in clear: on this machine.
    pub(super) fn check_address(&self, address: &str, name: &str) -> Result<(), FetchError> {
        let url =
            Url::parse(address).map_err(|error| self.unusable(format!("`{name}` is no URL ({error})")))?;
        let loopback = url.host_str().is_some_and(crate::config::is_loopback);
        match url.scheme() {
            "https" => Ok(()),
            "http" if loopback && self.issuer.starts_with("http://") => Ok(()),
            scheme => Err(self.unusable(format!("its `{name}` is `{}`, not https", shorten(scheme)))),
        }
    }

    async fn json<T: DeserializeOwned>(&self, address: &str, what: &str) -> Result<T, FetchError> {
        let (status, body) = self.ask(self.client.get(address), what).await?;
        if !status.is_success() {
            return Err(self.unusable(format!("{what} is answered with {status}")));
        }
        serde_json::from_slice(&body)
            .map_err(|error| self.unusable(format!("{what} cannot be read ({error})")))
    }

    /// Gives a code for tokens (RFC 6749, 4.1.3). `login`: the client's own name and secret, each encoded.
    pub(super) async fn redeem<T: DeserializeOwned>(
        &self,
        address: &str,
        form: &[(&str, &str)],
        login: Option<(&str, &str)>,
    ) -> Result<T, FetchError> {
        let what = "its token endpoint";
        let mut request = self.client.post(address).form(form);
        if let Some((name, secret)) = login {
            request = request.basic_auth(name, Some(secret));
        }
        let (status, body) = self.ask(request, what).await?;
        if !status.is_success() {
            let refused: Option<Refused> = serde_json::from_slice(&body).ok();
            let why = refused.map_or_else(|| status.to_string(), |refused| shorten(&refused.error));
            return Err(self.unusable(format!("{what} refuses the code: {why}")));
        }
        // Its words may hold tokens.
        serde_json::from_slice(&body).map_err(|_| self.unusable(format!("{what} gives no ID token")))
    }

    async fn ask(&self, request: RequestBuilder, what: &str) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_server_error() {
            let reason = format!("{what} is answered with {status}");
            return Err(FetchError::Unreachable { issuer: self.issuer.clone(), reason });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(self.unusable(format!("{what} is longer than {MAX_BODY} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    fn unreachable(&self, error: &reqwest::Error) -> FetchError {
        if error.is_timeout() {
            return self.late();
        }
        FetchError::Unreachable { issuer: self.issuer.clone(), reason: innermost(error) }
    }

    pub(super) fn unusable(&self, reason: String) -> FetchError {
        FetchError::Unusable { issuer: self.issuer.clone(), reason }
    }
}

/// The cause at the bottom: "connection refused" rather than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

pub(super) fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("`{}`: {error}", path.display()))?;
            let (added, _) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(format!("`{}` has no certificate of an authority", path.display()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
