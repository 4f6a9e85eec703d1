//! Client credentials without a shared secret: the client signs who it is with its own key
//! (`private_key_jwt`, RFC 7523), and the identity provider gives it an access token.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::json;

use super::{super::tokens::now, Answer, MAX_ANSWER, acceptable, no_token};
use crate::{
    agents::Identity,
    api::{Limit, read_body},
    failure::{self, Outcome},
    identity::transport,
};

/// How long a proof is good: one request.
const LIFE: u64 = 60;
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client of the identity provider, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientKey {
    pub(super) id: String,
    key: PathBuf,
    /// Name of the key at the provider, where it has several.
    key_id: Option<String>,
    scope: Option<String>,
    /// RFC 8707.
    resource: Option<String>,
}

impl FromStr for ClientKey {
    type Err = String;

    /// `ID,key=FILE` and, where the provider wants them, `kid=`, `scope=`, `resource=`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let id = parts.next().unwrap_or_default().to_owned();
        let mut client = Self { id, key: PathBuf::new(), key_id: None, scope: None, resource: None };
        for part in parts {
            match part.split_once('=') {
                Some(("key", path)) => client.key = path.into(),
                Some(("kid", name)) => client.key_id = Some(name.to_owned()),
                Some(("scope", scope)) => client.scope = Some(scope.to_owned()),
                Some(("resource", resource)) => client.resource = Some(resource.to_owned()),
                _ => return Err(format!("`{part}` is none of key=, kid=, scope=, resource=")),
            }
        }
        if client.id.is_empty() || client.key.as_os_str().is_empty() {
            return Err("a client needs its id and its key: client:ID,key=FILE".to_owned());
        }
        Ok(client)
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    token_endpoint: String,
}

/// An access token of the agent's identity provider.
pub(super) async fn token(client: &ClientKey, identity: &Identity) -> Outcome<String> {
    let signer = Signer::load(&client.key)?;
    let issuer = acceptable(&identity.issuer)?;
    let http = transport::client(&issuer)?;
    let silent = |error: reqwest::Error| {
        let why = failure::chain(&error.without_url());
        failure::unreachable(
            "idp_unreachable",
            format!("the identity provider {} does not answer: {why}", identity.issuer),
        )
    };
    let address = format!("{}/.well-known/openid-configuration", identity.issuer.trim_end_matches('/'));
    let answer = http.get(address).send().await.map_err(silent)?;
    let body = read_body(answer, Limit::Bytes(1024 * 1024)).await?;
    let discovery: Discovery = serde_json::from_slice(&body)
        .map_err(|_| failure::unexpected(format!("{} has no discovery document", identity.issuer)))?;
    if discovery.issuer != identity.issuer {
        return Err(failure::unverified(
            "idp_other_issuer",
            format!("{} calls itself otherwise", identity.issuer),
        ));
    }
    let endpoint = acceptable(&discovery.token_endpoint)?;
    let assertion = signer.sign(client, &discovery.token_endpoint)?;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client.id.as_str()),
        ("client_assertion_type", KIND),
        ("client_assertion", assertion.as_str()),
    ];
    form.extend(client.scope.as_deref().map(|scope| ("scope", scope)));
    form.extend(client.resource.as_deref().map(|resource| ("resource", resource)));
    let answer = http.post(endpoint).form(&form).send().await.map_err(silent)?;
    let status = answer.status();
    let body = read_body(answer, Limit::Bytes(MAX_ANSWER)).await?;
    if !status.is_success() {
        let refusal: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let why =
            refusal["error_description"].as_str().or(refusal["error"].as_str()).unwrap_or("no reason given");
        let why = failure::printable(why);
        return Err(no_token(format!("the identity provider refused the client `{}`: {why}", client.id)));
    }
    serde_json::from_slice::<Answer>(&body)
        .map(|answer| answer.value)
        .map_err(|_| failure::unexpected("the identity provider sent no access token"))
}

/// A private key, and what it signs with.
enum Signer {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl Signer {
    fn load(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let wrong = |why: &str| failure::local("client_key", format!("the client key {shown} {why}"));
        let meta = fs::metadata(path).map_err(|error| failure::file("read", path, &error))?;
        if meta.mode() & 0o007 != 0 {
            return Err(wrong("can be read by everyone on this machine").help(format!("chmod 600 {shown}")));
        }
        let key = PrivateKeyDer::from_pem_file(path).map_err(|_| wrong("is no private key in PEM"))?;
        let der = key.secret_der();
        let unusable = || wrong("is neither a P-256 nor an RSA key");
        match &key {
            PrivateKeyDer::Pkcs8(_) => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(Self::Ecdsa)
                .or_else(|_| rsa::KeyPair::from_pkcs8(der).map(Self::Rsa))
                .map_err(|_| unusable()),
            PrivateKeyDer::Pkcs1(_) => rsa::KeyPair::from_der(der).map(Self::Rsa).map_err(|_| unusable()),
            _ => Err(unusable()),
        }
    }

    fn sign(&self, client: &ClientKey, audience: &str) -> Outcome<String> {
        let unexpected = |_| failure::unexpected("the client key does not sign");
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce).map_err(unexpected)?;
        let algorithm = match self {
            Self::Ecdsa(_) => "ES256",
            Self::Rsa(_) => "RS256",
        };
        let mut header = json!({"alg": algorithm, "typ": "JWT"});
        if let (Some(fields), Some(name)) = (header.as_object_mut(), &client.key_id) {
            fields.insert("kid".to_owned(), name.as_str().into());
        }
        let claims = json!({
            "iss": client.id, "sub": client.id, "aud": audience,
            "jti": URL_SAFE_NO_PAD.encode(nonce), "iat": now(), "exp": now() + LIFE,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let rng = SystemRandom::new();
        let signature = match self {
            Self::Ecdsa(key) => key.sign(&rng, signed.as_bytes()).map_err(unexpected)?.as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &rng, signed.as_bytes(), &mut signature).map_err(unexpected)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_id_and_its_key_and_what_a_provider_wants_besides() {
        let client: ClientKey = "etl,key=/k.pem,scope=a b,kid=1".parse().expect("a client");
        assert_eq!((client.id.as_str(), client.scope.as_deref()), ("etl", Some("a b")));
        for text in ["", "etl", "etl,key=", "etl,key=/k,secret=x", ",key=/k"] {
            assert!(text.parse::<ClientKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        fs::write(&path, "x").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        let Err(report) = Signer::load(&path) else { panic!("it was used") };
        assert!(report.message.contains("can be read by everyone"), "{}", report.message);
    }
}
