//! Sources and tables beside those that the statement names: what a table, a view or a key brings along.

use std::sync::Arc;

use super::shown;
use crate::{
    catalog::{
        Cascade, Catalog, ColumnExpression, Details, Effect, Oid, Policy, Rights, RoleRights, RowSecurity,
        Security, Trigger,
        code::Operator,
        fixture::{Version, catalog},
    },
    understand::{bind_text, new_session},
};

const GROUND: &str = "
    type public.place as (street text, town text);
    public.s(id int4 not null, secret text, k int4, v int4);
    public.homes(id int4, home public.place, moved public.place[]);
    function public.other(n int4) returns int4 language sql immutable as SELECT k FROM public.s WHERE id = n;
    function public.same(a public.place, b public.place) returns bool language plpgsql as $$begin return true; end$$;
    public.g1(a int4, b int4, g int4 generated always as (CASE WHEN (b > 0) THEN a END) stored);
    public.vg(a int4, b int4, g int4 generated always as (CASE WHEN (b > 0) THEN a END) virtual);
    public.gf(a int4, b int4, g int4 generated always as (public.other(a)) stored);
    public.base(id int4, name text, x int4);
    view public.v1(id int4, name text) as SELECT base.id, base.name FROM public.base;
    view public.v2(id int4, name text) as SELECT v1.id, v1.name FROM public.v1;
    view public.vc(id int4, name text, un text) as SELECT base.id, base.name, upper(base.name) AS un FROM public.base;
    view public.vh(id int4, un text) as SELECT base.id, upper(base.name) AS un FROM public.base;
    view public.vq(id int4, name text, un text) as SELECT base.id, base.name, ( SELECT max(b2.name) AS max FROM public.base b2) AS un FROM public.base;
    public.arr(a int4[], id int4);
    public.par(a int4, g int4 generated always as (a + 1) stored);
    public.kid(a int4, g int4 generated always as (a + 1) stored) inherits public.par;
    public.odd(a int4, g int4 generated always as (a + 1) stored, c int4 generated always as (a * 2) stored) inherits public.kid;
    public.tt(a int4 not null, z int4, primary key (a));
    public.tchild(a int4, z int4 default 7, g int4 generated always as (a * 2) stored);
    public.tgrand(b int4);
    partitioned public.pt(k int4, x int4, y int4);
    public.pt1(y int4, x int4, k int4, unique (x)) inherits public.pt;
    partitioned public.pm(k int4, x int4);
    public.pm2(k int4, x int4) inherits public.pm;
    public.rl(id int4, owner text, upd text);
    view public.vrl(id int4) as SELECT rl.id FROM public.rl;
";

fn oid(catalog: &Catalog, name: &str) -> Oid {
    catalog.candidates(Some("public"), name).next().expect("a relation").oid
}

fn details<'c>(catalog: &'c mut Catalog, name: &str) -> &'c mut Details {
    let oid = oid(catalog, name);
    catalog.relation_mut(oid).expect("a relation").details.get_or_insert_default()
}

/// A trigger whose function nobody knows.
fn trigger(on: [bool; 4], instead: bool) -> Trigger {
    Trigger { name: "x".into(), function: Oid(1), on, before: false, instead }
}

#[track_caller]
fn check_in(change: impl Fn(&mut Catalog), sql: &str, expected: &str) {
    let mut catalog = catalog(Version::Postgres18, GROUND).expect("a database");
    change(&mut catalog);
    let session = new_session(&catalog, Some(&["public".to_owned()]));
    let all = bind_text(sql, &catalog, &session);
    let got = shown(&all[0], &catalog).replace("|  |", "| |");
    assert!(got == expected, "\n{sql}\n  want {expected}\n  got  {got}");
}

#[track_caller]
fn check(sql: &str, expected: &str) {
    check_in(|_| {}, sql, expected);
}

#[test]
fn what_decides_about_a_generated_column_is_told() {
    check("INSERT INTO g1 (a, b) SELECT k, v FROM s RETURNING g", "g<s.k; >g1 a<s.k, b<s.v, g<s.k; | s.v");
    check("UPDATE g1 SET b = s.v FROM s", ">g1 b<s.v, g<g1.a; | s.v");
    check("UPDATE g1 SET a = s.v FROM s", ">g1 a<s.v, g<s.v; | g1.b");
    check("INSERT INTO vg (a, b) SELECT k, v FROM s RETURNING g", "g<s.k; >vg a<s.k, b<s.v; | s.v");
    check("INSERT INTO vg (a, b) SELECT k, v FROM s RETURNING a", "a<s.k; >vg a<s.k, b<s.v; |");
}

#[test]
fn a_function_in_a_generated_column_may_read_another_table() {
    check("INSERT INTO gf (a, b) SELECT v, 1 FROM s", ">gf a<s.v, b<, g<s.k; | s.id s.v");
}

#[test]
fn generated_columns_of_tables_below_are_told() {
    check(
        "UPDATE par SET a = s.k FROM s",
        ">par a<s.k, g<s.k; | | partial not-reviewed: generated columns of public.odd",
    );
    check("INSERT INTO par (a) SELECT k FROM s", ">par a<s.k, g<s.k; |");
}

#[test]
fn code_in_place_of_a_write_is_found_behind_views() {
    let with = |on| move |catalog: &mut Catalog| details(catalog, "v1").triggers.push(trigger(on, true));
    check_in(
        with([true, false, false, false]),
        "INSERT INTO v2 (id, name) SELECT id, secret FROM s",
        ">v2 id<s.id, name<s.secret; | | partial trigger: what writing the view public.v1 does is code of its own",
    );
    check_in(with([true, false, false, false]), "UPDATE v2 SET name = 'x'", ">base name<; |");
    check_in(
        |catalog| details(catalog, "v1").rules.push("CREATE RULE".into()),
        "DELETE FROM v2",
        ">v2 ; | | partial trigger: what writing the view public.v1 does is code of its own",
    );
}

#[test]
fn a_default_of_a_view_is_none_that_the_table_has() {
    check_in(
        |catalog| {
            let default = ColumnExpression::Default("now()".into());
            details(catalog, "v1").expressions.push((2, default));
        },
        "INSERT INTO v2 (id) SELECT id FROM s",
        ">base id<s.id; | | partial not-reviewed: a default of the view public.v1",
    );
}

#[test]
fn what_a_view_computes_is_computed_of_the_new_row() {
    check(
        "INSERT INTO vc (id, name) SELECT id, secret FROM s RETURNING un",
        "un<s.secret; >base id<s.id, name<s.secret; |",
    );
    check("UPDATE vc SET name = s.secret FROM s RETURNING un", "un<s.secret; >base name<s.secret; |");
    check("UPDATE vc SET id = s.k FROM s RETURNING un", "un<base.name; >base id<s.k; |");
    check(
        "UPDATE vc SET name = s.secret FROM s RETURNING old.un AS o, new.un AS n",
        "o<base.name, n<s.secret; >base name<s.secret; |",
    );
    check(
        "MERGE INTO vc USING s ON s.id = vc.id WHEN MATCHED THEN UPDATE SET name = s.secret RETURNING un",
        "un<s.secret; >base name<s.secret; | base.id s.id",
    );
    check("INSERT INTO vh (id) SELECT k FROM s RETURNING un", "un<; >base id<s.k; |");
    check(
        "MERGE INTO vh USING s ON s.id = vh.id WHEN MATCHED THEN UPDATE SET id = s.k WHEN NOT MATCHED THEN INSERT (id) VALUES (s.v) RETURNING un",
        "un<base.name; >base id<s.k s.v; | base.id s.id",
    );
    // It reads the other rows as well.
    check(
        "INSERT INTO vq (id, name) SELECT id, secret FROM s RETURNING un",
        "un<base.name s.secret; >base id<s.id, name<s.secret; |",
    );
}

#[test]
fn a_subscript_in_an_insert_of_merge_flows_into_the_column() {
    check(
        "MERGE INTO arr USING s ON s.id = arr.id WHEN NOT MATCHED THEN INSERT (a[s.k], id) VALUES (1, s.id)",
        ">arr a<s.k, id<s.id; | arr.id s.id",
    );
}

fn keyed(on_delete: Effect, on_update: Effect, column: i16) -> impl Fn(&mut Catalog) {
    move |catalog| {
        let [child, grand] = ["tchild", "tgrand"].map(|name| oid(catalog, name));
        let key = |table, own, other| Cascade { table, on_delete, on_update, keys: [(own, other)].into() };
        details(catalog, "tt").cascades.push(key(child, column, 1));
        details(catalog, "tchild").cascades.push(key(grand, 1, column));
    }
}

#[test]
fn foreign_keys_write_into_the_tables_that_refer() {
    let follow = || keyed(Effect::Follow, Effect::Follow, 1);
    check_in(
        follow(),
        "UPDATE tt SET a = s.k FROM s",
        ">tt a<s.k; >tchild a<s.k, g<s.k; >tgrand b<s.k; | tchild.a tgrand.b tt.a",
    );
    check_in(follow(), "UPDATE tt SET z = s.k FROM s", ">tt z<s.k; |");
    check_in(follow(), "DELETE FROM tt", ">tt ; >tchild ; >tgrand ; | tchild.a tgrand.b tt.a");
    let null = keyed(Effect::Null, Effect::Nothing, 1);
    check_in(&null, "DELETE FROM tt WHERE z = 1", ">tt ; >tchild a<, g<; | tchild.a tt.a tt.z");
    check_in(null, "UPDATE tt SET a = s.k FROM s", ">tt a<s.k; |");
    check_in(
        keyed(Effect::Default, Effect::Nothing, 2),
        "DELETE FROM tt",
        ">tt ; >tchild z<; | tchild.z tt.a",
    );
}

#[test]
fn keys_in_a_ring_end() {
    check_in(
        |catalog| {
            let table = oid(catalog, "tt");
            let keys = [(2, 1)].into();
            let own = Cascade { table, on_delete: Effect::Follow, on_update: Effect::Follow, keys };
            details(catalog, "tt").cascades.push(own);
        },
        "UPDATE tt SET a = s.k FROM s",
        ">tt a<s.k, z<s.k; | tt.a tt.z",
    );
}

#[test]
fn keys_whose_columns_nobody_knows_are_told() {
    check_in(
        |catalog| {
            let table = oid(catalog, "tchild");
            let keys = Box::default();
            let key = Cascade { table, on_delete: Effect::Nothing, on_update: Effect::Follow, keys };
            details(catalog, "tt").cascades.push(key);
        },
        "UPDATE tt SET a = 1",
        ">tt a<; >tchild ; | | partial changed: which columns of public.tchild follow public.tt",
    );
}

#[test]
fn truncation_runs_triggers_and_goes_on_to_other_tables() {
    check_in(
        |catalog| details(catalog, "tt").triggers.push(trigger([false, false, false, true], false)),
        "TRUNCATE tt",
        ">tt ; | | partial trigger: the trigger x of public.tt",
    );
    check(
        "TRUNCATE tt CASCADE",
        ">tt ; | | partial unknown-object: tables that refer to public.tt are emptied too",
    );
    check("TRUNCATE tt", ">tt ; |");
}

#[test]
fn a_row_that_goes_to_another_partition_is_deleted_and_inserted() {
    let with = |on| move |catalog: &mut Catalog| details(catalog, "pm2").triggers.push(trigger(on, false));
    let partial = ">pm k<; | | partial trigger: the trigger x of public.pm2";
    check_in(with([true, false, false, false]), "UPDATE pm SET k = 2", partial);
    check_in(with([false, false, true, false]), "UPDATE pm SET k = 2", partial);
    check_in(with([true, false, false, false]), "UPDATE pm2 SET k = 2", ">pm2 k<; |");
}

#[test]
fn a_key_of_one_partition_decides_about_conflicts() {
    check("INSERT INTO pt (k, x) SELECT k, v FROM s ON CONFLICT DO NOTHING", ">pt k<s.k, x<s.v; | pt.x s.v");
}

fn secured(catalog: &mut Catalog) {
    let roles = [(Oid(70), RoleRights::default()), (Oid(71), RoleRights::default())].into();
    let by_name = [("owner".into(), Oid(70)), ("other".into(), Oid(71))].into();
    catalog.rights = Arc::new(Rights { by_name, roles });
    let policy = |command, condition: &str| Policy {
        command,
        roles: [Oid(0)].into(),
        using: Some(condition.into()),
        check: None,
    };
    let of = |rows| Some(Security { owner: Oid(71), rows, invoker: false });
    let rl = details(catalog, "rl");
    rl.security = of(RowSecurity::Forced);
    rl.policies = vec![policy(b'r', "(owner = 'x'::text)"), policy(b'w', "(upd = 'x'::text)")];
    details(catalog, "vrl").security = of(RowSecurity::Off);
}

#[test]
fn rows_that_are_locked_are_those_that_may_be_updated() {
    check_in(secured, "SELECT id FROM rl", "id<rl.id; | rl.owner");
    check_in(secured, "SELECT id FROM rl FOR UPDATE", "id<rl.id; | rl.owner rl.upd");
    check_in(secured, "SELECT r.id FROM rl r JOIN s USING (id) FOR SHARE OF r", {
        "id<rl.id; | rl.id rl.owner rl.upd s.id"
    });
    check_in(secured, "SELECT s.id FROM rl, s FOR SHARE OF s", "id<s.id; | rl.owner");
    let partial =
        "id<rl.id; | rl.owner | partial session: which rows of public.rl its row security lets be locked";
    check_in(secured, "SELECT id FROM vrl FOR UPDATE", partial);
    check_in(secured, "SELECT id FROM (SELECT id FROM rl) q FOR UPDATE", partial);
}

#[test]
fn columns_that_a_definition_fills_are_written() {
    check("ALTER TABLE s ADD COLUMN gg int GENERATED ALWAYS AS (k * 2) STORED", ">s gg<s.k; |");
    check("ALTER TABLE s ADD COLUMN IF NOT EXISTS k int GENERATED ALWAYS AS (v) STORED", "|");
    check("ALTER TABLE s ADD COLUMN gg int GENERATED ALWAYS AS (k * 2) VIRTUAL", "|");
    check("ALTER TABLE s ADD COLUMN gg int", "|");
    check("ALTER TABLE s ALTER COLUMN k TYPE text", ">s k<s.k; |");
    check("ALTER TABLE s ALTER COLUMN k TYPE text USING secret", ">s k<s.secret; |");
    check("ALTER TABLE g1 ALTER COLUMN g SET EXPRESSION AS (b)", ">g1 g<g1.b; |");
    check("ALTER TYPE place ALTER ATTRIBUTE town TYPE varchar", "|");
}

#[test]
fn views_of_a_new_schema_are_made_as_by_themselves() {
    check("CREATE SCHEMA z CREATE VIEW vv AS SELECT secret FROM public.s WHERE k = 1", {
        "+z.vv secret<s.secret; | s.k"
    });
    check(
        "CREATE SCHEMA z CREATE TABLE s (secret int) CREATE VIEW vv AS SELECT secret FROM s",
        "+z.vv secret<s.secret; | | partial changed: the view z.vv beside others that are made with it",
    );
    check("CREATE SCHEMA z CREATE TABLE q (i int)", "|");
}

#[test]
fn a_name_that_another_query_has_taken_is_no_recursion() {
    check(
        "WITH RECURSIVE t AS (SELECT id AS a FROM s UNION ALL (WITH t AS (SELECT 1 AS a) SELECT a FROM t) ORDER BY a LIMIT (SELECT max(v) FROM s)) SELECT a FROM t",
        "a<s.id; | s.id s.v",
    );
    check(
        "WITH RECURSIVE t AS (SELECT id AS a FROM s UNION ALL (WITH t AS (SELECT a + 1 AS a FROM t WHERE a < 5) SELECT a FROM t)) SELECT a FROM t",
        "a<s.id; | s.id",
    );
    check(
        "WITH RECURSIVE t AS (SELECT id AS a FROM s UNION ALL SELECT a FROM t LIMIT 3) SELECT a FROM t",
        "| | opaque not-reviewed: ORDER BY, LIMIT or FOR UPDATE in a recursive query",
    );
}

#[test]
fn an_order_by_an_operator_of_the_server_runs_nothing_else() {
    check("SELECT id FROM s ORDER BY k USING <", "id<s.id; | s.k");
    let (_, catalog) = super::lineage_in("SELECT 1", Version::Postgres18);
    let session = new_session(&catalog, None);
    let all = bind_text("SELECT b FROM public.t ORDER BY b USING OPERATOR(pg_catalog.>)", &catalog, &session);
    let greater = catalog.code.functions_by_name["int4gt"][0];
    assert!(!all[0].functions.contains(&greater), "it only compares: {:?}", all[0].functions);
}

#[test]
fn a_users_order_of_a_type_is_code() {
    let with = |catalog: &mut Catalog| {
        let code = Arc::make_mut(&mut catalog.code);
        let place = code.types_by_name["place"][0];
        let function = code.functions_by_name["same"][0];
        let (schema, name) = ("public".into(), "===".into());
        let (oid, result) = (Oid(60_000), Oid(16));
        code.insert_operator(Operator { oid, schema, name, left: place, right: place, result, function });
        Arc::make_mut(&mut catalog.user_operators).insert("===".into());
    };
    for (sql, expected) in [
        ("SELECT DISTINCT home FROM homes", "home<homes.home; | homes.home"),
        ("SELECT id FROM homes ORDER BY moved", "id<homes.id; | homes.moved"),
        ("SELECT count(*) FROM homes GROUP BY home", "count<; | homes.home"),
        ("SELECT home FROM homes UNION SELECT home FROM homes", "home<homes.home; | homes.home"),
        ("SELECT rank() OVER (ORDER BY home) FROM homes", "rank<; | homes.home"),
        ("SELECT count(DISTINCT home) FROM homes", "count<homes.home; | homes.home"),
    ] {
        check(sql, expected);
        let gap = "partial opaque-function: how values of public.place are compared";
        check_in(with, sql, &format!("{expected} | {gap}"));
    }
    check_in(with, "SELECT id FROM homes ORDER BY id", "id<homes.id; | homes.id");
    let mut known = catalog(Version::Postgres18, GROUND).expect("a database");
    with(&mut known);
    let session = new_session(&known, Some(&["public".to_owned()]));
    let all = bind_text("SELECT id FROM homes ORDER BY home USING ===", &known, &session);
    assert!(all[0].functions.contains(&known.code.functions_by_name["same"][0]), "{:?}", all[0].functions);
}
