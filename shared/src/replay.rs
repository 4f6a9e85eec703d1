//! What one end of a database connection has sent and the other has not acknowledged yet: it is kept until
//! then, so that a later tunnel can go on from any byte in between. See [`crate::frame`] for the offsets.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes at least this many are kept without a copy; fewer share a buffer, so that a small message does not
/// hold on to the large buffer that it came in.
const LARGE: usize = 8 * 1024;
/// A shared buffer of this size is closed, and a new one begun.
const SEGMENT: usize = 16 * 1024;

/// An offset that the peer cannot mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OffsetError {
    /// It has acknowledged these bytes, so they are gone.
    #[error("offset {found} was acknowledged already, up to {kept}")]
    Forgotten { found: u64, kept: u64 },
    /// Nobody has sent them.
    #[error("offset {found} is in the future: {sent} bytes were sent")]
    Future { found: u64, sent: u64 },
}

/// Bytes from the first that is not acknowledged to the last that was sent. Whoever fills it looks at
/// [`Replay::len`] first: that is the back-pressure.
#[derive(Debug, Default)]
pub struct Replay {
    start: u64,
    end: u64,
    chunks: VecDeque<Bytes>,
    /// Behind the chunks: small ones that still grow.
    open: BytesMut,
}

impl Replay {
    /// Offset of the next byte to be sent.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        // Kept in memory, so it fits.
        (self.end - self.start) as usize
    }

    /// Whether all that was sent is acknowledged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Keeps bytes that are sent now.
    pub fn push(&mut self, bytes: &Bytes) {
        self.end += bytes.len() as u64;
        if bytes.len() >= LARGE {
            self.close();
            self.chunks.push_back(bytes.clone());
            return;
        }
        self.open.extend_from_slice(bytes);
        if self.open.len() >= SEGMENT {
            self.close();
        }
    }

    /// Lets go of everything before `offset`. An old acknowledgement is no news.
    ///
    /// # Errors
    /// More than was ever sent.
    pub fn acknowledge(&mut self, offset: u64) -> Result<(), OffsetError> {
        if offset > self.end {
            return Err(OffsetError::Future { found: offset, sent: self.end });
        }
        while self.start < offset {
            let gone = offset - self.start;
            let Some(first) = self.chunks.front_mut() else {
                let gone = usize::try_from(gone).map_or(self.open.len(), |gone| gone.min(self.open.len()));
                self.open.advance(gone);
                self.start = offset;
                break;
            };
            if first.len() as u64 <= gone {
                self.start += first.len() as u64;
                self.chunks.pop_front();
            } else {
                first.advance(usize::try_from(gone).unwrap_or(0));
                self.start = offset;
            }
        }
        if self.is_empty() {
            // An idle connection keeps no buffer.
            *self = Self { start: self.start, end: self.end, ..Self::default() };
        }
        Ok(())
    }

    /// Everything from `offset` on, in order.
    ///
    /// # Errors
    /// It is not kept.
    pub fn since(&self, offset: u64) -> Result<Vec<Bytes>, OffsetError> {
        if offset > self.end {
            return Err(OffsetError::Future { found: offset, sent: self.end });
        }
        if offset < self.start {
            return Err(OffsetError::Forgotten { found: offset, kept: self.start });
        }
        let mut passed = offset - self.start;
        let open = Bytes::copy_from_slice(&self.open);
        let mut found = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in self.chunks.iter().chain([&open]) {
            let skip = usize::try_from(passed).map_or(chunk.len(), |passed| passed.min(chunk.len()));
            passed -= skip as u64;
            if skip < chunk.len() {
                found.push(chunk.slice(skip..));
            }
        }
        Ok(found)
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.chunks.push_back(std::mem::take(&mut self.open).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(chunks: &[Bytes]) -> Vec<u8> {
        chunks.iter().flat_map(|chunk| chunk.to_vec()).collect()
    }

    #[test]
    fn an_offset_that_was_acknowledged_or_never_sent_is_an_error() {
        let mut replay = Replay::default();
        replay.push(&Bytes::from_static(b"0123456789"));
        replay.acknowledge(4).expect("sent");
        replay.acknowledge(2).expect("an old one is no news");
        assert_eq!(joined(&replay.since(4).expect("kept")), b"456789");
        assert_eq!(replay.since(3), Err(OffsetError::Forgotten { found: 3, kept: 4 }));
        assert_eq!(replay.since(11), Err(OffsetError::Future { found: 11, sent: 10 }));
        assert_eq!(replay.acknowledge(u64::MAX), Err(OffsetError::Future { found: u64::MAX, sent: 10 }));
        assert_eq!((replay.len(), replay.end()), (6, 10), "a bad acknowledgement changes nothing");
    }

    #[test]
    fn when_all_is_acknowledged_nothing_is_kept() {
        let mut replay = Replay::default();
        replay.push(&Bytes::from(vec![1; 100]));
        replay.push(&Bytes::from(vec![2; 100_000]));
        replay.acknowledge(100_100).expect("sent");
        assert!(replay.is_empty() && replay.chunks.is_empty() && replay.open.capacity() == 0);
        assert_eq!(replay.since(100_100).expect("the end"), Vec::<Bytes>::new());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        /// Acknowledge this share of what is kept.
        Acknowledge(u8),
        /// Ask for everything after this share.
        Since(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..40_000_usize).prop_map(Step::Push),
            (0..300_usize).prop_map(Step::Push),
            any::<u8>().prop_map(Step::Acknowledge),
            any::<u8>().prop_map(Step::Since),
        ]
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_was_sent_from_any_offset(steps in proptest::collection::vec(step(), 1..60)) {
            let (mut replay, mut sent, mut start) = (Replay::default(), Vec::new(), 0_usize);
            for step in steps {
                match step {
                    Step::Push(length) => {
                        let bytes: Vec<u8> = (0..length).map(|n| (n * 7 + sent.len()) as u8).collect();
                        replay.push(&Bytes::from(bytes.clone()));
                        sent.extend(bytes);
                    }
                    Step::Acknowledge(share) => {
                        start += (sent.len() - start) * usize::from(share) / 255;
                        replay.acknowledge(start as u64).expect("sent");
                    }
                    Step::Since(share) => {
                        let from = start + (sent.len() - start) * usize::from(share) / 255;
                        prop_assert_eq!(joined(&replay.since(from as u64).expect("kept")), &sent[from..]);
                    }
                }
                prop_assert_eq!(replay.end(), sent.len() as u64);
                prop_assert_eq!(replay.len(), sent.len() - start);
            }
        }
    }
}
