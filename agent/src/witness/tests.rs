//! A witness and logs that are honest, forked, put back, or not logs at all.

use connect_shared::proof::{
    checkpoint::Checkpoint,
    growth::Growth,
    note::{Note, SigningKey},
    tree::{Hash, HashSource, consistency_proof, leaf_hash, node_hash, root},
};
use tempfile::TempDir;

use super::book::{Book, Refusal};

const ORIGIN: &str = "connect.local/test";

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [3; 32]).expect("a good name")
}

/// A tree in memory: leaf `n` is made of the history's number from entry `fork` on.
#[derive(Clone, Copy)]
struct Tree {
    history: u64,
    fork: u64,
}

impl HashSource for Tree {
    type Error = ();

    fn subtree(&mut self, level: u32, index: u64) -> Result<Hash, ()> {
        if level == 0 {
            let history = if index < self.fork { 0 } else { self.history };
            return Ok(leaf_hash(format!("{history} {index}").as_bytes()));
        }
        Ok(node_hash(&self.subtree(level - 1, index * 2)?, &self.subtree(level - 1, index * 2 + 1)?))
    }
}

const TRUE: Tree = Tree { history: 0, fork: 0 };

fn request(mut tree: Tree, old: u64, size: u64, key: &SigningKey) -> String {
    let root = root(size, &mut tree).expect("in memory");
    let checkpoint = Checkpoint { origin: key.verifier().name().to_owned(), size, root }.sign(key);
    let proof =
        if old <= size { consistency_proof(old, size, &mut tree).expect("in memory") } else { Vec::new() };
    format!("old {old}\n{}", Growth { proof, checkpoint })
}

fn open(folder: &TempDir) -> Book {
    Book::open(folder.path(), "witness.test/one", vec![key().verifier().clone()]).expect("it opens")
}

fn evidence(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("evidence")).expect("a folder").count()
}

#[test]
fn a_log_that_grows_is_cosigned_again_and_again_also_after_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let mut old = 0;
    for size in [0, 1, 7, 7, 8, 300] {
        let book = open(&folder);
        let request = request(TRUE, old, size, &key());
        let line = book.add(&request, 1_000 + size).expect("cosigned");
        let checkpoint = request.split_once("\n\n").expect("a checkpoint").1;
        let note = Note::parse(&format!("{checkpoint}{line}\n")).expect("a note");
        assert_eq!(book.key().witness().cosigned_at(&note), Some(1_000 + size));
        old = size;
    }
    assert_eq!(evidence(&folder), 0);
}

#[test]
fn whoever_does_not_know_where_the_witness_stands_is_told() {
    let folder = TempDir::new().expect("a folder");
    let book = open(&folder);
    book.add(&request(TRUE, 0, 9, &key()), 1).expect("cosigned");
    assert_eq!(book.add(&request(TRUE, 0, 12, &key()), 1), Err(Refusal::Conflict(9)));
    assert_eq!(book.add(&request(TRUE, 5, 12, &key()), 1), Err(Refusal::Conflict(9)));
    // A log that was put back to an older state is not cosigned either.
    assert_eq!(book.add(&request(TRUE, 0, 5, &key()), 1), Err(Refusal::Conflict(9)));
    assert!(book.add(&request(TRUE, 9, 12, &key()), 1).is_ok());
}

#[test]
fn a_fork_is_refused_and_kept_as_evidence_once() {
    let folder = TempDir::new().expect("a folder");
    let book = open(&folder);
    book.add(&request(TRUE, 0, 9, &key()), 1).expect("cosigned");
    let forked = Tree { history: 1, fork: 4 };
    for _ in 0..3 {
        assert_eq!(book.add(&request(forked, 9, 12, &key()), 1), Err(Refusal::BadProof));
        assert_eq!(book.add(&request(forked, 9, 9, &key()), 1), Err(Refusal::Conflict(9)));
    }
    assert_eq!(evidence(&folder), 2);
    let texts = std::fs::read_dir(folder.path().join("evidence")).expect("a folder").flatten();
    for text in texts.map(|file| std::fs::read_to_string(file.path()).expect("text")) {
        let mut checkpoints = text.split(ORIGIN).skip(1);
        assert!(checkpoints.next().is_some_and(|first| first.starts_with("\n9\n")), "{text}");
    }
    book.add(&request(TRUE, 9, 12, &key()), 1).expect("the true one goes on");
}

#[test]
fn what_is_no_request_of_a_known_log_is_refused_by_what_is_wrong_with_it() {
    let folder = TempDir::new().expect("a folder");
    let book = open(&folder);
    let stranger = SigningKey::from_seed("another.log", [3; 32]).expect("a good name");
    let forger = SigningKey::from_seed(ORIGIN, [4; 32]).expect("a good name");
    assert_eq!(book.add(&request(TRUE, 0, 3, &stranger), 1), Err(Refusal::UnknownLog));
    assert_eq!(book.add(&request(TRUE, 0, 3, &forger), 1), Err(Refusal::NotSigned));
    assert_eq!(book.add(&request(TRUE, 5, 3, &key()), 1), Err(Refusal::Malformed));
    for text in ["", "old 0", "old x\n\nnote", "old 00\n\nnote", "old -1\n\nnote", "new 0\n\nnote"] {
        assert_eq!(book.add(text, 1), Err(Refusal::Malformed), "{text:?}");
    }
    let changed = request(TRUE, 0, 3, &key()).replacen("\n3\n", "\n4\n", 1);
    assert_eq!(book.add(&changed, 1), Err(Refusal::NotSigned));
}

#[test]
fn a_memory_that_was_damaged_is_not_taken_for_none() {
    let folder = TempDir::new().expect("a folder");
    open(&folder).add(&request(TRUE, 0, 9, &key()), 1).expect("cosigned");
    let file = std::fs::read_dir(folder.path().join("logs")).expect("a folder").flatten().next();
    std::fs::write(file.expect("a file").path(), "damaged").expect("written");
    assert_eq!(open(&folder).add(&request(TRUE, 0, 3, &key()), 1), Err(Refusal::Memory));
}

#[test]
fn two_witnesses_cannot_share_a_folder_and_a_key_keeps_its_name_and_is_private() {
    let folder = TempDir::new().expect("a folder");
    let first = open(&folder);
    assert!(Book::open(folder.path(), "witness.test/one", Vec::new()).is_err());
    drop(first);
    assert!(Book::open(folder.path(), "witness.test/two", Vec::new()).is_err());
    let path = folder.path().join("witness.key");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("opened");
    assert!(Book::open(folder.path(), "witness.test/one", Vec::new()).is_err());
}
