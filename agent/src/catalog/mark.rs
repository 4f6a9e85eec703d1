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
    /// Stands for the parts that temporary objects of other sessions do not touch.
    pub(super) fn state(&self) -> String {
        const PARTS: [Part; 8] = [
            Part::Functions,
            Part::Operators,
            Part::Casts,
            Part::Languages,
            Part::Extensions,
            Part::Policies,
            Part::Role,
            Part::Settings,
        ];
        let named = Part::ALL.iter().zip(&self.fingerprints);
        let stable = named.filter(|(part, _)| PARTS.contains(part));
        stable.map(|(part, fingerprint)| format!("{part:?}={fingerprint};")).collect()
    }

    /// As things are for `client`, in a transaction as they are for all of it, and what has moved since an
    /// earlier mark. Another server process, or one that was asked over another connection, may number its
    /// transactions as it likes.
    pub(super) async fn take(
        client: &impl GenericClient,
        before: Option<&Self>,
    ) -> Result<(Self, Moved), ReadError> {
        let (visible, search_path) = visible(client).await?;
        let server = Server::ask(client).await?;
        let since = before.map_or(server.since, |before| before.server.since);
        let row = client.query_one(&fingerprints(), &[&since]).await?;
        let mut fingerprints: Vec<String> = row.try_get(0)?;
        let own = fingerprints.pop().unwrap_or_default();
        let moved = match before.filter(|before| before.server.is_comparable(&server)) {
            Some(before) => Moved::Some { parts: before.moved(&fingerprints), since },
            None => Moved::All,
        };
        let columns = Part::ALL.iter().position(|part| *part == Part::Columns);
        if let Some(columns) = columns.and_then(|place| fingerprints.get_mut(place)) {
            *columns = own;
        }
        Ok((Self { visible, search_path, fingerprints, server }, moved))
    }

    /// Whether nobody has committed anything since.
    pub(super) async fn is_current(&self, client: &impl GenericClient) -> Result<bool, ReadError> {
        Ok(visible(client).await? == (self.visible.clone(), self.search_path.clone()))
    }

    /// The same database, as `now` found it.
    pub(super) fn seen(&mut self, now: Self) {
        // The next comparison goes on from here, with columns counted as before.
        self.visible = now.visible;
        self.search_path = now.search_path;
    }

    fn moved(&self, fingerprints: &[String]) -> Vec<Part> {
        let differs = |place: usize| self.fingerprints.get(place) != fingerprints.get(place);
        let parts = Part::ALL.into_iter().enumerate();
        parts.filter(|(place, _)| differs(*place)).map(|(_, part)| part).collect()
    }
}

impl Server {
    async fn ask(client: &impl GenericClient) -> Result<Self, ReadError> {
        let row = client.query_one(queries::SERVER, &[]).await?;
        Ok(Self {
            version: u32::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default(),
            utf8: row.try_get(1)?,
            process: row.try_get(2)?,
            role: row.try_get(3)?,
            since: row.try_get(4)?,
        })
    }

    /// Whether what is newer than `self` can be told by numbers of transactions.
    fn is_comparable(&self, now: &Self) -> bool {
        let age = now.since.checked_sub(self.since);
        let same = Self { since: 0, ..self.clone() } == Self { since: 0, ..now.clone() };
        same && age.is_some_and(|age| (0..OLDEST).contains(&age))
    }
}

async fn visible(client: &impl GenericClient) -> Result<(String, String), ReadError> {
    let row = client.query_one(VISIBLE, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
