//! The least that a tunnel over QUIC costs: one stream for each connection, bytes and nothing else. What our
//! tunnel adds to it is what guarding adds.
//!
//! `bench quictun server DATABASE_PORT CERTIFICATE` and `bench quictun client SERVER_PORT CERTIFICATE` are
//! its two ends.

use std::{fs, net::SocketAddr, process::Command, sync::Arc};

use connect_tests::{process::Process, world::World};
use quinn::{Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::rustls::{RootCertStore, crypto, pki_types::PrivatePkcs8KeyDer};

const PIECE: usize = 64 * 1024;

/// Both ends, running.
pub(crate) struct QuicTun {
    port: u16,
    ends: [Process; 2],
}

impl QuicTun {
    pub(crate) fn start(world: &World) -> Self {
        let certificate = world.folder().join("quictun.der");
        let (server, udp) = end("server", world.postgres.port(), &certificate);
        let (client, port) = end("client", udp, &certificate);
        Self { port, ends: [server, client] }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The process next to the database.
    pub(crate) fn far_end(&self) -> u32 {
        self.ends[0].id()
    }
}

fn end(role: &str, port: u16, certificate: &std::path::Path) -> (Process, u16) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["quictun", role, &port.to_string()]).arg(certificate);
    let process = Process::start("quictun", &mut command);
    let port = process.wait_for("its port", |line| line.strip_prefix("port ")?.parse().ok());
    (process, port)
}

/// Runs one end until it is killed.
pub(crate) fn run(arguments: &[String]) {
    let _first = crypto::aws_lc_rs::default_provider().install_default();
    let [role, port, certificate] = arguments else { panic!("which end?") };
    let port = port.parse().expect("a port");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    match role.as_str() {
        "server" => runtime.block_on(serve(port, certificate)),
        _ => runtime.block_on(listen(port, certificate)),
    }
}

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .stream_receive_window((8_u32 << 20).into())
        .receive_window((16_u32 << 20).into())
        .send_window(16 << 20)
        .max_concurrent_bidi_streams(4096_u32.into());
    Arc::new(transport)
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn serve(database: u16, certificate: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["peer".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = quinn::ServerConfig::with_single_cert(vec![made.cert.der().clone()], key.into())
        .expect("a configuration");
    config.transport_config(transport());
    let endpoint = Endpoint::server(config, loopback(0)).expect("a port");
    fs::write(certificate, made.cert.der()).expect("a file");
    println!("port {}", endpoint.local_addr().expect("bound").port());
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let Ok(tunnel) = incoming.await else { return };
            while let Ok((send, receive)) = tunnel.accept_bi().await {
                tokio::spawn(async move {
                    if let Ok(socket) = TcpStream::connect(loopback(database)).await {
                        carry(socket, send, receive).await;
                    }
                });
            }
        });
    }
}

async fn listen(server: u16, certificate: &str) {
    let mut roots = RootCertStore::empty();
    roots.add(fs::read(certificate).expect("a file").into()).expect("a certificate");
    let mut config = quinn::ClientConfig::with_root_certificates(Arc::new(roots)).expect("a configuration");
    config.transport_config(transport());
    let mut endpoint = Endpoint::client(loopback(0)).expect("a port");
    endpoint.set_default_client_config(config);
    let tunnel =
        endpoint.connect(loopback(server), "peer").expect("it may be tried").await.expect("a tunnel");
    let listener = TcpListener::bind(loopback(0)).await.expect("a port");
    println!("port {}", listener.local_addr().expect("bound").port());
    loop {
        let (socket, _) = listener.accept().await.expect("a client");
        tokio::spawn(open(tunnel.clone(), socket));
    }
}

async fn open(tunnel: Connection, socket: TcpStream) {
    if let Ok((send, receive)) = tunnel.open_bi().await {
        carry(socket, send, receive).await;
    }
}

async fn carry(socket: TcpStream, mut send: SendStream, mut receive: RecvStream) {
    socket.set_nodelay(true).expect("a socket");
    let (mut reader, mut writer) = socket.into_split();
    let up = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            if send.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        let _ended = send.finish();
    };
    let down = async move {
        while let Ok(Some(chunk)) = receive.read_chunk(4 * PIECE, true).await {
            if writer.write_all(&chunk.bytes).await.is_err() {
                break;
            }
        }
        let _ended = writer.shutdown().await;
    };
    tokio::join!(up, down);
}
