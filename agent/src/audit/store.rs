//! The tables. Everything in them is in the log; what they were made from is kept with them (how many
//! entries, under which root), so that an index of another log, or of another history, is never used.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use connect_shared::{
    entry::{Entry, Leaf, OutcomeEntry, PrincipalRef},
    ids::{SessionId, StatementId},
    proof::{
        checkpoint::Checkpoint,
        tile::{TileError, TileHashes},
        tree,
    },
};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, params};

use super::{
    IndexError,
    facts::{Facts, decision_code},
};
use crate::{lineage, log::PublicFolder};

/// Of the tables below. Another version is made anew.
const VERSION: i64 = 10;

/// `entry.kind` is an index of [`Entry::KINDS`]; ids are their 16 bytes.
const TABLES: &str = "
CREATE TABLE entry (
  idx INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL,
  sub TEXT, idp TEXT, actor TEXT, resource TEXT,
  session BLOB, statement BLOB, decision INTEGER, end_idx INTEGER
) STRICT;
CREATE INDEX entry_by_sub ON entry (sub, idx);
CREATE INDEX entry_by_resource ON entry (resource, idx);
CREATE INDEX entry_by_time ON entry (time);
CREATE INDEX entry_by_kind ON entry (kind, idx);
CREATE INDEX entry_by_statement ON entry (statement) WHERE statement IS NOT NULL;
CREATE INDEX entry_by_session ON entry (session, idx);
CREATE TABLE object (
  what INTEGER NOT NULL, name TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (what, name, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE used (fingerprint TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (fingerprint, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_by_entry ON used (idx);
CREATE TABLE text (fingerprint TEXT PRIMARY KEY, sql TEXT NOT NULL) STRICT;
CREATE TABLE name (sub TEXT NOT NULL, idp TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (sub, idp)
) STRICT, WITHOUT ROWID;
CREATE INDEX name_by_name ON name (name);
CREATE TABLE session (
  session BLOB PRIMARY KEY, sub TEXT NOT NULL, idp TEXT NOT NULL, actor TEXT, resource TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE made_from (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT, size INTEGER, root TEXT,
  first INTEGER NOT NULL) STRICT;
";

/// The index, open for writing.
pub(super) struct Store {
    path: PathBuf,
    connection: Connection,
    known: lineage::Known,
    /// Something was taken behind the last checkpoint that is kept.
    unfinished: bool,
}

impl Store {
    /// Opens the index of the log, or makes an empty one where there is none that fits.
    pub(super) fn open(path: &Path, origin: &str, public: &PublicFolder) -> Result<Self, IndexError> {
        match Self::existing(path) {
            Ok(Some(store)) if store.fits(origin, public)? => return Ok(store),
            Ok(None) => {}
            Err(source) if is_passing(&source) => {
                return Err(IndexError::Sqlite { path: path.to_owned(), source });
            }
            Ok(Some(_)) | Err(_) => {
                tracing::warn!(path = %path.display(), "the search index does not fit the log and is made anew");
            }
        }
        Self::create(path, origin, public)
    }

    fn existing(path: &Path) -> Result<Option<Self>, rusqlite::Error> {
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let mut store = Self::new(path, connection);
        store.settle()?;
        if version != VERSION {
            return Ok(None);
        }
        store.unfinished = true;
        store.forget_unfinished()?;
        Ok(Some(store))
    }

    fn new(path: &Path, connection: Connection) -> Self {
        Self { path: path.to_owned(), connection, known: lineage::Known::default(), unfinished: false }
    }

    /// What was taken behind the last checkpoint that was kept: it may be of a history that is no more.
    fn forget_unfinished(&mut self) -> Result<(), rusqlite::Error> {
        if !self.unfinished {
            return Ok(());
        }
        self.known = lineage::Known::default();
        self.connection.execute_batch(&format!(
            "BEGIN; {}
             DELETE FROM entry WHERE idx >= (SELECT size FROM made_from);
             DELETE FROM object WHERE idx >= (SELECT size FROM made_from);
             DELETE FROM used WHERE idx >= (SELECT size FROM made_from);
             UPDATE entry SET end_idx = NULL WHERE end_idx >= (SELECT size FROM made_from);
             COMMIT;",
            lineage::FORGET.concat()
        ))?;
        self.unfinished = false;
        Ok(())
    }

    /// Behind an error: what was taken since the last checkpoint that is kept will be taken again.
    ///
    /// # Errors
    /// It can be used no more.
    pub(super) fn go_back(&mut self) -> Result<(), IndexError> {
        self.forget_unfinished().map_err(|source| self.error(source))
    }

    /// Makes an empty index in place of whatever is there.
    pub(super) fn create(path: &Path, origin: &str, public: &PublicFolder) -> Result<Self, IndexError> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(IndexError::Io { path: path.to_owned(), source: error });
                }
                _ => {}
            }
        }
        let made = || -> Result<Connection, rusqlite::Error> {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.execute_batch(&format!(
                "BEGIN; {TABLES} {} PRAGMA user_version = {VERSION}; COMMIT;",
                lineage::TABLES.concat()
            ))?;
            // What was pruned is in no index.
            let first = public.pruned_upto();
            connection.execute("INSERT INTO made_from VALUES (1, ?1, ?2, '', ?2)", params![origin, first])?;
            Ok(connection)
        };
        let sqlite = |source| IndexError::Sqlite { path: path.to_owned(), source };
        let store = Self::new(path, made().map_err(sqlite)?);
        store.settle().map_err(sqlite)?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(path, private)
            .map_err(|source| IndexError::Io { path: path.to_owned(), source })?;
        Ok(store)
    }

    fn settle(&self) -> Result<(), rusqlite::Error> {
        self.connection.set_prepared_statement_cache_capacity(64);
        // What a loss of power takes from the end is taken from the log again.
        self.connection.pragma_update(None, "synchronous", "normal")?;
        self.connection.pragma_update(None, "cache_size", -16_384)?;
        // Pages that many entries change go to the file once.
        self.connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        // What a statement would take back, should it fail, is not worth a file.
        self.connection.pragma_update(None, "temp_store", "memory")?;
        self.connection.busy_timeout(std::time::Duration::from_secs(5))
    }

    /// Whether it was made from the log that is there.
    fn fits(&self, origin: &str, public: &PublicFolder) -> Result<bool, IndexError> {
        let made_from =
            self.connection.query_row("SELECT origin, size, root, first FROM made_from", [], |row| {
                Ok((
                    (row.get::<_, String>(0)?, row.get::<_, u64>(3)?),
                    row.get::<_, u64>(1)?,
                    row.get::<_, String>(2)?,
                ))
            });
        let ((made_for, first), size, root) = match made_from {
            Ok(made_from) => made_from,
            Err(source) if is_passing(&source) => return Err(self.error(source)),
            Err(_) => return Ok(false),
        };
        if made_for != origin || first != public.pruned_upto() {
            return Ok(false);
        }
        if size == first {
            return Ok(true);
        }
        // A root that cannot be computed any more is of a log that was longer.
        match tree::root(size, &mut TileHashes::new(public, size)) {
            Ok(found) => Ok(found.to_string() == root),
            Err(TileError::Read { .. }) => Err(IndexError::Leaf(size)),
            Err(_) => Ok(false),
        }
    }

    /// How many entries it was made from.
    pub(super) fn size(&self) -> Result<u64, IndexError> {
        let size = self.connection.query_row("SELECT size FROM made_from", [], |row| row.get(0));
        size.map_err(|source| self.error(source))
    }

    /// Takes the entries from `first` on. With `upto` they are complete up to that checkpoint.
    pub(super) fn take(
        &mut self,
        leaves: &[(u64, Leaf)],
        size: u64,
        upto: Option<&Checkpoint>,
    ) -> Result<(), IndexError> {
        let path = self.path.clone();
        let pairs = Pairs::of(leaves);
        let mut take = || -> Result<(), rusqlite::Error> {
            let transaction = self.connection.transaction()?;
            for (index, leaf) in leaves.iter().filter(|(_, leaf)| !pairs.has_begin_of(leaf)) {
                put(&transaction, (*index, leaf), pairs.end_of(leaf), &mut self.known)?;
            }
            // Between two checkpoints there is no root to keep: what was taken so far is taken again
            // after a stop, which changes nothing.
            if let Some(checkpoint) = upto {
                transaction.execute(
                    "UPDATE made_from SET size = ?1, root = ?2",
                    params![size, checkpoint.root.to_string()],
                )?;
            }
            transaction.commit()
        };
        let taken = take();
        match (&taken, upto) {
            (Err(_), _) => self.known = lineage::Known::default(),
            (Ok(()), upto) => self.unfinished = upto.is_none(),
        }
        taken.map_err(|source| IndexError::Sqlite { path, source })
    }

    fn error(&self, source: rusqlite::Error) -> IndexError {
        IndexError::Sqlite { path: self.path.clone(), source }
    }
}

/// A second way in, for questions: it changes nothing.
pub(crate) fn reader(path: &Path) -> Result<Connection, IndexError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(connection)
    });
    open.map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })
}

/// Whether an error says nothing of the index: the system had no room, no memory or no descriptor, or another
/// program had the file.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
        )
    )
}

/// Whether an index is beyond use, so that it must be made anew.
pub(super) fn is_broken(error: &IndexError) -> bool {
    let IndexError::Sqlite { source: rusqlite::Error::SqliteFailure(failure, _), .. } = error else {
        return false;
    };
    matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
}

/// Statements that begin and end in the same batch: nearly all do, and have one row that is written once.
struct Pairs<'a> {
    ends: HashMap<StatementId, (u64, &'a OutcomeEntry)>,
    begins: HashSet<StatementId>,
}

impl<'a> Pairs<'a> {
    fn of(leaves: &'a [(u64, Leaf)]) -> Self {
        let mut pairs = Self { ends: HashMap::new(), begins: HashSet::new() };
        for (index, leaf) in leaves {
            match &leaf.entry {
                Entry::Intent(intent) => {
                    pairs.begins.insert(intent.statement);
                }
                Entry::Outcome(outcome) => {
                    pairs.ends.insert(outcome.statement, (*index, outcome));
                }
                _ => {}
            }
        }
        pairs
    }

    /// How and where the statement ended that begins here.
    fn end_of(&self, leaf: &Leaf) -> Option<(u64, &'a OutcomeEntry)> {
        let Entry::Intent(intent) = &leaf.entry else { return None };
        self.ends.get(&intent.statement).copied()
    }

    /// Whether this is the end of a statement that begins in the batch: it is written with the beginning.
    fn has_begin_of(&self, leaf: &Leaf) -> bool {
        matches!(&leaf.entry, Entry::Outcome(outcome) if self.begins.contains(&outcome.statement))
    }
}

/// Takes one entry, with how its statement ended if the same batch says it. To take it again changes nothing.
///
/// What most entries need is written so that SQLite keeps no pages by, with which it could take back one statement
/// of several rows (`OR FAIL`, no `OR REPLACE`): an error takes back all of the transaction.
fn put(
    to: &Transaction<'_>,
    (index, leaf): (u64, &Leaf),
    end: Option<(u64, &OutcomeEntry)>,
    known: &mut lineage::Known,
) -> Result<(), rusqlite::Error> {
    lineage::put(to, index, leaf, end.map(|(_, outcome)| outcome), known)?;
    match &leaf.entry {
        Entry::Heartbeat => return Ok(()),
        Entry::StatementText { fingerprint, sql } => {
            to.prepare_cached("INSERT OR REPLACE INTO text VALUES (?1, ?2)")?.execute([fingerprint, sql])?;
            return Ok(());
        }
        Entry::Outcome(outcome) => {
            let id = outcome.statement.to_bytes();
            let mut ended =
                to.prepare_cached("UPDATE OR FAIL entry SET end_idx = ?1 WHERE statement = ?2")?;
            if ended.execute(params![index, id.as_slice()])? > 0 {
                return Ok(());
            }
        }
        _ => {}
    }
    put_row(to, (index, leaf), end.map(|(index, _)| index), &Facts::of(leaf))
}

fn put_row(
    to: &Transaction<'_>,
    (index, leaf): (u64, &Leaf),
    end: Option<u64>,
    facts: &Facts<'_>,
) -> Result<(), rusqlite::Error> {
    let session = facts.session.map(SessionId::to_bytes);
    let known = match (facts.principal, &session) {
        (None, Some(session)) => whose(to, session)?,
        _ => None,
    };
    let principal = facts.principal.or(known.as_ref().map(|(principal, _)| principal));
    let resource = facts.resource.or(known.as_ref().map(|(_, resource)| resource.as_str()));
    let statement = facts.statement.map(StatementId::to_bytes);
    to.prepare_cached(
        "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (idx) DO NOTHING",
    )?
    .execute(params![
        index,
        i64::try_from(leaf.time).unwrap_or(i64::MAX),
        leaf.entry.kind(),
        principal.map(|principal| &principal.sub),
        principal.map(|principal| &principal.idp),
        principal.and_then(|principal| principal.actor.as_ref()),
        resource,
        session.as_ref().map(<[u8; 16]>::as_slice),
        statement.as_ref().map(<[u8; 16]>::as_slice),
        facts.decision.map(decision_code),
        end,
    ])?;
    for (what, name) in &facts.objects {
        to.prepare_cached("INSERT OR IGNORE INTO object VALUES (?1, ?2, ?3)")?.execute(params![
            what.code(),
            name,
            index
        ])?;
    }
    for fingerprint in &facts.fingerprints {
        to.prepare_cached("INSERT OR IGNORE INTO used VALUES (?1, ?2)")?
            .execute(params![fingerprint, index])?;
    }
    if let (Some(principal), Some(name)) = (facts.principal, facts.name) {
        to.prepare_cached("INSERT OR REPLACE INTO name VALUES (?1, ?2, ?3)")?.execute([
            &principal.sub,
            &principal.idp,
            name,
        ])?;
    }
    if let Entry::SessionOpened { session, principal, resource, .. } = &leaf.entry {
        to.prepare_cached("INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            session.to_bytes().as_slice(),
            principal.sub,
            principal.idp,
            principal.actor,
            resource
        ])?;
    }
    Ok(())
}

/// Entries of a session name it alone.
fn whose(
    to: &Transaction<'_>,
    session: &[u8; 16],
) -> Result<Option<(PrincipalRef, String)>, rusqlite::Error> {
    to.prepare_cached("SELECT sub, idp, actor, resource FROM session WHERE session = ?1")?
        .query_row([session.as_slice()], |row| {
            Ok((PrincipalRef { sub: row.get(0)?, idp: row.get(1)?, actor: row.get(2)? }, row.get(3)?))
        })
        .optional()
}
