//! What masks look like, and what they keep equal.

use std::collections::HashSet;

use super::{super::luhn::passes_luhn, *};

#[test]
fn masks_of_texts_have_the_shape_of_their_label() {
    let email = text_mask(Label::Email, "anna@web.de");
    assert!(email.starts_with("u_") && email.ends_with("@masked.invalid"), "{email}");
    let phone = text_mask(Label::Phone, "+351 912 345 678");
    assert!(phone.starts_with("+351 000 ") && phone.len() == 18, "{phone}");
    assert!(text_mask(Label::Phone, "0170 1234567").starts_with("000 "));
    let card = text_mask(Label::Card, "4111-1111-1111-1234");
    assert!(card.starts_with('0') && card.ends_with("1234") && card.len() == 16, "{card}");
    let iban = text_mask(Label::Iban, "DE89 3704 0044 0532 0130 00");
    assert!(iban.starts_with("DE00") && iban.len() == 24, "{iban}");
    assert!(text_mask(Label::PersonName, "Anna").starts_with("name_"));
    assert!(text_mask(Label::NationalId, "078-05-1120").starts_with("id_"));
    assert!(text_mask(Label::NetworkAddress, "84.1.2.3").starts_with("2001:db8:"));
    assert_eq!(text_mask(Label::BirthDate, "1980-02-01").len(), 10);
}

#[test]
fn labels_without_room_for_equality_have_one_mask_for_every_value() {
    for label in [
        Label::Secret,
        Label::Confidential,
        Label::FreeText,
        Label::Unscanned,
        Label::Health,
        Label::Location,
    ] {
        for type_oid in [TEXT, INT4, UUID, DATE, NUMERIC, TIMESTAMPTZ, INET, JSONB, BOOL] {
            for format in [Format::Text, Format::Binary] {
                let masks: HashSet<_> = [&b"\x00\x00\x00\x01"[..], b"1", b"another value", b""]
                    .map(|value| mask(label, type_oid, format, value))
                    .into();
                assert_eq!(masks.len(), 1, "{label} {type_oid}");
            }
        }
    }
}

/// Text and binary forms of the same values, as PostgreSQL 15 sends them.
fn pairs() -> Vec<(u32, &'static str, Vec<u8>)> {
    let numeric = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    vec![
        (INT2, "-7", (-7_i16).to_be_bytes().to_vec()),
        (INT4, "123456", 123_456_i32.to_be_bytes().to_vec()),
        (INT8, "-9007199254740993", (-9_007_199_254_740_993_i64).to_be_bytes().to_vec()),
        (NUMERIC, "12345.6700", numeric(&[3, 1, 0, 4, 1, 2345, 6700])),
        (NUMERIC, "-0.001", numeric(&[1, 0xffff, 0x4000, 3, 10])),
        (NUMERIC, "NaN", numeric(&[0, 0, 0xc000, 0])),
        (DATE, "1980-02-29", (-7_246_i32).to_be_bytes().to_vec()),
        (DATE, "infinity", i32::MAX.to_be_bytes().to_vec()),
        (TIMESTAMP, "2000-01-02 03:04:05.000006", 97_445_000_006_i64.to_be_bytes().to_vec()),
        (TIMESTAMPTZ, "2000-01-01 05:30:00+05:30", 0_i64.to_be_bytes().to_vec()),
        (
            UUID,
            "550e8400-e29b-41d4-a716-446655440000",
            vec![0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 0],
        ),
        (INET, "84.1.2.3", vec![2, 32, 0, 4, 84, 1, 2, 3]),
        (INET, "84.1.2.3/24", vec![2, 24, 0, 4, 84, 1, 2, 3]),
        (TEXT, "Ärger", "Ärger".into()),
        (BPCHAR, "ab   ", b"ab ".to_vec()),
    ]
}

/// Reads a masked binary value back to text.
fn binary_as_text(type_oid: u32, bytes: &[u8]) -> String {
    let integer = || bytes.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    match type_oid {
        INT2 | INT4 | INT8 => integer().to_string(),
        NUMERIC => {
            let decimal = decimal::Decimal::from_binary(bytes).expect("a numeric");
            String::from_utf8_lossy(decimal.as_bytes()).into_owned()
        }
        DATE => {
            let days = i32::from_be_bytes(bytes.try_into().expect("four bytes"));
            let (year, month, day) = temporal::civil_from_days(days.into());
            format!("{year:04}-{month:02}-{day:02}")
        }
        TIMESTAMP | TIMESTAMPTZ => {
            let seconds = i64::from_be_bytes(bytes.try_into().expect("eight bytes")) / 1_000_000;
            let (year, month, day) = temporal::civil_from_days(seconds.div_euclid(86_400));
            let clock = seconds.rem_euclid(86_400);
            let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
            let zone = if type_oid == TIMESTAMPTZ { "+00" } else { "" };
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{zone}")
        }
        UUID => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }
        INET => {
            assert_eq!(bytes[..4], [3, 128, 0, 16]);
            let octets: [u8; 16] = bytes[4..].try_into().expect("sixteen octets");
            std::net::Ipv6Addr::from(octets).to_string()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[test]
fn text_and_binary_masks_of_one_value_are_the_same_value() {
    for (type_oid, text, binary) in pairs() {
        for label in [Label::NationalId, Label::BirthDate, Label::Salary] {
            let in_text = mask(label, type_oid, Format::Text, text.as_bytes()).expect("a mask");
            let in_binary = mask(label, type_oid, Format::Binary, &binary).expect("a mask");
            let in_text = String::from_utf8(in_text).expect("text");
            assert_eq!(binary_as_text(type_oid, &in_binary), in_text, "{label} {type_oid} {text}");
            assert_ne!(in_text, text);
        }
    }
}

#[test]
fn another_date_style_gives_the_neutral_value_and_not_another_mask() {
    let neutral = mask(Label::BirthDate, DATE, Format::Text, b"garbage");
    assert_eq!(neutral.as_deref(), Some(&b"1970-01-01"[..]));
    assert_eq!(mask(Label::BirthDate, DATE, Format::Text, b"29.02.1980"), neutral);
    assert_eq!(
        mask(Label::BirthDate, DATE, Format::Binary, b"12345"),
        Some((-10_957_i32).to_be_bytes().into())
    );
}

#[test]
fn equal_values_mask_equal_under_one_label_and_key_only() {
    let one = text_mask(Label::Email, "anna@web.de");
    assert_eq!(one, text_mask(Label::Email, "anna@web.de"));
    assert_ne!(one, text_mask(Label::Email, "Anna@web.de"));
    assert_eq!(
        mask(Label::Email, VARCHAR, Format::Binary, b"anna@web.de"),
        mask(Label::Email, TEXT, Format::Text, b"anna@web.de")
    );
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    assert_ne!(
        letters(&text_mask(Label::PersonName, "x"))[4..],
        letters(&text_mask(Label::NationalId, "x"))[2..]
    );
}

#[test]
fn different_values_have_different_masks_where_the_format_has_room() {
    for label in [Label::Email, Label::PersonName, Label::Address, Label::NationalId, Label::Iban] {
        let masks: HashSet<_> = (0..5_000).map(|n| text_mask(label, &format!("value {n}"))).collect();
        assert_eq!(masks.len(), 5_000, "{label}");
    }
}

#[test]
fn masked_cards_fail_luhn_and_masked_ibans_have_impossible_check_digits() {
    for n in 0..2_000_u64 {
        let card = text_mask(Label::Card, &format!("{:016}", 4_111_111_111_110_000_u64 + n));
        assert!(!passes_luhn(card.as_bytes()), "{card}");
        assert_eq!(card[12..], format!("{n:04}"));
    }
    assert_eq!(&text_mask(Label::Iban, "nothing like it")[..4], "XX00");
}

#[test]
fn a_type_without_a_reviewed_form_has_its_neutral_value() {
    let neutral = |type_oid, format| mask(Label::Email, type_oid, format, b"anna@web.de");
    assert_eq!(neutral(POINT, Format::Text).as_deref(), Some(&b"(0,0)"[..]));
    assert_eq!(neutral(POINT, Format::Binary).as_deref(), Some(&[0; 16][..]));
    assert_eq!(neutral(1017, Format::Text).as_deref(), Some(&b"{}"[..]));
    let no_points = [&[0; 8][..], &POINT.to_be_bytes()].concat();
    assert_eq!(neutral(1017, Format::Binary), Some(no_points));
    assert_eq!(neutral(17_000, Format::Text), None);
}

#[test]
fn a_mask_fits_into_its_column() {
    for (label, type_oid, characters, expected) in [
        (Label::Email, VARCHAR, 30, 30),
        (Label::Email, VARCHAR, 255, 37),
        (Label::NationalId, VARCHAR, 11, 11),
        (Label::NationalId, BPCHAR, 11, 11),
        (Label::NationalId, BPCHAR, 60, 60),
        (Label::Secret, VARCHAR, 4, 4),
        (Label::Secret, BPCHAR, 1, 1),
    ] {
        let field = Field { modifier: characters + 4, ..field(TABLE, 2, type_oid, Format::Text) };
        let masked = mask_of(label, field, b"078-05-1120").expect("a mask");
        assert_eq!(masked.len(), expected, "{label} in {characters} characters");
    }
    let short = Field { modifier: 30 + 4, ..field(TABLE, 2, VARCHAR, Format::Text) };
    assert!(mask_of(Label::Email, short, b"anna@web.de").expect("a mask").ends_with(b"@masked.invalid"));
}

#[test]
fn a_number_keeps_to_the_precision_of_its_column() {
    let field = Field { modifier: (5 << 16 | 2) + 4, ..field(TABLE, 2, NUMERIC, Format::Text) };
    for number in 0..500 {
        let masked = mask_of(Label::NationalId, field, number.to_string().as_bytes()).expect("a mask");
        let masked = String::from_utf8(masked).expect("a number");
        let (whole, fraction) = masked.split_once('.').expect("a scale");
        assert!(whole.len() <= 3 && fraction == "00", "{masked}");
    }
    assert_eq!(mask_of(Label::Health, field, b"1.23").as_deref(), Some(&b"0.00"[..]));
}
