//! Points in time as people type them: `2h`, `3d`, `2026-11-25`, `2026-11-25T10:00:00Z`.

use std::str::FromStr;

use time::{
    Date, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339,
    macros::format_description,
};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So many milliseconds ago.
    Ago(u64),
    /// Milliseconds since 1970.
    At(u64),
}

impl When {
    /// Milliseconds since 1970, if it is `now`.
    pub(crate) const fn before(self, now: u64) -> u64 {
        match self {
            Self::Ago(ago) => now.saturating_sub(ago),
            Self::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time; write `30m`, `2h`, `7d`, `12w`, a date as `2026-11-25` or `2026-11-25T10:00:00Z`"
            )
        };
        let seconds = match text.chars().last() {
            Some('s') => Some(1),
            Some('m') => Some(60),
            Some('h') => Some(3_600),
            Some('d') => Some(86_400),
            Some('w') => Some(7 * 86_400),
            _ => None,
        };
        // A sign would ask which way.
        let digits = text.get(..text.len().saturating_sub(1));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|number| number.parse::<u32>().ok());
        if let (Some(seconds), Some(number)) = (seconds, number) {
            return Ok(Self::Ago(u64::from(number) * seconds * 1_000));
        }
        let midnight = Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map(|date| PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc());
        let at = midnight.or_else(|_| OffsetDateTime::parse(text, &Rfc3339)).map_err(|_| wrong())?;
        u64::try_from(at.unix_timestamp_nanos() / 1_000_000).map(Self::At).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("90s", Some(When::Ago(90_000))),
            ("2h", Some(When::Ago(7_200_000))),
            ("1970-01-02", Some(When::At(86_400_000))),
            ("1970-01-01T00:00:01Z", Some(When::At(1_000))),
            ("1970-01-01T01:00:01+01:00", Some(When::At(1_000))),
            ("12w", Some(When::Ago(12 * 7 * 86_400_000))),
            ("4294967295w", Some(When::Ago(4_294_967_295 * 7 * 86_400_000))),
            ("4294967296d", None),
            ("+5d", None),
            ("-5d", None),
            ("5 d", None),
            ("\u{0665}d", None),
            ("\u{ff15}d", None),
            ("1e3d", None),
            ("2026-02-30", None),
            ("2026-13-01", None),
            ("2026-1-1", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01\n", None),
            ("1969-01-01", None),
            ("yesterday", None),
            ("h", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<When>().ok(), expected, "{text}");
        }
        assert_eq!(When::Ago(5).before(3), 0);
    }
}
