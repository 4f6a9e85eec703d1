//! Lineage in names, and the lineage of a text from that of its statements.

use std::collections::BTreeSet;

use connect_shared::lineage::{
    LineageReport, OutputColumnReport, OutputKind as ReportedKind, OutputReport, RenameReport, RenamedColumn,
    UNKNOWN_RENAME, UnderstandingStatus,
};

use super::{Columns, Lineage, Names, Output, OutputKind, Rename, Status, names::part};
use crate::catalog::code::Name;

impl Lineage {
    /// The same in names; sets are sorted by name, so that equal lineage has equal reports whatever the
    /// OIDs of a database are.
    #[must_use]
    pub fn report(&self, names: &Names<'_>) -> LineageReport {
        let functions: BTreeSet<String> = self.functions.iter().map(|oid| names.function(*oid)).collect();
        let gaps = self.gaps.iter().map(|gap| format!("{}: {}", gap.kind.as_str(), gap.what));
        // Whoever follows values to the new name finds nothing there.
        let lost = self.renames.unknown.iter().map(|name| format!("{UNKNOWN_RENAME}{name}"));
        let reasons: BTreeSet<String> = gaps.chain(lost).collect();
        let lost = !self.renames.unknown.is_empty();
        LineageReport {
            outputs: self.outputs.iter().map(|output| output.report(names)).collect(),
            indirect: columns(&self.indirect, names),
            reads: columns(&self.reads, names),
            functions: functions.into_iter().collect(),
            status: if lost { UnderstandingStatus::Opaque } else { self.status.into() },
            reasons: reasons.into_iter().collect(),
            renames: self.renames.known.iter().map(|rename| rename.report(names)).collect(),
            parts: self.parts(names),
        }
    }
}

impl Rename {
    fn report(&self, names: &Names<'_>) -> RenameReport {
        let whole = |(schema, name): &(Name, Name)| format!("{}.{}", part(schema), part(name));
        let columns = self.columns.iter().map(|(number, from, to)| RenamedColumn {
            number: *number,
            from: part(from),
            to: part(to),
        });
        RenameReport {
            from: whole(&self.from),
            to: whole(&self.to),
            oid: names.catalog.relation(self.relation).map(|found| found.oid.0),
            columns: columns.collect(),
        }
    }
}

impl Output {
    fn report(&self, names: &Names<'_>) -> OutputReport {
        let (kind, table, created) = match &self.kind {
            OutputKind::Result => (ReportedKind::Result, None, false),
            OutputKind::Table(oid) => (ReportedKind::Table, Some(names.relation(*oid)), false),
            OutputKind::Created { schema, name } => {
                (ReportedKind::Table, Some(format!("{}.{}", part(schema), part(name))), true)
            }
            OutputKind::File => (ReportedKind::File, None, false),
        };
        let columns = self.columns.iter().map(|column| OutputColumnReport {
            name: column.name.to_string(),
            data_type: names.data_type(column.type_oid),
            direct: columns(&column.direct, names),
            origin: column.identity.map(|origin| names.column(origin)),
            masked: None,
        });
        OutputReport { kind, table, created, columns: columns.collect() }
    }
}

fn columns(columns: &Columns, names: &Names<'_>) -> Vec<String> {
    let named: BTreeSet<String> = columns.iter().map(|column| names.column(*column)).collect();
    named.into_iter().collect()
}

impl From<Status> for UnderstandingStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Complete => Self::Complete,
            Status::Partial => Self::Partial,
            Status::Opaque => Self::Opaque,
        }
    }
}

/// What all statements of a text come to: outputs in order, sets united. A text is complete if each
/// statement is, and opaque only if nothing of it is known.
#[must_use]
pub fn merge(reports: &[LineageReport]) -> LineageReport {
    if let [only] = reports {
        return only.clone();
    }
    let united = |of: fn(&LineageReport) -> &Vec<String>| -> Vec<String> {
        let all: BTreeSet<&String> = reports.iter().flat_map(of).collect();
        all.into_iter().cloned().collect()
    };
    let worst = reports.iter().map(|report| report.status).max().unwrap_or_default();
    let best = reports.iter().map(|report| report.status).min().unwrap_or_default();
    LineageReport {
        outputs: reports.iter().flat_map(|report| report.outputs.clone()).collect(),
        indirect: united(|report| &report.indirect),
        reads: united(|report| &report.reads),
        functions: united(|report| &report.functions),
        status: if best == worst { worst } else { UnderstandingStatus::Partial },
        reasons: united(|report| &report.reasons),
        renames: reports.iter().flat_map(|report| report.renames.clone()).collect(),
        parts: reports.iter().flat_map(|report| report.parts.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, Oid},
        lineage::{ColumnId, Gap, GapKind, OutputColumn},
        session::Session,
    };

    fn report(lineage: &Lineage) -> LineageReport {
        lineage.report(&Names { catalog: &Catalog::default(), session: &Session::default() })
    }

    fn with_status(status: Status) -> LineageReport {
        report(&Lineage { status, ..Lineage::default() })
    }

    #[test]
    fn a_created_table_is_named_though_no_snapshot_knows_it() {
        let direct = Columns::from([ColumnId { relation: Oid(7), number: 1 }]);
        let column = OutputColumn { name: "x".into(), type_oid: Oid(0), direct, identity: None };
        let kind = OutputKind::Created { schema: "public".into(), name: "a.b".into() };
        let lineage = Lineage { outputs: vec![Output { kind, columns: vec![column] }], ..Lineage::default() };
        let output = &report(&lineage).outputs[0];
        assert_eq!((output.table.as_deref(), output.created), (Some("public.\"a.b\""), true));
        assert_eq!(output.columns[0].direct, ["#7.#1"]);
        assert_eq!(output.columns[0].data_type, None);
    }

    #[test]
    fn reasons_stand_once_and_with_their_kind() {
        let gap = Gap { kind: GapKind::DynamicSql, what: "public.f()".to_owned() };
        let lineage = Lineage { gaps: vec![gap.clone(), gap], status: Status::Partial, ..Lineage::default() };
        assert_eq!(report(&lineage).reasons, ["dynamic-sql: public.f()"]);
    }

    #[test]
    fn a_text_is_as_well_understood_as_its_statements() {
        use Status::{Complete, Opaque, Partial};
        for (statements, expected) in [
            (vec![], UnderstandingStatus::Complete),
            (vec![Complete, Complete], UnderstandingStatus::Complete),
            (vec![Complete, Partial], UnderstandingStatus::Partial),
            (vec![Complete, Opaque], UnderstandingStatus::Partial),
            (vec![Opaque, Opaque], UnderstandingStatus::Opaque),
        ] {
            let reports: Vec<_> = statements.iter().copied().map(with_status).collect();
            assert_eq!(merge(&reports).status, expected, "{statements:?}");
        }
    }
}
