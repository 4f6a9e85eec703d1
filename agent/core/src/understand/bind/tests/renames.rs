//! What gets another name, as the record has it.

use super::shop;
use crate::{
    catalog::fixture::Version,
    lineage::Names,
    understand::{Limits, lineages, new_session},
};

/// `from > to (number:old>new …)` of each table, `=` before one that has an OID, and why something is not known.
#[track_caller]
fn check(before: &[&str], sql: &str, expected: &[&str]) {
    let mut catalog = shop(Version::Postgres18);
    catalog.search_path = "public".into();
    let mut session = new_session(&catalog, None);
    for text in before {
        let _before = lineages(text.as_bytes(), &catalog, &mut session, &Limits::default());
    }
    let all = lineages(sql.as_bytes(), &catalog, &mut session, &Limits::default());
    let names = Names { catalog: &catalog, session: &session };
    let mut got = Vec::new();
    for lineage in &all {
        let report = lineage.report(&names);
        for rename in &report.renames {
            let columns = rename.columns.iter();
            let columns: Vec<_> =
                columns.map(|one| format!("{}:{}>{}", one.number, one.from, one.to)).collect();
            let known = if rename.oid.is_some() { "=" } else { "" };
            got.push(format!("{known}{} > {} ({})", rename.from, rename.to, columns.join(" ")));
        }
        let renamed = |reason: &&String| reason.contains("what is renamed");
        got.extend(
            report
                .reasons
                .iter()
                .filter(renamed)
                .map(|reason| format!("{}: {reason}", report.status.as_str())),
        );
    }
    assert_eq!(got, expected, "{before:?} {sql}");
}

#[test]
fn a_table_that_gets_another_name_says_both_with_all_of_its_columns() {
    let made = "CREATE TABLE made AS SELECT a AS x, b FROM t";
    check(&[made], "ALTER TABLE made RENAME TO kept", &["public.made > public.kept (1:x>x 2:b>b)"]);
    check(&[made], "ALTER TABLE made SET SCHEMA other", &["public.made > other.made (1:x>x 2:b>b)"]);
    check(&[made], "ALTER TABLE made RENAME x TO y", &["public.made > public.made (1:x>y)"]);
    check(
        &[],
        "SELECT a INTO made FROM t; ALTER TABLE made RENAME TO kept",
        &["public.made > public.kept (1:a>a)"],
    );
    // ALTER INDEX does it, too.
    check(&[made], "ALTER INDEX made RENAME TO kept", &["public.made > public.kept (1:x>x 2:b>b)"]);
    // Of one that the server has, its OID says which it is.
    check(&[], "ALTER TABLE w RENAME e TO f", &["=public.w > public.w (3:e>f)"]);
    check(
        &[],
        "ALTER TABLE edges RENAME TO kept_edges",
        &["=public.edges > public.kept_edges (1:src>src 2:dst>dst 3:cost>cost)"],
    );
}

#[test]
fn tables_that_swap_their_names_say_so_one_by_one() {
    check(
        &["CREATE TABLE one AS SELECT a FROM t", "CREATE TABLE two AS SELECT b FROM t"],
        "BEGIN; ALTER TABLE one RENAME TO between; ALTER TABLE two RENAME TO one; ALTER TABLE between RENAME TO two; COMMIT",
        &[
            "public.one > public.between (1:a>a)",
            "public.two > public.one (1:b>b)",
            "public.between > public.two (1:a>a)",
        ],
    );
}

#[test]
fn a_schema_that_gets_another_name_takes_its_tables_along() {
    check(
        &["CREATE TABLE other.made AS SELECT a FROM t"],
        "ALTER SCHEMA other RENAME TO live",
        &["other.made > live.made (1:a>a)", "=other.t > live.t (1:id>id 2:secret>secret)"],
    );
}

#[test]
fn what_is_not_followed_by_its_name_is_not_told_and_what_nobody_knows_is() {
    for quiet in [
        "ALTER VIEW plain RENAME TO seen",
        "CREATE TEMP TABLE x AS SELECT a FROM t; ALTER TABLE x RENAME TO y",
        "ALTER TABLE IF EXISTS nowhere RENAME TO somewhere",
        "ALTER INDEX t_pkey RENAME TO t_key",
        "ALTER FUNCTION twice(int) RENAME TO thrice",
    ] {
        check(&[], quiet, &[]);
    }
    check(
        &[],
        "ALTER TABLE nowhere RENAME TO somewhere",
        &["opaque: changed: what is renamed is not known, nowhere"],
    );
    for lost in [
        "CREATE TABLE p PARTITION OF nowhere DEFAULT",
        "ALTER TABLE IF EXISTS w ATTACH PARTITION nowhere DEFAULT",
    ] {
        check(&[], lost, &["opaque: changed: what is renamed is not known, nowhere"]);
    }
    // No newer snapshot is read before the commit.
    check(
        &["BEGIN", "CREATE TABLE made (x int)"],
        "ALTER TABLE IF EXISTS nowhere RENAME TO somewhere",
        &["opaque: changed: what is renamed is not known, nowhere"],
    );
    check(&["BEGIN", "DROP TABLE w"], "ALTER TABLE IF EXISTS w RENAME TO v", &[]);
    check(
        &["DO $$begin execute 'alter table w rename to v'; end$$"],
        "ALTER TABLE edges RENAME TO kept_edges",
        &["opaque: changed: what is renamed is not known, edges"],
    );
}

/// `from>to` of each part with the names of its columns, `!` behind one that is written.
#[track_caller]
fn check_parts(before: &[&str], sql: &str, expected: &[&str]) {
    let text = "public.all_of(id int4, x text); public.part(x text, id int4) inherits public.all_of; public.t(a text);";
    let mut catalog = crate::catalog::fixture::catalog(Version::Postgres18, text).expect("a database");
    catalog.search_path = "public".into();
    let mut session = new_session(&catalog, None);
    for text in before {
        let _before = lineages(text.as_bytes(), &catalog, &mut session, &Limits::default());
    }
    let all = lineages(sql.as_bytes(), &catalog, &mut session, &Limits::default());
    let report = all.last().expect("a statement").report(&Names { catalog: &catalog, session: &session });
    let shown = report.parts.iter().map(|part| {
        let columns = part.columns.iter();
        let columns: Vec<_> =
            columns.map(|column| format!("{}:{}>{}", column.name, column.from, column.to)).collect();
        let written = if part.written { "!" } else { "" };
        format!("{}>{}{written} {}", part.from, part.to, columns.join(" "))
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected, "{before:?} {sql}");
}

#[test]
fn what_is_in_a_part_is_in_the_whole_and_who_uses_a_part_says_so() {
    check_parts(&[], "INSERT INTO part (x) SELECT a FROM t", &["public.part>public.all_of! x:1>2"]);
    check_parts(&[], "SELECT x FROM part WHERE id = 1", &["public.all_of>public.part x:2>1 id:1>2"]);
    for whole in ["INSERT INTO all_of (x) SELECT a FROM t", "SELECT x FROM all_of", "SELECT a FROM t"] {
        check_parts(&[], whole, &[]);
    }
    check_parts(
        &["CREATE TABLE late AS SELECT 1 AS id, a AS x FROM t"],
        "ALTER TABLE late INHERIT all_of",
        &["public.late>public.all_of id:1>1 x:2>2"],
    );
    check_parts(
        &["CREATE TABLE late AS SELECT 1 AS id, a AS x FROM t"],
        "ALTER TABLE all_of ATTACH PARTITION late DEFAULT",
        &["public.late>public.all_of id:1>1 x:2>2"],
    );
}

#[test]
fn what_is_made_as_a_part_says_so_and_so_does_who_fills_it_before_anybody_else_sees_it() {
    let made = "CREATE TABLE late PARTITION OF all_of DEFAULT";
    check_parts(&[], made, &["public.late>public.all_of id:1>1 x:2>2"]);
    check_parts(
        &[],
        "CREATE FOREIGN TABLE late PARTITION OF all_of DEFAULT SERVER s",
        &["public.late>public.all_of id:1>1 x:2>2"],
    );
    check_parts(
        &[],
        "CREATE SCHEMA s CREATE TABLE late () INHERITS (all_of)",
        &["s.late>public.all_of id:1>1 x:2>2"],
    );
    // Columns come by name, those of the first parent before those of the second.
    let child = "CREATE TABLE late (more text) INHERITS (t, part)";
    check_parts(
        &[],
        child,
        &[
            "public.late>public.t a:1>1",
            "public.late>public.all_of x:2>2 id:3>1",
            "public.late>public.part x:2>1 id:3>2",
        ],
    );

    let fill = "INSERT INTO late (x) SELECT a FROM t";
    check_parts(&["BEGIN", made], fill, &["public.late>public.all_of! x:2>2"]);
    check_parts(&["BEGIN", made], "COPY late (x) FROM STDIN", &["public.late>public.all_of! x:2>2"]);
    check_parts(&["BEGIN", made], "SELECT x FROM late", &["public.all_of>public.late x:2>2"]);
    check_parts(
        &["BEGIN", "CREATE TABLE late () INHERITS (part)"],
        fill,
        &["public.late>public.all_of! x:1>2", "public.late>public.part! x:1>1"],
    );
    // A part of a part, both new.
    let between = "CREATE TABLE between PARTITION OF all_of DEFAULT PARTITION BY LIST (id)";
    check_parts(
        &["BEGIN", between, "CREATE TABLE late PARTITION OF between DEFAULT"],
        fill,
        &["public.late>public.all_of! x:2>2", "public.late>public.between! x:2>2"],
    );
    // Attached first, and filled then.
    let attach = "ALTER TABLE all_of ATTACH PARTITION late DEFAULT";
    let attached = ["BEGIN", "CREATE TABLE late AS SELECT 1 AS id, a AS x FROM t", attach];
    check_parts(&attached, fill, &["public.late>public.all_of! x:2>2"]);
    // Under another name.
    let renamed = ["BEGIN", made, "ALTER TABLE late RENAME TO later", "ALTER TABLE all_of RENAME TO whole"];
    check_parts(&renamed, "INSERT INTO later (x) SELECT a FROM t", &["public.later>public.whole! x:2>2"]);
}

#[test]
fn what_is_no_part_any_more_or_never_was_one_is_none() {
    let fill = "INSERT INTO late (x) SELECT a FROM t";
    let (made, other) = ("CREATE TABLE late PARTITION OF all_of DEFAULT", "CREATE TABLE late (x text)");
    check_parts(&["BEGIN", made, "ROLLBACK", other], fill, &[]);
    check_parts(&["BEGIN", made, "DROP TABLE late", other], fill, &[]);
    check_parts(&["BEGIN", other, "CREATE TABLE IF NOT EXISTS late PARTITION OF all_of DEFAULT"], fill, &[]);
    check_parts(&[], "CREATE TEMP TABLE late () INHERITS (all_of)", &[]);
}
