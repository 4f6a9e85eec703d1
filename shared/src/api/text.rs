//! Being shown the exact text of a statement. Whoever is shown one holds it against the log: the answer has the
//! receipt of the statement's entry, whose commitment is over what the answer says.

use serde::{Deserialize, Serialize};

use crate::{hexadecimal::hexadecimal, ids::StatementId, proof::tree::plain_hash};

/// Longest reason, in bytes.
pub const MAX_TEXT_REASON: usize = 500;

/// `POST /v1/text`: one of the two, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementId>,
    pub reason: String,
}

/// What was kept of a statement.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextAnswer {
    /// `connect.text/1`
    pub schema: String,
    pub statement: StatementId,
    /// Index of its INTENT or denial.
    pub index: u64,
    /// The receipt of that entry: a `c2sp.org/tlog-proof@v1`.
    pub receipt: String,
    /// Where the index of an OUTCOME was asked for, the receipt of that one: which statement it is of is not to be
    /// believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Hexadecimal. Absent without the text: with it passwords could be tried against the commitment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The exact text in base64, in the client's encoding. Absent: texts of its kind are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Hexadecimal SHA-256 of the Bind message; zeros where nothing was bound. Absent without the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binds: Option<String>,
    /// That message in base64. Absent: nothing was bound, or it was too long to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<String>,
    /// Its values in words, as the agent reads that message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl std::fmt::Debug for TextAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextAnswer")
            .field("statement", &self.statement)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// The commitment of an entry to its statement: hexadecimal SHA-256 over the salt, the length of the text in 8 bytes,
/// big-endian, the text, and the SHA-256 of what was bound.
#[must_use]
pub fn text_commitment(salt: &[u8; 32], text: &[u8], binds: &[u8; 32]) -> String {
    let length = (text.len() as u64).to_be_bytes();
    hexadecimal(&plain_hash(&[salt.as_slice(), &length, text, binds].concat()).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '\1…(32)\0\0\0\0\0\0\0\10select 1\0…(32)' | sha256sum`
    #[test]
    fn a_commitment_is_what_anybody_computes() {
        let all = [&[1; 32][..], &[0, 0, 0, 0, 0, 0, 0, 8], b"select 1", &[0; 32]].concat();
        let commitment = text_commitment(&[1; 32], b"select 1", &[0; 32]);
        assert_eq!(commitment, hexadecimal(&plain_hash(&all).0));
        assert_ne!(commitment, text_commitment(&[1; 32], b"select 1", &[1; 32]));
        assert_ne!(commitment, text_commitment(&[2; 32], b"select 1", &[0; 32]));
    }
}
