//! What certificate a server shows, before anybody decided to trust it. Nothing is sent to that server
//! beyond the handshake.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::verify_tls13_signature,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{Fingerprint, Speech, configure, provider};
use crate::{
    api::Address,
    failure::{self, Outcome},
    proxy,
};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The fingerprint of the certificate that the server shows and holds the key of.
pub(crate) async fn presented_by(address: &Address) -> Outcome<Fingerprint> {
    let seen = Arc::new(SeeingVerifier::default());
    let config = configure(seen.clone(), None, Speech::Http)?;
    let (host, port) = (address.bare_host(), address.port());
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| failure::usage(format!("`{host}` is no host name")))?;
    let proxy = proxy::towards(address)?;
    let way = proxy::clause(proxy.as_ref());
    let problem = |why: String| {
        let words = format!("cannot reach an agent at {}:{port}{way}: {why}", address.host());
        let report = failure::unreachable("agent_unreachable", words)
            .help("check the address with whoever runs the agent");
        match &proxy {
            Some(proxy) => report.help(proxy.help(address)),
            None => report,
        }
    };
    let handshake = async {
        let socket = match &proxy {
            Some(proxy) => proxy.connect(address).await,
            None => TcpStream::connect((host, port)).await.map_err(|error| failure::reason(&error)),
        };
        let socket = socket.map_err(problem)?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, socket).await.map_err(|error| problem(failure::reason(&error)))
    };
    match timeout(PATIENCE, handshake).await {
        Ok(Ok(_stream)) => seen.take().ok_or_else(|| problem("it showed no certificate".to_owned())),
        Ok(Err(report)) => Err(report),
        Err(_) => Err(problem(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

#[derive(Debug, Default)]
struct SeeingVerifier {
    seen: Mutex<Option<Fingerprint>>,
}

impl SeeingVerifier {
    fn take(&self) -> Option<Fingerprint> {
        self.seen.lock().ok().and_then(|mut seen| seen.take())
    }
}

impl ServerCertVerifier for SeeingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(Fingerprint::of(end_entity));
        }
        Ok(ServerCertVerified::assertion())
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
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
