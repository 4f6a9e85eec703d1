//! The net under the labels: fields without one are looked at as they pass, and a value that shows by itself what
//! it is ([`sight`]) is masked in its place.

mod cells;
mod copied;
mod crossed;
mod long;
mod origins;

use std::sync::Arc;

use bytes::BytesMut;
use connect_shared::label::Label;

use self::origins::Origins;
pub use self::{
    cells::Lines,
    copied::{CopyWatch, Written},
    long::Long,
};
use super::{
    key::MaskKey,
    plan::Field,
    row::{MaskError, RowCopy, Tail, Value},
    transform::Transform,
};
use crate::{
    catalog::{Catalog, Shown},
    label::sight,
    lineage::{ColumnId, Lineage},
    statement::Protection,
};

/// Which fields of a result are looked at.
#[derive(Debug, Clone)]
pub struct Watch {
    fields: u16,
    /// In the order of the fields.
    places: Vec<Place>,
    /// What its reader sees in clear.
    shown: Arc<Shown>,
}

#[derive(Debug, Clone)]
struct Place {
    /// Among the fields, from 0.
    at: u16,
    field: Field,
    /// Labels, for everybody else, of the columns that its reader sees in clear and that it is computed from.
    shown: Box<[Label]>,
}

/// A value that shows what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    at: u16,
    field: Field,
    label: Label,
}

impl Watch {
    /// Which fields of a result are to be looked at. `None`: none of them. `lineage`: of the statement as it was
    /// written.
    #[must_use]
    pub fn new(
        catalog: &Catalog,
        protection: &Protection,
        lineage: &Lineage,
        fields: &[Field],
    ) -> Option<Self> {
        // The catalog holds names and texts of its own.
        if matches!(protection, Protection::Introspection) {
            return None;
        }
        let count = u16::try_from(fields.len()).ok()?;
        let origins = Origins::new(catalog, protection, lineage, fields.len());
        let looked_at = (0..count).zip(fields).filter(|(at, field)| is_looked_at(&origins, *at, field));
        let places: Vec<Place> = looked_at
            .map(|(at, field)| {
                let shown = if field.relation.0 == 0 { origins.shown(at) } else { Box::default() };
                Place { at, field: *field, shown }
            })
            .collect();
        (!places.is_empty()).then(|| Self { fields: count, places, shown: Arc::clone(&catalog.shown) })
    }

    /// Whether anything in whole messages of rows could be a value to be seen.
    #[must_use]
    pub fn may_see(rows: &[u8]) -> bool {
        sight::may_show(rows)
    }

    /// What a row (the body of a DataRow message) shows.
    ///
    /// # Errors
    /// It does not fit the description.
    pub fn sightings(&self, row: &[u8]) -> Result<Vec<Sighting>, MaskError> {
        let mut found = Vec::new();
        let mut none = BytesMut::new();
        let mut copy = RowCopy::new(row, self.fields, &mut none)?;
        let mut next = 0;
        for place in &self.places {
            let Place { at, field, .. } = place;
            copy.keep(at.checked_sub(next).ok_or(MaskError)?)?;
            next = at.saturating_add(1);
            let label = copy.next()?.and_then(sight::seen).filter(|label| !self.is_shown(*label, place));
            found.extend(label.map(|label| Sighting { at: *at, field: *field, label }));
        }
        Ok(found)
    }

    /// What a value at a place shows, if that is looked at.
    fn seen_in(&self, at: u16, value: &[u8]) -> Option<Sighting> {
        let place = self.place(at)?;
        let label = sight::seen(value).filter(|label| !self.is_shown(*label, place))?;
        Some(Sighting { at, field: place.field, label })
    }

    /// Whether its reader may see such a value here.
    fn is_shown(&self, label: Label, place: &Place) -> bool {
        self.shown.labels.contains(&label) || place.shown.contains(&label)
    }

    /// A place, if it is looked at.
    fn place(&self, at: u16) -> Option<&Place> {
        let place = self.places.binary_search_by_key(&at, |place| place.at).ok()?;
        self.places.get(place)
    }

    /// Appends the row to `out`, with masks in place of what was seen in it. On an error `out` is as it was.
    ///
    /// # Errors
    /// It does not fit the description.
    pub fn hide(
        &self,
        catalog: &Catalog,
        key: &MaskKey,
        row: &[u8],
        seen: &[Sighting],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        let start = out.len();
        let hidden = self.copy(catalog, key, row, seen, out);
        if hidden.is_err() {
            out.truncate(start);
        }
        hidden
    }

    fn copy(
        &self,
        catalog: &Catalog,
        key: &MaskKey,
        row: &[u8],
        seen: &[Sighting],
        out: &mut BytesMut,
    ) -> Result<(), MaskError> {
        let mut copy = RowCopy::new(row, self.fields, out)?;
        let mut next = 0;
        for Sighting { at, field, label } in seen {
            copy.keep(at.checked_sub(next).ok_or(MaskError)?)?;
            next = at.saturating_add(1);
            let transform = Transform::new(catalog, *label, field);
            copy.replace(|clear, value| transform.write(key, clear, value))?;
        }
        copy.finish(Tail::Fields)
    }
}

impl Sighting {
    /// The mask of the value that was seen.
    fn mask(&self, catalog: &Catalog, key: &MaskKey, clear: &[u8]) -> Result<BytesMut, MaskError> {
        let transform = Transform::new(catalog, self.label, &self.field);
        let mut mask = BytesMut::new();
        Value::write_into(&mut mask, |value| transform.write(key, clear, value))?;
        // Its length stands before it.
        Ok(mask.split_off(size_of::<i32>().min(mask.len())))
    }

    /// `schema.table.column`, where the server names one.
    #[must_use]
    pub fn column(&self, catalog: &Catalog) -> Option<String> {
        let relation = catalog.relation(self.field.relation)?;
        let column = relation.column(self.field.number)?;
        Some(format!("{}.{}", relation.qualified_name(), column.name))
    }
}

/// A text that no label masks and nobody has cleared.
fn is_looked_at(origins: &Origins<'_>, at: u16, field: &Field) -> bool {
    if !sight::is_looked_at(field.type_oid) {
        return false;
    }
    if field.relation.0 == 0 {
        // What is computed from masks looks like values; NULL, which hides the server's own, does not.
        return !origins.is_settled(at);
    }
    origins.needs_look(ColumnId { relation: field.relation, number: field.number })
}

#[cfg(test)]
mod tests;
