//! The rules of lineage, applied to the server's trees.
//!
//! Everything is by demand: an output column of a subquery is looked at when something uses it, so what
//! nobody uses gives nothing. What decides goes into one set as it is met. Recursive queries are walked
//! again until nothing new is found.
//!
//! [`scope`] says where a variable points to, [`rows`] what decides the rows of a query, [`columns`] what
//! a column of something comes from, [`expression`] what an expression does, [`write`] what is written.

mod call;
mod columns;
mod expression;
mod field;
mod rows;
mod scope;
mod write;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
};

use self::{scope::Scope, write::Written};
use super::{
    Sources,
    catalog::Catalog,
    node::{Node, Value},
};

/// What a statement's lineage must be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Sources of each column of the result.
    pub result: Option<Vec<Sources>>,
    /// Tables that are written.
    pub tables: BTreeMap<u32, Table>,
    pub indirect: Sources,
    /// Functions that run.
    pub functions: HashSet<u32>,
    /// Functions that stand anywhere in the statement, even where it is never looked at.
    pub mentioned: HashSet<u32>,
}

/// What is written into a table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Table {
    /// Sources of each column that gets a value.
    pub columns: BTreeMap<i16, Sources>,
    /// Columns that have certainly been named; the others may have got their default.
    pub sure: HashSet<i16>,
}

/// Where a recursive query names itself: the query and its column.
type Recursion = HashMap<(usize, i64), Sources>;

/// One walk over a statement.
pub struct Walk<'a> {
    catalog: &'a Catalog,
    expected: Expected,
    /// Numbers of scopes, by what makes them: outer scope, query, and the place of a call or a mode.
    scopes: HashMap<(usize, usize, usize), usize>,
    /// Queries whose rows have been used.
    used: HashSet<usize>,
    /// Columns already known.
    columns: HashMap<(usize, i64), Sources>,
    /// What the previous round knew of recursive queries.
    known: Recursion,
    /// Columns of recursive queries that were asked for.
    asked: Vec<(Rc<Scope<'a>>, i64)>,
    /// Results of queries that write.
    written: HashMap<usize, Rc<Written<'a>>>,
    /// Target lists that are being looked at: where `(a, b) = (SELECT …)` has its query.
    targets: Vec<&'a Value>,
    /// Functions whose bodies are open.
    open: Vec<u32>,
    /// Inside of expressions that the table's definition adds: what they call may be told or not.
    aside: u32,
}

impl<'a> Walk<'a> {
    #[must_use]
    pub fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            expected: Expected::default(),
            scopes: HashMap::new(),
            used: HashSet::new(),
            columns: HashMap::new(),
            known: HashMap::new(),
            asked: Vec::new(),
            written: HashMap::new(),
            targets: Vec::new(),
            open: Vec::new(),
            aside: 0,
        }
    }

    /// What the lineage of a statement must be, from its trees: several if rules say so.
    #[must_use]
    pub fn statement(mut self, trees: &'a [Value]) -> Expected {
        loop {
            for query in trees.iter().flat_map(Value::nodes) {
                self.top(query);
            }
            if self.settled() {
                break;
            }
        }
        let mut mentioned = self.expected.mentioned.clone();
        trees.iter().for_each(|tree| self.mention(tree, &mut mentioned));
        mentioned.extend(&self.expected.functions);
        Expected { mentioned, ..self.expected }
    }

    fn top(&mut self, query: &'a Node) {
        let scope = self.scope(query, None);
        let count = self.run(&scope);
        if query.is_true("canSetTag") && count > 0 {
            let columns = (1..=count).map(|number| self.column(&scope, number)).collect();
            self.expected.result = Some(columns);
        }
    }

    /// What happens when a query runs whose columns nobody has asked for yet; gives their number.
    fn run(&mut self, scope: &Rc<Scope<'a>>) -> i64 {
        self.rows(scope);
        let outputs = columns::outputs(scope.query).filter(|entry| !entry.is_true("resjunk")).count();
        i64::try_from(outputs).expect("few columns")
    }

    /// Whether another round would find nothing new; readies for it if not.
    fn settled(&mut self) -> bool {
        let mut news = false;
        let mut done = 0;
        while done < self.asked.len() {
            let (scope, number) = self.asked[done].clone();
            done += 1;
            let found = self.column(&scope, number);
            news |= self.known.insert((scope.id, number), found.clone()).unwrap_or_default() != found;
        }
        if news {
            self.expected = Expected::default();
            self.used.clear();
            self.columns.clear();
            self.asked.clear();
            self.written.clear();
        }
        !news
    }

    fn decide(&mut self, scope: &Rc<Scope<'a>>, value: &'a Value) {
        let sources = self.direct(scope, value);
        self.expected.indirect.extend(sources);
    }

    /// A number for a scope: the same whenever the same things make it.
    fn number(&mut self, outer: usize, query: &Node, place: usize) -> usize {
        let next = self.scopes.len() + 1;
        *self.scopes.entry((outer, std::ptr::from_ref(query) as usize, place)).or_insert(next)
    }
}
