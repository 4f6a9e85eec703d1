//! The client's side against the library's own server, and against whoever stands between.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, split},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;

type Server = TlsStream<TcpStream>;

struct Keys {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn keys(version: &'static rustls::SupportedProtocolVersion) -> Keys {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a server");
    Keys { server: Arc::new(server), client: Arc::new(client) }
}

/// The address of a server that does `what` with its one client.
async fn serve<F, Done>(keys: &Keys, what: F) -> std::net::SocketAddr
where
    F: FnOnce(Server) -> Done + Send + 'static,
    Done: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let acceptor = TlsAcceptor::from(Arc::clone(&keys.server));
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("accepted");
        if let Ok(server) = acceptor.accept(socket).await {
            what(server).await;
        }
    });
    address
}

async fn connect(keys: &Keys, address: std::net::SocketAddr, name: &'static str) -> io::Result<Encrypted> {
    let socket = TcpStream::connect(address).await?;
    Encrypted::connect(Arc::clone(&keys.client), ServerName::try_from(name).expect("a name"), socket).await
}

fn bytes(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}

async fn echo(server: Server) {
    let (mut from, mut to) = split(server);
    let _ended = copy(&mut from, &mut to).await;
    let _ended = to.shutdown().await;
}

/// Sends all of it while it reads as much, in pieces of `piece` bytes.
async fn to_and_fro(stream: Encrypted, sent: Vec<u8>, piece: usize) {
    let (mut from, mut to) = split(stream);
    let copy = sent.clone();
    let sending = tokio::spawn(async move {
        to.write_all(&copy).await.expect("written");
        to.shutdown().await.expect("took leave");
        to
    });
    let (mut received, mut room) = (Vec::new(), vec![0; piece]);
    loop {
        match from.read(&mut room).await.expect("read") {
            0 => break,
            count => received.extend_from_slice(&room[..count]),
        }
    }
    assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
    let to = sending.await.expect("no panic");
    let stream = from.unsplit(to);
    assert_eq!(
        [stream.incoming.capacity(), stream.plain.capacity(), stream.outgoing.capacity()],
        [0; 3],
        "nothing is kept"
    );
}

#[tokio::test]
async fn bytes_come_back_in_order_whatever_the_pieces_and_the_version() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let keys = keys(version);
        for (count, piece) in [(1, 4096), (300_000, 4096), (100_000, 1), (500_000, 100_000)] {
            let address = serve(&keys, echo).await;
            let stream = connect(&keys, address, "localhost").await.expect("shaken hands");
            to_and_fro(stream, bytes(count), piece).await;
        }
    }
}

#[tokio::test]
async fn while_it_waits_it_keeps_no_room() {
    let keys = keys(&rustls::version::TLS13);
    let address = serve(&keys, echo).await;
    let mut stream = connect(&keys, address, "localhost").await.expect("shaken hands");
    stream.write_all(&bytes(20_000)).await.expect("written");
    stream.flush().await.expect("sent");
    let mut back = vec![0; 80_000];
    stream.read_exact(&mut back).await.expect("read");
    let waits = poll_fn(|context| {
        let mut room = [0; 64];
        Poll::Ready(Pin::new(&mut stream).poll_read(context, &mut ReadBuf::new(&mut room)).is_pending())
    });
    assert!(waits.await);
    assert_eq!([stream.incoming.capacity(), stream.plain.capacity(), stream.outgoing.capacity()], [0; 3]);
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_an_error_and_what_came_before_it_counts() {
    let keys = keys(&rustls::version::TLS13);
    let address = serve(&keys, |mut server| async move {
        server.write_all(b"half of").await.expect("written");
        server.flush().await.expect("sent");
        let _cut = server.into_inner().0.shutdown().await;
    })
    .await;
    let mut stream = connect(&keys, address, "localhost").await.expect("shaken hands");
    let mut heard = Vec::new();
    let error = stream.read_to_end(&mut heard).await.expect_err("cut");
    assert_eq!((error.kind(), &heard[..]), (io::ErrorKind::UnexpectedEof, &b"half of"[..]));
}

#[tokio::test]
async fn behind_a_record_that_is_not_the_servers_nothing_is_believed() {
    let keys = keys(&rustls::version::TLS13);
    let address = serve(&keys, |mut server| async move {
        server.write_all(b"mine").await.expect("written");
        server.flush().await.expect("sent");
        let forged = [&[0x17, 3, 3, 0, 32][..], &[7; 32][..]].concat();
        server.get_mut().0.write_all(&forged).await.expect("written");
        server.write_all(b"behind it").await.expect("written");
        server.flush().await.expect("sent");
        let mut rest = Vec::new();
        let _ended = server.read_to_end(&mut rest).await;
    })
    .await;
    let mut stream = connect(&keys, address, "localhost").await.expect("shaken hands");
    let mut heard = Vec::new();
    assert!(stream.read_to_end(&mut heard).await.is_err());
    assert_eq!(heard, b"mine");
    assert!(stream.read_to_end(&mut heard).await.is_err(), "nor later");
    assert_eq!(heard, b"mine");
    assert!(stream.write_all(b"hello").await.is_err(), "nor is anything said");
}

#[tokio::test]
async fn keys_may_change_on_the_way() {
    let keys = keys(&rustls::version::TLS13);
    let address = serve(&keys, |mut server| async move {
        for part in bytes(100_000).chunks(10_000) {
            server.get_mut().1.refresh_traffic_keys().expect("new keys");
            server.write_all(part).await.expect("written");
        }
        let mut said = [0; 5];
        server.read_exact(&mut said).await.expect("read");
        server.write_all(&said).await.expect("written");
        server.shutdown().await.expect("ended");
    })
    .await;
    let mut stream = connect(&keys, address, "localhost").await.expect("shaken hands");
    let mut heard = vec![0; 400_000];
    stream.read_exact(&mut heard).await.expect("read");
    assert!(heard == bytes(100_000));
    stream.write_all(b"hello").await.expect("written");
    stream.flush().await.expect("sent");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("announced");
    assert_eq!(rest, b"hello");
}

#[tokio::test]
async fn a_server_of_another_name_or_of_nobody_is_refused() {
    let ours = keys(&rustls::version::TLS13);
    let address = serve(&ours, echo).await;
    let error = connect(&ours, address, "other.example").await.expect_err("another's name");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let other = keys(&rustls::version::TLS13);
    let address = serve(&other, echo).await;
    let error = connect(&ours, address, "localhost").await.expect_err("not trusted");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn what_is_not_tls_and_what_has_no_end_is_refused() {
    for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0x16, 3, 3, 0xff, 0xff], &[0x16, 3, 3]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("accepted");
            let mut hello = [0; 64];
            socket.read_exact(&mut hello).await.expect("a hello");
            socket.write_all(said).await.expect("written");
            socket.shutdown().await.expect("ended");
        });
        assert!(connect(&keys(&rustls::version::TLS13), address, "localhost").await.is_err());
    }
}
