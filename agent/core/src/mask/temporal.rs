//! Dates and times: days and microseconds since 2000-01-01, as PostgreSQL sends them, and ISO text.
//!
//! Only the `ISO` output style is read: in every other style the order of day and month is a setting of
//! the session, so a value could not be told from another.

/// 2000-01-01 in days since 1970-01-01.
const EPOCH: i64 = 10_957;
const DAY_SECONDS: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// Days since 2000-01-01 of a date of the proleptic Gregorian calendar. `year` is astronomical (1 BC is 0).
/// Algorithm: Howard Hinnant, `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 - EPOCH
}

/// Year, month and day of days since 2000-01-01.
pub(super) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn number(digits: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = length.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Days since 2000-01-01 of `YYYY-MM-DD`.
fn parse_civil(text: &str, before_christ: bool) -> Option<i64> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4..=7)?;
    let month = number(parts.next()?, 2..=2).filter(|month| (1..=12).contains(month))?;
    let day = number(parts.next()?, 2..=2).filter(|day| (1..=31).contains(day))?;
    let year = if before_christ { 1 - year } else { year };
    parts.next().is_none().then(|| days_from_civil(year, month, day))
}

fn split_era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |rest| (rest, true))
}

/// Canonical number of an ISO `date`, as `date_send` has it.
pub(super) fn parse_date(text: &[u8]) -> Option<i32> {
    match text {
        b"infinity" => return Some(i32::MAX),
        b"-infinity" => return Some(i32::MIN),
        _ => {}
    }
    let (date, before_christ) = split_era(std::str::from_utf8(text).ok()?);
    i32::try_from(parse_civil(date, before_christ)?).ok()
}

/// Microseconds of `HH:MM:SS[.ffffff]`.
fn parse_clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let hours = number(parts.next()?, 2..=2)?;
    let minutes = number(parts.next()?, 2..=2)?;
    let seconds = number(parts.next()?, 2..=2)?;
    let digits = number(fraction, 1..=6)?;
    let scale = 10_i64.checked_pow(u32::try_from(6 - fraction.len()).ok()?)?;
    parts.next().is_none().then_some(((hours * 60 + minutes) * 60 + seconds) * MICROS + digits * scale)
}

/// Seconds east of Greenwich of `+HH[:MM[:SS]]`.
fn parse_zone(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let mut seconds = 0;
    let mut unit = 3_600;
    for part in rest.split(':') {
        seconds += number(part, 2..=2)? * unit;
        unit /= 60;
    }
    (rest.len() <= 8).then_some(sign * seconds)
}

/// Whether a text must carry an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Absent,
    Present,
}

/// Canonical number of an ISO `timestamp` or `timestamptz`, as its send function has it.
pub(super) fn parse_timestamp(text: &[u8], zone: Zone) -> Option<i64> {
    match text {
        b"infinity" => return Some(i64::MAX),
        b"-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, before_christ) = split_era(std::str::from_utf8(text).ok()?);
    let (date, clock) = text.split_once(' ')?;
    let (clock, offset) = match zone {
        Zone::Absent => (clock, 0),
        Zone::Present => {
            let at = clock.find(['+', '-'])?;
            let (clock, zone) = clock.split_at_checked(at)?;
            (clock, parse_zone(zone)?)
        }
    };
    let seconds = parse_civil(date, before_christ)?.checked_mul(DAY_SECONDS)?.checked_sub(offset)?;
    seconds.checked_mul(MICROS)?.checked_add(parse_clock(clock)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(civil_from_days(0), (2000, 1, 1));
    }

    /// Expected numbers from PostgreSQL 15: `date_send`, `timestamptz_send`.
    #[test]
    fn iso_text_is_read_as_the_server_sends_it_in_binary() {
        assert_eq!(parse_date(b"2024-03-15"), Some(8_840));
        assert_eq!(parse_date(b"0044-03-15 BC"), Some(-746_117));
        assert_eq!(parse_date(b"infinity"), Some(i32::MAX));
        assert_eq!(parse_timestamp(b"2000-01-01 00:00:01.5", Zone::Absent), Some(1_500_000));
        assert_eq!(parse_timestamp(b"2000-01-01 02:00:00+02", Zone::Present), Some(0));
        assert_eq!(parse_timestamp(b"1999-12-31 18:30:00-05:30", Zone::Present), Some(0));
        assert_eq!(parse_timestamp(b"1999-12-31 23:59:59.999999", Zone::Absent), Some(-1));
    }

    #[test]
    fn other_styles_are_not_guessed() {
        for text in ["03/15/2024", "15.03.2024", "15-03-2024", "2024-13-01", "2024-00-10", "24-03-15", ""] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
        for text in ["Fri Mar 15 12:34:56 2024", "2024-03-15", "2024-03-15 12:34", "2024-03-15 12:34:56 CET"]
        {
            assert_eq!(parse_timestamp(text.as_bytes(), Zone::Absent), None, "{text}");
            assert_eq!(parse_timestamp(text.as_bytes(), Zone::Present), None, "{text}");
        }
    }
}
