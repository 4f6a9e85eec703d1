//! The catalog snapshot: what the agent knows of one database, as an input of the core. It holds names,
//! types and labels; never a value of a row.
//!
//! The agent reads it in one consistent transaction on its own connection, gives it a version, and
//! shares it between connections. Core never fetches: it emits [`crate::machine::Output::NeedCatalog`].

pub mod code;
mod column;
#[doc(hidden)]
pub mod fixture;
mod hidden;
mod keys;
mod parts;
mod rights;
mod shown;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock, RwLock},
};

use connect_shared::label::Label;

use self::code::{Code, Name};
pub(crate) use self::hidden::INNER;
pub use self::{
    column::{Column, Identity, Modifier},
    hidden::{ConditionError, Hidden, HiddenRows},
    parts::TooManyParts,
    rights::{Rights, RoleRights, RowSecurity, Security},
    shown::{How, Seen, Shown},
};

/// An identifier in quotes: what PostgreSQL reads back as this very name.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Object identifier in PostgreSQL's catalogs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(pub u32);

/// First OID that PostgreSQL gives to objects made after `initdb`.
pub const FIRST_NORMAL_OID: u32 = 16384;

/// Stands for the text of a rule, a policy, a default or a check that is there and could not be read, for a
/// lock on what it names. It parses as nothing, and names nothing.
pub const UNREAD: &str = "(,)";

/// One database as it was at one moment. A clone shares everything with its original until it is changed.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Grows with every reading of this resource.
    pub version: u64,
    /// `server_version_num`, for example `150018`.
    pub server_version: u32,
    /// The database's encoding is UTF-8.
    pub utf8: bool,
    pub relations: Arc<HashMap<Oid, Arc<Relation>>>,
    /// Relations by bare name, in every schema: a name is resolved to all that it could mean.
    pub by_name: Arc<HashMap<Name, Vec<Oid>>>,
    /// Functions outside `pg_catalog`, by bare name: a call by such a name is not a built-in's.
    pub user_functions: Arc<HashSet<Name>>,
    /// Functions of `pg_catalog`.
    pub builtin_functions: Arc<HashMap<Name, BuiltinFunction>>,
    /// Operators outside `pg_catalog`.
    pub user_operators: Arc<HashSet<Name>>,
    /// Types outside `pg_catalog` by bare name: a cast to one may run code.
    pub user_types: Arc<HashSet<Name>>,
    /// Types, functions, operators and casts.
    pub code: Arc<Code>,
    /// Schemas by name.
    pub schemas: Arc<HashMap<Name, Oid>>,
    /// The role that the agent logs in as.
    pub role: Name,
    /// Roles by name: at least that one, and those that it may become. Of one that is not here nothing
    /// is known, but for the agent's own: then it may use every schema.
    pub roles: HashMap<Name, Role>,
    /// Who has whose rights.
    pub rights: Arc<Rights>,
    /// Stands for the state of what is not kept here word for word: bodies of functions, operators, policies,
    /// memberships. The same text, the same state.
    pub state: Name,
    /// `search_path` of a new connection of that role to this database, as `pg_settings.reset_val` has it.
    pub search_path: Name,
    /// Event triggers that are enabled.
    pub event_triggers: Arc<[EventTrigger]>,
    /// Views of this snapshot, each bound at its first use. A clone shares them until it is changed.
    pub views: Arc<HashMap<Oid, crate::understand::ViewCell>>,
    /// What tables of this snapshot compute of their own, as far as somebody has asked. A clone's is empty.
    pub known: crate::understand::KnownExpressions,
    /// What has been asked about this snapshot. A clone's is empty.
    pub asked: Asked,
    /// Names of users' code that may stand beside protected columns.
    pub harmless: Arc<Harmless>,
    /// What whoever it is for sees in clear; nothing, unless it was made by [`Catalog::shown_to`].
    pub shown: Arc<Shown>,
    /// Rows of some table are hidden from whoever it is for ([`Catalog::hiding`]).
    pub hides_rows: bool,
    /// Labels in this snapshot, counted at the first question.
    pub labels: Labels,
}

/// Users' code that cannot reach protected values and changes nothing, by bare name: all that has the name in
/// any schema is so. Filled by [`crate::understand::settle_code`]; what is not in it may do anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harmless {
    pub functions: HashSet<Name>,
    pub operators: HashSet<Name>,
    pub types: HashSet<Name>,
}

/// A place for the labels of one snapshot. A clone's is empty, since clones are made to be changed.
#[derive(Debug, Default)]
pub struct Labels(OnceLock<HashSet<Label>>);

impl Clone for Labels {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Answers about one snapshot that take a look at much of it.
#[derive(Debug, Default)]
pub struct Asked {
    has_protected: OnceLock<bool>,
    computes_by_users: RwLock<HashMap<Oid, bool>>,
    /// Of each part the relations that it is of, directly.
    wholes: OnceLock<HashMap<Oid, Vec<Oid>>>,
}

impl Clone for Asked {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A role's rights, as far as they change what names mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Schemas that it may not use (`has_schema_privilege`): the server leaves them out of a search path
    /// without a word.
    pub closed_schemas: HashSet<Name>,
}

/// What all overloads of one built-in name have in common; the riskiest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinFunction {
    pub volatility: Volatility,
    /// Some overload is an aggregate or window function.
    pub aggregate: bool,
}

/// `pg_proc.provolatile`; of several overloads the most volatile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

impl Volatility {
    /// From `pg_proc.provolatile`; what is not known counts as volatile.
    #[must_use]
    pub const fn from_catalog(provolatile: u8) -> Self {
        match provolatile {
            b'i' => Self::Immutable,
            b's' => Self::Stable,
            _ => Self::Volatile,
        }
    }
}

/// Kind of relation, from `pg_class.relkind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    PartitionedTable,
    View,
    MaterializedView,
    ForeignTable,
    Sequence,
    Index,
    Composite,
}

/// A table, view, sequence …
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    pub oid: Oid,
    pub schema: Name,
    pub name: Name,
    pub kind: RelationKind,
    /// By attribute number, ascending; dropped columns are left out.
    pub columns: Vec<Column>,
    /// For a view: relations that it reads, directly.
    pub view_reads: Vec<Oid>,
    /// For a view: what masking may do with it, found once by analysing its definition.
    pub view: ViewReading,
    /// Children by inheritance or partitioning, directly.
    pub children: Vec<Oid>,
    /// Has a user trigger, a rule (other than a view's own) or a row-security policy.
    pub runs_code: bool,
    /// What only some relations have; boxed, so that the many others stay small.
    pub details: Option<Box<Details>>,
}

/// What only some relations have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// For a view or materialized view: `pg_get_viewdef` with every name qualified.
    pub definition: Option<Arc<str>>,
    /// Rules other than a view's own, as `pg_get_ruledef` gives them.
    pub rules: Vec<Arc<str>>,
    /// User triggers that are enabled: (events, function).
    pub triggers: Vec<Trigger>,
    /// For a view or a table with row security: whose rights count.
    pub security: Option<Security>,
    /// Row-security policies, of every role.
    pub policies: Vec<Policy>,
    /// Constraints that ON CONFLICT ON CONSTRAINT may name, and unique indexes: name → columns.
    pub uniques: Vec<Unique>,
    /// Foreign keys of other tables to this one that change rows there when rows here are deleted or
    /// updated (CASCADE, SET NULL, SET DEFAULT).
    pub cascades: Vec<Cascade>,
    /// Generated and default expressions as `pg_get_expr` gives them, by attribute number.
    pub expressions: Vec<(i16, ColumnExpression)>,
    /// What is computed of each row that is written and calls functions, or uses what users have made: CHECK
    /// constraints, expressions and predicates of indexes.
    pub checks: Vec<Arc<str>>,
    /// Rows of it that whoever the snapshot is for does not see.
    pub hidden: Option<Hidden>,
}

/// A user trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub name: Name,
    pub function: Oid,
    /// Fires on INSERT, UPDATE, DELETE, TRUNCATE, in this order.
    pub on: [bool; 4],
    pub before: bool,
    pub instead: bool,
}

/// A function that runs when something is made, changed or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTrigger {
    pub name: Name,
    pub function: Oid,
}

/// A row-security policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `r` SELECT, `a` INSERT, `w` UPDATE, `d` DELETE, `*` all.
    pub command: u8,
    /// Whom it is for; `Oid(0)` is everybody.
    pub roles: Box<[Oid]>,
    pub using: Option<Arc<str>>,
    pub check: Option<Arc<str>>,
}

/// A unique index or constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    pub name: Name,
    pub primary: bool,
    /// Attribute numbers; 0 stands for an expression.
    pub columns: Box<[i16]>,
    /// Attribute numbers that its expressions and its predicate read.
    pub others: Box<[i16]>,
}

/// A foreign key that changes rows of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascade {
    pub table: Oid,
    /// What a deletion here does there.
    pub on_delete: Effect,
    /// What a new key here does there.
    pub on_update: Effect,
    /// Columns there with the columns here that they refer to, by attribute number; empty if they are not
    /// known.
    pub keys: Box<[(i16, i16)]>,
}

/// What becomes of rows that refer to a row that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// They stay as they are; the change may be refused.
    Nothing,
    /// CASCADE: they are deleted too, or get the new key.
    Follow,
    /// SET NULL
    Null,
    /// SET DEFAULT
    Default,
}

impl Effect {
    /// From `pg_constraint.confdeltype` or `confupdtype`.
    #[must_use]
    pub const fn from_catalog(action: u8) -> Self {
        match action {
            b'c' => Self::Follow,
            b'n' => Self::Null,
            b'd' => Self::Default,
            _ => Self::Nothing,
        }
    }
}

/// How a column gets a value that no statement gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnExpression {
    Default(Arc<str>),
    Stored(Arc<str>),
    Virtual(Arc<str>),
}

impl ColumnExpression {
    /// As the server writes it.
    #[must_use]
    pub const fn text(&self) -> &Arc<str> {
        match self {
            Self::Default(text) | Self::Stored(text) | Self::Virtual(text) => text,
        }
    }
}

/// How a view's definition reads protected columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewReading {
    /// Not a view, or a view over unprotected columns only.
    #[default]
    Untouched,
    /// Protected columns come out unchanged; the view's columns carry their labels.
    Projection,
    /// Anything else about protected columns.
    Computed,
}

impl Relation {
    /// `schema.name`.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether some column must be masked, or the view is computed from such, or rows are hidden.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.view == ViewReading::Computed
            || self.columns.iter().any(|column| column.label.is_some())
            || self.hidden().is_some()
    }

    /// The column of this attribute number.
    #[must_use]
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// Whether it belongs to the server itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(&*self.schema, "pg_catalog" | "information_schema")
    }
}

impl Catalog {
    /// Every relation that `name` may mean, in `schema` if given. The search path is not consulted: what
    /// a session can set cannot make a name mean less.
    pub fn candidates<'a>(&'a self, schema: Option<&str>, name: &str) -> impl Iterator<Item = &'a Relation> {
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|oid| self.relation(*oid))
            .filter(move |relation| schema.is_none_or(|schema| schema == &*relation.schema))
    }

    /// The relation of this OID.
    #[must_use]
    pub fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.relations.get(&oid).map(|relation| &**relation)
    }

    /// The same, to be changed; what other snapshots share of it stays as it is. Its name must stay.
    pub fn relation_mut(&mut self, oid: Oid) -> Option<&mut Relation> {
        if !self.relations.contains_key(&oid) {
            return None;
        }
        self.unbind(oid);
        Arc::make_mut(&mut self.relations).get_mut(&oid).map(Arc::make_mut)
    }

    /// Adds a relation under its name.
    pub fn insert(&mut self, relation: impl Into<Arc<Relation>>) {
        let relation = relation.into();
        let named = Arc::make_mut(&mut self.by_name).entry(relation.name.clone()).or_default();
        if !named.contains(&relation.oid) {
            named.push(relation.oid);
        }
        self.unbind(relation.oid);
        if relation.kind == RelationKind::View {
            Arc::make_mut(&mut self.views).entry(relation.oid).or_default();
        }
        Arc::make_mut(&mut self.relations).insert(relation.oid, relation);
    }

    /// Replaces all relations.
    pub fn set_relations(&mut self, relations: HashMap<Oid, Arc<Relation>>) {
        let mut by_name: HashMap<Name, Vec<Oid>> = HashMap::with_capacity(relations.len());
        for relation in relations.values() {
            let named = by_name.entry(relation.name.clone());
            // Most names are one relation's.
            named.or_insert_with(|| Vec::with_capacity(1)).push(relation.oid);
        }
        by_name.values_mut().for_each(|oids| oids.sort_unstable());
        let views = relations.values().filter(|relation| relation.kind == RelationKind::View);
        self.views = Arc::new(views.map(|view| (view.oid, crate::understand::ViewCell::default())).collect());
        self.by_name = Arc::new(by_name);
        self.relations = Arc::new(relations);
        self.forget_answers();
    }

    /// Forgets how views were bound, as something changes that they may use.
    pub fn forget_bindings(&mut self) {
        self.forget_answers();
        // A cell's clone is empty.
        self.views = Arc::new(HashMap::clone(&self.views));
    }

    /// Forgets how the views that this snapshot shares with others were bound, as something changes that
    /// they may read. What is bound between two changes of one snapshot is the caller's business.
    fn unbind(&mut self, changed: Oid) {
        self.forget_answers();
        match Arc::get_mut(&mut self.views) {
            Some(cells) => {
                cells.entry(changed).and_modify(|cell| *cell = crate::understand::ViewCell::default());
            }
            None => self.forget_bindings(),
        }
    }

    /// Forgets what has been asked, as something changes.
    pub(crate) fn forget_answers(&mut self) {
        self.known = crate::understand::KnownExpressions::default();
        self.asked = Asked::default();
    }

    /// What `answer` says of a relation of this snapshot about code of users in what it computes, asked once.
    pub(crate) fn computes_by_users(&self, relation: &Relation, answer: impl FnOnce() -> bool) -> bool {
        if !self.relation(relation.oid).is_some_and(|own| std::ptr::eq(own, relation)) {
            return answer();
        }
        let known = self.asked.computes_by_users.read().ok();
        if let Some(known) = known.and_then(|answers| answers.get(&relation.oid).copied()) {
            return known;
        }
        let computes = answer();
        if let Ok(mut answers) = self.asked.computes_by_users.write() {
            answers.insert(relation.oid, computes);
        }
        computes
    }

    /// The labels of all columns but the server's own, as they were at the first question.
    pub fn labels(&self) -> &HashSet<Label> {
        self.labels.0.get_or_init(|| {
            let own = self.relations.values().filter(|relation| !relation.is_system());
            let columns = own.flat_map(|relation| &relation.columns);
            columns.filter_map(|column| column.label).collect()
        })
    }

    /// Whether anything in this database must be masked. What is hidden of the server's own relations is NULL
    /// where it is read, and needs nothing else.
    #[must_use]
    pub fn has_protected(&self) -> bool {
        let is_own = |relation: &Relation| !relation.is_system() && relation.is_protected();
        let any = || self.relations.values().any(|relation| is_own(relation));
        *self.asked.has_protected.get_or_init(any)
    }
}
