//! Which fields are looked at, and what becomes of what they show.

use std::sync::Arc;

use super::*;
use crate::{
    catalog::{Column, Oid, fixture},
    lineage::{Output, OutputColumn, OutputKind},
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
    vec![field(1, types::INT8), field(2, types::TEXT), field(3, types::TEXT), field(4, types::TEXT), computed]
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
    let watch =
        Watch::new(&catalog, &Protection::Untouched, &Lineage::default(), &fields(&catalog, Format::Text));
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

fn masked(catalog: &Catalog) -> Protection {
    let column = ProtectedColumn {
        relation: catalog.by_name["notes"][0],
        number: 3,
        name: "public.notes.mail".into(),
        label: Label::Email,
        seen: None,
    };
    Protection::Masked { columns: vec![column] }
}

/// Of one text that is computed from these columns.
fn computed(catalog: &Catalog, from: &[i16]) -> Lineage {
    let relation = catalog.by_name["notes"][0];
    let column = OutputColumn {
        name: "text".into(),
        type_oid: Oid(types::TEXT),
        direct: from.iter().map(|number| ColumnId { relation, number: *number }).collect(),
        identity: None,
    };
    let output = Output { kind: OutputKind::Result, columns: vec![column] };
    Lineage { outputs: vec![output], ..Lineage::default() }
}

#[test]
fn catalogs_and_what_is_computed_from_masks_are_not_looked_at() {
    let catalog = catalog();
    let fields = fields(&catalog, Format::Binary);
    let none = Lineage::default();
    assert!(Watch::new(&catalog, &Protection::Introspection, &none, &fields).is_none());
    let text = &fields[4..];
    let is_looked_at = |lineage: &Lineage| Watch::new(&catalog, &masked(&catalog), lineage, text).is_some();
    assert!(!is_looked_at(&computed(&catalog, &[3])));
    assert!(!is_looked_at(&computed(&catalog, &[1, 3, 4])), "numbers and what is cleared are not looked at");
    assert!(Watch::new(&catalog, &masked(&catalog), &none, &fields[1..2]).is_some());
    assert!(Watch::new(&catalog, &Protection::Untouched, &none, &fields[..1]).is_none());
}

#[test]
fn a_mask_beside_it_keeps_nothing_from_being_looked_at() {
    let catalog = catalog();
    let fields = fields(&catalog, Format::Text);
    let text = &fields[4..];
    let is_looked_at = |lineage: &Lineage| Watch::new(&catalog, &masked(&catalog), lineage, text).is_some();
    for from in [&[2][..], &[2, 3], &[4], &[]] {
        assert!(is_looked_at(&computed(&catalog, from)), "{from:?}");
    }
    let mail = computed(&catalog, &[3]);
    let partial = Lineage { status: crate::lineage::Status::Partial, ..mail.clone() };
    assert!(is_looked_at(&partial) && is_looked_at(&Lineage::default()));
    assert!(Watch::new(&catalog, &masked(&catalog), &mail, &fields[3..]).is_some(), "another width");
    assert!(Watch::new(&catalog, &Protection::Untouched, &mail, text).is_some(), "it is read in clear");
    let mut own = computed(&catalog, &[]);
    own.outputs[0].columns[0].direct.insert(ColumnId { relation: Oid(12_000), number: 1 });
    assert!(is_looked_at(&own), "NULL hides nothing beside it");
}

#[test]
fn a_column_that_its_reader_sees_shows_nothing_else() {
    let shown = Shown { columns: ["public.notes.mail".to_owned()].into(), ..Shown::default() };
    let catalog = catalog().shown_to(&shown);
    let fields = fields(&catalog, Format::Text);
    let seen = |from: &[i16], value: &str| {
        let lineage = computed(&catalog, from);
        let watch = Watch::new(&catalog, &Protection::Untouched, &lineage, &fields[4..])?;
        watch.sightings(&row(&[Some(value)])).expect("it fits").first().map(|seen| seen.label)
    };
    let (mail, card) = ("anna.schmidt@web.de", "4111111111111111");
    assert_eq!(seen(&[2], mail), Some(Label::Email), "another column");
    assert_eq!(seen(&[], mail), Some(Label::Email), "of nothing that is known");
    assert_eq!((seen(&[3], mail), seen(&[3], card)), (None, None), "all of it is shown");
    assert_eq!((seen(&[2, 3], mail), seen(&[2, 3], card)), (None, Some(Label::Card)), "beside another");
}

#[test]
fn a_row_that_does_not_fit_is_an_error_and_leaves_nothing() {
    let catalog = catalog();
    let fields = fields(&catalog, Format::Text);
    let watch = Watch::new(&catalog, &Protection::Untouched, &Lineage::default(), &fields).expect("texts");
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
