//! Lengths and precisions: which functions bring values to them, as PostgreSQL 15 and 18 say with
//! `debug_print_rewritten`.

use crate::{
    catalog::{
        Oid,
        fixture::{Version, catalog},
    },
    understand::{bind_text, new_session},
};

const TABLE: &str = "
    domain public.short as varchar(3);
    domain public.shorter as public.short;
    public.m(v varchar(10), w varchar(10), x varchar(5), t text, n numeric(10, 2), i int4, ts timestamptz(3),
        b bit(3), c bpchar(2), s public.short, a varchar(10)[], ta text[], iv interval(32767, 0), plain numeric);";

const CASES: &[(&str, &str)] = &[
    ("INSERT INTO m (v) SELECT v FROM m", ""),
    ("INSERT INTO m (v) SELECT x FROM m", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) SELECT t FROM m", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) VALUES ('a')", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) VALUES (NULL)", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) VALUES (DEFAULT)", ""),
    ("INSERT INTO m (v) VALUES ($1)", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) VALUES ('a'), ('b')", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = w", ""),
    ("UPDATE m SET v = coalesce(v, w)", ""),
    ("UPDATE m SET v = coalesce(v, x)", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = CASE WHEN i > 1 THEN v ELSE w END", "int4gt(int4,int4)"),
    ("UPDATE m SET v = CASE WHEN i > 1 THEN v END", "int4gt(int4,int4) varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = nullif(v, 'a')", "texteq(text,text) varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = (SELECT max(v) FROM m)", "max(text) varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = (SELECT v FROM m LIMIT 1)", "int8(int4)"),
    ("UPDATE m SET n = n", ""),
    ("UPDATE m SET n = n + 1", "numeric(int4) numeric(numeric,int4) numeric_add(numeric,numeric)"),
    ("UPDATE m SET n = i", "numeric(int4) numeric(numeric,int4)"),
    ("UPDATE m SET b = i::bit(3)", "bit(int4,int4)"),
    ("UPDATE m SET b = B'101'", "bit(bit,int4,bool)"),
    ("UPDATE m SET c = t", "bpchar(bpchar,int4,bool)"),
    ("UPDATE m SET s = t", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET s = 'a'", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET v = s", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET a = ta", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET a = a", ""),
    ("UPDATE m SET a = ARRAY['a', 'b']", "varchar(varchar,int4,bool)"),
    ("UPDATE m SET a = ARRAY[v, w]", ""),
    ("UPDATE m SET v = a[1]", ""),
    ("UPDATE m SET iv = '1 day'", ""),
    ("UPDATE m SET iv = ts - ts", "interval(interval,int4) timestamptz_mi(timestamptz,timestamptz)"),
    ("SELECT v::varchar(10) FROM m", ""),
    ("SELECT v::varchar FROM m", ""),
    ("SELECT v::varchar(5) FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT x::short FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT 'a'::shorter", "varchar(varchar,int4,bool)"),
    ("SELECT t::shorter FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT s::shorter FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT ta::varchar(3)[] FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT ARRAY[t, 'a']::varchar(3)[] FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT ARRAY[i]::varchar(3)[] FROM m", "varchar(varchar,int4,bool)"),
    ("SELECT ARRAY[]::varchar(3)[]", "varchar(varchar,int4,bool)"),
    ("SELECT i::numeric(3, 1) FROM m", "numeric(int4) numeric(numeric,int4)"),
    ("SELECT i::bit(3) FROM m", "bit(int4,int4)"),
    ("SELECT plain::numeric(10,2) FROM m", "numeric(numeric,int4)"),
    ("SELECT localtimestamp(0)::timestamp(0)", ""),
    ("SELECT localtimestamp::timestamp(0)", "timestamp(timestamp,int4)"),
    (
        "SELECT 'now'::timestamp(0), interval '1' second(2), '1 d'::interval(3), current_time(1)::timetz(1)",
        "timestamp(timestamp,int4)",
    ),
    ("SELECT v::varchar(10) FROM (SELECT v FROM m UNION SELECT w FROM m) x", ""),
    ("SELECT v::varchar(10) FROM (SELECT v FROM m UNION SELECT x FROM m) x", "varchar(varchar,int4,bool)"),
    (
        "SELECT v::varchar(10) FROM (VALUES ('a'::varchar(10)), ('b'::varchar(10))) x(v)",
        "varchar(varchar,int4,bool)",
    ),
    ("SELECT v::varchar(10) FROM m JOIN m o USING (v)", "texteq(text,text)"),
    ("SELECT (r).v::varchar(10) FROM (SELECT m AS r FROM m) x", ""),
    ("SELECT xmlserialize(content '<a/>'::xml AS varchar(10))", "varchar(varchar,int4,bool)"),
    ("SELECT x::varchar(10) FROM json_to_record('{}') AS j(x varchar(10))", "json_to_record(json)"),
    ("SELECT unnest(a)::varchar(10) FROM m", "unnest(anyarray) varchar(varchar,int4,bool)"),
    ("SELECT varchar(10) 'x', char 'y'", "varchar(varchar,int4,bool)"),
    ("SELECT least(v, w)::varchar(10) FROM m", ""),
    ("SELECT (v COLLATE \"C\")::varchar(10) FROM m", ""),
    ("SELECT array(SELECT v FROM m)::varchar(10)[]", ""),
    ("INSERT INTO m (a[1]) VALUES ('x')", "varchar(varchar,int4,bool)"),
    (
        "MERGE INTO m USING m o ON m.i = o.i WHEN MATCHED THEN UPDATE SET v = o.t WHEN NOT MATCHED THEN INSERT (n) VALUES (1.5)",
        "int4eq(int4,int4) numeric(numeric,int4) varchar(varchar,int4,bool)",
    ),
    ("INSERT INTO m (v) SELECT 'a' FROM m GROUP BY 1", "varchar(varchar,int4,bool)"),
    ("INSERT INTO m (v) SELECT 'a' UNION SELECT 'b'", "varchar(varchar,int4,bool)"),
    (
        "SELECT nullif(i, 2.2)::numeric(3) FROM m",
        "numeric(int4) numeric(numeric,int4) numeric_eq(numeric,numeric)",
    ),
    ("SELECT nullif(v, w)::varchar(10) FROM m", "texteq(text,text) varchar(varchar,int4,bool)"),
    ("SELECT nullif(n, 1)::numeric(10, 2) FROM m", "numeric(int4) numeric_eq(numeric,numeric)"),
    ("SELECT nullif(a, a)::varchar(10)[] FROM m", "array_eq(anyarray,anyarray)"),
    ("SELECT nullif(s, 'a')::varchar(3) FROM m", "texteq(text,text) varchar(varchar,int4,bool)"),
    ("SELECT nullif(iv, NULL)::interval(0) FROM m", "interval_eq(interval,interval)"),
];

#[test]
fn what_brings_values_to_their_length_is_told() {
    for version in [Version::Postgres15, Version::Postgres18] {
        let catalog = catalog(version, TABLE).expect("a database");
        let session = new_session(&catalog, Some(&["public".to_owned()]));
        let name = |oid: &Oid| {
            let function = &catalog.code.functions[oid];
            let types = function.arguments.iter().map(|oid| &*catalog.code.types[oid].name);
            format!("{}({})", function.name, types.collect::<Vec<_>>().join(","))
        };
        let mut wrong = String::new();
        for (sql, expected) in CASES {
            let lineage = bind_text(sql, &catalog, &session).remove(0);
            let mut functions: Vec<String> = lineage.functions.iter().map(name).collect();
            functions.sort_unstable();
            let got = functions.join(" ");
            if got != *expected {
                wrong.push_str(&format!("{sql}\n  want {expected}\n  got  {got}\n"));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }
}
