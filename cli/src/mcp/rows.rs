//! Rows for an AI agent: as text, and never more of them than a reader can use. What is cut is counted.

use serde_json::{Value, json};

/// Rows in one answer, unless fewer are asked for.
pub(super) const USUAL_ROWS: usize = 100;
/// Rows in one answer at most.
pub(super) const MOST_ROWS: usize = 1_000;
/// Bytes of values in one answer.
const MOST_BYTES: usize = 256 * 1024;
/// Bytes of one value.
const MOST_CELL: usize = 4 * 1024;
/// Rows that are counted after those that are given. They have left the agent, so they are paid from the budget
/// like those that are given: to count many of them would cost more than to know their number is worth.
const MOST_COUNTED: usize = 1_000;
/// The same of tables.
pub(super) const MOST_TABLES_COUNTED: usize = 10_000;

/// Takes rows until there are enough.
#[derive(Debug)]
pub(super) struct Rows {
    most: usize,
    pub(super) most_counted: usize,
    pub(super) columns: Vec<String>,
    rows: Vec<Value>,
    bytes: usize,
    full: bool,
    pub(super) rows_cut: usize,
    /// More may have been cut than were counted.
    pub(super) more: bool,
    pub(super) cells_cut: usize,
}

/// Whether another row is wanted, if only to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Appetite {
    More,
    Enough,
}

impl Rows {
    pub(super) fn new(most: Option<usize>) -> Self {
        Self {
            most: most.unwrap_or(USUAL_ROWS).clamp(1, MOST_ROWS),
            most_counted: MOST_COUNTED,
            columns: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            full: false,
            rows_cut: 0,
            more: false,
            cells_cut: 0,
        }
    }

    pub(super) fn take<'a>(&mut self, cells: impl Iterator<Item = Option<&'a str>>) -> Appetite {
        self.full = self.full || self.rows.len() >= self.most;
        if !self.full {
            let mut cut = 0;
            let row: Vec<Value> = cells.map(|cell| shortened(cell, &mut cut)).collect();
            let bytes: usize = row.iter().map(|cell| cell.as_str().map_or(4, str::len)).sum();
            if self.rows.is_empty() || self.bytes + bytes <= MOST_BYTES {
                self.bytes += bytes;
                self.cells_cut += cut;
                self.rows.push(Value::Array(row));
                return Appetite::More;
            }
            // A shorter row behind it would make a gap: from here on rows are only counted.
            self.full = true;
        }
        self.rows_cut += 1;
        self.more = self.rows_cut >= self.most_counted;
        if self.more { Appetite::Enough } else { Appetite::More }
    }

    /// All that are given are here; others are only counted.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    /// Rows that came, and were paid from the budget.
    pub(super) fn paid(&self) -> usize {
        self.rows.len() + self.rows_cut
    }

    /// What that number is called: where reading stopped before the end, the agent has paid for what was on its way
    /// as well, which nobody here has seen.
    pub(super) const fn paid_name(&self) -> &'static str {
        if self.more { "rows_paid_at_least" } else { "rows_paid" }
    }

    pub(super) fn into_data(self) -> Value {
        json!({ "columns": self.columns, "rows": self.rows })
    }
}

fn shortened(cell: Option<&str>, cut: &mut usize) -> Value {
    let Some(text) = cell else { return Value::Null };
    if text.len() <= MOST_CELL {
        return text.into();
    }
    *cut += 1;
    let end = text.floor_char_boundary(MOST_CELL);
    format!("{}… ({} of {} bytes)", text.get(..end).unwrap_or_default(), end, text.len()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(most: usize, rows: &[&str]) -> Rows {
        let mut taken = Rows::new(Some(most));
        for row in rows {
            taken.take(std::iter::once(Some(*row)));
        }
        taken
    }

    #[test]
    fn rows_over_the_wish_are_counted_and_not_given() {
        let rows = fill(2, &["a", "b", "c", "d"]);
        assert_eq!((rows.count(), rows.rows_cut, rows.paid()), (2, 2, 4));
        assert_eq!(rows.paid_name(), "rows_paid");
        assert_eq!(rows.into_data()["rows"], json!([["a"], ["b"]]));
        assert_eq!(Rows::new(Some(usize::MAX)).most, MOST_ROWS);
        assert_eq!(Rows::new(Some(0)).most, 1);
    }

    #[test]
    fn a_long_value_is_cut_between_letters_and_says_so() {
        let long = "é".repeat(MOST_CELL);
        let rows = fill(1, &[&long]);
        assert_eq!(rows.cells_cut, 1);
        let data = rows.into_data();
        let cell = data["rows"][0][0].as_str().expect("text");
        assert!(cell.len() < MOST_CELL + 64 && cell.ends_with("bytes)"), "{}", cell.len());
    }

    #[test]
    fn many_bytes_end_the_rows_without_a_gap_and_counting_ends_too() {
        let large = "x".repeat(MOST_CELL);
        let many = vec![large.as_str(); MOST_BYTES / MOST_CELL + 1];
        let mut rows = fill(MOST_ROWS, &many);
        assert_eq!((rows.count(), rows.rows_cut), (MOST_BYTES / MOST_CELL, 1));
        let more = std::iter::repeat_with(|| rows.take(std::iter::once(None)));
        assert_eq!(more.take_while(|appetite| *appetite == Appetite::More).count(), MOST_COUNTED - 2);
        assert_eq!(rows.paid_name(), "rows_paid_at_least", "who stops reading has not seen all that came");
    }
}
