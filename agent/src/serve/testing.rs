//! A whole agent on a loopback port, with a provider that signs whatever a test wants, and clients that
//! may misbehave.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use connect_shared::{
    api::{GrantRequest, GrantResponse},
    entry::Leaf,
    frame::{ALPN, Frame, Hello, Resume, VERSION, Welcome},
    proof::{
        checkpoint::Checkpoint,
        note::VerifierKey,
        tile::{Level, Tile, decode_bundle},
    },
};
use quinn::{
    Connection, ConnectionError, Endpoint, RecvStream, SendStream, crypto::rustls::QuicClientConfig,
};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tempfile::TempDir;

use super::{Running, start};
use crate::{config::Config, identity::fake::FakeProvider};

/// A running agent with resources `prod-db` (developers read, data-oncall writes) and `bench-db` (everyone
/// reads). There is no database behind them.
pub(crate) struct TestAgent {
    pub(crate) provider: FakeProvider,
    pub(crate) running: Running,
    certificate: CertificateDer<'static>,
    _folder: TempDir,
}

/// A client's key and certificate.
pub(crate) struct ClientKeys {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl ClientKeys {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["client".to_owned()]).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate: certificate.der().clone(), key: key.serialize_der() }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone().into())
    }
}

fn configuration(issuer: &str) -> String {
    let resource = |name: &str, lists: &str| {
        // Port 9 is discard: nothing listens there.
        format!(
            "[[resource]]\nname = \"{name}\"\nengine = \"postgresql\"\naddress = \"127.0.0.1:9\"\ndatabase = \"shop\"\n\
             user = \"connect_agent\"\npassword_env = \"PW\"\ntls = \"disable\"\n{lists}\n"
        )
    };
    format!(
        "[agent]\nname = \"test\"\nlisten = \"127.0.0.1:0\"\nstate_dir = \"state\"\n\
         [identity]\nissuer = \"{issuer}\"\nclient_id = \"connect-cli\"\n\
         [log]\nauditors = [\"group:security\"]\n{}{}",
        resource("prod-db", "read = [\"group:developer\"]\nwrite = [\"group:data-oncall\"]"),
        resource("bench-db", "read = [\"*\"]"),
    )
}

impl TestAgent {
    pub(crate) async fn start() -> Self {
        Self::with_lifetime(Duration::from_secs(600)).await
    }

    /// An agent whose grants live so long.
    pub(crate) async fn with_lifetime(lifetime: Duration) -> Self {
        Self::assembled(lifetime, |text| text).await
    }

    /// An agent whose configuration is another one.
    pub(crate) async fn configured(change: impl FnOnce(String) -> String) -> Self {
        Self::assembled(Duration::from_secs(600), change).await
    }

    async fn assembled(lifetime: Duration, change: impl FnOnce(String) -> String) -> Self {
        let provider = FakeProvider::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let text = change(configuration(&provider.issuer));
        let mut config =
            Config::parse(&text, folder.path(), &|_| Some("x".to_owned())).expect("a good configuration");
        config.grants.lifetime = lifetime;
        let path = config.state_dir.join("tls.crt");
        let running = start(config).await.expect("it starts");
        let certificate = CertificateDer::from_pem_file(&path).expect("its certificate");
        Self { provider, running, certificate, _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self._folder.path().join("state")
    }

    pub(crate) fn tls(&self, keys: Option<&ClientKeys>, protocol: &[u8]) -> rustls::ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots);
        let mut config = match keys {
            Some(keys) => builder
                .with_client_auth_cert(vec![keys.certificate.clone()], keys.key())
                .expect("the key fits"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    /// A client of the control API.
    pub(crate) fn http(&self, keys: Option<&ClientKeys>) -> reqwest::Client {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(keys, b"http/1.1"))
            .no_proxy()
            .build()
            .expect("a client")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address())
    }

    /// A grant for `person`, bound to `keys`.
    pub(crate) async fn grant(
        &self,
        keys: &ClientKeys,
        person: &str,
        groups: &[&str],
        resource: &str,
    ) -> GrantResponse {
        let request = GrantRequest {
            resource: resource.to_owned(),
            actions: Vec::new(),
            reason: None,
            actor: None,
            run: None,
            task: None,
            tables: Vec::new(),
            hand_on: None,
        };
        let response = self
            .http(Some(keys))
            .post(self.url("/v1/grants"))
            .bearer_auth(self.provider.token(person, groups))
            .json(&request)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{}", response.status());
        response.json().await.expect("a grant")
    }

    /// A QUIC connection that has said nothing yet.
    pub(crate) async fn dial(&self, keys: Option<&ClientKeys>) -> Result<Connection, ConnectionError> {
        self.dial_through(keys, quinn::TransportConfig::default()).await
    }

    async fn dial_through(
        &self,
        keys: Option<&ClientKeys>,
        transport: quinn::TransportConfig,
    ) -> Result<Connection, ConnectionError> {
        let tls = QuicClientConfig::try_from(self.tls(keys, ALPN)).expect("QUIC over this TLS");
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport));
        endpoint.set_default_client_config(config);
        endpoint.connect(self.address(), "localhost").expect("it may be tried").await
    }

    /// A tunnel whose HELLO carried `grant`; not yet answered.
    pub(crate) async fn hello(&self, keys: &ClientKeys, grant: &str) -> ClientTunnel {
        self.hello_for(keys, grant, None).await
    }

    /// The same for a session that another tunnel has left.
    pub(crate) async fn hello_for(
        &self,
        keys: &ClientKeys,
        grant: &str,
        resume: Option<Resume>,
    ) -> ClientTunnel {
        let connection = self.dial(Some(keys)).await.expect("a connection");
        Self::hello_in(connection, grant, resume).await
    }

    /// The same through a transport of the client's own.
    pub(crate) async fn hello_through(
        &self,
        keys: &ClientKeys,
        grant: &str,
        transport: quinn::TransportConfig,
    ) -> ClientTunnel {
        let connection = self.dial_through(Some(keys), transport).await.expect("a connection");
        Self::hello_in(connection, grant, None).await
    }

    async fn hello_in(connection: Connection, grant: &str, resume: Option<Resume>) -> ClientTunnel {
        let (send, receive) = connection.open_bi().await.expect("a stream");
        let mut tunnel = ClientTunnel { connection, send, receive, buffer: bytes::BytesMut::new() };
        let hello = Hello { version: VERSION, grant: grant.to_owned(), client: "test/1".to_owned(), resume };
        tunnel.say(&Frame::Hello(hello)).await;
        tunnel
    }

    /// A tunnel that was welcomed.
    pub(crate) async fn tunnel(&self, keys: &ClientKeys, grant: &str) -> (ClientTunnel, Welcome) {
        let mut tunnel = self.hello(keys, grant).await;
        match tunnel.hear().await {
            Some(Frame::Welcome(welcome)) => (tunnel, welcome),
            other => panic!("no welcome: {other:?}"),
        }
    }

    /// Every entry of the log so far.
    pub(crate) async fn entries(&self) -> Vec<serde_json::Value> {
        let published = self.running.log.publish_now().await.expect("published");
        entries(self.running.log.public_dir(), &published.checkpoint, &self.running.log.verifier_key())
    }

    /// Every entry of the log so far, by its kind.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let published = self.running.log.publish_now().await.expect("published");
        kinds(self.running.log.public_dir(), &published.checkpoint, &self.running.log.verifier_key())
    }
}

/// The kinds of all entries under a checkpoint.
pub(crate) fn kinds(public: &Path, checkpoint: &str, key: &str) -> Vec<String> {
    let kind = |value: serde_json::Value| value["kind"].as_str().expect("a kind").to_owned();
    entries(public, checkpoint, key).into_iter().map(kind).collect()
}

pub(crate) fn entries(public: &Path, checkpoint: &str, key: &str) -> Vec<serde_json::Value> {
    let key: VerifierKey = key.parse().expect("a key");
    let size = Checkpoint::open(checkpoint, &key).expect("a checkpoint").size;
    let tile = Tile::of(Level::Entries, 0, size).expect("a small log has one bundle");
    let bundle = std::fs::read(public.join(tile.path())).expect("the bundle");
    let leaf = |bytes: &[u8]| serde_json::from_slice::<Leaf>(bytes).expect("a leaf").entry;
    let entries = decode_bundle(&bundle).expect("a bundle");
    entries.iter().map(|entry| serde_json::to_value(leaf(entry)).expect("JSON")).collect()
}

/// The client's end of a tunnel.
pub(crate) struct ClientTunnel {
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    receive: RecvStream,
    buffer: bytes::BytesMut,
}

impl ClientTunnel {
    pub(crate) async fn say(&mut self, frame: &Frame) {
        let mut bytes = bytes::BytesMut::new();
        frame.encode(&mut bytes).expect("a frame");
        self.send.write_all(&bytes).await.expect("written");
    }

    /// The next frame of the control stream; `None` if there will be none.
    pub(crate) async fn hear(&mut self) -> Option<Frame> {
        hear(&mut self.receive, &mut self.buffer).await
    }

    /// The code with which the agent closes the tunnel.
    pub(crate) async fn close_code(&self) -> u64 {
        close_code(&self.connection).await
    }

    /// Opens a stream, says `frame` there, and hears the answer.
    pub(crate) async fn ask(&self, frame: &[u8]) -> Option<Frame> {
        let (mut send, mut receive) = self.connection.open_bi().await.expect("a stream");
        send.write_all(frame).await.expect("written");
        hear(&mut receive, &mut bytes::BytesMut::new()).await
    }
}

pub(crate) async fn close_code(connection: &Connection) -> u64 {
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("not closed by the agent: {other}"),
    }
}

async fn hear(receive: &mut RecvStream, buffer: &mut bytes::BytesMut) -> Option<Frame> {
    loop {
        if let Some(frame) = Frame::decode(buffer).expect("the agent keeps the rules") {
            return Some(frame);
        }
        let chunk = receive.read_chunk(64 * 1024, true).await.ok().flatten()?;
        buffer.extend_from_slice(&chunk.bytes);
    }
}
