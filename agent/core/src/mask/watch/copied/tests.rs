use connect_shared::label::Label;

use super::*;
use crate::{
    catalog::{Column, fixture},
    lineage::{ColumnId, Columns, Output, OutputColumn, OutputKind},
};

const MAIL: &str = "anna.schmidt@web.de";
const CSV: Lines = Lines { delimiter: b',', quotes: Some((b'"', b'"')) };

/// A table `notes` of a number, a text, one that is labelled and one that is cleared.
pub(in crate::mask::watch) fn catalog() -> Catalog {
    let text = "public.notes(id int8 not null, body text, mail text, free text, primary key (id));";
    let mut catalog = fixture::catalog(fixture::Version::Postgres15, text).expect("a database");
    let oid = catalog.by_name["notes"][0];
    let columns: &mut Vec<Column> = &mut catalog.relation_mut(oid).expect("it is there").columns;
    columns[2].label = Some(Label::Email);
    columns[3].cleared = true;
    catalog
}

/// The whole table.
pub(in crate::mask::watch) fn lineage(catalog: &Catalog) -> Lineage {
    let relation = catalog.relation(catalog.by_name["notes"][0]).expect("it is there");
    let columns = relation.columns.iter().map(|column| OutputColumn {
        name: column.name.clone(),
        type_oid: column.type_oid,
        direct: Columns::default(),
        identity: Some(ColumnId { relation: relation.oid, number: column.number }),
    });
    let output = Output { kind: OutputKind::Result, columns: columns.collect() };
    Lineage { outputs: vec![output], ..Lineage::default() }
}

fn watch(written: Written, names: bool) -> CopyWatch {
    let catalog = catalog();
    let how = (written, 4, names);
    CopyWatch::new(&catalog, &Protection::Untouched, &lineage(&catalog), how).expect("texts are looked at")
}

/// What leaves of data that come in messages of this size.
fn copied(mut watch: CopyWatch, data: &[u8], size: usize) -> (String, Vec<String>) {
    let (catalog, key) = (catalog(), MaskKey::new([7; 32]));
    let (mut out, mut seen) = (BytesMut::new(), Vec::new());
    for message in data.chunks(size) {
        if watch.passes(message) {
            out.extend_from_slice(message);
        } else {
            seen.extend(watch.take(&catalog, &key, message, &mut out).expect("it fits"));
        }
    }
    seen.extend(watch.end(&catalog, &key, &mut out).expect("it fits"));
    let seen = seen.iter().filter_map(|sighting| sighting.column(&catalog)).collect();
    (String::from_utf8_lossy(&out).into_owned(), seen)
}

#[track_caller]
fn is_hidden(lines: Lines, data: &str, expected: &str) {
    for size in [1, 2, 3, 7, data.len()] {
        let (out, seen) = copied(watch(Written::Lines(lines), false), data.as_bytes(), size);
        assert_eq!(out, expected, "by {size}");
        assert_eq!(seen, ["public.notes.body"], "by {size}");
    }
}

#[test]
fn a_value_in_text_is_masked_wherever_messages_end() {
    let data = format!("1\tplain\t{MAIL}\t{MAIL}\n2\twrite to {MAIL}\t\\N\tx\\ty\n3\t\\N\t\\N\t\\N\n");
    let expected = format!("1\tplain\t{MAIL}\t{MAIL}\n2\t[free text]\t\\N\tx\\ty\n3\t\\N\t\\N\t\\N\n");
    is_hidden(Lines::TEXT, &data, &expected);
}

#[test]
fn a_value_that_its_signs_would_hide_is_masked() {
    let dashes = Lines { delimiter: b'-', quotes: None };
    is_hidden(dashes, "1-ssn 078\\-05\\-1120-x-y\n", "1-[free text]-x-y\n");
    let signs = Lines { delimiter: b'@', quotes: None };
    is_hidden(signs, "1@to anna.schmidt\\@web.de@x@y\n", "1@[free text]@x@y\n");
    let letters = Lines { delimiter: b',', quotes: Some((b'q', b'e')) };
    // `e` stands before each `e` and `q` of a value.
    is_hidden(letters, "1,qto anna.schmidt@weeb.deee eqq,x,y\n", "1,q[freeee teext]q,x,y\n");
    let mixed = Lines { delimiter: b';', quotes: Some((b'"', b'\\')) };
    is_hidden(mixed, "1;\"say \\\"hi\\\" to anna.schmidt@web.de\";x;y\n", "1;\"[free text]\";x;y\n");
}

#[test]
fn quotes_and_lines_within_values_of_csv_are_read_as_they_are_meant() {
    let data = "1,\"a \"\"b\"\"\nand anna.schmidt@web.de\",,\"x\ny\"\n2,,\"\",z\n";
    is_hidden(CSV, data, "1,\"[free text]\",,\"x\ny\"\n2,,\"\",z\n");
    is_hidden(CSV, "\"1\",\"DE89 3704 0044 0532 0130 00 is mine\",x,y\n", "\"1\",\"[free text]\",x,y\n");
    // The last line may have no end.
    is_hidden(CSV, "1,to anna.schmidt@web.de,x,y", "1,\"[free text]\",x,y");
}

#[test]
fn names_of_columns_are_no_values_and_only_the_first_line_has_them() {
    let data = format!("id\t{MAIL}\tmail\tfree\n1\t{MAIL}\tx\ty\n");
    for size in [5, data.len()] {
        let (out, seen) = copied(watch(Written::Lines(Lines::TEXT), true), data.as_bytes(), size);
        let (names, rows) = out.split_once('\n').expect("lines");
        assert!(names.contains(MAIL) && !rows.contains("anna"), "{out}");
        assert!(rows.contains("@masked.invalid") && seen == ["public.notes.body"], "{out}");
    }
}

#[test]
fn quotes_that_nobody_closes_hide_nothing() {
    let (out, _) = copied(watch(Written::Lines(CSV), false), format!("1,\"to {MAIL}").as_bytes(), 9);
    assert!(!out.contains("anna"), "{out}");
}

fn binary(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut row = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
        row.extend(length.to_be_bytes());
        row.extend_from_slice(value.unwrap_or_default());
    }
    row
}

fn signed(extension: &[u8]) -> Vec<u8> {
    let length = u32::try_from(extension.len()).expect("short").to_be_bytes();
    [b"PGCOPY\n\xff\r\n\0\0\0\0\0", &length[..], extension].concat()
}

#[test]
fn values_in_binary_are_masked_wherever_messages_end() {
    let number = 1_i64.to_be_bytes();
    let to_hide = format!("write to {MAIL}");
    let row = |body: &str| binary(&[Some(&number), Some(body.as_bytes()), None, Some(MAIL.as_bytes())]);
    for extension in [&b""[..], b"an extension of anna.schmidt@web.de"] {
        let data = |body: &str| [signed(extension), row("x"), row(body), vec![0xff; 2]].concat();
        let (before, after) = (data(&to_hide), data("[free text]"));
        for size in [1, 5, 19, 40, before.len()] {
            let (out, seen) = copied(watch(Written::Binary, false), &before, size);
            assert_eq!(out, String::from_utf8_lossy(&after), "by {size}");
            assert_eq!(seen, ["public.notes.body"]);
        }
    }
}

#[test]
fn data_that_are_not_what_was_said_are_an_error() {
    let (catalog, key, mut out) = (catalog(), MaskKey::new([7; 32]), BytesMut::new());
    let mut endless = watch(Written::Lines(CSV), false);
    let piece = [b"\"", &b"x".repeat(MOST_PENDING)[..], b"x"].concat();
    assert!(endless.take(&catalog, &key, &piece, &mut out).is_err() && out.is_empty());
    let mut narrow = watch(Written::Binary, false);
    let row = [signed(b""), binary(&[None])].concat();
    assert!(narrow.take(&catalog, &key, &row, &mut out).is_err());
    let mut cut = watch(Written::Binary, false);
    assert!(
        cut.take(&catalog, &key, b"PGCOPY", &mut out).is_ok() && cut.end(&catalog, &key, &mut out).is_err()
    );
    let mut within = watch(Written::Lines(Lines::TEXT), false);
    assert!(within.take(&catalog, &key, b"1\tx", &mut out).is_ok() && within.long().is_err());
}

#[test]
fn columns_of_which_nothing_is_known_are_looked_at() {
    let catalog = catalog();
    let opaque = Lineage { status: Status::Opaque, ..lineage(&catalog) };
    let how = (Written::Lines(Lines::TEXT), 4, false);
    let watch = CopyWatch::new(&catalog, &Protection::Untouched, &opaque, how).expect("they could be texts");
    let (out, seen) = copied(watch, format!("x\ty\tz\tto {MAIL}\n").as_bytes(), 100);
    assert_eq!((out.as_str(), seen.len()), ("x\ty\tz\t[free text]\n", 0));
    let how = (Written::Lines(Lines::TEXT), 3, false);
    assert!(CopyWatch::new(&catalog, &Protection::Untouched, &lineage(&catalog), how).is_some());
    // Whatever else the statement reads.
    let masked = Protection::Masked { columns: Vec::new() };
    let watch = CopyWatch::new(&catalog, &masked, &lineage(&catalog), how).expect("another width");
    let (out, _) = copied(watch, format!("x\ty\tto {MAIL}\n").as_bytes(), 100);
    assert_eq!(out, "x\ty\t[free text]\n");
}
