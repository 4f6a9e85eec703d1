//! What a statement would touch: which relations and, by their keys, which others; and what a database must be
//! asked to say how many rows that is. It is for people who approve, and decides nothing.
//!
//! A number of rows is an answer about values: `WHERE ssn LIKE '1%'` has as many as there are. So a condition is
//! planned or counted only if whoever sends it may run it as a query, if no column with a label is anywhere in it,
//! and if nothing but the server's own reviewed functions is called by it ([`plan`]). For every other one there is
//! the number of rows of the whole table. It is the same for everybody who looks, whatever they may see.

mod closure;
mod plan;

use connect_shared::{api::CascadeEffect, entry::TextRef};

use self::closure::Closure;
pub use self::plan::Plan;
use crate::{
    catalog::{Catalog, Column, ColumnExpression, Oid, Relation, RelationKind},
    lineage::{OutputKind, Status},
    session::Session,
    statement::{Kind, Statement},
    understand::{self, Rows, Takes},
};

/// Why a query is not asked that whoever sends the statement may not run.
pub const MAY_NOT_READ: &str = "whoever sends it may not read what its condition is about";

/// Most relations that a statement writes and that are told of.
const MOST_TABLES: usize = 50;

/// What a database must be asked, and what is known without it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    pub touched: Vec<Touched>,
    pub cascaded: Vec<Cascaded>,
    /// Triggers and rules that would run: `name on schema.table`.
    pub triggers: Vec<String>,
    /// Tables that are emptied with all that refer to them.
    pub emptied: Vec<Oid>,
    /// What is dropped with all that depends on it.
    pub dropped: Vec<Dropped>,
    /// How the rows can be counted; of one statement, which touches one relation.
    pub plan: Option<Plan>,
    /// What is not known, and why.
    pub unknown: Vec<String>,
    /// The statements, as the log names them.
    pub texts: Vec<TextRef>,
}

/// A relation that the statement itself touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    pub table: Named,
    pub expected: Expected,
}

/// A relation of which the number of rows is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub relation: Oid,
    /// `schema.name`
    pub name: String,
    /// In quotes, as SQL reads it.
    pub quoted: String,
    /// To plan a query of all its rows runs nobody's code.
    pub is_plain: bool,
    /// Its number of rows may be told: it does not say which values a protected column has.
    pub is_told: bool,
}

/// How many of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    All,
    /// So many new ones.
    Given(u64),
    /// As many as [`Question::plan`] finds.
    Planned,
    /// Some of them.
    Some,
    /// New ones, nobody knows how many.
    New,
}

/// A table that changes because others do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascaded {
    pub table: Named,
    pub effect: CascadeEffect,
    /// The table that it refers to.
    pub by: Named,
}

/// Something that is dropped: its number in a catalog of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    Relation(Oid),
    Schema(Oid),
}

/// One statement that would run.
#[derive(Debug)]
pub struct Part<'a> {
    pub facts: &'a Statement,
    pub text: &'a [u8],
    /// Which statement of the text it is, from 0 on.
    pub place: usize,
    /// Values of its parameters, as SQL writes them.
    pub literals: Vec<Option<String>>,
}

/// In which state of things it is asked.
struct Asking<'a> {
    catalog: &'a Catalog,
    session: &'a Session,
    may_read: &'a dyn Fn(&Statement) -> Result<(), &'static str>,
    /// There is one statement.
    alone: bool,
}

impl Question {
    /// What must be asked about statements that would run one after the other, in this state of their session.
    /// `None`: they change no rows that are there. `may_read`: whether whoever sends them may run this query, and
    /// else why it is not asked.
    #[must_use]
    pub fn of(
        parts: &[Part<'_>],
        catalog: &Catalog,
        session: &Session,
        may_read: impl Fn(&Statement) -> Result<(), &'static str>,
    ) -> Option<Self> {
        let mut question = Self::default();
        let mut closure = Closure::new(catalog);
        let asking = Asking { catalog, session, may_read: &may_read, alone: parts.len() == 1 };
        parts.iter().for_each(|part| question.add(part, &mut closure, &asking));
        let found = closure.finish();
        question.cascaded = found.cascaded;
        question.triggers = found.triggers;
        question.unknown.extend(found.unknown);
        let nothing = question.touched.is_empty() && question.dropped.is_empty();
        if nothing && question.unknown.is_empty() { None } else { Some(question) }
    }

    fn add(&mut self, part: &Part<'_>, closure: &mut Closure<'_>, asking: &Asking<'_>) {
        let facts = part.facts;
        if !matches!(facts.kind, Kind::Write | Kind::SchemaChange) {
            return;
        }
        let Some(found) = understand::touched(part.text, part.place, &part.literals) else { return };
        if facts.kind == Kind::SchemaChange && found.rows != Rows::All {
            return;
        }
        let mut targets = targets(facts, asking.catalog);
        let alone = asking.alone && targets.len() == 1;
        let expected = self.expected(found.rows, facts, alone, asking);
        self.texts.push(facts.text.clone());
        self.take(&found.takes, &targets, asking.catalog);
        if targets.len() > MOST_TABLES {
            self.unknown.push(format!("it writes {} relations; {MOST_TABLES} are shown", targets.len()));
            targets.truncate(MOST_TABLES);
        }
        for target in targets {
            self.touched.push(Touched { table: Named::of(target, asking.catalog), expected });
            closure.begin(target, facts);
        }
    }

    /// How many rows a statement touches, or why nobody knows. `alone`: it is the only one, of one relation.
    fn expected(&mut self, rows: Rows, facts: &Statement, alone: bool, asking: &Asking<'_>) -> Expected {
        let changes = facts.changes();
        let (query, why) = match rows {
            Rows::All => return Expected::All,
            Rows::Given(rows) => return Expected::Given(rows),
            Rows::Unknown(why) => (None, why),
            Rows::Found(query) => (Some(query), plan::SEVERAL),
        };
        let is_new = query.as_ref().map_or(!(changes.update || changes.delete), |query| query.new);
        let plan = match query {
            Some(query) if alone => plan::of(query, asking.catalog, asking.session, asking.may_read),
            _ => Err(why),
        };
        match plan {
            Ok(plan) => {
                self.plan = Some(plan);
                return Expected::Planned;
            }
            Err(why) => self.unknown.push(format!("how many rows: {why}")),
        }
        if is_new { Expected::New } else { Expected::Some }
    }

    fn take(&mut self, takes: &Takes, targets: &[&Relation], catalog: &Catalog) {
        let oids = || targets.iter().map(|target| target.oid);
        match takes {
            Takes::Itself => {}
            Takes::Referring => self.emptied.extend(oids()),
            Takes::Dependents => self.dropped.extend(oids().map(Dropped::Relation)),
            Takes::Schemas(names) => {
                let known = names.iter().filter_map(|name| catalog.schemas.get(name.as_str()));
                self.dropped.extend(known.map(|oid| Dropped::Schema(*oid)));
            }
            Takes::Unknown => self.unknown.push("what depends on it and goes with it".to_owned()),
        }
    }
}

impl Named {
    pub(crate) fn of(relation: &Relation, catalog: &Catalog) -> Self {
        let quoted = crate::catalog::quoted;
        Self {
            relation: relation.oid,
            name: relation.qualified_name(),
            quoted: format!("{}.{}", quoted(&relation.schema), quoted(&relation.name)),
            is_plain: is_plain(relation, catalog),
            is_told: is_told(relation, catalog),
        }
    }
}

/// What a statement itself writes, in the order of its names.
fn targets<'c>(facts: &Statement, catalog: &'c Catalog) -> Vec<&'c Relation> {
    let holds = |relation: &Relation| {
        use RelationKind as K;
        matches!(
            relation.kind,
            K::Table | K::PartitionedTable | K::View | K::MaterializedView | K::ForeignTable
        )
    };
    let mut found: Vec<&Relation> = Vec::new();
    for written in &facts.writes {
        let bare = written.rsplit_once('.').map_or(written.as_str(), |(_, name)| name);
        let meant = catalog.candidates(None, bare).filter(|relation| {
            holds(relation) && (relation.qualified_name() == *written || *relation.name == **written)
        });
        found.extend(meant);
    }
    found.sort_by_key(|relation| relation.oid);
    found.dedup_by_key(|relation| relation.oid);
    // A name means all that it could mean; what it does mean is known where all is understood.
    let known = facts.kind == Kind::Write && facts.lineage.status == Status::Complete;
    let is_meant = |relation: &&Relation| {
        let written = OutputKind::Table(relation.oid);
        facts.lineage.relations.contains(&relation.oid)
            || facts.lineage.outputs.iter().any(|output| output.kind == written)
    };
    if known && found.iter().any(is_meant) {
        found.retain(|relation| is_meant(relation));
    }
    found
}

/// Whether it holds protected values, for somebody at least.
pub(crate) const fn is_protected(column: &Column) -> bool {
    column.label.is_some() || column.seen.is_some()
}

/// To plan a query of it runs nothing that people made: constants within such code are computed by the planner.
fn is_plain(relation: &Relation, catalog: &Catalog) -> bool {
    use RelationKind as K;
    catalog.with_children(relation).into_iter().all(|part| {
        let computes = part.details.as_ref().is_some_and(|details| {
            let shown = |(_, expression): &(i16, ColumnExpression)| {
                matches!(expression, ColumnExpression::Virtual(_))
            };
            !details.checks.is_empty() || details.expressions.iter().any(shown)
        });
        matches!(part.kind, K::Table | K::PartitionedTable | K::MaterializedView) && !computes
    })
}

/// How many rows a partition has says how often a value is there; and how many there are where some are hidden says
/// how many those are.
fn is_told(relation: &Relation, catalog: &Catalog) -> bool {
    let wholes = catalog.wholes(relation.oid);
    let hides = |part: &&Relation| part.hidden().is_some();
    if catalog.with_children(relation).iter().any(hides) || wholes.iter().any(hides) {
        return false;
    }
    wholes.is_empty() || !wholes.iter().chain([&relation]).any(|part| part.columns.iter().any(is_protected))
}

#[cfg(test)]
mod tests;
