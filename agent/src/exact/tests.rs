//! Texts on a real disk: sealed, found, erased, and never there in clear.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use connect_core::machine::{ExactText, KeptText};
use connect_shared::{
    entry::{Entry, PrincipalRef},
    ids::{ConnectionId, StatementId},
};
use zeroize::Zeroizing;

use super::{
    FOLDER, Found, KEY, Sealed, Texts,
    erase::{EraseError, Which, erase},
    keyring::{About, Keyring, Wrapping},
    writer::{KEYS, files},
};
use crate::{
    audit::Leaves,
    log::{Log, LogOptions, PublicFolder},
};

const ORIGIN: &str = "connect.local/test";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CANARY: &str = "zz-canary-in-a-literal";
const BOUND: &str = "zz-canary-in-a-bind";

fn statement(number: u8) -> StatementId {
    StatementId::from_random([number; 16])
}

fn connection(number: u8) -> ConnectionId {
    ConnectionId::from_random([number; 16])
}

fn text(number: u8) -> ExactText {
    ExactText {
        statement: statement(number),
        salt: Zeroizing::new([number; 32]),
        binds: [7; 32],
        kept: KeptText::Whole {
            text: Zeroizing::new(format!("select '{CANARY}' /* {number} */").into_bytes()),
            bind: Some(Zeroizing::new(BOUND.as_bytes().to_vec())),
            types: vec![0, 0].into(),
        },
    }
}

struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn keys(&self) -> PathBuf {
        self.path().join(FOLDER).join(KEYS)
    }

    fn log(&self) -> Log {
        let dir = self.path().join("log");
        Log::open(&dir, LogOptions::new(ORIGIN, &dir)).expect("it opens").0
    }

    /// Keeps a text of each of these principals, on a connection of its own, and stops.
    fn keep(&self, whose: &[&str]) {
        let log = self.log();
        let texts = Texts::start(self.path(), 30 * DAY, &log).expect("it starts");
        for (number, sub) in (1..).zip(whose) {
            let principal = PrincipalRef { sub: (*sub).to_owned(), idp: "https://id".into(), actor: None };
            texts.keeper(connection(number), &principal).keep(text(number));
        }
        texts.flush();
        assert_eq!(texts.lost(), 0);
        drop(texts);
        // Time is that of the log.
        log.append(Entry::Heartbeat).expect("taken");
        log.shutdown().expect("in order");
    }

    fn find(&self, number: u8) -> Result<Found, super::ExactError> {
        let log = self.log();
        let texts = Texts::start(self.path(), 30 * DAY, &log).expect("it starts");
        let time = u64::try_from(crate::serve::wall_clock().as_millis()).expect("a time");
        texts.find(&Sealed { statement: statement(number), connection: connection(number), time })
    }

    /// Everything that is on the disk.
    fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("a name").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    all.extend(fs::read(path).expect("a file"));
                }
            }
        }
        all
    }

    fn has(&self, wanted: &[u8]) -> bool {
        self.bytes().windows(wanted.len()).any(|window| window == wanted)
    }

    fn entries(&self) -> Vec<Entry> {
        let log = self.log();
        let size = log.publish_now_blocking().expect("signed").size;
        let mut leaves = Leaves::new(PublicFolder::new(log.public_dir()), size);
        (0..size).map(|index| leaves.get(index).expect("an entry").leaf.entry).collect()
    }

    fn erased(&self) -> Vec<(String, u64)> {
        let of = |entry| match entry {
            Entry::TextsErased { cause, keys, .. } => Some((cause, keys)),
            _ => None,
        };
        self.entries().into_iter().filter_map(of).collect()
    }
}

#[test]
fn what_is_kept_is_found_again_as_it_was() {
    let state = State::new();
    state.keep(&["li", "bo"]);
    let Found::Text(found) = state.find(2).expect("read") else { panic!("it is there") };
    assert_eq!((found.statement, *found.salt, found.binds), (statement(2), [2; 32], [7; 32]));
    let KeptText::Whole { text, bind, types } = &found.kept else { panic!("all of it") };
    assert_eq!(text.as_slice(), format!("select '{CANARY}' /* 2 */").as_bytes());
    assert_eq!(
        (bind.as_ref().map(|bind| bind.as_slice()), types.as_ref()),
        (Some(BOUND.as_bytes()), &[0, 0][..])
    );
    assert!(matches!(state.find(3).expect("read"), Found::Nothing));
}

#[test]
fn nothing_is_on_the_disk_in_clear_and_what_is_erased_nobody_reads_any_more() {
    let state = State::new();
    state.keep(&["li", "bo", "li"]);
    assert!(state.has(b"connect.local/test"), "the search finds what is there");
    for canary in [CANARY, BOUND, "https://id"] {
        assert!(!state.has(canary.as_bytes()), "{canary}");
    }
    // The keys as they are wrapped, of the first two connections.
    let slots = fs::read(state.keys()).expect("slots");
    let (li, bo) = (slots[60..108].to_vec(), slots[128 + 60..128 + 108].to_vec());
    assert!(state.has(&li) && state.has(&bo));
    let which = Which { principal: Some("li".into()), ..Which::default() };
    assert_eq!(erase(state.path(), ORIGIN, &which).expect("erased"), 2);
    assert!(!state.has(&li), "the wrapped key is nowhere");
    assert!(state.has(&bo));
    assert!(matches!(state.find(1).expect("read"), Found::Erased));
    assert!(matches!(state.find(2).expect("read"), Found::Text(_)));
    assert!(matches!(state.find(3).expect("read"), Found::Erased));
    assert_eq!(state.erased(), [("principal".to_owned(), 2)]);
    assert_eq!(erase(state.path(), ORIGIN, &which).expect("nothing is left"), 0);
    assert_eq!(state.erased().len(), 1, "what did not happen is no entry");
}

#[test]
fn texts_are_erased_by_connection_and_by_date_and_what_both_say_must_hold() {
    let state = State::new();
    state.keep(&["li", "bo", "ana"]);
    let count = |which: Which| erase(state.path(), ORIGIN, &which).expect("erased");
    let of_two = Which { connection: Some(connection(2)), ..Which::default() };
    assert_eq!(count(Which { before: Some(1), ..of_two.clone() }), 0);
    assert_eq!(count(of_two), 1);
    assert_eq!(count(Which { before: Some(u64::MAX), ..Which::default() }), 2);
    assert_eq!(state.erased(), [("connection".to_owned(), 1), ("before".to_owned(), 2)]);
}

#[test]
fn nothing_is_erased_while_an_agent_has_the_log_open_or_where_there_is_nothing() {
    let state = State::new();
    let all = Which { before: Some(u64::MAX), ..Which::default() };
    assert!(matches!(erase(state.path(), ORIGIN, &all), Err(EraseError::Nothing(_))));
    state.keep(&["li"]);
    let log = state.log();
    assert!(matches!(erase(state.path(), ORIGIN, &all), Err(EraseError::Log(_))));
    drop(log);
    assert!(matches!(state.find(1).expect("read"), Found::Text(_)));
}

#[test]
fn an_erasure_that_nothing_says_is_said_at_the_next_start() {
    let state = State::new();
    state.keep(&["li", "bo"]);
    // As if power was lost behind it.
    assert_eq!(Keyring::open(&state.keys()).expect("slots").erase(|_| true).expect("erased"), 2);
    assert_eq!(state.erased(), []);
    assert!(matches!(state.find(1).expect("read"), Found::Erased));
    assert_eq!(state.erased(), [("age".to_owned(), 2)]);
    assert!(matches!(state.find(2).expect("read"), Found::Erased));
    assert_eq!(state.erased().len(), 1, "once");
}

#[test]
fn texts_that_are_old_enough_go_with_their_keys_and_files() {
    let state = State::new();
    state.keep(&["li"]);
    let key = fs::read(state.path().join(KEY)).expect("a key");
    let wrapping = Wrapping::new(&key.try_into().expect("32 bytes"), ORIGIN);
    let mut keyring = Keyring::open(&state.keys()).expect("slots");
    let about = About { begun: 5, connection: connection(9), owner: wrapping.owner("bo") };
    keyring.add(&wrapping, &about).expect("added");
    keyring.sync().expect("synced");
    let old = state.path().join(FOLDER).join("00000000000000000005.sealed");
    fs::write(&old, b"sealed once").expect("written");
    assert!(matches!(state.find(1).expect("read"), Found::Text(_)));
    assert_eq!(state.erased(), [("age".to_owned(), 1)]);
    assert!(!old.exists());
}

#[test]
fn a_text_that_was_changed_or_put_under_another_statement_is_not_shown() {
    for place in [4 + 3, 4 + 48 + 9] {
        let state = State::new();
        state.keep(&["li"]);
        let (_, path) = files(&state.path().join(FOLDER)).expect("files").remove(0);
        let file = File::options().read(true).write(true).open(path).expect("a file");
        let mut byte = [0];
        file.read_at(&mut byte, place).expect("read");
        file.write_at(&[byte[0] ^ 1], place).expect("written");
        assert!(!matches!(state.find(1), Ok(Found::Text(_))), "byte {place}");
        if place == 7 {
            let mut id = [1; 16];
            id[3] ^= 1;
            let log = state.log();
            let texts = Texts::start(state.path(), 30 * DAY, &log).expect("it starts");
            let time = u64::try_from(crate::serve::wall_clock().as_millis()).expect("a time");
            let other = Sealed { statement: StatementId::from_random(id), connection: connection(1), time };
            assert!(texts.find(&other).is_err(), "it is bound to its statement");
        }
    }
}

#[test]
fn what_is_torn_at_the_end_of_a_file_is_its_end() {
    let state = State::new();
    state.keep(&["li", "bo"]);
    let (_, path) = files(&state.path().join(FOLDER)).expect("files").remove(0);
    let bytes = fs::read(&path).expect("a file");
    for cut in [1, 20, bytes.len() / 2 - 2] {
        fs::write(&path, &bytes[..bytes.len() - cut]).expect("written");
        assert!(matches!(state.find(1).expect("read"), Found::Text(_)), "{cut}");
        assert!(matches!(state.find(2).expect("read"), Found::Nothing), "{cut}");
    }
}

#[test]
fn what_cannot_be_written_is_counted_and_said() {
    let state = State::new();
    let log = state.log();
    let texts = Texts::start(state.path(), 30 * DAY, &log).expect("it starts");
    let principal = PrincipalRef { sub: "li".into(), idp: "https://id".into(), actor: None };
    let keeper = texts.keeper(connection(1), &principal);
    fs::remove_dir_all(state.path().join(FOLDER)).expect("the disk is gone");
    keeper.keep(text(1));
    texts.flush();
    keeper.keep(text(2));
    texts.flush();
    assert_eq!(texts.lost(), 2);
    drop((keeper, texts));
    log.shutdown().expect("in order");
    drop(log);
    let lost: Vec<_> = state
        .entries()
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::TextsLost { statements, code } => Some((statements, code)),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [(2, "disk".to_owned())]);
}
