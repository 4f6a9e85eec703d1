//! A sign-in that is under way, as its browser carries it: when it ends, something random, and where it was
//! going. State, nonce and the verifier of PKCE are made of the whole by a key that dies with the agent, so
//! nothing is kept here, however many begin, and a text that somebody has changed answers no question.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::ids::RequestId;

use crate::{identity::Question, keys};

/// How long a person may take at the provider, in seconds.
pub(super) const LIFE: u64 = 600;
/// Longest text that is looked at, and longest signature of a link in it.
const MAX_TICKET: usize = 512;
pub(super) const MAX_SIGNATURE: usize = 128;

/// Where somebody was going before they had to sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Errand {
    pub(super) request: Option<RequestId>,
    /// The signature of the link that they followed.
    pub(super) signature: Option<String>,
}

impl Errand {
    /// What is no request is the list; what is no signature is none.
    pub(super) fn of(request: Option<&str>, signature: Option<&str>) -> Self {
        let request = request.and_then(|request| request.parse().ok());
        let fits = |text: &&str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !text.is_empty() && text.len() <= MAX_SIGNATURE && text.bytes().all(letter)
        };
        Self { request, signature: signature.filter(fits).map(str::to_owned) }
    }

    /// A path of the console, and of nowhere else.
    pub(super) fn path(&self) -> String {
        match (self.request, &self.signature) {
            (Some(request), Some(signature)) => format!("/console/requests/{request}?t={signature}"),
            (Some(request), None) => format!("/console/requests/{request}"),
            (None, _) => "/console".to_owned(),
        }
    }
}

/// Makes and reads them.
pub(super) struct Tickets(hmac::Key);

impl Tickets {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A new one, and the question that goes with it. `None`: the system gives no random bytes.
    pub(super) fn issue(&self, errand: &Errand, now: u64) -> Option<(String, Question)> {
        let random = URL_SAFE_NO_PAD.encode(keys::random::<32>().ok()?);
        let request = errand.request.map(|request| request.to_string()).unwrap_or_default();
        let signature = errand.signature.as_deref().unwrap_or_default();
        let text = format!("{}.{random}.{request}.{signature}", now.saturating_add(LIFE));
        let question = self.question(&text);
        Some((text, question))
    }

    /// What a browser's answer must be held against, and where its person was going. It is the state in the
    /// answer that proves that the text is one of ours.
    pub(super) fn read(&self, text: &str, now: u64) -> Option<(Question, Errand)> {
        if text.len() > MAX_TICKET {
            return None;
        }
        let mut parts = text.split('.');
        let (Some(until), Some(_), Some(request), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let until: u64 = until.parse().ok()?;
        (now < until).then(|| (self.question(text), Errand::of(Some(request), Some(signature))))
    }

    fn question(&self, text: &str) -> Question {
        let part =
            |name: &str| URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, format!("{name} {text}").as_bytes()));
        Question { state: part("state"), nonce: part("nonce"), verifier: part("verifier") }
    }
}
