//! Bodies of answers, no longer than was expected.

use reqwest::Response;

use crate::failure::{self, Outcome};

/// How long a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// A JSON document.
    Document,
    /// So many bytes.
    Bytes(usize),
}

impl Limit {
    const fn bytes(self) -> usize {
        match self {
            Self::Document => 4 * 1024 * 1024,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The whole body.
pub(crate) async fn read(mut response: Response, limit: Limit) -> Outcome<Vec<u8>> {
    let cut =
        |error: reqwest::Error| failure::unreachable("answer_cut", failure::chain(&error.without_url()));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if bytes.len() + chunk.len() > limit.bytes() {
            return Err(failure::unexpected(format!("an answer is over {} bytes long", limit.bytes())));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
