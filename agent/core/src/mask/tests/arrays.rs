//! Arrays are masked element by element.

use super::*;

const TEXTS: u32 = 1009;
const BYTES: u32 = 1001;
const TIMESTAMPS: u32 = 1115;

fn text_array(label: Label, type_oid: u32, array: &str) -> String {
    let masked = mask(label, type_oid, Format::Text, array.as_bytes()).expect("an array");
    String::from_utf8(masked).expect("UTF-8")
}

#[test]
fn each_element_has_the_mask_that_it_has_alone() {
    let one = text_mask(Label::Email, "anna@web.de");
    let quoted = text_mask(Label::Email, r#"a "b\c", {d}"#);
    let array = r#"{anna@web.de,NULL,"a \"b\\c\", {d}","NULL",""}"#;
    let words = ["NULL", ""].map(|word| text_mask(Label::Email, word)).join(",");
    assert_eq!(text_array(Label::Email, TEXTS, array), format!("{{{one},NULL,{quoted},{words}}}"));
    assert_eq!(text_array(Label::Email, TEXTS, "{}"), "{}");
}

#[test]
fn a_mask_is_quoted_where_the_server_would() {
    let phone = text_array(Label::Phone, TEXTS, "{0170}");
    assert!(phone.starts_with(r#"{"000 "#) && phone.ends_with("\"}"), "{phone}");
    let bytes = text_array(Label::Email, BYTES, r#"{"\\x00ff"}"#);
    assert!(bytes.starts_with(r#"{"\\x"#), "{bytes}");
    let time = text_array(Label::BirthDate, TIMESTAMPS, r#"{"2000-01-01 00:00:00"}"#);
    assert!(time.starts_with("{\"19") || time.starts_with("{\"20"), "{time}");
}

/// An array of texts as `array_send` writes it.
fn sent(dimensions: &[(i32, i32)], nulls: i32, elements: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_i32(dimensions.len() as i32);
    bytes.put_i32(nulls);
    bytes.put_u32(TEXT);
    for (length, lower) in dimensions {
        bytes.put_i32(*length);
        bytes.put_i32(*lower);
    }
    for element in elements {
        // A row has a count of fields before them.
        bytes.extend_from_slice(&row(&[*element])[2..]);
    }
    bytes.to_vec()
}

#[test]
fn a_binary_array_keeps_its_form() {
    let array = sent(&[(2, 1)], 1, &[Some(b"anna@web.de"), None]);
    let one = text_mask(Label::Email, "anna@web.de");
    let expected = sent(&[(2, 1)], 1, &[Some(one.as_bytes()), None]);
    assert_eq!(mask(Label::Email, TEXTS, Format::Binary, &array), Some(expected));
    let empty = sent(&[], 0, &[]);
    assert_eq!(mask(Label::Email, TEXTS, Format::Binary, &empty), Some(empty));
}

#[test]
fn an_array_of_another_form_or_that_cannot_be_read_has_the_neutral_value() {
    for array in ["{{a},{b}}", "[0:1]={a,b}", "{a", "a}", "{a}b", "{\"a}", "{a,}", "", "{\"a\\", "{a b\"c\"}"]
    {
        assert_eq!(text_array(Label::Email, TEXTS, array), "{}", "{array}");
    }
    let neutral = sent(&[], 0, &[]);
    let elements: &[Option<&[u8]>] = &[Some(b"a"), Some(b"b")];
    for array in [
        sent(&[(1, 1), (2, 1)], 0, elements),
        sent(&[(2, 0)], 0, elements),
        sent(&[(3, 1)], 0, elements),
        sent(&[(1, 1)], 0, elements),
        sent(&[(i32::MAX, 1)], 0, &[]),
        b"text".to_vec(),
    ] {
        assert_eq!(mask(Label::Email, TEXTS, Format::Binary, &array).as_ref(), Some(&neutral));
    }
}

#[test]
fn a_huge_array_has_the_neutral_value() {
    let most = array::MOST_ELEMENTS as usize;
    for (count, masked) in [(most, true), (most + 1, false)] {
        let elements = vec![None; count];
        let array = sent(&[(count as i32, 1)], 1, &elements);
        let same = mask(Label::Email, TEXTS, Format::Binary, &array) == Some(array);
        assert_eq!(same, masked, "{count} elements");
        let array = format!("{{{}NULL}}", "NULL,".repeat(count - 1));
        assert_eq!(text_array(Label::Email, TEXTS, &array) == array, masked, "{count} elements");
    }
}

#[test]
fn an_array_whose_elements_have_no_masks_of_their_own_is_empty() {
    assert_eq!(text_array(Label::Secret, TEXTS, "{a,b}"), "{}");
    assert_eq!(text_array(Label::Email, 1017, "{\"(1,2)\"}"), "{}");
}
