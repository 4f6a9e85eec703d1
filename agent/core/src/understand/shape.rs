//! Texts that differ in nothing but small numbers are often one statement: `… WHERE id = 17`, then
//! `… WHERE id = 4`. Here is what they have in common (their [`shape`]), and for which of them the numbers
//! change nothing of what is understood ([`numbers_are_inert`]).
//!
//! Both err on the side of difference. A shape is taken only of texts in which a number can be told from
//! everything else by looking at letters; and a number is inert only in the few places that are named here,
//! each of which is one that neither conditions nor types nor lineage read the value of. A number anywhere
//! else (a position in ORDER BY, a LIMIT, a side of `1 = 1`) makes the whole text one of its own.

use pg_query::{
    NodeEnum,
    protobuf::{AConst, AExpr, AExprKind, BoolExprType, Node, RawStmt, SelectStmt, a_const::Val},
};

use super::walk::text as name;

/// Longest text that has a shape.
const LONGEST: usize = 4 * 1024;

/// Digits of a number that is an `integer` whatever it is.
const MOST_DIGITS: usize = 9;

/// What stands in place of a number. A text with this sign in it has no shape.
const NUMBER: u8 = b'#';

/// A text with its small numbers taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) text: Vec<u8>,
    /// How many were taken out.
    pub(crate) numbers: usize,
}

/// The shape of a text. `None` if it has none, or no number.
pub(crate) fn shape(text: &[u8]) -> Option<Shape> {
    if text.len() > LONGEST {
        return None;
    }
    let mut shape = Shape { text: Vec::with_capacity(text.len()), numbers: 0 };
    let (mut rest, mut before) = (text, b' ');
    while let Some((first, behind)) = rest.split_first() {
        let word = rest.iter().take_while(|byte| is_word(**byte)).count();
        if word == 0 {
            let next = behind.first().copied().unwrap_or(b' ');
            if !is_plain(*first) || matches!((first, next), (b'-', b'-') | (b'/', b'*')) {
                return None;
            }
            shape.text.push(*first);
            (rest, before) = (behind, *first);
            continue;
        }
        let (run, behind) = rest.split_at_checked(word)?;
        let alone = before != b'.' && behind.first() != Some(&b'.');
        if alone && run.len() <= MOST_DIGITS && run.iter().all(u8::is_ascii_digit) {
            shape.text.push(NUMBER);
            shape.numbers += 1;
        } else {
            shape.text.extend_from_slice(run);
        }
        (rest, before) = (behind, b'a');
    }
    (shape.numbers > 0).then_some(shape)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// No quotes, no dollars, no escapes, nothing beyond ASCII: every word is a word of SQL.
const fn is_plain(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\n'
            | b'\r'
            | b'('
            | b')'
            | b','
            | b'.'
            | b';'
            | b':'
            | b'*'
            | b'+'
            | b'-'
            | b'/'
            | b'%'
            | b'='
            | b'<'
            | b'>'
            | b'!'
            | b'|'
            | b'&'
            | b'^'
            | b'~'
            | b'['
            | b']'
    )
}

/// Whether all `numbers` of a text are where their values change nothing.
pub(super) fn numbers_are_inert(statements: &[RawStmt], numbers: usize) -> bool {
    let found = statements.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()).map(inert);
    found.sum::<usize>() == numbers
}

fn inert(node: &NodeEnum) -> usize {
    match node {
        NodeEnum::SelectStmt(select) => of_condition(select.where_clause.as_deref()),
        NodeEnum::DeleteStmt(delete) => of_condition(delete.where_clause.as_deref()),
        NodeEnum::UpdateStmt(update) => {
            let values = update.target_list.iter().map(of_assignment).sum::<usize>();
            values + of_condition(update.where_clause.as_deref())
        }
        NodeEnum::InsertStmt(insert) => match insert.select_stmt.as_ref().and_then(|node| node.node.as_ref())
        {
            Some(NodeEnum::SelectStmt(select)) => of_values(select),
            _ => 0,
        },
        _ => 0,
    }
}

/// `column = 5 AND other < 6`, and the numbers of `column IN (5, 6)`.
fn of_condition(condition: Option<&Node>) -> usize {
    match condition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::BoolExpr(both)) if both.boolop == BoolExprType::AndExpr as i32 => {
            both.args.iter().map(|arm| of_condition(Some(arm))).sum()
        }
        Some(NodeEnum::AExpr(comparison)) if has_column(comparison) => of_comparison(comparison),
        _ => 0,
    }
}

fn of_comparison(comparison: &AExpr) -> usize {
    let right = comparison.rexpr.as_deref();
    let plain = matches!(comparison.name.as_slice(), [operator] if
        matches!(name(operator), Some("=" | "<>" | "<" | ">" | "<=" | ">=")));
    match right.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::List(list)) if comparison.kind == AExprKind::AexprIn as i32 => {
            list.items.iter().filter(|item| is_number(item)).count()
        }
        _ if plain && comparison.kind == AExprKind::AexprOp as i32 => {
            usize::from(right.is_some_and(is_number))
        }
        _ => 0,
    }
}

/// `SET column = 5`, `SET column = column + 5`.
fn of_assignment(target: &Node) -> usize {
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return 0 };
    let Some(value) = target.val.as_deref() else { return 0 };
    match &value.node {
        Some(NodeEnum::AExpr(sum)) if sum.kind == AExprKind::AexprOp as i32 && has_column(sum) => {
            let plain =
                matches!(sum.name.as_slice(), [operator] if matches!(name(operator), Some("+" | "-")));
            usize::from(plain && sum.rexpr.as_deref().is_some_and(is_number))
        }
        _ => usize::from(is_number(value)),
    }
}

fn of_values(select: &SelectStmt) -> usize {
    let rows = select.values_lists.iter().filter_map(|row| match &row.node {
        Some(NodeEnum::List(row)) => Some(row.items.iter().filter(|item| is_number(item)).count()),
        _ => None,
    });
    rows.sum()
}

fn has_column(expression: &AExpr) -> bool {
    let left = expression.lexpr.as_deref().and_then(|node| node.node.as_ref());
    matches!(left, Some(NodeEnum::ColumnRef(_)))
}

/// Also a negative one: the parser has made one constant of sign and digits.
fn is_number(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::AConst(AConst { val: Some(Val::Ival(_)), .. })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(text: &str) -> Option<String> {
        shape(text.as_bytes()).map(|shape| String::from_utf8(shape.text).expect("ASCII"))
    }

    fn is_inert(text: &str) -> bool {
        let parsed = super::super::parse::statements(text).expect("it parses");
        shape(text.as_bytes()).is_some_and(|shape| numbers_are_inert(&parsed, shape.numbers))
    }

    #[test]
    fn numbers_are_taken_out_and_nothing_else() {
        let cases = [
            ("SELECT a FROM t2 WHERE id = 17", Some("SELECT a FROM t2 WHERE id = #")),
            ("UPDATE t SET n = n + -5 WHERE a=3;", Some("UPDATE t SET n = n + -# WHERE a=#;")),
            (
                "SELECT 1.5, 2e3, 0x1F, 1234567890, t1.c3, 4",
                Some("SELECT 1.5, 2e3, 0x1F, 1234567890, t1.c3, #"),
            ),
            ("SELECT a FROM t", None),
            ("SELECT '1' WHERE a = 1", None),
            ("SELECT $1 WHERE a = 1", None),
            ("SELECT \"1\" WHERE a = 1", None),
            ("SELECT 1 -- 2", None),
            ("SELECT 1 /* 2 */", None),
            ("SELECT 1 # 2", None),
            ("SELECT a FROM tä WHERE a = 1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(shape_of(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_only_name_rows_or_values_are_inert() {
        for text in [
            "SELECT abalance FROM pgbench_accounts WHERE aid = 5",
            "UPDATE t SET n = n + -5, m = 3 WHERE id = 5 AND k <> 6",
            "DELETE FROM t WHERE id IN (1, 2, -3)",
            "INSERT INTO t (a, b, c) VALUES (1, -2, now()), (3, 4, now())",
            "BEGIN; UPDATE t SET n = 1 WHERE id = 2; COMMIT",
        ] {
            assert!(is_inert(text), "{text}");
        }
    }

    #[test]
    fn numbers_that_mean_something_are_not() {
        for text in [
            "DELETE FROM t WHERE 1 = 1",
            "DELETE FROM t WHERE id = 5 OR 1 = 1",
            "DELETE FROM t WHERE a > 1 OR a < 5",
            "DELETE FROM t WHERE 5 = id",
            "DELETE FROM t WHERE id = 5 + 0",
            "DELETE FROM t WHERE NOT a = 1",
            "DELETE FROM t WHERE (SELECT 1) = 1",
            "DELETE FROM t WHERE 1 IN (1, 2)",
            "SELECT a, b FROM t ORDER BY 2",
            "SELECT a, b FROM t GROUP BY 1, 2",
            "SELECT a FROM t LIMIT 5",
            "SELECT 5",
            "SELECT a FROM t WHERE a = 5 LIMIT 5",
            "SELECT nth_value(a, 2) OVER () FROM t",
            "SELECT a FROM t WHERE a BETWEEN 5 AND 6",
            "SELECT a FROM (SELECT a FROM t WHERE a = 3) s WHERE a = 5",
            "WITH d AS (DELETE FROM t WHERE 1 = 1) SELECT a FROM t WHERE a = 5",
            "UPDATE t SET n = n * 5 WHERE id = 3",
            "FETCH 5 FROM c",
            "SET statement_timeout TO 5",
        ] {
            assert!(!is_inert(text), "{text}");
        }
    }
}
