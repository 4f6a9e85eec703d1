//! The loopback redirect (RFC 8252, 7.3): the browser brings the provider's answer to a port of ours.
//!
//! Whatever runs on this machine, and any page in the browser, can send requests here. Only a GET of the
//! exact path on the exact address, with our unguessable `state`, is an answer; everything else gets an
//! error page and changes nothing.

mod hand_off;
mod request;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

pub(super) use self::hand_off::HandOff;
use self::request::{Reading, Request};
use super::page;
use crate::failure::{self, Outcome};

/// How long one visitor may take to send its request, and to take the page.
const PATIENCE: Duration = Duration::from_secs(10);

/// Visitors that may be in the room at once.
const MAX_VISITORS: usize = 16;

/// Waits for the browser.
pub(super) struct Callback {
    listener: TcpListener,
    address: SocketAddr,
}

/// What the provider answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Code(String),
    /// The provider's error code and description.
    Refused {
        error: String,
        description: Option<String>,
    },
}

/// What makes a request the answer.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) state: String,
    pub(super) issuer: String,
    pub(super) issuer_required: bool,
}

/// A browser that brought an answer and waits for a page.
pub(super) struct Visitor {
    stream: TcpStream,
}

impl Callback {
    /// A free port of the loopback.
    pub(super) async fn listen() -> Outcome<Self> {
        let problem = |error: std::io::Error| {
            failure::local("callback", format!("cannot listen for the browser: {}", failure::reason(&error)))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(problem)?;
        let address = listener.local_addr().map_err(problem)?;
        Ok(Self { listener, address })
    }

    /// Where the provider must send the browser.
    pub(super) fn redirect_url(&self) -> String {
        format!("http://{}{}", self.address, request::PATH)
    }

    /// Waits for the answer. The port is closed after it: a second answer finds nobody.
    pub(super) async fn answer(self, expected: &Expected) -> Outcome<(Answer, Visitor)> {
        let authority = self.address.to_string();
        let (found, mut answers) = mpsc::channel(1);
        let mut room = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if room.len() < MAX_VISITORS => {
                    let Ok((stream, _)) = accepted else { continue };
                    let (found, expected, authority) = (found.clone(), expected.clone(), authority.clone());
                    room.spawn(async move {
                        if let Some(answer) = receive(stream, &authority, &expected).await {
                            let _first_one_won = found.try_send(answer);
                        }
                    });
                }
                Some(_) = room.join_next() => {}
                Some(answer) = answers.recv() => return Ok(answer),
            }
        }
    }
}

impl Visitor {
    /// Shows the browser how it went.
    pub(super) async fn show(mut self, result: Result<&str, &str>) {
        let page = match result {
            Ok(principal) => page::signed_in(principal),
            Err(why) => page::failed(why),
        };
        send(&mut self.stream, &page).await;
    }
}

async fn receive(mut stream: TcpStream, authority: &str, expected: &Expected) -> Option<(Answer, Visitor)> {
    let request = timeout(PATIENCE, read(&mut stream)).await.ok().flatten()?;
    match request.answer(authority, expected) {
        Reading::Answer(answer) => Some((answer, Visitor { stream })),
        Reading::Nothing => {
            send(&mut stream, &page::nothing_here()).await;
            None
        }
        Reading::Bad => {
            send(&mut stream, &page::not_ours()).await;
            None
        }
    }
}

/// The head of a request, if it has the form of one.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::with_capacity(2048);
    loop {
        if let Some(request) = Request::parse(&head)? {
            return Some(request);
        }
        if head.len() >= request::MAX_HEAD {
            return None;
        }
        let mut limited = (&mut *stream).take((request::MAX_HEAD - head.len()) as u64);
        if limited.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
}

async fn send(stream: &mut TcpStream, page: &[u8]) {
    let polite = async {
        let _gone = stream.write_all(page).await;
        let _gone = stream.shutdown().await;
        // Closing with unread bytes would reset the connection before the page is shown.
        let _gone = tokio::io::copy(&mut stream.take(request::MAX_HEAD as u64), &mut tokio::io::sink()).await;
    };
    let _slow = timeout(PATIENCE, polite).await;
}

#[cfg(test)]
mod tests;
