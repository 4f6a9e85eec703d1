//! One stream of a tunnel, from its first byte to the driver: OPEN is read and checked here, answered
//! there.

use std::{sync::Arc, time::Duration};

use connect_core::principal::{ConnectionFacts, Principal};
use connect_shared::{
    error::{ErrorReport, Exit},
    frame::{Frame, Open, Opened, VERSION},
    ids::SessionId,
};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::{sync::watch, time::timeout};

use super::frames::{self, FrameReader};
use crate::{
    driver::{self, Authority, ConnectionContext},
    serve::{Agent, NoPlace, Served},
};

/// From a new stream to its whole OPEN.
const OPEN_TIME: Duration = Duration::from_secs(5);
/// How long the reason of a refusal may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Code of a stream that broke the protocol.
const VIOLATION: VarInt = VarInt::from_u32(2);

/// The session that a stream belongs to.
pub(super) struct Origin {
    pub(super) agent: Arc<Agent>,
    pub(super) session: SessionId,
    pub(super) principal: Arc<Principal>,
    pub(super) served: Served,
    pub(super) authority: watch::Receiver<Authority>,
}

/// Serves one stream to its end.
pub(super) async fn serve(origin: Origin, mut send: SendStream, receive: RecvStream) {
    let mut reader = FrameReader::new(receive);
    let open = match timeout(OPEN_TIME, reader.next()).await {
        Ok(Ok(Some(Frame::Open(open)))) => open,
        _ => {
            // A peer that does not speak the protocol would not understand a reason either.
            tracing::debug!(session = %origin.session, "a stream did not begin with OPEN");
            let (mut receive, _) = reader.into_parts();
            let _closed = (send.reset(VIOLATION), receive.stop(VIOLATION));
            return;
        }
    };
    let place = match check(&origin, &open) {
        Ok(()) => origin.agent.connections.enter(open.connection).map_err(no_place),
        Err(report) => Err(report),
    };
    match place {
        Ok(place) => {
            let (receive, buffered) = reader.into_parts();
            driver::run(origin.context(&open), open, buffered, send, receive).await;
            drop(place);
        }
        Err(error) => {
            if frames::write(&mut send, &Frame::Opened(Opened::Refused { error })).await.is_ok() {
                frames::flush(&mut send, LAST_WORDS).await;
            }
        }
    }
}

impl Origin {
    fn context(&self, open: &Open) -> ConnectionContext {
        ConnectionContext {
            facts: ConnectionFacts {
                session: self.session,
                connection: open.connection,
                principal: Arc::clone(&self.principal),
                resource: Arc::clone(&self.served.runtime.resource),
            },
            authority: self.authority.clone(),
            resource: Arc::clone(&self.served.runtime),
            mask_key: Arc::clone(&self.agent.mask_key),
            lookups: Arc::clone(&self.agent.lookups),
            commitment_key: self.agent.commitment_key,
            log: self.agent.log.clone(),
            cancels: Arc::clone(&self.agent.cancels),
            requests: Arc::clone(&self.agent.requests),
        }
    }
}

fn check(origin: &Origin, open: &Open) -> Result<(), ErrorReport> {
    let granted = &origin.served.runtime.resource.name;
    if open.version != VERSION {
        let words =
            format!("this agent speaks version {VERSION} of the tunnel's frames, not {}", open.version);
        return Err(ErrorReport::new("version_unsupported", Exit::Local, words)
            .help("install the `connect` that fits the agent's version"));
    }
    if open.resource != *granted {
        let words = format!("this session's grant is for `{granted}` and nothing else");
        return Err(ErrorReport::new("grant_other_resource", Exit::Denied, words).help("connect ls"));
    }
    if open.engine != origin.served.engine {
        let words = format!("`{granted}` is a {} database", origin.served.engine.display_name());
        return Err(ErrorReport::new("other_engine", Exit::Usage, words).help("connect ls"));
    }
    Ok(())
}

fn no_place(reason: NoPlace) -> ErrorReport {
    match reason {
        NoPlace::Full => ErrorReport::new(
            "too_many_connections",
            Exit::Unreachable,
            "the agent has as many database connections as it takes",
        )
        .help("close some, then try again")
        .retryable(),
        NoPlace::Taken => ErrorReport::new(
            "connection_id_taken",
            Exit::Unexpected,
            "another open connection has the same id",
        )
        .retryable(),
    }
}
