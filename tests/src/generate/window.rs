//! Windows.

use super::{Generator, types::Type};

impl Generator<'_> {
    /// WINDOW with its names, which can then be used.
    pub(super) fn window_clause(&mut self) -> String {
        if !self.dice.chance(6) {
            return String::new();
        }
        let mut parts = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let name = self.new_name("o");
            let base = match self.level().window_names.last().cloned() {
                Some(base) if self.dice.chance(20) => base,
                _ => String::new(),
            };
            let inner = match base.is_empty() {
                true => self.window_inner(),
                false => base,
            };
            parts.push(format!("{name} AS ({inner})"));
            self.level().window_names.push(name);
        }
        format!(" WINDOW {}", parts.join(", "))
    }

    fn window_inner(&mut self) -> String {
        let partition = match self.dice.chance(60) {
            true => {
                let data_type = *self.dice.pick(&Type::COMMON);
                format!("PARTITION BY {}", self.expression(data_type, 1))
            }
            false => String::new(),
        };
        let mut order = String::new();
        if self.dice.chance(60) {
            let data_type = *self.dice.pick(&Type::COMMON);
            order = format!(" ORDER BY {}", self.expression(data_type, 1));
            let frame = self.dice.pick(&[
                "",
                "",
                " DESC",
                " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                " ROWS 2 PRECEDING",
                " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
                " RANGE UNBOUNDED PRECEDING",
            ]);
            order.push_str(frame);
        }
        format!("{partition}{order}")
    }

    /// A call over a window that gives this type; `None` if none is known.
    pub(super) fn window_call(&mut self, data_type: Type, depth: u32) -> Option<String> {
        let templates: &[&str] = match data_type {
            Type::Integer => &["lag({i})", "first_value({i})", "max({i})", "lead({i}, 2, {i})", "ntile(4)"],
            Type::Big => &["row_number()", "rank()", "dense_rank()", "count(*)", "sum({i})", "count({t})"],
            Type::Numeric => &["avg({n})", "sum({n})", "lag({n}, 1, 0)", "sum({B})"],
            Type::Float => &["percent_rank()", "cume_dist()", "avg({f})"],
            Type::Text => &["lag({t})", "last_value({t})", "nth_value({t}, 2)", "string_agg({t}, ',')"],
            Type::Boolean => &["bool_or({b})", "first_value({b})"],
            Type::Date => &["max({d})", "lead({d})"],
            Type::Integers => &["array_agg({i})"],
            _ => return None,
        };
        let template = *self.dice.pick(templates);
        let windows = std::mem::take(&mut self.level().windows);
        let mut call = self.fill(template, depth.min(1));
        let aggregates = ["max(", "count(", "sum(", "avg(", "bool_or(", "string_agg(", "array_agg("];
        if aggregates.iter().any(|name| template.starts_with(name)) && self.dice.chance(15) {
            let condition = self.expression(Type::Boolean, 1);
            call = format!("{call} FILTER (WHERE {condition})");
        }
        let names = self.level().window_names.clone();
        let over = match names.is_empty() || self.dice.chance(40) {
            true => format!("({})", self.window_inner()),
            false if self.dice.chance(8) => format!("({})", self.dice.pick(&names)),
            false => self.dice.pick(&names).clone(),
        };
        self.level().windows = windows;
        Some(format!("({call} OVER {over})"))
    }
}
