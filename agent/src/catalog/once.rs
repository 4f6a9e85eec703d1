//! One reading, for a program that analyses and serves nobody: without labels, and nothing of it is kept.

use connect_core::catalog::Catalog;

use super::{CatalogError, connection::Connection, read::read};
use crate::upstream::UpstreamConfig;

/// Reads the catalog of a database in one consistent, read-only transaction, and hangs up.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn read_once(upstream: &UpstreamConfig) -> Result<Catalog, CatalogError> {
    let reading = async { read(&mut Connection::open(upstream).await?).await };
    match reading.await {
        Ok(reading) => Ok(Catalog { version: 1, ..reading.catalog }),
        Err(error) => {
            Err(CatalogError::Unreadable { resource: upstream.database.clone(), reason: error.to_string() })
        }
    }
}
