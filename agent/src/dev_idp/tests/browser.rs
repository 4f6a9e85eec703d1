//! What the tests use as a browser and as the CLI.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde_json::Value;

use crate::dev_idp::keys::sha256_base64url;

pub const REDIRECT: &str = "http://127.0.0.1:53219/callback";
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters.";

pub struct Browser {
    pub http: Client,
    pub issuer: String,
}

impl Browser {
    pub fn new(issuer: &str) -> Self {
        // Another test may have been first; either way there is one afterwards.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client is built");
        Self { http, issuer: issuer.to_owned() }
    }

    pub async fn get(&self, url: &str) -> Response {
        self.http.get(url).send().await.expect("answers")
    }

    /// A good request with some parameters replaced or added.
    pub fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let challenge = sha256_base64url(VERIFIER.as_bytes());
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", "connect-cli"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email groups offline_access"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        parameters.extend(changes);
        let mut url = Url::parse(&format!("{}/authorize", self.issuer)).expect("is a URL");
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }

    pub async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        self.get(&self.authorize_url(changes)).await
    }

    /// Opens the page and clicks on a person.
    pub async fn sign_in_as(&self, email: &str, changes: &[(&str, &str)]) -> Response {
        let page = self.authorize(changes).await;
        let cookie = cookie(&page);
        let question = question(&page.text().await.expect("is text"));
        self.http
            .post(format!("{}/sign-in", self.issuer))
            .header("cookie", cookie)
            .header("origin", &self.issuer)
            .form(&[("question", question.as_str()), ("person", email)])
            .send()
            .await
            .expect("answers")
    }

    /// A new code for a person.
    pub async fn code_for(&self, email: &str) -> String {
        parameter(&location(&self.sign_in_as(email, &[]).await), "code").expect("has a code")
    }

    pub async fn redeem(&self, code: &str, verifier: &str) -> Value {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "connect-cli"),
            ("redirect_uri", REDIRECT),
            ("code", code),
            ("code_verifier", verifier),
        ])
        .await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Value {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "connect-cli"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    /// The body of the token endpoint's answer, good or bad.
    pub async fn token(&self, form: &[(&str, &str)]) -> Value {
        let answer =
            self.http.post(format!("{}/token", self.issuer)).form(form).send().await.expect("answers");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let good = answer.status().is_success();
        let body: Value = answer.json().await.expect("is JSON");
        assert_eq!(good, body.get("error").is_none(), "{body}");
        body
    }

    pub async fn userinfo(&self, access_token: &str) -> Response {
        let url = format!("{}/userinfo", self.issuer);
        self.http.get(url).bearer_auth(access_token).send().await.expect("answers")
    }

    /// Checks an ID token with nothing but what discovery says.
    pub async fn verified_claims(&self, token: &str) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let discovery: Value = self.get(&url).await.json().await.expect("is JSON");
        assert_eq!(discovery["issuer"], self.issuer.as_str());
        let keys = self.get(discovery["jwks_uri"].as_str().expect("is a URL")).await;
        let keys: JwkSet = keys.json().await.expect("is a key set");
        let id = jsonwebtoken::decode_header(token).expect("has a header").kid.expect("names its key");
        let key = DecodingKey::from_jwk(keys.find(&id).expect("is published")).expect("is a key");
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["connect-cli"]);
        validation.set_issuer(&[&self.issuer]);
        jsonwebtoken::decode(token, &key, &validation).expect("is valid").claims
    }
}

pub fn cookie(page: &Response) -> String {
    let header = page.headers()["set-cookie"].to_str().expect("is text");
    assert!(header.contains("HttpOnly") && header.contains("SameSite=Lax"), "{header}");
    header.split(';').next().expect("has a pair").to_owned()
}

pub fn question(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"question\" value=\"").expect("has a question");
    rest.split('"').next().expect("ends").to_owned()
}

pub fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().expect("is text").to_owned()
}

pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).expect("is a URL");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
