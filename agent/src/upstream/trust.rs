//! Whom to trust at the other end of a way to a database. Reading certificates takes longer than a dial, so
//! what was read is kept until its file changes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::digest;
use rustls::{
    ClientConfig, CommonState, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use x509_parser::oid_registry::{
    OID_PKCS1_MD5WITHRSAENC, OID_PKCS1_SHA1WITHRSA, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
    Oid,
};

use super::{ClientCertificate, UpstreamError, UpstreamTls};

/// How long the system's own certificates are taken as read.
const SYSTEM_TIME: Duration = Duration::from_secs(600);

/// What tells one state of the certificates from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    File { length: u64, changed: SystemTime },
    System { read: Instant },
}

/// What a configuration is made of: whom to trust, and who we are.
type Made = (Option<PathBuf>, Option<ClientCertificate>);

/// The state of the certificates that are trusted, and of our own and its key.
type States = [Option<State>; 3];

type Kept = HashMap<Made, (States, Arc<ClientConfig>)>;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The TLS configuration of a way to a database; `None` where there is none.
///
/// # Errors
/// The CA file cannot be read or holds no certificate; or our own certificate or its key cannot be used.
pub fn client_tls(
    tls: &UpstreamTls,
    own: Option<&ClientCertificate>,
) -> Result<Option<Arc<ClientConfig>>, UpstreamError> {
    let UpstreamTls::VerifyFull { ca_file } = tls else { return Ok(None) };
    let authorities = match ca_file {
        Some(path) => state_of(path).map_err(|reason| unusable(path, reason))?,
        None => State::System { read: Instant::now() },
    };
    let of_own = |path: fn(&ClientCertificate) -> &PathBuf| {
        own.map(|own| state_of(path(own)).map_err(|reason| no_certificate(own, reason))).transpose()
    };
    let now = [Some(authorities), of_own(|own| &own.certificate)?, of_own(|own| &own.key)?];
    let made = (ca_file.clone(), own.cloned());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, config)) = kept.get(&made)
        && before.iter().zip(now).all(|(before, now)| holds(*before, now))
    {
        return Ok(Some(Arc::clone(config)));
    }
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => system_roots()?,
    };
    let config = Arc::new(configuration(roots, own)?);
    kept.insert(made, (now, Arc::clone(&config)));
    Ok(Some(config))
}

fn holds(before: Option<State>, now: Option<State>) -> bool {
    match (before, now) {
        (Some(State::System { read }), Some(State::System { read: now })) => {
            now.saturating_duration_since(read) < SYSTEM_TIME
        }
        (before, now) => before == now,
    }
}

fn state_of(path: &Path) -> Result<State, String> {
    let read = std::fs::metadata(path).and_then(|file| Ok((file.len(), file.modified()?)));
    let (length, changed) = read.map_err(|error| error.to_string())?;
    Ok(State::File { length, changed })
}

fn configuration(
    roots: RootCertStore,
    own: Option<&ClientCertificate>,
) -> Result<ClientConfig, UpstreamError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some(own) = own else { return Ok(builder.with_no_client_auth()) };
    let refused = |error: &dyn std::fmt::Display| no_certificate(own, error.to_string());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&own.certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| refused(&error))?;
    let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|error| refused(&error))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| refused(&error))
}

/// `tls-server-end-point` (RFC 5929): the hash of the server's certificate, by the hash of its signature, MD5
/// and SHA-1 taken for SHA-256. `None` where that is not defined, as for Ed25519.
pub(super) fn end_point(connection: &CommonState) -> Option<Vec<u8>> {
    let certificate = connection.peer_certificates()?.first()?;
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let algorithm = hash_of(&read.signature_algorithm.algorithm)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

fn hash_of(signature: &Oid<'_>) -> Option<&'static digest::Algorithm> {
    let known = [
        (OID_PKCS1_MD5WITHRSAENC, &digest::SHA256),
        (OID_PKCS1_SHA1WITHRSA, &digest::SHA256),
        (OID_PKCS1_SHA256WITHRSA, &digest::SHA256),
        (OID_PKCS1_SHA384WITHRSA, &digest::SHA384),
        (OID_PKCS1_SHA512WITHRSA, &digest::SHA512),
        (OID_SIG_ECDSA_WITH_SHA256, &digest::SHA256),
        (OID_SIG_ECDSA_WITH_SHA384, &digest::SHA384),
        (OID_SIG_ECDSA_WITH_SHA512, &digest::SHA512),
    ];
    known.into_iter().find(|(oid, _)| oid == signature).map(|(_, algorithm)| algorithm)
}

fn no_certificate(own: &ClientCertificate, reason: String) -> UpstreamError {
    UpstreamError::ClientCertificate { path: own.certificate.clone(), reason }
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
        assert!(matches!(client_tls(&tls, None), Err(UpstreamError::CaFile { .. })));
        std::fs::write(&path, certificate()).expect("written");
        let [first, second] = [(); 2].map(|()| client_tls(&tls, None).expect("good").expect("TLS"));
        assert!(Arc::ptr_eq(&first, &second));
        std::fs::write(&path, certificate() + &certificate()).expect("written");
        let third = client_tls(&tls, None).expect("good").expect("TLS");
        assert!(!Arc::ptr_eq(&first, &third));
        std::fs::write(&path, "nothing").expect("written");
        assert!(client_tls(&tls, None).is_err(), "what is not there any more is not trusted any more");
    }
}
