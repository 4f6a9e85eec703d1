//! What an attestation of a run says. This file is the reference of the predicate [`PREDICATE_TYPE`]; fields
//! are only ever added.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::{
    approval::Approval,
    folder::{Folder, digest_of},
};
use crate::{
    entry::{StatementResult, TextRef},
    hexadecimal::hexadecimal,
    ids::{RequestId, StatementId},
    label::Label,
    lineage::UnderstandingStatus,
};

/// `_type` of an in-toto statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of SLSA provenance.
pub const SLSA_TYPE: &str = "https://slsa.dev/provenance/v1";
/// `predicateType` of ours.
pub const PREDICATE_TYPE: &str = "tag:connect.invalid,2026:run/v1";
/// The version of what is made now. From 2 on every figure can be made again from the statements, the approvals
/// are there, and the log's entry has a [`super::summary`] of all of it.
pub const PREDICATE_VERSION: u8 = 2;
/// Files of one run, in and out.
pub const MAX_FILES: usize = 64;

/// An in-toto statement, v1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement<P> {
    #[serde(rename = "_type")]
    pub kind: String,
    pub subject: Vec<Descriptor>,
    pub predicate_type: String,
    pub predicate: P,
}

/// A file by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    pub name: String,
    pub digest: std::collections::BTreeMap<String, String>,
}

/// A file or folder of a run, as `connect` found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Its name, without the folders above it. That of a folder ends with `/`.
    pub name: String,
    /// Hexadecimal. Of a folder: in-toto's `dirHash`, see [`super::Folder`].
    pub sha256: String,
    pub length: u64,
    /// When it was last written, by its machine's clock: milliseconds since 1970-01-01T00:00:00Z.
    pub modified: u64,
    /// How many files it has, if it is a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

impl FileFact {
    /// As in-toto names it.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        let algorithm = digest_of(self.files.is_some());
        Descriptor {
            name: self.name.clone(),
            digest: [(algorithm.to_owned(), self.sha256.clone())].into_iter().collect(),
        }
    }
}

/// What the agent saw of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPredicate {
    /// [`PREDICATE_VERSION`] of its time; absent in the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub version: u8,
    /// A UUID.
    pub run: String,
    pub job: String,
    /// The run that this one is part of, as the environment named it: by the word of `connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Origin of the agent's log.
    pub agent: String,
    pub resource: String,
    /// All of its resources, if there are several; `resource` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    pub principal: Principal,
    /// Verifier key of the run, `name+hash+base64`: with it `connect` signs the hashes of the files.
    pub key: String,
    /// First and last entry of the run: milliseconds since 1970-01-01T00:00:00Z, by the agent's clock.
    pub started: u64,
    pub ended: u64,
    /// The last statement that read: milliseconds, by the agent's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_read: Option<u64>,
    pub sources: Vec<Source>,
    pub statements: Vec<StatementRecord>,
    /// Every approval without which some of the statements would not have run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// SHA-256 of each policy set that decided, in hexadecimal.
    pub policies: Vec<String>,
    pub counters: Counters,
    /// Resources that the run had lost before its end: what it did after that was without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostResource>,
    /// By the word of `connect`; the agent never saw a file.
    pub inputs: Vec<FileFact>,
    pub outputs: Vec<FileFact>,
    /// The files of each folder among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<Folder>,
    /// What nobody vouches for.
    pub not_covered: Vec<String>,
    /// Index of the run's end in the agent's log, and the proof that it stands there.
    pub index: u64,
    pub receipt: String,
    /// Proofs that the entries of the approvals stand there, too; as many of them as have a place here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<String>,
}

const fn first() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
const fn is_first(version: &u8) -> bool {
    *version == 1
}

impl RunPredicate {
    /// All of its resources, the first one first.
    pub fn all_resources(&self) -> impl Iterator<Item = &str> {
        let only = self.resources.is_empty().then_some(&self.resource);
        only.into_iter().chain(&self.resources).map(String::as_str)
    }
}

/// Who acted, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub name: String,
    pub sub: String,
    pub idp: String,
    /// The AI agent that acted for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// A resource whose last session was over before the run was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostResource {
    pub resource: String,
    /// Why, as the log has the end of the session: `tunnel_lost`, `grant_expired`, `revoked` … Or `closed`: by the
    /// word of `connect`.
    pub code: String,
}

/// A table that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is, if the run had several resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `schema.table`
    pub table: String,
    pub columns: Vec<SourceColumn>,
    /// Statements that read it, and the rows that these returned.
    pub statements: u64,
    pub rows: u64,
    /// The approvals behind these statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<RequestId>,
}

/// A column that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    pub name: String,
    #[serde(rename = "use")]
    pub usage: Use,
    /// Its label, if the run saw masks in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Label>,
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Its values can have flowed into what came back.
    Direct,
    /// It decided which rows came back.
    Indirect,
}

/// One statement of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRecord {
    pub statement: StatementId,
    /// Index of its INTENT.
    pub index: u64,
    /// Where it ran, if the run had several resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    pub verb: String,
    pub text: TextRef,
    /// Salted commitment to the exact text and binds.
    pub commitment: String,
    pub result: StatementResult,
    pub rows: u64,
    /// How well it was understood: `complete` means that the columns below are all.
    pub status: UnderstandingStatus,
    pub direct: Vec<String>,
    pub indirect: Vec<String>,
    pub writes: Vec<String>,
    pub masked: Vec<String>,
    /// The label of each in `masked`, in its order. What follows is there from version 2 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// When it was about to run, and when its end was known: milliseconds, by the agent's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// Which of the run's policies decided, by its place among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<u32>,
    /// Approvals without which it would not have run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<RequestId>,
}

impl StatementRecord {
    /// One of which nothing more is known than where its INTENT stands.
    #[must_use]
    pub const fn new(statement: StatementId, index: u64, text: TextRef) -> Self {
        Self {
            statement,
            index,
            resource: None,
            verb: String::new(),
            text,
            commitment: String::new(),
            result: StatementResult::Unknown,
            rows: 0,
            status: UnderstandingStatus::Complete,
            direct: Vec::new(),
            indirect: Vec::new(),
            writes: Vec::new(),
            masked: Vec::new(),
            labels: Vec::new(),
            time: None,
            ended: None,
            policy: None,
            approvals: Vec::new(),
        }
    }
}

/// Totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub statements: u64,
    pub denials: u64,
    pub rows: u64,
    pub failed: u64,
    pub partial: u64,
    pub opaque: u64,
    /// Statements of the same principal in the same time that were not in this run.
    pub elsewhere: u64,
}

/// What the log's entry about the end of a run holds of its statements: SHA-256 of their JSON.
#[must_use]
pub fn statements_digest(statements: &[StatementRecord]) -> String {
    let json = serde_json::to_vec(statements).unwrap_or_default();
    let digest = digest::digest(&digest::SHA256, &json);
    hexadecimal(digest.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8) -> StatementRecord {
        StatementRecord {
            commitment: "00".into(),
            result: StatementResult::Done,
            rows: 1,
            direct: vec!["public.t.a".into()],
            ..StatementRecord::new(
                StatementId::from_random([number; 16]),
                u64::from(number),
                TextRef::Length(8),
            )
        }
    }

    #[test]
    fn every_statement_and_their_order_count() {
        let (one, two) = (record(1), record(2));
        let both = statements_digest(&[one.clone(), two.clone()]);
        assert_ne!(both, statements_digest(std::slice::from_ref(&one)));
        assert_ne!(both, statements_digest(&[two.clone(), one.clone()]));
        let read: Vec<StatementRecord> =
            serde_json::from_str(&serde_json::to_string(&[one, two]).expect("JSON")).expect("the same");
        assert_eq!(both, statements_digest(&read));
        let timed = StatementRecord { time: Some(1), ..record(1) };
        assert_ne!(statements_digest(&[timed]), statements_digest(&[record(1)]));
    }

    #[test]
    fn what_was_signed_in_the_first_version_has_the_same_digest_today() {
        let old = r#"[{"statement":"st_00000000000000000000000001","index":1,"verb":"select","text":{"length":8},"commitment":"00","result":"done","rows":1,"status":"complete","direct":["public.t.a"],"indirect":[],"writes":[],"masked":[]}]"#;
        let read: Vec<StatementRecord> = serde_json::from_str(old).expect("records");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), old);
    }
}
