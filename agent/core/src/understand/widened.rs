//! What a condition comes to with the values that are bound to it: `note LIKE $1` names rows, and with `%` it
//! names them all.

use pg_query::protobuf::Token;

use super::{Limits, understand};
use crate::{catalog::Catalog, session::Session, statement::Shape};

/// Where a value alone can make a condition hold for every row. What compares a column with it cannot.
const MAY_WIDEN: [&[u8]; 6] = [b"or", b"like", b"~", b"similar", b"case", b"coalesce"];

/// What can be of every row.
const CHANGES_ROWS: [&[u8]; 3] = [b"update", b"delete", b"merge"];

/// Whether the text must be looked at with its values.
#[must_use]
pub fn may_widen(text: &[u8]) -> bool {
    let holds = |word: &&[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    CHANGES_ROWS.iter().any(holds) && MAY_WIDEN.iter().any(holds)
}

/// Unbounded writes of a text once values stand in place of its parameters.
#[must_use]
pub fn widened(
    text: &str,
    literals: &[Option<String>],
    catalog: &Catalog,
    session: &Session,
    limits: &Limits,
) -> Vec<Shape> {
    let Some(written) = written(text, literals) else { return Vec::new() };
    let analysis = understand(written.as_bytes(), catalog, session, limits);
    let shapes = analysis.statements.into_iter().flat_map(|statement| statement.shapes);
    shapes.filter(|shape| matches!(shape, Shape::Unbounded { .. })).collect()
}

/// The text with values in place of its parameters, as far as they are known.
pub(super) fn written(text: &str, literals: &[Option<String>]) -> Option<String> {
    let scanned = pg_query::scan(text).ok()?;
    let mut written = String::with_capacity(text.len() + 16 * literals.len());
    let mut done = 0;
    for token in scanned.tokens.iter().filter(|token| token.token == Token::Param as i32) {
        let (start, end) = (usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?);
        let number: usize = text.get(start..end)?.strip_prefix('$')?.parse().ok()?;
        let literal = number.checked_sub(1).and_then(|place| literals.get(place)).and_then(Option::as_ref);
        written.push_str(text.get(done..start)?);
        written.push_str(literal.map_or_else(|| text.get(start..end), |literal| Some(literal.as_str()))?);
        done = end;
    }
    written.push_str(text.get(done..)?);
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_parameters_stood() {
        let literals = [Some("'%'".to_owned()), None];
        let text = "delete from t where a like $1 or b = $2 -- $1";
        assert_eq!(
            written(text, &literals).as_deref(),
            Some("delete from t where a like '%' or b = $2 -- $1")
        );
        assert_eq!(written("select $3", &literals).as_deref(), Some("select $3"));
        assert_eq!(written("select '$1'", &literals).as_deref(), Some("select '$1'"));
    }

    #[test]
    fn only_texts_that_a_value_can_widen_are_looked_at() {
        assert!(!may_widen(b"update t set a = $1 where id = $2"));
        assert!(may_widen(b"delete from t where a = $1)OR($2"));
    }
}
