//! Tables and columns that get another name.

use connect_shared::lineage::{ColumnFact, RenameReport, RenamedColumn};

use super::{How, Shape};

/// Statements that give something another name or schema, and bring no values.
pub(super) fn is_rename(verb: &str) -> bool {
    matches!(verb, "alter rename" | "alter schema")
}

impl Shape<'_, '_> {
    /// A table that is known by its OID is found again under whatever name: the old one is its own, too. Of another
    /// one the new name goes on with what the old one stood for, as if its values had been written there.
    pub(super) fn renamed(&self, rename: &RenameReport) -> Result<(), rusqlite::Error> {
        let RenameReport { from, to, oid, columns } = rename;
        for RenamedColumn { number, from: old, to: new } in columns {
            let fact = oid.map(|table| ColumnFact { table, number: *number, label: None });
            let source = self.node(from, old, fact.as_ref())?;
            self.part(source, How::Direct, (from, old), &format!("{from}.{old}"))?;
            if fact.is_some() {
                continue;
            }
            let target = self.written(to, new, Some(i64::from(*number)))?;
            if source != target {
                self.flow(source, target)?;
            }
        }
        Ok(())
    }
}
