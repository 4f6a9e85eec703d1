//! To an HTTP endpoint, signed as Standard Webhooks (<https://www.standardwebhooks.com>) says: the receiver
//! knows from whom it comes, that nothing was changed, and by its id what it has had before.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, RequestBuilder};

use super::{Event, Undelivered, http};
use crate::serve::now;

/// One endpoint.
#[derive(Debug)]
pub(super) struct Webhook {
    url: String,
    key: hmac::Key,
    origin: String,
    client: Client,
}

impl Webhook {
    pub(super) fn new(url: &str, secret: &[u8], origin: &str) -> Option<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Some(Self { url: url.to_owned(), key, origin: origin.to_owned(), client: http::client()? })
    }

    /// Sends a batch as one message.
    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(()) };
        let events: Vec<&str> = batch.iter().map(|event| event.json.as_str()).collect();
        let origin = serde_json::to_string(&self.origin).unwrap_or_default();
        let body = format!(
            r#"{{"type":"connect.audit","origin":{origin},"from":{},"to":{},"events":[{}]}}"#,
            first.index,
            last.index + 1,
            events.join(",")
        );
        let id = format!("{}-{}", first.index, last.index);
        http::send(signed(self.client.post(&self.url), &self.key, &id, body)).await.map(|_| ())
    }
}

/// A message with its id, the time of this attempt, and the signature over all of it.
pub(crate) fn signed(request: RequestBuilder, key: &hmac::Key, id: &str, body: String) -> RequestBuilder {
    let time = now();
    request
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", time.to_string())
        .header("webhook-signature", signature(key, id, time, &body))
        .body(body)
}

fn signature(key: &hmac::Key, id: &str, time: u64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let webhook = Webhook::new("http://127.0.0.1:9", &secret, "x").expect("a client");
        // The example of standardwebhooks.com's own libraries.
        let signature =
            signature(&webhook.key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
