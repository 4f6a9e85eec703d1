//! The agent as a relying party of its own: people who open its pages sign in by authorization code with
//! PKCE, state and nonce (OpenID Connect Core 1.0, 3.1). Nothing is kept of a sign-in that is under way: what
//! it must be held against is the caller's, in a [`Question`].

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::Deserialize;
use tokio::{sync::Mutex, time::timeout};

use super::{
    FetchError, IdentityVerifier, Logout, SignedIn, TokenError,
    fetch::{Discovery, PATIENCE, Provider},
};
use crate::{
    config::{IdentityConfig, KeysFrom},
    upstream::Secret,
};

/// For how long the provider's word about itself is taken, and how soon one that failed is asked again.
const KNOWN_FOR: Duration = Duration::from_secs(300);
const FAILED_FOR: Duration = Duration::from_millis(500);
/// Longest code that is passed on.
const MAX_CODE: usize = 4 * 1024;

/// As which client of the provider the agent signs people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOfOurs {
    pub client_id: String,
    /// None: a public client.
    pub secret: Option<Secret>,
    /// Where the provider sends browsers back to.
    pub redirect_uri: String,
}

/// Random texts of one sign-in. Whoever has not asked knows none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub state: String,
    pub nonce: String,
    /// Of PKCE: 43 to 128 letters (RFC 7636, 4.1).
    pub verifier: String,
}

/// What the browser brings back. Nobody has checked it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub iss: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("the identity provider did not sign you in (`{0}`)")]
    Refused(String),
    #[error("the answer is not one to this browser's question")]
    OtherQuestion,
    #[error("the answer comes from another identity provider")]
    OtherProvider,
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl From<FetchError> for SignInError {
    fn from(error: FetchError) -> Self {
        Self::Token(error.into())
    }
}

/// The way to sign in at the agent's own provider.
#[derive(Debug)]
pub struct RelyingParty {
    issuer: String,
    scopes: String,
    client: ClientOfOurs,
    provider: Provider,
    verifier: IdentityVerifier,
    known: Mutex<Option<(Instant, Result<Endpoints, FetchError>)>>,
}

/// What the provider says of itself, checked.
#[derive(Debug, Clone)]
struct Endpoints {
    authorization: Url,
    token: String,
    /// The secret stands in the form and not in a header.
    posts_secret: bool,
    names_itself: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl RelyingParty {
    /// Nothing has been fetched yet.
    ///
    /// # Errors
    /// A CA file cannot be used.
    pub fn new(identity: &IdentityConfig, client: ClientOfOurs) -> Result<Self, FetchError> {
        // What signs somebody in here is made for this client and for no other.
        let ours = IdentityConfig { client_id: client.client_id.clone(), ..identity.clone() };
        // A session of a browser is never renewed.
        let scopes = identity.scopes.iter().map(String::as_str).filter(|scope| *scope != "offline_access");
        Ok(Self {
            issuer: identity.issuer.clone(),
            scopes: scopes.collect::<Vec<_>>().join(" "),
            client,
            provider: Provider::new(&identity.issuer, &KeysFrom::Discovery, identity.ca_file.as_deref())?,
            verifier: IdentityVerifier::of(&ours, &[], &[])?,
            known: Mutex::new(None),
        })
    }

    /// Where a browser goes to sign in.
    ///
    /// # Errors
    /// The provider does not say where, or does not answer.
    pub async fn address(&self, question: &Question) -> Result<String, FetchError> {
        let mut address = self.endpoints().await?.authorization;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, question.verifier.as_bytes()));
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client.client_id.as_str()),
            ("redirect_uri", self.client.redirect_uri.as_str()),
            ("scope", self.scopes.as_str()),
            ("state", question.state.as_str()),
            ("nonce", question.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        Ok(address.into())
    }

    /// Who has signed in, if the answer is one to `question`.
    ///
    /// # Errors
    /// It is not, or the provider does not vouch for anybody.
    pub async fn redeem(
        &self,
        answer: &Answer,
        question: &Question,
        now: u64,
    ) -> Result<SignedIn, SignInError> {
        let said = answer.state.as_deref().unwrap_or_default().as_bytes();
        aws_lc_rs::constant_time::verify_slices_are_equal(said, question.state.as_bytes())
            .map_err(|_| SignInError::OtherQuestion)?;
        let endpoints = self.endpoints().await?;
        // RFC 9207: a code of another provider must not be shown to this one.
        match answer.iss.as_deref() {
            Some(issuer) if issuer != self.issuer => return Err(SignInError::OtherProvider),
            None if endpoints.names_itself => return Err(SignInError::OtherProvider),
            _ => {}
        }
        if let Some(error) = &answer.error {
            let word = error.chars().filter(char::is_ascii_graphic).take(64).collect();
            return Err(SignInError::Refused(word));
        }
        let code = answer.code.as_deref().filter(|code| !code.is_empty() && code.len() <= MAX_CODE);
        let code = code.ok_or(SignInError::OtherQuestion)?;
        let tokens = self.tokens(&endpoints, code, question).await?;
        let signed_in = self.verifier.verify(&tokens.id_token, now).await?;
        if signed_in.nonce.as_deref() != Some(&question.nonce) {
            return Err(TokenError::Claim("nonce").into());
        }
        Ok(signed_in)
    }

    /// What a logout token for this client says.
    ///
    /// # Errors
    /// It is none of the provider for this client.
    pub async fn logout(&self, token: &str, now: u64) -> Result<Logout, TokenError> {
        self.verifier.logout(token, now).await
    }

    async fn tokens(
        &self,
        endpoints: &Endpoints,
        code: &str,
        question: &Question,
    ) -> Result<Tokens, FetchError> {
        let client = &self.client;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", client.redirect_uri.as_str()),
            ("code_verifier", question.verifier.as_str()),
        ];
        let login = match &client.secret {
            Some(secret) if !endpoints.posts_secret => Some((encoded(&client.client_id), encoded(&secret.0))),
            Some(secret) => {
                form.extend([("client_id", client.client_id.as_str()), ("client_secret", secret.0.as_str())]);
                None
            }
            None => {
                form.push(("client_id", client.client_id.as_str()));
                None
            }
        };
        let login = login.as_ref().map(|(name, secret)| (name.as_str(), secret.as_str()));
        self.provider.redeem(&endpoints.token, &form, login).await
    }

    async fn endpoints(&self) -> Result<Endpoints, FetchError> {
        match timeout(PATIENCE, self.endpoints_in_turn()).await {
            Ok(endpoints) => endpoints,
            Err(_) => Err(self.provider.late()),
        }
    }

    async fn endpoints_in_turn(&self) -> Result<Endpoints, FetchError> {
        // Held while fetching, so that a crowd of browsers causes one request.
        let mut known = self.known.lock().await;
        if let Some((at, endpoints)) = known.as_ref() {
            let lasts = if endpoints.is_ok() { KNOWN_FOR } else { FAILED_FOR };
            if at.elapsed() < lasts {
                return endpoints.clone();
            }
        }
        let endpoints = match self.provider.discover().await {
            Ok(discovery) => self.checked(discovery),
            Err(error) => Err(error),
        };
        *known = Some((Instant::now(), endpoints.clone()));
        endpoints
    }

    fn checked(&self, discovery: Discovery) -> Result<Endpoints, FetchError> {
        let named = |address: Option<String>, name: &str| {
            let address = address
                .ok_or_else(|| self.provider.unusable(format!("its discovery document has no `{name}`")))?;
            self.provider.check_address(&address, name)?;
            Ok(address)
        };
        let authorization = named(discovery.authorization_endpoint, "authorization_endpoint")?;
        let authorization =
            Url::parse(&authorization).map_err(|error| self.provider.unusable(error.to_string()))?;
        // OpenID Connect Discovery 1.0, 3: without a word it is `client_secret_basic`.
        let methods = discovery.token_endpoint_auth_methods_supported.unwrap_or_default();
        let has = |method: &str| methods.iter().any(|name| name == method);
        Ok(Endpoints {
            authorization,
            token: named(discovery.token_endpoint, "token_endpoint")?,
            posts_secret: has("client_secret_post") && !has("client_secret_basic"),
            names_itself: discovery.authorization_response_iss_parameter_supported,
        })
    }
}

/// RFC 6749, 2.3.1: names and secrets are encoded as in a form before they stand in the header.
fn encoded(text: &str) -> String {
    let pairs = Url::parse_with_params("http://x/", [("", text)]).ok();
    pairs.and_then(|url| Some(url.query()?.strip_prefix('=')?.to_owned())).unwrap_or_default()
}
