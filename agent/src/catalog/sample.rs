//! Bounded samples of the values of one table. They are looked at by the label rules and forgotten: never
//! logged, never kept.

mod form;

use std::collections::HashMap;

use connect_core::{
    catalog::{Oid, Relation, code::Name, quoted},
    label::LONGEST_SAMPLE,
};
use tokio_postgres::types::Type;

pub(crate) use self::form::is_sample;
use super::connection::{Connection, ReadError};

/// Rows of one sample.
const ROWS: usize = 200;
/// Rows looked at for columns that are NULL in the sample.
const FILLED_ROWS: usize = 20;
/// Columns of one question, which bounds the memory of one answer.
const COLUMNS: usize = 32;
/// Tables over this many rows are sampled across their pages.
const LARGE: f64 = 20_000.0;
/// Per cent of a large table, so that about twice the wanted rows come.
const PAGES_PER_ROW: f64 = 2.0 * 100.0 * ROWS as f64;

/// Longest time of one question.
pub(super) const BEGIN: &str = "SET statement_timeout = '2s'";
pub(super) const END: &str = "SET statement_timeout = '15s'";

/// A column to look at.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) number: i16,
    pub(super) name: Name,
    /// What is under its domain.
    pub(super) base_type: Oid,
}

/// Values by column, in their text form.
pub(super) type Samples = HashMap<i16, Vec<String>>;

/// Reads a sample of the wanted columns.
pub(super) async fn sample(
    connection: &Connection,
    relation: &Relation,
    rows: f64,
    wanted: &[Wanted],
) -> Result<Samples, ReadError> {
    let from = format!("{}.{}", quoted(&relation.schema), quoted(&relation.name));
    let mut samples = Samples::new();
    for columns in wanted.chunks(COLUMNS) {
        let mut found = 0;
        if rows > LARGE {
            let spread = format!("{from} TABLESAMPLE SYSTEM ({:.6})", PAGES_PER_ROW / rows);
            found = look(connection, &spread, "", ROWS, columns, &mut samples).await?;
        }
        if found < ROWS / 2 {
            look(connection, &from, "", ROWS, columns, &mut samples).await?;
        }
    }
    for column in wanted {
        let values = samples.get(&column.number);
        let all_null = values.is_none_or(|values| values.iter().all(|value| value.trim().is_empty()));
        if all_null {
            let filled = format!(" WHERE {} IS NOT NULL", quoted(&column.name));
            let columns = std::slice::from_ref(column);
            look(connection, &from, &filled, FILLED_ROWS, columns, &mut samples).await?;
        }
    }
    Ok(samples)
}

async fn look(
    connection: &Connection,
    from: &str,
    condition: &str,
    limit: usize,
    columns: &[Wanted],
    samples: &mut Samples,
) -> Result<usize, ReadError> {
    let rows = connection.client.query(&question(from, condition, limit, columns), &[]).await?;
    for row in &rows {
        for (place, column) in columns.iter().enumerate() {
            if let Some(value) = row.try_get::<_, Option<String>>(place)? {
                samples.entry(column.number).or_default().push(value);
            }
        }
    }
    Ok(rows.len())
}

/// What is asked; [`is_sample`] knows it again and changes with it.
fn question(from: &str, condition: &str, limit: usize, columns: &[Wanted]) -> String {
    let expressions: Vec<String> = columns.iter().map(expression).collect();
    format!("SELECT {} FROM {from}{condition} LIMIT {limit}", expressions.join(", "))
}

/// The beginning of a value as text. `format` calls the type's own output function and never a cast, which
/// may be somebody's code.
fn expression(column: &Wanted) -> String {
    let name = quoted(&column.name);
    let text = [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME];
    if text.iter().any(|known| known.oid() == column.base_type.0) {
        format!("substr({name}::text, 1, {LONGEST_SAMPLE})")
    } else if column.base_type.0 == Type::BYTEA.oid() {
        format!("'\\x' || encode(substr({name}::bytea, 1, {}), 'hex')", LONGEST_SAMPLE / 2 - 1)
    } else {
        format!("left(format('%s', {name}), {LONGEST_SAMPLE})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(quoted(r#"a" FROM b; --"#), r#""a"" FROM b; --""#);
    }
}
