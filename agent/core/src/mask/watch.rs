//! The net under the labels: fields without one are looked at as they pass, and a value that shows by itself what
//! it is ([`sight`]) is masked in its place.

mod cells;
mod copied;
mod crossed;
mod long;

use std::sync::Arc;

use bytes::BytesMut;
use connect_shared::label::Label;

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
    catalog::{Catalog, FIRST_NORMAL_OID, Shown},
    label::sight,
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
}

/// A value that shows what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    at: u16,
    field: Field,
    label: Label,
}

impl Watch {
    /// Which fields of a result are to be looked at. `None`: none of them.
    #[must_use]
    pub fn new(catalog: &Catalog, protection: &Protection, fields: &[Field]) -> Option<Self> {
        // The catalog holds names and texts of its own.
        if matches!(protection, Protection::Introspection) {
            return None;
        }
        let count = u16::try_from(fields.len()).ok()?;
        let looked_at = (0..count).zip(fields).filter(|(_, field)| is_looked_at(catalog, protection, field));
        let places: Vec<Place> = looked_at.map(|(at, field)| Place { at, field: *field }).collect();
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
        for Place { at, field } in &self.places {
            copy.keep(at.checked_sub(next).ok_or(MaskError)?)?;
            next = at.saturating_add(1);
            let label = copy.next()?.and_then(sight::seen).filter(|label| !self.is_shown(*label, field));
            found.extend(label.map(|label| Sighting { at: *at, field: *field, label }));
        }
        Ok(found)
    }

    /// What a value at a place shows, if that is looked at.
    fn seen_in(&self, at: u16, value: &[u8]) -> Option<Sighting> {
        let field = self.field(at)?;
        let label = sight::seen(value).filter(|label| !self.is_shown(*label, field))?;
        Some(Sighting { at, field: *field, label })
    }

    /// Whether its reader may see such a value here. What is computed may come from single columns that it
    /// sees.
    fn is_shown(&self, label: Label, field: &Field) -> bool {
        self.shown.labels.contains(&label) || (field.relation.0 == 0 && self.shown.names_columns())
    }

    /// The field at a place, if it is looked at.
    fn field(&self, at: u16) -> Option<&Field> {
        let place = self.places.binary_search_by_key(&at, |place| place.at).ok()?;
        self.places.get(place).map(|place| &place.field)
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
fn is_looked_at(catalog: &Catalog, protection: &Protection, field: &Field) -> bool {
    if !sight::is_looked_at(field.type_oid) {
        return false;
    }
    if field.relation.0 == 0 {
        // What is computed from masks looks like values; NULL, which hides the server's own, does not.
        return match protection {
            Protection::Masked { columns } => {
                columns.iter().all(|column| column.relation.0 < FIRST_NORMAL_OID)
            }
            _ => true,
        };
    }
    if field.relation.0 < FIRST_NORMAL_OID {
        return false;
    }
    let column = catalog.relation(field.relation).and_then(|relation| relation.column(field.number));
    column.is_none_or(|column| column.label.is_none() && !column.cleared)
}

#[cfg(test)]
mod tests;
