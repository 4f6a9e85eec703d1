//! Rows in the text format of COPY, collected until they are worth sending.

use std::fmt::{self, Display, Write};

/// Bytes of whole rows.
#[derive(Debug, Default)]
pub struct Rows {
    text: String,
    within_row: bool,
}

impl Rows {
    /// A field that needs no escape: numbers, dates, words of ours.
    pub fn plain(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// A field of any text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                other => self.text.push(other),
            }
        }
        self
    }

    /// The text, or NULL.
    pub fn optional(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.plain("\\N"),
        }
    }

    /// Ends the row.
    pub fn end(&mut self) {
        self.text.push('\n');
        self.within_row = false;
    }

    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// What was collected, for sending.
    pub fn take(&mut self) -> String {
        let capacity = self.text.capacity();
        std::mem::replace(&mut self.text, String::with_capacity(capacity))
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.within_row, true) {
            self.text.push('\t');
        }
    }
}

/// An amount of money: hundredths, written with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cents(pub u64);

impl Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A moment in UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(moment) = time::OffsetDateTime::from_unix_timestamp(self.0) else { return Err(fmt::Error) };
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        write!(f, "{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}+00", u8::from(month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_field_or_a_row_is_escaped() {
        let mut rows = Rows::default();
        rows.plain(7).text("tab\t line\n back\\").optional(None).end();
        assert_eq!(rows.take(), "7\ttab\\t line\\n back\\\\\t\\N\n");
    }

    #[test]
    fn money_and_moments_are_written_as_the_server_reads_them() {
        assert_eq!(Cents(1205).to_string(), "12.05");
        assert_eq!(Moment(1_767_225_599).to_string(), "2025-12-31 23:59:59+00");
    }
}
