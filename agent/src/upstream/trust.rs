//! Whom to trust at the other end of a way to a database. Reading certificates takes longer than a dial, so
//! what was read is kept until its file changes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::{UpstreamError, UpstreamTls};

/// How long the system's own certificates are taken as read.
const SYSTEM_TIME: Duration = Duration::from_secs(600);

/// What tells one state of the certificates from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    File { length: u64, changed: SystemTime },
    System { read: Instant },
}

type Kept = HashMap<Option<PathBuf>, (State, Arc<ClientConfig>)>;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The TLS configuration of a way to a database; `None` where there is none.
///
/// # Errors
/// The CA file cannot be read or holds no certificate.
pub fn client_tls(tls: &UpstreamTls) -> Result<Option<Arc<ClientConfig>>, UpstreamError> {
    let UpstreamTls::VerifyFull { ca_file } = tls else { return Ok(None) };
    let state = match ca_file {
        Some(path) => state_of(path)?,
        None => State::System { read: Instant::now() },
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, config)) = kept.get(ca_file)
        && holds(*before, state)
    {
        return Ok(Some(Arc::clone(config)));
    }
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => system_roots()?,
    };
    let config = Arc::new(configuration(roots)?);
    kept.insert(ca_file.clone(), (state, Arc::clone(&config)));
    Ok(Some(config))
}

fn holds(before: State, now: State) -> bool {
    match (before, now) {
        (State::System { read }, State::System { read: now }) => {
            now.saturating_duration_since(read) < SYSTEM_TIME
        }
        (before, now) => before == now,
    }
}

fn state_of(path: &Path) -> Result<State, UpstreamError> {
    let read = std::fs::metadata(path).and_then(|file| Ok((file.len(), file.modified()?)));
    let (length, changed) = read.map_err(|error| unusable(path, error.to_string()))?;
    Ok(State::File { length, changed })
}

fn configuration(roots: RootCertStore) -> Result<ClientConfig, UpstreamError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, UpstreamError> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unusable(path, error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(path, error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable(path, "it holds no certificate".to_owned())) } else { Ok(roots) }
}

fn unusable(path: &Path, reason: String) -> UpstreamError {
    UpstreamError::CaFile { path: path.to_owned(), reason }
}

fn system_roots() -> Result<RootCertStore, UpstreamError> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 { Err(UpstreamError::NoSystemRoots) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate() -> String {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(Vec::new()).expect("no names");
        params.self_signed(&key).expect("a certificate").pem()
    }

    #[test]
    fn a_ca_file_is_read_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let tls = UpstreamTls::VerifyFull { ca_file: Some(path.clone()) };
        assert!(matches!(client_tls(&tls), Err(UpstreamError::CaFile { .. })));
        std::fs::write(&path, certificate()).expect("written");
        let [first, second] = [(); 2].map(|()| client_tls(&tls).expect("good").expect("TLS"));
        assert!(Arc::ptr_eq(&first, &second));
        std::fs::write(&path, certificate() + &certificate()).expect("written");
        let third = client_tls(&tls).expect("good").expect("TLS");
        assert!(!Arc::ptr_eq(&first, &third));
        std::fs::write(&path, "nothing").expect("written");
        assert!(client_tls(&tls).is_err(), "what is not there any more is not trusted any more");
    }
}
