//! From the agent to the local program.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
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
    Delivered, Ended,
};

/// Bytes delivered between two acknowledgements, and the longest that one is put off.
const ACKNOWLEDGE_EVERY: u64 = 256 * 1024;
const ACKNOWLEDGE_AFTER: Duration = Duration::from_secs(1);
/// How long to look for the agent's reason when its stream broke.
const LAST_LOOK: Duration = Duration::from_millis(200);

pub(super) struct Down<'a, W, T> {
    writer: &'a mut W,
    receive: T,
    buffer: BytesMut,
    delivered: Arc<Delivered>,
    traffic: Arc<Traffic>,
    /// Delivered up to the last time that an acknowledgement was asked for.
    asked: u64,
    /// Rings when something has waited long enough to be acknowledged.
    alarm: Option<Pin<Box<Sleep>>>,
    opened: bool,
}

/// What a frame means for the connection.
enum Step {
    Deliver(Bytes),
    GoOn,
    End(Ended),
}

impl<'a, W: AsyncWrite + Unpin + Send, T: Source> Down<'a, W, T> {
    pub(super) fn new(
        writer: &'a mut W,
        receive: T,
        delivered: Arc<Delivered>,
        traffic: Arc<Traffic>,
    ) -> Self {
        Self {
            writer,
            receive,
            buffer: BytesMut::new(),
            delivered,
            traffic,
            asked: 0,
            alarm: None,
            opened: false,
        }
    }

    /// Delivers until the end.
    pub(super) async fn run(&mut self) -> Ended {
        loop {
            let frame = match self.next().await {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ended::Broken(Broken::Stream("it ended in the middle".to_owned())),
                Err(broken) => return Ended::Broken(broken),
            };
            match self.step(frame) {
                Step::Deliver(bytes) => {
                    if let Err(ended) = self.deliver(&bytes).await {
                        return ended;
                    }
                }
                Step::GoOn => {}
                Step::End(ended) => return ended,
            }
        }
    }

    /// The agent's reason, if one is on its way.
    pub(super) async fn last_report(&mut self) -> Option<ErrorReport> {
        let looking = async {
            while let Ok(Some(frame)) = self.next().await {
                if let Step::End(Ended::Told(report)) = self.step(frame) {
                    return Some(report);
                }
            }
            None
        };
        timeout(LAST_LOOK, looking).await.ok().flatten()
    }

    /// Nothing more is wanted.
    pub(super) fn stop(&mut self) {
        self.receive.stop();
    }

    fn step(&mut self, frame: Frame) -> Step {
        let expected = self.delivered.offset();
        match frame {
            Frame::Opened(Opened::Accepted { resume_from: 0 }) if !self.opened => {
                self.opened = true;
                Step::GoOn
            }
            Frame::Opened(Opened::Refused { error }) if !self.opened => Step::End(Ended::Told(error)),
            Frame::Abort(error) => Step::End(Ended::Told(error)),
            Frame::Data { offset, bytes } if self.opened && offset == expected => Step::Deliver(bytes),
            Frame::End { offset } if self.opened && offset == expected => Step::End(Ended::Orderly),
            // Nothing is kept for resuming yet, so there is nothing to let go.
            Frame::Ack { .. } if self.opened => Step::GoOn,
            _ => Step::End(Ended::Broken(Broken::Stream("it broke the rules of the tunnel".to_owned()))),
        }
    }

    async fn deliver(&mut self, bytes: &Bytes) -> Result<(), Ended> {
        self.traffic.came_down();
        self.writer.write_all(bytes).await.map_err(|_| Ended::LocalGone)?;
        let upto =
            self.delivered.offset.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if upto - self.asked >= ACKNOWLEDGE_EVERY {
            self.ask();
        }
        Ok(())
    }

    /// The next frame. What is not acknowledged, is after a second.
    async fn next(&mut self) -> Result<Option<Frame>, Broken> {
        loop {
            let decoded = Frame::decode(&mut self.buffer);
            if let Some(frame) = decoded.map_err(|error| Broken::Stream(error.to_string()))? {
                return Ok(Some(frame));
            }
            if self.buffer.is_empty() {
                // An idle connection keeps no buffer.
                self.buffer = BytesMut::new();
            }
            if self.alarm.is_none() && self.delivered.offset() > self.asked {
                self.alarm = Some(Box::pin(sleep(ACKNOWLEDGE_AFTER)));
            }
            tokio::select! {
                biased;
                received = self.receive.receive(&mut self.buffer) => {
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
        self.asked = self.delivered.offset();
        self.delivered.due.notify_one();
    }
}

/// The alarm is kept from wait to wait: setting one for every frame would cost more than the frame.
async fn rings(alarm: &mut Option<Pin<Box<Sleep>>>) {
    match alarm {
        Some(alarm) => alarm.as_mut().await,
        None => std::future::pending().await,
    }
}
