//! The form of a record: a head that says whose it is, and what is sealed.
//!
//! ```text
//! length of the rest    u32, big-endian like all numbers
//! statement             16 bytes
//! connection            16 bytes
//! begun                 u64, with the connection the name of its key
//! number                u64, of the record under that key: its nonce
//! sealed                AES-256-GCM over: kind, salt, SHA-256 of the Bind, then the text, the Bind and its types,
//!                       each behind its length (u32; 2^32-1: there is none). The head but for the length is bound.
//! ```

use std::{
    io::{self, Read},
    mem::size_of,
};

use connect_core::machine::{ExactText, KeptText};
use connect_shared::ids::{ConnectionId, StatementId};
use zeroize::Zeroizing;

use super::keyring::{TextKey, Wrapping};

/// Bytes of a head behind its length.
pub(super) const HEAD: usize = 16 + 16 + 8 + 8;
/// Longest record: the longest text that is read, and what is bound.
pub(super) const MAX_RECORD: usize = 8 << 20;

const ABSENT: u32 = u32::MAX;
const WHOLE: u8 = 1;
const WITHHELD: u8 = 2;

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) statement: StatementId,
    pub(super) connection: ConnectionId,
    pub(super) begun: u64,
    pub(super) number: u64,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..16].copy_from_slice(&self.statement.to_bytes());
        bytes[16..32].copy_from_slice(&self.connection.to_bytes());
        bytes[32..40].copy_from_slice(&self.begun.to_be_bytes());
        bytes[40..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8; HEAD]) -> Self {
        let sixteen = |from: usize| std::array::from_fn(|place| bytes[from + place]);
        let eight = |from: usize| u64::from_be_bytes(std::array::from_fn(|place| bytes[from + place]));
        Self {
            statement: StatementId::from_random(sixteen(0)),
            connection: ConnectionId::from_random(sixteen(16)),
            begun: eight(32),
            number: eight(40),
        }
    }

    /// The next head, and how long what is sealed behind it is. `None` at the end, and where a write has ended half.
    pub(super) fn next(reader: &mut impl Read) -> io::Result<Option<(Self, usize)>> {
        let (mut length, mut head) = ([0; size_of::<u32>()], [0; HEAD]);
        if !filled(reader, &mut length)? || !filled(reader, &mut head)? {
            return Ok(None);
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let sealed = length.checked_sub(HEAD).filter(|_| length <= MAX_RECORD);
        Ok(sealed.map(|sealed| (Self::read(&head), sealed)))
    }
}

fn filled(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}

/// Appends the record of a text to `out`. Nothing of it is there in clear at any time.
pub(super) fn seal(
    (key, wrapping): (&TextKey, &Wrapping),
    head: &Head,
    text: &ExactText,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut clear = clear(text);
    let bytes = head.bytes();
    // What was clear is sealed where it stands; the room for the tag is there, so that nothing is copied.
    key.seal(head.number, &[&bytes, wrapping.origin()].concat(), &mut clear)?;
    let length = u32::try_from(HEAD + clear.len()).map_err(io::Error::other)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&bytes);
    out.extend_from_slice(&clear);
    Ok(())
}

fn clear(text: &ExactText) -> Zeroizing<Vec<u8>> {
    let (kind, parts): (u8, [Option<&[u8]>; 3]) = match &text.kept {
        KeptText::Whole { text, bind, types } => {
            (WHOLE, [Some(text.as_slice()), bind.as_ref().map(|bind| bind.as_slice()), Some(types.as_ref())])
        }
        KeptText::Withheld => (WITHHELD, [None; 3]),
    };
    let room = parts.iter().map(|part| 4 + part.map_or(0, <[u8]>::len)).sum::<usize>();
    let mut clear = Zeroizing::new(Vec::with_capacity(1 + 32 + 32 + room + 16));
    clear.push(kind);
    clear.extend_from_slice(&*text.salt);
    clear.extend_from_slice(&text.binds);
    for part in parts {
        let length = part.map_or(ABSENT, |part| u32::try_from(part.len()).unwrap_or(ABSENT));
        clear.extend_from_slice(&length.to_be_bytes());
        clear.extend_from_slice(part.unwrap_or_default());
    }
    clear
}

/// What was sealed. `None` if it is not what this key has sealed under this head.
pub(super) fn open(
    (key, wrapping): (&TextKey, &Wrapping),
    head: &Head,
    sealed: Vec<u8>,
) -> Option<ExactText> {
    let clear = key.open(head.number, &[&head.bytes(), wrapping.origin()].concat(), sealed)?;
    let mut rest = clear.as_slice();
    let kind = take::<1>(&mut rest)?;
    let (salt, binds) = (Zeroizing::new(take::<32>(&mut rest)?), take::<32>(&mut rest)?);
    let [text, bind, types] = [part(&mut rest)?, part(&mut rest)?, part(&mut rest)?];
    let owned = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
    let kept = match kind {
        [WHOLE] => KeptText::Whole {
            text: owned(text?),
            bind: bind.map(owned),
            types: types.unwrap_or_default().to_vec().into(),
        },
        [WITHHELD] => KeptText::Withheld,
        _ => return None,
    };
    Some(ExactText { statement: head.statement, salt, binds, kept })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[expect(clippy::option_option, reason = "outer: it can be read; inner: there is none")]
fn part<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = u32::from_be_bytes(take(rest)?);
    if length == ABSENT {
        return Some(None);
    }
    let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(Some(taken))
}
