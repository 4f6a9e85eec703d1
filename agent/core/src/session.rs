//! What one connection has set so far, as far as it changes what its next statement means: search path,
//! role, own temporary and uncommitted objects, prepared statements and cursors.
//!
//! A statement means something only with this beside the catalog snapshot. What is not known for certain
//! is said to be unknown here, and whatever depends on it is then partial or opaque.
//!
//! What a statement changes is read from its parse tree once ([`change_of`]) and kept with its analysis;
//! it is applied when the server says that the statement succeeded ([`Session::apply`]). Everything that
//! the server rolls back is rolled back here ([`transaction`]). Read [`change`] next for what can change,
//! [`read`] for where it is found, [`apply`] for what it does.

mod alter;
mod alter_parts;
mod apply;
mod change;
mod code;
mod create;
mod cursors;
mod dependents;
mod discard;
mod find;
mod path;
mod prepared;
mod read;
mod remove;
mod rename;
mod report;
mod schemas;
mod settings;
mod transaction;
mod types;
mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

pub use self::{
    change::SessionChange,
    find::UnknownName,
    path::{identifiers, quoted},
    read::change_of,
    report::{Reading, ServerState},
    settings::Lexing,
};
pub(crate) use self::{code::named_may_leave_role, read::WITH_HOLD};
use self::{
    cursors::Life as CursorLife,
    prepared::Prepared,
    schemas::SchemaChange,
    settings::{Actor, Settings},
    transaction::Transaction,
};
pub(crate) use self::{dependents::names, path::LONGEST_NAME};
use crate::{
    catalog::{Catalog, Oid, Relation, code::Name},
    lineage::{ColumnId, Columns, Gap, Lineage, Part},
};

/// State of one connection. To copy one is cheap: copies share what they have not changed.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Schemas in the order of lookup, the implicit ones included; `None` if nobody knows.
    pub search_path: Option<Arc<SearchPath>>,
    /// Own relations that no snapshot shows, or shows otherwise.
    pub relations: Relations,
    /// Statements by name: of PREPARE and of the protocol, which share their names.
    pub prepared: Arc<HashMap<Name, Arc<Lineage>>>,
    /// Cursors and portals by name.
    pub cursors: Arc<HashMap<Name, Arc<Lineage>>>,
    /// How often the server named another search path than this did.
    pub disagreements: u64,
    settings: Settings,
    /// What is in force after a commit: without what SET LOCAL did.
    lasting: Settings,
    /// What RESET goes back to.
    reset: Settings,
    /// The snapshot's `search_path` where RESET goes back to it; `None` if the client gave its own.
    inherited_path: Option<Arc<str>>,
    schemas: Arc<HashMap<Name, SchemaChange>>,
    /// It has a temporary schema.
    temporary: bool,
    /// The server's name of it, if somebody told.
    temporary_schema: Option<Name>,
    /// Names of the database's roles that were given or taken away are not known.
    rights_changed: bool,
    transaction: Transaction,
    /// The last search path that the server reported by itself (from PostgreSQL 18 on).
    reported: Option<Arc<[Name]>>,
    statements: Arc<HashMap<Name, Prepared>>,
    cursor_lives: Arc<HashMap<Name, CursorLife>>,
    keeping: Keeping,
    /// Counts changes of relations, and is never set back: a state that was rolled back does not come again.
    serial: u64,
    next_oid: u32,
}

/// Whether names of statements and cursors are kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Keeping {
    #[default]
    Here,
    /// Whoever owns the session keeps them.
    Elsewhere,
}

/// Where unqualified names are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SearchPath {
    /// For relations and types: the session's temporary schema (if it has one, written `pg_temp`),
    /// `pg_catalog` if it is not named, then what was set. Functions and operators are never looked for
    /// in `pg_temp`.
    pub schemas: Vec<Name>,
    /// Where new objects go: the first that was named and exists.
    pub creation: Option<Name>,
}

/// What the session's own statements did to relations since the snapshot was read.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// By (schema, name); temporary ones under `pg_temp`.
    pub changed: Arc<HashMap<(Name, Name), Change>>,
    /// What was made as a part of something, or has become one.
    pub(crate) parts: Arc<Vec<Part>>,
    /// Something else was changed that the snapshot does not show (a function, a type, an operator).
    pub code_changed: bool,
    /// Names under which something was made or changed in a schema that is not known.
    doubtful: Arc<HashSet<Name>>,
    /// Stored objects were changed that cannot be named.
    stored_lost: bool,
    /// Temporary objects were made or changed that cannot be named.
    temporary_lost: bool,
    /// Which state this is: the same number never stands for two.
    version: u64,
    /// Columns and sources that are kept, against [`find::MOST_WEIGHT`].
    weight: usize,
    /// Version of the snapshot in use at the last commit of a change.
    committed: Option<u64>,
}

/// What became of one relation.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is not there any more: lookup goes on in the next schema.
    Dropped,
    /// Made or changed in a way that is understood.
    Known(Arc<OwnRelation>),
    /// Changed in a way that is not understood.
    Unknown,
}

/// A relation that only this session knows in this form.
#[derive(Debug, Clone)]
pub struct OwnRelation {
    /// Its OID is one of [`FIRST_OWN_OID`] upwards if the server's is not known.
    pub relation: Relation,
    /// For a temporary table: what its columns were filled from, so that lineage goes through it to
    /// stored columns. By attribute number. For a view that this session made: what they are computed from.
    pub sources: HashMap<ColumnId, Columns>,
    /// What decided which rows are in it.
    pub indirect: Columns,
    /// Lineage goes through it by [`Self::sources`]: it is temporary, or a view that this session made.
    /// Else it is like one of the snapshot: lineage stops at a table, and a view has its definition.
    pub temporary: bool,
    /// What is not understood about its contents.
    pub gaps: Vec<Gap>,
    /// What else the session must remember of it.
    pub life: Life,
}

/// How long a relation lives and what it hangs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    on_commit: change::OnCommit,
    /// Relations that it was made over: a view's, a partition's parent.
    built_on: Vec<(Name, Name)>,
    /// Highest attribute number that was ever given out.
    highest: i16,
}

/// OIDs from here on are the agent's own, of relations whose OID nobody has told it. PostgreSQL counts up
/// from 16384 and reaches these only after four billion objects.
pub const FIRST_OWN_OID: u32 = 0xFFF0_0000;

/// Which state of a session a statement was analysed under. Two analyses of one text agree if their
/// catalog versions and these are equal, as far as neither executes nor fetches by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint {
    path: Option<Arc<SearchPath>>,
    role: Actor,
    lexing: Lexing,
    overlay: u64,
}

impl Fingerprint {
    /// Whether it means the same in every session: nothing in it is this session's own.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.overlay == 0
    }
}

/// What all sessions share that have changed nothing.
static FRESH: LazyLock<Session> = LazyLock::new(Session::default);

impl Session {
    /// The session of a connection that was opened with these startup parameters, in the order in which
    /// the server got them. Settings within `options` stand there as parameters of their own.
    #[must_use]
    pub fn begin(catalog: &Catalog, startup: &[(String, String)]) -> Self {
        let path = identifiers(&catalog.search_path).map(Arc::from);
        let mut settings = Settings { path, ..Settings::default() };
        let mut inherited_path = Some(catalog.search_path.clone());
        for (name, value) in startup {
            let Some(setting) = settings::Setting::named(name) else { continue };
            settings.set(setting, &settings::Value::Text(value.as_str().into()), &Settings::default());
            if setting == settings::Setting::SearchPath {
                inherited_path = None;
            }
        }
        let mut session = Self {
            lasting: settings.clone(),
            reset: settings.clone(),
            settings,
            inherited_path,
            next_oid: FIRST_OWN_OID,
            ..FRESH.clone()
        };
        session.refresh(catalog);
        session
    }

    /// A session of which nothing but the search path is known.
    #[must_use]
    pub fn at(search_path: SearchPath) -> Self {
        Self { search_path: Some(Arc::new(search_path)), next_oid: FIRST_OWN_OID, ..Self::default() }
    }

    /// The same, but names of prepared statements and cursors are kept by the caller: EXECUTE and FETCH
    /// change nothing here, and [`Self::prepared`] and [`Self::cursors`] stay empty.
    #[must_use]
    pub fn without_names(self) -> Self {
        Self { keeping: Keeping::Elsewhere, ..self }
    }

    /// Which state this is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            path: self.search_path.clone(),
            role: self.settings.role().clone(),
            lexing: self.settings.lexing,
            overlay: self.relations.version,
        }
    }

    /// Whether this is the state of that fingerprint, without making another.
    #[must_use]
    pub fn is_at(&self, fingerprint: &Fingerprint) -> bool {
        self.relations.version == fingerprint.overlay
            && self.search_path == fingerprint.path
            && *self.settings.role() == fingerprint.role
            && self.settings.lexing == fingerprint.lexing
    }

    /// Whether a statement that is held waits for its approval (`connect.wait`).
    #[must_use]
    pub const fn waits(&self) -> bool {
        !self.settings.no_wait
    }

    /// What the client says that it is for (`connect.purpose`).
    #[must_use]
    pub const fn purpose(&self) -> Option<&Name> {
        self.settings.purpose.as_ref()
    }

    /// How the server reads string constants now.
    #[must_use]
    pub const fn lexing(&self) -> Lexing {
        self.settings.lexing
    }

    /// The role whose rights count now, if it is not the one that the agent signed in as; `Err` if nobody
    /// knows.
    ///
    /// # Errors
    /// Nobody knows which role it is.
    pub fn role(&self) -> Result<Option<&Name>, UnknownRole> {
        match self.settings.role() {
            Actor::Login => Ok(None),
            Actor::Named(name) => Ok(Some(name)),
            Actor::Unknown => Err(UnknownRole),
        }
    }

    /// The role that the connection was opened with, and goes back to. Nothing is let through that could leave it.
    #[must_use]
    pub const fn given_role(&self) -> Option<&Name> {
        match &self.reset.role {
            Some(Actor::Named(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether who belongs to which role is as the snapshot has it.
    #[must_use]
    pub const fn knows_rights(&self) -> bool {
        !self.rights_changed
    }

    /// The own relation of this OID.
    #[must_use]
    pub fn own(&self, oid: Oid) -> Option<&Arc<OwnRelation>> {
        self.relations.known().find(|own| own.relation.oid == oid)
    }

    /// Another copy of this session went further, and what it did turned out otherwise: no state of it and
    /// no OID that it gave comes again here.
    pub fn skip_beyond(&mut self, other: &Self) {
        self.serial = self.serial.max(other.serial);
        self.next_oid = self.next_oid.max(other.next_oid);
    }

    /// Takes what prepared statements and cursors give, where their names are kept elsewhere.
    #[must_use]
    pub fn with_names(
        mut self,
        prepared: impl IntoIterator<Item = (Name, Arc<Lineage>)>,
        cursors: impl IntoIterator<Item = (Name, Arc<Lineage>)>,
    ) -> Self {
        self.prepared = Arc::new(prepared.into_iter().collect());
        self.cursors = Arc::new(cursors.into_iter().collect());
        self
    }

    /// Finds anew where names are looked for: schemas may have come or gone.
    pub fn refresh(&mut self, catalog: &Catalog) {
        let path = self.derived_path(catalog).map(Arc::new);
        // The same path keeps its pointer, by which it is compared first.
        if path != self.search_path {
            self.search_path = path;
        }
    }
}

/// Nobody knows which role's rights count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole;

impl Relations {
    /// Whether something was changed that cannot be named: then no name means for certain what the
    /// snapshot and [`Self::changed`] say.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.stored_lost || self.temporary_lost
    }

    /// Every own relation that is understood.
    pub fn known(&self) -> impl Iterator<Item = &Arc<OwnRelation>> {
        self.changed.values().filter_map(|change| match change {
            Change::Known(own) => Some(own),
            Change::Dropped | Change::Unknown => None,
        })
    }
}

impl OwnRelation {
    /// A relation that the session does not go through: like one of the snapshot.
    #[must_use]
    pub fn stored(relation: Relation) -> Self {
        let highest = relation.columns.iter().map(|column| column.number).max().unwrap_or_default();
        let life = Life { highest, ..Life::default() };
        let (sources, indirect, gaps) = (HashMap::new(), Columns::new(), Vec::new());
        Self { relation, sources, indirect, temporary: false, gaps, life }
    }

    /// The column's stored sources.
    #[must_use]
    pub fn sources_of(&self, number: i16) -> Option<&Columns> {
        self.sources.get(&ColumnId { relation: self.relation.oid, number })
    }
}
