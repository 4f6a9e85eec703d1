//! What a column of a query, of an entry of FROM or of a stored table comes from.

use std::{collections::HashMap, rc::Rc};

use super::{
    Walk,
    rows::{COMMON_TABLE, FUNCTION, GROUP, JOIN, RELATION, SUBQUERY, TABLE_FUNCTION, VALUES},
    scope::Scope,
    write::Row,
};
use crate::oracle::{
    Sources,
    node::{EMPTY_QUERY, Node, Value},
};

/// What XMLTABLE and JSON_TABLE make all their rows from.
pub(super) const ROW_ARGUMENTS: [&str; 4] = ["docexpr", "rowexpr", "ns_uris", "passingvalexprs"];

const SELECT: i64 = 1;

/// The entries of what a query gives out.
pub(super) fn outputs(query: &Node) -> impl Iterator<Item = &Node> {
    let list = if query.number("commandType") == SELECT { "targetList" } else { "returningList" };
    query.get(list).nodes()
}

impl<'a> Walk<'a> {
    /// A column that a query gives out.
    pub(super) fn column(&mut self, scope: &Rc<Scope<'a>>, number: i64) -> Sources {
        if let Some(known) = self.columns.get(&(scope.id, number)) {
            return known.clone();
        }
        let entry = output_entry(scope.query, number);
        let sources = match scope.query.get("setOperations") {
            Value::Nothing => {
                let scope = self.returning(scope);
                self.output(&scope, entry)
            }
            operation => self.operand(scope, operation, number),
        };
        self.columns.insert((scope.id, number), sources.clone());
        sources
    }

    /// An entry of a target list.
    pub(super) fn output(&mut self, scope: &Rc<Scope<'a>>, entry: &'a Node) -> Sources {
        match scope.query.get("setOperations") {
            Value::Nothing => self.direct(scope, entry.get("expr")),
            operation => self.operand(scope, operation, entry.number("resno")),
        }
    }

    /// Every column that a query gives out.
    pub(super) fn every_column(&mut self, scope: &Rc<Scope<'a>>) -> Sources {
        let numbers: Vec<i64> = outputs(scope.query)
            .filter(|entry| !entry.is_true("resjunk"))
            .map(|entry| entry.number("resno"))
            .collect();
        numbers.into_iter().flat_map(|number| self.column(scope, number)).collect()
    }

    /// What a variable comes from.
    pub(super) fn variable(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node) -> Sources {
        let home = scope.up(node.number("varlevelsup"));
        let [entry, number] = ["varno", "varattno"].map(|field| node.number(field));
        self.entry_column(&home, entry, number, node.number("varreturningtype"))
    }

    /// A column of an entry of FROM; number 0 is the whole row. `version` tells OLD and NEW in RETURNING.
    pub(super) fn entry_column(
        &mut self,
        scope: &Rc<Scope<'a>>,
        entry: i64,
        number: i64,
        version: i64,
    ) -> Sources {
        if let Some(row) = scope.stand_ins.get(&entry) {
            return row.column(number, version);
        }
        let entry = scope.entry(entry);
        match entry.number("rtekind") {
            RELATION => self.stored(entry.oid("relid"), number),
            SUBQUERY => {
                let inner = self.scope(entry.get("subquery").node().expect("a query"), Some(scope));
                self.query_column(&inner, number)
            }
            COMMON_TABLE => self.common_table_column(scope, entry, number),
            JOIN => self.listed(scope, entry.get("joinaliasvars"), number),
            GROUP => self.listed(scope, entry.get("groupexprs"), number),
            VALUES => {
                let rows = entry.get("values_lists").items().iter();
                rows.flat_map(|row| self.listed(scope, row, number)).collect()
            }
            FUNCTION => self.function_column(scope, entry, number),
            TABLE_FUNCTION => self.table_function_column(scope, entry, number),
            _ => Sources::new(),
        }
    }

    fn query_column(&mut self, scope: &Rc<Scope<'a>>, number: i64) -> Sources {
        if number == 0 { self.every_column(scope) } else { self.column(scope, number) }
    }

    fn listed(&mut self, scope: &Rc<Scope<'a>>, list: &'a Value, number: i64) -> Sources {
        match usize::try_from(number - 1) {
            Ok(place) => self.direct(scope, &list.items()[place]),
            Err(_) => self.direct(scope, list),
        }
    }

    fn common_table_column(&mut self, scope: &Rc<Scope<'a>>, entry: &'a Node, number: i64) -> Sources {
        let inner = self.common_table(scope, entry);
        if !entry.is_true("self_reference") {
            return self.query_column(&inner, number);
        }
        let count = outputs(inner.query).filter(|entry| !entry.is_true("resjunk")).count();
        let every = 1..=i64::try_from(count).expect("few columns");
        let numbers = if number == 0 { every } else { number..=number };
        let mut sources = Sources::new();
        for number in numbers {
            if !self.asked.iter().any(|(scope, asked)| scope.id == inner.id && *asked == number) {
                self.asked.push((Rc::clone(&inner), number));
            }
            sources.extend(self.known.get(&(inner.id, number)).into_iter().flatten());
        }
        sources
    }

    /// A column of a stored table: itself, unless it is computed when it is read.
    pub(super) fn stored(&mut self, relation: u32, number: i64) -> Sources {
        let place = i16::try_from(number).expect("an attribute number");
        let catalog = self.catalog;
        if place == 0 {
            return catalog
                .columns(relation)
                .flat_map(|place| self.stored(relation, i64::from(place)))
                .collect();
        }
        match catalog.relations.get(&relation).and_then(|relation| relation.computed.get(&place)) {
            None => Sources::from([(relation, place)]),
            Some(expression) => {
                let itself = |place: &i16| (*place, Sources::from([(relation, *place)]));
                let columns: Vec<i16> = catalog.columns(relation).collect();
                self.generated(expression, Row::same(relation, columns.iter().map(itself).collect()))
            }
        }
    }

    /// The expression of a generated column over a row.
    pub(super) fn generated(&mut self, expression: &'a Value, row: Row<'a>) -> Sources {
        let stand_ins = HashMap::from([(1, Rc::new(row))]);
        // The row is another one every time: a number that no other scope has.
        let id = self.number(usize::MAX, &EMPTY_QUERY, self.scopes.len());
        let scope = Scope { id, query: &EMPTY_QUERY, outer: None, stand_ins, call: None };
        self.aside += 1;
        let sources = self.direct(&Rc::new(scope), expression);
        self.aside -= 1;
        sources
    }

    fn table_function_column(&mut self, scope: &Rc<Scope<'a>>, entry: &'a Node, number: i64) -> Sources {
        let function = entry.get("tablefunc").node().expect("a function");
        if number > 0 && only_counts(function, number - 1) {
            return Sources::new();
        }
        let mut sources: Sources =
            ROW_ARGUMENTS.iter().flat_map(|field| self.direct(scope, function.get(field))).collect();
        for field in ["colexprs", "coldefexprs", "colvalexprs"] {
            let list = function.get(field);
            sources.extend(match usize::try_from(number - 1) {
                Err(_) => self.direct(scope, list),
                Ok(place) => list.items().get(place).map(|one| self.direct(scope, one)).unwrap_or_default(),
            });
        }
        sources
    }
}

/// Whether a column of XMLTABLE or JSON_TABLE only numbers the rows.
fn only_counts(function: &Node, place: i64) -> bool {
    const JSON: i64 = 1;
    if function.number("functype") != JSON {
        return function.number("ordinalitycol") == place;
    }
    let expression =
        usize::try_from(place).ok().and_then(|place| function.get("colvalexprs").items().get(place));
    expression.is_none_or(Value::is_nothing)
}

pub(super) fn output_entry(query: &Node, number: i64) -> &Node {
    let found = outputs(query).find(|entry| entry.number("resno") == number && !entry.is_true("resjunk"));
    found.unwrap_or_else(|| panic!("there is no column {number}"))
}
