//! Lineage of a statement after others of its session.

use std::fmt::Write as _;

use super::shop;
use crate::{
    catalog::{Catalog, fixture::Version},
    lineage::{Lineage, Names, OutputKind},
    session::Session,
    understand::{Limits, lineages, new_session},
};

/// `outputs | indirect | status`, sources by name without `public`.
fn shown(lineage: &Lineage, catalog: &Catalog, session: &Session) -> String {
    let names = Names { catalog, session };
    let listed = |columns: &crate::lineage::Columns| {
        let columns: Vec<_> =
            columns.iter().map(|id| names.column(*id).trim_start_matches("public.").to_owned()).collect();
        columns.join(" ")
    };
    let mut text = String::new();
    for output in &lineage.outputs {
        if let OutputKind::Table(oid) = output.kind {
            let _ = write!(text, ">{} ", names.relation(oid));
        }
        let columns: Vec<_> = output
            .columns
            .iter()
            .map(|column| format!("{}<{}", column.name, listed(&column.direct)))
            .collect();
        let _ = write!(text, "{} ", columns.join(", "));
    }
    let _ = write!(text, "| {} | {}", listed(&lineage.indirect), lineage.status.as_str());
    text
}

#[track_caller]
fn check(before: &[&str], sql: &str, expected: &str) {
    let mut catalog = shop(Version::Postgres18);
    catalog.search_path = "\"$user\", public".into();
    let mut session = new_session(&catalog, None);
    for text in before {
        let _before = lineages(text.as_bytes(), &catalog, &mut session, &Limits::default());
    }
    let all = lineages(sql.as_bytes(), &catalog, &mut session, &Limits::default());
    let got = shown(all.last().expect("a statement"), &catalog, &session);
    assert!(got == expected, "\n{before:?}\n{sql}\n  want {expected}\n  got  {got}");
}

#[test]
fn the_search_path_says_which_table_is_read() {
    check(&[], "SELECT id FROM t", "id<t.id |  | complete");
    check(&["SET search_path TO other"], "SELECT id FROM t", "id<other.t.id |  | complete");
    check(&["SET search_path TO other, public"], "SELECT x FROM u", "x<u.x |  | complete");
    check(&[], "SET search_path TO other; SELECT id FROM t", "id<other.t.id |  | complete");
    check(
        &["SELECT set_config('search_path', 'other', false)"],
        "SELECT secret FROM t",
        "secret<other.t.secret |  | complete",
    );
    check(
        &["BEGIN", "SET LOCAL search_path TO other", "SELECT id FROM t"],
        "SELECT id FROM t",
        "id<other.t.id |  | complete",
    );
    check(
        &["BEGIN", "SET LOCAL search_path TO other", "COMMIT"],
        "SELECT id FROM t",
        "id<t.id |  | complete",
    );
    check(
        &["BEGIN; SAVEPOINT s; SET search_path TO other; ROLLBACK TO s"],
        "SELECT id FROM t",
        "id<t.id |  | complete",
    );
}

#[test]
fn lineage_goes_through_temporary_tables() {
    check(
        &["CREATE TEMP TABLE x AS SELECT id, a AS name FROM t WHERE b > 1"],
        "SELECT upper(name) AS n FROM x",
        "n<t.a | t.b | complete",
    );
    check(&["CREATE TEMP TABLE t AS SELECT x AS id FROM u"], "SELECT id FROM t", "id<u.x |  | complete");
    check(
        &["CREATE TEMP TABLE x (i int, n text)", "INSERT INTO x (n) SELECT a FROM t WHERE c = 1"],
        "SELECT i, n FROM x",
        "i<, n<t.a | t.c | complete",
    );
    check(
        &[
            "CREATE TEMP TABLE x (i int, n text)",
            "INSERT INTO x SELECT id, a FROM t",
            "UPDATE x SET n = u.a FROM u WHERE u.id = x.i",
        ],
        "SELECT n FROM x",
        "n<t.a u.a | t.id u.id | complete",
    );
    check(
        &["CREATE TEMP TABLE x AS SELECT a FROM t", "CREATE TEMP TABLE y AS SELECT a || 'z' AS b FROM x"],
        "INSERT INTO u (a) SELECT b FROM y",
        ">public.u a<t.a |  | complete",
    );
    check(&["SELECT a INTO TEMP x FROM t"], "TABLE x", "a<t.a |  | complete");
    check(&["CREATE TEMP TABLE x AS SELECT a FROM t"], "SELECT ctid FROM x", "ctid< |  | complete");
    check(
        &[
            "CREATE TEMP TABLE x AS SELECT a FROM t",
            "DROP TABLE x",
            "CREATE TEMP TABLE x AS SELECT y AS a FROM u",
        ],
        "SELECT a FROM x",
        "a<u.y |  | complete",
    );
    check(
        &["CREATE TEMP TABLE t AS SELECT y AS id FROM u", "DISCARD TEMP"],
        "SELECT id FROM t",
        "id<t.id |  | complete",
    );
    check(
        &["BEGIN", "CREATE TEMP TABLE t AS SELECT y AS id FROM u", "ROLLBACK"],
        "SELECT id FROM t",
        "id<t.id |  | complete",
    );
}

#[test]
fn a_write_into_a_temporary_table_is_named_as_one() {
    check(
        &["CREATE TEMP TABLE x (i int, n text)"],
        "INSERT INTO x SELECT id, a FROM t",
        ">pg_temp.x i<t.id, n<t.a |  | complete",
    );
}

#[test]
fn own_views_are_opened() {
    check(
        &["CREATE VIEW mine AS SELECT a FROM t WHERE b = 1"],
        "SELECT a FROM mine",
        "a<t.a | t.b | complete",
    );
    check(&["CREATE TEMP VIEW mine (z) AS SELECT x FROM u"], "SELECT z FROM mine", "z<u.x |  | complete");
    check(
        &["CREATE TEMP TABLE x AS SELECT a FROM t", "CREATE VIEW mine AS SELECT a FROM x"],
        "SELECT a FROM mine",
        "a<t.a |  | complete",
    );
    check(
        &[
            "CREATE TEMP TABLE x AS SELECT a FROM t",
            "CREATE VIEW mine AS SELECT a FROM x",
            "INSERT INTO x SELECT a FROM u",
        ],
        "SELECT a FROM mine",
        "a<t.a |  | partial",
    );
    check(
        &["ALTER VIEW plain RENAME TO other_name"],
        "SELECT name FROM other_name",
        "name<t.a |  | complete",
    );
}

#[test]
fn own_tables_are_stored_tables() {
    check(&["CREATE TABLE mine AS SELECT a FROM t"], "SELECT a FROM mine", "a<mine.a |  | complete");
    check(&["CREATE TABLE mine (i int, j int)"], "SELECT j FROM mine", "j<mine.j |  | complete");
    check(&["ALTER TABLE t ADD COLUMN z int"], "SELECT z, a FROM t", "z<t.z, a<t.a |  | complete");
    check(
        &["ALTER TABLE t DROP COLUMN a CASCADE"],
        "SELECT * FROM ONLY t",
        "id<t.id, b<t.b, c<t.c, d<t.d, tags<t.tags, at<t.at, doc<t.doc |  | complete",
    );
    check(&["ALTER TABLE w RENAME e TO f"], "SELECT f FROM w", "f<w.f |  | complete");
    check(&["ALTER TABLE w RENAME TO ww"], "SELECT e FROM ww", "e<ww.e |  | complete");
    check(&["ALTER TABLE w SET SCHEMA other"], "SELECT e FROM other.w", "e<other.w.e |  | complete");
    check(&["DROP TABLE w", "CREATE TABLE w (z int)"], "SELECT * FROM w", "z<w.z |  | complete");
    check(
        &["CREATE TABLE mine (i int, g int GENERATED ALWAYS AS (i * 2) STORED)"],
        "INSERT INTO mine (i) SELECT id FROM t",
        ">public.mine i<t.id, g<t.id |  | complete",
    );
    check(
        &["CREATE TABLE mine (i int PRIMARY KEY, n text)"],
        "INSERT INTO mine SELECT id, a FROM t ON CONFLICT ON CONSTRAINT mine_pkey DO NOTHING",
        ">public.mine i<t.id, n<t.a | t.id mine.i | complete",
    );
    check(&["CREATE SCHEMA s CREATE TABLE q (i int)"], "SELECT i FROM s.q", "i<s.q.i |  | complete");
    check(&["CREATE MATERIALIZED VIEW m AS SELECT a FROM t"], "SELECT a FROM m", "a<m.a |  | complete");
}

#[test]
fn prepared_statements_and_cursors_are_what_they_were_made_of() {
    check(&["PREPARE p AS SELECT a FROM t WHERE id = $1"], "EXECUTE p (1)", "a<t.a | t.id | complete");
    check(
        &["PREPARE p AS SELECT id FROM t", "SET search_path TO other"],
        "EXECUTE p",
        "id<other.t.id |  | complete",
    );
    check(
        &["PREPARE p AS SELECT a FROM t", "CREATE TEMP TABLE x AS EXECUTE p"],
        "SELECT a FROM x",
        "a<t.a |  | complete",
    );
    check(
        &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM t", "SET search_path TO other"],
        "FETCH c",
        "id<t.id |  | complete",
    );
    check(
        &["PREPARE p AS INSERT INTO u (a) SELECT a FROM t", "CREATE TEMP TABLE u (a text)", "EXECUTE p"],
        "SELECT a FROM u",
        "a<t.a |  | complete",
    );
}

#[test]
fn what_is_not_known_is_said() {
    for before in [
        "DO 'whatever'",
        "SELECT set_config('search_path', a, false) FROM t",
        "CREATE FUNCTION upper(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION hstore",
        "SET standard_conforming_strings = off",
        "CREATE RULE r AS ON INSERT TO t DO ALSO NOTHING",
    ] {
        let catalog = shop(Version::Postgres18);
        let mut session = new_session(&catalog, Some(&["public".to_owned()]));
        let mut run = |sql: &str| lineages(sql.as_bytes(), &catalog, &mut session, &Limits::default());
        run(before);
        let after = run("SELECT upper(a) FROM t");
        assert_ne!(after[0].status, crate::lineage::Status::Complete, "{before}");
    }
}
