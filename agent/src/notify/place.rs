//! One place that is told: a queue, and a task that sends what is in it, one after the other.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::json;
use tokio::sync::mpsc;

use super::{message::Message, slack};
use crate::{
    config::{NoticeFormat, NotifyConfig},
    export::{Undelivered, http, webhook},
    serve::now,
    upstream::Secret,
};

/// Most notices that wait.
const MAX_WAITING: usize = 256;
/// How often one is sent, and how long is waited in between: twice as long each time, 4 minutes in all.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// A place, from where notices are said.
pub(super) struct Place {
    config: NotifyConfig,
    /// Name and port, for the operator's log: the rest may be a secret.
    host: String,
    queue: mpsc::Sender<Arc<Message>>,
}

impl Place {
    /// `None`, with words for the operator, if nothing can be sent from here.
    pub(super) fn start(config: &NotifyConfig, agent: &str) -> Option<Self> {
        Self::start_with(config, agent, FIRST_PAUSE)
    }

    pub(super) fn start_with(config: &NotifyConfig, agent: &str, pause: Duration) -> Option<Self> {
        let Some(client) = http::client() else {
            tracing::warn!("notices cannot be sent: there is no TLS to anybody");
            return None;
        };
        let host = Url::parse(&config.url.0).ok().map(|url| url.origin().ascii_serialization());
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let host = host.unwrap_or_default();
        let sender = Sender {
            client,
            url: config.url.clone(),
            format: config.format.clone(),
            agent: agent.to_owned(),
            host: host.clone(),
            pause,
        };
        tokio::spawn(sender.run(waiting));
        Some(Self { config: config.clone(), host, queue })
    }

    pub(super) fn hears_of(&self, resource: &str) -> bool {
        self.config.resources.as_ref().is_none_or(|resources| resources.contains(resource))
    }

    /// Puts it into the queue, if there is room.
    pub(super) fn say(&self, message: &Arc<Message>) {
        if self.queue.try_send(Arc::clone(message)).is_err() {
            let (request, host) = (message.request, &self.host);
            tracing::warn!(%request, host, "a notice is left out: too many wait to be sent");
        }
    }
}

struct Sender {
    client: Client,
    url: Secret,
    format: NoticeFormat,
    agent: String,
    host: String,
    pause: Duration,
}

impl Sender {
    async fn run(self, mut waiting: mpsc::Receiver<Arc<Message>>) {
        while let Some(message) = waiting.recv().await {
            self.deliver(&message).await;
        }
    }

    async fn deliver(&self, message: &Message) {
        let mut pause = self.pause;
        for attempt in 1..=ATTEMPTS {
            let (request, host) = (message.request, self.host.as_str());
            let failure = match http::send(self.request(message)).await {
                Ok(_) => return,
                Err(Undelivered::Refused(why)) => {
                    return tracing::warn!(%request, host, why, "a notice is refused and given up");
                }
                Err(Undelivered::NotNow(why)) => why,
            };
            // What nobody can decide any more is no news.
            if attempt == ATTEMPTS || message.expires_at <= now() {
                return tracing::warn!(%request, host, why = failure, "a notice is given up");
            }
            tracing::debug!(%request, host, why = failure, "a notice is tried again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    fn request(&self, message: &Message) -> RequestBuilder {
        let request = self.client.post(&self.url.0);
        match &self.format {
            NoticeFormat::Slack => request.json(&slack::blocks(message, &self.agent)),
            NoticeFormat::Json { secret } => {
                let body = json!({
                    "type": format!("connect.request.{}", message.event()),
                    "agent": self.agent,
                    "data": message,
                });
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                webhook::signed(request, &key, &message.id(), body.to_string())
            }
        }
    }
}
