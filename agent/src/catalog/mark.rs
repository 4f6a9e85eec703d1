//! Whether, and where, the database was changed since it was read.

use tokio_postgres::GenericClient;

use super::{
    connection::ReadError,
    queries::{
        self,
        change::{Part, VISIBLE, fingerprints},
    },
};

/// A catalog that is this much older, counted in transactions, is read anew: rows are found to be newer on a
/// circle of numbers.
const OLDEST: i64 = 1 << 30;

/// Tells whether anything was changed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    visible: String,
    /// Of a new connection. One that is open keeps what it began with, except from a configuration file.
    pub(super) search_path: String,
    /// One for each of [`Part::ALL`].
    fingerprints: Vec<String>,
    pub(super) server: Server,
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) version: u32,
    pub(super) utf8: bool,
    /// Process and start of the server.
    process: String,
    pub(super) role: String,
    /// The oldest transaction whose end this mark's snapshot does not see.
    pub(super) since: i64,
}

/// What became of the catalog since a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is as it was; the newer mark says so more cheaply next time.
    None(Mark),
    Some,
    /// New connections begin with other settings, so ours is not like them any more.
    Settings,
}

/// The parts to read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moved {
    All,
    /// With the transaction after which rows are new.
    Some {
        parts: Vec<Part>,
        since: i64,
    },
}

impl Moved {
    /// Whether one of these parts is to be read again.
    pub(super) fn any(&self, wanted: &[Part]) -> bool {
        match self {
            Self::All => true,
            Self::Some { parts, .. } => wanted.iter().any(|part| parts.contains(part)),
        }
    }

    /// The transaction after which rows are new, unless everything is.
    pub(super) const fn since(&self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::Some { since, .. } => Some(*since),
        }
    }
}

impl Mark {
    /// As things are for `client`; in a transaction as they are for all of it.
    pub(super) async fn take(client: &impl GenericClient) -> Result<Self, ReadError> {
        let (visible, search_path) = visible(client).await?;
        let row = client.query_one(queries::SERVER, &[]).await?;
        let server = Server {
            version: u32::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default(),
            utf8: row.try_get(1)?,
            process: row.try_get(2)?,
            role: row.try_get(3)?,
            since: row.try_get(4)?,
        };
        Ok(Self { visible, search_path, fingerprints: take_fingerprints(client).await?, server })
    }

    /// Compares with now: first the transactions that can be seen, then the fingerprints.
    pub(super) async fn compare(&self, client: &impl GenericClient) -> Result<Change, ReadError> {
        let (visible, search_path) = visible(client).await?;
        if search_path != self.search_path {
            return Ok(Change::Some);
        }
        if visible == self.visible {
            return Ok(Change::None(self.clone()));
        }
        let fingerprints = take_fingerprints(client).await?;
        let moved = self.moved_to(&fingerprints);
        // The older list of transactions goes with the newer fingerprints: the next comparison then looks
        // at most once too often.
        Ok(match moved.as_slice() {
            [] => Change::None(Self { visible, ..self.clone() }),
            moved if moved.contains(&Part::Settings) => Change::Settings,
            _ => Change::Some,
        })
    }

    fn moved_to(&self, fingerprints: &[String]) -> Vec<Part> {
        let differs = |place: usize| self.fingerprints.get(place) != fingerprints.get(place);
        let parts = Part::ALL.into_iter().enumerate();
        parts.filter(|(place, _)| differs(*place)).map(|(_, part)| part).collect()
    }

    /// What a reading at `now` has to read again. Another server process, or one that was asked over
    /// another connection, may number its transactions as it likes.
    pub(super) fn moved(&self, now: &Self) -> Moved {
        let comparable =
            Server { since: 0, ..self.server.clone() } == Server { since: 0, ..now.server.clone() };
        let age = now.server.since.checked_sub(self.server.since);
        if comparable && age.is_some_and(|age| (0..OLDEST).contains(&age)) {
            Moved::Some { parts: self.moved_to(&now.fingerprints), since: self.server.since }
        } else {
            Moved::All
        }
    }
}

async fn visible(client: &impl GenericClient) -> Result<(String, String), ReadError> {
    let row = client.query_one(VISIBLE, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

async fn take_fingerprints(client: &impl GenericClient) -> Result<Vec<String>, ReadError> {
    Ok(client.query_one(&fingerprints(), &[]).await?.try_get(0)?)
}
