//! What the server says about search path and names, beside what a session thinks.

use connect_core::{
    catalog::Catalog,
    lineage::Status,
    session::Session,
    understand::{Limits, understand_one},
};

use super::{Score, script::NAMES, talk::Talk};

/// Schemas in the order of lookup, and for each name its schema and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    path: Vec<String>,
    names: Vec<Option<(String, Vec<String>)>>,
}

const PATH: &str = "SELECT unnest(pg_catalog.current_schemas(true))";

/// Asks the server, on the session's own connection while nothing else is in flight.
///
/// # Panics
/// It does not answer.
pub fn ask(talk: &mut Talk) -> Truth {
    let temporary = |schema: &str| schema.starts_with("pg_temp");
    let path = talk.command(PATH).into_iter().filter_map(|row| row[0].clone());
    let path = path.filter(|schema| !temporary(schema)).collect();
    let names = NAMES.map(|name| {
        let rows = talk.command(&format!(
            "SELECT n.nspname, a.attname FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.oid = pg_catalog.to_regclass('{name}') ORDER BY a.attnum"
        ));
        let schema = rows.first()?[0].clone()?;
        let schema = if temporary(&schema) { "pg_temp".to_owned() } else { schema };
        Some((schema, rows.into_iter().filter_map(|row| row[1].clone()).collect()))
    });
    Truth { path, names: names.into() }
}

/// Compares; what a session says to be unknown is counted, and anything else must be so.
///
/// # Panics
/// The session is wrong.
pub fn compare(truth: &Truth, session: &Session, catalog: &Catalog, history: &str) -> Score {
    let mut score = Score { paths: 1, ..Score::default() };
    match &session.search_path {
        Some(path) => {
            let ours = path.schemas.iter().map(|schema| schema.to_string());
            let ours: Vec<String> = ours.filter(|schema| schema != "pg_temp").collect();
            assert_eq!(ours, truth.path, "search path after\n{history}");
        }
        None => score.unknown_paths = 1,
    }
    for (name, theirs) in NAMES.iter().zip(&truth.names) {
        score.names += 1;
        // An empty table has no star to be compared.
        if theirs.as_ref().is_some_and(|(_, columns)| columns.is_empty()) {
            continue;
        }
        match found(name, session, catalog) {
            Some(ours) => assert_eq!(ours, *theirs, "{name} after\n{history}"),
            None => score.unknown_names += 1,
        }
    }
    score
}

/// The relation behind a name. Outer `None`: not known.
#[expect(clippy::option_option, reason = "outer: not known; inner: there is none")]
fn found(name: &str, session: &Session, catalog: &Catalog) -> Option<Option<(String, Vec<String>)>> {
    if session.relations.is_lost() {
        return None;
    }
    let Ok(full) = session.full_name_of(name, catalog) else { return None };
    let text = format!("SELECT * FROM {name}");
    let statement = understand_one(text.as_bytes(), 0, catalog, session, &Limits::default())?;
    let complete = statement.lineage.status == Status::Complete;
    match full {
        None => {
            assert!(!complete, "{name} is not there and can be read");
            Some(None)
        }
        Some(_) if !complete => None,
        Some((schema, _)) => {
            let output = statement.lineage.outputs.first()?;
            let columns = output.columns.iter().map(|column| column.name.to_string()).collect();
            Some(Some((schema.to_string(), columns)))
        }
    }
}
