//! What an exporter says of what it has sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{EVENT_LOG, VERSION};

/// What a sink was given since the last one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSummary {
    /// Its name in the agent's configuration.
    pub sink: String,
    /// Index of the first entry that it is about.
    pub from: u64,
    /// Index behind the last one.
    pub upto: u64,
    /// How many events that made.
    pub events: u64,
    /// Hexadecimal: from 32 zero bytes, each event made `SHA-256(chain ‖ SHA-256(JSON of the event))` of it.
    pub chain: String,
    /// A signed checkpoint of the log with all of these entries: a `tlog-checkpoint` of C2SP.
    pub checkpoint: String,
}

/// The event of a summary: 1008 Event Log Activity, Export.
#[must_use]
pub fn export_summary(origin: &str, time: u64, summary: &ExportSummary) -> Value {
    json!({
        "activity_id": 3,
        "activity_name": "Export",
        "category_uid": EVENT_LOG.uid / 1000,
        "category_name": EVENT_LOG.category,
        "class_uid": EVENT_LOG.uid,
        "class_name": EVENT_LOG.name,
        "type_uid": EVENT_LOG.uid * 100 + 3,
        "severity_id": 1,
        "severity": "Informational",
        "time": time,
        "log_name": origin,
        "metadata": {
            "version": VERSION,
            // Unlike an entry's: it is none.
            "uid": format!("{origin}/{}/summary/{}-{}", summary.sink, summary.from, summary.upto),
            "event_code": "export_summary",
            "log_name": origin,
            "product": {"name": "connect", "vendor_name": "connect"},
        },
        "unmapped": {"export_summary": summary},
    })
}
