//! Lineage of single statements, over a small database.

mod queries;
mod reads;
mod sessions;
mod writes;

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    catalog::{
        Catalog, Oid,
        fixture::{Version, catalog},
    },
    lineage::{ColumnId, Lineage, OutputKind},
    understand::{bind_text, new_session},
};

const SHOP: &str = "
    type public.place as (street text, town text);
    public.t(id int4 not null, a text, b int4, c int4, d date, tags text[], at public.place, doc jsonb,
        primary key (id), unique t_a (a));
    public.u(id int4 not null, t_id int4, a text, x numeric, y int4);
    public.w(id int4 not null, a text, e int4);
    public.lines(id int4 not null, price numeric, count int4,
        total numeric generated always as (price * (count)::numeric) stored);
    public.edges(src int4, dst int4, cost int4);
    other.t(id int4, secret text);
    materialized public.kept(id int4, a text) as SELECT t.id, t.a FROM public.t;
    view public.v(id int4, low text, b int4) as SELECT t.id, lower(t.a) AS low, t.b FROM public.t WHERE (t.c > 0);
    view public.vv(id int4, low text) as SELECT v.id, v.low FROM public.v WHERE (v.b = 1);
    view public.plain(id int4, name text) as SELECT t.id, t.a AS name FROM public.t;
    function public.twice(n int4) returns int4 language sql immutable as SELECT n * 2;
    function public.name_of(k int4) returns text language sql stable as SELECT a FROM public.t WHERE id = $1;
    function public.rows_of(k int4) returns setof public.u language sql stable as SELECT * FROM public.u WHERE y = k;
    function public.hidden(n int4) returns int4 language plpgsql as $$begin return n + 1; end$$;
    function public.sum_up(n int4) returns int4 language plpgsql as $$begin return (select sum(y) from public.u where t_id = n); end$$;
    function public.text_of(n text) returns text language plpgsql as $$declare r text; begin execute n into r; return r; end$$;
";

fn shop(version: Version) -> Catalog {
    catalog(version, SHOP).expect("a database")
}

fn lineage_in(sql: &str, version: Version) -> (Lineage, Catalog) {
    let catalog = shop(version);
    let mut all = bind_text(sql, &catalog, &new_session(&catalog, Some(&["public".to_owned()])));
    assert_eq!(all.len(), 1, "{sql}");
    (all.remove(0), catalog)
}

fn name(catalog: &Catalog, id: ColumnId) -> String {
    let Some(relation) = catalog.relation(id.relation) else {
        return format!("?{}.{}", id.relation.0, id.number);
    };
    let column =
        relation.column(id.number).map_or_else(|| format!("#{}", id.number), |found| found.name.to_string());
    match &*relation.schema {
        "public" => format!("{}.{column}", relation.name),
        schema => format!("{schema}.{}.{column}", relation.name),
    }
}

fn names(catalog: &Catalog, ids: &BTreeSet<ColumnId>) -> String {
    let all: BTreeSet<String> = ids.iter().map(|id| name(catalog, *id)).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// `name<sources, …; > table: column<sources; | indirect | status gaps`
fn shown(lineage: &Lineage, catalog: &Catalog) -> String {
    let mut text = String::new();
    for output in &lineage.outputs {
        match &output.kind {
            OutputKind::Result => {}
            OutputKind::Table(oid) => {
                let _ = write!(text, ">{} ", catalog.relation(*oid).map_or("?", |found| &*found.name));
            }
            OutputKind::Created { schema, name } => {
                let _ = write!(text, "+{schema}.{name} ");
            }
            OutputKind::File => text.push_str("file "),
        }
        let columns: Vec<String> = output
            .columns
            .iter()
            .map(|column| format!("{}<{}", column.name, names(catalog, &column.direct)))
            .collect();
        text.push_str(&columns.join(", "));
        text.push_str("; ");
    }
    let _ = write!(text, "| {}", names(catalog, &lineage.indirect));
    if !lineage.gaps.is_empty() {
        let gaps: Vec<String> =
            lineage.gaps.iter().map(|gap| format!("{}: {}", gap.kind.as_str(), gap.what)).collect();
        let _ = write!(text, " | {} {}", lineage.status.as_str(), gaps.join("; "));
    }
    text.trim_end().to_owned()
}

#[track_caller]
fn check(sql: &str, expected: &str) {
    check_in(sql, expected, Version::Postgres18);
}

#[track_caller]
fn check_in(sql: &str, expected: &str, version: Version) {
    let (lineage, catalog) = lineage_in(sql, version);
    let got = shown(&lineage, &catalog).replace("|  |", "| |");
    assert!(got == expected, "\n{sql}\n  want {expected}\n  got  {got}");
}

/// Type of each output of a query.
fn types(sql: &str) -> Vec<Oid> {
    let (lineage, _) = lineage_in(sql, Version::Postgres15);
    lineage.outputs[0].columns.iter().map(|column| column.type_oid).collect()
}
