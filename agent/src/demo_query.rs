//! `connect-agent demo-query`: a small program as developers write them, for `connect demo --script`. Its
//! driver prepares statements and asks for results in the binary format, which text clients never do.
//!
//! It knows nothing of connect: it reads `DATABASE_URL` as any program would.

use clap::Args;
use connect_shared::{
    error::{ErrorReport, Exit},
    hexadecimal::hexadecimal,
};
use tokio_postgres::{
    Client, NoTls, Row,
    types::{FromSql, Type},
};

/// Most rows that are shown.
const MAX_ROWS: usize = 1_000;

/// Runs one query through a driver that asks for binary results.
#[derive(Debug, Args)]
pub struct DemoQueryArgs {
    /// The query.
    sql: String,
    /// Where to.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    url: String,
}

/// Runs it and prints its rows.
pub async fn run(arguments: DemoQueryArgs) -> Result<(), ErrorReport> {
    let rows = query(&arguments).await.map_err(|error| {
        let words = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        ErrorReport::new("query", Exit::Unexpected, words)
    })?;
    print!("{}", table(&rows));
    Ok(())
}

async fn query(arguments: &DemoQueryArgs) -> Result<Vec<Row>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&arguments.url, NoTls).await?;
    let carried = tokio::spawn(connection);
    let rows = ask(&client, &arguments.sql).await;
    // Without its client the connection says goodbye and ends.
    drop(client);
    let _ended = carried.await;
    rows
}

async fn ask(client: &Client, sql: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = client.prepare(sql).await?;
    client.query(&statement, &[]).await
}

/// Columns under their names, as wide as they need to be.
fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return "(no rows)\n".to_owned() };
    let mut lines: Vec<Vec<String>> =
        vec![first.columns().iter().map(|column| column.name().to_owned()).collect()];
    lines.extend(rows.iter().take(MAX_ROWS).map(|row| (0..row.len()).map(|at| cell(row, at)).collect()));
    let mut widths = vec![0; first.len()];
    for line in &lines {
        for (width, text) in widths.iter_mut().zip(line) {
            *width = (*width).max(text.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!(" {}\n", cells.join(" | ").trim_end()));
    }
    text.push_str(&format!("({} rows, in binary)\n", rows.len()));
    text
}

fn cell(row: &Row, at: usize) -> String {
    match row.try_get::<_, Option<Cell>>(at) {
        Ok(Some(Cell(text))) => text,
        Ok(None) => "NULL".to_owned(),
        Err(_) => "?".to_owned(),
    }
}

/// A value as text, decoded from its binary form.
struct Cell(String);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::BOOL => bool::from_sql(kind, raw)?.to_string(),
            Type::INT2 => i16::from_sql(kind, raw)?.to_string(),
            Type::INT4 => i32::from_sql(kind, raw)?.to_string(),
            Type::INT8 => i64::from_sql(kind, raw)?.to_string(),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => String::from_sql(kind, raw)?,
            _ => hexadecimal(raw),
        }))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_are_decoded_and_unknown_ones_are_shown_as_they_are() {
        let text = |kind: Type, raw: &[u8]| Cell::from_sql(&kind, raw).map(|cell| cell.0).expect("decoded");
        assert_eq!(text(Type::INT8, &7i64.to_be_bytes()), "7");
        assert_eq!(text(Type::TEXT, b"masked"), "masked");
        assert_eq!(text(Type::UUID, &[0xAB, 0x01]), "ab01");
        assert!(Cell::from_sql(&Type::INT4, b"1").is_err());
    }
}
