//! Which places speak protocol 3.0 only and break off where a newer one is asked for: poolers, mostly. A server
//! says what it speaks.

use std::{
    collections::HashMap,
    io,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use connect_core::protocol::postgres::login::{LoginError, Protocol};

use super::{Place, UpstreamError};

/// How long that is believed: what stands there may have been replaced.
const HOLDS: Duration = Duration::from_secs(600);

/// Host and port, and since when.
type Old = HashMap<(String, u16), Instant>;

static OLD: LazyLock<Mutex<Old>> = LazyLock::new(Mutex::default);

/// What to speak there.
pub(super) fn known(place: &Place) -> Protocol {
    let mut old = OLD.lock().unwrap_or_else(PoisonError::into_inner);
    old.retain(|_, since| since.elapsed() < HOLDS);
    let is_old = old.contains_key(&(place.host.clone(), place.port));
    if is_old { Protocol::Oldest } else { Protocol::Newest }
}

/// It has let us in with 3.0 and not with a newer one.
pub(super) fn learn(place: &Place) {
    let mut old = OLD.lock().unwrap_or_else(PoisonError::into_inner);
    old.insert((place.host.clone(), place.port), Instant::now());
}

/// Whether this may be the answer of one that does not know the protocol: it breaks off, or calls it a
/// violation or not supported.
pub(super) fn minds(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Io(error) => {
            matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
        }
        UpstreamError::Login(LoginError::Refused { sqlstate, .. }) => {
            matches!(sqlstate.as_str(), "08P01" | "0A000")
        }
        _ => false,
    }
}
