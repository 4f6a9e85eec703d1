//! Who is logged in at the database, from `pg_stat_activity`.

use connect_core::understand::normal_form;
use connect_shared::api::ForeignSession;
use tokio_postgres::Client;

/// Most sessions that are told of.
const MOST: i64 = 2_000;
/// Longest name that somebody gives to their program.
const NAME: usize = 128;

/// Clients, and receivers of replication, which read everything. An account without `pg_read_all_stats` sees
/// of others that they are there, and little more. Times are in milliseconds.
pub(super) const QUESTION: &str = "SELECT a.pid, a.usename::text, a.application_name, host(a.client_addr), \
    (extract(epoch FROM a.backend_start) * 1000)::int8, a.state, a.query, \
    (extract(epoch FROM clock_timestamp()) * 1000)::int8 \
    FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() \
    AND coalesce(a.backend_type, 'client backend') IN ('client backend', 'walsender') \
    ORDER BY a.pid LIMIT $1";

/// One session, with times of the agent's clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) process: u32,
    pub(super) role: Option<String>,
    pub(super) application: Option<String>,
    pub(super) address: Option<String>,
    pub(super) since: Option<u64>,
    pub(super) state: Option<String>,
    pub(super) sql: Option<String>,
}

impl Session {
    pub(super) fn told(self) -> ForeignSession {
        let Self { process, role, application, address, since, state, sql } = self;
        ForeignSession { process, role, application, address, since, state, sql }
    }
}

/// Milliseconds since 1970 by the agent's clock.
pub(super) fn now() -> u64 {
    u64::try_from(crate::serve::wall_clock().as_millis()).unwrap_or(u64::MAX)
}

/// A time of the server's clock by the agent's.
pub(super) fn by_our_clock(time: i64, server_now: i64, now: u64) -> u64 {
    let shift = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(server_now);
    u64::try_from(time.saturating_add(shift)).unwrap_or(0)
}

pub(super) async fn read(client: &Client) -> Result<Vec<Session>, tokio_postgres::Error> {
    // The statistics of a transaction are those of its first look; each look is one of its own.
    let rows = client.query(QUESTION, &[&MOST]).await?;
    let now = now();
    let session = |row: &tokio_postgres::Row| {
        let name = |text: Option<String>| {
            text.filter(|text| !text.is_empty()).map(|text| text.chars().take(NAME).collect())
        };
        let (since, server_now): (Option<i64>, i64) = (row.try_get(4)?, row.try_get(7)?);
        let query: Option<String> = row.try_get(6)?;
        Ok(Session {
            process: u32::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default(),
            role: row.try_get(1)?,
            application: name(row.try_get(2)?),
            address: row.try_get(3)?,
            since: since.map(|since| by_our_clock(since, server_now, now)),
            state: row.try_get(5)?,
            sql: query.as_deref().filter(|query| !query.is_empty()).and_then(normal_form),
        })
    };
    rows.iter().map(session).collect()
}
