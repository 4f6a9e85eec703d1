//! To a NATS server's JetStream: one message an event, on the sink's subject, a dot and the kind of its entry. An
//! event counts as taken when a stream has acknowledged that it keeps it; its id, origin and index, lets the stream
//! drop one that comes twice within its window.

use std::time::Duration;

use async_nats::{
    Client, ConnectOptions, HeaderMap, header,
    jetstream::{
        self, ErrorCode,
        context::{Context, PublishErrorKind},
    },
};
use tokio::{sync::Mutex, time::timeout};

use super::{Event, Undelivered};
use crate::{
    config::{NatsConfig, NatsLogin},
    identity,
};

/// How long a connection, or all acknowledgements of a batch, may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// One server.
pub(super) struct Nats {
    config: NatsConfig,
    tls: rustls::ClientConfig,
    origin: String,
    /// Kept from batch to batch as long as everything goes well.
    connection: Mutex<Option<Context>>,
}

impl Nats {
    pub(super) fn new(config: &NatsConfig, origin: &str) -> Result<Self, String> {
        let tls = identity::tls_to(config.ca_file.as_deref())?;
        let (config, origin) = (config.clone(), origin.to_owned());
        Ok(Self { config, tls, origin, connection: Mutex::new(None) })
    }

    /// Sends a batch. Of one that fails in its middle everything is sent again, over a new connection; the old one tries
    /// to come back once and no more, so that what it still had to say comes soon, or never.
    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        let mut kept = self.connection.lock().await;
        let context = match kept.take() {
            Some(context) => context,
            None => self.connect().await?,
        };
        timeout(PATIENCE, self.publish(&context, batch)).await.unwrap_or(Err(NO_ANSWER))?;
        *kept = Some(context);
        Ok(())
    }

    async fn publish(&self, context: &Context, batch: &[Event]) -> Result<(), Undelivered> {
        let mut acknowledgements = Vec::with_capacity(batch.len());
        for event in batch {
            let subject = format!("{}.{}", self.config.subject, event.kind);
            let payload = event.json.clone().into();
            let sent = context.publish_with_headers(subject, self.headers(event), payload).await;
            acknowledgements.push(sent.map_err(|error| refusal(&error))?);
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await.map_err(|error| refusal(&error))?;
        }
        Ok(())
    }

    fn headers(&self, event: &Event) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // A summary has the index of the last entry that it counts.
        let id = match event.kind {
            "export_summary" => format!("{}/{}/summary/{}", self.origin, event.index, event.time),
            _ => format!("{}/{}", self.origin, event.index),
        };
        headers.insert(header::NATS_MESSAGE_ID, id);
        headers
    }

    async fn connect(&self) -> Result<Context, Undelivered> {
        let options = self.options()?;
        let connected = timeout(PATIENCE, options.connect(self.config.url.as_str())).await;
        let client: Client = connected.map_err(|_| NO_ANSWER)?.map_err(|error| {
            tracing::debug!(%error, "a NATS server cannot be connected to");
            match error.kind() {
                async_nats::ConnectErrorKind::Authentication
                | async_nats::ConnectErrorKind::AuthorizationViolation => Undelivered::NotNow("not_accepted"),
                async_nats::ConnectErrorKind::Tls => Undelivered::NotNow("tls"),
                _ => NO_ANSWER,
            }
        })?;
        let mut context = jetstream::new(client);
        context.set_timeout(PATIENCE);
        Ok(context)
    }

    fn options(&self) -> Result<ConnectOptions, Undelivered> {
        let options = ConnectOptions::new()
            .name("connect-agent")
            .connection_timeout(PATIENCE)
            // Only the server that was named: another may be behind it, or nobody's.
            .ignore_discovered_servers()
            // Zero would be for ever.
            .max_reconnects(1)
            .require_tls(!self.config.is_plain())
            .tls_client_config(self.tls.clone());
        Ok(match &self.config.login {
            NatsLogin::Nobody => options,
            NatsLogin::Token(token) => options.token(token.0.clone()),
            NatsLogin::Password { user, password } => {
                options.user_and_password(user.clone(), password.0.clone())
            }
            NatsLogin::Credentials(path) => {
                let text = std::fs::read_to_string(path).map_err(|_| CREDENTIALS)?;
                options.credentials(&text).map_err(|_| CREDENTIALS)?
            }
        })
    }
}

const NO_ANSWER: Undelivered = Undelivered::NotNow("no_answer");
const CREDENTIALS: Undelivered = Undelivered::NotNow("credentials_unreadable");

/// Only what is wrong with this very message is never taken.
fn refusal(error: &jetstream::context::PublishError) -> Undelivered {
    tracing::debug!(%error, "a NATS server did not take an event");
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Undelivered::Refused("too_large"),
        PublishErrorKind::StreamNotFound => Undelivered::NotNow("no_stream"),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => NO_ANSWER,
        _ => match stream_error(error) {
            Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Undelivered::Refused("too_large"),
            _ => Undelivered::NotNow("not_taken"),
        },
    }
}

/// What the stream itself said, where it did.
fn stream_error(error: &jetstream::context::PublishError) -> Option<ErrorCode> {
    let source = std::error::Error::source(error)?;
    Some(source.downcast_ref::<jetstream::Error>()?.error_code())
}
