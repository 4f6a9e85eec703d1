//! What a witness remembers: of each log the largest checkpoint that it has cosigned. It is durable before
//! the cosignature leaves, so that no stop of any kind makes it cosign a fork.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use connect_shared::proof::{
    checkpoint::Checkpoint,
    cosignature::CosigningKey,
    growth::{Growth, GrowthTextError},
    note::{Note, VerifierKey},
    tree::plain_hash,
};

use crate::log::{Keep, write_atomically};

/// Most pieces of evidence that are kept of one log.
const MAX_EVIDENCE: usize = 1_000;

/// A witness with its memory in a folder.
#[derive(Debug)]
pub(super) struct Book {
    key: CosigningKey,
    logs: Vec<VerifierKey>,
    folder: PathBuf,
    /// One request at a time reads what is remembered and writes it anew.
    turn: Mutex<()>,
    _lock: File,
}

/// A witness that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BookError {
    #[error("cannot use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("another witness uses the folder `{}`", .0.display())]
    Locked(PathBuf),
    #[error("the key `{}` cannot be used: {reason}", path.display())]
    Key { path: PathBuf, reason: String },
    #[error("no random numbers for a new key")]
    Random,
}

/// Why a checkpoint is not cosigned, in the words of the specification's status codes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400
    Malformed,
    /// 404: a log that this witness does not know.
    UnknownLog,
    /// 403: not signed by the log's key.
    NotSigned,
    /// 409: the asker does not know where the witness is.
    Conflict(u64),
    /// 422: the proof does not hold.
    BadProof,
    /// 500
    Memory,
}

impl Book {
    pub(super) fn open(folder: &Path, name: &str, logs: Vec<VerifierKey>) -> Result<Self, BookError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| BookError::Io { path, source }
        };
        for made in [folder.to_owned(), folder.join("logs"), folder.join("evidence")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&made).map_err(io(&made))?;
        }
        let path = folder.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(io(&path))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| BookError::Locked(folder.to_owned()))?;
        let key = key(&folder.join("witness.key"), name)?;
        Ok(Self { key, logs, folder: folder.to_owned(), turn: Mutex::new(()), _lock: lock })
    }

    pub(super) const fn key(&self) -> &CosigningKey {
        &self.key
    }

    /// `add-checkpoint`: the cosignature's line. Blocks.
    pub(super) fn add(&self, request: &str, now: u64) -> Result<String, Refusal> {
        let (first, rest) = request.split_once('\n').ok_or(Refusal::Malformed)?;
        let old = first.strip_prefix("old ").and_then(decimal).ok_or(Refusal::Malformed)?;
        let growth = Growth::parse(rest).map_err(|_| Refusal::Malformed)?;
        let origin = growth.checkpoint.lines().next().unwrap_or_default();
        // A log whose key was changed has several.
        let logs: Vec<&VerifierKey> = self.logs.iter().filter(|log| log.name() == origin).collect();
        let opened = logs.iter().map(|log| (*log, Checkpoint::open(&growth.checkpoint, log)));
        let opened = opened.max_by_key(|(_, opened)| opened.is_ok()).ok_or(Refusal::UnknownLog)?;
        let (log, new) = match opened {
            (log, Ok(new)) => (log, new),
            (_, Err(connect_shared::proof::checkpoint::CheckpointError::Line(_))) => {
                return Err(Refusal::Malformed);
            }
            (_, Err(_)) => return Err(Refusal::NotSigned),
        };
        if old > new.size {
            return Err(Refusal::Malformed);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = logs.iter().map(|log| self.known(log)).collect::<Result<Vec<_>, _>>()?;
        let known = known.into_iter().flatten().max_by_key(|(known, _)| known.size);
        let size = known.as_ref().map_or(0, |(known, _)| known.size);
        if let Some((known, signed)) = known.as_ref().filter(|(known, _)| known.size == new.size)
            && known.root != new.root
        {
            // Two trees of one size under one key: the log is forked, and here is the proof.
            self.convict(signed, &growth);
            return Err(Refusal::Conflict(size));
        }
        if old != size {
            return Err(Refusal::Conflict(size));
        }
        match growth.verify(known.as_ref().map(|(known, _)| known), log) {
            Ok(_) => {}
            Err(error) => {
                if let Some((_, signed)) =
                    known.as_ref().filter(|_| matches!(error, GrowthTextError::Changed { .. }))
                {
                    self.convict(signed, &growth);
                }
                return Err(Refusal::BadProof);
            }
        }
        if new.size > size || known.is_none() {
            // If we stop here, the asker asks again, and is told where the witness is.
            write_atomically(&self.file(log), growth.checkpoint.as_bytes(), Keep::Durable)
                .map_err(|_| Refusal::Memory)?;
        }
        let note = Note::parse(&growth.checkpoint).map_err(|_| Refusal::Malformed)?;
        Ok(self.key.cosign(note.text(), now))
    }

    /// The largest checkpoint of a log that was cosigned, and its signed text.
    fn known(&self, log: &VerifierKey) -> Result<Option<(Checkpoint, String)>, Refusal> {
        match fs::read_to_string(self.file(log)) {
            // A memory that cannot be read must not be taken for none.
            Ok(text) => match Checkpoint::open(&text, log) {
                Ok(checkpoint) => Ok(Some((checkpoint, text))),
                Err(_) => Err(Refusal::Memory),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Refusal::Memory),
        }
    }

    fn file(&self, log: &VerifierKey) -> PathBuf {
        self.folder.join("logs").join(hexadecimal(log.to_string().as_bytes()))
    }

    /// Keeps what shows that a log contradicts itself. The same once.
    fn convict(&self, known: &str, growth: &Growth) {
        tracing::error!(
            origin = growth.checkpoint.lines().next().unwrap_or_default(),
            "a log asks for a cosignature under a history that contradicts the one it had; evidence is kept"
        );
        let folder = self.folder.join("evidence");
        // Of each log by itself: one that forks without end must not push out what another one did.
        let origin = growth.checkpoint.lines().next().unwrap_or_default();
        let of_log = format!("{}-", hexadecimal(origin.as_bytes()));
        let path = folder.join(format!("{of_log}{}.txt", hexadecimal(growth.checkpoint.as_bytes())));
        let is_of_log = |file: &fs::DirEntry| file.file_name().to_string_lossy().starts_with(&of_log);
        let count = fs::read_dir(&folder)
            .map(|files| files.flatten().filter(is_of_log).count())
            .unwrap_or(MAX_EVIDENCE);
        if count < MAX_EVIDENCE && !path.exists() {
            let text = format!("cosigned before:\n{known}\nasked for now:\n{growth}");
            if let Err(error) = write_atomically(&path, text.as_bytes(), Keep::Durable) {
                tracing::error!(%error, "the evidence could not be kept");
            }
        }
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits && (text == "0" || !text.starts_with('0')))
}

fn hexadecimal(bytes: &[u8]) -> String {
    plain_hash(bytes).0.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The witness's key; made at the first start.
fn key(path: &Path, name: &str) -> Result<CosigningKey, BookError> {
    let wrong = |reason: String| BookError::Key { path: path.to_owned(), reason };
    let io = |source| BookError::Io { path: path.to_owned(), source };
    let key = match fs::read_to_string(path) {
        Ok(text) => {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).map_err(io)?.permissions());
            if mode & 0o077 != 0 {
                return Err(wrong("it is readable by others; allow its owner only (chmod 600)".to_owned()));
            }
            CosigningKey::from_text(&text).map_err(|error| wrong(error.to_string()))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            aws_lc_rs::rand::fill(&mut seed).map_err(|_| BookError::Random)?;
            let key = CosigningKey::from_seed(name, seed).map_err(|error| wrong(error.to_string()))?;
            let fresh = path.with_extension("new");
            let _left_over = fs::remove_file(&fresh);
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(io)?;
            io::Write::write_all(&mut file, format!("{}\n", key.to_text()).as_bytes()).map_err(io)?;
            file.sync_all().map_err(io)?;
            fs::rename(&fresh, path).map_err(io)?;
            File::open(path.parent().unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(io)?;
            key
        }
        Err(error) => return Err(io(error)),
    };
    if key.witness().name() == name {
        Ok(key)
    } else {
        Err(wrong(format!("it is of the witness `{}`, not of `{name}`", key.witness().name())))
    }
}
