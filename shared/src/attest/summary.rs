//! One hash over everything that an attestation says of a run, in the log's own entry about its end: no
//! figure can be another one than that entry has. Whoever has the agent's key can write another log, which only a
//! copy of the log, a kept checkpoint or a witness shows.

use aws_lc_rs::digest;
use serde_json::Value;

use crate::hexadecimal::hexadecimal;

/// What is not known yet when the entry is made.
const LATER: [&str; 3] = ["index", "receipt", "receipts"];

/// SHA-256 over the predicate without its index, receipt and receipts, in hexadecimal: compact JSON, the names of
/// fields in the order of their bytes. `json.dumps(p, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`
/// writes the same.
#[must_use]
pub fn summary(predicate: &Value) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    match predicate {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !LATER.contains(&name.as_str()));
            object(kept.collect(), &mut |text| context.update(text.as_bytes()));
        }
        other => write(other, &mut |text| context.update(text.as_bytes())),
    }
    hexadecimal(context.finish().as_ref())
}

fn object(mut fields: Vec<(&String, &Value)>, out: &mut impl FnMut(&str)) {
    fields.sort_unstable_by_key(|(name, _)| *name);
    out("{");
    for (place, (name, value)) in fields.into_iter().enumerate() {
        out(if place == 0 { "" } else { "," });
        out(&Value::from(name.as_str()).to_string());
        out(":");
        write(value, out);
    }
    out("}");
}

/// As deep as the parser lets a document be.
fn write(value: &Value, out: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => object(fields.iter().collect(), out),
        Value::Array(items) => {
            out("[");
            for (place, item) in items.iter().enumerate() {
                out(if place == 0 { "" } else { "," });
                write(item, out);
            }
            out("]");
        }
        plain => out(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_figure_counts_and_neither_the_order_of_fields_nor_what_comes_later_does() {
        let one = json!({ "b": [1, { "d": "ä\u{1b}", "c": null }], "a": true, "index": 7, "receipt": "x" });
        let same = json!({ "a": true, "receipts": ["y"], "b": [1, { "c": null, "d": "ä\u{1b}" }] });
        assert_eq!(summary(&one), summary(&same));
        // printf '{"a":true,"b":[1,{"c":null,"d":"ä\\u001b"}]}' | sha256sum
        assert_eq!(summary(&one), "c75f1cb308219eacc7d481da13c251790d8c14b9192291bf43eb3762596c353b");
        for other in
            [json!({}), json!({ "a": true }), json!({ "a": true, "b": [1, { "c": null, "d": "a" }] })]
        {
            assert_ne!(summary(&one), summary(&other));
        }
    }
}
