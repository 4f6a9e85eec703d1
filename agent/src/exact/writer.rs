//! The thread that seals and writes texts, behind a bounded queue; whoever hands one over never waits.
//!
//! A key is on the disk before anything that is sealed under it. Each start begins a new file, and a write that fails
//! ends one: what is torn stands at the end of a file, and is read as its end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use connect_core::machine::{ExactText, KeptText};
use connect_shared::{entry::Entry, ids::ConnectionId};

use super::{
    ExactError,
    keyring::{About, Keyring, Owner, TextKey, Wrapping},
    sealed::{Head, seal},
};
use crate::log::{Log, block_on};

/// Most texts, and most of their bytes, that wait for the thread.
const MOST_WAITING: usize = 8_192;
const MOST_BYTES: usize = 32 << 20;
/// Texts are synced so often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Old keys are looked for, and what was lost is told, so often.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Behind a failure nothing is tried for so long.
const REST: Duration = Duration::from_secs(5);
/// A key is used so long: no text outlives its time, and none goes sooner than this before it.
pub(super) const KEY_TIME: u64 = 6 * 60 * 60 * 1_000;
/// A file takes texts so long, and so many bytes.
pub(super) const FILE_TIME: u64 = 24 * 60 * 60 * 1_000;
const FILE_BYTES: u64 = 64 << 20;
/// Behind it the buffer is written.
const BUFFER: usize = 1 << 20;

/// What the ends of sealed files are called.
pub(super) const SEALED: &str = "sealed";
/// The file of slots.
pub(super) const KEYS: &str = "keys";

enum Message {
    Keep(Arc<ConnectionKey>, Box<ExactText>),
    Flush(SyncSender<()>),
}

/// The key that a connection uses now. Only the thread looks into it.
#[derive(Debug)]
pub(super) struct ConnectionKey {
    connection: ConnectionId,
    owner: Owner,
    active: Mutex<Option<Active>>,
}

#[derive(Debug)]
struct Active {
    key: TextKey,
    begun: u64,
    next: u64,
}

impl ConnectionKey {
    pub(super) const fn new(connection: ConnectionId, owner: Owner) -> Self {
        Self { connection, owner, active: Mutex::new(None) }
    }
}

/// What both sides count.
#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    full: AtomicU64,
    disk: AtomicU64,
}

/// The way to the thread. It ends, with all that was handed over written, when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Message>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        folder: &Path,
        wrapping: Arc<Wrapping>,
        age: Duration,
        log: &Log,
    ) -> Result<Self, ExactError> {
        let path = folder.join(KEYS);
        let keyring = Keyring::open(&path).map_err(ExactError::io(&path))?;
        let counts = Arc::new(Counts::default());
        let (queue, messages) = sync_channel(MOST_WAITING);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let mut thread = Thread {
            folder: folder.to_owned(),
            wrapping,
            keyring,
            age,
            log: log.clone(),
            counts: Arc::clone(&counts),
            file: None,
            buffer: Vec::new(),
            unwritten: 0,
            rests: None,
            swept: None,
            told: [0; 2],
        };
        let start = std::thread::Builder::new().name("exact-texts".to_owned());
        let thread = start.spawn(move || thread.run(&messages)).map_err(ExactError::io(folder))?;
        Ok(Self { queue: Some(queue), counts, thread: Some(thread) })
    }

    pub(super) fn keep(&self, key: &Arc<ConnectionKey>, text: ExactText) {
        let bytes = size(&text);
        // A little more than the limit may get in at once: as much as there are connections that say it together.
        let fits = self.counts.waiting.load(Relaxed).saturating_add(bytes) <= MOST_BYTES;
        self.counts.waiting.fetch_add(bytes, Relaxed);
        let message = Message::Keep(Arc::clone(key), Box::new(text));
        if !fits || self.queue.as_ref().is_none_or(|queue| queue.try_send(message).is_err()) {
            self.counts.waiting.fetch_sub(bytes, Relaxed);
            self.counts.full.fetch_add(1, Relaxed);
        }
    }

    /// Waits until all that was handed over is in the file.
    pub(super) fn flush(&self) {
        let (done, waits) = sync_channel(1);
        let asked = self.queue.as_ref().is_some_and(|queue| queue.send(Message::Flush(done)).is_ok());
        if asked {
            let _ended = waits.recv();
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.counts.full.load(Relaxed) + self.counts.disk.load(Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that keeps exact texts ended by a bug");
        }
    }
}

fn size(text: &ExactText) -> usize {
    let kept = match &text.kept {
        KeptText::Whole { text, bind, types } => {
            text.len() + bind.as_ref().map_or(0, |bind| bind.len()) + types.len()
        }
        KeptText::Withheld => 0,
    };
    kept + size_of::<ExactText>()
}

/// A file that takes texts.
struct Current {
    file: File,
    begun: u64,
    bytes: u64,
}

struct Thread {
    folder: PathBuf,
    wrapping: Arc<Wrapping>,
    keyring: Keyring,
    age: u64,
    log: Log,
    counts: Arc<Counts>,
    file: Option<Current>,
    /// Sealed records that are not written yet, and how many.
    buffer: Vec<u8>,
    unwritten: u64,
    /// Since when nothing is tried.
    rests: Option<Instant>,
    swept: Option<Instant>,
    /// What entries tell of what was lost: for want of room, and by the disk.
    told: [u64; 2],
}

impl Thread {
    fn run(&mut self, messages: &Receiver<Message>) {
        let mut sync_at = None;
        loop {
            if self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY) {
                self.sweep();
            }
            let wait = sync_at.map_or(SYNC_EVERY, |at: Instant| at.saturating_duration_since(Instant::now()));
            match messages.recv_timeout(wait) {
                Ok(Message::Keep(key, text)) => {
                    self.take(&key, *text);
                    sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
                }
                Ok(Message::Flush(done)) => {
                    self.write();
                    let _nobody_waits = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.buffer.len() >= BUFFER || sync_at.is_some_and(|at| at <= Instant::now()) {
                self.write();
                sync_at = None;
            }
        }
        self.write();
        self.tell_lost();
    }

    fn take(&mut self, key: &ConnectionKey, text: ExactText) {
        self.counts.waiting.fetch_sub(size(&text), Relaxed);
        if self.rests.is_some_and(|since| since.elapsed() < REST) {
            return self.lose(1);
        }
        self.rests = None;
        match self.seal(key, &text) {
            Ok(()) => self.unwritten += 1,
            Err(error) => self.failed(&error, 1),
        }
    }

    fn seal(&mut self, key: &ConnectionKey, text: &ExactText) -> io::Result<()> {
        let mut slot = key.active.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        // A clock that goes back begins another key as well: all that is under a key is younger than it.
        let good = |active: &Active| (active.begun..active.begun.saturating_add(KEY_TIME)).contains(&now);
        let active = match slot.take() {
            Some(active) if good(&active) => slot.insert(active),
            _ => {
                let about = About { begun: now, connection: key.connection, owner: key.owner };
                let key = self.keyring.add(&self.wrapping, &about)?;
                slot.insert(Active { key, begun: now, next: 0 })
            }
        };
        let number = active.next;
        // Whatever becomes of this one: no number is used twice.
        active.next += 1;
        let (statement, connection) = (text.statement, key.connection);
        let head = Head { statement, connection, begun: active.begun, number };
        seal((&active.key, &self.wrapping), &head, text, &mut self.buffer)
    }

    /// Writes what is sealed and waits for the disk: keys first.
    fn write(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let count = std::mem::take(&mut self.unwritten);
        if let Err(error) = self.write_buffer() {
            // Nothing is written behind what may be torn.
            self.file = None;
            self.failed(&error, count);
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER);
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.keyring.sync()?;
        let now = now();
        let is_full = |current: &Current| {
            current.bytes >= FILE_BYTES || !(current.begun..current.begun + FILE_TIME).contains(&now)
        };
        let current = match self.file.take() {
            Some(current) if !is_full(&current) => current,
            _ => create(&self.folder, now)?,
        };
        let current = self.file.insert(current);
        current.file.write_all(&self.buffer)?;
        current.bytes += self.buffer.len() as u64;
        current.file.sync_data()
    }

    fn failed(&mut self, error: &io::Error, count: u64) {
        tracing::warn!(%error, "exact texts cannot be kept");
        self.rests = Some(Instant::now());
        self.lose(count);
    }

    fn lose(&self, count: u64) {
        self.counts.disk.fetch_add(count, Relaxed);
    }

    /// Erases what is old enough, and says what was lost.
    fn sweep(&mut self) {
        self.swept = Some(Instant::now());
        self.write();
        self.tell_lost();
        // A clock that is ahead takes nothing that is young: time is that of the last entry, if that is earlier.
        let limit = now().min(self.log.time()).saturating_sub(self.age);
        if let Err(error) = self.erase_old(limit) {
            tracing::warn!(%error, "old exact texts cannot be erased");
        }
    }

    fn erase_old(&mut self, limit: u64) -> io::Result<()> {
        // All of a key's texts are younger than it: it goes with the first of them, so that none is kept too long.
        self.keyring.erase(|about| about.begun <= limit)?;
        tell_erased(&mut self.keyring, &self.log, |keys| Entry::TextsErased {
            cause: "age".to_owned(),
            keys,
            before: Some(limit),
            connection: None,
        })?;
        for (begun, path) in files(&self.folder)? {
            let is_current = self.file.as_ref().is_some_and(|current| current.begun == begun);
            // The last key of a file has begun no later than its last text.
            if !is_current && begun.saturating_add(FILE_TIME) <= limit {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn tell_lost(&mut self) {
        let counts = Arc::clone(&self.counts);
        for (told, (count, code)) in
            self.told.iter_mut().zip([(&counts.full, "full"), (&counts.disk, "disk")])
        {
            let lost = count.load(Relaxed);
            let statements = lost - *told;
            if statements == 0 {
                continue;
            }
            tracing::warn!(statements, code, "exact texts were not kept");
            let entry = Entry::TextsLost { statements, code: code.to_owned() };
            if self.log.append_in_passing(&entry).is_ok() {
                *told = lost;
            }
        }
    }
}

/// Says what is erased and was not said; an entry first, which is durable, then it counts as said.
pub(super) fn tell_erased(
    keyring: &mut Keyring,
    log: &Log,
    entry: impl FnOnce(u64) -> Entry,
) -> io::Result<u64> {
    let unsaid = keyring.unsaid()?;
    let count = unsaid.len() as u64;
    if count > 0 {
        let seq = log.append(entry(count)).map_err(io::Error::other)?;
        block_on(log.wait_durable(seq)).map_err(io::Error::other)?;
        keyring.said(&unsaid)?;
    }
    Ok(count)
}

/// A new file, durable with its name.
fn create(folder: &Path, now: u64) -> io::Result<Current> {
    for begun in now.. {
        let path = folder.join(format!("{begun:020}.{SEALED}"));
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => {
                File::open(folder)?.sync_all()?;
                return Ok(Current { file, begun, bytes: 0 });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Sealed files with the times that they begin at, in order.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let begun = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(begun), true) = (begun, path.extension().is_some_and(|end| end == SEALED)) {
            files.push((begun, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn now() -> u64 {
    u64::try_from(crate::serve::wall_clock().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use connect_shared::ids::StatementId;
    use zeroize::Zeroizing;

    use super::*;
    use crate::log::LogOptions;

    #[test]
    fn whoever_hands_texts_over_faster_than_they_are_written_does_not_wait_and_is_counted() {
        let state = tempfile::tempdir().expect("a folder");
        let (log, _) =
            Log::open(state.path(), LogOptions::new("connect.local/test", state.path())).expect("open");
        let wrapping = Arc::new(Wrapping::new(&[3; 32], "connect.local/test"));
        let owner = wrapping.owner("li");
        let writer =
            Writer::start(state.path(), wrapping, Duration::from_secs(86_400), &log).expect("it starts");
        let key = Arc::new(ConnectionKey::new(ConnectionId::from_random([1; 16]), owner));
        let text = |number: u8| ExactText {
            statement: StatementId::from_random([number; 16]),
            salt: Zeroizing::new([0; 32]),
            binds: [0; 32],
            kept: KeptText::Whole {
                text: Zeroizing::new(vec![b'x'; 1 << 20]),
                bind: None,
                types: bytes::Bytes::new(),
            },
        };
        // The thread gets no further than the first.
        let held = key.active.lock().expect("nobody has it");
        (0..40).for_each(|number| writer.keep(&key, text(number)));
        let lost = writer.lost();
        assert!((7..=9).contains(&lost), "{lost}");
        drop(held);
        writer.flush();
        assert_eq!(writer.counts.waiting.load(Relaxed), 0);
        writer.keep(&key, text(41));
        writer.flush();
        assert_eq!(writer.lost(), lost, "there is room again");
    }
}
