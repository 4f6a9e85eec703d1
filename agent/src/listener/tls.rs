//! TLS of both halves of the door: version 1.3 only, no resumption, and client certificates of anyone.
//!
//! Why anyone's: the certificate of a CLI process is self-signed, minutes old and known to nobody. It
//! names no one. What counts is that its holder proves, in the handshake, to hold its key: grants are
//! bound to the certificate's digest (RFC 8705), so a certificate without its own grant opens nothing,
//! and a grant without its own certificate neither. The identity of the principal comes from the ID
//! token that the grant was issued for.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        NoServerSessionStorage, ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use crate::keys::ServerCertificate;

/// Longest client certificate that is looked at; ours have about 400 bytes.
const MAX_CERTIFICATE: usize = 8 * 1024;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsSetupError(#[from] Error);

/// Whether a client must show a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKey {
    /// The tunnel.
    Required,
    /// The control API: only `POST /v1/grants` needs one.
    Optional,
    /// Pages: a browser would ask its person which one to show.
    NotAsked,
}

/// TLS for one of the listeners.
///
/// # Errors
/// The certificate does not fit its key.
pub fn server_config(
    certificate: &ServerCertificate,
    client_key: ClientKey,
    protocols: &[&[u8]],
) -> Result<ServerConfig, TlsSetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyKey::new(&provider, client_key));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificate.chain.clone(), certificate.key.clone_key())?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // No resumption and no early data: every connection proves its key anew, and nothing can be replayed.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Accepts every certificate whose key signs the handshake.
#[derive(Debug)]
struct AnyKey {
    algorithms: WebPkiSupportedAlgorithms,
    client_key: ClientKey,
}

impl AnyKey {
    fn new(provider: &CryptoProvider, client_key: ClientKey) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, client_key }
    }
}

impl ClientCertVerifier for AnyKey {
    fn offer_client_auth(&self) -> bool {
        self.client_key != ClientKey::NotAsked
    }

    fn client_auth_mandatory(&self) -> bool {
        self.client_key == ClientKey::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if end_entity.len() > MAX_CERTIFICATE {
            return Err(CertificateError::BadEncoding.into());
        }
        // It must be a certificate; whose it is does not matter here.
        ParsedCertificate::try_from(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
