//! Rows as they come, so that no answer is held as a whole.

use std::{collections::HashMap, pin::pin};

use connect_core::catalog::{Oid, code::Name};
use futures_util::TryStreamExt as _;
use tokio_postgres::{
    Transaction,
    types::{FromSql, ToSql},
};

use super::{
    super::{connection::ReadError, names::Names},
    ColumnKey,
};

/// How long a lock on something that a text names is waited for.
pub(super) const PATIENCE: &str = "200ms";

/// Where rows and names come from.
pub(super) struct Source<'s> {
    pub(super) transaction: &'s Transaction<'s>,
    pub(super) names: &'s mut Names,
    /// Something could not be had, for a lock on it.
    pub(super) locked: bool,
}

impl Source<'_> {
    /// Gives each row to `take`.
    pub(super) async fn each(
        &mut self,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
        mut take: impl FnMut(&Row, &mut Names) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let rows = self.transaction.query_raw(query, parameters.iter().copied()).await?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await? {
            take(&Row(row), self.names)?;
        }
        Ok(())
    }

    /// What rows tell of relations, the relation first.
    pub(super) async fn grouped<T>(
        &mut self,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
        mut item: impl FnMut(&Row, &mut Names) -> Result<T, ReadError>,
    ) -> Result<HashMap<Oid, Vec<T>>, ReadError> {
        let mut grouped: HashMap<Oid, Vec<T>> = HashMap::new();
        self.each(query, parameters, |row, names| {
            grouped.entry(row.oid(0)?).or_default().push(item(row, names)?);
            Ok(())
        })
        .await?;
        grouped.values_mut().for_each(Vec::shrink_to_fit);
        Ok(grouped)
    }

    /// Begins what may meet a lock, which is waited for only so long.
    pub(super) async fn try_within(&self, patience: &str) -> Result<(), ReadError> {
        let begin = format!("SAVEPOINT attempt; SET LOCAL lock_timeout = '{patience}'");
        Ok(self.transaction.batch_execute(&begin).await?)
    }

    /// Ends it. A lock that was met is no error: then nothing was read.
    pub(super) async fn tried<T>(&mut self, outcome: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
        let locked = outcome.as_ref().is_err_and(ReadError::is_lock);
        self.locked |= locked;
        if locked {
            self.transaction.batch_execute("ROLLBACK TO attempt").await?;
        }
        if locked || outcome.is_ok() {
            self.transaction.batch_execute("RELEASE attempt; SET LOCAL lock_timeout = '1s'").await?;
        }
        if locked { Ok(None) } else { outcome.map(Some) }
    }

    /// The answer is one array of OIDs.
    pub(super) async fn oids(&self, query: &str) -> Result<Vec<u32>, ReadError> {
        Ok(self.transaction.query_one(query, &[]).await?.try_get(0)?)
    }
}

/// One row.
pub(super) struct Row(tokio_postgres::Row);

impl Row {
    pub(super) fn of<'r, T: FromSql<'r>>(&'r self, place: usize) -> Result<T, ReadError> {
        Ok(self.0.try_get(place)?)
    }

    pub(super) fn oid(&self, place: usize) -> Result<Oid, ReadError> {
        Ok(Oid(self.of(place)?))
    }

    pub(super) fn oids(&self, place: usize) -> Result<Box<[Oid]>, ReadError> {
        Ok(self.of::<Vec<u32>>(place)?.into_iter().map(Oid).collect())
    }

    /// A `"char"`, which is one byte.
    pub(super) fn letter(&self, place: usize) -> Result<u8, ReadError> {
        Ok(self.of::<i8>(place)?.cast_unsigned())
    }

    pub(super) fn name(&self, place: usize, names: &mut Names) -> Result<Name, ReadError> {
        Ok(names.of(self.of(place)?))
    }

    /// A relation and an attribute number beside it.
    pub(super) fn column_key(&self, place: usize) -> Result<ColumnKey, ReadError> {
        Ok((self.oid(place)?, self.of(place + 1)?))
    }
}
