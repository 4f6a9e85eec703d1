//! Rows that somebody does not see: a condition over the columns of one table, given by an administrator. It is
//! written anew from its tree, with every column and operator named in full, so that no search path can change what
//! it means; what it may say cannot fail, whatever stands in a row.

use std::{collections::HashSet, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{AConst, AExpr, AExprKind, BoolExprType, BoolTestType, Node, NullTestType, a_const::Val},
};

use super::{Catalog, Details, FIRST_NORMAL_OID, Oid, Relation, RelationKind, code::TypeKind, quoted};

/// Longest condition in bytes.
const LONGEST: usize = 4_096;

/// How deep a condition may nest.
const DEEPEST: usize = 32;

/// Operators that compare a column with a constant.
const OPERATORS: [&str; 7] = ["=", "<>", "!=", "<", "<=", ">", ">="];

/// The name of the table within the condition, and in the subselect that it becomes.
pub(crate) const INNER: &str = "\"_\"";

/// Rows of a table that are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenRows {
    /// `schema.table`
    pub table: String,
    /// As it was given.
    pub when: Arc<str>,
}

/// Why a condition is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("has over {LONGEST} bytes")]
    TooLong,
    #[error("is no condition: {0}")]
    Syntax(String),
    #[error(
        "has `{0}`; it may compare columns with constants (`=`, `<>`, `<`, `<=`, `>`, `>=`, `IN`), ask whether they \
         are NULL or true, and join that by AND, OR and NOT"
    )]
    Unknown(&'static str),
    #[error("names `{0}`, which is no column of the table")]
    NoColumn(String),
    #[error("compares `{0}`, whose type is not PostgreSQL's own")]
    Type(String),
}

/// What columns there are.
enum Columns<'c> {
    /// Any: the table has not been seen.
    Unknown,
    Of(&'c Catalog, &'c Relation),
}

impl HiddenRows {
    /// Whether the condition can be one, whatever the table is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(when: &str) -> Result<(), ConditionError> {
        written(when, &Columns::Unknown).map(|_| ())
    }
}

impl Catalog {
    /// This snapshot for somebody who does not see these rows, with those of the tables' parts. Conditions that are
    /// none for their table hide all of it.
    #[must_use]
    pub fn hiding(&self, rows: &[HiddenRows]) -> Self {
        let mut catalog = self.clone();
        for hidden in rows {
            let named = |relation: &&Arc<Relation>| relation.qualified_name() == hidden.table;
            let Some(relation) = self.relations.values().find(named) else { continue };
            let condition = match relation.kind {
                RelationKind::Table | RelationKind::PartitionedTable => {
                    written(&hidden.when, &Columns::Of(self, relation)).unwrap_or_else(|_| "true".to_owned())
                }
                _ => "true".to_owned(),
            };
            for oid in self.with_parts(relation.oid) {
                catalog.hide(oid, hidden, &condition);
            }
        }
        catalog.hides_rows = true;
        // Views and code are judged by what is protected, and now there is more of it.
        crate::understand::settle_again(&mut catalog, self);
        catalog.forget_bindings();
        catalog
    }

    fn hide(&mut self, oid: Oid, hidden: &HiddenRows, condition: &str) {
        let Some(relation) = self.relation_mut(oid) else { return };
        let details = relation.details.get_or_insert_with(|| Box::new(Details::default()));
        let (mut written, mut when) = (condition.to_owned(), hidden.when.to_string());
        if let Some(known) = &details.hidden {
            // Of two parents with one rule for both: it stays what it is for each of them.
            if *known.condition == *condition {
                return;
            }
            written = format!("({}) OR ({written})", known.condition);
            when = format!("({}) or ({when})", known.when);
        }
        details.hidden = Some(Hidden { condition: written.into(), when: when.into() });
    }

    /// A relation and all that it has rows of.
    fn with_parts(&self, whole: Oid) -> Vec<Oid> {
        let (mut reached, mut seen) = (vec![whole], HashSet::from([whole]));
        let mut next = 0;
        while let Some(oid) = reached.get(next) {
            next += 1;
            // Behind one that is not known there may be known ones.
            let children = self.relation(*oid).map(|relation| relation.children.as_slice());
            let new = children.unwrap_or_default().iter().filter(|oid| seen.insert(**oid));
            reached.extend(new);
        }
        reached
    }

    /// The first relation that is read with this one, of which other rows are hidden than of this one: the subselect
    /// that reads both has one condition.
    pub(crate) fn hidden_otherwise(&self, whole: &Relation) -> Option<String> {
        let condition = |relation: &Relation| relation.hidden().map(|hidden| Arc::clone(&hidden.condition));
        let own = condition(whole);
        self.with_parts(whole.oid).into_iter().find_map(|oid| match self.relation(oid) {
            Some(part) => (condition(part) != own).then(|| part.qualified_name()),
            None => Some(format!("a part that is not known, {}", oid.0)),
        })
    }

    /// The first relation, of these and all behind them, of which rows are hidden.
    pub(crate) fn hidden_behind<'c>(
        &'c self,
        from: impl Iterator<Item = &'c Relation>,
    ) -> Option<&'c Relation> {
        let mut rest: Vec<&Relation> = from.collect();
        let mut seen: Vec<Oid> = Vec::new();
        while let Some(relation) = rest.pop() {
            if relation.hidden().is_some() {
                return Some(relation);
            }
            if !seen.contains(&relation.oid) {
                seen.push(relation.oid);
                let behind = relation.view_reads.iter().chain(&relation.children);
                rest.extend(behind.filter_map(|oid| self.relation(*oid)));
            }
        }
        None
    }
}

/// The rows of one relation that are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// In the words of the server, over [`INNER`].
    pub(crate) condition: Arc<str>,
    /// As it was given.
    pub when: Arc<str>,
}

impl Relation {
    /// Rows of it that whoever this snapshot is for does not see.
    #[must_use]
    pub fn hidden(&self) -> Option<&Hidden> {
        self.details.as_ref()?.hidden.as_ref()
    }
}

/// A condition in the words of the server.
fn written(when: &str, columns: &Columns<'_>) -> Result<String, ConditionError> {
    if when.len() > LONGEST {
        return Err(ConditionError::TooLong);
    }
    let text = format!("SELECT WHERE ({when}\n)");
    let parsed = pg_query::parse(&text, 0).map_err(|error| ConditionError::Syntax(error.to_string()))?;
    let [only] = parsed.protobuf.stmts.as_slice() else { return Err(ConditionError::Unknown(";")) };
    let Some(Some(NodeEnum::SelectStmt(select))) = only.stmt.as_ref().map(|node| node.node.as_ref()) else {
        return Err(ConditionError::Unknown("a command"));
    };
    let alone = pg_query::protobuf::SelectStmt { where_clause: None, ..(**select).clone() };
    let nothing = pg_query::protobuf::SelectStmt {
        limit_option: alone.limit_option,
        op: alone.op,
        ..pg_query::protobuf::SelectStmt::default()
    };
    match &select.where_clause {
        Some(condition) if alone == nothing => truth(condition, columns, 0),
        _ => Err(ConditionError::Unknown("a clause of a query")),
    }
}

fn truth(node: &Node, columns: &Columns<'_>, depth: usize) -> Result<String, ConditionError> {
    if depth > DEEPEST {
        return Err(ConditionError::Unknown("too many parentheses"));
    }
    match node.node.as_ref() {
        Some(NodeEnum::BoolExpr(expression)) => {
            let parts: Result<Vec<String>, _> =
                expression.args.iter().map(|part| truth(part, columns, depth + 1)).collect();
            let parts = parts?;
            match BoolExprType::try_from(expression.boolop) {
                Ok(BoolExprType::AndExpr) => Ok(format!("({})", parts.join(" AND "))),
                Ok(BoolExprType::OrExpr) => Ok(format!("({})", parts.join(" OR "))),
                Ok(BoolExprType::NotExpr) => Ok(format!("(NOT {})", parts.concat())),
                _ => Err(ConditionError::Unknown("an operator")),
            }
        }
        Some(NodeEnum::AExpr(expression)) => comparison(expression, columns),
        Some(NodeEnum::NullTest(test)) => {
            let is = if test.nulltesttype() == NullTestType::IsNull { "IS NULL" } else { "IS NOT NULL" };
            Ok(format!("({} {is})", column(test.arg.as_deref(), columns)?))
        }
        Some(NodeEnum::BooleanTest(test)) => {
            let is = match test.booltesttype() {
                BoolTestType::IsTrue => "IS TRUE",
                BoolTestType::IsNotTrue => "IS NOT TRUE",
                BoolTestType::IsFalse => "IS FALSE",
                BoolTestType::IsNotFalse => "IS NOT FALSE",
                _ => return Err(ConditionError::Unknown("IS UNKNOWN")),
            };
            Ok(format!("({} {is})", column(test.arg.as_deref(), columns)?))
        }
        Some(NodeEnum::ColumnRef(_)) => column(Some(node), columns),
        _ => Err(ConditionError::Unknown("an expression of another kind")),
    }
}

/// A column compared with one or several constants.
fn comparison(expression: &AExpr, columns: &Columns<'_>) -> Result<String, ConditionError> {
    let operator = match expression.name.as_slice() {
        [Node { node: Some(NodeEnum::String(name)) }] => name.sval.as_str(),
        _ => return Err(ConditionError::Unknown("OPERATOR")),
    };
    let operator = OPERATORS.into_iter().find(|known| *known == operator);
    let operator = operator.ok_or(ConditionError::Unknown("another operator"))?;
    let operator = if operator == "!=" { "<>" } else { operator };
    let column = column(expression.lexpr.as_deref(), columns)?;
    let compared = |node: &Node| Ok(format!("{column} OPERATOR(pg_catalog.{operator}) {}", constant(node)?));
    let given = expression.rexpr.as_deref().ok_or(ConditionError::Unknown("nothing to compare with"))?;
    match (expression.kind(), &given.node) {
        (AExprKind::AexprOp, _) => Ok(format!("({})", compared(given)?)),
        (AExprKind::AexprIn, Some(NodeEnum::List(list))) => {
            let each: Result<Vec<String>, ConditionError> = list.items.iter().map(compared).collect();
            let joined = if operator == "=" { " OR " } else { " AND " };
            Ok(format!("({})", each?.join(joined)))
        }
        _ => Err(ConditionError::Unknown("a comparison of another kind")),
    }
}

fn constant(node: &Node) -> Result<String, ConditionError> {
    let Some(NodeEnum::AConst(AConst { val: Some(value), isnull: false, .. })) = &node.node else {
        return Err(ConditionError::Unknown("something else than a constant"));
    };
    match value {
        Val::Sval(text) if !text.sval.contains('\\') => Ok(format!("'{}'", text.sval.replace('\'', "''"))),
        Val::Ival(number) => Ok(number.ival.to_string()),
        Val::Fval(number) => Ok(number.fval.clone()),
        Val::Boolval(truth) => Ok(truth.boolval.to_string()),
        _ => Err(ConditionError::Unknown("a constant of another kind")),
    }
}

/// A column by its name alone.
fn column(node: Option<&Node>, columns: &Columns<'_>) -> Result<String, ConditionError> {
    let Some(NodeEnum::ColumnRef(reference)) = node.and_then(|node| node.node.as_ref()) else {
        return Err(ConditionError::Unknown("something else than a column"));
    };
    let [Node { node: Some(NodeEnum::String(name)) }] = reference.fields.as_slice() else {
        return Err(ConditionError::Unknown("a column with the name of its table"));
    };
    if let Columns::Of(catalog, relation) = columns {
        let found = relation.columns.iter().find(|column| *column.name == *name.sval);
        let found = found.ok_or_else(|| ConditionError::NoColumn(name.sval.clone()))?;
        let is_enum =
            || catalog.code.types.get(&found.type_oid).is_some_and(|known| known.kind == TypeKind::Enum);
        if found.type_oid.0 >= FIRST_NORMAL_OID && !is_enum() {
            return Err(ConditionError::Type(name.sval.clone()));
        }
    }
    Ok(format!("{INNER}.{}", quoted(&name.sval)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(when: &str) -> Result<String, ConditionError> {
        written(when, &Columns::Unknown)
    }

    #[test]
    fn conditions_are_written_so_that_no_search_path_changes_them() {
        for (when, expected) in [
            ("country = 'DE'", r#"("_"."country" OPERATOR(pg_catalog.=) 'DE')"#),
            ("Country <> 'O''Neil'", r#"("_"."country" OPERATOR(pg_catalog.<>) 'O''Neil')"#),
            ("vip", r#""_"."vip""#),
            ("\"A b\" IS NULL", r#"("_"."A b" IS NULL)"#),
            (
                "vip IS TRUE AND NOT id > 5",
                r#"(("_"."vip" IS TRUE) AND (NOT ("_"."id" OPERATOR(pg_catalog.>) 5)))"#,
            ),
            (
                "id IN (1, 2.5) -- two",
                r#"("_"."id" OPERATOR(pg_catalog.=) 1 OR "_"."id" OPERATOR(pg_catalog.=) 2.5)"#,
            ),
        ] {
            assert_eq!(words(when).as_deref(), Ok(expected), "{when}");
        }
    }

    #[test]
    fn what_could_fail_run_code_or_read_elsewhere_is_no_condition() {
        for when in [
            "",
            "true) OR (1=1",
            "true); DROP TABLE x; --",
            "id = 1) FROM other WHERE (true",
            "id = 1) GROUP BY (id",
            "id = 1) LIMIT (1",
            "id = (SELECT 1)",
            "EXISTS (SELECT 1)",
            "lower(country) = 'de'",
            "country = lower('DE')",
            "country = other",
            "c.country = 'DE'",
            "country LIKE 'D%'",
            "country OPERATOR(public.=) 'DE'",
            "1/id = 1",
            "id::text = '1'",
            "id = NULL",
            "id = $1",
            "country ~ 'D'",
            "country = E'a\\\\b'",
            "(country, id) = ('DE', 1)",
            "id BETWEEN 1 AND 2",
        ] {
            assert!(HiddenRows::check(when).is_err(), "{when}");
        }
        let deep = format!("{}vip{}", "NOT (".repeat(100), ")".repeat(100));
        assert!(HiddenRows::check(&deep).is_err());
        assert_eq!(HiddenRows::check(&"x".repeat(5_000)), Err(ConditionError::TooLong));
    }
}
