//! Links to the page of a request: plain ones for whoever waits, and signed ones for a chat, which say that
//! it is this agent that sends its readers there. A link lets nobody in and decides nothing.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::ids::RequestId;

use crate::store::Request;

/// Bytes of the end, then of the tag.
const END: usize = 8;
const LENGTH: usize = END + 32;

/// What makes and knows links.
pub struct Links {
    url: String,
    key: hmac::Key,
}

/// What a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Good,
    /// Good until a moment ago.
    Over,
    /// Not of this agent, or of another request.
    Foreign,
}

impl Links {
    pub(super) fn new(url: String, key: &[u8; 32]) -> Self {
        let own = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = hmac::sign(&own, b"connect.link/1: links to requests");
        Self { url, key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) }
    }

    /// The page of a request.
    #[must_use]
    pub fn page_of(&self, request: RequestId) -> String {
        format!("{}/console/requests/{request}", self.url)
    }

    /// The same, signed: good for this request, for what it binds, and for as long as it waits.
    #[must_use]
    pub fn signed(&self, request: &Request) -> String {
        let end = request.expires_at.to_be_bytes();
        let tag = hmac::sign(&self.key, &signed_part(request, end));
        let text = URL_SAFE_NO_PAD.encode([&end[..], tag.as_ref()].concat());
        format!("{}?t={text}", self.page_of(request.id))
    }

    pub(super) fn worth(&self, request: &Request, text: &str, now: u64) -> Worth {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let Some((end, tag)) = bytes.split_first_chunk::<END>().filter(|_| bytes.len() == LENGTH) else {
            return Worth::Foreign;
        };
        match hmac::verify(&self.key, &signed_part(request, *end), tag) {
            Err(_) => Worth::Foreign,
            Ok(()) if u64::from_be_bytes(*end) <= now => Worth::Over,
            Ok(()) => Worth::Good,
        }
    }
}

/// The id is of a fixed length, and so is the end.
fn signed_part(request: &Request, end: [u8; END]) -> Vec<u8> {
    [&request.id.to_bytes()[..], &end, request.key.binding.as_bytes()].concat()
}
