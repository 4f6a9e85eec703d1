//! Somebody between the agent and its database, with a certificate that the agent believes: speaks TLS with both, and
//! reads what the agent says.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    },
};

/// Lives as long as the test's process.
pub struct Middle {
    port: u16,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Middle {
    /// Before a database whose certificate is of this authority, under a certificate with its key; all in PEM.
    ///
    /// # Panics
    /// There is no free port, or one of them cannot be read.
    #[must_use]
    pub fn before(target: u16, authority: &[u8], certificate: &[u8], key: &[u8]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("our own socket");
        let port = listener.local_addr().expect("a bound socket").port();
        let said = Arc::new(Mutex::new(Vec::new()));
        let ends = Ends {
            target,
            acceptor: acceptor(certificate, key),
            connector: connector(authority),
            said: Arc::clone(&said),
        };
        std::thread::spawn(move || serve(listener, &ends));
        Self { port, said }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the agent has said, on all connections.
    ///
    /// # Panics
    /// A relay panicked.
    #[must_use]
    pub fn said(&self) -> Vec<u8> {
        self.said.lock().expect("not poisoned").clone()
    }
}

#[derive(Clone)]
struct Ends {
    target: u16,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    said: Arc<Mutex<Vec<u8>>>,
}

fn acceptor(certificate: &[u8], key: &[u8]) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

fn connector(authority: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn serve(listener: TcpListener, ends: &Ends) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((agent, _)) = listener.accept().await {
            let ends = ends.clone();
            tokio::spawn(async move { play(agent, &ends).await });
        }
    });
}

/// Passes on in both directions until one end is gone.
async fn play(mut agent: TcpStream, ends: &Ends) -> io::Result<()> {
    let mut request = [0; 8];
    agent.read_exact(&mut request).await?;
    let mut server = TcpStream::connect(("127.0.0.1", ends.target)).await?;
    server.write_all(&request).await?;
    let mut answer = [0];
    server.read_exact(&mut answer).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let server = ends.connector.connect(name, server).await?;
    agent.write_all(&answer).await?;
    let agent = ends.acceptor.accept(agent).await?;
    let (mut from_agent, mut to_agent) = tokio::io::split(agent);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let said = async {
        let mut buffer = vec![0; 64 * 1024];
        while let length @ 1.. = from_agent.read(&mut buffer).await? {
            ends.said.lock().expect("not poisoned").extend_from_slice(&buffer[..length]);
            to_server.write_all(&buffer[..length]).await?;
            to_server.flush().await?;
        }
        to_server.shutdown().await
    };
    let answered = async {
        tokio::io::copy(&mut from_server, &mut to_agent).await?;
        to_agent.shutdown().await
    };
    tokio::select! {
        ended = said => ended,
        ended = answered => ended,
    }
}
