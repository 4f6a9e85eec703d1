//! Compact signed tokens (RFC 7515), read strictly: the one parser for ID tokens and grants.
//!
//! Claims come out only of [`Unverified::verify`], so nothing can act on a token whose signature was not
//! checked. The algorithm is the verifier's choice from a list of its own; `none` and keyed hashes are on
//! no list, and keys that a header brings along (`jwk`, `jku`, `x5u`) are never looked at.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// Why a token is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    #[error("the token is not three parts of base64url with JSON inside")]
    Malformed,
    #[error("the token names a member twice")]
    Duplicate,
    #[error("the token uses the algorithm `{0}`, which is not accepted")]
    Algorithm(String),
    #[error("the token demands an extension that is not known")]
    Critical,
    #[error("the token's signature is wrong")]
    Signature,
}

/// What a header says, as far as it is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    pub kind: Option<String>,
}

/// A token whose signature nobody has checked.
pub struct Unverified<'a> {
    header: Header,
    /// What is signed: header, dot, payload.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is too long, or not a token whose algorithm is in `allowed`.
    pub fn parse(token: &'a str, limit: usize, allowed: &[Algorithm]) -> Result<Self, JwsError> {
        if token.len() > limit {
            return Err(JwsError::TooLong(limit));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        Ok(Self { header: parse_header(header, allowed)?, signed, payload, signature })
    }

    /// The header. It proves nothing; it helps to find the key.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whose token it claims to be. Nobody has checked that: it says whose keys to look at, and nothing else.
    ///
    /// # Errors
    /// The claims are not an object with unique names.
    pub fn claimed(&self) -> Result<Claimed, JwsError> {
        let claims = object(self.payload)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Claimed { issuer: text("iss"), subject: text("sub") })
    }

    /// The claims, if `key` made the signature.
    ///
    /// # Errors
    /// The signature is wrong, or the claims are not an object with unique names.
    pub fn verify(&self, key: &DecodingKey) -> Result<Claims, JwsError> {
        let good =
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, self.header.algorithm);
        if !matches!(good, Ok(true)) {
            return Err(JwsError::Signature);
        }
        object(self.payload).map(Claims)
    }
}

/// What a token says whose it is, before anybody checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub issuer: Option<String>,
    pub subject: Option<String>,
}

/// Claims under a good signature.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({} members)", self.0.len())
    }
}

impl Claims {
    /// The claim of this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The claim as text; `None` if it is absent or something else.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A NumericDate (RFC 7519, 2): seconds, perhaps with a fraction, which is cut off.
    pub fn time(&self, name: &str) -> Option<u64> {
        let value = self.0.get(name)?;
        // 2^53: beyond it a JSON number is no longer exact.
        let float = || value.as_f64().filter(|time| (0.0..9_007_199_254_740_992.0).contains(time));
        value.as_u64().or_else(|| float().map(|time| time as u64))
    }

    /// All claims as a type.
    ///
    /// # Errors
    /// They do not fit.
    pub fn into_type<T: DeserializeOwned>(self) -> Result<T, JwsError> {
        serde_json::from_value(Value::Object(self.0)).map_err(|_| JwsError::Malformed)
    }
}

fn parse_header(encoded: &str, allowed: &[Algorithm]) -> Result<Header, JwsError> {
    let header = object(encoded)?;
    if header.contains_key("crit") {
        return Err(JwsError::Critical);
    }
    let optional = |name: &str| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwsError::Malformed),
    };
    let name = optional("alg")?.ok_or(JwsError::Malformed)?;
    let algorithm = name.parse::<Algorithm>().ok().filter(|algorithm| allowed.contains(algorithm));
    let algorithm = algorithm.ok_or_else(|| JwsError::Algorithm(name.chars().take(16).collect()))?;
    Ok(Header { algorithm, key_id: optional("kid")?, kind: optional("typ")? })
}

fn object(encoded: &str) -> Result<Map<String, Value>, JwsError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| JwsError::Malformed)?;
    match serde_json::from_slice::<Unique>(&bytes) {
        Ok(Unique(map)) => Ok(map),
        Err(error) if error.to_string().starts_with(DUPLICATE) => Err(JwsError::Duplicate),
        Err(_) => Err(JwsError::Malformed),
    }
}

const DUPLICATE: &str = "duplicate member";

/// An object in which no name comes twice: of two values of one name, two readers may believe in
/// different ones (RFC 7519, 4).
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom(DUPLICATE));
                    }
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    fn refusal(token: &str) -> JwsError {
        Unverified::parse(token, 1_000, &[Algorithm::ES256]).err().expect("it is refused")
    }

    #[test]
    fn only_listed_algorithms_get_past_the_header() {
        for algorithm in ["none", "None", "HS256", "HS512", "RS256", "es256", ""] {
            let refused = refusal(&token(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}"));
            assert_eq!(refused, JwsError::Algorithm(algorithm.to_owned()));
        }
    }

    #[test]
    fn a_header_that_is_odd_is_refused() {
        assert_eq!(
            refusal(&token(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, "{}")),
            JwsError::Critical
        );
        assert_eq!(refusal(&token(r#"{"alg":"ES256","alg":"none"}"#, "{}")), JwsError::Duplicate);
        assert_eq!(refusal(&token(r#"{"alg":"ES256","kid":7}"#, "{}")), JwsError::Malformed);
        assert_eq!(refusal(&token(r#"["ES256"]"#, "{}")), JwsError::Malformed);
        assert_eq!(refusal("e30.e30"), JwsError::Malformed);
        assert_eq!(refusal("e30.e30.e30.e30"), JwsError::Malformed);
        assert_eq!(refusal(&"a".repeat(1_001)), JwsError::TooLong(1_000));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = Unverified::parse(&text, 4_096, &[Algorithm::ES256]);
        }
    }
}
