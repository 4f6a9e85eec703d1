//! Foreign keys by the table that they are to.

use std::collections::HashSet;

use super::{Cascade, Catalog, Oid, Relation, RelationKind};

impl Catalog {
    /// Foreign keys to a table or what is under it, each with the table that it is to. A partitioned table
    /// that refers stands for its partitions.
    pub(crate) fn keys_to<'a>(&'a self, base: &'a Relation) -> Vec<(&'a Relation, &'a Cascade)> {
        let all = self.with_children(base).into_iter();
        let mut found: Vec<(&Relation, &Cascade)> = all
            .flat_map(|relation| {
                let cascades = relation.details.iter().flat_map(|details| &details.cascades);
                cascades.map(move |cascade| (relation, cascade))
            })
            .collect();
        let tables: HashSet<Oid> = found.iter().map(|(_, cascade)| cascade.table).collect();
        let tables = tables.into_iter().filter_map(|table| self.relation(table));
        let partitioned = tables.filter(|table| table.kind == RelationKind::PartitionedTable);
        let parts: HashSet<Oid> = partitioned.flat_map(|table| table.children.iter().copied()).collect();
        found.retain(|(_, cascade)| !parts.contains(&cascade.table));
        found
    }
}
