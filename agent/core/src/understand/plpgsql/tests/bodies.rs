//! One construct after the other.

use super::{Declared, Purpose, body, check};
use crate::{catalog::Oid, understand::plpgsql::Conflict};

#[test]
fn declarations_give_variables_with_their_types_and_first_values() {
    let found = check(
        "DECLARE
           total numeric(10, 2) := amount * 2;
           who CONSTANT people.mail%TYPE NOT NULL DEFAULT 'x'; row people%ROWTYPE;
           list int[] = ARRAY[1, 2]; same ALIAS FOR $1; \"Odd Name\" text COLLATE \"C\";
         BEGIN NULL; END",
        &[
            "Assign: SELECT amount * 2 -> total",
            "Assign: SELECT 'x' -> who",
            "Assign: SELECT ARRAY[1, 2] -> list",
        ],
    );
    let of = |name: &str| {
        found.variables.iter().find(|variable| variable.name == name).map(|found| found.of.clone())
    };
    assert_eq!(of("total"), Some(Declared::Written("numeric(10, 2)".into())));
    assert_eq!(of("who"), Some(Declared::Written("people.mail%TYPE".into())));
    assert_eq!(of("row"), Some(Declared::Written("people%ROWTYPE".into())));
    assert_eq!(of("Odd Name"), Some(Declared::Written("text".into())));
    assert_eq!(of("amount"), Some(Declared::Known(Oid(23))));
    assert_eq!(of("paid"), Some(Declared::Known(Oid(16))));
    let first = found.variables.iter().position(|variable| variable.name == "$1");
    assert_eq!(of("same"), first.map(Declared::Alias));
}

#[test]
fn assignments_name_their_targets() {
    check(
        "DECLARE a int; r record; l int[]; BEGIN
           a := 1; a = 2 + a; r.id := a; l[a + 1] := 3; l[1:2] := '{}'; pay.amount := 4; $2 := 'x'; b.c := 5;
         END",
        &[
            "Assign: SELECT 1 -> a",
            "Assign: SELECT 2 + a -> a",
            "Assign: SELECT a -> r.id",
            "Decide: SELECT (ARRAY[0])[a + 1 ]",
            "Assign: SELECT 3 -> l",
            "Decide: SELECT (ARRAY[0])[1:2 ]",
            "Assign: SELECT '{}' -> l",
            "Assign: SELECT 4 -> amount",
            "Assign: SELECT 'x' -> $2",
            "Assign: SELECT 5 -> ?",
        ],
    );
}

#[test]
fn commands_run_and_into_takes_their_rows() {
    check(
        "DECLARE a int; b text; r record; BEGIN
           INSERT INTO log (what) VALUES (note);
           SELECT id, name INTO STRICT a, b FROM people WHERE id = amount;
           SELECT * FROM people INTO r;
           UPDATE people SET seen = now() WHERE id = a RETURNING id INTO a;
           MERGE INTO people USING log ON true WHEN MATCHED THEN DELETE;
           WITH x AS (SELECT 1) INSERT INTO log SELECT * FROM x;
           CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
           CALL other(a); DO $$ BEGIN NULL; END $$; LOCK TABLE people; TRUNCATE log;
           COMMIT; ROLLBACK AND CHAIN;
         END",
        &[
            "Run: INSERT INTO log (what) VALUES (note)",
            "Rows: SELECT id, name FROM people WHERE id = amount -> a, b",
            "Rows: SELECT * FROM people -> r",
            "Rows: UPDATE people SET seen = now() WHERE id = a RETURNING id -> a",
            "Run: MERGE INTO people USING log ON true WHEN MATCHED THEN DELETE",
            "Run: WITH x AS (SELECT 1) INSERT INTO log SELECT * FROM x",
            "Run: CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "Run: CALL other(a)",
            "Run: DO $$ BEGIN NULL; END $$",
            "Run: LOCK TABLE people",
            "Run: TRUNCATE log",
        ],
    );
}

#[test]
fn branches_and_loops_decide() {
    check(
        "DECLARE a int; BEGIN
           IF amount > 1 AND (SELECT true) THEN a := 1; ELSIF note = 'b' THEN NULL; ELSEIF true THEN a := 3; ELSE a := 2; END IF;
           CASE amount WHEN 1, 2 THEN a := 5; ELSE NULL; END CASE;
           CASE WHEN a IS NULL THEN RETURN; END CASE;
           WHILE a < 10 LOOP a := a + 1; CONTINUE WHEN a = 2; EXIT; END LOOP;
           <<outer>> LOOP EXIT outer WHEN a > 3; END LOOP outer;
         END",
        &[
            "Decide: SELECT amount > 1 AND (SELECT true)",
            "Assign: SELECT 1 -> a",
            "Decide: SELECT note = 'b'",
            "Decide: SELECT true",
            "Assign: SELECT 3 -> a",
            "Assign: SELECT 2 -> a",
            "Decide: SELECT (amount ) IN (1, 2 )",
            "Assign: SELECT 5 -> a",
            "Decide: SELECT a IS NULL",
            "Decide: SELECT a < 10",
            "Assign: SELECT a + 1 -> a",
            "Decide: SELECT a = 2",
            "Decide: SELECT a > 3",
        ],
    );
}

#[test]
fn every_kind_of_for_is_read() {
    check(
        "DECLARE r record; a int; b int; c refcursor; k CURSOR (low int, high numeric(3,1)) FOR SELECT id FROM people WHERE id > low;
         BEGIN
           FOR i IN REVERSE amount..1 BY 2 LOOP a := i; END LOOP;
           FOR i IN 1..10 LOOP NULL; END LOOP;
           FOR r IN SELECT * FROM people LOOP a := r.id; END LOOP;
           FOR a, b IN SELECT 1, 2 LOOP NULL; END LOOP;
           FOR r IN EXECUTE 'SELECT ' || note USING a, b LOOP NULL; END LOOP;
           FOR x IN k(1, high => 2) LOOP a := x.id; END LOOP;
           FOR r IN (SELECT 1) LOOP NULL; END LOOP;
           FOR r IN UPDATE people SET id = 1 RETURNING id LOOP NULL; END LOOP;
           FOREACH a SLICE 0 IN ARRAY '{1,2}'::int[] LOOP NULL; END LOOP;
         END",
        &[
            "Rows: SELECT id FROM people WHERE id > low -> k",
            "Decide: SELECT amount",
            "Decide: SELECT 1",
            "Decide: SELECT 2",
            "Assign: SELECT i -> a",
            "Decide: SELECT 1",
            "Decide: SELECT 10",
            "Rows: SELECT * FROM people -> r",
            "Assign: SELECT r.id -> a",
            "Rows: SELECT 1, 2 -> a, b",
            "Execute: SELECT 'SELECT ' || note -> r",
            "Argument: SELECT a",
            "Argument: SELECT b",
            "Argument: SELECT 1",
            "Argument: SELECT 2",
            "Rows: SELECT k -> x",
            "Assign: SELECT x.id -> a",
            "Rows: (SELECT 1) -> r",
            "Rows: UPDATE people SET id = 1 RETURNING id -> r",
            "Assign: SELECT '{1,2}'::int[] -> a",
        ],
    );
}

#[test]
fn what_is_given_back_and_told_is_known() {
    check(
        "BEGIN
           RETURN NEXT amount; RETURN QUERY SELECT 1; RETURN QUERY EXECUTE note USING 1; RETURN QUERY EXECUTE 'SELECT 2';
           RAISE NOTICE 'a % b %', amount, (SELECT note); RAISE; RAISE division_by_zero;
           RAISE EXCEPTION USING MESSAGE = note || '!', ERRCODE := '22012'; RAISE SQLSTATE '22012' USING HINT = amount;
           ASSERT amount > 0, 'no ' || note;
           RETURN;
           RETURN (amount, note);
         END;",
        &[
            "Return: SELECT amount",
            "ReturnQuery: SELECT 1",
            "Execute: SELECT note",
            "Argument: SELECT 1",
            "ReturnQuery: SELECT 2",
            "Tell: SELECT amount",
            "Tell: SELECT (SELECT note)",
            "Tell: SELECT note || '!'",
            "Tell: SELECT '22012'",
            "Tell: SELECT amount",
            "Decide: SELECT amount > 0",
            "Tell: SELECT 'no ' || note",
            "Return: SELECT (amount, note)",
        ],
    );
}

#[test]
fn text_that_is_run_is_dynamic_unless_it_is_written_out() {
    let found = check(
        "DECLARE a int; BEGIN
           EXECUTE format('SELECT %I', note) INTO STRICT a USING amount, a;
           EXECUTE 'DELETE FROM log WHERE what = ''x''';
           EXECUTE $x$SELECT 1$x$ USING amount INTO a;
           EXECUTE E'SELECT 1';
         END",
        &[
            "Execute: SELECT format('SELECT %I', note) -> a",
            "Argument: SELECT amount",
            "Argument: SELECT a",
            "Run: DELETE FROM log WHERE what = 'x'",
            "Run: SELECT 1 -> a",
            "Argument: SELECT amount",
            "Execute: SELECT E'SELECT 1'",
        ],
    );
    assert!(found.is_dynamic());
    assert!(!body("BEGIN EXECUTE 'SELECT 1'; END").is_dynamic());
}

#[test]
fn cursors_hold_the_rows_of_their_queries() {
    check(
        "DECLARE c refcursor; k NO SCROLL CURSOR IS SELECT 1; a int; BEGIN
           OPEN c FOR SELECT mail FROM people; OPEN c SCROLL FOR EXECUTE note; OPEN k;
           FETCH c INTO a; FETCH RELATIVE amount + 1 FROM c INTO a; FETCH NEXT IN k INTO a; MOVE FORWARD ALL FROM c; CLOSE c;
         END",
        &[
            "Rows: SELECT 1 -> k",
            "Rows: SELECT mail FROM people -> c",
            "Execute: SELECT note -> c",
            "Rows: SELECT c -> a",
            "Decide: SELECT amount + 1",
            "Rows: SELECT c -> a",
            "Rows: SELECT k -> a",
        ],
    );
}

#[test]
fn blocks_hide_variables_and_labels_find_them() {
    let found = check(
        "<<top>> DECLARE x int; BEGIN
           DECLARE x text; BEGIN x := 'a'; top.x := 1; EXCEPTION WHEN OTHERS OR SQLSTATE '22012' THEN x := SQLERRM; WHEN no_data_found THEN NULL; END;
           GET DIAGNOSTICS x = ROW_COUNT; GET STACKED DIAGNOSTICS x = MESSAGE_TEXT, x := PG_EXCEPTION_DETAIL;
           x := 2;
         END top",
        &[
            "Assign: SELECT 'a' -> x",
            "Assign: SELECT 1 -> x",
            "Assign: SELECT SQLERRM -> x",
            "Assign: SELECT sqlerrm -> x",
            "Assign: SELECT sqlerrm -> x",
            "Assign: SELECT 2 -> x",
        ],
    );
    let scope =
        |place: usize| found.pieces[place].into[0].variable.map(|variable| found.variables[variable].scope);
    assert_ne!(scope(0), scope(1));
    assert_eq!(scope(0), scope(2));
    assert_eq!(scope(1), scope(5));
}

#[test]
fn a_variable_may_have_a_keywords_name() {
    check(
        "DECLARE open int; return text; BEGIN open := 1; return := 'x'; perform = 2; END",
        &["Assign: SELECT 1 -> open", "Assign: SELECT 'x' -> return", "Assign: SELECT 2 -> ?"],
    );
}

#[test]
fn the_bodys_options_are_read() {
    let found = check("#variable_conflict use_column\n#print_strict_params on\nBEGIN END", &[]);
    assert_eq!(found.conflict, Conflict::Column);
    assert_eq!(body("BEGIN END").conflict, Conflict::Error);
}

#[test]
fn triggers_know_their_rows() {
    let mut function = super::pay();
    function.result = Oid(2279);
    let found = super::read(
        "BEGIN new.seen := now(); IF tg_op = 'UPDATE' THEN RETURN old; END IF; RETURN NEW; END",
        &function,
    );
    assert_eq!(found.gaps, []);
    assert_eq!(
        super::pieces(&found),
        [
            "Assign: SELECT now() -> new.seen",
            "Decide: SELECT tg_op = 'UPDATE'",
            "Return: SELECT old",
            "Return: SELECT NEW"
        ]
    );
}

#[test]
fn what_was_read_before_a_gap_is_kept() {
    let found = body("BEGIN DELETE FROM log; IF x NO END; END");
    assert_eq!(found.pieces[0].purpose, Purpose::Run);
    assert_eq!(found.gaps[0].what, "line 1 of a PL/pgSQL body, at THEN");
}
