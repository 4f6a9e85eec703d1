//! The certificate that a grant is bound to, by its SHA-256 (RFC 8705, 3.1).

use connect_shared::grant::certificate_thumbprint;
use rustls::pki_types::CertificateDer;

/// base64url of the SHA-256 of a client certificate whose key its peer has proved to hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// Of a certificate from a finished handshake: the handshake is the proof of the key.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(certificate_thumbprint(certificate))
    }

    /// As in `cnf`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same, in a time that does not tell how much of it is.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), other.as_bytes()).is_ok()
    }
}
