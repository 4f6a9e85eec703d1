//! The records of a TLS connection: what has come is decrypted, what is to be said encrypted, and what the session
//! itself has to say goes before it. Nothing here waits.

use std::{io, task::Context};

use bytes::{Buf as _, BytesMut};
use rustls::{
    Error,
    client::ClientConnectionData,
    unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic},
};
use tokio::io::ReadBuf;

use super::Encrypted;

/// Bytes of one record.
const RECORD: usize = 16 * 1024;
/// What a record is longer than its bytes, at the most that is usual.
const AROUND: usize = 64;

/// What is to be said.
pub(super) enum Say<'a> {
    Bytes(&'a [u8]),
    /// That nothing follows.
    Farewell,
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// The server must say more before anything can be said.
    Handshake,
    /// Something can be said. What was to be said, is.
    Traffic,
    /// As much was read as there was room for.
    Full,
    Closed,
}

impl Encrypted {
    /// Works through what has come, into `into` and what does not fit there into the buffer; says `say` where that
    /// can be said. Room of no bytes means that nobody reads now: then it works through all.
    pub(super) fn process(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
        mut say: Option<Say<'_>>,
    ) -> io::Result<Stand> {
        if self.broken {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let read = into.capacity() > 0;
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.session.process_tls_records(&mut self.incoming);
            let mut stand = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.inspect_err(|_| self.broken = true).map_err(invalid)?;
                        discard += record.discard;
                        take(record.payload, into, &mut self.plain);
                    }
                    stand = (read && into.remaining() == 0).then_some(Stand::Full);
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.outgoing)?,
                // It is behind what goes before it, and goes before all that is said from now on.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    if let Some(say) = say.take() {
                        encrypt(traffic, &say, &mut self.outgoing)?;
                    }
                    stand = Some(Stand::Traffic);
                }
                Ok(ConnectionState::BlockedHandshake) => stand = Some(Stand::Handshake),
                Ok(ConnectionState::Closed) => stand = Some(Stand::Closed),
                // Early data is a server's affair, and of other states we know nothing.
                Ok(_) => return Err(io::ErrorKind::Unsupported.into()),
                Err(error) => {
                    self.broken = true;
                    self.incoming.advance(discard);
                    self.say_why(context);
                    return Err(invalid(error));
                }
            }
            self.incoming.advance(discard);
            if self.incoming.is_empty() {
                // An idle connection keeps no buffer.
                self.incoming = BytesMut::new();
            }
            if let Some(stand) = stand {
                return Ok(stand);
            }
        }
    }

    /// The server is told what it did wrong, as far as that goes at once.
    fn say_why(&mut self, context: &mut Context<'_>) {
        let Self { session, incoming, outgoing, .. } = self;
        while let Ok(ConnectionState::EncodeTlsData(data)) = session.process_tls_records(incoming).state
            && encode(data, outgoing).is_ok()
        {}
        let _either_way = self.poll_send(context);
    }
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn take(payload: &[u8], into: &mut ReadBuf<'_>, plain: &mut BytesMut) {
    // In order: what is in the buffer was there before.
    let fits = if plain.is_empty() { into.remaining().min(payload.len()) } else { 0 };
    let (now, later) = payload.split_at(fits);
    into.put_slice(now);
    plain.extend_from_slice(later);
}

fn encode(mut data: EncodeTlsData<'_, ClientConnectionData>, outgoing: &mut BytesMut) -> io::Result<()> {
    let start = outgoing.len();
    let mut room = AROUND;
    loop {
        outgoing.resize(start + room, 0);
        let written = data.encode(outgoing.get_mut(start..).unwrap_or_default());
        match written {
            Ok(written) => {
                outgoing.truncate(start + written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(needs)) if needs.required_size > room => {
                room = needs.required_size;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

fn encrypt(
    mut traffic: WriteTraffic<'_, ClientConnectionData>,
    say: &Say<'_>,
    outgoing: &mut BytesMut,
) -> io::Result<()> {
    let start = outgoing.len();
    let mut room = match say {
        Say::Bytes(bytes) => bytes.len() + (bytes.len() / RECORD + 1) * AROUND,
        Say::Farewell => AROUND,
    };
    loop {
        outgoing.resize(start + room, 0);
        let free = outgoing.get_mut(start..).unwrap_or_default();
        let written = match say {
            Say::Bytes(bytes) => traffic.encrypt(bytes, free),
            Say::Farewell => traffic.queue_close_notify(free),
        };
        match written {
            Ok(written) => {
                outgoing.truncate(start + written);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(needs)) if needs.required_size > room => {
                room = needs.required_size;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
