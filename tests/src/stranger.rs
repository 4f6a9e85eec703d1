//! A client of the agent that shares no code with ours: a key of its own, HTTPS by hand, raw frames. It
//! does what no honest client would.

use std::{net::SocketAddr, process::Command, sync::Arc, time::Duration};

use bytes::BytesMut;
use connect_shared::frame::{ALPN, Frame, Hello, Notice, Resume, VERSION, Welcome};
use quinn::{
    Connection, RecvStream, SendStream,
    crypto::rustls::QuicClientConfig,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{agent::Agent, idp::IdentityProvider, place, process};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(15);

/// An ID token of somebody, had without our own client.
///
/// # Panics
/// The provider gives none.
#[must_use]
pub fn id_token(idp: &IdentityProvider, person: &str) -> String {
    let script = place::of_tests("oidc/token.mjs");
    let mut node = Command::new(place::installed("node"));
    process::run(node.arg(script).args([idp.issuer(), person])).good().trim().to_owned()
}

/// Somebody with a key pair.
pub struct Stranger {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// A tunnel that was welcomed.
pub struct Welcomed {
    pub connection: Connection,
    pub control: (SendStream, RecvStream),
    pub welcome: Welcome,
}

impl Stranger {
    /// With a fresh key.
    ///
    /// # Panics
    /// No key can be made.
    #[must_use]
    pub fn new(agent: &Agent) -> Self {
        let made = rcgen::generate_simple_self_signed(["stranger".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let address = agent.address().parse().expect("an address");
        Self { address, certificate: made.cert.der().clone(), key }
    }

    /// Goes to another agent with the same key.
    ///
    /// # Panics
    /// Its address is none.
    pub fn move_to(&mut self, agent: &Agent) {
        self.address = agent.address().parse().expect("an address");
    }

    /// `POST /v1/grants`: status and body.
    ///
    /// # Panics
    /// The agent does not answer.
    pub async fn ask(&self, token: Option<&str>, resource: &str, with_key: WithKey) -> (u16, Value) {
        let connector = TlsConnector::from(Arc::new(self.tls(b"http/1.1", with_key)));
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("the agent listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = connector.connect(name, stream).await.expect("a handshake");
        let body = format!(r#"{{"resource":"{resource}"}}"#);
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /v1/grants HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = Vec::new();
        // A peer that closes without a TLS goodbye has answered all the same.
        let _end = timeout(ANSWER, stream.read_to_end(&mut answer)).await.expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let json =
            answer.find('{').map_or(Value::Null, |at| serde_json::from_str(&answer[at..]).expect("JSON"));
        (status, json)
    }

    /// A grant that must be given.
    ///
    /// # Panics
    /// It is refused.
    pub async fn grant(&self, token: &str, resource: &str) -> String {
        let (status, body) = self.ask(Some(token), resource, WithKey::Yes).await;
        assert_eq!(status, 200, "{body}");
        body["grant"].as_str().expect("a grant").to_owned()
    }

    /// Opens a tunnel and shows a grant. `Err`: what the agent said, or that it said nothing.
    ///
    /// # Errors
    /// The agent does not welcome it.
    ///
    /// # Panics
    /// No socket can be had.
    pub async fn tunnel(&self, grant: &str, with_key: WithKey) -> Result<Welcomed, String> {
        self.tunnel_for(grant, with_key, None).await
    }

    /// The same for a session that another tunnel began.
    ///
    /// # Errors
    /// The agent does not welcome it.
    ///
    /// # Panics
    /// No socket can be had.
    pub async fn tunnel_for(
        &self,
        grant: &str,
        with_key: WithKey,
        resume: Option<Resume>,
    ) -> Result<Welcomed, String> {
        let tls = QuicClientConfig::try_from(self.tls(ALPN, with_key)).expect("TLS 1.3");
        let mut endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
        let connecting = endpoint.connect(self.address, "localhost").expect("an address");
        let connection =
            timeout(ANSWER, connecting).await.map_err(|_| "silence")?.map_err(|error| error.to_string())?;
        let (mut send, receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
        let hello =
            Hello { version: VERSION, grant: grant.to_owned(), client: "stranger".to_owned(), resume };
        say(&mut send, &Frame::Hello(hello)).await?;
        let mut receive = receive;
        match hear(&mut receive).await? {
            Frame::Welcome(welcome) => Ok(Welcomed { connection, control: (send, receive), welcome }),
            Frame::Notice(Notice::Closed { error }) => Err(error.code),
            other => Err(format!("{other:?}")),
        }
    }

    fn tls(&self, alpn: &[u8], with_key: WithKey) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&quinn::rustls::version::TLS13])
            .expect("TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting(provider)));
        let mut config = match with_key {
            WithKey::Yes => builder
                .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())
                .expect("a key of this certificate"),
            WithKey::No => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        config
    }
}

/// Whether the stranger shows its certificate.
#[derive(Debug, Clone, Copy)]
pub enum WithKey {
    Yes,
    No,
}

/// Sends a frame.
///
/// # Errors
/// The agent has closed the stream.
pub async fn say(stream: &mut SendStream, frame: &Frame) -> Result<(), String> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes).map_err(|error| error.to_string())?;
    stream.write_all(&bytes).await.map_err(|error| error.to_string())
}

/// Receives a frame.
///
/// # Errors
/// The agent has closed the stream, or says nothing.
pub async fn hear(stream: &mut RecvStream) -> Result<Frame, String> {
    let mut buffer = BytesMut::new();
    loop {
        if let Some(frame) = Frame::decode(&mut buffer).map_err(|error| error.to_string())? {
            return Ok(frame);
        }
        let chunk = timeout(ANSWER, stream.read_chunk(64 * 1024, true)).await.map_err(|_| "silence")?;
        let chunk = chunk.map_err(|error| error.to_string())?.ok_or("closed")?;
        buffer.extend_from_slice(&chunk.bytes);
    }
}

/// Trusts any server: a test knows whom it started.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
