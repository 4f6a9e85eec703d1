//! Rows as they come from the wire.

use super::*;

#[test]
fn a_null_stays_null_and_the_other_fields_stay_as_they_are() {
    let fields = [text_field(1), text_field(2), text_field(1), text_field(3), text_field(1)];
    let catalog = catalog(Label::Email);
    let plan = Plan::new(&catalog, &Protection::Untouched, &fields).expect("a plan").expect("masks");
    assert_eq!(plan.masked(), [protected(TABLE, 2), protected(TABLE, 3)]);
    let sent = row(&[Some(b"1"), None, Some(b"3"), Some(b"+49 170 1234567"), Some(b"tail")]);
    let mut out = BytesMut::from(&b"before"[..]);
    plan.apply(&key(), &sent, &mut out).expect("a row that fits");
    let got = values(&out[6..]);
    assert_eq!(got[0].as_deref(), Some(&b"1"[..]));
    assert_eq!(got[1], None);
    assert_eq!(got[2].as_deref(), Some(&b"3"[..]));
    assert!(got[3].as_deref().is_some_and(|phone| phone.starts_with(b"+49 000 ")));
    assert_eq!(got[4].as_deref(), Some(&b"tail"[..]));
}

#[test]
fn a_row_that_is_cut_or_lies_about_a_length_is_never_forwarded() {
    let fields = [text_field(1), text_field(2)];
    let plan = Plan::new(&catalog(Label::Email), &Protection::Untouched, &fields).expect("a plan");
    let plan = plan.expect("masks");
    let sent = row(&[Some(b"1"), Some(b"anna@web.de")]);
    let mut out = BytesMut::from(&b"before"[..]);
    for cut in 0..sent.len() {
        assert_eq!(plan.apply(&key(), &sent[..cut], &mut out), Err(MaskError), "cut at {cut}");
        assert_eq!(&out[..], b"before");
    }
    let longer = [&sent[..], b"anna@web.de"].concat();
    assert_eq!(plan.apply(&key(), &longer, &mut out), Err(MaskError));
    for length in [-2, i32::MIN, i32::MAX, 12] {
        let mut lie = sent.clone();
        lie[7..11].copy_from_slice(&i32::to_be_bytes(length));
        assert_eq!(plan.apply(&key(), &lie, &mut out), Err(MaskError), "length {length}");
    }
    let mut count = sent.clone();
    count[1] = 3;
    assert_eq!(plan.apply(&key(), &count, &mut out), Err(MaskError));
    assert_eq!(&out[..], b"before");
}
