//! Which part of the catalog a statement depends on, as far as an approval of it must hold on to.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, Oid, Relation, RelationKind},
    lineage::{OutputKind, Status},
    statement::{Effect, Kind, Statement},
};

/// The relations that statements read, write or change through others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// What is dropped with a table, what a trigger or a body does: it stands nowhere in the text.
    Everything,
    /// These, with the views between them, their children, and what foreign keys change behind them.
    Relations(BTreeSet<Oid>),
}

impl Reach {
    /// Of statements that run one after the other.
    pub(crate) fn of<'s>(statements: impl IntoIterator<Item = &'s Statement>, catalog: &Catalog) -> Self {
        let mut found = BTreeSet::new();
        let known = statements.into_iter().all(|statement| named(statement, catalog, &mut found));
        if !known || !close(&mut found, catalog) {
            return Self::Everything;
        }
        Self::Relations(found)
    }

    /// Whether it depends on this relation.
    pub(crate) fn has(&self, relation: &Relation) -> bool {
        match self {
            Self::Everything => true,
            Self::Relations(relations) => relations.contains(&relation.oid),
        }
    }
}

/// Adds what a statement itself names. False: something that is not understood may be behind it.
fn named(statement: &Statement, catalog: &Catalog, found: &mut BTreeSet<Oid>) -> bool {
    match statement.kind {
        Kind::Transaction | Kind::SessionControl => return true,
        Kind::Read | Kind::Write => {}
        Kind::SchemaChange | Kind::Privilege | Kind::Administration => return false,
    }
    let by_name = matches!(statement.effect, Effect::Execute { .. } | Effect::Fetch { .. });
    if by_name || statement.lineage.status != Status::Complete {
        return false;
    }
    found.extend(&statement.lineage.relations);
    found.extend(statement.lineage.reads.iter().map(|column| column.relation));
    found.extend(statement.lineage.outputs.iter().filter_map(|output| match output.kind {
        OutputKind::Table(oid) => Some(oid),
        _ => None,
    }));
    let names = || statement.reads.iter().chain(&statement.writes);
    let meant = catalog.relations.values().filter(|relation| {
        let name = relation.qualified_name();
        names().any(|named| *named == name)
    });
    found.extend(meant.map(|relation| relation.oid));
    true
}

/// Adds what is behind what was found. False: something of it runs code, or is not in the snapshot.
fn close(found: &mut BTreeSet<Oid>, catalog: &Catalog) -> bool {
    let mut open: Vec<Oid> = found.iter().copied().collect();
    while let Some(oid) = open.pop() {
        let Some(relation) = catalog.relation(oid) else { return false };
        if relation.runs_code || relation.kind == RelationKind::ForeignTable {
            return false;
        }
        let cascades = relation.details.iter().flat_map(|details| &details.cascades);
        let behind = cascades.map(|cascade| cascade.table);
        let behind =
            behind.chain(relation.view_reads.iter().copied()).chain(relation.children.iter().copied());
        open.extend(behind.filter(|oid| found.insert(*oid)));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::{Cascade, Details, Effect, ViewReading},
        understand::Limits,
    };

    fn relation(oid: u32, name: &str) -> Relation {
        Relation {
            oid: Oid(oid),
            schema: "public".into(),
            name: name.into(),
            kind: RelationKind::Table,
            columns: vec![crate::catalog::Column::new(1, "id".into(), Oid(23))],
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children: Vec::new(),
            runs_code: false,
            details: None,
        }
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog { version: 1, server_version: 150_018, utf8: true, ..Catalog::default() };
        let cascades = vec![Cascade {
            table: Oid(17_001),
            on_delete: Effect::Follow,
            on_update: Effect::Nothing,
            keys: Box::default(),
        }];
        let details = Some(Box::new(Details { cascades, ..Details::default() }));
        catalog.insert(Relation { details, ..relation(17_000, "orders") });
        catalog.insert(relation(17_001, "lines"));
        catalog.insert(relation(17_002, "other"));
        catalog.insert(Relation { runs_code: true, ..relation(17_003, "audited") });
        catalog.schemas = Arc::new([("public".into(), Oid(2200))].into());
        catalog.search_path = "public".into();
        catalog
    }

    fn reach(sql: &str) -> Reach {
        let catalog = catalog();
        let analysis = crate::understand::understand(
            sql.as_bytes(),
            &catalog,
            &crate::session::Session::begin(&catalog, &[]),
            &Limits::default(),
        );
        Reach::of(&analysis.statements, &catalog)
    }

    #[test]
    fn a_deletion_reaches_what_goes_with_it_and_no_more() {
        let relations = |oids: &[u32]| Reach::Relations(oids.iter().copied().map(Oid).collect());
        assert_eq!(reach("delete from orders"), relations(&[17_000, 17_001]));
        assert_eq!(reach("delete from other"), relations(&[17_002]));
        assert_eq!(reach("delete from lines; update other set id = 1"), relations(&[17_001, 17_002]));
    }

    #[test]
    fn what_the_text_does_not_show_reaches_everything() {
        for sql in ["delete from audited", "drop table other", "do 'begin end'", "grant select on other to x"]
        {
            assert_eq!(reach(sql), Reach::Everything, "{sql}");
        }
    }
}
