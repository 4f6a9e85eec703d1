//! The provider's keys: kept for minutes, fetched again when a token names one that is not known, but
//! not more often than every few seconds, whoever asks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use tokio::time::timeout;

use super::{
    TokenError,
    fetch::{FetchError, PATIENCE, Provider},
};
use crate::jws::Header;

/// A key that the provider withdrew is believed for this long at most.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Tokens that name unknown keys cause one request in this time.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(10);
/// A provider that just failed is not asked again at once: callers behind the first hear the same.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct KeyCache {
    provider: Provider,
    current: Mutex<Option<Arc<Snapshot>>>,
    /// Held while fetching, so that a crowd of callers causes one request.
    fetching: tokio::sync::Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Snapshot {
    at: Instant,
    keys: Vec<Jwk>,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    error: FetchError,
}

impl KeyCache {
    pub(super) fn new(provider: Provider) -> Self {
        Self { provider, current: Mutex::new(None), fetching: tokio::sync::Mutex::new(None) }
    }

    /// The key that a token says it was signed with.
    pub(super) async fn find(&self, header: &Header) -> Result<DecodingKey, TokenError> {
        let known = self.snapshot();
        if let Some(snapshot) = known.as_deref().filter(|snapshot| snapshot.at.elapsed() < MAX_AGE) {
            if let Some(key) = snapshot.find(header) {
                return Ok(key);
            }
            if snapshot.at.elapsed() < UNKNOWN_KEY_PAUSE {
                return Err(TokenError::UnknownKey);
            }
        }
        let newer = self.refresh(known.map(|snapshot| snapshot.at)).await?;
        newer.find(header).ok_or(TokenError::UnknownKey)
    }

    /// The scopes that the provider says it knows.
    pub(super) async fn scopes(&self) -> Option<Vec<String>> {
        timeout(PATIENCE, self.provider.discover()).await.ok()?.ok()?.scopes_supported
    }

    pub(super) async fn probe(&self) -> Result<usize, FetchError> {
        let snapshot = self.refresh(None).await?;
        Ok(snapshot.keys.iter().filter(|key| super::ALGORITHMS.iter().any(|alg| fits(key, *alg))).count())
    }

    /// A snapshot that is newer than the one from `seen`. Answers within [`PATIENCE`], also when others
    /// are waiting for the same.
    async fn refresh(&self, seen: Option<Instant>) -> Result<Arc<Snapshot>, FetchError> {
        match timeout(PATIENCE, self.refresh_in_turn(seen)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.provider.late()),
        }
    }

    async fn refresh_in_turn(&self, seen: Option<Instant>) -> Result<Arc<Snapshot>, FetchError> {
        let mut last_failure = self.fetching.lock().await;
        if let Some(snapshot) = self.snapshot().filter(|snapshot| Some(snapshot.at) != seen) {
            return Ok(snapshot);
        }
        if let Some(failure) = last_failure.as_ref().filter(|failure| failure.at.elapsed() < FAILURE_PAUSE) {
            return Err(failure.error.clone());
        }
        match self.provider.keys().await {
            Ok(keys) => {
                *last_failure = None;
                let snapshot = Arc::new(Snapshot { at: Instant::now(), keys });
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
                Ok(snapshot)
            }
            Err(error) => {
                tracing::warn!(%error, "the identity provider's keys cannot be fetched");
                *last_failure = Some(Failure { at: Instant::now(), error: error.clone() });
                Err(error)
            }
        }
    }

    /// As if the keys had been fetched long ago, but not too long.
    #[cfg(test)]
    pub(super) fn forget_the_time(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = current.take().map(|snapshot| {
            let at = snapshot.at.checked_sub(UNKNOWN_KEY_PAUSE).unwrap_or(snapshot.at);
            Arc::new(Snapshot { at, keys: snapshot.keys.clone() })
        });
    }

    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Snapshot {
    /// The key of this id that can have made such a signature; without an id, the only such key.
    fn find(&self, header: &Header) -> Option<DecodingKey> {
        let named = |key: &&Jwk| header.key_id.is_none() || key.common.key_id == header.key_id;
        let mut candidates = self.keys.iter().filter(named).filter(|key| fits(key, header.algorithm));
        let key = candidates.next()?;
        if candidates.next().is_some() {
            return None;
        }
        DecodingKey::from_jwk(key).ok()
    }
}

/// Whether the key is of the kind, and for the purpose, that the algorithm needs (RFC 7517, 4).
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => algorithm == ES256,
            EllipticCurve::P384 => algorithm == ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(pair) => pair.curve == EllipticCurve::Ed25519 && algorithm == EdDSA,
        _ => false,
    };
    let purpose = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let declared = key.common.key_algorithm.is_none_or(|declared| {
        // The two enumerations have the same names for the same algorithms.
        declared.to_string() == format!("{algorithm:?}")
    });
    kind && purpose && declared
}
