//! How often which statement has run, from `pg_stat_statements`.

use tokio_postgres::{Client, error::SqlState};

use super::activity::{by_our_clock, now};

/// Most statements that are compared: the most that a server keeps unless told otherwise.
const MOST: usize = 5_000;

/// Where the extension is, whether it says since when it counts, and whether it tells what clients sent from what
/// functions ran.
const PLACE: &str = "SELECT quote_ident(n.nspname), \
    to_regclass(quote_ident(n.nspname) || '.pg_stat_statements_info') IS NOT NULL, \
    EXISTS (SELECT FROM pg_attribute a WHERE a.attname = 'toplevel' AND NOT a.attisdropped AND \
    a.attrelid = to_regclass(quote_ident(n.nspname) || '.pg_stat_statements')) \
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

/// What the server has counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) unavailable: Option<String>,
    pub(super) since: Option<u64>,
    pub(super) rows: Vec<Row>,
    /// There are more than were read.
    pub(super) is_cut: bool,
    /// How often the server has forgotten what ran least, to make room.
    pub(super) forgotten: Option<u64>,
    /// The questions that this was read by.
    pub(super) asked: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) role: String,
    pub(super) calls: u64,
    pub(super) text: Option<String>,
}

impl Counted {
    fn unavailable(why: &str) -> Self {
        Self { unavailable: Some(why.to_owned()), ..Self::default() }
    }
}

pub(super) async fn read(client: &Client) -> Result<Counted, tokio_postgres::Error> {
    let Some(place) = client.query_opt(PLACE, &[]).await? else {
        return Ok(Counted::unavailable("the extension `pg_stat_statements` is not in this database"));
    };
    let place =
        Place { schema: place.try_get(0)?, has_info: place.try_get(1)?, has_level: place.try_get(2)? };
    match count(client, &place).await {
        Err(error) => match error.code() {
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                Ok(Counted::unavailable("the agent's account may not read `pg_stat_statements`"))
            }
            Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {
                Ok(Counted::unavailable("`pg_stat_statements` is not in `shared_preload_libraries`"))
            }
            _ => Err(error),
        },
        counted => counted,
    }
}

/// How the extension is installed.
struct Place {
    /// Quoted by the server itself.
    schema: String,
    /// A view says since when it counts: with PostgreSQL 14 and later.
    has_info: bool,
    /// It says what clients sent themselves: with the extension as PostgreSQL 14 and later create it.
    has_level: bool,
}

/// What functions run is part of the call that ran them, which is counted for itself.
fn question(place: &Place) -> String {
    let Place { schema, has_level, .. } = place;
    let sent = if *has_level { "AND s.toplevel " } else { "" };
    format!(
        "SELECT coalesce(r.rolname::text, s.userid::text), s.calls, \
         CASE WHEN s.queryid IS NULL THEN NULL ELSE s.query END \
         FROM {schema}.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid \
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         {sent}ORDER BY s.calls DESC LIMIT $1"
    )
}

async fn count(client: &Client, place: &Place) -> Result<Counted, tokio_postgres::Error> {
    let question = question(place);
    let most = i64::try_from(MOST).unwrap_or(i64::MAX).saturating_add(1);
    let rows = client.query(&question, &[&most]).await?;
    let mut counted = Counted { asked: vec![PLACE.to_owned(), question], ..Counted::default() };
    if place.has_info {
        let schema = &place.schema;
        let question = format!(
            "SELECT (extract(epoch FROM stats_reset) * 1000)::int8, \
             (extract(epoch FROM clock_timestamp()) * 1000)::int8, dealloc FROM {schema}.pg_stat_statements_info"
        );
        let row = client.query_one(&question, &[]).await?;
        let (reset, server_now): (Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?);
        counted.since = reset.map(|reset| by_our_clock(reset, server_now, now()));
        counted.forgotten = u64::try_from(row.try_get::<_, i64>(2)?).ok();
        counted.asked.push(question);
    }
    let row = |row: &tokio_postgres::Row| {
        let calls: i64 = row.try_get(1)?;
        Ok(Row { role: row.try_get(0)?, calls: u64::try_from(calls).unwrap_or(0), text: row.try_get(2)? })
    };
    counted.is_cut = rows.len() > MOST;
    counted.rows = rows.iter().take(MOST).map(row).collect::<Result<_, tokio_postgres::Error>>()?;
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_functions_run_is_not_asked_for_where_the_server_can_tell() {
        let of = |has_level| question(&Place { schema: "\"x y\"".to_owned(), has_info: true, has_level });
        assert!(of(true).contains("current_database()) AND s.toplevel ORDER BY"), "{}", of(true));
        assert!(of(false).contains("current_database()) ORDER BY"), "{}", of(false));
        assert!(of(true).contains("FROM \"x y\".pg_stat_statements s"));
    }
}
