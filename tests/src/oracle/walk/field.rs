//! One field of a row value: only that field's sources, as far as the row can be followed.

use std::rc::Rc;

use super::{
    Walk, columns,
    rows::{COMMON_TABLE, GROUP, JOIN, SUBQUERY, VALUES},
    scope::Scope,
};
use crate::oracle::{
    Sources,
    node::{Node, Value},
};

const ONE_VALUE: i64 = 4;

impl<'a> Walk<'a> {
    /// What flows into field `number` of a row.
    pub(super) fn field(&mut self, scope: &Rc<Scope<'a>>, row: &'a Value, number: i64) -> Sources {
        let Some(node) = row.node() else { return Sources::new() };
        let place = usize::try_from(number - 1).expect("fields are counted from 1");
        match node.kind.as_str() {
            "ROWEXPR" | "ROW" => {
                let argument = node.get("args").items().get(place);
                argument.map(|argument| self.direct(scope, argument)).unwrap_or_default()
            }
            "VAR" => self.variable_field(scope, node, number),
            "PARAM" if node.number("paramkind") == 0 => {
                self.at_argument(scope, node.number("paramid"), |walk, caller, argument| {
                    walk.field(caller, argument, number)
                })
            }
            "RELABELTYPE" | "COERCETODOMAIN" | "NAMEDARGEXPR" => self.field(scope, node.get("arg"), number),
            "COALESCEEXPR" | "COALESCE" => {
                let each = node.get("args").items().iter();
                each.flat_map(|argument| self.field(scope, argument, number)).collect()
            }
            "CASEEXPR" | "CASE" => self.case_field(scope, node, number),
            "SUBLINK" if node.number("subLinkType") == ONE_VALUE => {
                let inner = self.scope(node.get("subselect").node().expect("a query"), Some(scope));
                self.rows(&inner);
                self.query_field(&inner, 1, number)
            }
            "FUNCEXPR" => self.call_field(scope, node, number),
            _ => self.direct(scope, row),
        }
    }

    fn case_field(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, number: i64) -> Sources {
        self.decide(scope, node.get("arg"));
        let mut sources = self.field(scope, node.get("defresult"), number);
        for when in node.get("args").nodes() {
            self.decide(scope, when.get("expr"));
            sources.extend(self.field(scope, when.get("result"), number));
        }
        sources
    }

    fn variable_field(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, number: i64) -> Sources {
        let home = scope.up(node.number("varlevelsup"));
        let [entry, column, version] =
            ["varno", "varattno", "varreturningtype"].map(|field| node.number(field));
        match column {
            0 => self.entry_column(&home, entry, number, version),
            _ => self.entry_field(&home, entry, column, number, version),
        }
    }

    /// A field of a column of an entry of FROM.
    fn entry_field(
        &mut self,
        scope: &Rc<Scope<'a>>,
        number: i64,
        column: i64,
        field: i64,
        version: i64,
    ) -> Sources {
        let whole = |walk: &mut Self| walk.entry_column(scope, number, column, version);
        if let Some(row) = scope.stand_ins.get(&number) {
            return match row.assigned(column, version) {
                Some(values) => {
                    let each = values.iter().map(|(scope, value)| self.field(scope, value, field));
                    each.flatten().collect()
                }
                None => whole(self),
            };
        }
        let entry = scope.entry(number);
        let place = usize::try_from(column - 1).unwrap_or(0);
        match entry.number("rtekind") {
            SUBQUERY => {
                let inner = self.scope(entry.get("subquery").node().expect("a query"), Some(scope));
                self.query_field(&inner, column, field)
            }
            COMMON_TABLE if !entry.is_true("self_reference") => {
                let inner = self.common_table(scope, entry);
                self.query_field(&inner, column, field)
            }
            JOIN => self.field(scope, &entry.get("joinaliasvars").items()[place], field),
            GROUP => self.field(scope, &entry.get("groupexprs").items()[place], field),
            VALUES => {
                let rows = entry.get("values_lists").items().iter();
                rows.flat_map(|row| self.field(scope, &row.items()[place], field)).collect()
            }
            _ => whole(self),
        }
    }

    /// A field of a column that a query gives out.
    pub(super) fn query_field(&mut self, scope: &Rc<Scope<'a>>, column: i64, field: i64) -> Sources {
        let operation = scope.query.get("setOperations");
        if !operation.is_nothing() {
            return self.operand_field(scope, operation, column, field);
        }
        let entry = columns::output_entry(scope.query, column);
        let scope = self.returning(scope);
        self.field(&scope, entry.get("expr"), field)
    }

    fn operand_field(&mut self, scope: &Rc<Scope<'a>>, tree: &'a Value, column: i64, field: i64) -> Sources {
        const EXCEPT: i64 = 3;
        let node = tree.node().expect("a side");
        if node.kind == "RANGETBLREF" {
            return self.entry_field(scope, node.number("rtindex"), column, field, 0);
        }
        let mut sources = self.operand_field(scope, node.get("larg"), column, field);
        if node.number("op") != EXCEPT {
            sources.extend(self.operand_field(scope, node.get("rarg"), column, field));
        }
        sources
    }
}
