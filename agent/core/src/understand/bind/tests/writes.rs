//! Writes and what carries them.

use super::{Version, check, check_in};

/// What OVERRIDING USER VALUE leaves to a sequence, on PostgreSQL 15 and 18 as `EXPLAIN VERBOSE` shows it.
#[test]
fn a_sequence_takes_the_place_of_values_for_identity_columns_only() {
    let cases = [
        (
            "INSERT INTO tickets OVERRIDING USER VALUE SELECT id, b, c, b FROM t",
            ">tickets id<, code<t.b, other<, plain<t.b; |",
        ),
        (
            "INSERT INTO tickets (plain, other) OVERRIDING USER VALUE VALUES ((SELECT max(b) FROM t), (SELECT c FROM t))",
            ">tickets other<, plain<t.b; |",
        ),
        (
            "INSERT INTO tickets OVERRIDING SYSTEM VALUE SELECT id, b, c, b FROM t",
            ">tickets id<t.id, code<t.b, other<t.c, plain<t.b; |",
        ),
        (
            "INSERT INTO numbered (id, other) OVERRIDING USER VALUE SELECT id, b FROM t RETURNING id",
            "id<; >tickets id<, other<; |",
        ),
        (
            "MERGE INTO tickets USING t ON tickets.id = t.id WHEN NOT MATCHED THEN INSERT (id, plain) OVERRIDING USER VALUE VALUES (t.b, t.c)",
            ">tickets id<, plain<t.c; | t.id tickets.id",
        ),
    ];
    for version in [Version::Postgres15, Version::Postgres18] {
        for (sql, expected) in cases {
            check_in(sql, expected, version);
        }
    }
}

#[test]
fn inserts_write_the_columns_that_are_given() {
    check("INSERT INTO w VALUES (1, 'x', 2)", ">w id<, a<, e<; |");
    check("INSERT INTO w (a) SELECT a FROM t WHERE b = 1", ">w a<t.a; | t.b");
    check("INSERT INTO w (e, a) SELECT b, a FROM t RETURNING a, id", "a<t.a, id<; >w a<t.a, e<t.b; |");
    check(
        "INSERT INTO lines (id, price, count) SELECT id, x, y FROM u",
        ">lines id<u.id, price<u.x, count<u.y, total<u.x u.y; |",
    );
    check(
        "INSERT INTO t (id, a) SELECT id, a FROM w ON CONFLICT (id) DO UPDATE SET a = excluded.a || t.a WHERE t.b > 1",
        ">t id<w.id, a<t.a w.a; | t.b t.id w.id",
    );
    check(
        "INSERT INTO t (id, a) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT t_a DO NOTHING",
        ">t id<, a<; | t.a",
    );
}

#[test]
fn updates_write_what_is_set() {
    check("UPDATE t SET a = lower(a), b = 1 WHERE c = 2", ">t a<t.a, b<; | t.c");
    check(
        "UPDATE t SET a = w.a FROM w WHERE w.id = t.id RETURNING t.a, t.b, w.e",
        "a<w.a, b<t.b, e<w.e; >t a<w.a; | t.id w.id",
    );
    check("UPDATE t SET (a, b) = (SELECT a, e FROM w WHERE w.id = t.id)", ">t a<w.a, b<w.e; | t.id w.id");
    check("UPDATE lines SET price = price * 2", ">lines price<lines.price, total<lines.count lines.price; |");
    check("UPDATE t SET tags[1] = a", ">t tags<t.a t.tags; |");
    check("UPDATE plain SET name = 'x' WHERE id = 1", ">t a<; | t.id");
    check("UPDATE t SET a = 'n' RETURNING old.a AS o, new.a AS n", "o<t.a, n<; >t a<; |");
}

#[test]
fn deletions_name_their_table() {
    check("DELETE FROM t WHERE a = 'x' RETURNING b", "b<t.b; >t ; | t.a");
    check("DELETE FROM t USING w WHERE w.id = t.id", ">t ; | t.id w.id");
}

#[test]
fn merges_write_by_every_action() {
    check(
        "MERGE INTO t USING w ON t.id = w.id WHEN MATCHED AND w.e > 1 THEN UPDATE SET a = w.a WHEN NOT MATCHED THEN INSERT (id, b) VALUES (w.id, w.e)",
        ">t id<w.id, a<w.a, b<w.e; | t.id w.e w.id",
    );
}

#[test]
fn writes_in_with_run_whether_used_or_not() {
    check("WITH gone AS (DELETE FROM w WHERE e = 1 RETURNING a) SELECT b FROM t", "b<t.b; >w ; | w.e");
    check(
        "WITH gone AS (DELETE FROM w RETURNING a) INSERT INTO u (a) SELECT a FROM gone",
        ">w ; >u a<w.a; |",
    );
}

#[test]
fn commands_that_carry_a_query_give_its_lineage() {
    check("CREATE TABLE n AS SELECT a AS k FROM t WHERE b = 1", "+public.n k<t.a; | t.b");
    check("SELECT a INTO TEMP n FROM t", "+pg_temp.n a<t.a; |");
    check("CREATE VIEW n (k) AS SELECT a FROM t", "+public.n k<t.a; |");
    check("REFRESH MATERIALIZED VIEW kept", ">kept id<t.id, a<t.a; |");
    check("COPY (SELECT a FROM t) TO STDOUT", "a<t.a; |");
    check("COPY w TO '/tmp/x'", "file id<w.id, a<w.a, e<w.e; |");
    check("COPY w (a) FROM STDIN", ">w a<; |");
    check("PREPARE p(int) AS SELECT a FROM t WHERE b = $1", "a<t.a; | t.b");
    check("DECLARE c CURSOR FOR SELECT a FROM t", "a<t.a; |");
    check("EXPLAIN SELECT a FROM t WHERE b = 1", "QUERY PLAN<; | t.b");
    check("TRUNCATE w", ">w ; |");
    check("SET search_path TO other", "|");
}

#[test]
fn what_is_not_understood_is_said() {
    check("DO $$ begin end $$", "| | opaque code: DO runs a block of code");
    check("SELECT missing FROM t", "| | opaque unknown-object: the column missing is not known");
    check("SELECT a FROM nowhere", "| | opaque unknown-object: the relation nowhere is not known");
    check("SELECT id FROM t, u", "| | opaque ambiguous: the column id is ambiguous");
    check("EXECUTE p", "| | opaque session: the prepared statement p is not known");
}
