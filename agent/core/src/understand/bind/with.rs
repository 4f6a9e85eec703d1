//! WITH: names for queries, bound when they are first used.
//!
//! Nobody's use is needed for a data-modifying one to run. A query that nobody uses does not run, and gives
//! nothing.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use pg_query::{
    NodeEnum,
    protobuf::{CommonTableExpr, CteMaterialize, Node, SelectStmt, SetOperation, WithClause},
};

use super::{
    Binder, Bound,
    flow::{BOOL, Flow, RECORD, Runs},
    gap,
    item::Named,
    scope::Env,
    select::Rows,
    set::Set,
};
use crate::{catalog::Oid, lineage::GapKind, understand::walk::text};

/// `record[]`
const RECORDS: Oid = Oid(2287);

/// Rounds after which a recursive query must have settled: each adds a column to some set.
const MOST_ROUNDS: usize = 1_000;

/// One WITH clause.
#[derive(Debug)]
pub(super) struct Ctes<'e, 'a> {
    list: Vec<Cte<'a>>,
    recursive: bool,
    /// What stood around the clause.
    around: Env<'e, 'a>,
}

/// A WITH clause as something in its sight sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CtesSeen<'e, 'a> {
    ctes: &'e Ctes<'e, 'a>,
    /// How many of its names can be seen.
    visible: usize,
}

#[derive(Debug)]
struct Cte<'a> {
    name: &'a str,
    expression: &'a CommonTableExpr,
    state: RefCell<State<'a>>,
    /// It was used already: what is used more than once is computed by itself, with every column.
    used: Cell<bool>,
}

#[derive(Debug, Clone)]
enum State<'a> {
    New,
    /// Being bound; a reference to it in this state is recursion.
    Open(Option<Rc<Shared<'a>>>),
    Done(Rc<Shared<'a>>),
}

/// Rows of a CTE, the same for each use.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shared<'a> {
    pub(super) columns: Rc<Vec<Named<'a>>>,
    pub(super) indirect: Set,
    /// What its rows run, each time that they are used.
    runs: Option<Arc<Runs>>,
}

impl PartialEq for Named<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.flow.direct == other.flow.direct
            && self.flow.indirect == other.flow.indirect
            && self.flow.functions() == other.flow.functions()
    }
}

impl<'a> Binder<'a> {
    /// Binds what follows a WITH clause with its names in sight.
    pub(super) fn with<T>(
        &mut self,
        clause: Option<&'a WithClause>,
        env: Env<'_, 'a>,
        work: impl FnOnce(&mut Self, Env<'_, 'a>) -> Bound<T>,
    ) -> Bound<T> {
        let Some(clause) = clause else { return work(self, env) };
        let mut list = Vec::new();
        for node in &clause.ctes {
            let Some(NodeEnum::CommonTableExpr(expression)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an item of WITH"));
            };
            list.push(Cte {
                name: &expression.ctename,
                expression,
                state: RefCell::new(State::New),
                used: Cell::new(expression.ctematerialized == CteMaterialize::Always as i32),
            });
        }
        let ctes = Ctes { list, recursive: clause.recursive, around: env };
        for (place, cte) in ctes.list.iter().enumerate() {
            if !matches!(query_of(cte.expression), Some(NodeEnum::SelectStmt(_))) {
                let shared = self.used_cte(&ctes, place)?;
                self.facts.indirect.add(&shared.indirect);
            }
        }
        let seen = CtesSeen { ctes: &ctes, visible: ctes.list.len() };
        let done = work(self, Env { ctes: Some(seen), ..env })?;
        // What nobody used does not run, but it is bound: it may not be understood.
        for place in 0..ctes.list.len() {
            let shared = self.cte(&ctes, place)?;
            for gap in shared.runs.iter().flat_map(|runs| &runs.gaps) {
                self.gap(gap.kind, gap.what.clone());
            }
        }
        Ok(done)
    }

    /// The CTE that a bare name means.
    pub(super) fn find_cte(&mut self, name: &str, env: Env<'_, 'a>) -> Bound<Option<Rc<Shared<'a>>>> {
        let mut around = env.ctes;
        while let Some(CtesSeen { ctes, visible }) = around {
            let seen = ctes.list.get(..visible).unwrap_or_default();
            if let Some(place) = seen.iter().rposition(|cte| cte.name == name) {
                return self.used_cte(ctes, place).map(Some);
            }
            around = ctes.around.ctes;
        }
        Ok(None)
    }

    fn used_cte(&mut self, ctes: &Ctes<'_, 'a>, place: usize) -> Bound<Rc<Shared<'a>>> {
        let shared = self.cte(ctes, place)?;
        if let Some(runs) = &shared.runs {
            self.ran(runs);
        }
        if ctes.list.get(place).is_some_and(|cte| cte.used.replace(true)) {
            for runs in shared.columns.iter().flat_map(|column| &column.flow.runs) {
                self.ran(runs);
            }
        }
        Ok(shared)
    }

    fn cte(&mut self, ctes: &Ctes<'_, 'a>, place: usize) -> Bound<Rc<Shared<'a>>> {
        let Some(cte) = ctes.list.get(place) else {
            return Err(gap(GapKind::NotReviewed, "an item of WITH"));
        };
        let state = cte.state.borrow().clone();
        match state {
            State::Done(shared) | State::Open(Some(shared)) => return Ok(shared),
            State::Open(None) => {
                return Err(gap(GapKind::NotReviewed, format!("the recursion of {}", cte.name)));
            }
            State::New => {}
        }
        *cte.state.borrow_mut() = State::Open(None);
        let (mut shared, runs) =
            self.aside(|binder| binder.deeper(|binder| binder.bind_cte(ctes, place, cte)))?;
        Rc::make_mut(&mut shared).runs = runs;
        *cte.state.borrow_mut() = State::Done(Rc::clone(&shared));
        Ok(shared)
    }

    fn bind_cte(&mut self, ctes: &Ctes<'_, 'a>, place: usize, cte: &Cte<'a>) -> Bound<Rc<Shared<'a>>> {
        let visible = if ctes.recursive { ctes.list.len() } else { place };
        let env = Env { ctes: Some(CtesSeen { ctes, visible }), windows: None, ..ctes.around };
        let Some(query) = cte.expression.ctequery.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "an empty item of WITH"));
        };
        let recursive = match &query.node {
            Some(NodeEnum::SelectStmt(select)) if ctes.recursive => recursive(select, cte.name),
            _ => None,
        };
        match recursive {
            Some(select) => self.recursive_cte(select, env, cte),
            None => {
                let rows = self.query(query, env)?;
                self.searched(shared(cte, rows)?, cte)
            }
        }
    }

    /// The first side gives names and types; the second is bound until nothing is added.
    fn recursive_cte(
        &mut self,
        select: &'a SelectStmt,
        env: Env<'_, 'a>,
        cte: &Cte<'a>,
    ) -> Bound<Rc<Shared<'a>>> {
        self.with(select.with_clause.as_ref(), env, |binder, env| {
            let (Some(first), Some(second)) = (&select.larg, &select.rarg) else {
                return Err(gap(GapKind::NotReviewed, "a set operation with one side"));
            };
            let base = shared(cte, binder.select(first, env)?)?;
            let mut known = binder.searched(Rc::clone(&base), cte)?;
            for _ in 0..MOST_ROUNDS {
                *cte.state.borrow_mut() = State::Open(Some(Rc::clone(&known)));
                let rows = binder.select(second, env)?;
                let both = binder.union(&base, rows, select.all)?;
                let next = binder.searched(both, cte)?;
                // Gaps that the second side has are in the newer one only.
                if next == known {
                    return Ok(next);
                }
                known = next;
            }
            Err(gap(GapKind::TooLarge, "a recursive query does not settle"))
        })
    }

    /// What both sides give so far.
    fn union(&mut self, base: &Shared<'a>, rows: Rows<'a>, all: bool) -> Bound<Rc<Shared<'a>>> {
        if rows.columns.len() != base.columns.len() {
            return Err(gap(GapKind::UnknownObject, "the sides of a union differ in columns"));
        }
        let mut columns = Vec::clone(&base.columns);
        let mut indirect = base.indirect.clone();
        indirect.add(&rows.indirect);
        for (column, other) in columns.iter_mut().zip(&rows.columns) {
            let type_oid = column.flow.type_oid;
            column.flow.either(&other.flow);
            column.flow.identity = None;
            column.flow.type_oid = type_oid;
            if !all {
                // Rows that are there already are left out: every column is compared.
                self.used(&mut column.flow.clone());
                indirect.add(&column.flow.direct);
                indirect.add(&column.flow.indirect);
            }
        }
        Ok(Rc::new(Shared { columns: Rc::new(columns), indirect, runs: None }))
    }

    /// Adds the columns of SEARCH and CYCLE.
    fn searched(&mut self, rows: Rc<Shared<'a>>, cte: &Cte<'a>) -> Bound<Rc<Shared<'a>>> {
        let expression = cte.expression;
        if expression.search_clause.is_none() && expression.cycle_clause.is_none() {
            return Ok(rows);
        }
        self.since(140_000, "SEARCH or CYCLE")?;
        let mut columns = Vec::clone(&rows.columns);
        let mut indirect = rows.indirect.clone();
        if let Some(search) = &expression.search_clause {
            let type_oid = if search.search_breadth_first { RECORD } else { RECORDS };
            let flow = listed(&columns, &search.search_col_list).computed(type_oid);
            self.run_builtin(if search.search_breadth_first { "int8inc" } else { "array_cat" });
            add(&mut columns, &search.search_seq_column, flow);
        }
        if let Some(cycle) = &expression.cycle_clause {
            let mut path = listed(&columns, &cycle.cycle_col_list).computed(RECORDS);
            // Each row's path is looked through, whoever uses it.
            self.used(&mut path);
            let mut types = Vec::new();
            for value in [&cycle.cycle_mark_value, &cycle.cycle_mark_default].into_iter().flatten() {
                types.push(self.expression(value, Env::default())?.type_oid);
            }
            let mut mark = Flow::constant(if types.is_empty() { BOOL } else { self.common_of(&types) });
            for name in ["array_cat", "record_eq"] {
                self.run_builtin(name);
            }
            self.operate(&["pg_catalog", "<>"], Some(mark.type_oid), mark.type_oid);
            mark.depend(&path);
            indirect.add(&mark.indirect);
            add(&mut columns, &cycle.cycle_mark_column, mark);
            add(&mut columns, &cycle.cycle_path_column, path);
        }
        Ok(Rc::new(Shared { columns: Rc::new(columns), indirect, runs: None }))
    }
}

/// A union with a side that names itself.
fn recursive<'a>(select: &'a SelectStmt, name: &str) -> Option<&'a SelectStmt> {
    let union = SetOperation::try_from(select.op) == Ok(SetOperation::SetopUnion);
    let names = select.rarg.as_deref().is_some_and(|side| super::clause::names_relation(side, name));
    (union && names).then_some(select)
}

fn query_of(expression: &CommonTableExpr) -> Option<&NodeEnum> {
    expression.ctequery.as_deref().and_then(|query| query.node.as_ref())
}

/// Rows under the names that the clause gives them.
fn shared<'a>(cte: &Cte<'a>, rows: Rows<'a>) -> Bound<Rc<Shared<'a>>> {
    let Rows { mut columns, indirect } = rows;
    let names: Vec<&str> = cte.expression.aliascolnames.iter().filter_map(text).collect();
    if names.len() > columns.len() {
        return Err(gap(GapKind::UnknownObject, format!("{} has fewer columns than names", cte.name)));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.name = Cow::Borrowed(name);
    }
    Ok(Rc::new(Shared { columns: Rc::new(columns), indirect, runs: None }))
}

/// What the named columns come from, all together.
fn listed(columns: &[Named<'_>], names: &[Node]) -> Flow {
    let mut flow = Flow::default();
    for name in names.iter().filter_map(text) {
        if let Some(column) = columns.iter().find(|column| column.name == name) {
            flow.mix(&column.flow);
        }
    }
    flow
}

fn add<'a>(columns: &mut Vec<Named<'a>>, name: &'a str, flow: Flow) {
    columns.push(Named { name: Cow::Borrowed(name), flow });
}
