//! From the agent to the local program.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use connect_shared::{
    engine::{Boundary, Engine},
    error::ErrorReport,
    frame::{Frame, Opened},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::{Sleep, sleep, timeout},
};

use super::{
    super::{
        stream::{Broken, Source},
        traffic::Traffic,
    },
    Between, Ended,
};

/// Bytes delivered between two acknowledgements, and the longest that one is put off.
const ACKNOWLEDGE_EVERY: u64 = 256 * 1024;
const ACKNOWLEDGE_AFTER: Duration = Duration::from_secs(1);
/// The agent's acknowledgements are told to the other direction when they let go of this much.
const NEWS_EVERY: u64 = 16 * 1024;
/// How long to look for the agent's reason when its stream broke.
const LAST_LOOK: Duration = Duration::from_millis(200);

pub(super) struct Down<'a, W> {
    writer: &'a mut W,
    buffer: BytesMut,
    /// Received, and on its way to the local program.
    pending: Bytes,
    boundary: Boundary,
    between: Arc<Between>,
    traffic: Arc<Traffic>,
    /// Delivered up to the last time that an acknowledgement was asked for.
    asked: u64,
    /// Acknowledged by the agent up to the last time that the other direction was told.
    told: u64,
    /// Rings when something has waited long enough to be acknowledged.
    alarm: Option<Pin<Box<Sleep>>>,
    /// The agent has answered OPEN on this stream, and on any.
    opened: bool,
    was_opened: bool,
}

/// What a frame means for the connection.
enum Step {
    Deliver(Bytes),
    GoOn,
    End(Ended),
}

impl<'a, W: AsyncWrite + Unpin + Send> Down<'a, W> {
    pub(super) fn new(
        writer: &'a mut W,
        engine: Engine,
        between: Arc<Between>,
        traffic: Arc<Traffic>,
    ) -> Self {
        Self {
            writer,
            buffer: BytesMut::new(),
            pending: Bytes::new(),
            boundary: Boundary::new(engine),
            between,
            traffic,
            asked: 0,
            told: 0,
            alarm: None,
            opened: false,
            was_opened: false,
        }
    }

    /// The byte of the agent that is expected next.
    pub(super) fn received(&self) -> u64 {
        self.between.delivered() + self.pending.len() as u64
    }

    pub(super) const fn was_opened(&self) -> bool {
        self.was_opened
    }

    pub(super) const fn is_between_messages(&self) -> bool {
        self.boundary.is_between_messages()
    }

    /// A stream begins. What was not a whole frame on the last one comes again.
    pub(super) fn start(&mut self) {
        self.opened = false;
        self.buffer = BytesMut::new();
    }

    /// Delivers until the end. It may be dropped at any time: what was received stands in `pending`.
    pub(super) async fn run<T: Source>(&mut self, receive: &mut T) -> Ended {
        loop {
            if let Err(ended) = self.deliver().await {
                return ended;
            }
            let frame = match self.next(receive).await {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ended::Broken(Broken::Stream("it ended in the middle".to_owned())),
                Err(broken) => return Ended::Broken(broken),
            };
            match self.step(frame) {
                Step::Deliver(bytes) => self.pending = bytes,
                Step::GoOn => {}
                Step::End(ended) => return ended,
            }
        }
    }

    /// The agent's reason, if one is on its way.
    pub(super) async fn last_report<T: Source>(&mut self, receive: &mut T) -> Option<ErrorReport> {
        let looking = async {
            while let Ok(Some(frame)) = self.next(receive).await {
                if let Step::End(Ended::Told(report)) = self.step(frame) {
                    return Some(report);
                }
            }
            None
        };
        timeout(LAST_LOOK, looking).await.ok().flatten()
    }

    fn step(&mut self, frame: Frame) -> Step {
        let expected = self.received();
        match frame {
            Frame::Opened(Opened::Accepted { resume_from }) if !self.opened => {
                (self.opened, self.was_opened) = (true, true);
                self.between.opened.store(resume_from.saturating_add(1), Ordering::Relaxed);
                self.between.news.notify_one();
                Step::GoOn
            }
            Frame::Opened(Opened::Refused { error }) if !self.opened => Step::End(Ended::Told(error)),
            Frame::Abort(error) => Step::End(Ended::Told(error)),
            Frame::Data { offset, bytes } if self.opened && offset == expected => Step::Deliver(bytes),
            Frame::End { offset } if self.opened && offset == expected => Step::End(Ended::Orderly),
            Frame::Ack { offset } if self.opened => {
                self.acknowledged(offset);
                Step::GoOn
            }
            _ => Step::End(Ended::Broken(Broken::Stream("it broke the rules of the tunnel".to_owned()))),
        }
    }

    /// The agent has taken everything before `offset`.
    fn acknowledged(&mut self, offset: u64) {
        self.between.acknowledged.fetch_max(offset, Ordering::Relaxed);
        if offset.saturating_sub(self.told) >= NEWS_EVERY {
            self.told = offset;
            self.between.news.notify_one();
        }
    }

    /// Writes what has been received, and counts each byte that the local program has.
    async fn deliver(&mut self) -> Result<(), Ended> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.traffic.came_down();
        while !self.pending.is_empty() {
            let written = self.writer.write(&self.pending).await.map_err(|_| Ended::LocalGone)?;
            if written == 0 {
                return Err(Ended::LocalGone);
            }
            self.boundary.pass(self.pending.get(..written).unwrap_or_default());
            self.pending.advance(written);
            self.between.delivered.fetch_add(written as u64, Ordering::Relaxed);
        }
        // What a frame was read into is not kept.
        self.pending = Bytes::new();
        if self.between.delivered() - self.asked >= ACKNOWLEDGE_EVERY {
            self.ask();
        }
        Ok(())
    }

    /// The next frame. What is not acknowledged, is after a second.
    async fn next<T: Source>(&mut self, receive: &mut T) -> Result<Option<Frame>, Broken> {
        loop {
            let decoded = Frame::decode(&mut self.buffer);
            if let Some(frame) = decoded.map_err(|error| Broken::Stream(error.to_string()))? {
                return Ok(Some(frame));
            }
            if self.buffer.is_empty() {
                // An idle connection keeps no buffer.
                self.buffer = BytesMut::new();
            }
            if self.alarm.is_none() && self.between.delivered() > self.asked {
                self.alarm = Some(Box::pin(sleep(ACKNOWLEDGE_AFTER)));
            }
            tokio::select! {
                biased;
                received = receive.receive(&mut self.buffer) => {
                    if !received? {
                        return Ok(None);
                    }
                }
                () = rings(&mut self.alarm) => {
                    self.alarm = None;
                    self.ask();
                }
            }
        }
    }

    fn ask(&mut self) {
        self.asked = self.between.delivered();
        self.between.due.notify_one();
    }
}

/// The alarm is kept from wait to wait: setting one for every frame would cost more than the frame.
async fn rings(alarm: &mut Option<Pin<Box<Sleep>>>) {
    match alarm {
        Some(alarm) => alarm.as_mut().await,
        None => std::future::pending().await,
    }
}
