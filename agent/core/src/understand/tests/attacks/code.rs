//! Code that runs without being named: in defaults, checks and conversions.

use connect_shared::label::Label;

use super::super::world::{class, refusal};
use crate::{
    catalog::{
        Cascade, Catalog, Effect,
        fixture::{Version, catalog},
    },
    understand::settle_code,
};

const OFFICE: &str = "
    public.staff(id int4, salary int4);
    type public.comp as (x int4);
    function public.peek() returns int4 language sql stable as select max(salary) from public.staff;
    function public.told(t text) returns bool language sql stable as select max(salary) > 1 from public.staff;
    function public.tocomp(x int4) returns public.comp language sql as select row(max(salary))::public.comp from public.staff;
    function public.plus(x int4, y int4) returns int4 language sql as select max(salary) from public.staff;
    operator public.#+#(int4, int4) as public.plus;
    cast (int4 as public.comp) as public.tocomp;
    function public.gdef(a int4, b int4 default public.peek()) returns int4 language sql as select b;
    domain public.domdef as int4 default public.peek();
    domain public.domchk as text check (public.told(VALUE));
    domain public.round as text check ((VALUE)::public.round IS NOT NULL AND (VALUE)::public.calm IS NOT NULL);
    domain public.rounds as text check ((VALUE)::public.round IS NOT NULL AND (VALUE)::public.domchk IS NOT NULL);
    type public.holds as (r public.round, s public.rounds);
    public.rounded(r public.round);
    public.held(h public.holds);
    domain public.calm as text check (length(VALUE) > 1);
    public.d1(id int4 default public.peek(), v text);
    public.d3(id public.domdef, v text);
    public.chk(a text, check (public.told(a)));
    public.made(c public.comp);
    public.told_xml(id xml default query_to_xml('select salary from staff'::text, true, false, ''::text), v text);
    public.read_file(v text, check (length(pg_read_file(v)) > 1));
    public.set(id text default set_config('search_path'::text, 'x'::text, false), v text);
    public.parent(id int4, name text);
    public.child(id int4, parent int4);
    public.grandchild(id int4, child int4 default public.peek());
    public.calmly(id int4 default 1, a text, check (length(a) > 1));
";

fn office() -> Catalog {
    let mut catalog = catalog(Version::Postgres15, OFFICE).expect("a database");
    let staff = catalog.candidates(Some("public"), "staff").next().expect("it is there").oid;
    let columns = &mut catalog.relation_mut(staff).expect("it is there").columns;
    columns.iter_mut().filter(|column| &*column.name == "salary").for_each(|column| {
        column.label = Some(Label::Email);
    });
    let _news = settle_code(&mut catalog);
    catalog
}

#[test]
fn code_that_no_name_shows_is_refused_where_values_are_protected() {
    let catalog = office();
    for sql in [
        "SELECT gdef(1)",
        "SELECT 1 #+# 2",
        "SELECT 1::comp",
        "SELECT (1::comp).x",
        "SELECT 'x'::domchk",
        "SELECT ARRAY['x']::domchk[]",
        "INSERT INTO d1 (v) VALUES ('x') RETURNING id",
        "INSERT INTO d1 VALUES (DEFAULT, 'x') RETURNING id",
        "UPDATE d1 SET id = DEFAULT RETURNING id",
        "COPY d1 (v) FROM STDIN",
        "INSERT INTO d3 (v) VALUES ('x') RETURNING id",
        "INSERT INTO chk VALUES ('x')",
        "INSERT INTO made VALUES (1) RETURNING c",
        "INSERT INTO told_xml (v) VALUES ('x') RETURNING id",
        "INSERT INTO read_file VALUES ('/etc/passwd')",
        "INSERT INTO set (v) VALUES ('x')",
        "SELECT 'x'::rounds",
        "INSERT INTO held DEFAULT VALUES",
    ] {
        assert!(refusal(&catalog, sql).is_some(), "passed as {}: {sql}", class(&catalog, sql));
    }
}

#[test]
fn ordinary_defaults_and_checks_are_no_reason() {
    let catalog = office();
    for sql in [
        "INSERT INTO calmly (a) VALUES ('xx') RETURNING id",
        "UPDATE calmly SET a = 'xx'",
        "INSERT INTO rounded VALUES ('xx')",
    ] {
        let found = refusal(&catalog, sql);
        assert!(found.is_none(), "{sql}: {found:?}");
    }
}

#[test]
fn what_keys_change_with_a_write_counts_as_written() {
    let mut catalog = office();
    let [parent, child, grandchild] = ["parent", "child", "grandchild"]
        .map(|name| catalog.candidates(Some("public"), name).next().expect("it is there").oid);
    for (of, table, on_delete, on_update) in [
        (parent, child, Effect::Follow, Effect::Follow),
        (child, grandchild, Effect::Default, Effect::Follow),
    ] {
        let cascade = Cascade { table, on_delete, on_update, keys: [(2, 1)].into() };
        let relation = catalog.relation_mut(of).expect("it is there");
        relation.details.get_or_insert_default().cascades.push(cascade);
    }
    for sql in [
        "DELETE FROM parent",
        "UPDATE parent SET id = 2",
        "WITH gone AS (DELETE FROM parent RETURNING id) SELECT id FROM gone",
        "MERGE INTO parent USING (SELECT 1 AS i) s ON s.i = id WHEN MATCHED THEN DELETE",
    ] {
        assert!(refusal(&catalog, sql).is_some(), "passed as {}: {sql}", class(&catalog, sql));
    }
    for sql in [
        "INSERT INTO parent VALUES (1, 'x')",
        "UPDATE parent SET name = 'x' WHERE id = 1",
        "COPY parent FROM STDIN",
    ] {
        let found = refusal(&catalog, sql);
        assert!(found.is_none(), "{sql}: {found:?}");
    }
    assert!(refusal(&catalog, "TRUNCATE parent CASCADE").is_none(), "nothing has a trigger");
    catalog.relation_mut(grandchild).expect("it is there").runs_code = true;
    assert!(refusal(&catalog, "TRUNCATE parent CASCADE").is_some(), "passed");
    assert!(refusal(&catalog, "TRUNCATE parent, child").is_none());
}
