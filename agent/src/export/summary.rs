//! What a sink was given since its last summary, so that whoever receives it can tell that it is all there.
//!
//! The receiver takes the events that it has with an index in `from..upto`, each once and in the order of their
//! indices, and makes the chain anew: it begins with 32 zero bytes, and each event makes
//! `SHA-256(chain ‖ SHA-256(JSON of the event as it was sent))` of it. An event that was refused for good is not
//! counted; the log has an entry `sink_refused` for it. A summary that begins before the end of the last one is of
//! events that came again.
//!
//! It finds what was lost or damaged. It is not signed: whoever can change what a receiver stores can change it,
//! too, and is found by the log itself, whose checkpoint is in it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use connect_shared::{
    hexadecimal::hexadecimal,
    ocsf::{self, ExportSummary},
    proof::tree::plain_hash,
};
use serde_json::{Value, json};

use super::Event;
use crate::config::SinkFormat;

/// What was taken since the last summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// Index of the first entry that it is about.
    from: u64,
    events: u64,
    chain: [u8; 32],
}

impl Account {
    /// Nothing yet, from the entry `from` on.
    pub(super) const fn begin(from: u64) -> Self {
        Self { from, events: 0, chain: [0; 32] }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// An event was taken.
    pub(super) fn count(&mut self, event: &Event) {
        self.events += 1;
        self.chain = plain_hash(&[self.chain, plain_hash(event.json.as_bytes()).0].concat()).0;
    }

    /// As the file of a cursor has it.
    pub(super) fn write(&self) -> String {
        format!("{} {} {}", self.from, self.events, STANDARD.encode(self.chain))
    }

    /// From the file of a cursor.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (from, events) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let chain = STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
        words.next().is_none().then_some(Self { from, events, chain })
    }

    /// The event that tells of it, behind the entry before `upto`; `checkpoint` is signed and has at least that entry.
    /// `None`: the format has no event for it.
    pub(super) fn event(
        &self,
        upto: u64,
        format: SinkFormat,
        (origin, sink): (&str, &str),
        checkpoint: &str,
    ) -> Option<Event> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        let summary = ExportSummary {
            sink: sink.to_owned(),
            from: self.from,
            upto,
            events: self.events,
            chain: hexadecimal(&self.chain),
            checkpoint: checkpoint.to_owned(),
        };
        let value: Value = match format {
            SinkFormat::Entries => json!({"origin": origin, "time": time, "export_summary": summary}),
            SinkFormat::Ocsf => ocsf::export_summary(origin, time, &summary),
            SinkFormat::OpenLineage(_) => return None,
        };
        let index = upto.saturating_sub(1);
        Some(Event { index, time, kind: "export_summary", json: value.to_string(), tells_of_loss: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mut account = Account::begin(7);
        let event =
            Event { index: 7, time: 1, kind: "heartbeat", json: "{}".to_owned(), tells_of_loss: false };
        account.count(&event);
        assert!(!account.is_empty());
        let text = account.write();
        assert_eq!(Account::read(&text), Some(account));
        for bad in ["", "7", "7 1", "7 1 00", &format!("{text} 1"), &text.replacen('7', "x", 1)] {
            assert_eq!(Account::read(bad), None, "{bad}");
        }
    }
}
