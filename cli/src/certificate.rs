//! Certificates on both sides of a tunnel: which one of an agent's is accepted, and the one of this
//! process, whose key never leaves memory.

mod fingerprint;
mod pinned;
mod seen;

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, OtherError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};

pub(crate) use self::{fingerprint::Fingerprint, seen::presented_by};
use crate::failure::{self, Outcome};

/// Whose certificate an agent must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Exactly this one.
    Pinned(Fingerprint),
    /// One for the agent's name that this authority has signed (PEM).
    Authority(String),
}

/// The certificate and key of this process's tunnels. A grant is bound to it.
pub(crate) struct ClientKey {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl ClientKey {
    /// `x5t#S256` of the certificate: what a grant is bound to.
    pub(crate) fn thumbprint(&self) -> String {
        connect_shared::grant::certificate_thumbprint(&self.certificate)
    }

    /// A fresh P-256 key with a self-signed certificate.
    pub(crate) fn generate() -> Outcome<Self> {
        let problem = |error: rcgen::Error| failure::unexpected(format!("cannot make a key: {error}"));
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(problem)?;
        let certificate = rcgen::CertificateParams::new(Vec::new()).map_err(problem)?;
        let certificate = certificate.self_signed(&key).map_err(problem)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
        })
    }
}

/// Which protocol the connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Http,
    Tunnel,
}

impl Speech {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Http => b"http/1.1",
            Self::Tunnel => connect_shared::frame::ALPN,
        }
    }
}

/// TLS towards an agent.
pub(crate) fn client_config(trust: &Trust, key: Option<&ClientKey>, speech: Speech) -> Outcome<ClientConfig> {
    configure(verifier(trust)?, key, speech)
}

fn configure(
    verifier: Arc<dyn ServerCertVerifier>,
    key: Option<&ClientKey>,
    speech: Speech,
) -> Outcome<ClientConfig> {
    let problem = |error: rustls::Error| failure::unexpected(format!("cannot set up TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(problem)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match key {
        Some(key) => builder
            .with_client_auth_cert(vec![key.certificate.clone()], PrivateKeyDer::Pkcs8(key.key.clone_key()))
            .map_err(problem)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![speech.name().to_vec()];
    Ok(config)
}

fn verifier(trust: &Trust) -> Outcome<Arc<dyn ServerCertVerifier>> {
    match trust {
        Trust::Pinned(fingerprint) => Ok(Arc::new(pinned::PinnedVerifier::new(*fingerprint, provider()))),
        Trust::Authority(pem) => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(pem)?), provider());
            let verifier = verifier.build().map_err(|error| bad_authority(&error.to_string()))?;
            Ok(verifier)
        }
    }
}

/// What is wrong with a peer's certificate, for people.
pub(crate) fn words(why: &CertificateError) -> String {
    if let CertificateError::Other(OtherError(other)) = why
        && let Some(other) = other.downcast_ref::<pinned::OtherCertificate>()
    {
        return other.to_string();
    }
    match why {
        CertificateError::UnknownIssuer => "it is not signed by the authority that was given".to_owned(),
        CertificateError::BadSignature => "it does not hold the certificate's key".to_owned(),
        other => other.to_string(),
    }
}

/// The certificates of a PEM text as roots; there must be at least one.
pub(crate) fn roots(pem: &str) -> Outcome<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| bad_authority(&error.to_string()))?;
        roots.add(certificate).map_err(|error| bad_authority(&error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad_authority("it holds no certificate"));
    }
    Ok(roots)
}

fn bad_authority(why: &str) -> connect_shared::error::ErrorReport {
    failure::local("ca_file", format!("the CA file cannot be used: {why}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
