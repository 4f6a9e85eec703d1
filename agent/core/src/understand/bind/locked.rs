//! FOR UPDATE, FOR SHARE and their like: rows that may not be updated are not shown then
//! (`get_row_security_policies`).

use pg_query::{NodeEnum, protobuf::Node};

use super::{
    Binder, Bound, gap,
    item::{Item, Source},
    scope::Entry,
    set::Set,
};
use crate::{catalog::Oid, lineage::GapKind};

impl<'a> Binder<'a> {
    /// What row security adds for rows that a query locks.
    pub(super) fn locked(
        &mut self,
        clauses: &'a [Node],
        entries: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<()> {
        for node in clauses {
            let Some(NodeEnum::LockingClause(clause)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a locking clause"));
            };
            let names: Vec<&str> = clause.locked_rels.iter().filter_map(name).collect();
            let is_meant = |item: &Item<'a>| names.is_empty() || names.contains(&&*item.name);
            for entry in entries.iter().filter(|entry| is_meant(&entry.item)) {
                self.locked_item(&entry.item, indirect)?;
            }
        }
        Ok(())
    }

    fn locked_item(&mut self, item: &Item<'a>, indirect: &mut Set) -> Bound<()> {
        match &item.source {
            Source::Table { relation, .. } => self.policies(relation, b'w', indirect)?,
            Source::View { bound, .. } => self.may_be_hidden(&bound.relations),
            // Its sides are there by themselves.
            Source::Join(_) if item.name.is_empty() => {}
            Source::Join(_) | Source::Columns(_) => {
                let named: Vec<Oid> = self.facts.relations.iter().copied().collect();
                self.may_be_hidden(&named);
            }
            Source::Own(_) => {}
        }
        Ok(())
    }

    /// Of what is behind an item, nobody has asked which policies for updates hold.
    fn may_be_hidden(&mut self, relations: &[Oid]) {
        let catalog = self.catalog;
        for relation in relations.iter().filter_map(|oid| catalog.relation(*oid)) {
            let hides = relation.details.as_deref().is_some_and(|details| {
                details.secures_rows() && details.policies.iter().any(|policy| policy.command == b'w')
            });
            if hides {
                let name = relation.qualified_name();
                self.gap(GapKind::Session, format!("which rows of {name} its row security lets be locked"));
            }
        }
    }
}

fn name(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::RangeVar(relation)) => Some(&relation.relname),
        _ => None,
    }
}
