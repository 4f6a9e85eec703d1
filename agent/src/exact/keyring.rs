//! The keys of connections: slots of a fixed size in one file, each a key under the agent's own. A slot is written
//! over in place when its key is erased, and nothing else in the file moves.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac, rand,
};
use connect_shared::ids::ConnectionId;
use zeroize::Zeroizing;

/// Bytes of a slot.
const SLOT: usize = 128;
/// State, then what a key is of, then the nonce and the wrapped key.
const ABOUT: Range<usize> = 8..48;
const NONCE: Range<usize> = 48..60;
const WRAPPED: Range<usize> = 60..108;

/// Names the use of the wrapping key.
const PURPOSE: &[u8] = b"connect.texts.key/1";

/// What a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    Free = 0,
    Live = 1,
    /// Erased, and no entry says so yet.
    Unsaid = 2,
}

/// Whose a key is, so that it is found by whoever knows the id, and says nothing to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner([u8; 16]);

/// What stands in clear in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    /// Milliseconds since 1970. Nothing older is under this key.
    pub(super) begun: u64,
    pub(super) connection: ConnectionId,
    pub(super) owner: Owner,
}

/// One key of a connection. It is wiped when it is dropped, and never printed.
pub(super) struct TextKey(LessSafeKey);

impl fmt::Debug for TextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TextKey")
    }
}

impl TextKey {
    fn new(bytes: &[u8]) -> io::Result<Self> {
        UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map(Self).map_err(io::Error::other)
    }

    /// Seals in place, under a number that this key has never had.
    pub(super) fn seal(&self, number: u64, about: &[u8], bytes: &mut Vec<u8>) -> io::Result<()> {
        let nonce = Nonce::assume_unique_for_key(nonce(number));
        self.0.seal_in_place_append_tag(nonce, Aad::from(about), bytes).map_err(io::Error::other)
    }

    /// `None`: it is not what was sealed under this key.
    pub(super) fn open(&self, number: u64, about: &[u8], mut sealed: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
        let nonce = Nonce::assume_unique_for_key(nonce(number));
        let length = self.0.open_in_place(nonce, Aad::from(about), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(Zeroizing::new(sealed))
    }
}

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// The agent's own key.
pub(super) struct Wrapping {
    key: LessSafeKey,
    owners: hmac::Key,
    origin: String,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapping")
    }
}

impl Wrapping {
    pub(super) fn new(key: &[u8; 32], origin: &str) -> Self {
        // One key for each use, of the one on the disk.
        let derived = |name: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), name);
        #[expect(clippy::expect_used, reason = "an HMAC-SHA256 has the 32 bytes of the key")]
        let wrap = UnboundKey::new(&AES_256_GCM, derived(b"wrap").as_ref()).expect("32 bytes");
        let owners = hmac::Key::new(hmac::HMAC_SHA256, derived(b"owner").as_ref());
        Self { key: LessSafeKey::new(wrap), owners, origin: origin.to_owned() }
    }

    /// Of a stable id, whichever provider has given it.
    pub(super) fn owner(&self, sub: &str) -> Owner {
        let tag = hmac::sign(&self.owners, sub.as_bytes());
        Owner(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// What else a seal of this log binds.
    pub(super) fn origin(&self) -> &[u8] {
        self.origin.as_bytes()
    }

    /// A new key, and its slot.
    fn make(&self, about: &About) -> io::Result<(TextKey, [u8; SLOT])> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        let mut nonce = [0; 12];
        rand::fill(&mut bytes).and_then(|()| rand::fill(&mut nonce)).map_err(io::Error::other)?;
        let key = TextKey::new(&bytes)?;
        let mut slot = [0; SLOT];
        slot[0] = State::Live as u8;
        about.write(&mut slot);
        slot[NONCE].copy_from_slice(&nonce);
        let bound = [PURPOSE, self.origin(), &slot[ABOUT]].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(bound), &mut *bytes).map_err(io::Error::other)?;
        slot[WRAPPED].copy_from_slice(&bytes);
        Ok((key, slot))
    }

    fn unwrap(&self, slot: &[u8; SLOT]) -> Option<TextKey> {
        let bound = [PURPOSE, self.origin(), &slot[ABOUT]].concat();
        let nonce = Nonce::try_assume_unique_for_key(&slot[NONCE]).ok()?;
        let mut bytes = Zeroizing::new(slot[WRAPPED].to_vec());
        let key = self.key.open_in_place(nonce, Aad::from(bound), &mut bytes).ok()?;
        TextKey::new(key).ok()
    }
}

impl About {
    fn write(&self, slot: &mut [u8; SLOT]) {
        slot[8..16].copy_from_slice(&self.begun.to_be_bytes());
        slot[16..32].copy_from_slice(&self.connection.to_bytes());
        slot[32..48].copy_from_slice(&self.owner.0);
    }

    fn read(slot: &[u8; SLOT]) -> Self {
        let sixteen = |from: usize| std::array::from_fn(|place| slot[from + place]);
        Self {
            begun: u64::from_be_bytes(std::array::from_fn(|place| slot[8 + place])),
            connection: ConnectionId::from_random(sixteen(16)),
            owner: Owner(sixteen(32)),
        }
    }
}

/// The file of slots.
#[derive(Debug)]
pub(super) struct Keyring {
    file: File,
    /// Slots that can be had again.
    free: Vec<u64>,
    slots: u64,
    dirty: bool,
}

impl Keyring {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        // A slot that was written half is one whose key nobody has used yet.
        let slots = file.metadata()?.len().div_ceil(SLOT as u64);
        let mut keyring = Self { file, free: Vec::new(), slots, dirty: false };
        let mut free = Vec::new();
        keyring.each(|number, state, _| {
            if state == State::Free {
                free.push(number);
            }
        })?;
        keyring.free = free;
        Ok(keyring)
    }

    /// A new key. It is on the disk after [`Keyring::sync`].
    pub(super) fn add(&mut self, wrapping: &Wrapping, about: &About) -> io::Result<TextKey> {
        let (key, slot) = wrapping.make(about)?;
        let number = self.free.pop().unwrap_or(self.slots);
        self.dirty = true;
        self.slots = self.slots.max(number + 1);
        self.file.write_all_at(&slot, number * SLOT as u64)?;
        Ok(key)
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.file.sync_data() } else { Ok(()) }
    }

    /// Overwrites keys, and waits until the disk says that it has. If we stop on the way, what is overwritten is gone
    /// and is said to be later.
    pub(super) fn erase(&mut self, gone: impl Fn(&About) -> bool) -> io::Result<u64> {
        let mut chosen = Vec::new();
        self.each(|number, state, about| {
            if state == State::Live && gone(about) {
                chosen.push(number);
            }
        })?;
        for number in &chosen {
            let mut slot = [0; SLOT];
            slot[0] = State::Unsaid as u8;
            self.file.write_all_at(&slot, number * SLOT as u64)?;
        }
        self.file.sync_data()?;
        Ok(chosen.len() as u64)
    }

    /// Slots whose erasure no entry tells yet.
    pub(super) fn unsaid(&self) -> io::Result<Vec<u64>> {
        let mut unsaid = Vec::new();
        self.each(|number, state, _| {
            if state == State::Unsaid {
                unsaid.push(number);
            }
        })?;
        Ok(unsaid)
    }

    /// An entry tells of these.
    pub(super) fn said(&mut self, slots: &[u64]) -> io::Result<()> {
        for number in slots {
            self.file.write_all_at(&[State::Free as u8], number * SLOT as u64)?;
        }
        self.free.extend(slots);
        self.dirty = true;
        self.sync()
    }

    fn each(&self, mut look: impl FnMut(u64, State, &About)) -> io::Result<()> {
        walk(&self.file, |number, slot| {
            look(number, state(slot), &About::read(slot));
            true
        })
    }
}

/// The key of a connection that begins then; `None` if it is erased.
pub(super) fn find(
    path: &Path,
    wrapping: &Wrapping,
    (connection, begun): (ConnectionId, u64),
) -> io::Result<Option<TextKey>> {
    let mut found = None;
    walk(&File::open(path)?, |_, slot| {
        let about = About::read(slot);
        let is_it = state(slot) == State::Live && (about.connection, about.begun) == (connection, begun);
        if is_it {
            found = wrapping.unwrap(slot);
        }
        !is_it
    })?;
    Ok(found)
}

fn state(slot: &[u8; SLOT]) -> State {
    match slot[0] {
        1 => State::Live,
        2 => State::Unsaid,
        _ => State::Free,
    }
}

/// Every slot, until the answer is no.
fn walk(file: &File, mut look: impl FnMut(u64, &[u8; SLOT]) -> bool) -> io::Result<()> {
    let mut reader = io::BufReader::with_capacity(512 * SLOT, FromStart { file, at: 0 });
    let mut slot = Zeroizing::new([0; SLOT]);
    for number in 0.. {
        match reader.read_exact(&mut *slot) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            other => other?,
        }
        if !look(number, &slot) {
            break;
        }
    }
    Ok(())
}

/// Reads a file from its start, whatever else is done with it.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
