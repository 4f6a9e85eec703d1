//! Which rows a statement is about, as its tree says: how many it gives, or the query that finds them. Nothing is
//! decided on it; the query is understood as any other before somebody plans it.

use pg_query::{
    DeparseOptions, NodeEnum,
    protobuf::{
        AConst, AlterTableType, DeleteStmt, DropBehavior, DropStmt, InsertStmt, Integer, LimitOption, Node,
        ObjectType, RangeVar, ResTarget, SelectStmt, SetOperation, Token, UpdateStmt, WithClause, a_const,
    },
};

use super::{parse, widened};

/// Rows of the relation that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Every one that there is.
    All,
    /// So many new ones, which stand in the text.
    Given(u64),
    /// As many as this query has.
    Found(Query),
    /// Some; which ones the text does not say in a form that can be asked for.
    Unknown(&'static str),
}

/// A query that finds the rows that a statement would touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// With the values of its parameters in it.
    pub(crate) sql: String,
    /// Each row of it is one that is touched; else it joins, and may find one several times.
    pub(crate) exact: bool,
    /// The rows are new ones.
    pub(crate) new: bool,
}

/// What goes with what is dropped or emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing but itself.
    Itself,
    /// TRUNCATE … CASCADE: every table that refers to one of them.
    Referring,
    /// DROP … CASCADE of relations: what depends on them.
    Dependents,
    /// DROP SCHEMA … CASCADE of these.
    Schemas(Vec<String>),
    /// CASCADE of something else: nobody has looked what depends on it.
    Unknown,
}

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) rows: Rows,
    pub(crate) takes: Takes,
}

/// Reads a statement. `literals`: values of its parameters, as SQL writes them.
pub(crate) fn touched(text: &[u8], place: usize, literals: &[Option<String>]) -> Option<Touched> {
    let parsed = parse::statements(std::str::from_utf8(text).ok()?).ok()?;
    let alone = parsed.len() == 1;
    let node = parsed.get(place)?.stmt.as_deref()?.node.as_ref()?;
    let rows = match node {
        NodeEnum::InsertStmt(insert) => inserted(insert, literals),
        NodeEnum::UpdateStmt(update) => updated(update, literals),
        NodeEnum::DeleteStmt(delete) => deleted(delete, literals),
        NodeEnum::TruncateStmt(_) | NodeEnum::DropStmt(_) | NodeEnum::AlterTableStmt(_) => Rows::All,
        NodeEnum::CopyStmt(_) => Rows::Unknown("the rows come with COPY"),
        NodeEnum::MergeStmt(_) => Rows::Unknown("MERGE is not estimated"),
        _ => Rows::Unknown("what it writes stands within another statement"),
    };
    let rows = match rows {
        Rows::Found(_) if !alone => Rows::Unknown("it is one of several statements"),
        rows => rows,
    };
    Some(Touched { rows, takes: takes(node) })
}

fn inserted(insert: &InsertStmt, literals: &[Option<String>]) -> Rows {
    let Some(NodeEnum::SelectStmt(select)) =
        insert.select_stmt.as_deref().and_then(|node| node.node.as_ref())
    else {
        return Rows::Given(1);
    };
    if !select.values_lists.is_empty() {
        return Rows::Given(select.values_lists.len() as u64);
    }
    if insert.with_clause.is_some() {
        return Rows::Unknown("it reads through WITH");
    }
    found(
        NodeEnum::SelectStmt(select.clone()),
        literals,
        Query { sql: String::new(), exact: true, new: true },
    )
}

fn updated(update: &UpdateStmt, literals: &[Option<String>]) -> Rows {
    let UpdateStmt { relation, where_clause, from_clause, with_clause, .. } = update;
    selected(relation.as_ref(), from_clause, where_clause.as_deref(), with_clause.as_ref(), literals)
}

fn deleted(delete: &DeleteStmt, literals: &[Option<String>]) -> Rows {
    let DeleteStmt { relation, where_clause, using_clause, with_clause, .. } = delete;
    selected(relation.as_ref(), using_clause, where_clause.as_deref(), with_clause.as_ref(), literals)
}

fn selected(
    relation: Option<&RangeVar>,
    others: &[Node],
    condition: Option<&Node>,
    with: Option<&WithClause>,
    literals: &[Option<String>],
) -> Rows {
    let Some(relation) = relation else { return Rows::Unknown("it names no table") };
    if condition.is_none() && others.is_empty() {
        return Rows::All;
    }
    let named = node(NodeEnum::RangeVar(relation.clone()));
    let select = SelectStmt {
        target_list: vec![one()],
        from_clause: std::iter::once(named).chain(others.iter().cloned()).collect(),
        where_clause: condition.cloned().map(Box::new),
        with_clause: with.cloned(),
        limit_option: LimitOption::Default as i32,
        op: SetOperation::SetopNone as i32,
        ..SelectStmt::default()
    };
    let exact = others.is_empty();
    found(NodeEnum::SelectStmt(Box::new(select)), literals, Query { sql: String::new(), exact, new: false })
}

fn found(select: NodeEnum, literals: &[Option<String>], query: Query) -> Rows {
    const UNREADABLE: &str = "its condition cannot be written down";
    let Ok(printed) = select.deparse(DeparseOptions::default()) else { return Rows::Unknown(UNREADABLE) };
    let written = widened::written(&printed, literals);
    match written.filter(|sql| has_no_parameter(sql)) {
        Some(sql) => Rows::Found(Query { sql, ..query }),
        None => Rows::Unknown("it is for values that are not known yet, or that the agent does not read"),
    }
}

fn has_no_parameter(sql: &str) -> bool {
    let tokens = pg_query::scan(sql).map(|scanned| scanned.tokens);
    tokens.is_ok_and(|tokens| tokens.iter().all(|token| token.token != Token::Param as i32))
}

/// `1`
fn one() -> Node {
    let value = a_const::Val::Ival(Integer { ival: 1 });
    let constant = node(NodeEnum::AConst(AConst { isnull: false, location: -1, val: Some(value) }));
    node(NodeEnum::ResTarget(Box::new(ResTarget { val: Some(Box::new(constant)), ..ResTarget::default() })))
}

const fn node(node: NodeEnum) -> Node {
    Node { node: Some(node) }
}

fn takes(node: &NodeEnum) -> Takes {
    match node {
        NodeEnum::TruncateStmt(truncate) if cascades(truncate.behavior) => Takes::Referring,
        NodeEnum::DropStmt(drop) if cascades(drop.behavior) => dropped(drop),
        NodeEnum::AlterTableStmt(alter) => {
            let removes = alter.cmds.iter().any(|command| match &command.node {
                Some(NodeEnum::AlterTableCmd(command)) => {
                    cascades(command.behavior)
                        && matches!(
                            AlterTableType::try_from(command.subtype),
                            Ok(AlterTableType::AtDropColumn | AlterTableType::AtDropConstraint)
                        )
                }
                _ => false,
            });
            if removes { Takes::Unknown } else { Takes::Itself }
        }
        NodeEnum::DropOwnedStmt(_) => Takes::Unknown,
        _ => Takes::Itself,
    }
}

fn dropped(drop: &DropStmt) -> Takes {
    use ObjectType as O;
    match ObjectType::try_from(drop.remove_type) {
        Ok(O::ObjectTable | O::ObjectView | O::ObjectMatview | O::ObjectForeignTable | O::ObjectSequence) => {
            Takes::Dependents
        }
        Ok(O::ObjectSchema) => {
            let name = |object: &Node| match &object.node {
                Some(NodeEnum::String(name)) => Some(name.sval.clone()),
                _ => None,
            };
            Takes::Schemas(drop.objects.iter().filter_map(name).collect())
        }
        _ => Takes::Unknown,
    }
}

fn cascades(behavior: i32) -> bool {
    DropBehavior::try_from(behavior) == Ok(DropBehavior::DropCascade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, literals: &[Option<String>]) -> Rows {
        touched(text.as_bytes(), 0, literals).expect("a statement").rows
    }

    fn sql(text: &str) -> (String, bool) {
        match rows(text, &[Some("(7)".into()), Some("'it''s'".into())]) {
            Rows::Found(query) => (query.sql, query.exact),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_query_has_the_condition_of_the_statement() {
        for (text, expected, exact) in [
            ("DELETE FROM orders WHERE id < 5", "SELECT 1 FROM orders WHERE id < 5", true),
            (
                "DELETE FROM ONLY s.orders o WHERE o.id = 1",
                "SELECT 1 FROM ONLY s.orders o WHERE o.id = 1",
                true,
            ),
            ("UPDATE t SET a = $1 WHERE b = $2", "SELECT 1 FROM t WHERE b = 'it''s'", true),
            (
                "UPDATE t AS x SET a = 1 FROM u WHERE x.id = u.id AND u.n > $1",
                "SELECT 1 FROM t x, u WHERE x.id = u.id AND u.n > (7)",
                false,
            ),
            ("INSERT INTO t SELECT a FROM u WHERE b", "SELECT a FROM u WHERE b", true),
            (
                "WITH w AS (SELECT 1 AS id) DELETE FROM t USING w WHERE t.id = w.id",
                "WITH w AS (SELECT 1 AS id) SELECT 1 FROM t, w WHERE t.id = w.id",
                false,
            ),
        ] {
            assert_eq!(sql(text), (expected.to_owned(), exact), "{text}");
        }
    }

    #[test]
    fn rows_that_stand_in_the_text_are_counted_and_others_are_not_guessed() {
        assert_eq!(rows("INSERT INTO t VALUES (1), (2), (3)", &[]), Rows::Given(3));
        assert_eq!(rows("INSERT INTO t DEFAULT VALUES", &[]), Rows::Given(1));
        assert_eq!(rows("TRUNCATE t", &[]), Rows::All);
        assert_eq!(rows("UPDATE t SET a = 1", &[]), Rows::All);
        for text in [
            "DELETE FROM t WHERE id = $3",
            "DELETE FROM t WHERE id = 1; DELETE FROM u",
            "COPY t FROM STDIN",
            "WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d",
            "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
        ] {
            assert!(matches!(rows(text, &[]), Rows::Unknown(_)), "{text}");
        }
    }

    #[test]
    fn what_goes_with_it_is_what_cascade_says() {
        let takes = |text: &str| touched(text.as_bytes(), 0, &[]).expect("a statement").takes;
        assert_eq!(takes("TRUNCATE t CASCADE"), Takes::Referring);
        assert_eq!(takes("TRUNCATE t"), Takes::Itself);
        assert_eq!(takes("DROP TABLE t CASCADE"), Takes::Dependents);
        assert_eq!(takes("DROP TABLE t"), Takes::Itself);
        assert_eq!(takes("DROP SCHEMA a, b CASCADE"), Takes::Schemas(vec!["a".into(), "b".into()]));
        assert_eq!(takes("DROP FUNCTION f() CASCADE"), Takes::Unknown);
        assert_eq!(takes("ALTER TABLE t DROP COLUMN a CASCADE"), Takes::Unknown);
        assert_eq!(takes("ALTER TABLE t DROP COLUMN a"), Takes::Itself);
    }
}
