//! What decides which rows a query has.

use std::rc::Rc;

use super::{Walk, columns, scope::Scope};
use crate::oracle::node::Value;

pub(super) const RELATION: i64 = 0;
pub(super) const SUBQUERY: i64 = 1;
pub(super) const JOIN: i64 = 2;
pub(super) const FUNCTION: i64 = 3;
pub(super) const TABLE_FUNCTION: i64 = 4;
pub(super) const VALUES: i64 = 5;
pub(super) const COMMON_TABLE: i64 = 6;
pub(super) const GROUP: i64 = 9;

const SELECT: i64 = 1;

const UNION: i64 = 1;
const EXCEPT: i64 = 3;

impl<'a> Walk<'a> {
    /// The rows of this query are used.
    pub(super) fn rows(&mut self, scope: &Rc<Scope<'a>>) {
        if !self.used.insert(scope.id) {
            return;
        }
        let query = scope.query;
        self.writing_tables(scope);
        if query.number("commandType") != SELECT {
            self.write(scope);
            return;
        }
        self.from(scope, query.get("jointree"));
        self.compare(scope, query.get("setOperations"));
        for clause in ["groupClause", "distinctClause", "sortClause"] {
            self.sort_clauses(scope, query.get(clause));
        }
        for clause in ["havingQual", "limitOffset", "limitCount"] {
            self.decide(scope, query.get(clause));
        }
        for entry in columns::outputs(query) {
            self.set_rows(scope, entry.get("expr"));
        }
    }

    /// Common table expressions that write run whether somebody names them or not.
    fn writing_tables(&mut self, scope: &Rc<Scope<'a>>) {
        for table in scope.query.get("cteList").nodes() {
            let query = table.get("ctequery").node().expect("a query");
            if query.number("commandType") != SELECT {
                let inner = self.scope(query, Some(scope));
                self.rows(&inner);
            }
        }
    }

    /// FROM and WHERE.
    pub(super) fn from(&mut self, scope: &Rc<Scope<'a>>, tree: &'a Value) {
        let Some(node) = tree.node() else { return };
        match node.kind.as_str() {
            "RANGETBLREF" => self.entry_rows(scope, node.number("rtindex")),
            "JOINEXPR" => {
                self.from(scope, node.get("larg"));
                self.from(scope, node.get("rarg"));
                self.decide(scope, node.get("quals"));
            }
            "FROMEXPR" => {
                node.get("fromlist").items().iter().for_each(|item| self.from(scope, item));
                self.decide(scope, node.get("quals"));
            }
            other => panic!("{other} in FROM is new to the oracle"),
        }
    }

    fn entry_rows(&mut self, scope: &Rc<Scope<'a>>, number: i64) {
        let entry = scope.entry(number);
        self.decide(scope, entry.get("securityQuals"));
        match entry.number("rtekind") {
            RELATION => {
                if let Some(sample) = entry.get("tablesample").node() {
                    self.decide(scope, sample.get("args"));
                    self.decide(scope, sample.get("repeatable"));
                }
            }
            SUBQUERY => {
                let inner = self.scope(entry.get("subquery").node().expect("a query"), Some(scope));
                self.rows(&inner);
            }
            FUNCTION => entry.get("functions").nodes().for_each(|function| {
                self.function_rows(scope, function.get("funcexpr"));
            }),
            TABLE_FUNCTION => {
                let function = entry.get("tablefunc").node().expect("a function");
                columns::ROW_ARGUMENTS.iter().for_each(|field| self.decide(scope, function.get(field)));
            }
            COMMON_TABLE => {
                let inner = self.common_table(scope, entry);
                // A recursive query's own rows are being looked at already.
                if !entry.is_true("self_reference") {
                    self.rows(&inner);
                }
            }
            _ => {}
        }
    }

    /// A function in FROM is called for its rows even if no column is used; only one that gives a set
    /// decides how many there are.
    fn function_rows(&mut self, scope: &Rc<Scope<'a>>, call: &'a Value) {
        self.set_rows(scope, call);
        // Whoever uses a column goes through its arguments again.
        let before = (self.expected.indirect.clone(), self.used.clone(), self.columns.clone());
        self.direct(scope, call);
        (self.expected.indirect, self.used, self.columns) = before;
    }

    /// What decides how many rows the functions in an expression give that give several: the conditions
    /// of their bodies where these are known, else their arguments.
    fn set_rows(&mut self, scope: &Rc<Scope<'a>>, value: &'a Value) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.set_rows(scope, item)),
            Value::Node(node) => match node.kind.as_str() {
                // What happens in a subquery stays there.
                "QUERY" => {}
                _ if node.is_true("funcretset") || node.is_true("opretset") => {
                    if !self.runs_body(scope, node) {
                        self.decide(scope, node.get("args"));
                    }
                    self.set_rows(scope, node.get("args"));
                }
                _ => node.values().for_each(|value| self.set_rows(scope, value)),
            },
            _ => {}
        }
    }

    /// Set operations but for UNION ALL compare every column.
    fn compare(&mut self, scope: &Rc<Scope<'a>>, tree: &'a Value) {
        let Some(node) = tree.node() else { return };
        if node.kind == "RANGETBLREF" {
            return self.entry_rows(scope, node.number("rtindex"));
        }
        let [left, right] = [node.get("larg"), node.get("rarg")];
        self.compare(scope, left);
        self.compare(scope, right);
        if node.number("op") == UNION && node.is_true("all") {
            return;
        }
        let count = columns::outputs(scope.query).filter(|entry| !entry.is_true("resjunk")).count();
        for number in 1..=i64::try_from(count).expect("few columns") {
            for side in [left, right] {
                let sources = self.operand(scope, side, number);
                self.expected.indirect.extend(sources);
            }
        }
    }

    /// A column of one side of a set operation.
    pub(super) fn operand(&mut self, scope: &Rc<Scope<'a>>, tree: &'a Value, number: i64) -> super::Sources {
        let node = tree.node().expect("a side");
        if node.kind == "RANGETBLREF" {
            return self.entry_column(scope, node.number("rtindex"), number, 0);
        }
        let mut sources = self.operand(scope, node.get("larg"), number);
        // What EXCEPT takes away does not come out.
        if node.number("op") != EXCEPT {
            sources.extend(self.operand(scope, node.get("rarg"), number));
        }
        sources
    }

    /// GROUP BY, ORDER BY and their like name entries of the target list.
    pub(super) fn sort_clauses(&mut self, scope: &Rc<Scope<'a>>, clauses: &'a Value) {
        for clause in clauses.nodes() {
            let reference = clause.number("tleSortGroupRef");
            let mut entries = scope.query.get("targetList").nodes();
            let entry = entries.find(|entry| entry.number("ressortgroupref") == reference).expect("an entry");
            let sources = self.output(scope, entry);
            self.expected.indirect.extend(sources);
        }
    }
}
