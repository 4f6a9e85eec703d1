//! A database and a session in it.

use std::sync::Arc;

use pg_query::NodeEnum;

use super::super::{Change, OwnRelation, ServerState, Session, SessionChange, change_of};
use crate::{
    catalog::{
        Catalog, Column, ColumnExpression, Details, Oid, Relation, RelationKind, Role, ViewReading,
        code::{Code, Name, Type, TypeKind},
    },
    lineage::{ColumnId, Columns, Lineage, Output, OutputColumn, OutputKind},
};

pub(super) const INT4: Oid = Oid(23);
pub(super) const TEXT: Oid = Oid(25);
/// `public.people (id, mail)`
pub(super) const PEOPLE: Oid = Oid(20_001);

pub(super) struct World {
    pub(super) catalog: Catalog,
    pub(super) session: Session,
}

fn column(number: i16, name: &str, type_oid: Oid) -> Column {
    Column::new(number, name.into(), type_oid)
}

pub(super) fn relation(oid: u32, schema: &str, name: &str, kind: RelationKind) -> Relation {
    Relation {
        oid: Oid(oid),
        schema: schema.into(),
        name: name.into(),
        kind,
        columns: vec![column(1, "id", INT4), column(2, "mail", TEXT)],
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    }
}

fn code() -> Code {
    let mut code = Code::default();
    for (oid, name, array) in [(16, "bool", 0), (20, "int8", 1016), (23, "int4", 1007), (25, "text", 1009)] {
        code.insert_type(Type {
            oid: Oid(oid),
            schema: "pg_catalog".into(),
            name: name.into(),
            kind: TypeKind::Base,
            category: b'N',
            preferred: false,
            element: Oid(0),
            array: Oid(array),
            modifier: crate::catalog::Modifier::NONE,
            subscript: Oid(0),
        });
    }
    code
}

/// Schemas `public`, `a`, `b`, `ana` (the role's) and `closed` (which it may not use); tables `people` in
/// `public`, `t` in `public`, `a` and `b`; a view over `people`; a partitioned table with a partition.
pub(super) fn catalog() -> Catalog {
    let mut catalog = Catalog {
        version: 1,
        server_version: 150_018,
        utf8: true,
        role: "ana".into(),
        search_path: "\"$user\", public".into(),
        code: Arc::new(code()),
        ..Catalog::default()
    };
    let schemas = ["pg_catalog", "information_schema", "public", "a", "b", "ana", "closed", "Mixed Case"];
    catalog.schemas =
        Arc::new((100..).zip(schemas).map(|(oid, name)| (Name::from(name), Oid(oid))).collect());
    let closed = Role { closed_schemas: ["closed".into()].into() };
    let bob = Role { closed_schemas: ["a".into()].into() };
    catalog.roles = [("ana".into(), closed), ("bob".into(), bob)].into();
    catalog.insert(relation(PEOPLE.0, "public", "people", RelationKind::Table));
    for (oid, schema) in [(20_010, "public"), (20_011, "a"), (20_012, "b")] {
        catalog.insert(relation(oid, schema, "t", RelationKind::Table));
    }
    let mut view = relation(20_020, "public", "people_view", RelationKind::View);
    view.view_reads = vec![PEOPLE];
    let definition = Some("SELECT people.id, people.mail FROM public.people".into());
    view.details = Some(Box::new(Details { definition, ..Details::default() }));
    catalog.insert(view);
    let mut parent = relation(20_030, "public", "parent", RelationKind::PartitionedTable);
    parent.children = vec![Oid(20_031)];
    catalog.insert(parent);
    catalog.insert(relation(20_031, "public", "part", RelationKind::Table));
    let mut computed = relation(20_040, "public", "computed", RelationKind::Table);
    let expressions = vec![(2, ColumnExpression::Stored("upper(id::text)".into()))];
    computed.details = Some(Box::new(Details { expressions, ..Details::default() }));
    catalog.insert(computed);
    catalog
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// With all types of the server.
    pub(super) fn with_builtins() -> Self {
        let mut world = Self::new();
        world.catalog.code = crate::catalog::fixture::builtins(crate::catalog::fixture::Version::Postgres18);
        world
    }

    /// With startup parameters.
    pub(super) fn with(startup: &[(&str, &str)]) -> Self {
        let catalog = catalog();
        let startup: Vec<_> =
            startup.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let session = Session::begin(&catalog, &startup);
        Self { catalog, session }
    }

    /// Each statement succeeds, as a message of its own.
    pub(super) fn run(&mut self, statements: &[&str]) -> &mut Self {
        for sql in statements {
            self.message(sql);
        }
        self
    }

    /// One message; its statements succeed one after the other.
    pub(super) fn message(&mut self, sql: &str) -> &mut Self {
        self.part(sql);
        self.session.sync(&self.catalog);
        self
    }

    /// A part of a message or pipeline.
    pub(super) fn part(&mut self, sql: &str) -> &mut Self {
        for node in parse(sql) {
            let change = change_of(&node, &Lineage::default(), &self.catalog);
            self.session.apply(&change, &self.catalog);
        }
        self
    }

    /// One statement with a lineage that somebody found.
    pub(super) fn with_lineage(&mut self, sql: &str, lineage: &Lineage) -> &mut Self {
        let change = change(sql, lineage, &self.catalog);
        self.session.ran(&change, &self.catalog);
        self
    }

    pub(super) fn fail(&mut self) -> &mut Self {
        self.session.failed(&self.catalog);
        self
    }

    pub(super) fn ready(&mut self, state: ServerState) -> &mut Self {
        self.session.ready(state, &self.catalog);
        self
    }

    /// Schemas in the order of lookup, `?` if nobody knows.
    pub(super) fn path(&self) -> String {
        self.session.search_path.as_ref().map_or("?".to_owned(), |path| path.schemas.join(" "))
    }

    /// Where new objects go.
    pub(super) fn creation(&self) -> Option<String> {
        self.session.search_path.as_ref()?.creation.as_ref().map(ToString::to_string)
    }

    pub(super) fn change(&self, schema: &str, name: &str) -> Option<&Change> {
        self.session.relations.changed.get(&(Name::from(schema), Name::from(name)))
    }

    /// What became of a relation: `-` nothing, `dropped`, `unknown`, or its columns.
    pub(super) fn shape(&self, schema: &str, name: &str) -> String {
        match self.change(schema, name) {
            None => "-".to_owned(),
            Some(Change::Dropped) => "dropped".to_owned(),
            Some(Change::Unknown) => "unknown".to_owned(),
            Some(Change::Known(own)) => columns(own),
        }
    }

    pub(super) fn own(&self, schema: &str, name: &str) -> &OwnRelation {
        match self.change(schema, name) {
            Some(Change::Known(own)) => own,
            other => panic!("{schema}.{name} is {other:?}"),
        }
    }

    /// Stored columns that flowed into a column, as numbers.
    pub(super) fn sources(&self, name: &str, column: &str) -> Vec<ColumnId> {
        let own = self.own("pg_temp", name);
        let number =
            own.relation.columns.iter().find(|found| &*found.name == column).expect("it is there").number;
        own.sources_of(number).into_iter().flatten().copied().collect()
    }
}

fn columns(own: &OwnRelation) -> String {
    let columns = own.relation.columns.iter();
    let columns: Vec<_> =
        columns.map(|column| format!("{}:{}:{}", column.number, column.name, column.type_oid.0)).collect();
    columns.join(" ")
}

pub(super) fn parse(sql: &str) -> Vec<NodeEnum> {
    let parsed = pg_query::parse(sql, 0).unwrap_or_else(|error| panic!("{sql}: {error}"));
    parsed
        .protobuf
        .stmts
        .into_iter()
        .map(|raw| raw.stmt.expect("a statement").node.expect("a node"))
        .collect()
}

pub(super) fn change(sql: &str, lineage: &Lineage, catalog: &Catalog) -> SessionChange {
    let nodes = parse(sql);
    let [node] = nodes.as_slice() else { panic!("one statement: {sql}") };
    change_of(node, lineage, catalog)
}

pub(super) fn id(relation: Oid, number: i16) -> ColumnId {
    ColumnId { relation, number }
}

fn output(kind: OutputKind, columns: &[(&str, &[ColumnId])]) -> Output {
    let columns = columns.iter().map(|(name, direct)| OutputColumn {
        name: (*name).into(),
        type_oid: TEXT,
        direct: direct.iter().copied().collect(),
        identity: None,
    });
    Output { kind, columns: columns.collect() }
}

/// Lineage of a statement that makes a relation of these columns.
pub(super) fn making(columns: &[(&str, &[ColumnId])], indirect: &[ColumnId]) -> Lineage {
    let kind = OutputKind::Created { schema: "pg_temp".into(), name: "x".into() };
    let indirect: Columns = indirect.iter().copied().collect();
    Lineage { outputs: vec![output(kind, columns)], indirect, ..Lineage::default() }
}

/// Lineage of a statement that writes these columns of a table.
pub(super) fn writing(table: Oid, columns: &[(&str, &[ColumnId])]) -> Lineage {
    Lineage { outputs: vec![output(OutputKind::Table(table), columns)], ..Lineage::default() }
}
