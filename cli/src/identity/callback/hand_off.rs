//! Sends the browser on to an address with a secret in it, which must not stand on a command line where everybody on
//! this machine can read it. What stands there is a port of ours and a path that is good for one visit, of a program of
//! this person.

use aws_lc_rs::constant_time;
use openidconnect::CsrfToken;
use reqwest::Url;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use super::{PATIENCE, page, read, send};
use crate::{
    failure::Outcome,
    listen::{Listener, Local},
};

/// Waits for the browser.
pub(in crate::identity) struct HandOff {
    listener: Listener,
    path: String,
}

impl HandOff {
    /// A free port of the loopback.
    pub(in crate::identity) async fn listen() -> Outcome<Self> {
        let path = format!("/{}", CsrfToken::new_random().secret());
        Ok(Self { listener: Listener::tcp(0).await?, path })
    }

    /// What the browser opens.
    pub(in crate::identity) fn address(&self) -> String {
        format!("http://{}{}", self.listener.address(), self.path)
    }

    /// Returns when it has been sent on. One visitor at a time: each is soon gone.
    pub(in crate::identity) async fn send_on(self, to: &Url) {
        let authority = self.listener.address().to_string();
        loop {
            let Ok(visitor) = self.listener.accept().await else { continue };
            let ours = visitor.check().is_ok();
            let Local::Tcp { mut stream, .. } = visitor else { continue };
            if ours && self.serve(&mut stream, &authority, to).await == Some(()) {
                return;
            }
        }
    }

    async fn serve(&self, stream: &mut TcpStream, authority: &str, to: &Url) -> Option<()> {
        let request = timeout(PATIENCE, read(stream)).await.ok().flatten()?;
        let meant = request.target_at(authority).unwrap_or_default();
        if constant_time::verify_slices_are_equal(meant.as_bytes(), self.path.as_bytes()).is_err() {
            send(stream, &page::nothing_here()).await;
            return None;
        }
        let head = format!(
            "HTTP/1.1 303 See Other\r\nLocation: {to}\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        timeout(PATIENCE, stream.write_all(head.as_bytes())).await.ok()?.ok()?;
        let _gone = stream.shutdown().await;
        Some(())
    }
}
