//! How often which statement has run, from `pg_stat_statements`, and how often the log says.
//!
//! Whoever is not the agent's account, nor one of the roles that people work as, did not come through the
//! agent. Of what ran under these, a text
//! that is in the log may have run as often as the log says, and not more often. The server puts statements
//! together that the log tells apart (other aliases, another search path), so that one text has more calls
//! than its entries and another one fewer: what is too much counts only as far as it is more than all that
//! is too little.

use std::collections::{HashMap, HashSet};

use connect_core::understand::{comparable, normal_form};
use connect_shared::api::{ForeignStatements, StatementCount};
use tokio_postgres::{Client, error::SqlState};

use super::activity::{by_our_clock, now};
use crate::audit::Recorded;

/// Most statements that are compared: the most that a server keeps unless told otherwise.
const MOST: i64 = 5_000;
/// Most of either kind that are told of.
const TOLD: usize = 200;

/// Where the extension is, and whether it says since when it counts.
const PLACE: &str = "SELECT quote_ident(n.nspname), \
    to_regclass(quote_ident(n.nspname) || '.pg_stat_statements_info') IS NOT NULL \
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

/// What the server has counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    unavailable: Option<String>,
    pub(super) since: Option<u64>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    role: String,
    calls: u64,
    text: Option<String>,
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
    let (schema, has_info): (String, bool) = (place.try_get(0)?, place.try_get(1)?);
    match count(client, &schema, has_info).await {
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

async fn count(client: &Client, schema: &str, has_info: bool) -> Result<Counted, tokio_postgres::Error> {
    // The schema's name is quoted by the server itself.
    let question = format!(
        "SELECT coalesce(r.rolname::text, s.userid::text), s.calls, \
         CASE WHEN s.queryid IS NULL THEN NULL ELSE s.query END \
         FROM {schema}.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid \
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         ORDER BY s.calls DESC LIMIT $1"
    );
    let rows = client.query(&question, &[&MOST]).await?;
    let since = if has_info {
        let question = format!(
            "SELECT (extract(epoch FROM stats_reset) * 1000)::int8, \
             (extract(epoch FROM clock_timestamp()) * 1000)::int8 FROM {schema}.pg_stat_statements_info"
        );
        let row = client.query_one(&question, &[]).await?;
        let (reset, server_now): (Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?);
        reset.map(|reset| by_our_clock(reset, server_now, now()))
    } else {
        None
    };
    let row = |row: &tokio_postgres::Row| {
        let calls: i64 = row.try_get(1)?;
        Ok(Row { role: row.try_get(0)?, calls: u64::try_from(calls).unwrap_or(0), text: row.try_get(2)? })
    };
    Ok(Counted { unavailable: None, since, rows: rows.iter().map(row).collect::<Result<_, _>>()? })
}

/// What has run more often than the log says.
pub(super) fn compare(counted: Counted, recorded: &Recorded, accounts: &HashSet<&str>) -> ForeignStatements {
    let mut left: HashMap<String, u64> = HashMap::new();
    for (text, times) in &recorded.statements {
        if let Some(form) = comparable(text) {
            *left.entry(form).or_default() += times;
        }
    }
    let (mut found, mut excess, mut unexplained) = (Vec::new(), Vec::new(), Vec::new());
    let compared = counted.rows.len() as u64;
    let is_cut = compared >= u64::try_from(MOST).unwrap_or(u64::MAX);
    for Row { role, calls, text } in counted.rows {
        let sql = text.as_deref().and_then(normal_form);
        if !accounts.contains(role.as_str()) {
            found.push(StatementCount { role, calls, recorded: 0, sql });
            continue;
        }
        let known = text.as_deref().and_then(comparable).and_then(|form| left.get_mut(&form));
        let Some(times) = known else {
            unexplained.push(StatementCount { role, calls, recorded: 0, sql });
            continue;
        };
        let explained = calls.min(*times);
        *times -= explained;
        if explained < calls {
            excess.push(StatementCount { role, calls, recorded: explained, sql });
        }
    }
    let too_much: u64 = excess.iter().map(|count| count.calls - count.recorded).sum();
    if too_much > left.values().sum() {
        found.extend(excess);
    }
    found.sort_by_key(|count| std::cmp::Reverse(count.calls - count.recorded));
    let more = is_cut || found.len() > TOLD || unexplained.len() > TOLD;
    found.truncate(TOLD);
    unexplained.truncate(TOLD);
    ForeignStatements {
        unavailable: counted.unavailable,
        since: counted.since,
        compared,
        found,
        unexplained,
        more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: &str, calls: u64, text: &str) -> Row {
        Row { role: role.to_owned(), calls, text: Some(text.to_owned()) }
    }

    fn compared(rows: Vec<Row>, statements: &[(&str, u64)]) -> ForeignStatements {
        let statements = statements.iter().map(|(text, times)| ((*text).to_owned(), *times)).collect();
        let counted = Counted { rows, ..Counted::default() };
        compare(
            counted,
            &Recorded { statements, ..Recorded::default() },
            &HashSet::from(["agent", "analyst"]),
        )
    }

    #[test]
    fn what_ran_as_often_as_the_log_says_is_explained_and_what_ran_more_often_is_not() {
        let log = [("SELECT a FROM t WHERE b = $1", 3)];
        assert_eq!(compared(vec![row("agent", 3, "select a from t where b = $1")], &log).found, []);
        let found = compared(vec![row("agent", 5, "select a from t where b = $1")], &log).found;
        assert_eq!((found.len(), found[0].calls, found[0].recorded), (1, 5, 3));
    }

    #[test]
    fn a_role_that_people_work_as_is_the_agents() {
        let log = [("SELECT a FROM t", 3)];
        let tagged = "SELECT a FROM t\n/*principal='ana%40example.com'*/";
        assert_eq!(compared(vec![row("analyst", 3, tagged)], &log).found, []);
        assert_eq!(compared(vec![row("analyst", 4, tagged)], &log).found.len(), 1);
    }

    #[test]
    fn what_the_server_puts_together_under_one_text_is_no_excess() {
        let log = [("SELECT a AS x FROM t", 3), ("SELECT a AS y FROM t", 4)];
        assert_eq!(compared(vec![row("agent", 7, "SELECT a AS x FROM t")], &log).found, []);
        assert_eq!(compared(vec![row("agent", 8, "SELECT a AS x FROM t")], &log).found.len(), 1);
    }

    #[test]
    fn another_role_came_another_way_and_no_literal_is_told() {
        let rows = vec![
            row("intern", 1, "ALTER ROLE x PASSWORD 'hunter2'"),
            row("agent", 9, "SELECT oid FROM pg_class"),
        ];
        let seen = compared(rows, &[("ALTER ROLE x PASSWORD $1", 1)]);
        assert_eq!(seen.found.len(), 1);
        assert_eq!(seen.found[0].sql.as_deref(), Some("ALTER ROLE x PASSWORD $1"));
        assert_eq!((seen.unexplained.len(), seen.unexplained[0].calls), (1, 9));
    }
}
