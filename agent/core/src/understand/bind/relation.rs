//! Relations by name: the search path, own temporary and changed ones, then the catalog snapshot.

use std::borrow::Cow;

use pg_query::protobuf::{Alias, RangeVar};

use super::{
    Binder, Bound, flow, gap,
    item::{Item, Source, Whole},
};
use crate::{
    catalog::{Oid, Relation, RelationKind, code::TypeKind},
    lineage::GapKind,
    session::{Change, OwnRelation},
    understand::walk::text,
};

/// What a name means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    Catalog(&'a Relation),
    Own(&'a OwnRelation),
}

impl<'a> Target<'a> {
    pub(super) fn relation(self) -> &'a Relation {
        match self {
            Self::Catalog(relation) => relation,
            Self::Own(own) => &own.relation,
        }
    }
}

impl<'a> Binder<'a> {
    /// The relation that a name means.
    pub(super) fn relation(&mut self, name: &RangeVar) -> Bound<Target<'a>> {
        if !name.catalogname.is_empty() && !name.schemaname.is_empty() {
            // The server takes its own database's name here; nothing else can run.
            return self
                .in_schema(&name.schemaname, &name.relname)
                .and_then(|found| found.ok_or_else(|| unknown(name)));
        }
        let found = match name.schemaname.as_str() {
            "" => self.on_path(&name.relname)?,
            schema => self.in_schema(schema, &name.relname)?,
        };
        found.ok_or_else(|| unknown(name))
    }

    fn on_path(&mut self, name: &str) -> Bound<Option<Target<'a>>> {
        let path = self.path;
        for schema in &path.schemas {
            if let Some(found) = self.in_schema(schema, name)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn in_schema(&mut self, schema: &str, name: &str) -> Bound<Option<Target<'a>>> {
        if self.session.relations.is_lost() {
            let what = "objects that nobody can name were changed in this session";
            return Err(gap(GapKind::Changed, what));
        }
        let changed = &self.session.relations.changed;
        if !changed.is_empty()
            && let Some(change) = changed.get(&(schema.into(), name.into()))
        {
            return match change {
                Change::Dropped => Ok(None),
                Change::Known(own) => Ok(Some(Target::Own(own))),
                Change::Unknown => {
                    Err(gap(GapKind::Changed, format!("{schema}.{name} was changed in this session")))
                }
            };
        }
        let mut candidates = self.catalog.candidates(Some(schema), name);
        Ok(candidates.find(|relation| is_readable(relation)).map(Target::Catalog))
    }

    /// The item that a relation is in FROM.
    pub(super) fn relation_item(
        &mut self,
        target: Target<'a>,
        name: Cow<'a, str>,
        alias: Option<&'a Alias>,
    ) -> Bound<Item<'a>> {
        let relation = target.relation();
        self.facts.relations.insert(relation.oid);
        self.step(relation.columns.len())?;
        if let Target::Own(own) = target {
            for gap in &own.gaps {
                self.gap(gap.kind, gap.what.clone());
            }
        }
        let source = match target {
            Target::Own(own) if own.temporary => Source::Own(own),
            _ if relation.kind == RelationKind::View && !is_hidden_behind(relation) => {
                Source::View { relation, bound: self.view(relation)? }
            }
            _ => Source::Table { relation, written: self.virtual_columns(relation)? },
        };
        let aliases = alias.map(alias_columns).unwrap_or_default();
        if aliases.len() > relation.columns.len() {
            return Err(gap(GapKind::UnknownObject, format!("{name} has fewer columns than names for them")));
        }
        let named = alias.is_none().then_some(relation);
        let row_type = self.row_type(relation);
        Ok(Item { name, relation: named, source, aliases, row_type, whole: Whole::Row })
    }

    /// Type of a relation's rows.
    pub(super) fn row_type(&self, relation: &Relation) -> Oid {
        let code = &self.catalog.code;
        let mut named = code.types_by_name.get(&*relation.name).into_iter().flatten();
        named
            .find(|oid| {
                code.types.get(oid).is_some_and(|found| found.kind == TypeKind::Composite(relation.oid))
            })
            .copied()
            .unwrap_or(flow::RECORD)
    }

    /// What a relation's conditions of their own decide: a view's, a temporary table's contents, row
    /// security.
    pub(super) fn hidden_conditions(&mut self, item: &Item<'a>, into: &mut super::set::Set) -> Bound<()> {
        match &item.source {
            Source::View { bound, .. } => {
                into.add(&bound.indirect);
            }
            Source::Own(own) => own.indirect.iter().for_each(|column| into.insert(*column)),
            Source::Table { relation, .. } => self.policies(relation, b'r', into)?,
            _ => {}
        }
        Ok(())
    }
}

fn unknown(name: &RangeVar) -> super::Gap {
    let full = match name.schemaname.as_str() {
        "" => name.relname.clone(),
        schema => format!("{schema}.{}", name.relname),
    };
    gap(GapKind::UnknownObject, format!("the relation {full} is not known"))
}

/// What is hidden of the server's own relations is known by their columns, not by what is behind them.
fn is_hidden_behind(relation: &Relation) -> bool {
    relation.is_system() && relation.is_protected()
}

fn is_readable(relation: &Relation) -> bool {
    !matches!(relation.kind, RelationKind::Index | RelationKind::Composite)
}

/// New names of columns.
pub(super) fn alias_columns(alias: &Alias) -> Vec<&str> {
    alias.colnames.iter().filter_map(text).collect()
}
