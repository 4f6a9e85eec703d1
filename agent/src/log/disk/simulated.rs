//! A disk in memory that treats its users as badly as POSIX allows.
//!
//! What was written and not synced is in a cache: everybody reads it, and when the power goes each of its
//! sectors is on the platter or not, by itself. A length may be there without the bytes and bytes without
//! the length. A name that was made, moved or removed is so only once its folder is synced; before that,
//! any of them may be. A sync that fails leaves some sectors on the platter and says nothing more: the next
//! one succeeds and writes nothing, as on Linux. A full disk takes the part of a write that still fits.

mod folders;
mod node;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use self::{folders::Folders, node::Node};

/// Where simulated disks are: no folder of that name is on a real one.
pub(in crate::log) const ROOT: &str = "/simulated-disks-of-tests";

static DISKS: RwLock<Option<HashMap<u64, Disk>>> = RwLock::new(None);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Most room that is set aside at once.
const ROOM: usize = 4096;

/// Numbers that follow from a seed: SplitMix64.
#[derive(Debug, Clone)]
pub(in crate::log) struct Dice(u64);

impl Dice {
    pub(in crate::log) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(in crate::log) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(in crate::log) const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// True so many times of a hundred.
    pub(in crate::log) const fn percent(&mut self, of: u64) -> bool {
        self.below(100) < of
    }
}

/// What the next operations meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Fault {
    /// From here on nothing works: the power is gone, or the process is.
    Off,
    /// One write or one sync fails.
    InputOutput,
    /// Nothing more fits.
    Full,
}

#[derive(Debug)]
struct State {
    nodes: Vec<Node>,
    folders: Folders,
    dice: Dice,
    /// A fault, and how many changes come before it.
    fault: Option<(u64, Fault)>,
    /// Of a hundred sectors that were not synced, so many survive.
    survives: u64,
}

/// One disk. Clones are the same.
#[derive(Debug, Clone)]
pub(in crate::log) struct Disk {
    number: u64,
    state: Arc<Mutex<State>>,
}

fn power() -> io::Error {
    io::Error::other("the power is gone")
}

impl Disk {
    pub(in crate::log) fn new(seed: u64) -> Self {
        let state = State {
            nodes: Vec::new(),
            folders: Folders::default(),
            dice: Dice::new(seed),
            fault: None,
            survives: 50,
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let disk = Self { number, state: Arc::new(Mutex::new(state)) };
        disk.lock().folders.mount(&disk.root());
        let mut disks = DISKS.write().unwrap_or_else(PoisonError::into_inner);
        disks.get_or_insert_default().insert(number, disk.clone());
        disk
    }

    /// Where it is mounted.
    pub(in crate::log) fn root(&self) -> PathBuf {
        Path::new(ROOT).join(self.number.to_string())
    }

    /// Forgets it.
    pub(in crate::log) fn unmount(&self) {
        if let Some(disks) = DISKS.write().unwrap_or_else(PoisonError::into_inner).as_mut() {
            disks.remove(&self.number);
        }
    }

    /// The disk that a path is on.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let rest = path.strip_prefix(ROOT).ok()?;
        let number = rest.iter().next()?.to_str()?.parse().ok()?;
        DISKS.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&number).cloned()
    }

    /// The next fault comes after so many changes.
    pub(in crate::log) fn fail_after(&self, changes: u64, fault: Fault) {
        self.lock().fault = Some((changes, fault));
    }

    /// All is well again; what has happened has happened.
    pub(in crate::log) fn heal(&self) {
        self.lock().fault = None;
    }

    /// The power goes and comes back: what was not synced is what chance has left of it.
    pub(in crate::log) fn lose_power(&self, survives: u64) {
        let state = &mut *self.lock();
        state.fault = None;
        state.survives = survives;
        let State { nodes, folders, dice, .. } = state;
        nodes.iter_mut().for_each(|node| node.lose_power(dice, survives));
        folders.lose_power(dice, survives);
    }

    /// What is in a file, changed behind everybody's back and on the platter at once.
    pub(in crate::log) fn edit(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let state = &mut *self.lock();
        let id = state.folders.file(path)?;
        state.nodes.get_mut(id).ok_or_else(power)?.edit(change);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one change, and says what it meets.
    fn change(&mut self) -> Result<(), Fault> {
        match &mut self.fault {
            Some((0, Fault::InputOutput)) => {
                self.fault = None;
                Err(Fault::InputOutput)
            }
            Some((0, fault)) => Err(*fault),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change_name(&mut self) -> io::Result<()> {
        self.change().map_err(error)
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::Off => power(),
        Fault::InputOutput => io::Error::other("input/output error"),
        Fault::Full => io::ErrorKind::StorageFull.into(),
    }
}

/// Operations on names.
impl Disk {
    pub(super) fn open(&self, path: &Path) -> io::Result<SimulatedFile> {
        let id = self.lock().folders.file(path)?;
        Ok(SimulatedFile { disk: self.clone(), id })
    }

    pub(super) fn create(&self, path: &Path, fresh: bool) -> io::Result<SimulatedFile> {
        let state = &mut *self.lock();
        match state.folders.file(path) {
            Ok(_) if fresh => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(id) => {
                state.change_name()?;
                state.nodes.get_mut(id).ok_or_else(power)?.set_length(0);
                return Ok(SimulatedFile { disk: self.clone(), id });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        state.folders.has_folder_of(path)?;
        state.change_name()?;
        let id = state.nodes.len();
        state.nodes.push(Node::default());
        state.folders.link(path, id)?;
        Ok(SimulatedFile { disk: self.clone(), id })
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.lock();
        state.folders.file(from)?;
        state.change_name()?;
        state.folders.rename(from, to)
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.lock();
        state.folders.file(path)?;
        state.change_name()?;
        state.folders.unlink(path)
    }

    pub(super) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.lock();
        if !state.folders.is_folder(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name()?;
        state.folders.remove_folder(path)
    }

    pub(super) fn create_folders(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.lock();
        if state.folders.is_folder(path) {
            return Ok(());
        }
        state.change_name()?;
        state.folders.create_folders(path)
    }

    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.lock();
        if !state.folders.is_folder(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name()?;
        state.folders.sync(path);
        Ok(())
    }

    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        self.lock().folders.names(path)
    }
}

/// An open file: it stays the same whatever becomes of its name.
#[derive(Debug)]
pub(in crate::log) struct SimulatedFile {
    disk: Disk,
    id: usize,
}

impl SimulatedFile {
    fn with<T>(&self, act: impl FnOnce(&mut Node) -> T) -> io::Result<T> {
        self.disk.lock().nodes.get_mut(self.id).map(act).ok_or_else(power)
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|node| node.read_at(buffer, offset))
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        self.with(|node| node.length())
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let state = &mut *self.disk.lock();
        let met = state.change();
        let part = match met {
            Ok(()) => bytes.len(),
            // Some of it, at its head.
            Err(_) => usize::try_from(state.dice.below(bytes.len() as u64 + 1)).unwrap_or(0),
        };
        let node = state.nodes.get_mut(self.id).ok_or_else(power)?;
        node.write(bytes.get(..part).unwrap_or_default(), offset);
        met.map_err(error)
    }

    pub(super) fn set_length(&self, length: u64) -> io::Result<()> {
        let state = &mut *self.disk.lock();
        // Cutting a file needs no space.
        match state.change() {
            Ok(()) | Err(Fault::Full) => {}
            Err(fault) => return Err(error(fault)),
        }
        state.nodes.get_mut(self.id).ok_or_else(power)?.set_length(length);
        Ok(())
    }

    pub(super) fn set_aside(&self, offset: u64, length: u64) -> io::Result<()> {
        // Much room would cost time and show nothing: what is set aside is a few sectors.
        let zeros = vec![0; usize::try_from(length).map_or(ROOM, |length| length.min(ROOM))];
        let mut disk = self.disk.lock();
        let state = &mut *disk;
        state.change().map_err(error)?;
        let node = state.nodes.get_mut(self.id).ok_or_else(power)?;
        let end = node.length().max(offset + zeros.len() as u64);
        node.set_length(end);
        drop(disk);
        self.write_all_at(&zeros, offset)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let state = &mut *self.disk.lock();
        let met = match state.change() {
            // What was set aside is there already.
            Err(Fault::Full) => Ok(()),
            other => other,
        };
        let State { nodes, dice, survives, .. } = state;
        let node = nodes.get_mut(self.id).ok_or_else(power)?;
        match met {
            Ok(()) => node.sync(),
            Err(Fault::InputOutput) => node.fail_sync(dice, *survives),
            Err(_) => {}
        }
        met.map_err(error)
    }
}
