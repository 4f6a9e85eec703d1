//! The thin driver: one task a database connection. It carries bytes, records and acknowledgements
//! between the tunnel, the database, the log and the machine of the core, and decides nothing.
//!
//! [`downstream`] is the client's end (frames of the tunnel), [`database`] the other one, [`pump`] the loop
//! between them.

mod database;
mod downstream;
mod follow;
mod pump;

use std::sync::Arc;

use bytes::BytesMut;
use connect_core::{
    budget::LookupBudget,
    machine::Ending,
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce},
};
use connect_shared::{entry::Entry, error::ErrorReport, error::Exit, frame::Open, ids::ConnectionId};
use tokio::sync::watch;

use self::{downstream::Downstream, pump::Pump};
use crate::{cancel::CancelRegistry, log::Log, requests::Requests, resource::ResourceRuntime};

/// Whether a session may go on.
#[derive(Debug, Clone)]
pub enum Authority {
    /// The grant in force, also after a renewal.
    InForce(GrantInForce),
    /// Expired, revoked, drained: every connection ends with these words.
    Ended(Ending),
}

/// What a connection needs of its session and its agent.
#[derive(Clone)]
pub struct ConnectionContext {
    pub facts: ConnectionFacts,
    pub authority: watch::Receiver<Authority>,
    pub resource: Arc<ResourceRuntime>,
    pub mask_key: Arc<MaskKey>,
    pub lookups: Arc<LookupBudget>,
    /// Key of the salts of commitments.
    pub commitment_key: [u8; 32],
    pub log: Log,
    pub cancels: Arc<CancelRegistry>,
    pub requests: Arc<Requests>,
}

impl ConnectionContext {
    fn opened(&self) -> Entry {
        Entry::ConnectionOpened {
            session: self.facts.session,
            connection: self.facts.connection,
            upstream: format!("{}:{}", self.resource.upstream.host, self.resource.upstream.port),
        }
    }

    fn closed(&self, code: String) -> Entry {
        Entry::ConnectionClosed { session: self.facts.session, connection: self.facts.connection, code }
    }

    /// The id that the tunnel gave to this connection.
    fn connection(&self) -> ConnectionId {
        self.facts.connection
    }
}

/// Serves one database connection to its end. `buffered` is what came behind the OPEN frame.
pub async fn run(
    context: ConnectionContext,
    open: Open,
    buffered: BytesMut,
    send: quinn::SendStream,
    receive: quinn::RecvStream,
) {
    let mut downstream = Downstream::new(send, receive, buffered);
    if open.resume_from != 0 {
        // Offsets are on the wire from the first day; keeping bytes to resume from is not.
        let error = ErrorReport::new(
            "resume_unsupported",
            Exit::SessionEnded,
            "this agent does not keep connections to resume",
        )
        .help("connect again");
        return downstream.refuse(error).await;
    }
    if context.log.append(context.opened()).is_err() {
        let error = ErrorReport::new(
            "record_unavailable",
            Exit::Unreachable,
            "the agent cannot record statements, so it opens no connection",
        )
        .help("tell the operator of the agent that its log is closed")
        .retryable();
        return downstream.refuse(error).await;
    }
    let connection = context.connection();
    tracing::debug!(%connection, "connection opened");
    let (closing, log) = (context.clone(), context.log.clone());
    let code = match Pump::new(context, downstream) {
        Ok(pump) => pump.run().await,
        Err(code) => code,
    };
    tracing::debug!(%connection, code, "connection closed");
    // A log that is closed has said so already; the connection is over either way.
    let _refused = log.append(closing.closed(code));
}
