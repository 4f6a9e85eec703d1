//! Aggregates.

use super::{Generator, types::Type};

impl Generator<'_> {
    /// An aggregate that gives this type; `None` if none is known.
    pub(super) fn aggregate(&mut self, data_type: Type, depth: u32) -> Option<String> {
        let templates: &[&str] = match data_type {
            Type::Integer => &[
                "max({i})",
                "min({i})",
                "count({t})::integer",
                "bit_or({i})",
                "mode() WITHIN GROUP (ORDER BY {i})",
            ],
            Type::Big => &[
                "count(*)",
                "count({t})",
                "count(DISTINCT {t})",
                "sum({i})",
                "count(DISTINCT {i})",
                "regr_count({f}, {f})",
            ],
            Type::Numeric => &[
                "avg({i})",
                "sum({n})",
                "sum(DISTINCT {n})",
                "max({n})",
                "avg({n})",
                "stddev({n})",
                "variance({i})",
            ],
            Type::Float => &[
                "avg({f})",
                "corr({f}, {f})",
                "percentile_cont(0.5) WITHIN GROUP (ORDER BY {f})",
                "sum({f})",
                "rank({i}) WITHIN GROUP (ORDER BY {i})::float8",
            ],
            Type::Text => &[
                "string_agg({t}, ',')",
                "string_agg({t}, {t} ORDER BY {i} DESC, {t})",
                "string_agg(DISTINCT {same}, ',' ORDER BY {same})",
                "max({t})",
                "min({t})",
                "percentile_disc(0.5) WITHIN GROUP (ORDER BY {t})",
            ],
            Type::Boolean => &["bool_and({b})", "bool_or({b})", "every({b})"],
            Type::Date => &["max({d})", "min({d})"],
            Type::Stamp => &["max({s})", "min({s})"],
            Type::Json => &[
                "jsonb_agg({t})",
                "jsonb_agg({i} ORDER BY {d})",
                "jsonb_object_agg({t}, {i})",
                "jsonb_agg(ROW({i}, {t}))",
            ],
            Type::Integers => &["array_agg({i})", "array_agg({i} ORDER BY {t})", "array_agg(DISTINCT {i})"],
            Type::Texts => &["array_agg({t})", "array_agg({t} ORDER BY {i}, {d})"],
            Type::Pair | Type::Mood | Type::Other => return None,
        };
        let template = *self.dice.pick(templates);
        let level = self.level();
        let grouped = level.grouped.take();
        let [aggregates, windows] = [level.aggregates, level.windows];
        level.aggregates = false;
        level.windows = false;
        let same = self.expression(Type::Text, depth.min(1));
        let mut made = self.fill(&template.replace("{same}", &same), depth.min(1));
        if template.ends_with(')') && self.dice.chance(20) {
            let condition = self.expression(Type::Boolean, 1);
            made = format!("{made} FILTER (WHERE {condition})");
        }
        let level = self.level();
        level.grouped = grouped;
        level.aggregates = aggregates;
        level.windows = windows;
        Some(format!("({made})"))
    }
}
