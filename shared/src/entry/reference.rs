//! The reference of all entries, `agent/ENTRIES.md`, made from code.

use super::{CATALOGUE, Entry, Leaf};
use crate::ocsf;

impl Entry {
    /// What entries of this kind say, in a line.
    const fn words(&self) -> &'static str {
        match self {
            Self::AgentStarted { .. } => "The agent started: what decides and signs from here on.",
            Self::AgentStopped { .. } => "The agent stopped in order.",
            Self::Heartbeat => "Nothing happened for a while: silence can be proved, too.",
            Self::GrantIssued { .. } => {
                "Somebody got a grant. The name is here so that a log can be read alone."
            }
            Self::GrantRefused { .. } => "A grant was refused, or a token was.",
            Self::SessionOpened { .. } => "A tunnel came up with a good grant; its session began.",
            Self::RefusalsLeftOut { .. } => {
                "Refusals since the last such entry that are not recorded each: too many, or the log took none."
            }
            Self::TunnelRefused { .. } => "A tunnel was turned away.",
            Self::GrantRenewed { .. } => "A session's grant was renewed.",
            Self::SessionParked { .. } => "A tunnel broke or fell silent: its database connections wait.",
            Self::SessionResumed { .. } => "Another tunnel with the same key goes on with a session.",
            Self::SessionClosed { .. } => "A session ended.",
            Self::Revoked { .. } => "Somebody's sessions were ended before their time, and by what.",
            Self::Restored { .. } => "Somebody who was kept out may come in again.",
            Self::ConnectionOpened { .. } => "A database connection was opened for a session.",
            Self::ConnectionClosed { .. } => {
                "A database connection ended, after so many INTENTs and denials."
            }
            Self::UpstreamOpened { .. } => {
                "The agent logged in at a database, under this process of the server, as this role; or to look what \
                 somebody's statements would touch."
            }
            Self::CatalogLoaded { .. } => {
                "What the agent learnt of a database: sizes and a digest, no values."
            }
            Self::StatementText { .. } => {
                "A text in its normal form, before the first statement that refers to it."
            }
            Self::StatementLineage { .. } => {
                "What statements are computed from, before the first one that refers to it."
            }
            Self::FolderListed { .. } => {
                "The files of a folder of a run that ends, by the word of whoever ran it."
            }
            Self::RunEnded { .. } => "A run is over. Files are by the word of whoever ran it.",
            Self::Intent(_) => "A statement is about to run. Durable before anything of it can be seen.",
            Self::Outcome(_) => "A statement ended.",
            Self::Denial(_) => "A statement was not let through. Durable before its error is returned.",
            Self::Explained { .. } => "Somebody asked what would become of a text. Nothing of it ran.",
            Self::Searched { .. } => "Somebody searched the log. Durable before the answer leaves.",
            Self::PolicyLoaded { .. } => "Another policy set decides from here on.",
            Self::PolicyRefused { .. } => "Policy files are not good; the set of this digest stays in force.",
            Self::Request(_) => {
                "A step in the life of a request: for access, for a statement, or for what holds for a time."
            }
            Self::Reconciled { .. } => "Somebody compared the log with what a database knows of itself.",
            Self::LineageAsked { .. } => {
                "Somebody asked where values came from or went to. Durable before the answer leaves."
            }
            Self::TextShown { .. } => {
                "Somebody asked for the exact text of a statement. Durable before the answer leaves."
            }
            Self::TextsErased { .. } => {
                "Keys of exact texts were erased: nobody reads these any more, and every proof holds."
            }
            Self::TextsLost { .. } => "Exact texts that should be kept are not, since the last such entry.",
            Self::CanarySeen { .. } => {
                "A value that must never leave was on its way out. It did not leave, and the grant is over."
            }
            Self::CancelRequested { .. } => "A cancel request reached a connection of the same principal.",
            Self::WitnessLate { .. } => "A witness has not cosigned for too long.",
            Self::WitnessBack { .. } => "The witness cosigns again.",
            Self::SinkRefused { .. } => "A sink refuses an event for good, and goes on without it.",
            Self::SinkResent { .. } => "A sink gets entries again, because the operator asked for it.",
            Self::ClockStepped { .. } => {
                "The agent's clock was set, back or ahead. The log's time never goes back."
            }
            Self::LogReopened { .. } => {
                "The log is open again after it could not be written: until then nothing ran."
            }
            Self::KeyRotated { .. } => "The log has a new key, from a checkpoint on that both have signed.",
            Self::Pruned { .. } => "Entries before `upto` are removed from here on; their hashes stay.",
            Self::Oversized { .. } => {
                "Stands for an entry that is too long for a leaf: it is in `blob/<sha256>`."
            }
        }
    }

    /// The whole reference as Markdown.
    #[must_use]
    pub fn reference() -> String {
        let mut text = String::from(
            "# Entries\n\n\
             <!-- made from shared/src/entry: change it there, and run the tests of connect-shared with UPDATE=1 -->\n\n\
             Every kind of leaf that the log can hold, and the class of OCSF 1.8 that it is shown and exported as\n\
             (`connect audit search --format ocsf`, `[[log.sink]]`). Times are milliseconds since 1970, ids 128 random bits.\n\n\
             | kind | OCSF class | activity | what it says |\n|---|---|---|---|\n",
        );
        let samples = Self::samples();
        for entry in &samples {
            let (class, _, activity) = ocsf::class_of(entry.kind());
            let (kind, words) = (entry.kind(), entry.words());
            text.push_str(&format!("| `{kind}` | {} {} | {activity} | {words} |\n", class.uid, class.name));
        }
        text.push_str("\nA leaf of each:\n");
        for entry in samples {
            let leaf = Leaf { v: CATALOGUE, time: 1_764_064_800_000, entry };
            let json = serde_json::to_string(&leaf).unwrap_or_default();
            text.push_str(&format!("\n```json\n{json}\n```\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_sample_with_its_name_and_all_its_fields() {
        let kinds: Vec<&str> = Entry::samples().iter().map(Entry::kind).collect();
        assert_eq!(kinds, Entry::KINDS);
        for entry in Entry::samples() {
            let json = serde_json::to_value(&entry).expect("JSON");
            assert_eq!(json["kind"], entry.kind());
            assert_eq!(serde_json::from_value::<Entry>(json).expect("an entry"), entry);
        }
    }

    #[test]
    fn the_reference_is_that_of_this_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/ENTRIES.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, Entry::reference()).expect("written");
        }
        let committed = std::fs::read_to_string(path).expect("agent/ENTRIES.md");
        assert!(committed == Entry::reference(), "agent/ENTRIES.md is stale: run this test with UPDATE=1");
    }
}
