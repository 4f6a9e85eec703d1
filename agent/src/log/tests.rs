//! Tests of the whole log on a real folder. What a crash leaves behind is made by copying the folder of a
//! log that is running.

mod batch;
mod crash;
mod failure;
mod life;
mod power;
mod pruning;
mod recovery;
mod rotation;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use connect_core::record::Seq;
use connect_shared::{
    decision::{Decision, Outcome},
    entry::{Denial, Entry, Intent, OutcomeEntry, PrincipalRef, StatementResult, TextRef},
    ids::{ConnectionId, GrantId, SessionId, StatementId},
    proof::{
        checkpoint::Checkpoint,
        note::VerifierKey,
        receipt::Receipt,
        verify::{Report, Verification, check_growth},
    },
};
use tempfile::TempDir;

use super::{handle::block_on, *};

const ORIGIN: &str = "connect.local/demo";
/// Longer than any test: checkpoints are signed only where a test asks for one.
const NEVER: Duration = Duration::from_secs(3600);

/// A folder for a log, and one for its key.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn options(&self) -> LogOptions {
        let mut options = LogOptions::new(ORIGIN, self.keys());
        options.checkpoint_every = NEVER;
        options.checkpoint_entries = u64::MAX;
        options.heartbeat_every = NEVER;
        options
    }

    fn open(&self) -> (Log, Recovery) {
        Log::open(&self.dir(), self.options()).expect("it opens")
    }

    fn refused(&self) -> OpenError {
        match Log::open(&self.dir(), self.options()) {
            Ok(_) => panic!("the log was opened"),
            Err(error) => error,
        }
    }

    fn segments(&self) -> Vec<PathBuf> {
        let found = frame::segments(&self.dir().join("segments")).expect("segments");
        found.into_iter().map(|(_, path)| path).collect()
    }

    fn last_segment(&self) -> PathBuf {
        self.segments().pop().expect("a segment")
    }

    /// What was written of the last segment, without the room behind it.
    fn last_written(&self) -> Vec<u8> {
        let mut bytes = fs::read(self.last_segment()).expect("a segment");
        cut_room(&mut bytes);
        bytes
    }

    /// What a kill at this moment would leave: what was signed is copied before what it was signed over.
    fn crash(&self) -> Self {
        let copy = Self::new();
        use std::os::unix::fs::PermissionsExt as _;
        copy_folder(&self.keys(), &copy.keys());
        let key = copy.keys().join("log.key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).expect("a private key");
        copy_folder(&self.dir().join("public"), &copy.dir().join("public"));
        // A kill is one moment. A copy takes longer: one during which a segment was begun is none that a
        // kill could leave.
        loop {
            let before = self.segments();
            let to = copy.dir().join("segments");
            let _none_yet = fs::remove_dir_all(&to);
            copy_folder(&self.dir().join("segments"), &to);
            if self.segments() == before {
                return copy;
            }
        }
    }

    fn public(&self) -> PublicFolder {
        PublicFolder::new(self.dir().join("public"))
    }
}

/// An entry ends with a brace: zeros behind it are room.
fn cut_room(segment: &mut Vec<u8>) {
    segment.truncate(segment.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
}

/// Copies what is there; files that vanish meanwhile were temporary.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let Ok(files) = fs::read_dir(from) else { return };
    for file in files.flatten() {
        let (path, to) = (file.path(), to.join(file.file_name()));
        if path.is_dir() {
            copy_folder(&path, &to);
        } else if let Some(bytes) = at_one_moment(&path) {
            fs::write(&to, bytes).expect("a copy");
        }
    }
}

/// A file as it was at some moment. A reader that goes along while somebody writes may see a later write
/// and not an earlier one, which nothing that a kill leaves does: what is read twice alike was there.
fn at_one_moment(path: &Path) -> Option<Vec<u8>> {
    let written = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let read = |limit: usize| {
        let mut bytes = Vec::new();
        fs::File::open(path).ok()?.take(limit as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    };
    loop {
        let all = read(usize::MAX)?;
        // The room behind takes long to read, and is zeros.
        let limit = written(&all) + 64 * 1024;
        let (first, second) = (read(limit)?, read(limit)?);
        if first == second {
            let length = fs::metadata(path).ok()?.len();
            let mut bytes = first;
            bytes.resize(usize::try_from(length).expect("small").max(bytes.len()), 0);
            return Some(bytes);
        }
    }
}

fn statement(number: u64) -> StatementId {
    StatementId::from_random(u128::from(number).to_be_bytes())
}

fn connection(number: u8) -> ConnectionId {
    ConnectionId::from_random([number; 16])
}

fn alice() -> PrincipalRef {
    PrincipalRef { sub: "alice".into(), idp: "idp".into(), actor: None }
}

fn decision(outcome: Outcome) -> Decision {
    Decision { outcome, reasons: Vec::new(), shadow: Vec::new(), policy_digest: "00".into() }
}

fn intent(number: u64) -> Entry {
    Entry::Intent(Box::new(Intent {
        statement: statement(number),
        session: SessionId::from_random([1; 16]),
        connection: connection(2),
        principal: alice(),
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".into(),
        verb: "select".into(),
        text: TextRef::Fingerprint("f00d".into()),
        commitment: "00".into(),
        read_only: true,
        reads: vec!["public.customers".into()],
        writes: Vec::new(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        lineage: None,
        decision: decision(Outcome::Permit(Vec::new())),
    }))
}

fn outcome(number: u64) -> Entry {
    Entry::Outcome(Box::new(OutcomeEntry {
        statement: statement(number),
        result: StatementResult::Done,
        rows: number,
        bytes: 1,
        masked: Vec::new(),
        content: None,
        micros: 1,
    }))
}

fn denial(number: u64) -> Entry {
    Entry::Denial(Box::new(Denial {
        statement: statement(number),
        session: SessionId::from_random([1; 16]),
        connection: connection(4),
        principal: alice(),
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".into(),
        verb: "drop table".into(),
        text: TextRef::Length(9),
        commitment: "00".into(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        decision: decision(Outcome::Deny),
    }))
}

/// Appends, and waits until all of it is durable.
fn append_all(log: &Log, entries: impl IntoIterator<Item = Entry>) -> Seq {
    let last = entries.into_iter().map(|entry| log.append(entry).expect("it is open")).last().expect("some");
    block_on(log.wait_durable(last)).expect("durable");
    last
}

fn run_statements(log: &Log, numbers: std::ops::Range<u64>) -> Seq {
    append_all(log, numbers.flat_map(|number| [intent(number), outcome(number)]))
}

/// What a stranger finds in the public folder.
fn verify(place: &Place, log: &Log) -> Report {
    let key: VerifierKey = log.verifier_key().parse().expect("a key");
    Verification::new(key).run(&place.public(), &mut |_| {}).expect("it can be checked")
}

fn checkpoint(log: &Log) -> Checkpoint {
    Checkpoint::open(&log.checkpoint_text(), &log.verifier_key().parse().expect("a key"))
        .expect("a checkpoint")
}

fn receipt(log: &Log, index: u64) -> String {
    try_receipt(log, index).expect("a receipt")
}

fn try_receipt(log: &Log, index: u64) -> Result<String, ReceiptUnavailable> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(log.receipt(index))
}
