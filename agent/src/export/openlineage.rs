//! To a receiver of OpenLineage (`POST /api/v1/lineage`), one event a message, as its own clients send them. It
//! keeps events by run and time, so that one that comes twice changes nothing.

use reqwest::{Client, header};

use super::{Event, Undelivered, http};
use crate::upstream::Secret;

/// One receiver.
#[derive(Debug)]
pub(super) struct Receiver {
    url: String,
    token: Option<Secret>,
    client: Client,
}

impl Receiver {
    pub(super) fn new(url: &str, token: Option<&Secret>) -> Option<Self> {
        Some(Self { url: url.to_owned(), token: token.cloned(), client: http::client()? })
    }

    /// Sends a batch, event by event. Of a batch that fails in its middle everything is sent again.
    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        for event in batch {
            let mut request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/json");
            if let Some(token) = &self.token {
                request = request.bearer_auth(&token.0);
            }
            http::send(request.body(event.json.clone())).await?;
        }
        Ok(())
    }
}
