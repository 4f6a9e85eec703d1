mod arrays;
mod plans;
mod properties;
mod rows;
mod shapes;

use bytes::{BufMut, BytesMut};
use connect_shared::label::Label;

use super::{types::*, *};
use crate::{
    catalog::{Catalog, Column, Oid, Relation, RelationKind, ViewReading},
    statement::{ProtectedColumn, Protection},
};

const TABLE: Oid = Oid(16_400);
const VIEW: Oid = Oid(16_401);
const COMPUTED: Oid = Oid(16_402);
const OTHER: Oid = Oid(16_403);

fn column(number: i16, name: &str, label: Option<Label>) -> Column {
    Column { label, ..Column::new(number, name.into(), Oid(TEXT)) }
}

fn relation(oid: Oid, schema: &str, name: &str, view: ViewReading, columns: Vec<Column>) -> Relation {
    Relation {
        oid,
        schema: schema.into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns,
        view_reads: if view == ViewReading::Untouched { Vec::new() } else { vec![TABLE] },
        view,
        children: Vec::new(),
        runs_code: false,
        details: None,
    }
}

/// `customers(id, email, phone)`, a plain view and a computed view of it, and another `customers`.
fn catalog(label: Label) -> Catalog {
    let columns = || {
        vec![column(1, "id", None), column(2, "email", Some(label)), column(3, "phone", Some(Label::Phone))]
    };
    let mut catalog = Catalog { version: 1, server_version: 150_000, utf8: true, ..Catalog::default() };
    catalog.insert(relation(TABLE, "public", "customers", ViewReading::Untouched, columns()));
    catalog.insert(relation(VIEW, "public", "people", ViewReading::Projection, columns()));
    let computed = vec![column(1, "initial", None)];
    catalog.insert(relation(COMPUTED, "public", "initials", ViewReading::Computed, computed));
    catalog.insert(relation(OTHER, "archive", "customers", ViewReading::Untouched, columns()));
    catalog
}

fn field(relation: Oid, number: i16, type_oid: u32, format: Format) -> Field {
    Field { relation, number, type_oid: Oid(type_oid), modifier: -1, format }
}

fn text_field(number: i16) -> Field {
    field(TABLE, number, TEXT, Format::Text)
}

fn protected(relation: Oid, number: i16) -> ProtectedColumn {
    let catalog = catalog(Label::Email);
    let owner = &catalog.relations[&relation];
    let column = owner.column(number).expect("the column is in the test's table");
    let name = format!("{}.{}", owner.qualified_name(), column.name);
    ProtectedColumn { relation, number, name, label: column.label.expect("a labelled column"), seen: None }
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut row = BytesMut::new();
    row.put_u16(values.len() as u16);
    for value in values {
        match value {
            Some(value) => {
                row.put_i32(value.len() as i32);
                row.put_slice(value);
            }
            None => row.put_i32(-1),
        }
    }
    row.to_vec()
}

fn values(row: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut rest = &row[2..];
    let mut values = Vec::new();
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().expect("a length"));
        rest = &rest[4..];
        if length < 0 {
            values.push(None);
        } else {
            let (value, after) = rest.split_at(length as usize);
            values.push(Some(value.to_vec()));
            rest = after;
        }
    }
    assert_eq!(values.len(), usize::from(u16::from_be_bytes([row[0], row[1]])));
    values
}

fn key() -> MaskKey {
    MaskKey::new([42; 32])
}

/// The mask of one value of the column `email` under another label and type.
fn mask(label: Label, type_oid: u32, format: Format, value: &[u8]) -> Option<Vec<u8>> {
    mask_of(label, field(TABLE, 2, type_oid, format), value)
}

/// The same with the whole description.
fn mask_of(label: Label, field: Field, value: &[u8]) -> Option<Vec<u8>> {
    let plan = Plan::new(&catalog(label), &Protection::Untouched, &[field])
        .expect("a plan")
        .expect("the field is masked");
    let mut out = BytesMut::new();
    plan.apply(&key(), &row(&[Some(value)]), &mut out).expect("a row that fits");
    values(&out).remove(0)
}

fn text_mask(label: Label, value: &str) -> String {
    let masked = mask(label, TEXT, Format::Text, value.as_bytes()).expect("a text has a mask");
    String::from_utf8(masked).expect("a mask is UTF-8")
}
