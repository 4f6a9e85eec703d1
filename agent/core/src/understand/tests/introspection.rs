//! What clients ask about the catalog passes as if direct.

use super::world::{class, shop};

const PSQL: &str = include_str!("../corpus/psql_15.sql");
const DRIVERS: &str = include_str!("../corpus/drivers.sql");

fn statements(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.split("\n\n").filter(|part| !part.trim().is_empty() && !part.starts_with("-- What"))
}

#[test]
fn what_psql_asks_about_the_catalog_is_introspection() {
    let catalog = shop();
    let refused: Vec<String> = statements(PSQL)
        .filter(|statement| !expected_refusal(statement))
        .map(|statement| (class(&catalog, statement), statement))
        .filter(|(class, _)| !matches!(class.as_str(), "introspection" | "untouched"))
        .map(|(class, statement)| format!("{class}\n{statement}"))
        .collect();
    assert!(refused.is_empty(), "{} refused\n\n{}", refused.len(), refused.join("\n\n"));
}

/// `\des+`, `\deu+`, `\dRs+`: options of foreign servers and subscriptions may be passwords.
fn expected_refusal(statement: &str) -> bool {
    statement.contains("srvoptions") || statement.contains("umoptions") || statement.contains("subconninfo")
}

#[test]
fn what_drivers_and_tools_ask_about_the_catalog_is_introspection() {
    let catalog = shop();
    let refused: Vec<String> = statements(DRIVERS)
        .map(|statement| (class(&catalog, statement), statement))
        .filter(|(class, _)| !matches!(class.as_str(), "introspection" | "untouched"))
        .map(|(class, statement)| format!("{class}\n{statement}"))
        .collect();
    assert!(refused.is_empty(), "{} refused\n\n{}", refused.len(), refused.join("\n\n"));
}
