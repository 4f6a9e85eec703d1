//! Tables and columns that get another name, and tables whose rows are another's.

use connect_shared::lineage::{ColumnFact, PartReport, RenameReport, RenamedColumn};

use super::{How, Shape};

/// Statements that give something another name or schema, and bring no values.
pub(in super::super) fn is_rename(verb: &str) -> bool {
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

    /// Each value of the one is the other's as it is. Whoever writes to the one has written to the other.
    pub(super) fn shared(&self, part: &PartReport) -> Result<(), rusqlite::Error> {
        let PartReport { from, to, from_oid, to_oid, written, columns } = part;
        let fact = |oid: Option<u32>, number| oid.map(|table| ColumnFact { table, number, label: None });
        for column in columns {
            let node = |table: &str, oid, number, how| {
                let node = self.node(table, &column.name, fact(oid, number).as_ref())?;
                self.part(node, how, (table, &column.name), &format!("{table}.{}", column.name))?;
                Ok::<_, rusqlite::Error>(node)
            };
            let source = node(from, *from_oid, column.from, How::Direct)?;
            let target = node(to, *to_oid, column.to, if *written { How::Written } else { How::Direct })?;
            self.flow(source, target)?;
        }
        Ok(())
    }
}
