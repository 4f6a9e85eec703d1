//! TLS to a database. The library's own stream keeps its buffers for as long as a connection lasts; here there is one
//! for each way, and none while nothing is under way.

mod records;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, BytesMut};
use rustls::{ClientConfig, CommonState, client::UnbufferedClientConnection, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use self::records::{Say, Stand};

/// Room for one read while little comes.
const LEAST_ROOM: usize = 4 * 1024;
/// Most bytes that are taken at once.
const MOST_ROOM: usize = 64 * 1024;
/// Most bytes of records that are not whole: a handshake's message may be as long as 64 KiB.
const MOST_WAITING: usize = 96 * 1024;
/// Most bytes that are encrypted at once.
const MOST_SAID: usize = 64 * 1024;

/// A socket that speaks TLS.
pub struct Encrypted {
    socket: TcpStream,
    session: UnbufferedClientConnection,
    /// Records as they came, the last perhaps in part.
    incoming: BytesMut,
    /// What was decrypted and not yet asked for.
    plain: BytesMut,
    /// Records that wait to be sent.
    outgoing: BytesMut,
    room: usize,
    /// The server has said that it says no more.
    ended: bool,
    /// So have we.
    took_leave: bool,
    /// A record was not what it must be: nothing that comes behind it is believed.
    broken: bool,
}

impl Encrypted {
    /// Shakes hands as `name`'s client.
    ///
    /// # Errors
    /// The server cannot prove that it is `name`, or the socket broke.
    pub(super) async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        socket: TcpStream,
    ) -> io::Result<Self> {
        let session = UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?;
        let (incoming, plain, outgoing) = Default::default();
        let mut encrypted = Self {
            socket,
            session,
            incoming,
            plain,
            outgoing,
            room: LEAST_ROOM,
            ended: false,
            took_leave: false,
            broken: false,
        };
        poll_fn(|context| encrypted.poll_handshake(context)).await?;
        Ok(encrypted)
    }

    /// What both sides have agreed on.
    pub(super) fn state(&self) -> &CommonState {
        &self.session
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let stand = self.process(context, &mut ReadBuf::new(&mut []), None)?;
            ready!(self.poll_send(context))?;
            if stand == Stand::Traffic && !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_fill(context))? == 0 {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Takes what has come; gives how much.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Nothing is reserved for what is not there.
        ready!(self.socket.poll_read_ready(context))?;
        if self.incoming.len() > MOST_WAITING {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the server's TLS message is too long");
            return Poll::Ready(Err(error));
        }
        self.incoming.reserve(self.room);
        let mut limited = (&mut self.incoming).limit(self.room);
        let read = pin!(self.socket.read_buf(&mut limited)).poll(context);
        if self.incoming.is_empty() {
            // There was nothing after all.
            self.incoming = BytesMut::new();
        }
        let count = ready!(read)?;
        if count == self.room && self.room < MOST_ROOM {
            self.room *= 2;
        } else if count < self.room / 4 && self.room > LEAST_ROOM {
            self.room /= 2;
        }
        Poll::Ready(Ok(count))
    }

    /// Sends what waits; ready when all of it went.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(context, &self.outgoing))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(written);
        }
        self.outgoing = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Hands on what was decrypted before.
    fn hand_on(&mut self, into: &mut ReadBuf<'_>) {
        let count = into.remaining().min(self.plain.len());
        if count > 0 {
            into.put_slice(&self.plain.split_to(count));
        }
        if self.plain.is_empty() {
            self.plain = BytesMut::new();
        }
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (this, before) = (self.get_mut(), into.filled().len());
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        this.hand_on(into);
        loop {
            let processed = match this.incoming.is_empty() && !this.broken || into.remaining() == 0 {
                true => Ok(Stand::Traffic),
                false => this.process(context, into, None),
            };
            // What came before an error counts; the error is found again.
            if into.filled().len() > before || this.ended {
                return Poll::Ready(Ok(()));
            }
            processed?;
            // What the session itself has to say goes with what is said next: whoever writes may be another task, and
            // only one is told when the socket takes more.
            if ready!(this.poll_fill(context))? == 0 {
                // An end that the server has not announced may be anybody's.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // Nothing is encrypted while something waits: that is the back-pressure.
        ready!(this.poll_send(context))?;
        let part = bytes.get(..MOST_SAID).unwrap_or(bytes);
        if this.took_leave
            || this.process(context, &mut ReadBuf::new(&mut []), Some(Say::Bytes(part)))? != Stand::Traffic
        {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        // It is taken, whether it goes at once or with the flush.
        let _later = this.poll_send(context)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.took_leave, true) {
            // Of one that is broken there is nothing more to say.
            let _unsaid = this.process(context, &mut ReadBuf::new(&mut []), Some(Say::Farewell));
        }
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}
