//! The binder: gives the names of a statement their one meaning, as PostgreSQL's analyser does, and says
//! what each output is computed from ([`Lineage`]).
//!
//! Where the security walk ([`super::walk`]) asks what a name *could* mean, this asks what it *does* mean,
//! with the connection's search path and own objects. Whatever it cannot tell is a [`Gap`].
//!
//! Read next: [`statement`] for the way in, [`scope`] and [`item`] for names, [`select`], [`from`],
//! [`expression`] for queries, [`write`] for changes, [`utility`] for the rest, [`view`] and [`body`] for
//! what is opened on the way.

mod alter;
mod arguments;
mod body;
mod call;
mod cascade;
mod clause;
mod command;
mod compare;
mod conflict;
mod defaults;
mod domain;
mod event;
mod expression;
mod flow;
mod from;
mod function_item;
mod insert;
mod item;
mod json;
mod known;
mod locked;
mod merge;
mod operator;
mod own_check;
mod printed;
mod procedure;
mod reference;
mod relation;
mod renamed;
mod returning;
mod rewrite;
mod row;
mod row_security;
mod scope;
mod select;
mod set;
mod set_operation;
mod statement;
mod sublink;
mod table_function;
mod types;
mod update;
mod utility;
mod view;
mod window;
mod with;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use self::event::fires;
pub(in crate::understand) use self::{body::standard_body, statement::bind_named};
use self::{
    flow::{Flow, Runs},
    row_security::{Actors, Secured},
    set::Set,
    write::Written,
};
pub use self::{
    known::KnownExpressions,
    statement::{bind, bind_node, bind_text},
    view::ViewCell,
};
use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Oid, Volatility},
    lineage::{ColumnId, Gap, GapKind, Renames, Status},
    session::{SearchPath, Session},
};

/// Steps after which a statement is not understood: one for each column looked at.
const MOST_STEPS: usize = 4_000_000;

/// How deep views, SQL functions and subqueries may be opened within each other.
const DEEPEST: usize = 200;

/// What a step of binding gives, or why the statement is not understood at all.
type Bound<T> = Result<T, Gap>;

/// Binds one statement.
#[derive(Debug)]
struct Binder<'a> {
    catalog: &'a Catalog,
    session: &'a Session,
    path: &'a SearchPath,
    /// Arguments of the function whose body this is.
    parameters: Vec<Parameter>,
    /// Name of that function, which qualifies its arguments.
    function: &'a str,
    facts: Facts,
    steps: usize,
    depth: usize,
    /// Views and functions that are being opened, outermost first.
    open: Vec<Oid>,
    actors: Actors,
    /// Operators chosen before: a statement has the same few again and again.
    operators: operator::Remembered,
}

/// An argument of an SQL function, as its body sees it.
#[derive(Debug, Clone)]
struct Parameter {
    name: crate::catalog::code::Name,
    flow: Flow,
}

/// What a name in FROM means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A query in WITH.
    Query,
    /// A relation of the snapshot, unchanged in this session.
    Relation(Oid),
    /// A relation that this session has made or changed.
    Own,
}

/// What names of a statement mean, by their places in its text.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Names in FROM.
    pub(super) relations: BTreeMap<i32, Meaning>,
    /// References whose value is that of a stored column, unchanged; `None` if it differs from one look to
    /// another.
    pub(super) columns: BTreeMap<i32, Option<ColumnId>>,
}

/// What is collected over a whole statement.
#[derive(Debug, Default)]
struct Facts {
    reads: Set,
    /// Relations that are named, views and those behind them included.
    relations: BTreeSet<Oid>,
    functions: BTreeSet<Oid>,
    gaps: Vec<Gap>,
    /// Tables that are written, each once.
    written: Vec<Written>,
    renames: Renames,
    /// Arguments of set-returning functions, if there are such in the output list at hand: they decide how
    /// many rows there are.
    multiplying: Option<Set>,
    /// Decided by data-modifying CTEs, which run whether they are used or not.
    indirect: Set,
    opaque: bool,
    /// What functions behind operators and conversions read, until a value takes it in.
    behind: Option<Box<Flow>>,
    /// Names of the statement's own text, by their places in it.
    names: Names,
    /// Whether row security was looked at, and for whom.
    secured: Secured,
}

impl Facts {
    fn status(&self) -> Status {
        match (self.opaque, self.gaps.is_empty()) {
            (true, _) => Status::Opaque,
            (false, true) => Status::Complete,
            (false, false) => Status::Partial,
        }
    }
}

fn gap(kind: GapKind, what: impl Into<String>) -> Gap {
    Gap { kind, what: what.into() }
}

impl<'a> Binder<'a> {
    fn new(catalog: &'a Catalog, session: &'a Session, path: &'a SearchPath) -> Self {
        Self {
            catalog,
            session,
            path,
            parameters: Vec::new(),
            function: "",
            facts: Facts::default(),
            steps: 0,
            depth: 0,
            open: Vec::new(),
            actors: Actors::of(catalog, session),
            operators: operator::Remembered::default(),
        }
    }

    /// Something is not understood; what is seen beside it still counts.
    fn gap(&mut self, kind: GapKind, what: impl Into<String>) {
        let new = gap(kind, what);
        if !self.facts.gaps.contains(&new) {
            self.facts.gaps.push(new);
        }
    }

    /// A column of a subquery or view is used: what computing it runs counts from here on.
    fn used(&mut self, flow: &mut Flow) {
        std::mem::take(&mut flow.runs).iter().for_each(|runs| self.ran(runs));
    }

    /// Functions behind operators and conversions read something: it flows into the value at hand.
    fn behind(&mut self, more: &Flow) {
        if !(more.direct.is_empty() && more.indirect.is_empty()) {
            self.facts.behind.get_or_insert_default().mix(more);
        }
    }

    /// The value at hand takes in what was read behind operators and conversions.
    fn settle(&mut self, flow: &mut Flow) {
        if let Some(behind) = self.facts.behind.take() {
            flow.take_in(&behind);
        }
    }

    /// The same of what decides.
    fn settle_deciding(&mut self, indirect: &mut Set) {
        if let Some(behind) = self.facts.behind.take() {
            indirect.add(&behind.direct);
            indirect.add(&behind.indirect);
        }
    }

    /// What no value has taken in may be in any.
    fn close(&mut self) {
        if let Some(behind) = self.facts.behind.take() {
            self.facts.indirect.add(&behind.direct);
            self.facts.indirect.add(&behind.indirect);
            self.gap(
                GapKind::OpaqueFunction,
                "where the value of a function behind an operator or cast goes",
            );
        }
    }

    /// Whether computing a column runs what the server runs whether anybody uses the column or not: it never
    /// leaves volatile functions out. One that is not known may be volatile.
    fn always_runs(&self, flow: &Flow) -> bool {
        let functions = &self.catalog.code.functions;
        let volatile =
            |oid: &Oid| functions.get(oid).is_none_or(|function| function.volatility == Volatility::Volatile);
        flow.runs.iter().any(|runs| {
            runs.functions.iter().any(volatile) || runs.gaps.iter().any(|gap| gap.kind == GapKind::Ambiguous)
        })
    }

    /// Keeps what `work` runs apart, for whoever uses its value.
    fn apart(&mut self, work: impl FnOnce(&mut Self) -> Bound<Flow>) -> Bound<Flow> {
        let (mut flow, runs) = self.aside(work)?;
        flow.runs.extend(runs);
        Ok(flow)
    }

    /// Gives what `work` runs beside its value, if it runs anything.
    fn aside<T>(&mut self, work: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<(T, Option<Arc<Runs>>)> {
        let functions = std::mem::take(&mut self.facts.functions);
        let gaps = std::mem::take(&mut self.facts.gaps);
        let value = work(self);
        let functions = std::mem::replace(&mut self.facts.functions, functions);
        let gaps = std::mem::replace(&mut self.facts.gaps, gaps);
        let runs = Runs { functions, gaps };
        Ok((value?, (runs != Runs::default()).then(|| Arc::new(runs))))
    }

    /// Of what `work` runs, PostgreSQL's own immutable functions are left out: they do nothing but compute, for
    /// something that the statement does not say.
    fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        let (value, runs) = self.aside(work)?;
        if let Some(runs) = runs {
            let catalog = self.catalog;
            let says = |oid: &Oid| {
                let known = catalog.code.functions.get(oid);
                oid.0 >= FIRST_NORMAL_OID
                    || known.is_none_or(|known| known.volatility != Volatility::Immutable)
            };
            let functions = runs.functions.iter().copied().filter(says).collect();
            self.ran(&Runs { functions, gaps: runs.gaps.clone() });
        }
        Ok(value)
    }

    fn ran(&mut self, runs: &Runs) {
        self.facts.functions.extend(runs.functions.iter().copied());
        runs.gaps.iter().for_each(|gap| self.gap(gap.kind, gap.what.clone()));
    }

    /// Counts work, so that a hostile text ends.
    fn step(&mut self, steps: usize) -> Bound<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS {
            return Err(gap(GapKind::TooLarge, "the statement takes too many steps to understand"));
        }
        Ok(())
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Bound<T>) -> Bound<T> {
        if self.depth >= DEEPEST {
            return Err(gap(GapKind::TooLarge, "the statement is nested too deeply"));
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// A construct that is newer than the server means something else there, or nothing.
    fn since(&self, version: u32, what: &str) -> Bound<()> {
        if self.catalog.server_version < version {
            let major = version / 10_000;
            let what = format!("{what} needs PostgreSQL {major}, and the server is older");
            return Err(gap(GapKind::NotReviewed, what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
