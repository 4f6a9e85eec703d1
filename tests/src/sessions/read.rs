//! A catalog snapshot of the little that these tests need.

use std::sync::Arc;

use connect_core::catalog::{
    Catalog, Column, Details, Oid, Relation, RelationKind, Role, ViewReading,
    code::Name,
    fixture::{self, Version},
};

use super::talk::Talk;

const SCHEMAS: &str =
    "SELECT nspname, oid, has_schema_privilege('robert', oid, 'USAGE') FROM pg_catalog.pg_namespace";

const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind,
        CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END,
        (SELECT string_agg(DISTINCT d.refobjid::text, ',') FROM pg_catalog.pg_rewrite r
            JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
            WHERE r.ev_class = c.oid AND d.refobjid <> c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass),
        (SELECT string_agg(a.attnum || ' ' || a.atttypid || ' ' || a.attname, E'\\n' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Reads the snapshot of this version.
///
/// # Panics
/// The server does not answer.
#[must_use]
pub fn catalog(talk: &mut Talk, server: Version, version: u64) -> Catalog {
    let mut catalog = Catalog { version, role: "postgres".into(), ..fixture::empty(server) };
    // With every name qualified.
    talk.command("SET search_path = ''");
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut schemas = std::collections::HashMap::new();
    let mut robert = Role::default();
    for row in talk.command(SCHEMAS) {
        let name: Name = text(&row[0]).into();
        if text(&row[2]) == "f" {
            robert.closed_schemas.insert(name.clone());
        }
        schemas.insert(name, number(&row[1]));
    }
    catalog.schemas = Arc::new(schemas);
    catalog.roles = [("postgres".into(), Role::default()), ("robert".into(), robert)].into();
    for row in talk.command(RELATIONS) {
        let kind = match text(&row[3]).as_str() {
            "v" => RelationKind::View,
            "S" => RelationKind::Sequence,
            _ => RelationKind::Table,
        };
        let definition = row[4].as_deref().map(Arc::from);
        let details = definition.is_some().then(|| Box::new(Details { definition, ..Details::default() }));
        let reads = row[5].iter().flat_map(|oids| oids.split(',')).map(|oid| number(&Some(oid.to_owned())));
        catalog.insert(Relation {
            oid: number(&row[0]),
            schema: text(&row[1]).into(),
            name: text(&row[2]).into(),
            kind,
            columns: row[6].iter().flat_map(|columns| columns.lines()).map(column).collect(),
            view_reads: reads.collect(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details,
        });
    }
    catalog
}

fn number(value: &Option<String>) -> Oid {
    Oid(value.as_ref().and_then(|value| value.parse().ok()).expect("a number"))
}

fn column(line: &str) -> Column {
    let mut parts = line.splitn(3, ' ');
    let mut part = || parts.next().expect("three parts");
    let number = part().parse().expect("a number");
    let type_oid = Oid(part().parse().expect("a number"));
    Column::new(number, part().into(), type_oid)
}
