//! What the fields of a result come from, where the server does not say: the sender writes the statement, and must not
//! be able to keep one value from being looked at by putting another beside it.

use connect_shared::label::Label;

use crate::{
    catalog::{Catalog, Column, FIRST_NORMAL_OID},
    label::sight,
    lineage::{ColumnId, Lineage, OutputColumn, OutputKind, Status},
    statement::Protection,
    understand::base_type,
};

/// Sources of each field by its place.
pub(super) struct Origins<'a> {
    catalog: &'a Catalog,
    /// Whatever has a label is read as its mask.
    masked: bool,
    /// `None`: it is not all known.
    outputs: Option<&'a [OutputColumn]>,
}

impl<'a> Origins<'a> {
    /// `width`: how many fields the server sends.
    pub(super) fn new(
        catalog: &'a Catalog,
        protection: &Protection,
        lineage: &'a Lineage,
        width: usize,
    ) -> Self {
        let masked = matches!(protection, Protection::Masked { .. });
        let outputs = results(lineage, width).filter(|_| lineage.status == Status::Complete);
        Self { catalog, masked, outputs }
    }

    /// Whether all that a computed field is made of is masked, shown to its reader or never looked at, and something of
    /// it the former two.
    pub(super) fn is_settled(&self, at: u16) -> bool {
        self.sources(at).any(|id| self.is_mask(id) || self.shown_label(id).is_some())
            && self.sources(at).all(|id| self.is_mask(id) || !self.needs_look(id))
    }

    /// Whether values of a stored column are looked at where it is read as it is.
    pub(super) fn needs_look(&self, id: ColumnId) -> bool {
        if id.relation.0 < FIRST_NORMAL_OID {
            return false;
        }
        self.column(id).is_none_or(|column| {
            sight::is_looked_at(base_type(self.catalog, column.type_oid))
                && column.label.is_none()
                && !column.cleared
        })
    }

    /// Labels of the sources of a computed field that its reader sees in clear.
    pub(super) fn shown(&self, at: u16) -> Box<[Label]> {
        self.sources(at).filter_map(|id| self.shown_label(id)).collect()
    }

    fn is_mask(&self, id: ColumnId) -> bool {
        // NULL hides the server's own.
        let is_users = id.relation.0 >= FIRST_NORMAL_OID;
        self.masked && is_users && self.column(id).is_some_and(|column| column.label.is_some())
    }

    fn shown_label(&self, id: ColumnId) -> Option<Label> {
        let column = self.column(id).filter(|column| column.is_shown())?;
        column.seen.map(|seen| seen.label)
    }

    fn sources(&self, at: u16) -> impl Iterator<Item = ColumnId> {
        let output = self.outputs.and_then(|outputs| outputs.get(usize::from(at)));
        output.into_iter().flat_map(|output| output.direct.iter().copied().chain(output.identity))
    }

    fn column(&self, id: ColumnId) -> Option<&'a Column> {
        self.catalog.relation(id.relation)?.column(id.number)
    }
}

/// The columns of the result, if they are as many as the server sends.
pub(super) fn results(lineage: &Lineage, width: usize) -> Option<&[OutputColumn]> {
    let result = lineage.outputs.iter().find(|output| output.kind == OutputKind::Result)?;
    Some(result.columns.as_slice()).filter(|columns| columns.len() == width)
}
