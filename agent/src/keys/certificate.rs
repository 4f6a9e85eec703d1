//! The certificate of both listeners: made once and pinned by clients, or from configured files.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::Arc,
};

use connect_shared::hexadecimal::hexadecimal;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::file::{self, KeyError};
use crate::config::{CertificateSource, Config};

/// Clients pin it, so its life is that of the pin: no authority would renew it.
const VALID_UNTIL: (i32, u8, u8) = (2099, 12, 31);
const VALID_FROM: (i32, u8, u8) = (2020, 1, 1);

/// Certificate chain and key of the listeners.
#[derive(Clone)]
pub struct ServerCertificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Arc<PrivateKeyDer<'static>>,
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerCertificate({})", self.fingerprint())
    }
}

/// `sha256:` and the hexadecimal SHA-256 of a certificate.
fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    format!("sha256:{}", hexadecimal(digest.as_ref()))
}

impl ServerCertificate {
    /// What clients pin.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.chain.first().map_or_else(String::new, |leaf| fingerprint(leaf))
    }

    pub(super) fn open(config: &Config) -> Result<Self, KeyError> {
        match &config.certificate {
            CertificateSource::Files { certificate, key } => Self::read(certificate, key),
            CertificateSource::SelfSigned => {
                let certificate = config.state_dir.join("tls.crt");
                let key = config.state_dir.join("tls.key");
                let key_pem = file::read_or_make(&key, make_key)?;
                file::read_or_make(&certificate, || make_certificate(&key_pem, config))?;
                Self::read(&certificate, &key)
            }
        }
    }

    /// The console's own, where it has one.
    pub(super) fn of_console(config: &Config) -> Result<Option<Self>, KeyError> {
        let named = config.console.as_ref().and_then(|console| console.certificate.as_ref());
        named.map(|named| Self::read(&named.certificate, &named.key)).transpose()
    }

    fn read(certificate: &Path, key: &Path) -> Result<Self, KeyError> {
        let damaged = |path: &Path, reason: String| KeyError::Damaged { path: path.to_owned(), reason };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| damaged(certificate, error.to_string()))?;
        if chain.is_empty() {
            return Err(damaged(certificate, "it holds no certificate".to_owned()));
        }
        let secret = PrivateKeyDer::from_pem_slice(&file::read_private(key)?)
            .map_err(|error| damaged(key, error.to_string()))?;
        check_pair(&chain, &secret).map_err(|reason| damaged(key, reason))?;
        Ok(Self { chain, key: Arc::new(secret) })
    }
}

/// A key of another certificate would fail only at the first handshake.
fn check_pair(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Result<(), String> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    rustls::sign::CertifiedKey::from_der(chain.to_vec(), key.clone_key(), &provider)
        .map(|_| ())
        .map_err(|error| format!("it does not fit the certificate ({error})"))
}

fn make_key() -> Result<Vec<u8>, KeyError> {
    let key = KeyPair::generate().map_err(|error| KeyError::Certificate(error.to_string()))?;
    Ok(key.serialize_pem().into_bytes())
}

fn make_certificate(key_pem: &[u8], config: &Config) -> Result<Vec<u8>, KeyError> {
    let failed = |error: rcgen::Error| KeyError::Certificate(error.to_string());
    let text = std::str::from_utf8(key_pem).map_err(|error| KeyError::Certificate(error.to_string()))?;
    let key = KeyPair::from_pem(text).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = names(config)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("connect-agent {}", config.name));
    params.not_before = rcgen::date_time_ymd(VALID_FROM.0, VALID_FROM.1, VALID_FROM.2);
    params.not_after = rcgen::date_time_ymd(VALID_UNTIL.0, VALID_UNTIL.1, VALID_UNTIL.2);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params.self_signed(&key).map_err(failed)?.pem().into_bytes())
}

fn names(config: &Config) -> Result<Vec<SanType>, KeyError> {
    let dns = |name: &str| {
        let name = rcgen::string::Ia5String::try_from(name.to_owned());
        name.map(SanType::DnsName).map_err(|error| KeyError::Certificate(error.to_string()))
    };
    let mut names = vec![
        dns("localhost")?,
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ];
    if !config.listen.ip().is_unspecified() {
        names.push(SanType::IpAddress(config.listen.ip()));
    }
    for name in &config.public_names {
        names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => dns(name)?,
        });
    }
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    Ok(unique)
}
