//! A proxy between `connect` and its agent: `CONNECT` or SOCKS5, with a user and a password if asked for, honest or
//! not. Every name that it is asked for is on this machine, so that what only it can look up leads somewhere.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longest request for a connection.
const LONGEST: usize = 8 * 1024;

/// What it is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Connect,
    Socks5,
}

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// It takes the connection and says nothing.
    Silent,
    /// It connects to nobody.
    Refusing,
    /// It answers and never comes to an end.
    Endless,
    /// It says that it has connected, and is connected to this port instead.
    Lying {
        to: u16,
    },
}

/// Lives as long as the test's process.
pub struct Proxy {
    port: u16,
    speech: Speech,
    asked: Arc<Mutex<Vec<String>>>,
    manner: Arc<Mutex<Manner>>,
}

#[derive(Clone)]
struct Desk {
    speech: Speech,
    secret: Option<(&'static str, &'static str)>,
    asked: Arc<Mutex<Vec<String>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Proxy {
    /// That takes everybody.
    #[must_use]
    pub fn open(speech: Speech) -> Self {
        Self::start(speech, None)
    }

    /// That takes one user with one password.
    #[must_use]
    pub fn for_user(speech: Speech, user: &'static str, password: &'static str) -> Self {
        Self::start(speech, Some((user, password)))
    }

    fn start(speech: Speech, secret: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("our own socket");
        let port = listener.local_addr().expect("a bound socket").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let manner = Arc::new(Mutex::new(Manner::Honest));
        let desk = Desk { speech, secret, asked: Arc::clone(&asked), manner: Arc::clone(&manner) };
        std::thread::spawn(move || serve(listener, &desk));
        Self { port, speech, asked, manner }
    }

    /// Another manner from now on.
    ///
    /// # Panics
    /// A connection panicked.
    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("not poisoned") = manner;
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// As a variable has it, with `USER:PASSWORD@` or nothing.
    #[must_use]
    pub fn url(&self, secret: &str) -> String {
        let scheme = match self.speech {
            Speech::Connect => "http",
            Speech::Socks5 => "socks5h",
        };
        format!("{scheme}://{secret}127.0.0.1:{}", self.port)
    }

    /// `HOST:PORT` of every connection that it was asked for since the last call, by whoever it took.
    ///
    /// # Panics
    /// A connection panicked.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("not poisoned"))
    }
}

fn serve(listener: TcpListener, desk: &Desk) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        while let Ok((client, _)) = listener.accept().await {
            let desk = desk.clone();
            tokio::spawn(async move {
                match desk.speech {
                    Speech::Connect => desk.connect(client).await,
                    Speech::Socks5 => desk.socks(client).await,
                }
            });
        }
    });
}

impl Desk {
    fn manner(&self) -> Manner {
        *self.manner.lock().expect("not poisoned")
    }

    async fn connect(&self, mut client: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let expected = self.secret.map(|(user, password)| {
            format!("Proxy-Authorization: Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        });
        if expected.is_some_and(|line| !head.lines().any(|sent| sent.eq_ignore_ascii_case(&line))) {
            return client.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n").await;
        }
        let place = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        match self.reach(&place, &mut client).await? {
            Some(server) => {
                client.write_all(b"HTTP/1.1 200 Here you are\r\n\r\n").await?;
                pass(client, server).await
            }
            None => client.write_all(b"HTTP/1.1 403 \x1b[31mNo\r\nContent-Length: 0\r\n\r\n").await,
        }
    }

    async fn socks(&self, mut client: TcpStream) -> io::Result<()> {
        // RFC 1928, 3, and RFC 1929 for the password.
        let (_version, methods) = (client.read_u8().await?, client.read_u8().await?);
        let mut offered = vec![0; usize::from(methods)];
        client.read_exact(&mut offered).await?;
        let method = if self.secret.is_some() { 2 } else { 0 };
        if !offered.contains(&method) {
            return client.write_all(&[5, 0xff]).await;
        }
        client.write_all(&[5, method]).await?;
        if let Some((user, password)) = self.secret {
            let _version = client.read_u8().await?;
            let sent = (text(&mut client).await?, text(&mut client).await?);
            let good = sent == (user.to_owned(), password.to_owned());
            client.write_all(&[1, u8::from(!good)]).await?;
            if !good {
                return Ok(());
            }
        }
        let mut request = [0; 4];
        client.read_exact(&mut request).await?;
        let host = match request[3] {
            1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
            3 => text(&mut client).await?,
            _ => std::net::Ipv6Addr::from(client.read_u128().await?).to_string(),
        };
        let place = format!("{host}:{}", client.read_u16().await?);
        let reached = self.reach(&place, &mut client).await?;
        let status = if reached.is_some() { 0 } else { 2 };
        client.write_all(&[5, status, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        match reached {
            Some(server) => pass(client, server).await,
            None => Ok(()),
        }
    }

    /// What it is connected to then; `None` where it refuses.
    async fn reach(&self, place: &str, client: &mut TcpStream) -> io::Result<Option<TcpStream>> {
        self.asked.lock().expect("not poisoned").push(place.to_owned());
        let port = place.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0);
        let to = match self.manner() {
            Manner::Honest => port,
            Manner::Lying { to } => to,
            Manner::Refusing => return Ok(None),
            Manner::Silent => {
                // Until the other end has had enough.
                while client.read(&mut [0; 64]).await? > 0 {}
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Manner::Endless => loop {
                client.write_all(b"HTTP/1.1 200 Yes\r\nX-More: and more\r\n").await?;
            },
        };
        TcpStream::connect(("127.0.0.1", to)).await.map(Some)
    }
}

async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn pass(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}
