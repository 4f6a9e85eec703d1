//! The commit thread: all that waits goes to the disk with one write and one `fdatasync`.
//! Any error ends it, and closes the log until it is opened again.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use super::{
    error::LogClosed,
    frame::{SEGMENT_HEADER, seal, segment_header, segment_name},
    handle::Shared,
    public::{Keep, write_atomically},
    publish::Position,
    queue::{Batch, Work},
    segment::{SegmentFile, SegmentStore},
};

struct Current {
    first: u64,
    offset: u64,
    file: Box<dyn SegmentFile>,
}

/// Writes batches into segments.
pub(super) struct Committer {
    shared: Arc<Shared>,
    store: Box<dyn SegmentStore>,
    segments: PathBuf,
    public: PathBuf,
    segment_bytes: u64,
    current: Option<Current>,
}

impl Committer {
    /// Goes on at `end`, the end of the last segment, or in a new one if there is none.
    pub(super) fn new(
        shared: Arc<Shared>,
        mut store: Box<dyn SegmentStore>,
        folders: (PathBuf, PathBuf),
        segment_bytes: u64,
        end: Option<Position>,
    ) -> io::Result<Self> {
        let (segments, public) = folders;
        let current = match end {
            None => None,
            Some(Position { segment, offset }) => {
                let file = store.resume(&segments.join(segment_name(segment)), offset)?;
                Some(Current { first: segment, offset, file })
            }
        };
        Ok(Self { shared, store, segments, public, segment_bytes, current })
    }

    /// Runs until the queue is closed, or something fails.
    pub(super) fn run(mut self) {
        // Even a bug in here must not leave writers waiting for what will not come.
        let guard = EndOfThread(Arc::clone(&self.shared));
        let mut spent = Batch::default();
        while let Some(batch) = self.turn(spent) {
            spent = batch;
        }
        self.end();
        drop(guard);
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self) {
        if let Some(mut last) = self.current.take()
            && let Err(error) = last.file.finish()
        {
            // What was set aside and not used stays behind the last entry: recovery knows it.
            tracing::debug!(%error, "the end of the last segment could not be cut");
        }
    }

    /// Takes what waits to the disk, and gives back its buffer. `None`: nothing more will come, or it failed.
    pub(super) fn turn(&mut self, spent: Batch) -> Option<Batch> {
        let Work::Batch(mut batch) = self.shared.queue.take(spent) else { return None };
        match self.commit(&mut batch) {
            Ok(end) => {
                self.acknowledge(&mut batch, end);
                Some(batch)
            }
            Err(error) => {
                // This descriptor is never written or synced again.
                self.current = None;
                self.shared.fail(&format!("writing the log's segment failed: {error}"));
                None
            }
        }
    }

    /// Makes a batch durable. If we stop anywhere in here, nothing of it was acknowledged, and recovery
    /// keeps the whole entries at its head and cuts the rest.
    fn commit(&mut self, batch: &mut Batch) -> io::Result<Position> {
        // If we stop between blobs and leaves, recovery finds files that no leaf names: harmless.
        for blob in &batch.blobs {
            write_atomically(&self.public.join(&blob.path), &blob.bytes, Keep::Durable)?;
        }
        let current = self.segment_for(batch.first)?;
        seal(&mut batch.frames, batch.first, current.offset);
        current.file.write(&batch.frames)?;
        current.file.sync()?;
        current.offset += batch.frames.len() as u64;
        Ok(Position { segment: current.first, offset: current.offset })
    }

    /// The segment to write to: a new one if there is none or the last one is full. Everything in the
    /// last one is synced by now, so that recovery may take a later segment as proof of it.
    fn segment_for(&mut self, next: u64) -> io::Result<&mut Current> {
        let current = match self.current.take() {
            Some(current) if current.offset < self.segment_bytes => current,
            full => {
                if let Some(mut full) = full {
                    full.file.finish()?;
                }
                let path = self.segments.join(segment_name(next));
                let file = self.store.create(&path, &segment_header(next))?;
                Current { first: next, offset: SEGMENT_HEADER as u64, file }
            }
        };
        Ok(self.current.insert(current))
    }

    fn acknowledge(&self, batch: &mut Batch, end: Position) {
        let upto = batch.first + batch.count;
        // Who is woken here goes on while this thread still writes down what ended; who looks for that waits for it.
        let mut index = self.shared.index.lock().unwrap_or_else(PoisonError::into_inner);
        // First the publisher: whoever then learns that an entry is durable can ask for it to be signed.
        self.shared.signal.durable(upto, end);
        self.shared.watermark.advance(upto);
        self.shared.durability.send_modify(|durability| durability.upto = upto);
        batch.notes.drain(..).for_each(|(at, note)| index.apply(at, note));
    }
}

/// Tells the rest of the log, at the end of the commit thread, that nothing more will become durable.
struct EndOfThread(Arc<Shared>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the commit thread ended by a bug");
        }
        self.0.queue.close(LogClosed::Stopped);
        self.0.signal.ended();
    }
}
