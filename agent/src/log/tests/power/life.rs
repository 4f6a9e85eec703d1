//! One life of a log: it is opened, written to, struck, and opened again, some times over.

use connect_shared::{
    entry::Entry,
    proof::{
        checkpoint::Checkpoint,
        note::VerifierKey,
        tile::{Level, LogReader as _, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, decode_bundle},
        verify::Verification,
    },
};
use tokio::sync::watch;

use super::{
    super::{
        super::{
            LogOptions, Mode, OpenError, PublicFolder, Published, Recovery,
            disk::simulated::{Dice, Disk, Fault},
            handle::{Failures, Opened, Opening, make_folders, unknown_end},
            leaf::{MAX_INLINE_BYTES, Prepared},
            queue::{Batch, Haste},
            segment::{DiskStore, SegmentStore},
        },
        NEVER, ORIGIN, denial, intent, outcome,
    },
    bugs::Bug,
};

/// The only time there is.
const TIME: u64 = 1_000;

/// What the log has told somebody, and what must therefore be so.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Leaves in their order, those that were acknowledged and those that may be lost.
    leaves: Vec<Vec<u8>>,
    /// So many of them were acknowledged.
    pub(super) acknowledged: u64,
    /// So many were written: in batch mode more than that, and all of them are there if power was not lost.
    written: u64,
    /// So many that were written and not synced were lost with the power.
    pub(super) lost: u64,
    /// What was signed and shown.
    signed: Vec<(u64, String)>,
    /// How often the log was opened again.
    pub(super) returns: u64,
}

impl Told {
    /// All of it but signatures, whose key is another one each time.
    pub(super) fn content(self) -> (Vec<Vec<u8>>, u64, u64) {
        (self.leaves, self.acknowledged, self.returns)
    }
}

struct Life {
    dice: Dice,
    disk: Disk,
    options: LogOptions,
    bug: Option<Bug>,
    told: Told,
    /// Of the next statement.
    number: u64,
    /// Statements that have begun in this opening.
    begun: Vec<u64>,
    /// What an entry that somebody waits for waits for.
    relaxed: Option<u64>,
    /// Only the process was gone.
    kept_cache: bool,
    /// The disk has failed: what it had not synced may be lost without a loss of power.
    failed: bool,
}

/// Between two strokes.
struct Running {
    opened: Opened,
    spent: Option<Batch>,
}

/// Lives one life. The error says what was not as the log had told.
pub(super) fn live(seed: u64, bug: Option<Bug>) -> Result<Told, String> {
    let disk = Disk::new(seed);
    let mut options = LogOptions::new(ORIGIN, disk.root().join("log"));
    (options.checkpoint_every, options.heartbeat_every) = (NEVER, NEVER);
    (options.checkpoint_entries, options.segment_bytes) = (u64::MAX, 1 + seed % 4_000);
    options.clock = std::sync::Arc::new(|| TIME);
    let mut dice = Dice::new(!seed);
    // Of a log in batch mode: most entries that may wait for their sync.
    let relaxed = seed.is_multiple_of(3).then(|| dice.below(12) + 2);
    options.mode = relaxed.map_or(Mode::Strict, |entries| Mode::Batch { every: NEVER, entries });
    let (told, begun) = (Told::default(), Vec::new());
    let mut life = Life {
        dice,
        disk: disk.clone(),
        options,
        bug,
        told,
        number: 0,
        begun,
        relaxed,
        kept_cache: true,
        failed: false,
    };
    let lived = life.live();
    disk.unmount();
    lived.map(|()| life.told)
}

impl Life {
    fn live(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.below(5) + 2 {
            if self.dice.percent(85) {
                let fault = match self.dice.below(4) {
                    0 => Fault::InputOutput,
                    1 => Fault::Full,
                    _ => Fault::Off,
                };
                let changes = self.dice.below(60);
                self.disk.fail_after(changes, fault);
            }
            match self.open() {
                Ok(mut running) => {
                    self.work(&mut running)?;
                    self.leave(running);
                }
                // On a disk that fails, it may say that it cannot be opened, and nothing else.
                Err(Failed::Disk) => self.failed = true,
                Err(Failed::Log(wrong)) => return Err(wrong),
            }
            self.strike();
        }
        self.disk.heal();
        let mut running = self.open().map_err(|failed| match failed {
            Failed::Disk => "a log on a good disk does not open".to_owned(),
            Failed::Log(wrong) => wrong,
        })?;
        self.write(&mut running, 3)?;
        self.sync(&mut running);
        self.sign(&mut running);
        self.check_everything(&running)
    }

    /// What becomes of the machine between two lives of the process.
    fn strike(&mut self) {
        let stroke = self.dice.below(6);
        // Since the log was last open.
        self.kept_cache &= stroke < 2 && !self.failed;
        match stroke {
            // The process alone is gone, or has only seen its disk fail: the cache is what it was.
            0 | 1 => self.disk.heal(),
            2 => self.disk.lose_power(0),
            3 => self.disk.lose_power(100),
            _ => {
                let survives = self.dice.below(101);
                self.disk.lose_power(survives);
            }
        }
        if let Some(bug) = self.bug {
            bug.after_return(&self.disk, &self.options.keys.join("segments"));
        }
    }

    fn store(&self) -> Box<dyn SegmentStore> {
        self.bug.map_or_else(|| Box::new(DiskStore::new(None)) as Box<_>, Bug::store)
    }

    fn open(&mut self) -> Result<Running, Failed> {
        let dir = self.options.keys.clone();
        let first = Published { size: 0, checkpoint: "".into(), failed: None };
        let opening = Opening {
            dir: &dir,
            options: &self.options,
            published: watch::Sender::new(std::sync::Arc::new(first)),
            failures: std::sync::Arc::new(Failures::default()),
        };
        let within = [dir.join("segments"), dir.join("public"), dir.join("public/blob")];
        make_folders(&dir, &within.each_ref().map(std::path::PathBuf::as_path))?;
        let opened = opening.prepare(self.store())?;
        self.told.returns += 1;
        self.begun.clear();
        self.check_return(&opened.recovery).map_err(Failed::Log)?;
        (self.kept_cache, self.failed) = (true, false);
        let mut running = Running { opened, spent: Some(Batch::default()) };
        for statement in running.opened.recovery.unknown.clone() {
            self.append(&running, &unknown_end(statement)).map_err(Failed::Log)?;
        }
        self.turn(&mut running);
        Ok(running)
    }

    /// Nothing that was acknowledged is gone; what was not may be, from the end.
    fn check_return(&mut self, recovery: &Recovery) -> Result<(), String> {
        let (entries, told) = (recovery.entries, &mut self.told);
        if entries < told.acknowledged {
            return Err(format!("{} entries were acknowledged, and {entries} are there", told.acknowledged));
        }
        if self.kept_cache && entries < told.written {
            return Err(format!(
                "{} entries were written and acknowledged, and {entries} are there",
                told.written
            ));
        }
        told.lost += told.written.saturating_sub(entries);
        told.written = entries;
        let kept = usize::try_from(entries).unwrap_or(usize::MAX);
        if kept > told.leaves.len() {
            return Err(format!("{} entries were written, and {entries} are there", told.leaves.len()));
        }
        told.leaves.truncate(kept);
        told.acknowledged = entries;
        Ok(())
    }

    fn work(&mut self, running: &mut Running) -> Result<(), String> {
        for _ in 0..self.dice.below(8) {
            let entries = self.dice.below(4) + 1;
            self.write(running, entries)?;
            if self.dice.percent(30) {
                self.sign(running);
            }
            if running.spent.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn write(&mut self, running: &mut Running, entries: u64) -> Result<(), String> {
        for _ in 0..entries {
            if running.opened.shared.queue.closed().is_some() {
                return Ok(());
            }
            let entry = self.entry();
            self.append(running, &entry)?;
        }
        self.turn(running);
        self.check_window()
    }

    fn entry(&mut self) -> Entry {
        self.number += 1;
        let ends = usize::try_from(self.dice.below(3)).unwrap_or(0);
        match self.dice.below(100) {
            // Rarely: they are long, and so is the work that they make.
            0 => {
                let sql = format!("{} {}", self.number, "x".repeat(MAX_INLINE_BYTES));
                Entry::StatementText { fingerprint: self.number.to_string(), sql }
            }
            1..25 => {
                self.begun.push(self.number);
                intent(self.number)
            }
            25..40 => denial(self.number),
            40..65 if ends < self.begun.len() => outcome(self.begun.swap_remove(ends)),
            _ => {
                let longest = if self.dice.percent(10) { 1_500 } else { 100 };
                let width = usize::try_from(self.dice.below(longest)).unwrap_or(0);
                Entry::AgentStopped { reason: format!("{:0>width$}", self.number) }
            }
        }
    }

    fn append(&mut self, running: &Running, entry: &Entry) -> Result<(), String> {
        let prepared = Prepared::new(entry).map_err(|closed| closed.to_string())?;
        let (head, tail) = prepared.leaf(TIME);
        let leaf = [head.as_bytes(), tail].concat();
        let haste = match self.relaxed {
            Some(_) if self.dice.percent(80) => Haste::Written,
            _ => Haste::Now,
        };
        match running.opened.shared.queue.append(prepared, haste) {
            Ok(seq) if seq.0 == self.told.leaves.len() as u64 => {
                self.told.leaves.push(leaf);
                Ok(())
            }
            Ok(seq) => Err(format!("an entry got the place {}", seq.0)),
            // It has failed meanwhile.
            Err(_) => Ok(()),
        }
    }

    /// The commit thread's turn.
    fn turn(&mut self, running: &mut Running) {
        let shared = &running.opened.shared;
        let (upto, durable) = (shared.watermark.upto(), shared.durability.borrow().upto);
        // Somebody may ask for what was only written.
        let asked = durable < upto && self.dice.percent(20);
        if asked {
            shared.queue.hurry();
        }
        if shared.queue.next() == upto && !asked {
            return;
        }
        let Some(spent) = running.spent.take() else { return };
        running.spent = running.opened.committer.turn(spent);
        self.failed |= running.spent.is_none();
        let shared = &running.opened.shared;
        self.told.acknowledged = shared.durability.borrow().upto;
        self.told.written = shared.watermark.upto();
    }

    /// No more than the mode says waits for its sync.
    fn check_window(&self) -> Result<(), String> {
        let waiting = self.told.written.saturating_sub(self.told.acknowledged);
        let most = self.relaxed.map_or(0, |entries| entries - 1);
        if waiting > most {
            return Err(format!("{waiting} entries wait for their sync, and {most} may"));
        }
        Ok(())
    }

    /// Somebody asks for all that there is.
    fn sync(&mut self, running: &mut Running) {
        let shared = &running.opened.shared;
        if shared.watermark.upto() > shared.durability.borrow().upto
            && let Some(spent) = running.spent.take()
        {
            shared.queue.hurry();
            running.spent = running.opened.committer.turn(spent);
            self.told.acknowledged = running.opened.shared.durability.borrow().upto;
        }
    }

    /// The publish thread's turn.
    fn sign(&mut self, running: &mut Running) {
        let (upto, end) = running.opened.shared.signal.reached();
        running.opened.publisher.publish(upto, end);
        let published = std::sync::Arc::clone(&running.opened.shared.published.borrow());
        if self.told.signed.last().is_none_or(|(size, _)| *size < published.size) {
            self.told.signed.push((published.size, published.checkpoint.to_string()));
        }
    }

    fn leave(&mut self, mut running: Running) {
        if self.dice.percent(30) {
            // In order: the rest goes to the disk, and the last segment is cut.
            running.opened.shared.queue.close(super::super::super::LogClosed::Stopped);
            running.opened.committer.end();
            // It was not asked to sync what was only written, and its last words may have failed.
            self.failed |= self.told.written > self.told.acknowledged;
            self.sign(&mut running);
        }
    }

    /// As a stranger would, with all that was ever signed.
    fn check_everything(&self, running: &Running) -> Result<(), String> {
        let folder = PublicFolder::new(self.options.keys.join("public"));
        let key: VerifierKey = running.opened.publisher.key.verifier().clone();
        let mut verification = Verification::new(key.clone());
        for (size, text) in &self.told.signed {
            let kept = Checkpoint::open(text, &key).map_err(|error| error.to_string())?;
            verification = verification.kept(format!("what was signed at {size}"), kept);
        }
        let report = verification.run(&folder, &mut |_| {}).map_err(|error| error.to_string())?;
        if !report.is_sound() || report.entries != self.told.acknowledged {
            return Err(format!("{} entries, and was changed: {:?}", report.entries, report.faults));
        }
        self.check_leaves(&folder, report.entries)
    }

    fn check_leaves(&self, folder: &PublicFolder, size: u64) -> Result<(), String> {
        for number in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
            let tile = Tile::of(Level::Entries, number, size).ok_or("no such bundle")?;
            let bytes = folder.read(&tile.path(), MAX_BUNDLE_BYTES).ok().flatten().ok_or("no bundle")?;
            let start = usize::try_from(number * u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
            let found = decode_bundle(&bytes).map_err(|error| error.to_string())?;
            for (at, leaf) in found.iter().enumerate() {
                if self.told.leaves.get(start + at).map(Vec::as_slice) != Some(*leaf) {
                    return Err(format!("entry {} was changed", start + at));
                }
            }
        }
        Ok(())
    }
}

enum Failed {
    /// As it may, on a disk that fails.
    Disk,
    /// Something that was told is not so.
    Log(String),
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io { .. } => Self::Disk,
            other => Self::Log(other.to_string()),
        }
    }
}
