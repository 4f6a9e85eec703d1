//! The commit thread: all that waits goes to the disk with one write and one `fdatasync`, which in
//! [`Mode::Batch`] may come a little later.
//! Any error ends it, and closes the log until it is opened again.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Instant,
};

use super::{
    error::LogClosed,
    frame::{FRAME_HEADER, SEGMENT_HEADER, seal, segment_header, segment_name},
    handle::Shared,
    mode::Mode,
    public::{Keep, write_atomically},
    publish::Position,
    queue::{Batch, Work},
    segment::{SegmentFile, SegmentStore},
};

struct Current {
    first: u64,
    offset: u64,
    file: Box<dyn SegmentFile>,
    /// Nothing was written since its last sync.
    is_synced: bool,
}

/// How far a sync has come.
struct Synced {
    upto: u64,
    end: Position,
}

/// Writes batches into segments.
pub(super) struct Committer {
    shared: Arc<Shared>,
    store: Box<dyn SegmentStore>,
    segments: PathBuf,
    public: PathBuf,
    segment_bytes: u64,
    mode: Mode,
    current: Option<Current>,
    /// What is written and not synced, if there is any.
    unsynced: Option<Unsynced>,
}

/// Entries that were written and wait for their sync.
struct Unsynced {
    entries: u64,
    since: Instant,
    /// Behind the last of them.
    upto: u64,
    end: Position,
}

impl Committer {
    /// Goes on at `end`, the end of the last segment, or in a new one if there is none.
    pub(super) fn new(
        shared: Arc<Shared>,
        mut store: Box<dyn SegmentStore>,
        folders: (PathBuf, PathBuf),
        (segment_bytes, mode): (u64, Mode),
        end: Option<Position>,
    ) -> io::Result<Self> {
        let (segments, public) = folders;
        let current = match end {
            None => None,
            Some(Position { segment, offset }) => {
                let file = store.resume(&segments.join(segment_name(segment)), offset)?;
                Some(Current { first: segment, offset, file, is_synced: true })
            }
        };
        Ok(Self { shared, store, segments, public, segment_bytes, mode, current, unsynced: None })
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
        let (mut batch, done) = match self.shared.queue.take(spent) {
            Work::Batch(mut batch) => {
                let done = self.commit(&mut batch);
                (batch, done)
            }
            Work::Sync(spent) => (spent, self.sync()),
            Work::Done => return None,
        };
        match done {
            Ok(synced) => {
                self.acknowledge(&mut batch, synced);
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

    /// Makes a batch durable, or writes it where that is enough for now. If we stop anywhere in here, nothing of it was
    /// acknowledged, and recovery keeps the whole entries at its head and cuts the rest.
    fn commit(&mut self, batch: &mut Batch) -> io::Result<Option<Synced>> {
        // If we stop between blobs and leaves, recovery finds files that no leaf names: harmless.
        for blob in &batch.blobs {
            write_atomically(&self.public.join(&blob.path), &blob.bytes, Keep::Durable)?;
        }
        let is_first = self.segment_for(batch.first)?.is_synced;
        let Some(current) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        seal(&mut batch.frames, batch.first, current.offset);
        // A barrier says that all before it was synced: there is none behind what was not.
        let begin = if is_first { 0 } else { FRAME_HEADER };
        let frames = batch.frames.get(begin..).unwrap_or_default();
        current.file.write(frames)?;
        current.is_synced = false;
        current.offset += frames.len() as u64;
        let end = Position { segment: current.first, offset: current.offset };
        let now = Instant::now();
        let (before, since) =
            self.unsynced.as_ref().map_or((0, now), |before| (before.entries, before.since));
        let (entries, upto) = (before + batch.count, batch.first + batch.count);
        self.unsynced = Some(Unsynced { entries, since, upto, end });
        let may_wait = !batch.sync && self.mode.lets_wait(entries, now.saturating_duration_since(since));
        if may_wait { Ok(None) } else { self.sync() }
    }

    /// Makes all that was written durable.
    fn sync(&mut self) -> io::Result<Option<Synced>> {
        if let Some(current) = &mut self.current {
            current.file.sync()?;
            current.is_synced = true;
        }
        Ok(self.unsynced.take().map(|Unsynced { upto, end, .. }| Synced { upto, end }))
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
                Current { first: next, offset: SEGMENT_HEADER as u64, file, is_synced: true }
            }
        };
        Ok(self.current.insert(current))
    }

    fn acknowledge(&self, batch: &mut Batch, synced: Option<Synced>) {
        let by = self.unsynced.as_ref().map(|unsynced| unsynced.since + self.mode.delay());
        self.shared.queue.sync_by(by);
        // Who is woken here goes on while this thread still writes down what ended; who looks for that waits for it.
        let mut index = self.shared.index.lock().unwrap_or_else(PoisonError::into_inner);
        // First the publisher: whoever then learns that an entry is durable can ask for it to be signed.
        if let Some(Synced { upto, end }) = synced {
            self.shared.signal.durable(upto, end);
            self.shared.durability.send_modify(|durability| durability.upto = upto);
        }
        if batch.count > 0 {
            self.shared.watermark.advance(batch.first + batch.count);
        }
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
