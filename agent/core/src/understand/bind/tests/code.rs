//! Code that runs without being named: behind operators and casts, in defaults, checks, triggers.

use super::{names, shown};
use crate::{
    catalog::{
        Catalog, Policy, RowSecurity, Security,
        fixture::{Version, catalog},
    },
    session::Session,
    understand::{Limits, bind_text, lineages, new_session},
};

const OWN: &str = "
    public.staff(id int4, name text, salary int4);
    public.s(id int4, secret text, k int4, v int4);
    public.log(msg text, n int4);
    a.t(x int4);  b.t(x int4);
    type public.comp as (x int4);
    function public.peek() returns int4 language sql stable as select max(salary) from public.staff;
    function public.opq0() returns int4 language plpgsql volatile as $$begin return (select max(salary) from public.staff); end$$;
    function public.logit(t text) returns bool language sql volatile as $$insert into public.log(msg) values ($1); select true$$;
    function public.addsal(x int4, y int4) returns int4 language sql as select $1 + $2 + max(salary) from public.staff;
    function public.tocomp(x int4) returns public.comp language sql as select row($1 + max(salary))::public.comp from public.staff;
    operator public.#+#(int4, int4) as public.addsal;
    cast (int4 as public.comp) as public.tocomp;
    function public.gdef(a int4, b int4 default public.peek()) returns int4 language sql as select a + b;
    function public.godef(a int4, b int4 default public.opq0()) returns int4 language sql as select a + b;
    function public.sp() returns text language sql volatile as select set_config('search_path', 'b,public', false);
    function public.spt(t text) returns bool language sql volatile as select set_config('search_path', 'b,public', false) is not null;
    function public.gdu(a int4, b text default public.sp()) returns int4 language sql as select a;
    public.d1(id int4 default public.peek(), v text);
    domain public.domdef as int4 default public.opq0();
    domain public.domchk as text check (public.logit(VALUE));
    domain public.dsc as text check (public.spt(VALUE));
    public.d3(id public.domdef, v text);
    public.mdef(a int4 default public.opq0(), b int4);
    public.chk(a text, check (public.logit(a)));
    public.plainly(a text, n int4 default 1, check (length(a) > 1));
    public.csc(a text, check (public.spt(a)));
    public.rl(a text);
    view public.vlog(id int4, a bool) as SELECT s.id, public.logit(s.secret) AS a FROM public.s;
    view public.vsp(a text) as SELECT set_config('search_path'::text, 'b,public'::text, false) AS a;
    view public.w1(x int4) as SELECT staff.id AS x FROM public.staff;
    view public.w2(x int4) as SELECT w1.x FROM public.w1;
    function public.pl5(a text) returns text language plpgsql as $$declare c refcursor := a; r text; begin fetch c into r; return r; end$$;
    function public.fill() returns int4 language sql volatile as $$insert into s2 select salary from public.staff; select 1$$;
    function public.fillp() returns int4 language plpgsql volatile as $$begin insert into s2 select salary from public.staff; return 1; end$$;
";

fn own() -> Catalog {
    // A draft's statements end at any semicolon outside of dollar quotes.
    let mut catalog = catalog(Version::Postgres18, OWN).expect("a database");
    for (view, below) in [("w1", "staff"), ("w2", "w1"), ("vlog", "s")] {
        let of = |name: &str| catalog.candidates(Some("public"), name).next().expect("it is there").oid;
        let (view, below) = (of(view), of(below));
        catalog.relation_mut(view).expect("it is there").view_reads.push(below);
    }
    catalog
}

#[track_caller]
fn check(sql: &str, expected: &str) {
    let catalog = own();
    let all = bind_text(sql, &catalog, &new_session(&catalog, Some(&["public".to_owned()])));
    let got = shown(all.last().expect("a statement"), &catalog).replace("|  |", "| |");
    assert!(got == expected, "\n{sql}\n  want {expected}\n  got  {got}");
}

/// Statements of one session; what the last one comes from.
fn after(texts: &[&str]) -> String {
    let mut catalog = own();
    catalog.search_path = "a, public".into();
    let mut session = new_session(&catalog, None);
    last(texts, &catalog, &mut session)
}

fn last(texts: &[&str], catalog: &Catalog, session: &mut Session) -> String {
    let mut text = String::new();
    for sql in texts {
        let all = lineages(sql.as_bytes(), catalog, session, &Limits::default());
        let lineage = all.last().expect("a statement");
        let columns = lineage.outputs.iter().flat_map(|output| &output.columns);
        let columns: Vec<String> = columns.map(|column| names(catalog, &column.direct)).collect();
        text = format!("{} {}", columns.join(", "), lineage.status.as_str());
    }
    text
}

#[track_caller]
fn is_not_complete(texts: &[&str]) {
    let got = after(texts);
    assert!(!got.ends_with("complete"), "{texts:?}: {got}");
}

#[test]
fn what_operators_and_casts_read_flows_into_their_values() {
    check("SELECT k #+# v AS x FROM s", "x<s.k s.v staff.salary; |");
    check("SELECT k::comp AS x FROM s", "x<s.k staff.salary; |");
    check("SELECT CASE WHEN k #+# 1 > 2 THEN v END AS x FROM s", "x<s.v; | s.k staff.salary");
    check("SELECT q.x FROM (SELECT k #+# v AS x, id FROM s) q", "x<s.k s.v staff.salary; |");
    check("SELECT id FROM s WHERE k #+# v > 1", "id<s.id; | s.k s.v staff.salary");
}

#[test]
fn arguments_that_are_left_out_have_defaults() {
    check("SELECT gdef(1) AS x", "x<staff.salary; |");
    check("SELECT gdef(k) AS x FROM s", "x<s.k staff.salary; |");
    check("SELECT gdef(k, v) AS x FROM s", "x<s.k s.v; |");
    check("SELECT gdef(a => k) AS x FROM s", "x<s.k staff.salary; |");
    is_not_complete(&["SELECT godef(1)"]);
}

#[test]
fn defaults_are_written_and_returned() {
    check("INSERT INTO d1(v) VALUES ('x') RETURNING id", "id<staff.salary; >d1 id<staff.salary, v<; |");
    check("INSERT INTO d1 VALUES (DEFAULT, 'x') RETURNING id", "id<staff.salary; >d1 id<staff.salary, v<; |");
    check("UPDATE d1 SET id = DEFAULT RETURNING id", "id<staff.salary; >d1 id<staff.salary; |");
    check("INSERT INTO plainly(a) VALUES ('xx') RETURNING n", "n<; >plainly a<; |");
    is_not_complete(&["INSERT INTO d3(v) VALUES ('x') RETURNING id"]);
    is_not_complete(&["UPDATE mdef SET a = DEFAULT"]);
    is_not_complete(&["UPDATE mdef SET (a, b) = (DEFAULT, 1)"]);
    is_not_complete(&["COPY mdef(b) FROM STDIN"]);
    check("UPDATE mdef SET (a, b) = (2, 1)", ">mdef a<, b<; |");
}

#[test]
fn volatile_columns_run_without_being_used() {
    for sql in [
        "SELECT count(*) AS x FROM (SELECT logit(secret) a FROM s) q",
        "SELECT count(*) AS x FROM vlog",
        "WITH q AS (SELECT logit(secret) a, id FROM s) SELECT count(*) AS x FROM q",
    ] {
        check(sql, "x<; >log msg<s.secret; |");
    }
    is_not_complete(&["SELECT count(*) FROM (SELECT opq0() a FROM s) q"]);
    is_not_complete(&["SELECT q.id FROM (SELECT opq0() a, id FROM s) q"]);
}

#[test]
fn checks_of_tables_and_domains_run() {
    check("INSERT INTO chk SELECT secret FROM s", ">chk a<s.secret; >log msg<s.secret; |");
    check("UPDATE chk SET a = s.secret FROM s", ">chk a<s.secret; >log msg<s.secret; |");
    check("SELECT secret::domchk AS x FROM s", "x<s.secret; >log msg<s.secret; |");
    check("INSERT INTO plainly SELECT secret, k FROM s", ">plainly a<s.secret, n<s.k; |");
    check("UPDATE plainly SET a = 'xx'", ">plainly a<; |");
    check("SELECT 'a'::domdef::int4 AS x", "x<; |");
    check("SELECT ARRAY[secret]::domchk[] AS x FROM s", "x<s.secret; >log msg<s.secret; |");
    is_not_complete(&["SELECT * FROM json_to_record('{}') AS r(a domchk)"]);
}

#[test]
fn conditions_for_new_rows_run() {
    let mut catalog = own();
    let rl = catalog.candidates(Some("public"), "rl").next().expect("it is there").oid;
    let details = catalog.relation_mut(rl).expect("it is there").details.get_or_insert_default();
    let owner = crate::catalog::Oid(99);
    details.security = Some(Security { owner, rows: RowSecurity::Enabled, invoker: false });
    details.policies.push(Policy {
        command: b'a',
        roles: Box::new([crate::catalog::Oid(0)]),
        using: None,
        check: Some("public.logit(a)".into()),
    });
    let session = new_session(&catalog, Some(&["public".to_owned()]));
    let all = bind_text("INSERT INTO rl SELECT secret FROM s", &catalog, &session);
    assert_eq!(shown(&all[0], &catalog), ">rl a<s.secret; >log msg<s.secret; |");
}

#[test]
fn arguments_of_execute_run() {
    is_not_complete(&["PREPARE p(int) AS SELECT $1", "EXECUTE p(peek())"]);
    is_not_complete(&["PREPARE p(int) AS SELECT $1", "EXECUTE p(opq0())"]);
    is_not_complete(&["PREPARE p(int) AS SELECT $1", "CREATE TEMP TABLE q AS EXECUTE p(opq0())"]);
    assert_eq!(after(&["PREPARE p(int) AS SELECT $1 AS a", "EXECUTE p(peek())"]), "staff.salary partial");
    assert_eq!(after(&["PREPARE p(int) AS SELECT k FROM s WHERE k = $1", "EXECUTE p(1)"]), "s.k complete");
}

#[test]
fn a_path_that_code_sets_is_not_taken_for_what_it_was() {
    assert_eq!(after(&["SELECT x FROM t"]), "a.t.x complete");
    for before in [
        "PREPARE p(text) AS SELECT $1; EXECUTE p(sp())",
        "SELECT count(*) FROM vsp",
        "SELECT count(*) FROM (SELECT set_config('search_path', 'b,public', false) a) q",
        "SELECT count(*) FROM (SELECT set_config('search_path', 'b,public', false) a OFFSET 0) q",
        "WITH q AS (SELECT set_config('search_path', 'b,public', false) a) SELECT count(*) FROM q",
        "SELECT 'x'::dsc",
        "INSERT INTO csc VALUES ('1')",
        "COPY csc FROM STDIN",
        "SELECT gdu(1)",
    ] {
        is_not_complete(&[before, "SELECT x FROM t"]);
    }
}

#[test]
fn a_cursor_of_somebody_else_may_be_fetched_from() {
    is_not_complete(&["BEGIN", "DECLARE c CURSOR FOR SELECT salary FROM staff", "SELECT pl5('c')"]);
}

#[test]
fn what_functions_write_into_temporary_tables_is_in_them() {
    let table = "CREATE TEMP TABLE s2(a int)";
    assert_eq!(after(&[table, "SELECT fill()", "SELECT a FROM s2"]), "staff.salary complete");
    assert_eq!(after(&[table, "SELECT fillp()", "SELECT a FROM s2"]), "staff.salary partial");
    assert_eq!(
        after(&[table, "ALTER TABLE s2 ADD COLUMN n int DEFAULT peek()", "SELECT n FROM s2"]),
        "staff.salary complete"
    );
    is_not_complete(&[table, "ALTER TABLE s2 ADD COLUMN n int DEFAULT opq0()", "SELECT n FROM s2"]);
    assert_eq!(after(&[table, "ALTER TABLE s2 ADD COLUMN n int DEFAULT 1", "SELECT n FROM s2"]), " complete");
}

#[test]
fn views_over_what_the_session_changed_are_not_what_they_were() {
    assert_eq!(after(&["SELECT x FROM w2"]), "staff.id complete");
    let replaced = "CREATE OR REPLACE VIEW public.w1 AS SELECT salary AS x FROM staff";
    assert_eq!(after(&["BEGIN", replaced, "SELECT x FROM w1"]), "staff.salary complete");
    is_not_complete(&["BEGIN", replaced, "SELECT x FROM w2"]);
    is_not_complete(&["BEGIN", replaced, "UPDATE w2 SET x = 1"]);
    is_not_complete(&["BEGIN", "ALTER TABLE staff ENABLE ROW LEVEL SECURITY", "SELECT x FROM w2"]);
}

#[test]
fn definitions_run_code_over_stored_rows() {
    check("ALTER TABLE s ADD COLUMN dd int DEFAULT peek()", ">s dd<staff.salary; |");
    check("ALTER TABLE s ADD COLUMN dd int DEFAULT 1", "|");
    check("ALTER TABLE s ADD CHECK (k > 1)", "|");
    check("CREATE INDEX ON s (lower(secret)) WHERE k > 1", "|");
    is_not_complete(&["ALTER TABLE s ADD COLUMN dd int DEFAULT opq0()"]);
    is_not_complete(&["ALTER TABLE s ADD CHECK (k > opq0())"]);
    is_not_complete(&["CREATE INDEX ON s ((k + opq0()))"]);
    check("ALTER TABLE s ADD CHECK (logit(secret))", ">log msg<s.secret; |");
}

#[test]
fn event_triggers_run() {
    let noted = "function public.noted() returns event_trigger language plpgsql as \
        $$begin insert into public.log(msg) values ('made'); end$$; event trigger watch as public.noted;";
    let catalog = catalog(Version::Postgres18, &format!("{OWN}{noted}")).expect("a database");
    let session = new_session(&catalog, Some(&["public".to_owned()]));
    for sql in ["CREATE TABLE made(a int)", "ALTER TABLE s ADD COLUMN n int", "SELECT 1 AS a INTO made"] {
        let lineage = bind_text(sql, &catalog, &session).remove(0);
        let got = shown(&lineage, &catalog);
        assert!(got.contains(">log msg<; ") && got.contains("the event trigger watch"), "{sql}: {got}");
    }
    let got = shown(&bind_text("SELECT id FROM s", &catalog, &session)[0], &catalog);
    assert_eq!(got, "id<s.id; |");
}
