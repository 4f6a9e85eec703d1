//! A certificate authority for one server and for a few days, so that even the demo checks whom it talks to.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

/// Longer than any demo runs.
const VALID: Duration = Duration::days(30);

/// PEM texts.
pub struct Authority {
    /// The authority's own certificate.
    pub authority: String,
    pub authority_der: CertificateDer<'static>,
    /// The server's.
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// The authority's key is forgotten at once: nothing else can be signed with it.
    pub fn make() -> Result<Self, rcgen::Error> {
        let authority_key = KeyPair::generate()?;
        let mut params = named("connect demo database authority", Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);

        let key = KeyPair::generate()?;
        let mut params =
            named("connect demo database", vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: authority.pem(),
            authority_der: authority.der().clone(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn named(name: &str, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    // Clocks of containers and hosts differ a little.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALID;
    Ok(params)
}
