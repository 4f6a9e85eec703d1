//! To Splunk's HTTP event collector: events behind each other in one body, as its `event` endpoint takes them.

use reqwest::{Client, header};
use serde_json::{Value, json};

use super::{Event, Undelivered, http};
use crate::{config::SinkFormat, upstream::Secret};

/// One collector.
#[derive(Debug)]
pub(super) struct Splunk {
    url: String,
    token: Secret,
    origin: String,
    source_type: &'static str,
    client: Client,
}

impl Splunk {
    pub(super) fn new(url: &str, token: &Secret, origin: &str, format: SinkFormat) -> Option<Self> {
        let source_type = match format {
            SinkFormat::Ocsf => "connect:ocsf",
            SinkFormat::Entries => "connect:entry",
            SinkFormat::OpenLineage(_) => "connect:openlineage",
        };
        let (url, origin, client) = (url.to_owned(), origin.to_owned(), http::client()?);
        Some(Self { url, token: token.clone(), origin, source_type, client })
    }

    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        let body: String = batch.iter().map(|event| self.envelope(event).to_string() + "\n").collect();
        let request = self.client.post(&self.url).body(body);
        let request = request.header(header::AUTHORIZATION, format!("Splunk {}", self.token.0));
        http::send(request).await.map(|_| ())
    }

    fn envelope(&self, event: &Event) -> Value {
        let json: Value = serde_json::from_str(&event.json).unwrap_or_else(|_| json!(event.json));
        json!({
            // Seconds, with milliseconds behind the point.
            "time": format!("{}.{:03}", event.time / 1_000, event.time % 1_000),
            "host": "connect-agent",
            "source": self.origin,
            "sourcetype": self.source_type,
            "fields": {"connect_index": event.index.to_string()},
            "event": json,
        })
    }
}
