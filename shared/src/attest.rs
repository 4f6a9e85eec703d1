//! Attestations of runs: in-toto statements in DSSE envelopes, one envelope a line in `<output>.intoto.jsonl`.
//!
//! There are two claims, and each has its own key. The **agent** says what it saw of a run: who, which
//! statements, which columns, what was masked. It never saw the file. **`connect`** says which bytes the
//! file had when the command ended. It takes the agent's word for the rest. The line with our own predicate
//! ([`RunPredicate`]) is signed by both, the line with SLSA's by `connect` alone.
//!
//! The agent signs with the key of its log, so whoever can check its log can check this. A DSSE signature is
//! over `DSSEv1 …` and a checkpoint's over a text that begins with the log's origin: neither can be taken for
//! the other, as long as no origin begins with that word.

mod approval;
mod envelope;
mod folder;
mod limits;
mod predicate;
mod reads;
mod summary;

pub use self::{
    approval::{Approval, ApprovedAccess, Approver, behind},
    envelope::{Envelope, EnvelopeError, MAX_ENVELOPE, PAYLOAD_TYPE, Signature},
    folder::{
        Difference, EMPTY_SHA256, Folder, FolderFile, MAX_FOLDER_FILES, MAX_FOLDER_NAME, descriptors,
        digest_of, folder_of, is_hash, is_name,
    },
    limits::{ATTESTATION, MAX_FILE_NAME, MAX_RUN_END, TooMuch, names_within, within},
    predicate::{
        Counters, Descriptor, FileFact, LostResource, MAX_FILES, PREDICATE_TYPE, PREDICATE_VERSION,
        Principal, RunPredicate, SLSA_TYPE, STATEMENT_TYPE, Source, SourceColumn, Statement, StatementRecord,
        Use, statements_digest,
    },
    reads::{ReadColumn, ReadTable, Reads, last_read, last_time, reads, sources},
    summary::summary,
};
