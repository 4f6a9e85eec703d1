//! Code that runs without being named: in defaults, checks and conversions.

use connect_shared::label::Label;

use super::super::world::{class, refusal};
use crate::{
    catalog::{
        Catalog,
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
    domain public.calm as text check (length(VALUE) > 1);
    public.d1(id int4 default public.peek(), v text);
    public.d3(id public.domdef, v text);
    public.chk(a text, check (public.told(a)));
    public.made(c public.comp);
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
    ] {
        assert!(refusal(&catalog, sql).is_some(), "passed as {}: {sql}", class(&catalog, sql));
    }
}

#[test]
fn ordinary_defaults_and_checks_are_no_reason() {
    let catalog = office();
    for sql in ["INSERT INTO calmly (a) VALUES ('xx') RETURNING id", "UPDATE calmly SET a = 'xx'"] {
        let found = refusal(&catalog, sql);
        assert!(found.is_none(), "{sql}: {found:?}");
    }
}
