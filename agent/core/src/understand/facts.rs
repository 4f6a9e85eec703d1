//! What a parse tree says, before any of its names is looked up. [`super::walk`] collects it, and
//! [`super::resolve`] gives it a meaning.

use std::collections::HashSet;

use pg_query::{
    NodeEnum,
    protobuf::{Node, RangeTableSample, RangeVar},
};

/// Most columns of an output list (`MaxTupleAttributeNumber`).
pub(super) const MOST_OUTPUTS: usize = 1_664;

/// Everything that a query names, in all its levels.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) columns: Vec<ColumnUse<'a>>,
    /// Columns that USING compares.
    pub(super) compared: Vec<(ScopeId, &'a str)>,
    /// Scopes with a NATURAL join.
    pub(super) natural: Vec<ScopeId>,
    pub(super) groups: Vec<Group<'a>>,
    pub(super) samples: Vec<&'a RangeTableSample>,
    /// Where references stand of which only the fields matter if they are whole rows, and not the type.
    pub(super) untyped: HashSet<i32>,
    pub(super) calls: Vec<Call<'a>>,
    /// Numbers of parameters, one for each place where one stands.
    pub(super) parameters: Vec<i32>,
    pub(super) comparisons: Vec<Comparison<'a>>,
    /// Where references stand that are asked for nothing but whether they are NULL.
    pub(super) null_tests: HashSet<i32>,
    /// `(expression).name`: a field or, if there is none, a function.
    pub(super) fields: Vec<&'a str>,
    pub(super) operators: Vec<&'a str>,
    pub(super) types: Vec<Vec<&'a str>>,
    pub(super) ctes: Vec<&'a str>,
    pub(super) writes: Vec<Write<'a>>,
    /// A text constant is a mask and nothing else.
    pub(super) gives_mask: bool,
    /// FOR UPDATE, FOR SHARE …
    pub(super) locks: bool,
    /// Creates a relation: SELECT INTO.
    pub(super) into: bool,
    /// Length of an output list that is too long.
    pub(super) wide: Option<usize>,
    /// The first construct that nobody has reviewed.
    pub(super) unreviewed: Option<Unreviewed>,
    /// A reviewed construct that older servers do not have.
    pub(super) newer: Option<Unreviewed>,
}

/// A construct that is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreviewed {
    /// For people.
    pub(super) what: &'static str,
    /// First server version that has it; 0 where all have.
    pub(super) since: u32,
}

/// Index into [`Facts::scopes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScopeId(pub(super) usize);

/// One query level: what its FROM names. A column reference means a column of an item of its own scope or
/// of one around it, and never anything else.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) parent: Option<ScopeId>,
    pub(super) items: Vec<Item<'a>>,
    /// Names that the level gives to its output columns.
    pub(super) outputs: Vec<&'a str>,
    /// Some join has an alias, behind which the names of its items are hidden.
    pub(super) join_alias: bool,
    /// Some join shows rows of one side that have none on the other.
    pub(super) outer_join: bool,
}

/// One name in FROM.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// The name by which columns are qualified.
    pub(super) name: &'a str,
    pub(super) source: Source<'a>,
}

/// What an item is.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Relation {
        relation: &'a RangeVar,
        /// Its columns are renamed.
        renamed: bool,
    },
    /// A subquery or list of values: computed within the statement.
    Derived,
    /// Rows of a function, which may be values without fields; the columns that the statement itself names.
    Function { columns: Vec<&'a str> },
}

/// One column reference, or a star.
#[derive(Debug)]
pub(super) struct ColumnUse<'a> {
    pub(super) scope: ScopeId,
    /// Qualifiers and name; of `t.*` the qualifiers only.
    pub(super) names: Vec<&'a str>,
    pub(super) star: bool,
    pub(super) place: Place,
    /// Index of the output column, where it stands there alone.
    pub(super) target: Option<usize>,
    /// Where it begins in the text; -1 where it is not written out.
    pub(super) location: i32,
}

/// What a column reference is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Alone in the output list of the outermost level.
    Plain,
    /// In a computed output.
    Expression,
    /// Decides about rows, groups or their order.
    Condition,
    /// Source of something that is written.
    Copy,
    /// In an output list that nothing reads: below EXISTS.
    Ignored,
}

/// A bare column that must equal one of some constants or parameters, or whatever stands there.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) scope: ScopeId,
    /// Where the reference begins in the text.
    pub(super) column: i32,
    /// Its qualifiers and name.
    pub(super) names: Vec<&'a str>,
    pub(super) constants: Vec<&'a NodeEnum>,
    /// NULL equals NULL.
    pub(super) null_is_equal: bool,
    /// No row of its level is shown for which it does not hold: it stands in WHERE, alone or joined by AND.
    pub(super) required: bool,
}

/// A list of GROUP BY.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) scope: ScopeId,
    pub(super) list: &'a [Node],
    /// The output list, which numbers mean.
    pub(super) outputs: &'a [Node],
}

/// A call of a function.
#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    pub(super) name: Vec<&'a str>,
    /// First argument, where it is a text constant.
    pub(super) constant: Option<&'a str>,
    /// Second argument likewise.
    pub(super) second: Option<&'a str>,
    /// Names of the first argument, where it is a reference to a column.
    pub(super) column: Vec<&'a str>,
    /// Number of the parameter that the first argument is, also with a cast to text around it.
    pub(super) parameter: Option<i32>,
}

/// A written relation.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) relation: &'a RangeVar,
    pub(super) verb: Verb,
    /// Columns that get values; `None`: all.
    pub(super) columns: Option<Vec<&'a str>>,
    /// Of these, those whose value may be another for each row that is there already.
    pub(super) varying: Vec<&'a str>,
    /// Rows that it proposes, where the statement says how many; of an update one, whatever it is given to.
    pub(super) proposed: Option<u32>,
    pub(super) arbiter: Option<Arbiter<'a>>,
    pub(super) bound: Bound,
}

/// What ON CONFLICT compares with the rows that are there.
#[derive(Debug)]
pub(super) enum Arbiter<'a> {
    /// These columns.
    Columns(Vec<&'a str>),
    /// Those of a constraint, or of any.
    Any,
}

/// How a relation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
    Merge,
}

/// Whether a condition names the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Rows,
    Everything,
}

impl<'a> Facts<'a> {
    pub(super) fn scope(&self, id: ScopeId) -> Option<&Scope<'a>> {
        self.scopes.get(id.0)
    }

    /// Every item of every level.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item<'a>> {
        self.scopes.iter().flat_map(|scope| &scope.items)
    }

    pub(super) fn refuse(&mut self, what: &'static str, since: u32) {
        self.unreviewed.get_or_insert(Unreviewed { what, since });
    }
}
