//! Masks that are numbers, dates and times.

use connect_shared::label::Label;

use super::{
    shape::hexadecimal,
    term::{INT4, INT8, TEXT, call, cast, int8, joined, literal, operator},
};
use crate::mask::{
    canonical::Reviewed,
    decimal::Digits,
    render::{DAY_SECONDS, DAYS, FIRST_YEAR, YEARS},
};

/// 1930-01-01 in seconds since 1970-01-01.
const FIRST_SECOND: i64 = -1_262_304_000;

/// 60 bits of the digest. The cast from hexadecimal text to a number leads over a bit string; with fifteen
/// digits it has no sign.
fn sixty_bits(digest: &str) -> String {
    let digits = call("substr", &[&hexadecimal(digest), "33", "15"]);
    cast(&cast(&joined(&["'x'", &digits]), "pg_catalog.\"bit\"(60)"), INT8)
}

fn modulo(digest: &str, divisor: u64) -> String {
    operator(sixty_bits(digest), "%", int8(divisor))
}

/// So many decimal digits, as text.
pub(super) fn digits(digest: &str, count: usize) -> String {
    let number = modulo(digest, (0..count).fold(1, |power, _| power * 10));
    call("lpad", &[&cast(&number, TEXT), &count.to_string(), "'0'"])
}

/// The number that stands for one of any numeric type, as an `int8`.
pub(super) fn masked(label: Label, reviewed: Reviewed, digest: &str) -> String {
    let above = |first: u64, count: u64| operator(int8(first), "+", modulo(digest, count));
    let shifted = |bits: u32| operator(sixty_bits(digest), ">>", bits);
    match (label, reviewed) {
        (Label::BirthDate, _) => above(FIRST_YEAR, YEARS),
        (Label::Salary, Reviewed::Int2) => above(1_000, 9_000),
        (Label::Salary, _) => above(10_000, 90_000),
        (_, Reviewed::Int2) => shifted(45),
        (_, Reviewed::Int4) => shifted(29),
        _ => shifted(7),
    }
}

/// A number that has room in `numeric(p,s)`.
pub(super) fn numeric(label: Label, digits: Option<Digits>, digest: &str) -> String {
    let number = masked(label, Reviewed::Numeric, digest);
    let most = digits.and_then(|digits| 10_u64.checked_pow(digits.room()?));
    let number = most.map_or(number.clone(), |most| operator(number, "%", int8(most)));
    let number = cast(&number, "pg_catalog.\"numeric\"");
    match digits.map_or(0, Digits::exponent) {
        0 => number,
        exponent => {
            let power = cast(&literal(&format!("1e{exponent}")), "pg_catalog.\"numeric\"");
            operator(number, "*", power)
        }
    }
}

pub(super) fn date(digest: &str) -> String {
    let days = cast(&modulo(digest, DAYS), INT4);
    operator(call("make_date", &["1930", "1", "1"]), "+", days)
}

/// A date as ISO text, whatever the style of the session.
pub(super) fn date_text(digest: &str) -> String {
    let midnight = cast(&date(digest), "pg_catalog.\"timestamp\"");
    call("to_char", &[&midnight, "'YYYY-MM-DD'"])
}

fn seconds(digest: &str) -> String {
    modulo(digest, DAYS * DAY_SECONDS)
}

const FLOAT8: &str = "pg_catalog.float8";

/// By an interval of nothing but seconds, so that no time zone is asked.
pub(super) fn timestamp(digest: &str) -> String {
    let zero = cast("0", FLOAT8);
    let first = call("make_timestamp", &["1930", "1", "1", "0", "0", &zero]);
    let since = cast(&seconds(digest), FLOAT8);
    operator(first, "+", call("make_interval", &["0", "0", "0", "0", "0", "0", &since]))
}

pub(super) fn timestamp_with_zone(digest: &str) -> String {
    let since = operator(int8(FIRST_SECOND), "+", seconds(digest));
    call("to_timestamp", &[&cast(&since, FLOAT8)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_second_is_of_the_first_year() {
        let days = crate::mask::temporal::civil_from_days(FIRST_SECOND / 86_400 - 10_957);
        assert_eq!(days, (1_930, 1, 1));
    }
}
