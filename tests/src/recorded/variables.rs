//! The columns that stand in a tree as the server keeps it, whole rows included.

use crate::oracle::{
    Sources,
    catalog::Catalog,
    node::{Node, Value},
};

/// What an entry of a range table can be; the numbers are those of `RTEKind`.
const RELATION: i64 = 0;
const JOIN: i64 = 2;
const GROUP: i64 = 9;

/// Parts of an entry that are expressions of the query. Left out are the columns of a join, which are
/// looked at when a variable is one of them.
const PARTS: [&str; 7] =
    ["subquery", "functions", "tablefunc", "values_lists", "tablesample", "groupexprs", "securityQuals"];

/// What variables stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    /// Columns of relations.
    pub(super) columns: Sources,
    /// Columns of whole rows, which the server does not record one by one.
    pub(super) of_rows: Sources,
}

/// Every variable of a tree.
pub(super) fn variables(tree: &Value, catalog: &Catalog) -> Variables {
    let mut found = Variables::default();
    Visit { catalog, found: &mut found }.value(tree, &mut Vec::new());
    found
}

struct Visit<'v> {
    catalog: &'v Catalog,
    found: &'v mut Variables,
}

impl Visit<'_> {
    fn value<'a>(&mut self, value: &'a Value, queries: &mut Vec<&'a Node>) {
        let Value::Node(node) = value else {
            return value.items().iter().for_each(|item| self.value(item, queries));
        };
        match node.kind.as_str() {
            "QUERY" => {
                queries.push(node);
                node.values().for_each(|value| self.value(value, queries));
                queries.pop();
            }
            "RTE" | "RANGETBLENTRY" => PARTS.iter().for_each(|part| self.value(node.get(part), queries)),
            "VAR" => self.variable(node, queries),
            _ => node.values().for_each(|value| self.value(value, queries)),
        }
    }

    fn variable(&mut self, variable: &Node, queries: &[&Node]) {
        let levels = usize::try_from(variable.number("varlevelsup")).expect("levels are counted from 0");
        let mut around = queries[..queries.len() - levels].to_vec();
        let query = around.last().expect("a variable stands in a query");
        let entry = usize::try_from(variable.number("varno") - 1).expect("entries are counted from 1");
        let entry = query.get("rtable").items()[entry].node().expect("an entry");
        let place = i16::try_from(variable.number("varattno")).expect("an attribute number");
        let list = match entry.number("rtekind") {
            RELATION => return self.column(entry.oid("relid"), place),
            JOIN => entry.get("joinaliasvars").items(),
            GROUP => entry.get("groupexprs").items(),
            _ => return,
        };
        match usize::try_from(place - 1).ok() {
            Some(place) => list.get(place).into_iter().for_each(|behind| self.value(behind, &mut around)),
            None => {
                let mut row = Variables::default();
                let mut visit = Visit { catalog: self.catalog, found: &mut row };
                list.iter().for_each(|behind| visit.value(behind, &mut around));
                self.found.of_rows.extend(row.columns.into_iter().chain(row.of_rows));
            }
        }
    }

    fn column(&mut self, relation: u32, place: i16) {
        if place == 0 {
            let columns = self.catalog.columns(relation);
            return self.found.of_rows.extend(columns.map(|place| (relation, place)));
        }
        self.found.columns.insert((relation, place));
    }
}
