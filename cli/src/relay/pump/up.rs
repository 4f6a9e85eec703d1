//! From the local program to the agent.

use std::{convert::Infallible, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};
use connect_shared::{
    frame::{Attempt, DATA_HEADER, Frame, MAX_AHEAD, MAX_DATA, Open, data_header},
    replay::Replay,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{
    super::{
        stream::{Broken, Sink},
        traffic::Traffic,
    },
    Between,
};

/// Room for one read while little is said, so that idle connections stay small.
const LEAST_ROOM: usize = 4 * 1024;
/// Most bytes that the agent has not acknowledged; beyond that the local program is not read. One more read
/// must fit.
const MAX_KEPT: usize = MAX_AHEAD - MAX_DATA;

pub(super) struct Up<'a, R> {
    reader: &'a mut R,
    between: Arc<Between>,
    traffic: Arc<Traffic>,
    /// What was said and is not acknowledged.
    replay: Replay,
    acknowledged: u64,
    room: usize,
    /// The local program says no more.
    ended: bool,
}

impl<'a, R: AsyncRead + Unpin + Send> Up<'a, R> {
    pub(super) fn new(reader: &'a mut R, first: Bytes, between: Arc<Between>, traffic: Arc<Traffic>) -> Self {
        let mut replay = Replay::default();
        replay.push(&first);
        Self { reader, between, traffic, replay, acknowledged: 0, room: LEAST_ROOM, ended: false }
    }

    /// Runs until the stream breaks. After the local program's end it goes on to acknowledge. Whatever was
    /// read of the program is kept before it is sent, so that this may be dropped at any time.
    pub(super) async fn run<S: Sink>(&mut self, send: &mut S, open: &Open) -> Broken {
        match self.carry(send, open).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    }

    /// The connection is over on both sides: the agent hears that nothing is missing.
    pub(super) async fn confirm<S: Sink>(&mut self, send: &mut S) {
        // If it does not hear, it waits for a while, and nothing is lost.
        let _deaf = control(send, &Frame::Ack { offset: self.between.delivered() }).await;
        send.finish();
    }

    async fn carry<S: Sink>(&mut self, send: &mut S, open: &Open) -> Result<Infallible, Broken> {
        control(send, &Frame::Open(open.clone())).await?;
        self.say_again(send, open.attempt).await?;
        while !self.ended {
            self.let_go()?;
            if self.replay.len() >= MAX_KEPT {
                tokio::select! {
                    () = self.between.due.notified() => self.acknowledge(send).await?,
                    () = self.between.news.notified() => {}
                }
                continue;
            }
            self.carry_some(send).await?;
        }
        control(send, &Frame::End { offset: self.replay.end() }).await?;
        loop {
            self.between.due.notified().await;
            self.acknowledge(send).await?;
        }
    }

    /// What the agent does not have: at first the first words, later whatever was on its way.
    async fn say_again<S: Sink>(&mut self, send: &mut S, attempt: Attempt) -> Result<(), Broken> {
        let from = match attempt {
            Attempt::First => 0,
            Attempt::Again | Attempt::Resume => loop {
                let news = self.between.news.notified();
                if let Some(from) = self.between.resume_from() {
                    break from;
                }
                news.await;
            },
        };
        let mut offset = from;
        let again = self.replay.since(from).map_err(|error| Broken::Stream(error.to_string()))?;
        for mut chunk in again {
            while !chunk.is_empty() {
                let part = chunk.split_to(chunk.len().min(MAX_DATA));
                let header = header(offset, part.len())?;
                offset += part.len() as u64;
                self.traffic.went_up();
                send.send(&mut [Bytes::copy_from_slice(&header), part]).await?;
            }
        }
        Ok(())
    }

    /// Whatever comes next: bytes of the program, its end, or the time to acknowledge.
    async fn carry_some<S: Sink>(&mut self, send: &mut S) -> Result<(), Broken> {
        // In front of the bytes there is room for what says how many they are.
        let mut buffer = BytesMut::with_capacity(DATA_HEADER + self.room);
        buffer.put_bytes(0, DATA_HEADER);
        let mut limited = (&mut buffer).limit(MAX_DATA);
        loop {
            tokio::select! {
                biased;
                read = self.reader.read_buf(&mut limited) => match read {
                    Ok(count @ 1..) => {
                        self.adapt(count);
                        return self.data(send, buffer).await;
                    }
                    // A program that was reset has ended, too.
                    Ok(0) | Err(_) => {
                        self.ended = true;
                        return Ok(());
                    }
                },
                () = self.between.due.notified() => self.acknowledge(send).await?,
                () = self.between.news.notified() => self.let_go()?,
            }
        }
    }

    /// Sends bytes, in front of which there is room for a header.
    async fn data<S: Sink>(&mut self, send: &mut S, mut bytes: BytesMut) -> Result<(), Broken> {
        let length = bytes.len().saturating_sub(DATA_HEADER);
        let header = header(self.replay.end(), length)?;
        bytes.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        let bytes = bytes.freeze();
        self.replay.push(&bytes.slice(DATA_HEADER..));
        self.traffic.went_up();
        send.send(&mut [bytes]).await
    }

    /// Lets go of what the agent has.
    fn let_go(&mut self) -> Result<(), Broken> {
        let known = self.replay.acknowledge(self.between.acknowledged());
        known.map_err(|error| Broken::Stream(error.to_string()))
    }

    async fn acknowledge<S: Sink>(&mut self, send: &mut S) -> Result<(), Broken> {
        let offset = self.between.delivered();
        if offset == self.acknowledged {
            return Ok(());
        }
        self.acknowledged = offset;
        control(send, &Frame::Ack { offset }).await
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

fn header(offset: u64, length: usize) -> Result<[u8; DATA_HEADER], Broken> {
    data_header(offset, length).map_err(|error| Broken::Stream(error.to_string()))
}

async fn control<S: Sink>(send: &mut S, frame: &Frame) -> Result<(), Broken> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes).map_err(|error| Broken::Stream(error.to_string()))?;
    send.send(&mut [bytes.freeze()]).await
}
