//! Keeps the log open: after a failure it is opened again, from what the disk really has, as soon as the
//! disk takes writes. Everything that a restart would do is done, and nothing else: the same replay, the
//! same checks, an end for every statement that has none.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use connect_shared::entry::Entry;

use super::{
    super::{LogOptions, OpenError, error::io_error, reserve::Reserve, segment::SegmentStore},
    Log, Open, block_on,
    open::Opening,
};

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Longest pause between two tries to open a log that does not open.
const LONGEST_PAUSE: u32 = 60;
/// What is written and synced before a log is opened again: its replay would be for nothing on a full disk.
const PROBE_BYTES: usize = 256 * 1024;

/// Makes the store of one opening.
pub(in crate::log) type StoreMaker = Box<dyn Fn(Arc<Reserve>) -> Box<dyn SegmentStore> + Send>;

/// News for the keeper.
#[derive(Debug, Default)]
pub(in crate::log) struct Failures {
    ended: Mutex<bool>,
    news: Condvar,
}

impl Failures {
    /// Something failed.
    pub(super) fn wake(&self) {
        self.news.notify_all();
    }

    /// The agent stops: nothing is opened any more.
    pub(super) fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
    }

    /// Waits for news, not long. Whether to go on.
    fn wait(&self) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return false;
        }
        !*self.news.wait_timeout(ended, LOOK).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Log {
    /// Opens the log again whenever it has failed, with stores that `store` makes.
    pub(in crate::log) fn keep_open(
        &self,
        dir: &Path,
        options: LogOptions,
        store: StoreMaker,
    ) -> Result<(), OpenError> {
        let mut keeper = Keeper {
            open: Arc::clone(&self.open),
            failures: Arc::clone(&self.open.failures),
            reserve: Arc::new(Reserve::new(dir, Arc::clone(&self.open.gate))),
            dir: dir.to_owned(),
            options,
            store,
            pause: 1,
            rest: 0,
        };
        keeper.reserve.look();
        let start = std::thread::Builder::new().name("log-keeper".to_owned());
        let thread = start.spawn(move || keeper.run()).map_err(io_error("start a thread for", dir))?;
        *self.open.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }
}

impl Log {
    /// Without this the time in which nothing could be written would look like that of an agent that wrote nothing.
    fn say_open_again(&self, reason: &str) -> Result<(), OpenError> {
        let last = self.append(Entry::LogReopened { reason: reason.to_owned() })?;
        block_on(self.wait_durable(last))?;
        Ok(())
    }
}

struct Keeper {
    open: Arc<Open>,
    failures: Arc<Failures>,
    reserve: Arc<Reserve>,
    dir: PathBuf,
    options: LogOptions,
    store: StoreMaker,
    /// Looks between two tries.
    pause: u32,
    /// Looks until the next one.
    rest: u32,
}

impl Keeper {
    fn run(&mut self) {
        while self.failures.wait() {
            self.reserve.look();
            let log = Log { _handle: None, open: Arc::clone(&self.open), pinned: None };
            let has_failed = log.durable().borrow().failed.is_some();
            if !has_failed {
                (self.pause, self.rest) = (1, 0);
            } else if self.rest > 0 {
                self.rest -= 1;
            } else if let Err(error) = self.open_again(&log) {
                tracing::error!(%error, "the log cannot be opened again yet");
                self.rest = self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn open_again(&self, log: &Log) -> Result<(), OpenError> {
        probe(&self.dir).map_err(io_error("write to", &self.dir))?;
        let failed = log.durable().borrow().failed.clone();
        let old = log.inner();
        // Nobody writes to the old segments any more; its connections are told by its watermark.
        old.stop();
        let opening = Opening {
            dir: &self.dir,
            options: &self.options,
            published: old.shared.published.clone(),
            failures: Arc::clone(&self.failures),
        };
        let (inner, recovery, _) = opening.open((self.store)(Arc::clone(&self.reserve)))?;
        let pinned = Some(Arc::clone(&inner));
        let candidate = Log { _handle: None, open: Arc::clone(&log.open), pinned };
        let written = candidate
            .close_open_statements(&recovery.unknown)
            .and_then(|()| candidate.say_open_again(failed.as_deref().unwrap_or_default()));
        if let Err(error) = written {
            inner.stop();
            return Err(error);
        }
        *log.open.now.write().unwrap_or_else(PoisonError::into_inner) = inner;
        tracing::warn!(
            entries = recovery.entries,
            unknown = recovery.unknown.len(),
            "the log is open again after a failure"
        );
        Ok(())
    }
}

/// Whether the disk takes writes.
fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![1; PROBE_BYTES])?;
        file.sync_all()
    });
    let _gone = fs::remove_file(&path);
    written
}
