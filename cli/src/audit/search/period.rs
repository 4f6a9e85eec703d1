//! A time with a beginning and an end, as people name it: a year, a quarter, a month, a day, or the last of one.

use std::str::FromStr;

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// Names of periods that depend on when they are said.
static SPOKEN: [(&str, Unit, bool); 8] = [
    ("today", Unit::Day, false),
    ("yesterday", Unit::Day, true),
    ("this-month", Unit::Month, false),
    ("last-month", Unit::Month, true),
    ("this-quarter", Unit::Quarter, false),
    ("last-quarter", Unit::Quarter, true),
    ("this-year", Unit::Year, false),
    ("last-year", Unit::Year, true),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Month,
    Quarter,
    Year,
}

/// A period, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// From midnight of the first day to that of the first day after it.
    Between(Date, Date),
    /// The one that it is now, or the one before it.
    Spoken(&'static str),
}

impl Period {
    /// Beginning and end in milliseconds since 1970, if it is `now`. The end is not in it.
    pub(crate) fn around(self, now: u64) -> (u64, u64) {
        let (first, end) = match self {
            Self::Between(first, end) => (first, end),
            Self::Spoken(word) => spoken(word, now),
        };
        (midnight(first), midnight(end))
    }
}

fn spoken(word: &str, now: u64) -> (Date, Date) {
    let today = i64::try_from(now / 1_000).ok().and_then(|now| OffsetDateTime::from_unix_timestamp(now).ok());
    let today = today.map_or(Date::MAX, OffsetDateTime::date);
    let found = SPOKEN.iter().find(|(name, ..)| *name == word);
    let (unit, before) = found.map_or((Unit::Day, false), |(_, unit, before)| (*unit, *before));
    let (first, end) = whole(unit, today);
    if !before {
        return (first, end);
    }
    whole(unit, first.previous_day().unwrap_or(first))
}

/// The unit that a day is in.
fn whole(unit: Unit, day: Date) -> (Date, Date) {
    let months = match unit {
        Unit::Day => return (day, day.next_day().unwrap_or(day)),
        Unit::Month => 1,
        Unit::Quarter => 3,
        Unit::Year => 12,
    };
    let first = (u8::from(day.month()) - 1) / months * months + 1;
    let start = beginning(day.year(), first).unwrap_or(day);
    let end = match first + months {
        13.. => beginning(day.year() + 1, 1),
        next => beginning(day.year(), next),
    };
    (start, end.unwrap_or(Date::MAX))
}

fn beginning(year: i32, month: u8) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, 1).ok()
}

fn midnight(date: Date) -> u64 {
    let at = PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() - OffsetDateTime::UNIX_EPOCH;
    u64::try_from(Duration::whole_milliseconds(at)).unwrap_or_default()
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let words: Vec<&str> = SPOKEN.iter().map(|(name, ..)| *name).collect();
            format!(
                "`{text}` is no period; write 2026, 2026-Q3, 2026-07, 2026-07-14 or one of {}",
                words.join(", ")
            )
        };
        let plain = text.to_ascii_lowercase().replace(' ', "-");
        if let Some((word, ..)) = SPOKEN.iter().find(|(name, ..)| *name == plain) {
            return Ok(Self::Spoken(word));
        }
        let (unit, day) = written(&plain).ok_or_else(wrong)?;
        let (first, end) = whole(unit, day);
        Ok(Self::Between(first, end))
    }
}

/// `2026`, `2026-q3`, `2026-07`, `2026-07-14`, and a day in it.
fn written(text: &str) -> Option<(Unit, Date)> {
    let number = |part: &str, digits: usize| -> Option<u16> {
        let sound = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        sound.then(|| part.parse().ok()).flatten()
    };
    let mut parts = text.split('-');
    let year = i32::from(number(parts.next()?, 4)?);
    let (second, third, rest) = (parts.next(), parts.next(), parts.next());
    let in_time = (1970..9999).contains(&year);
    if !in_time || rest.is_some() {
        return None;
    }
    let month = |text: &str| number(text, 2).and_then(|month| u8::try_from(month).ok());
    match (second, third) {
        (None, _) => Some((Unit::Year, beginning(year, 1)?)),
        (Some(second), None) => match second.strip_prefix('q') {
            Some(quarter) => {
                let quarter = number(quarter, 1).filter(|quarter| (1..=4).contains(quarter))?;
                Some((Unit::Quarter, beginning(year, u8::try_from(quarter * 3 - 2).ok()?)?))
            }
            None => Some((Unit::Month, beginning(year, month(second)?)?)),
        },
        (Some(second), Some(day)) => {
            let month = Month::try_from(month(second)?).ok()?;
            let day = u8::try_from(number(day, 2)?).ok()?;
            Some((Unit::Day, Date::from_calendar_date(year, month, day).ok()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26T12:00:00Z
    const NOW: u64 = 1_795_694_400_000;

    fn days(text: &str, now: u64) -> Option<(String, String)> {
        let (from, until) = text.parse::<Period>().ok()?.around(now);
        let day = |at: u64| {
            let at = OffsetDateTime::from_unix_timestamp(i64::try_from(at / 1_000).expect("a time"));
            at.expect("a time").date().to_string()
        };
        Some((day(from), day(until)))
    }

    #[test]
    fn periods_are_read_as_people_name_them() {
        for (text, expected) in [
            ("2026", Some(("2026-01-01", "2027-01-01"))),
            ("2026-Q3", Some(("2026-07-01", "2026-10-01"))),
            ("2026-q4", Some(("2026-10-01", "2027-01-01"))),
            ("2026-02", Some(("2026-02-01", "2026-03-01"))),
            ("2026-12-31", Some(("2026-12-31", "2027-01-01"))),
            ("last-quarter", Some(("2026-07-01", "2026-10-01"))),
            ("last quarter", Some(("2026-07-01", "2026-10-01"))),
            ("This-Quarter", Some(("2026-10-01", "2027-01-01"))),
            ("last-month", Some(("2026-10-01", "2026-11-01"))),
            ("last-year", Some(("2025-01-01", "2026-01-01"))),
            ("yesterday", Some(("2026-11-25", "2026-11-26"))),
            ("today", Some(("2026-11-26", "2026-11-27"))),
        ] {
            let expected = expected.map(|(from, until): (&str, &str)| (from.to_owned(), until.to_owned()));
            assert_eq!(days(text, NOW), expected, "{text}");
        }
        // A year ago begins with January.
        assert_eq!(days("last-quarter", 1_767_225_600_000).expect("a period").0, "2025-10-01");
        assert_eq!(days("last-month", 0).expect("a period").0, "1970-01-01");
        for text in [
            "",
            "q3",
            "2026-Q5",
            "2026-Q0",
            "2026-13",
            "2026-02-30",
            "26",
            "2026-7",
            "-2026",
            "2026-",
            "1969",
            "9999",
        ] {
            assert_eq!(days(text, NOW), None, "{text}");
        }
        assert_eq!(days("today", u64::MAX).map(|(from, _)| from), Some("9999-12-31".to_owned()));
    }
}
