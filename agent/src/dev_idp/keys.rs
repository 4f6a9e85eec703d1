//! The signing key, the ID tokens that it signs, and the random values of the flow.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    digest, rand,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long an ID token is valid, in seconds.
pub const ID_TOKEN_LIFETIME: u64 = 300;

/// Why there is no key or no token.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the cryptographic library failed")]
    Crypto,
    #[error(transparent)]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// The claims of an ID token.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub auth_time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub sid: String,
    pub email: String,
    pub email_verified: bool,
    pub name: String,
    pub groups: Vec<String>,
}

/// An ES256 key that lives as long as the process.
pub struct SigningKey {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: Value,
}

impl SigningKey {
    pub fn generate() -> Result<Self, KeyError> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
            .map_err(|_unspecified| KeyError::Crypto)?;
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).map_err(|_rejected| KeyError::Crypto)?;
        // SEC 1 uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(KeyError::Crypto);
        };
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let id = sha256_base64url(point);
        let public = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y,
        });
        Ok(Self {
            encoding: EncodingKey::from_ec_der(document.as_ref()),
            decoding: DecodingKey::from_ec_components(&x, &y)?,
            id,
            public,
        })
    }

    /// The public half as a JWK.
    pub fn public(&self) -> &Value {
        &self.public
    }

    pub fn sign(&self, claims: &IdClaims) -> Result<String, KeyError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.encoding)?)
    }

    /// Reads an `id_token_hint`: our own signature counts, its age does not (RP-initiated logout, section 2).
    pub fn read_hint(&self, token: &str, issuer: &str) -> Option<IdClaims> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_issuer(&[issuer]);
        jsonwebtoken::decode(token, &self.decoding, &validation).ok().map(|data| data.claims)
    }
}

/// 256 random bits as text for a URL, a form or a cookie.
pub fn random_text() -> Result<String, KeyError> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_unspecified| KeyError::Crypto)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// `BASE64URL(SHA256(data))`: the S256 transform of PKCE (RFC 7636, section 4.2).
pub fn sha256_base64url(data: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, data))
}

/// Seconds since 1970.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
