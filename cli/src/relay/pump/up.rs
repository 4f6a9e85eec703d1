//! From the local program to the agent.

use std::{convert::Infallible, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};
use connect_shared::frame::{DATA_HEADER, Frame, MAX_DATA, data_header};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{
    super::{
        stream::{Broken, Sink},
        traffic::Traffic,
    },
    Delivered,
};

/// Room for one read while little is said, so that idle connections stay small.
const LEAST_ROOM: usize = 4 * 1024;

pub(super) struct Up<'a, R, S> {
    reader: &'a mut R,
    send: S,
    delivered: Arc<Delivered>,
    traffic: Arc<Traffic>,
    offset: u64,
    acknowledged: u64,
    room: usize,
}

impl<'a, R: AsyncRead + Unpin + Send, S: Sink> Up<'a, R, S> {
    pub(super) fn new(reader: &'a mut R, send: S, delivered: Arc<Delivered>, traffic: Arc<Traffic>) -> Self {
        Self { reader, send, delivered, traffic, offset: 0, acknowledged: 0, room: LEAST_ROOM }
    }

    /// Runs until the stream breaks. After the local program's end it goes on to acknowledge.
    pub(super) async fn run(&mut self, head: Bytes, first: Bytes) -> Broken {
        match self.carry(head, first).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    }

    /// The connection is over on both sides.
    pub(super) fn finish(&mut self) {
        self.send.finish();
    }

    async fn carry(&mut self, head: Bytes, first: Bytes) -> Result<Infallible, Broken> {
        self.send.send(&mut [head]).await?;
        let mut opening = BytesMut::with_capacity(DATA_HEADER + first.len());
        opening.put_bytes(0, DATA_HEADER);
        opening.put(first);
        self.data(opening).await?;
        let mut buffer = BytesMut::new();
        loop {
            if buffer.is_empty() {
                // In front of the bytes there is room for what says how many they are.
                buffer.reserve(DATA_HEADER + self.room);
                buffer.put_bytes(0, DATA_HEADER);
            }
            let mut limited = (&mut buffer).limit(MAX_DATA);
            tokio::select! {
                biased;
                read = self.reader.read_buf(&mut limited) => match read {
                    Ok(count @ 1..) => {
                        self.adapt(count);
                        self.data(std::mem::take(&mut buffer)).await?;
                    }
                    // A program that was reset has ended, too.
                    Ok(0) | Err(_) => break,
                },
                () = self.delivered.due.notified() => self.acknowledge().await?,
            }
        }
        drop(buffer);
        self.control(&Frame::End { offset: self.offset }).await?;
        loop {
            self.delivered.due.notified().await;
            self.acknowledge().await?;
        }
    }

    /// Sends bytes, in front of which there is room for a header.
    async fn data(&mut self, mut bytes: BytesMut) -> Result<(), Broken> {
        let length = bytes.len().saturating_sub(DATA_HEADER);
        let header = data_header(self.offset, length).map_err(|error| Broken::Stream(error.to_string()))?;
        bytes.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        self.offset += length as u64;
        self.traffic.went_up();
        self.send.send(&mut [bytes.freeze()]).await
    }

    async fn acknowledge(&mut self) -> Result<(), Broken> {
        let offset = self.delivered.offset();
        if offset == self.acknowledged {
            return Ok(());
        }
        self.acknowledged = offset;
        self.control(&Frame::Ack { offset }).await
    }

    async fn control(&mut self, frame: &Frame) -> Result<(), Broken> {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes).map_err(|error| Broken::Stream(error.to_string()))?;
        self.send.send(&mut [bytes.freeze()]).await
    }

    /// Grows with what is said, and shrinks again.
    const fn adapt(&mut self, count: usize) {
        if count >= self.room && self.room < MAX_DATA {
            self.room *= 2;
        } else if count < self.room / 4 && self.room > LEAST_ROOM {
            self.room /= 2;
        }
    }
}
