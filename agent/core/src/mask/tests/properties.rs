//! What holds for every value and every row.

use proptest::prelude::*;

use super::*;

fn any_label() -> impl Strategy<Value = Label> {
    proptest::sample::select(Label::ALL.to_vec())
}

fn any_type() -> impl Strategy<Value = u32> {
    let listed = [
        TEXT,
        VARCHAR,
        BPCHAR,
        INT2,
        INT4,
        INT8,
        NUMERIC,
        DATE,
        TIMESTAMP,
        TIMESTAMPTZ,
        UUID,
        INET,
        BYTEA,
        JSON,
        JSONB,
    ];
    let arrays = ARRAYS.map(|(array, _)| array);
    prop_oneof![
        proptest::sample::select(listed.to_vec()),
        proptest::sample::select(arrays.to_vec()),
        0_u32..6_000
    ]
}

proptest! {
    /// Masks are of small letters, digits and marks: four capitals of the value cannot come by chance.
    #[test]
    fn no_four_bytes_of_a_value_survive(
        label in any_label(),
        value in "[A-Z]{4,40}(@[A-Z]{4,10}\\.[A-Z]{2,4})?",
        type_oid in any_type(),
    ) {
        let masked = mask(label, type_oid, Format::Text, value.as_bytes()).unwrap_or_default();
        // An IBAN's mask is in capitals, so chance is not excluded there.
        if label != Label::Iban {
            for window in value.as_bytes().windows(4) {
                prop_assert!(!masked.windows(4).any(|other| other == window));
            }
        }
    }

    /// Two values that share what is kept differ in nothing but the digest: same length, same kept parts.
    #[test]
    fn a_phone_shows_its_country_and_nothing_else(one in "[0-9]{8,10}", other in "[0-9]{8,10}") {
        let masks = [one, other].map(|number| text_mask(Label::Phone, &format!("+49 {number}")));
        for masked in masks {
            prop_assert!(masked.starts_with("+49 000 "));
            prop_assert_eq!(masked.len(), 17);
        }
    }

    #[test]
    fn any_row_is_masked_or_refused_and_never_panics(
        label in any_label(),
        type_oid in any_type(),
        binary: bool,
        value in proptest::collection::vec(any::<u8>(), 0..80),
        noise in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let format = if binary { Format::Binary } else { Format::Text };
        let _ = mask(label, type_oid, format, &value);
        let fields = [text_field(1), field(TABLE, 2, type_oid, format), text_field(3)];
        let plan = Plan::new(&catalog(label), &Protection::Untouched, &fields)
            .expect("a plan").expect("masks");
        let mut out = BytesMut::from(&b"before"[..]);
        if plan.apply(&key(), &noise, &mut out).is_err() {
            prop_assert_eq!(&out[..], b"before");
        }
    }
}
