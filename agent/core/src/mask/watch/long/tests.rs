use super::*;
use crate::{
    catalog::{Catalog, Oid},
    lineage::{Lineage, Status},
    mask::{
        plan::{Field, Format},
        types::{INT8, TEXT},
        watch::copied::{CopyWatch, Written},
    },
    statement::Protection,
};

const MAIL: &str = "anna.schmidt@web.de";

/// Of a number and two computed texts.
fn watch() -> Watch {
    let field = |type_oid: u32| Field {
        relation: Oid(0),
        number: 0,
        type_oid: Oid(type_oid),
        modifier: -1,
        format: Format::Text,
    };
    let fields = [field(INT8), field(TEXT), field(TEXT)];
    Watch::new(&Catalog::default(), &Protection::Untouched, &Lineage::default(), &fields)
        .expect("texts are looked at")
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut row = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
        row.extend(length.to_be_bytes());
        row.extend_from_slice(value.unwrap_or_default());
    }
    row
}

fn passed(mut long: Long, bytes: &[u8], size: usize) -> (Vec<u8>, usize) {
    let (mut out, mut seen) = (BytesMut::new(), 0);
    for piece in bytes.chunks(size) {
        seen += long.take(piece, &mut out).expect("it fits").len();
    }
    seen += long.end(&mut out).expect("it fits").len();
    (out.to_vec(), seen)
}

#[test]
fn values_of_a_long_row_are_crossed_out_and_keep_their_lengths() {
    let filling = "nothing to see here ".repeat(20_000);
    let hidden = format!("{filling}{MAIL}{filling}");
    let before = row(&[Some(b"4111111111111111"), Some(hidden.as_bytes()), Some(MAIL.as_bytes())]);
    for size in [777, 64 << 10, before.len()] {
        let (out, seen) = passed(Long::row(watch(), 0), &before, size);
        assert_eq!((out.len(), seen), (before.len(), 2), "by {size}");
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("4111111111111111"), "a number is no text");
        assert!(text.contains("nothing to see") && !text.contains("anna") && !text.contains("web.de"));
        assert!(text.ends_with(&"*".repeat(MAIL.len())));
    }
    let plain = row(&[None, Some(b""), Some(filling.as_bytes())]);
    assert_eq!(passed(Long::row(watch(), 0), &plain, 999), (plain, 0));
}

#[test]
fn long_data_are_crossed_out_between_their_signs() {
    let filling = "x \"\"y\"\"\n".repeat(60_000);
    let data = format!("1,\"{filling}{MAIL}\",{MAIL}\n2,{MAIL},\"a \"\"b\"\"\"\n");
    let csv = Lines { delimiter: b',', quotes: Some((b'"', b'"')) };
    for size in [500, data.len()] {
        let (out, seen) = passed(Long::lines(watch(), csv, false), data.as_bytes(), size);
        assert_eq!((out.len(), seen), (data.len(), 3), "by {size}");
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains("anna"), "by {size}");
        let end = format!("**\",{0}\n2,{0},\"a \"\"b\"\"\"\n", "*".repeat(MAIL.len()));
        assert!(text.starts_with("1,\"x \"\"y\"\"") && text.ends_with(&end), "by {size}");
    }
    let text = Lines { delimiter: b'@', quotes: None };
    let (out, seen) = passed(Long::lines(watch(), text, false), b"1@to anna.schmidt\\@web.de@x\\@y\n", 3);
    assert_eq!((String::from_utf8_lossy(&out).as_ref(), seen), ("1@***********************@x\\@y\n", 1));
    let (out, _) = passed(Long::lines(watch(), Lines::TEXT, true), format!("a\t{MAIL}\n").as_bytes(), 4);
    assert!(String::from_utf8_lossy(&out).contains(MAIL), "a name is no value");
}

#[test]
fn a_long_row_in_binary_may_be_the_first() {
    let opaque = Lineage { status: Status::Opaque, ..Lineage::default() };
    let mut copy =
        CopyWatch::new(&Catalog::default(), &Protection::Untouched, &opaque, (Written::Binary, 3, false))
            .expect("they could be texts");
    let row = row(&[None, Some(MAIL.as_bytes()), None]);
    let first = [b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", &row[..]].concat();
    for message in [first, row] {
        let (out, seen) = passed(copy.long().expect("nothing is pending"), &message, 5);
        assert_eq!((out.len(), seen), (message.len(), 1));
        assert!(!String::from_utf8_lossy(&out).contains("anna"));
    }
}

#[test]
fn a_long_row_that_does_not_fit_is_an_error() {
    let whole = row(&[None, Some(MAIL.as_bytes()), None]);
    let mut out = BytesMut::new();
    for cut in 0..whole.len() {
        let mut long = Long::row(watch(), 0);
        assert!(long.take(&whole[..cut], &mut out).is_err() || long.end(&mut out).is_err(), "cut at {cut}");
    }
    assert!(Long::row(watch(), 0).take(&[&whole[..], b"\0"].concat(), &mut out).is_err(), "more than a row");
    let mut line = Long::lines(watch(), Lines::TEXT, false);
    assert!(line.take(b"1\tx\ty\n2", &mut out).is_ok() && line.end(&mut out).is_err(), "more than a line");
    assert!(Long::row(watch(), 0).take(&row(&[None]), &mut out).is_err());
    assert!(Long::row(watch(), 0).take(b"\0\x03\x80\0\0\0", &mut out).is_err());
    assert!(!String::from_utf8_lossy(&out).contains("anna"), "nothing of it left");
}
