//! What agents tell each other that ends sessions before their time: events in the order in which they count. An
//! event gets its number behind a lock that lasts until it is there, so that whoever has seen a number has seen all
//! before it.

use super::{
    super::{Moment, StoreError},
    OF_REVOCATION, PostgresStore, rows,
    work::{alone, tell},
};

/// Most events that are taken at once.
const MOST: i64 = 1_000;

/// An event of some agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub number: i64,
    /// It came from this very agent.
    pub is_own: bool,
    pub event: String,
}

/// What is behind a number, and what tells whether it is a number of this store's own past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The highest number that was ever given, whether its event is forgotten or not; 0: none was.
    pub newest: i64,
    /// The event of the number itself, if it is not forgotten.
    pub at: Option<String>,
    pub told: Vec<Told>,
}

impl PostgresStore {
    /// Tells all agents, those too that start later, until `forgotten_at`.
    pub(crate) async fn tell_event(
        &self,
        event: &str,
        forgotten_at: Option<Moment>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let (own, event) = (self.own.clone(), event.to_owned());
        self.pool
            .run(move |transaction| {
                Box::pin(async move {
                    alone(transaction, "connect.revocation").await?;
                    let insert = "INSERT INTO revocation (agent, event, forgotten_at) VALUES ($1, $2, $3)";
                    let until = forgotten_at.map(rows::moment);
                    transaction.execute(insert, &[&own.agent, &event, &until]).await?;
                    let forget = "DELETE FROM revocation WHERE forgotten_at < $1";
                    transaction.execute(forget, &[&rows::moment(now)]).await?;
                    tell(transaction, OF_REVOCATION).await
                })
            })
            .await
    }

    /// Events behind this number, the first of them first; a part of them, if there are many.
    pub(crate) async fn events_behind(&self, number: i64) -> Result<Behind, StoreError> {
        let own = self.own.clone();
        self.pool
            .run(move |transaction| {
                Box::pin(async move {
                    let query = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, \
                        (SELECT event FROM revocation WHERE number = $1) FROM revocation_number_seq";
                    let row = transaction.query_one(query, &[&number]).await?;
                    let (newest, at) = (row.try_get(0)?, row.try_get(1)?);
                    let query = "SELECT number, agent = $2, event FROM revocation WHERE number > $1 \
                        ORDER BY number LIMIT $3";
                    let rows = transaction.query(query, &[&number, &own.agent, &MOST]).await?;
                    let read = rows.iter().map(|row| {
                        Ok(Told { number: row.try_get(0)?, is_own: row.try_get(1)?, event: row.try_get(2)? })
                    });
                    Ok(Behind { newest, at, told: read.collect::<Result<_, StoreError>>()? })
                })
            })
            .await
    }
}
