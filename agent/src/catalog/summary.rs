//! Counts and digest of a snapshot, for the log.

use aws_lc_rs::digest;
use connect_core::catalog::{Catalog, Column, Identity};
use connect_shared::hexadecimal::hexadecimal;

/// What the log says of a snapshot.
pub(super) struct Summary {
    pub(super) relations: u64,
    pub(super) columns: u64,
    pub(super) labelled: u64,
    pub(super) digest: String,
}

/// Everything of a column; the length keeps its name apart from what follows.
fn update(context: &mut digest::Context, column: &Column) {
    let length = u16::try_from(column.name.len()).unwrap_or(u16::MAX);
    context.update(&column.number.to_be_bytes());
    context.update(&length.to_be_bytes());
    context.update(column.name.as_bytes());
    context.update(&column.type_oid.0.to_be_bytes());
    context.update(&column.modifier.0.to_be_bytes());
    let identity = column.identity.map_or(0, |identity| match identity {
        Identity::Always => b'a',
        Identity::ByDefault => b'd',
    });
    context.update(&[identity]);
    let flags = [column.tested_on_write, column.not_null, column.cleared];
    context.update(&flags.map(u8::from));
    context.update(column.label.map_or("", |label| label.as_str()).as_bytes());
    context.update(&[0]);
}

impl Summary {
    /// Over names, types and labels outside the system's schemas, in the order of their OIDs.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut relations: Vec<_> =
            catalog.relations.values().filter(|relation| !relation.is_system()).collect();
        relations.sort_by_key(|relation| relation.oid);
        let mut context = digest::Context::new(&digest::SHA256);
        let (mut columns, mut labelled) = (0, 0);
        for relation in &relations {
            let head = format!("{:?}", (relation.oid, &relation.schema, &relation.name, relation.kind));
            let reading = format!("{:?}{:?}{}", relation.view, relation.children, relation.runs_code);
            context.update(head.as_bytes());
            context.update(reading.as_bytes());
            for column in &relation.columns {
                update(&mut context, column);
                columns += 1;
                labelled += u64::from(column.label.is_some());
            }
        }
        let digest = hexadecimal(context.finish().as_ref());
        Self { relations: relations.len() as u64, columns, labelled, digest }
    }
}
