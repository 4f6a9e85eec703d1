//! The tables, in a schema of their own. Agents that start at the same time make them once.

use tokio_postgres::{Client, GenericClient};

use super::super::StoreError;

/// What each version adds to the one before it; the table `version` has the number.
const MIGRATIONS: [&str; 2] = [include_str!("1.sql"), include_str!("2.sql")];

/// How many versions this agent knows.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Everything that changes the schema is done behind this lock.
const LOCK: &str = "SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = '60s'; \
    SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('connect.store/migrate', 0))";

/// `None`: there is none yet.
pub(super) async fn version(client: &impl GenericClient) -> Result<Option<i64>, StoreError> {
    let there = client.query_one("SELECT to_regclass('connect.version') IS NOT NULL", &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let row = client.query_one("SELECT coalesce(max(number), 0) FROM connect.version", &[]).await?;
    Ok(Some(row.try_get(0)?))
}

/// Makes what is not there yet.
pub(super) async fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    let known = version(&transaction).await?;
    let known = match known {
        Some(known) if known > NEWEST => return Err(StoreError::Newer(known)),
        Some(known) => known,
        None => {
            // An administrator may have made it for an account that may not.
            let row = transaction.query_one("SELECT to_regnamespace('connect') IS NULL", &[]).await?;
            if row.try_get::<_, bool>(0)? {
                transaction.batch_execute("CREATE SCHEMA connect").await?;
            }
            transaction.batch_execute("CREATE TABLE connect.version (number bigint PRIMARY KEY)").await?;
            0
        }
    };
    // `SET LOCAL` ends with the transaction. New tables are made in the first schema of the path.
    transaction.batch_execute("SET LOCAL search_path = connect, pg_catalog, pg_temp").await?;
    for (number, migration) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| *number > known) {
        transaction.batch_execute(migration).await?;
        transaction.execute("INSERT INTO connect.version (number) VALUES ($1)", &[&number]).await?;
    }
    Ok(transaction.commit().await?)
}
