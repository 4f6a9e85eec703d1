//! The net under the labels: fields without one are looked at as they pass, and a value that shows by itself what
//! it is ([`sight`]) is masked in its place.

use std::sync::Arc;

use bytes::BytesMut;
use connect_shared::label::Label;

use super::{
    key::MaskKey,
    plan::Field,
    row::{MaskError, RowCopy, Tail},
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

    /// Whether its reader may see such a value here. What is computed may come from single columns that it
    /// sees.
    fn is_shown(&self, label: Label, field: &Field) -> bool {
        self.shown.labels.contains(&label) || (field.relation.0 == 0 && self.shown.names_columns())
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::{Column, Oid, fixture},
        mask::{Format, types},
        statement::ProtectedColumn,
    };

    fn catalog() -> Catalog {
        let text = "public.notes(id int8 not null, body text, mail text, free text, primary key (id));";
        let mut catalog = fixture::catalog(fixture::Version::Postgres15, text).expect("a database");
        let oid = catalog.by_name["notes"][0];
        let columns: &mut Vec<Column> = &mut catalog.relation_mut(oid).expect("it is there").columns;
        columns[2].label = Some(Label::Email);
        columns[3].cleared = true;
        catalog
    }

    fn fields(catalog: &Catalog, format: Format) -> Vec<Field> {
        let relation = catalog.by_name["notes"][0];
        let field = |number: i16, type_oid: u32| Field {
            relation,
            number,
            type_oid: Oid(type_oid),
            modifier: -1,
            format,
        };
        let computed = Field { relation: Oid(0), ..field(0, types::VARCHAR) };
        vec![
            field(1, types::INT8),
            field(2, types::TEXT),
            field(3, types::TEXT),
            field(4, types::TEXT),
            computed,
        ]
    }

    fn row(values: &[Option<&str>]) -> Vec<u8> {
        let mut row = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
            row.extend_from_slice(&length.to_be_bytes());
            row.extend_from_slice(value.unwrap_or_default().as_bytes());
        }
        row
    }

    fn hidden(values: &[Option<&str>]) -> Vec<u8> {
        let catalog = catalog();
        let watch = Watch::new(&catalog, &Protection::Untouched, &fields(&catalog, Format::Text));
        let watch = watch.expect("texts are looked at");
        let row = row(values);
        let seen = watch.sightings(&row).expect("a row that fits");
        let mut out = BytesMut::new();
        watch.hide(&catalog, &MaskKey::new([7; 32]), &row, &seen, &mut out).expect("a row that fits");
        out.to_vec()
    }

    #[test]
    fn what_is_seen_in_an_unlabelled_text_is_masked_and_the_rest_is_as_it_was() {
        let mail = "anna.schmidt@web.de";
        let out = hidden(&[Some("1"), Some("write to anna.schmidt@web.de"), None, Some(mail), Some("x")]);
        assert_eq!(out, row(&[Some("1"), Some("[free text]"), None, Some(mail), Some("x")]), "{out:?}");
        let out = hidden(&[Some("4111111111111111"), None, Some(mail), None, Some(mail)]);
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("4111111111111111"), "a number is no text");
        assert_eq!(text.matches(mail).count(), 1, "a labelled column has its own mask");
        assert!(text.contains("@masked.invalid"), "{text:?}");
        let plain = [Some("1"), Some("nothing to see"), None, None, None];
        assert_eq!(hidden(&plain), row(&plain));
    }

    #[test]
    fn catalogs_and_what_is_computed_from_masks_are_not_looked_at() {
        let catalog = catalog();
        let fields = fields(&catalog, Format::Binary);
        assert!(Watch::new(&catalog, &Protection::Introspection, &fields).is_none());
        let column = ProtectedColumn {
            relation: fields[0].relation,
            number: 3,
            name: "public.notes.mail".into(),
            label: Label::Email,
            seen: None,
        };
        let own = ProtectedColumn { relation: Oid(12_000), ..column.clone() };
        let masked = Protection::Masked { columns: vec![column] };
        let hidden = Protection::Masked { columns: vec![own] };
        assert!(Watch::new(&catalog, &hidden, &fields[4..]).is_some(), "NULL hides nothing beside it");
        assert!(Watch::new(&catalog, &masked, &fields[4..]).is_none());
        assert!(Watch::new(&catalog, &masked, &fields[1..2]).is_some());
        assert!(Watch::new(&catalog, &Protection::Untouched, &fields[..1]).is_none());
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error_and_leaves_nothing() {
        let catalog = catalog();
        let fields = fields(&catalog, Format::Text);
        let watch = Watch::new(&catalog, &Protection::Untouched, &fields).expect("texts");
        let good = row(&[Some("1"), Some("anna.schmidt@web.de"), None, None, Some("x")]);
        let seen = watch.sightings(&good).expect("it fits");
        for cut in 0..good.len() {
            let mut out = BytesMut::from(&b"before"[..]);
            let short = good.get(..cut).expect("a part");
            let hidden = watch.hide(&catalog, &MaskKey::new([7; 32]), short, &seen, &mut out);
            assert!(hidden.is_ok() || out.as_ref() == b"before", "cut at {cut}");
        }
        assert_eq!(watch.sightings(&row(&[Some("1")])), Err(MaskError));
        let _shared: Arc<Catalog> = Arc::new(catalog);
    }
}
