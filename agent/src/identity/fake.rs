//! An identity provider for tests: a discovery document, a key set, and tokens of any kind.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::{
    Json, Router,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::config::IdentityConfig;

/// A P-256 key with a name.
pub(crate) struct FakeKey {
    pub(crate) id: String,
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

impl FakeKey {
    pub(crate) fn new(id: &str) -> Self {
        let rng = aws_lc_rs::rand::SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("a key");
        Self {
            id: id.to_owned(),
            pkcs8: pkcs8.as_ref().to_vec(),
            public: pair.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn jwk(&self) -> Value {
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&self.public[range]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": part(1..33), "y": part(33..65)})
    }

    /// Signs `payload`, as text, under `header`.
    pub(crate) fn sign_text(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let key = EncodingKey::from_ec_der(&self.pkcs8);
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::ES256).expect("signed");
        format!("{signed}.{signature}")
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id, "typ": "JWT"});
        self.sign_text(&header.to_string(), &claims.to_string())
    }
}

/// The form that a code came with, and the client's login.
pub(crate) type Redeemed = (String, Option<String>);

/// A provider on a loopback port.
pub(crate) struct FakeProvider {
    pub(crate) issuer: String,
    pub(crate) key: FakeKey,
    published: Arc<Mutex<Value>>,
    /// How often the key set was asked for.
    pub(crate) asked: Arc<AtomicUsize>,
    /// The ID token that a code is given for, and what came with codes.
    pub(crate) next_token: Arc<Mutex<String>>,
    pub(crate) redeemed: Arc<Mutex<Vec<Redeemed>>>,
    task: JoinHandle<()>,
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeProvider {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", socket.local_addr().expect("an address"));
        let key = FakeKey::new("first");
        let published = Arc::new(Mutex::new(json!({"keys": [key.jwk()]})));
        let asked = Arc::new(AtomicUsize::new(0));
        let document = json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/keys"),
            "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        });
        let (next_token, redeemed) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (token, forms) = (Arc::clone(&next_token), Arc::clone(&redeemed));
        let (keys, counter) = (Arc::clone(&published), Arc::clone(&asked));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(document.clone())))
            .route(
                "/keys",
                get(async move || {
                    counter.fetch_add(1, Ordering::SeqCst);
                    Json(keys.lock().unwrap_or_else(PoisonError::into_inner).clone())
                }),
            )
            .route(
                "/token",
                post(async move |headers: HeaderMap, form: String| {
                    let login = headers.get("authorization").and_then(|login| login.to_str().ok());
                    let mut forms = forms.lock().unwrap_or_else(PoisonError::into_inner);
                    forms.push((form, login.map(str::to_owned)));
                    let token = token.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    Json(json!({"access_token": "a", "token_type": "Bearer", "id_token": token}))
                }),
            );
        let task = tokio::spawn(async move {
            let _served = axum_serve(socket, router).await;
        });
        Self { issuer, key, published, asked, next_token, redeemed, task }
    }

    /// Closes the port.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }

    pub(crate) fn publish(&self, keys: &[&FakeKey]) {
        self.publish_keys(keys.iter().map(|key| key.jwk()).collect());
    }

    pub(crate) fn publish_keys(&self, keys: Vec<Value>) {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = json!({"keys": keys});
    }

    pub(crate) fn config(&self) -> IdentityConfig {
        IdentityConfig {
            issuer: self.issuer.clone(),
            client_id: "connect-cli".to_owned(),
            scopes: vec!["openid".to_owned()],
            groups_claim: "groups".to_owned(),
            max_token_age: std::time::Duration::from_secs(60 * 60),
            ca_file: None,
        }
    }

    /// Good claims for a person.
    pub(crate) fn claims(&self, person: &str, groups: &[&str], now: u64) -> Value {
        json!({
            "iss": self.issuer, "sub": person, "aud": "connect-cli", "iat": now, "exp": now + 300,
            "email": format!("{person}@example.com"), "email_verified": true, "groups": groups,
        })
    }

    pub(crate) fn token(&self, person: &str, groups: &[&str]) -> String {
        self.key.sign(&self.claims(person, groups, crate::serve::now()))
    }
}

/// axum's own server is not among our features.
pub(crate) async fn axum_serve(socket: TcpListener, router: Router) {
    use hyper_util::{rt::TokioIo, service::TowerToHyperService};
    while let Ok((stream, _)) = socket.accept().await {
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
