//! The publish thread: behind the commit thread, from the same bytes. It reads entries back from the
//! segments, writes tiles, and signs checkpoints; and it writes a heartbeat when nothing else is written.
//!
//! It reads only what is durable, so that nothing is ever signed that a crash could take back. An error
//! here closes nothing: entries are safe in the segments, and the next checkpoint tries again. Only a
//! segment that does not read as it was written closes the log.

mod signal;

use std::{io, path::PathBuf, sync::Arc};

use connect_shared::{
    entry::Entry,
    proof::{checkpoint::Checkpoint, note::SigningKey, tree::Hash},
};

pub(super) use self::signal::{Schedule, Signal, Task};
use super::{
    Published,
    frame::{FrameReader, Next, segment_name},
    handle::Shared,
    leaf::Prepared,
    public::{Keep, PublicTree, write_atomically},
    queue::Haste,
};

/// A place in the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// First entry of the segment.
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the segment that begins with entry {segment} does not read as it was written: {reason}")]
    Damaged { segment: u64, reason: &'static str },
}

pub(super) struct Publisher {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Arc<SigningKey>,
    pub(super) public: PathBuf,
    pub(super) segments: PathBuf,
    pub(super) tree: PublicTree,
    pub(super) schedule: Schedule,
    /// Size under the last checkpoint.
    pub(super) signed: u64,
    /// Where reading goes on: the segment of the next entry, once it is there.
    pub(super) cursor: Option<Cursor>,
}

/// A reader in the middle of a segment.
pub(super) struct Cursor {
    pub(super) segment: u64,
    pub(super) reader: FrameReader,
    /// An entry that was read and could not be taken.
    pub(super) kept: Option<(Vec<u8>, Hash)>,
}

impl Publisher {
    /// Runs until the commit thread has ended and everything that it made durable is signed.
    pub(super) fn run(mut self) {
        let _guard = EndOfThread(Arc::clone(&self.shared));
        loop {
            match self.shared.signal.next_task(&mut self.schedule, self.signed, &self.shared.queue) {
                Task::Publish { upto, end } => self.publish(upto, end),
                // A log that is full or closed has no silence to prove.
                Task::Heartbeat => {
                    let _ = Prepared::new(&Entry::Heartbeat)
                        .and_then(|entry| self.shared.queue.append(entry, Haste::Now));
                }
                Task::Refuse(reason) => self.announce(Some(reason)),
                Task::Stop => return,
            }
        }
    }

    pub(super) fn publish(&mut self, upto: u64, end: Option<Position>) {
        let done = end.map_or(Ok(()), |end| self.read_upto(upto, end)).and_then(|()| self.sign());
        match done {
            Ok(()) => self.schedule.succeeded(),
            Err(error) => {
                let reason: Arc<str> = error.to_string().into();
                if matches!(error, PublishError::Damaged { .. }) {
                    self.shared.fail(&reason);
                }
                tracing::warn!(reason = &*reason, "the log's checkpoint is late");
                self.schedule.failed();
                self.shared.signal.forget_requests();
                self.announce(Some(reason));
            }
        }
    }

    /// Takes durable entries into the tree, and writes the tiles that they fill.
    fn read_upto(&mut self, upto: u64, end: Position) -> Result<(), PublishError> {
        while self.tree.size() < upto {
            let next = self.tree.size();
            let cursor = match &mut self.cursor {
                Some(cursor) => cursor,
                none => none.insert(Cursor::open(&self.segments, next)?),
            };
            if let Some((leaf, hash)) = &cursor.kept {
                self.tree.push(leaf, *hash)?;
                cursor.kept = None;
                continue;
            }
            let segment = cursor.segment;
            let limit = if segment == end.segment { end.offset } else { cursor.reader.length()? };
            match cursor.reader.next(limit)? {
                Next::Leaf(leaf, hash) => {
                    if let Err(error) = self.tree.push(leaf, hash) {
                        cursor.kept = Some((leaf.to_vec(), hash));
                        return Err(error.into());
                    }
                }
                Next::Barrier => {}
                Next::End if segment != end.segment => self.cursor = None,
                Next::End => return Err(PublishError::Damaged { segment, reason: "it ends too early" }),
                Next::Bad(reason) => return Err(PublishError::Damaged { segment, reason }),
            }
        }
        Ok(())
    }

    /// Signs the tree as it is. If we stop before the rename, recovery finds the last checkpoint and tiles
    /// beyond it, which are those of the entries that are durable.
    fn sign(&mut self) -> Result<(), PublishError> {
        self.tree.write_partial()?;
        let origin = self.key.verifier().name().to_owned();
        let checkpoint =
            Checkpoint { origin, size: self.tree.size(), root: self.tree.root() }.sign(&self.key);
        write_atomically(&self.public.join("checkpoint"), checkpoint.as_bytes(), Keep::Durable)?;
        self.signed = self.tree.size();
        let published = Published { size: self.signed, checkpoint: checkpoint.into(), failed: None };
        self.shared.published.send_replace(Arc::new(published));
        Ok(())
    }

    /// Tells those who wait for a checkpoint that there is none.
    fn announce(&self, failed: Option<Arc<str>>) {
        self.shared.published.send_modify(|published| {
            *published = Arc::new(Published { failed, ..(**published).clone() });
        });
    }
}

/// Wakes those who wait for a checkpoint, at the end of the publish thread, whatever ended it.
struct EndOfThread(Arc<Shared>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        self.0.signal.gone();
        self.0.published.send_modify(|_| {});
    }
}

impl Cursor {
    /// Goes on where a replay has ended: the next entry is `next`.
    pub(super) fn at(segments: &std::path::Path, end: Position, next: u64) -> io::Result<Self> {
        let reader = FrameReader::resume(&segments.join(segment_name(end.segment)), end.offset, next)?;
        Ok(Self { segment: end.segment, reader, kept: None })
    }

    fn open(segments: &std::path::Path, first: u64) -> Result<Self, PublishError> {
        let mut reader = FrameReader::open(&segments.join(segment_name(first)), first)?;
        if reader.header()? {
            Ok(Self { segment: first, reader, kept: None })
        } else {
            Err(PublishError::Damaged { segment: first, reason: "its header is not as written" })
        }
    }
}
