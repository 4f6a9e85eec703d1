//! Columns of the server's own relations that are NULL to everybody: whatever a statement does with them, it
//! does with NULL.

use std::{collections::HashMap, sync::Arc};

use connect_shared::label::Label;

use crate::{
    catalog::{
        Catalog, Details, Relation, RelationKind, Shown, ViewReading,
        fixture::{Version, catalog as drafted},
    },
    mask::MaskKey,
    session::Session,
    statement::{Protection, Schema, Statement},
    understand::{Limits, new_session_as, settle_views, understand, understand_masked},
};

/// As the server has it, and nothing is settled.
fn unsettled() -> Catalog {
    let tables = "public.products(id int8 not null, sku text, primary key (id));
                  public.customers(id int8 not null, email text, primary key (id));
                  public.busy(pid int4, query text, size int4);
                  public.busy_again(pid int4, query text, size int4);";
    drafted(Version::Postgres15, tables).expect("a database")
}

/// A database with nothing protected but what the server hides.
fn plain() -> Catalog {
    let mut catalog = unsettled();
    settle_views(&mut catalog, &HashMap::default());
    assert!(!catalog.has_protected());
    catalog
}

fn shop() -> Catalog {
    let mut catalog = unsettled();
    let oid = catalog.by_name["customers"][0];
    let columns = &mut catalog.relation_mut(oid).expect("it was added").columns;
    columns.iter_mut().filter(|column| &*column.name == "email").for_each(|c| c.label = Some(Label::Email));
    settle_views(&mut catalog, &HashMap::default());
    catalog
}

/// What is sent, and what of it is hidden; `None` for a statement that is refused.
fn sent(catalog: &Catalog, sql: &str) -> Option<(String, Vec<String>)> {
    let session: Session = new_session_as(None, catalog, None);
    let key = MaskKey::new([7; 32]);
    let (analysis, sent) = understand_masked(sql.as_bytes(), catalog, &session, &Limits::default(), &key);
    let [only] = analysis.statements.as_slice() else { panic!("one statement: {sql}") };
    match &only.protection {
        Protection::Refused(_) => None,
        Protection::Masked { columns } => {
            let text = String::from_utf8(sent.expect("it is rewritten").to_vec()).expect("a text");
            Some((text, columns.iter().map(|column| column.name.clone()).collect()))
        }
        _ => Some((sql.to_owned(), Vec::new())),
    }
}

#[test]
fn texts_of_statements_are_null_wherever_they_are_read() {
    let null = |column: &str| format!("(SELECT \"_\".\"{column}\" WHERE false) AS \"{column}\"");
    for catalog in [shop(), plain()] {
        for (sql, column) in [
            ("SELECT * FROM pg_stat_activity", "query"),
            ("SELECT a.* FROM pg_catalog.pg_stat_activity a ORDER BY pid", "query"),
            ("SELECT pid, query FROM pg_stat_activity", "query"),
            ("SELECT pid FROM pg_stat_activity WHERE query LIKE '%secret%'", "query"),
            ("SELECT count(*) FROM pg_stat_activity GROUP BY query", "query"),
            ("SELECT max(query) OVER () FROM pg_stat_activity", "query"),
            ("SELECT 1 FROM pg_stat_activity ORDER BY query", "query"),
            ("SELECT DISTINCT query FROM pg_stat_activity", "query"),
            ("SELECT row_to_json(a) FROM pg_stat_activity a", "query"),
            ("SELECT pid FROM pg_stat_activity a NATURAL JOIN pg_stat_activity b", "query"),
            ("SELECT 1 WHERE EXISTS (SELECT FROM pg_stat_activity WHERE query = 'a')", "query"),
            ("WITH a AS (SELECT * FROM pg_stat_activity) SELECT length(query) FROM a", "query"),
            ("TABLE pg_stat_activity", "query"),
            ("PREPARE p AS SELECT query FROM pg_stat_activity", "query"),
            ("DECLARE c CURSOR FOR SELECT query FROM pg_stat_activity", "query"),
            ("COPY (SELECT query FROM pg_stat_activity) TO STDOUT", "query"),
            ("SELECT * FROM pg_prepared_statements", "statement"),
            ("SELECT name, statement FROM pg_cursors", "statement"),
            ("SELECT * FROM pg_prepared_xacts", "gid"),
        ] {
            let (text, columns) = sent(&catalog, sql).unwrap_or_else(|| panic!("refused: {sql}"));
            assert!(text.contains(&null(column)), "{sql} became {text}");
            assert!(columns.iter().any(|name| name.ends_with(column)), "{sql}: {columns:?}");
        }
    }
}

#[test]
fn what_says_nothing_of_a_text_goes_as_it_is_written() {
    for catalog in [shop(), plain()] {
        for sql in [
            "SELECT pid, state, wait_event_type FROM pg_stat_activity WHERE state <> 'idle'",
            "SELECT count(*) FROM pg_stat_activity",
            "SELECT name, parameter_types FROM pg_prepared_statements",
            "SELECT null_frac, n_distinct, avg_width, inherited FROM pg_stats WHERE tablename = 'customers'",
            "SELECT stanullfrac FROM pg_statistic",
        ] {
            assert_eq!(sent(&catalog, sql).map(|(text, _)| text).as_deref(), Some(sql));
        }
    }
}

#[test]
fn statistics_hide_values_where_something_is_protected() {
    for (sql, hidden) in [
        ("SELECT null_frac, most_common_vals FROM pg_stats", 1),
        ("SELECT * FROM pg_stats WHERE tablename = 'customers'", 7),
        ("SELECT 1 FROM pg_stats WHERE correlation > 0", 1),
        ("SELECT most_common_vals::text FROM pg_stats", 1),
        ("SELECT * FROM pg_statistic", 10),
        ("SELECT * FROM pg_statistic_ext_data", 4),
    ] {
        let (text, columns) = sent(&shop(), sql).unwrap_or_else(|| panic!("refused: {sql}"));
        assert_eq!(columns.len(), hidden, "{sql}: {columns:?}");
        assert_eq!(text.matches("WHERE false").count(), hidden, "{sql} became {text}");
        assert_eq!(sent(&plain(), sql), Some((sql.to_owned(), Vec::new())));
    }
}

#[test]
fn nothing_stores_what_is_hidden_or_changes_it() {
    for catalog in [shop(), plain()] {
        for sql in [
            "CREATE TABLE t AS SELECT * FROM pg_stat_activity",
            "SELECT query INTO t FROM pg_stat_activity",
            "INSERT INTO products SELECT pid, query FROM pg_stat_activity",
            "UPDATE products SET sku = (SELECT query FROM pg_stat_activity LIMIT 1) WHERE id = 1",
            "DELETE FROM products USING pg_stat_activity a WHERE sku = a.query AND id = 1",
            "CREATE VIEW v AS SELECT query FROM pg_stat_activity",
            "SELECT a FROM pg_stat_activity a",
            "DELETE FROM pg_statistic WHERE true",
        ] {
            assert_eq!(sent(&catalog, sql), None, "{sql}");
        }
    }
}

/// With the views `busy` and `busy_again` of these definitions.
fn with_views(definition: &str, again: &str) -> Catalog {
    let mut catalog = unsettled();
    let definitions = [("busy", definition), ("busy_again", again)].map(|(name, definition)| {
        let oid = catalog.by_name[name][0];
        let details = Details { definition: Some(definition.into()), ..Details::default() };
        let table = catalog.relation(oid).expect("it was added");
        let view = Relation { kind: RelationKind::View, details: Some(Box::new(details)), ..table.clone() };
        // As a view it has a place for what it is bound to.
        catalog.insert(view);
        (oid, Arc::from(definition))
    });
    settle_views(&mut catalog, &HashMap::from(definitions));
    catalog
}

fn labels(catalog: &Catalog, view: &str) -> Vec<Option<Label>> {
    let view = catalog.candidates(None, view).next().expect("the view");
    view.columns.iter().map(|column| column.label).collect()
}

#[test]
fn a_view_shows_hidden_texts_as_masks_and_a_database_with_one_has_something_protected() {
    let catalog = with_views(
        "SELECT pid, query, length(query) AS size FROM pg_stat_activity",
        "SELECT pid, upper(query) AS query, size FROM public.busy",
    );
    for view in ["busy", "busy_again"] {
        assert_eq!(labels(&catalog, view), [None, Some(Label::Confidential), Some(Label::Confidential)]);
    }
    assert!(catalog.has_protected());
}

#[test]
fn a_view_whose_rows_depend_on_hidden_texts_is_computed() {
    for definition in [
        "SELECT pid, usename AS query, pid AS size FROM pg_stat_activity WHERE query ~~ 'a%'",
        "SELECT DISTINCT ON (a.query) a.pid, a.usename AS query, a.pid AS size FROM pg_stat_activity a",
        "SELECT a.pid, a.usename AS query, 1 AS size FROM pg_stat_activity a ORDER BY a.query LIMIT 1",
        "SELECT a.pid, a.query, 1 AS size FROM pg_stat_get_activity(NULL::integer) a",
    ] {
        let catalog = with_views(definition, "SELECT pid, query, size FROM public.busy");
        let view = catalog.candidates(None, "busy").next().expect("the view");
        assert_eq!(view.view, ViewReading::Computed, "{definition}");
        assert_eq!(sent(&catalog, "SELECT pid FROM busy"), None);
        assert_eq!(sent(&catalog, "SELECT pid FROM busy_again"), None);
    }
}

#[test]
fn nobody_sees_what_is_hidden() {
    let labels = Label::ALL.into_iter().collect();
    let columns = ["pg_catalog.pg_stat_activity.query".to_owned()].into();
    let catalog = shop().shown_to(&Shown { labels, columns, ..Shown::default() });
    let (text, _) = sent(&catalog, "SELECT query FROM pg_stat_activity").expect("it is rewritten");
    assert!(text.contains("WHERE false"), "{text}");
}

#[test]
fn a_snapshot_that_is_not_settled_shows_nothing_of_it() {
    let catalog = unsettled();
    assert_eq!(sent(&catalog, "SELECT query FROM pg_stat_activity"), None);
    assert_eq!(sent(&catalog, "SELECT pid FROM pg_stat_activity"), None);
}

fn one(catalog: &Catalog, sql: &str) -> Statement {
    let session: Session = new_session_as(None, catalog, None);
    understand(sql.as_bytes(), catalog, &session, &Limits::default()).statements.remove(0)
}

#[test]
fn a_table_that_a_transaction_has_made_shows_nothing_beside_it() {
    for (sql, passes) in [
        ("SELECT sku FROM products, made_here", true),
        ("SELECT query FROM pg_stat_activity, made_here", false),
        ("SELECT rolpassword FROM pg_authid, made_here", false),
        ("SELECT pg_stat_activity FROM made_here, pg_stat_activity", false),
        ("SELECT lower(m.a) FROM made_here m", true),
        ("SELECT a.query FROM pg_stat_get_activity(NULL) a LEFT JOIN made_here ON true", false),
        ("SELECT pg_stat_get_backend_activity(1) FROM made_here", false),
        ("SELECT pg_read_file('a') FROM made_here", false),
        ("SELECT pg_terminate_backend(1), no_such_function() FROM made_here", false),
    ] {
        let facts = Arc::new(one(&plain(), sql));
        let held = Schema::Changed.hold(&facts, false);
        assert_eq!(held.protection == Protection::Untouched, passes, "{sql}: {:?}", held.protection);
    }
}
