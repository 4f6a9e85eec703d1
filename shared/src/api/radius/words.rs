//! What a statement would touch, as people read it: in the page of a request, here and in the browser, and in an
//! explanation.

use super::{CascadeEffect, CascadedTable, HowKnown, Radius, TouchedTable};

impl Radius {
    /// Each fact under its name; the name stands before the first of its kind only. Names of tables in it are the
    /// database's: they are to be made printable.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        let mut all = |name: &'static str, lines: Vec<String>| {
            let names = std::iter::once(name).chain(std::iter::repeat(""));
            facts.extend(names.zip(lines));
        };
        all("touches", self.tables.iter().map(touched).collect());
        all("cascades", self.cascades.iter().map(cascaded).collect());
        let several = |items: &[String]| match items {
            [] => Vec::new(),
            items => vec![items.join(", ")],
        };
        all("triggers", several(&self.triggers));
        all("drops too", several(&self.dependents));
        all("not known", self.unknown.clone());
        facts
    }
}

fn touched(touched: &TouchedTable) -> String {
    let TouchedTable { table, rows, known, of, bytes } = touched;
    let known = known.map(HowKnown::as_str).unwrap_or_default();
    let about = if *known == *"counted" || *known == *"text" { "" } else { "~" };
    let words = match (rows, of) {
        (Some(rows), Some(of)) if rows == of && known == "statistics" => {
            format!("{table} all of ~{} rows ({known})", number(*of))
        }
        (Some(rows), Some(of)) => {
            format!("{table} {about}{} of ~{} rows ({known})", number(*rows), number(*of))
        }
        (Some(rows), None) => format!("{table} {about}{} rows ({known})", number(*rows)),
        (None, Some(of)) => format!("{table} up to ~{} rows", number(*of)),
        (None, None) => format!("{table}, nobody knows how many rows"),
    };
    match bytes {
        Some(bytes) => format!("{words}, {} on disk", size(*bytes)),
        None => words,
    }
}

fn cascaded(cascaded: &CascadedTable) -> String {
    let CascadedTable { table, effect, by, rows, of } = cascaded;
    let what = match effect {
        CascadeEffect::Delete => "deleted",
        CascadeEffect::Update => "get the new key",
        CascadeEffect::SetNull => "set to NULL",
        CascadeEffect::SetDefault => "set to the default",
        CascadeEffect::Truncate => "emptied",
    };
    let rows = match (rows, of) {
        (Some(rows), Some(of)) => format!("~{} of ~{} rows", number(*rows), number(*of)),
        (None, Some(of)) => format!("up to ~{} rows", number(*of)),
        (Some(rows), None) => format!("~{} rows", number(*rows)),
        (None, None) => "rows".to_owned(),
    };
    format!("{table} {rows} {what}, by {by}")
}

/// `1,234,567`
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.5 MB`
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, UNITS[0]);
    for next in &UNITS[1..] {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(radius: &Radius) -> String {
        let facts = radius.facts().into_iter().map(|(name, words)| format!("{name:10} {words}\n"));
        facts.collect()
    }

    fn table(table: &str, rows: Option<u64>, known: Option<HowKnown>, of: Option<u64>) -> TouchedTable {
        TouchedTable { table: table.into(), rows, known, of, bytes: None }
    }

    #[test]
    fn people_read_how_far_it_reaches() {
        let cascade = |table: &str, effect, rows, of| CascadedTable {
            table: table.into(),
            effect,
            by: "public.orders".into(),
            rows,
            of,
        };
        let orders = table("public.orders", Some(1200), Some(HowKnown::Plan), Some(350_000));
        let radius = Radius {
            tables: vec![
                TouchedTable { bytes: Some(13_107_200), ..orders },
                table("public.tags", Some(12), Some(HowKnown::Statistics), Some(12)),
                table("public.visits", Some(3), Some(HowKnown::Counted), Some(40)),
                table("public.customers", None, None, Some(4_000)),
                table("public.notes", Some(2), Some(HowKnown::Text), None),
                table("public.totals", None, None, None),
            ],
            cascades: vec![
                cascade("public.order_items", CascadeEffect::Delete, Some(4800), Some(1_400_000)),
                cascade("public.returns", CascadeEffect::SetNull, None, Some(9)),
                cascade("public.remote", CascadeEffect::Truncate, None, None),
            ],
            triggers: vec!["audit_row on public.orders".into(), "rules on public.tags".into()],
            dependents: vec!["view public.totals".into()],
            unknown: vec!["how many rows: MERGE is not estimated".into()],
        };
        insta::assert_snapshot!(page(&radius), @"
        touches    public.orders ~1,200 of ~350,000 rows (plan), 12.5 MB on disk
                   public.tags all of ~12 rows (statistics)
                   public.visits 3 of ~40 rows (counted)
                   public.customers up to ~4,000 rows
                   public.notes 2 rows (text)
                   public.totals, nobody knows how many rows
        cascades   public.order_items ~4,800 of ~1,400,000 rows deleted, by public.orders
                   public.returns up to ~9 rows set to NULL, by public.orders
                   public.remote rows emptied, by public.orders
        triggers   audit_row on public.orders, rules on public.tags
        drops too  view public.totals
        not known  how many rows: MERGE is not estimated
        ");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!([size(100), size(1024), size(1_048_576)], ["100 bytes", "1.0 kB", "1.0 MB"]);
        assert_eq!(size(u64::MAX), "16383.9 PB");
        assert_eq!(
            [number(0), number(999), number(1_000), number(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
