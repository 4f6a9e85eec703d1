//! To an OpenTelemetry collector: OTLP over HTTP in its JSON form, `ExportLogsServiceRequest`
//! (<https://opentelemetry.io/docs/specs/otlp/>). One record an event, with the event as its body.

use reqwest::{Client, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Event, Undelivered, http};
use crate::upstream::Secret;

/// One collector.
#[derive(Debug)]
pub(super) struct Otlp {
    url: String,
    token: Option<Secret>,
    origin: String,
    client: Client,
}

/// What a collector says that has taken a part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    partial_success: Option<Partial>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Partial {
    /// A number, as 64 bits are written in this JSON: as text, or as a number all the same.
    rejected_log_records: Value,
}

impl Otlp {
    pub(super) fn new(url: &str, token: Option<&Secret>, origin: &str) -> Option<Self> {
        let (url, origin, client) = (url.to_owned(), origin.to_owned(), http::client()?);
        Some(Self { url, token: token.cloned(), origin, client })
    }

    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        let mut request = self.client.post(&self.url).json(&self.body(batch));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.0));
        }
        let answer = http::send(request).await?;
        let answer: Answer = serde_json::from_slice(&answer).unwrap_or_default();
        let rejected = answer.partial_success.map(|partial| partial.rejected_log_records);
        let is_none = rejected.is_none_or(|number| match number {
            Value::String(text) => text == "0",
            Value::Number(number) => number.as_u64() == Some(0),
            _ => true,
        });
        // The specification forbids to send the same again; which of them it was shows one by one.
        if is_none { Ok(()) } else { Err(Undelivered::Refused("rejected")) }
    }

    fn body(&self, batch: &[Event]) -> Value {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let records: Vec<Value> = batch
            .iter()
            .map(|event| {
                json!({
                    "timeUnixNano": format!("{}000000", event.time),
                    "severityNumber": 9,
                    "severityText": "INFO",
                    "eventName": format!("connect.{}", event.kind),
                    "body": {"stringValue": event.json},
                    "attributes": [
                        {"key": "connect.log.index", "value": {"intValue": event.index.to_string()}},
                        text("connect.kind", event.kind),
                    ],
                })
            })
            .collect();
        json!({"resourceLogs": [{
            "resource": {"attributes": [
                text("service.name", "connect-agent"),
                text("service.version", env!("CARGO_PKG_VERSION")),
                text("connect.log.origin", &self.origin),
            ]},
            "scopeLogs": [{"scope": {"name": "connect.audit"}, "logRecords": records}],
        }]})
    }
}
