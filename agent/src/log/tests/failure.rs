//! A disk that fails.

use std::{
    io,
    sync::{Condvar, Mutex},
};

use super::{
    super::segment::{DiskStore, SegmentFile, SegmentStore},
    *,
};

/// What fails, from which call on.
#[derive(Clone, Copy)]
enum Fault {
    Create,
    Write(u64),
    ShortWrite(u64),
    Sync(u64),
}

#[derive(Default)]
struct Calls {
    writes: AtomicU64,
    syncs: AtomicU64,
}

struct FaultyStore {
    fault: Fault,
    calls: Arc<Calls>,
}

struct FaultyFile {
    file: Box<dyn SegmentFile>,
    fault: Fault,
    calls: Arc<Calls>,
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left on device")
}

impl SegmentStore for FaultyStore {
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        if matches!(self.fault, Fault::Create) {
            return Err(full());
        }
        let file = DiskStore::new(None).create(path, header)?;
        Ok(Box::new(FaultyFile { file, fault: self.fault, calls: Arc::clone(&self.calls) }))
    }

    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>> {
        DiskStore::new(None).resume(path, offset)
    }
}

impl SegmentFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let call = self.calls.writes.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::Write(from) if call >= from => Err(full()),
            Fault::ShortWrite(from) if call >= from => {
                self.file.write(&bytes[..bytes.len() / 2])?;
                Err(full())
            }
            _ => self.file.write(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let call = self.calls.syncs.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            // Only once: a second sync would be told that all is well.
            Fault::Sync(at) if call == at => Err(io::Error::other("input/output error")),
            _ => self.file.sync(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.finish()
    }
}

fn open_with(place: &Place, fault: Fault) -> (Log, Arc<Calls>) {
    let calls = Arc::new(Calls::default());
    let store = || Box::new(FaultyStore { fault, calls: Arc::clone(&calls) });
    let (log, _) = Log::open_with(&place.dir(), place.options(), &|_| store()).expect("it opens");
    (log, calls)
}

#[test]
fn any_failure_closes_the_log_at_once_and_loses_nothing_that_was_acknowledged() {
    for fault in [Fault::Create, Fault::Write(1), Fault::ShortWrite(1), Fault::Sync(1)] {
        let place = Place::new();
        let (log, calls) = open_with(&place, fault);
        let mut acknowledged = 0;
        if !matches!(fault, Fault::Create) {
            acknowledged = append_all(&log, [denial(1)]).0 + 1;
        }
        let lost = log.append(denial(2)).expect("nobody knows yet");
        let Err(LogClosed::Failed(reason)) = block_on(log.wait_durable(lost)) else {
            panic!("it was acknowledged")
        };
        assert_eq!(log.append(denial(3)), Err(LogClosed::Failed(Arc::clone(&reason))));
        assert_eq!(
            *log.durable().borrow(),
            Durability { upto: acknowledged, failed: Some(Arc::clone(&reason)) }
        );
        assert_eq!(log.publish_now_blocking(), Err(LogClosed::Failed(Arc::clone(&reason))));
        assert_eq!(log.shutdown(), Err(LogClosed::Failed(reason)));
        let (writes, syncs) = (calls.writes.load(Ordering::SeqCst), calls.syncs.load(Ordering::SeqCst));
        assert!(writes <= 2 && syncs <= 2, "a failed segment was used again: {writes} writes, {syncs} syncs");
        // What was durable is signed all the same.
        assert_eq!((verify(&place, &log).faults, checkpoint(&log).size), (Vec::new(), acknowledged));
        drop(log);

        let (log, recovery) = place.open();
        assert!(recovery.entries >= acknowledged, "{} of {acknowledged}", recovery.entries);
        append_all(&log, [denial(4)]);
        log.shutdown().expect("in order");
        assert_eq!(verify(&place, &log).faults, []);
    }
}

/// A disk that waits to be told before each sync.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

struct GatedStore(Arc<Gate>);

struct GatedFile(Box<dyn SegmentFile>, Arc<Gate>);

impl SegmentStore for GatedStore {
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(GatedFile(DiskStore::new(None).create(path, header)?, Arc::clone(&self.0))))
    }

    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(GatedFile(DiskStore::new(None).resume(path, offset)?, Arc::clone(&self.0))))
    }
}

impl SegmentFile for GatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let open = self.1.open.lock().expect("the gate");
        drop(self.1.changed.wait_while(open, |open| !*open).expect("the gate"));
        self.0.sync()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.finish()
    }
}

#[test]
fn while_the_disk_is_behind_entries_wait_in_bounds_and_none_is_called_durable() {
    let place = Place::new();
    let gate = Arc::new(Gate::default());
    let options = LogOptions { pending_bytes: 10_000, ..place.options() };
    let (log, _) = Log::open_with(&place.dir(), options, &|_| Box::new(GatedStore(Arc::clone(&gate))))
        .expect("it opens");
    let taken: Vec<Seq> = (0..10_000).map_while(|number| log.append(denial(number)).ok()).collect();
    assert!((10..100).contains(&taken.len()), "{}", taken.len());
    assert_eq!(log.append(denial(1)), Err(LogClosed::Full));
    let large = Entry::AgentStopped { reason: "x".repeat(20_000) };
    assert!(matches!(log.append(large), Err(LogClosed::TooLarge(_))));
    assert_eq!(log.durable().borrow().upto, 0);
    *gate.open.lock().expect("the gate") = true;
    gate.changed.notify_all();
    block_on(log.wait_durable(*taken.last().expect("some"))).expect("durable");
    append_all(&log, [denial(1)]);
}

#[test]
fn a_public_folder_that_cannot_be_written_holds_up_checkpoints_and_nothing_else() {
    let place = Place::new();
    let (log, _) = place.open();
    append_all(&log, [denial(1)]);
    // A file where a folder must be: also root cannot write below it.
    let tile = place.dir().join("public/tile");
    fs::write(&tile, b"").expect("in the way");
    assert!(matches!(log.publish_now_blocking(), Err(LogClosed::Unpublished(_))));
    append_all(&log, (0..300).map(|number| denial(100 + number)));
    assert!(matches!(log.publish_now_blocking(), Err(LogClosed::Unpublished(_))));
    assert_eq!(checkpoint(&log).size, 0);
    fs::remove_file(&tile).expect("out of the way");
    assert_eq!(log.publish_now_blocking().map(|published| published.size), Ok(301));
    assert_eq!(verify(&place, &log).faults, []);
}

/// A disk that fails while a switch is on, in every way that the fault says.
struct SwitchedStore(Arc<std::sync::atomic::AtomicBool>, Fault);

struct SwitchedFile(Box<dyn SegmentFile>, Arc<std::sync::atomic::AtomicBool>, Fault);

impl SwitchedStore {
    fn wrap(&self, file: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(SwitchedFile(file, Arc::clone(&self.0), self.1))
    }
}

impl SegmentStore for SwitchedStore {
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        if self.0.load(Ordering::SeqCst) {
            return Err(full());
        }
        Ok(self.wrap(DiskStore::new(None).create(path, header)?))
    }

    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>> {
        if self.0.load(Ordering::SeqCst) {
            return Err(full());
        }
        Ok(self.wrap(DiskStore::new(None).resume(path, offset)?))
    }
}

impl SegmentFile for SwitchedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match (self.1.load(Ordering::SeqCst), self.2) {
            (true, Fault::Write(_)) => Err(full()),
            (true, Fault::ShortWrite(_)) => {
                self.0.write(&bytes[..bytes.len() / 2])?;
                Err(full())
            }
            _ => self.0.write(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match (self.1.load(Ordering::SeqCst), self.2) {
            (true, Fault::Sync(_)) => Err(io::Error::other("input/output error")),
            _ => self.0.sync(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.finish()
    }
}

#[test]
fn a_log_that_failed_is_open_again_without_a_restart_and_old_connections_cannot_go_on_in_it() {
    for fault in [Fault::Write(0), Fault::ShortWrite(0), Fault::Sync(0)] {
        let place = Place::new();
        let broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let make = move |broken: &Arc<_>| -> Box<dyn SegmentStore> {
            Box::new(SwitchedStore(Arc::clone(broken), fault))
        };
        let (log, _) = Log::open_with(&place.dir(), place.options(), &|_| make(&broken)).expect("it opens");
        let again = Arc::clone(&broken);
        log.keep_open(&place.dir(), place.options(), Box::new(move |_| make(&again))).expect("kept");
        let mut published = log.published();
        let connection = log.pin();
        append_all(&connection, [intent(1)]);
        broken.store(true, Ordering::SeqCst);
        let lost = connection.append(outcome(1)).expect("nobody knows yet");
        assert!(matches!(block_on(connection.wait_durable(lost)), Err(LogClosed::Failed(_))));
        assert!(matches!(log.append(denial(2)), Err(LogClosed::Failed(_))), "closed within one entry");
        broken.store(false, Ordering::SeqCst);
        let reopened = || log.durable().borrow().failed.is_none();
        while !reopened() {
            std::thread::yield_now();
        }
        assert!(matches!(connection.append(outcome(1)), Err(LogClosed::Failed(_))), "it has an end already");
        append_all(&log, [denial(3)]);
        log.publish_now_blocking().expect("published");
        assert!(published.has_changed().expect("the same channel"));
        let size = published.borrow_and_update().size;
        let entries = (0..size).map(|index| {
            Receipt::parse(&receipt(&log, index)).and_then(|receipt| receipt.entry()).expect("an entry").entry
        });
        let said: Vec<String> = entries
            .filter_map(|entry| match entry {
                Entry::LogReopened { reason } => Some(reason),
                _ => None,
            })
            .collect();
        assert!(matches!(&said[..], [reason] if reason.contains("failed")), "{said:?}");
        log.shutdown().expect("in order");
        let report = verify(&place, &log);
        assert_eq!((report.faults.clone(), report.open_total, report.entries), (Vec::new(), 0, size));
        assert_eq!(report.statements, 1);
    }
}

#[test]
fn while_the_reserve_is_in_use_nothing_begins_and_what_runs_can_end() {
    let place = Place::new();
    let (log, _) = place.open();
    append_all(&log, [intent(1)]);
    let reserve = reserve::Reserve::new(&place.dir(), Arc::new(crate::log::Gate::default()));
    reserve.release();
    log.gate().set_reserve_used(true);
    assert_eq!(log.append(intent(2)), Err(LogClosed::DiskFull));
    assert_eq!(log.gate().closed_for_sessions(), Some(LogClosed::DiskFull));
    assert_eq!(log.append(denial(3)), Err(LogClosed::DiskFull), "denials can be caused without end");
    assert_eq!(log.append_statement_text_once("a text", "SELECT"), Err(LogClosed::DiskFull));
    append_all(&log, [outcome(1)]);
    // The keeper takes the space again at its next look.
    while log.gate().closed_for_sessions().is_some() {
        std::thread::yield_now();
    }
    append_all(&log, [intent(2), outcome(2)]);
    log.gate().set_witnessed(false);
    assert_eq!(log.append(intent(4)), Err(LogClosed::Unwitnessed));
    append_all(&log, [denial(5)]);
    log.gate().set_witnessed(true);
    append_all(&log, [intent(4), outcome(4)]);
}
