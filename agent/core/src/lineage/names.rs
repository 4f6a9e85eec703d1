//! Names of what lineage holds by OID: as SQL writes them, made so that a name can be read in one way only.

use std::fmt::Write as _;

use super::ColumnId;
use crate::{
    catalog::{Catalog, Oid, Relation, code::Function},
    session::{Change, Session},
};

/// Where names are looked up: what the session has made or changed first, then the snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub catalog: &'a Catalog,
    pub session: &'a Session,
}

impl<'a> Names<'a> {
    /// `schema.table`
    #[must_use]
    pub fn relation(&self, oid: Oid) -> String {
        self.find(oid).map_or_else(|| unknown(oid), qualified)
    }

    /// `schema.table.column`
    #[must_use]
    pub fn column(&self, id: ColumnId) -> String {
        let relation = self.find(id.relation);
        let own = relation.and_then(|relation| relation.column(id.number)).map(|column| part(&column.name));
        let name = own.or_else(|| system_column(id.number).map(str::to_owned));
        let relation = relation.map_or_else(|| unknown(id.relation), qualified);
        format!("{relation}.{}", name.unwrap_or_else(|| format!("#{}", id.number)))
    }

    /// `schema.name(type,type)`
    #[must_use]
    pub fn function(&self, oid: Oid) -> String {
        self.catalog
            .code
            .functions
            .get(&oid)
            .map_or_else(|| unknown(oid), |function| self.signature(function))
    }

    fn signature(&self, function: &Function) -> String {
        let arguments = function.arguments.iter();
        let arguments = arguments.map(|oid| self.data_type(*oid).unwrap_or_else(|| unknown(*oid)));
        let arguments = arguments.collect::<Vec<_>>().join(",");
        format!("{}.{}({arguments})", part(&function.schema), part(&function.name))
    }

    /// As `format_type` writes it: types of the server itself without their schema. `None`: not known.
    #[must_use]
    pub fn data_type(&self, oid: Oid) -> Option<String> {
        let own = self.catalog.code.types.get(&oid)?;
        // Some types that are no arrays have elements, too: `int2vector`, `point`, `name`.
        if own.element.0 != 0 && own.name.starts_with('_') {
            return Some(format!("{}[]", self.element(own.element)?));
        }
        self.element(oid)
    }

    fn element(&self, oid: Oid) -> Option<String> {
        let own = self.catalog.code.types.get(&oid)?;
        Some(match &*own.schema {
            "pg_catalog" => standard_name(&own.name).map_or_else(|| part(&own.name), str::to_owned),
            schema => format!("{}.{}", part(schema), part(&own.name)),
        })
    }

    pub(super) fn find(&self, oid: Oid) -> Option<&'a Relation> {
        let changed = self.session.relations.changed.values().find_map(|change| match change {
            Change::Known(own) if own.relation.oid == oid => Some(&own.relation),
            _ => None,
        });
        changed.or_else(|| self.catalog.relation(oid))
    }
}

fn qualified(relation: &Relation) -> String {
    format!("{}.{}", part(&relation.schema), part(&relation.name))
}

/// What the snapshot has no name for.
fn unknown(oid: Oid) -> String {
    format!("#{}", oid.0)
}

/// A part of a name: in quotes where it could be taken for several, or for no name.
#[must_use]
pub fn part(name: &str) -> String {
    let plain = !name.is_empty() && !name.contains(['.', '"', '(', ',', '#']);
    if plain {
        return name.to_owned();
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    let _infallible = write!(quoted, "\"{}\"", name.replace('"', "\"\""));
    quoted
}

/// `pg_attribute` has these for every table; numbers are those of `sysattr.h`.
const fn system_column(number: i16) -> Option<&'static str> {
    Some(match number {
        -1 => "ctid",
        -2 => "xmin",
        -3 => "cmin",
        -4 => "xmax",
        -5 => "cmax",
        -6 => "tableoid",
        // Of every column at once: a whole row whose columns nobody knows.
        0 => "*",
        _ => return None,
    })
}

/// Names that the SQL standard gives to types which `pg_type` calls otherwise.
fn standard_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bpchar" => "character",
        "varchar" => "character varying",
        "varbit" => "bit varying",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "char" => "\"char\"",
        "any" => "\"any\"",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::{
            Column, RelationKind, ViewReading, Volatility,
            code::{Code, FunctionKind, Language, Type, TypeKind},
        },
        session::OwnRelation,
    };

    fn relation(oid: u32, schema: &str, name: &str, columns: &[&str]) -> Relation {
        let column = |(place, name): (usize, &&str)| {
            Column::new(i16::try_from(place + 1).expect("few"), (*name).into(), Oid(25))
        };
        Relation {
            oid: Oid(oid),
            schema: schema.into(),
            name: name.into(),
            kind: RelationKind::Table,
            columns: columns.iter().enumerate().map(column).collect(),
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details: None,
        }
    }

    fn data_type(oid: u32, schema: &str, name: &str, element: u32) -> Type {
        Type {
            oid: Oid(oid),
            schema: schema.into(),
            name: name.into(),
            kind: TypeKind::Base,
            category: b'U',
            preferred: false,
            element: Oid(element),
            array: Oid(0),
            modifier: crate::catalog::Modifier::NONE,
            subscript: Oid(element),
        }
    }

    fn catalog() -> Catalog {
        let mut code = Code::default();
        code.insert_type(data_type(25, "pg_catalog", "text", 0));
        code.insert_type(data_type(23, "pg_catalog", "int4", 0));
        code.insert_type(data_type(1007, "pg_catalog", "_int4", 23));
        code.insert_type(data_type(20_000, "public", "Mood", 0));
        code.insert_function(Function {
            oid: Oid(900),
            schema: "public".into(),
            name: "f".into(),
            kind: FunctionKind::Function,
            language: Language::Sql,
            volatility: Volatility::Stable,
            strict: false,
            returns_set: false,
            result: Oid(25),
            arguments: [Oid(25), Oid(1007), Oid(20_000)].into(),
            argument_names: [].into(),
            defaults: 0,
            variadic: Oid(0),
            outputs: [].into(),
            body: None,
            search_path: None,
            security_definer: false,
            extension: None,
            registered: false,
        });
        let mut catalog = Catalog { code: Arc::new(code), ..Catalog::default() };
        catalog.insert(relation(20_001, "public", "orders", &["id", "a.b"]));
        catalog
    }

    #[test]
    fn a_name_can_be_read_in_one_way_only() {
        let (catalog, session) = (catalog(), Session::default());
        let names = Names { catalog: &catalog, session: &session };
        let column = |number| names.column(ColumnId { relation: Oid(20_001), number });
        assert_eq!(column(1), "public.orders.id");
        assert_eq!(column(2), "public.orders.\"a.b\"");
        assert_eq!(column(-1), "public.orders.ctid");
        assert_eq!(column(7), "public.orders.#7");
        assert_eq!(names.relation(Oid(9)), "#9");
        assert_eq!(part("Order"), "Order");
        assert_eq!(part("a\"b"), "\"a\"\"b\"");
        assert_eq!(part(""), "\"\"");
    }

    #[test]
    fn functions_and_types_are_written_as_the_server_writes_them() {
        let (catalog, session) = (catalog(), Session::default());
        let names = Names { catalog: &catalog, session: &session };
        assert_eq!(names.function(Oid(900)), "public.f(text,integer[],public.Mood)");
        assert_eq!(names.data_type(Oid(1)), None);
        assert_eq!(names.function(Oid(1)), "#1");
    }

    #[test]
    fn what_the_session_has_made_or_changed_has_its_names_too() {
        let catalog = catalog();
        let mut session = Session::default();
        let own = |relation| Change::Known(Arc::new(OwnRelation::stored(relation)));
        let changed = Arc::make_mut(&mut session.relations.changed);
        changed
            .insert(("public".into(), "new".into()), own(relation(4_293_918_720, "public", "new", &["x"])));
        changed.insert(
            ("public".into(), "orders".into()),
            own(relation(20_001, "public", "orders", &["id", "renamed"])),
        );
        let names = Names { catalog: &catalog, session: &session };
        assert_eq!(names.column(ColumnId { relation: Oid(4_293_918_720), number: 1 }), "public.new.x");
        assert_eq!(names.column(ColumnId { relation: Oid(20_001), number: 2 }), "public.orders.renamed");
    }
}
