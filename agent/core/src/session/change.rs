//! What one statement changes: small, owned, without the session or the snapshot in it, so that it can be
//! kept with the statement's analysis and applied when the server says that it succeeded.

use std::sync::Arc;

use pg_query::NodeEnum;

use super::{
    code,
    find::Named,
    settings::{Scope, Setting, Value},
};
use crate::{
    catalog::{Catalog, ColumnExpression, Effect, Identity, Oid, RelationKind, code::Name},
    lineage::{ColumnId, Columns, Gap, Lineage, Part as TablePart},
};

/// What one statement changes, if it succeeds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionChange {
    pub(super) steps: Box<[Step]>,
}

impl SessionChange {
    /// What a statement changes that runs another one, by name: both.
    #[must_use]
    pub fn and(&self, inner: &Self) -> Self {
        if inner.is_empty() {
            return self.clone();
        }
        Self { steps: self.steps.iter().chain(&inner.steps).cloned().collect() }
    }

    /// What running the statement that this one prepared or declared changes. `None`: it did neither.
    #[must_use]
    pub fn behind(&self) -> Option<&Arc<Self>> {
        self.steps.iter().find_map(|step| match step {
            Step::Prepare { prepared, .. } => Some(&prepared.change),
            Step::Declare { change, .. } => Some(change),
            _ => None,
        })
    }

    /// Whether it could leave the role that the session was given, as far as it shows in the statement itself, or
    /// in one that it prepares or declares. Code that runs is another matter: see [`Self::leaves_role_with`].
    fn sets_role(&self) -> bool {
        let sets = |step: &Step| match step {
            Step::Set { setting: Setting::Role | Setting::Authorization, value, .. } => {
                *value != Value::Default
            }
            _ => false,
        };
        self.steps.iter().any(sets) || self.behind().is_some_and(|inner| inner.sets_role())
    }

    /// Whether a statement with this change and `lineage` could leave the role that the session was given.
    #[must_use]
    pub(crate) fn leaves_role_with(&self, lineage: &Lineage, catalog: &Catalog) -> bool {
        self.sets_role() || code::may_leave_role(lineage, catalog)
    }

    /// Most statements change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Set {
        setting: Setting,
        value: Value,
        scope: Scope,
    },
    ResetAll,
    Transaction(Control),
    DiscardAll,
    DiscardTemporary,
    /// Code ran that is not understood: it may have set and made anything.
    CodeRan,
    Prepare {
        name: Name,
        prepared: Box<NewPrepared>,
    },
    Execute {
        name: Name,
    },
    /// `None`: all.
    Deallocate {
        name: Option<Name>,
    },
    Declare {
        name: Name,
        hold: Hold,
        lineage: Arc<Lineage>,
        change: Arc<SessionChange>,
    },
    Fetch {
        name: Name,
    },
    /// `None`: all.
    CloseCursor {
        name: Option<Name>,
    },
    Create(Box<NewRelation>),
    Alter(Box<Alteration>),
    Rename {
        relation: Named,
        missing_ok: bool,
        to: Name,
    },
    Move {
        relation: Named,
        missing_ok: bool,
        to: Name,
    },
    Drop {
        relation: Named,
        cascade: Cascading,
    },
    Truncate {
        relation: Named,
    },
    Write(Box<Written>),
    /// Code that is not followed may have written into any temporary table.
    RowsUnclear,
    /// Something about this relation changed that is not followed.
    Touch {
        relation: Named,
    },
    /// These have become parts of something.
    Join {
        parts: Box<[TablePart]>,
    },
    CreateSchema {
        name: Option<Name>,
        owner: Owner,
    },
    DropSchema {
        name: Name,
    },
    RenameSchema {
        from: Name,
        to: Name,
    },
    /// Who may use these schemas changed.
    SchemaRights {
        names: Box<[Name]>,
    },
    RenameRole {
        from: Name,
        to: Name,
    },
    /// Who belongs to which role changed.
    RoleRights,
    /// A function, type, operator or cast was made, changed or dropped.
    Code,
    /// Stored objects changed that cannot be named.
    Lost,
}

/// Transaction control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Control {
    Begin,
    Commit(Chain),
    Rollback(Chain),
    Savepoint(Name),
    Release(Name),
    RollbackTo(Name),
    /// Done by a command that may not stand in a transaction and commits at once, in a pipeline too
    /// (`PreventInTransactionBlock`).
    AtOnce,
    /// PREPARE TRANSACTION.
    Prepare,
    /// COMMIT PREPARED.
    CommitPrepared,
}

/// AND CHAIN: whether another transaction begins at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    Next,
    None,
}

/// Whether a cursor stays after its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    AfterCommit,
    WithinTransaction,
}

/// CASCADE or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cascading {
    Dependents,
    Nothing,
}

/// Owner of a new schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Current,
    Named(Name),
}

/// SQL PREPARE.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewPrepared {
    /// To be analysed again under another search path; `None` if it is too large to be kept.
    pub(super) node: Option<Arc<NodeEnum>>,
    pub(super) lineage: Arc<Lineage>,
    pub(super) change: Arc<SessionChange>,
}

/// A relation that is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewRelation {
    pub(super) name: Named,
    pub(super) kind: RelationKind,
    pub(super) existing: Existing,
    pub(super) on_commit: OnCommit,
    pub(super) shape: Shape,
    pub(super) constraints: Vec<Constraint>,
}

/// What happens if the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// The statement fails.
    Fail,
    /// IF NOT EXISTS.
    Keep,
    /// OR REPLACE.
    Replace,
}

/// ON COMMIT of a temporary table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OnCommit {
    #[default]
    PreserveRows,
    DeleteRows,
    Drop,
}

/// Where the columns of a new relation come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Listed {
        parents: Vec<Named>,
        elements: Vec<Element>,
    },
    PartitionOf {
        parent: Named,
        elements: Vec<Element>,
    },
    /// A typed table.
    OfType(TypeSpec),
    Query(Box<FromQuery>),
    Sequence,
    /// Not understood.
    Unknown,
}

/// One element of a column list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    Column(ColumnSpec),
    Like { relation: Named, options: u32 },
}

/// A column as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnSpec {
    pub(super) name: Name,
    /// `None` for options of an inherited column.
    pub(super) kind: Option<TypeSpec>,
    pub(super) not_null: bool,
    pub(super) expression: Option<ColumnExpression>,
    /// Columns that a generated value is computed from.
    pub(super) computed_from: Box<[Name]>,
    /// A sequence is made for it: serial or identity.
    pub(super) sequence: bool,
    pub(super) identity: Option<Identity>,
}

/// A type as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeSpec {
    pub(super) schema: Option<Name>,
    pub(super) name: Name,
    pub(super) array: bool,
    /// What stands in parentheses; `None` for what is no number.
    pub(super) modifiers: Box<[Option<i32>]>,
}

/// A relation made of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FromQuery {
    /// `None` if it is not understood what comes out.
    pub(super) columns: Option<Vec<QueryColumn>>,
    /// Names that the statement gives to the first columns.
    pub(super) names: Vec<Name>,
    pub(super) indirect: Columns,
    pub(super) gaps: Vec<Gap>,
    /// Relations that the query names.
    pub(super) reads: Vec<Named>,
    /// Rows are put into it now.
    pub(super) filled: bool,
}

/// A column of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QueryColumn {
    pub(super) name: Name,
    pub(super) kind: Oid,
    pub(super) direct: Columns,
    /// It is this column's value, of the same length and precision.
    pub(super) identity: Option<ColumnId>,
}

/// A constraint that counts here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constraint {
    Unique {
        name: Option<Name>,
        primary: bool,
        columns: Box<[Name]>,
    },
    /// A foreign key that changes rows of this table when rows of that one change.
    Cascade {
        of: Named,
        on_delete: Effect,
        on_update: Effect,
    },
}

/// ALTER TABLE.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alteration {
    pub(super) relation: Named,
    pub(super) missing_ok: bool,
    /// ONLY: children stay as they are.
    pub(super) only: bool,
    /// In the order in which the server does them.
    pub(super) parts: Vec<Part>,
}

/// A part of ALTER TABLE.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    DropColumn {
        name: Name,
        cascade: Cascading,
    },
    Type {
        name: Name,
        kind: TypeSpec,
        computed_from: Box<[Name]>,
    },
    AddColumn {
        column: ColumnSpec,
        existing: Existing,
    },
    /// Default or generated expression; `None`: there is none any more.
    Expression {
        name: Name,
        expression: Option<ColumnExpression>,
    },
    NotNull {
        name: Name,
        not_null: bool,
    },
    /// ADD GENERATED … AS IDENTITY, SET GENERATED, DROP IDENTITY.
    Identity {
        name: Name,
        identity: Option<Identity>,
        /// It was none before.
        makes_sequence: bool,
    },
    RenameColumn {
        from: Name,
        to: Name,
    },
    Constraint(Constraint),
    DropConstraint {
        name: Name,
    },
    RenameConstraint {
        from: Name,
        to: Name,
    },
    /// Rows of the two belong together from now on, or no more.
    Link {
        other: Named,
    },
    /// `security_invoker` and the like of a view, storage of a table.
    Options,
    /// Not followed.
    Touch,
}

/// Rows written into relations that lineage may go through.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    /// What was written, by OID.
    pub(super) outputs: Vec<(Oid, Vec<(Name, Columns)>)>,
    /// What the statement names as written, for what the outputs do not say.
    pub(super) targets: Vec<Named>,
    pub(super) indirect: Columns,
    pub(super) gaps: Vec<Gap>,
    /// The outputs are all that was written.
    pub(super) exact: bool,
}
