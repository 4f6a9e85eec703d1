//! The thin driver: one task a database connection. It carries bytes, records and acknowledgements
//! between the tunnel, the database, the log and the machine of the core, and decides nothing.
//!
//! [`downstream`] is the client's end (frames of the tunnel), [`database`] the other one, [`pump`] the loop
//! between them. The connection outlives the stream that it was opened on: see [`pump::park`].

mod database;
mod downstream;
mod follow;
mod kept;
mod next_stream;
mod pump;

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use connect_core::{
    budget::LookupBudget,
    decide::InForce,
    machine::Ending,
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce},
    usage::Usage,
};
use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Opened},
    ids::ConnectionId,
};
use tokio::{sync::watch, time::timeout};

use self::{downstream::Downstream, pump::Pump};
pub use self::{
    kept::Kept,
    next_stream::{NextStream, Offer, next_stream},
};
use crate::{
    cancel::CancelRegistry, exact::Texts, lineage::Gate, log::Log, parking::Parking, requests::Requests,
    resource::ResourceRuntime, serve::Agent,
};

/// How long the reason of a refusal may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whether a session may go on.
#[derive(Debug, Clone)]
pub enum Authority {
    /// The grant in force, also after a renewal.
    InForce(GrantInForce),
    /// The grant is over and the tunnel seems to be gone: nothing moves before it is renewed.
    Lapsed,
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
    pub usage: Arc<Usage>,
    /// Key of the salts of commitments.
    pub commitment_key: [u8; 32],
    /// Where exact texts go, if they are kept.
    pub texts: Option<Texts>,
    pub log: Log,
    pub cancels: Arc<CancelRegistry>,
    pub parking: Arc<Parking>,
    /// What is kept for the session's clients.
    pub kept: Kept,
    /// Set when the agent is about to stop.
    pub draining: watch::Receiver<bool>,
    pub requests: Arc<Requests>,
    pub policies: Arc<InForce>,
    /// Of a session of a run: whether statements of it may still be recorded.
    pub gate: Option<Gate>,
    /// What takes a grant away.
    pub agent: Arc<Agent>,
}

impl ConnectionContext {
    fn opened(&self) -> Entry {
        Entry::ConnectionOpened {
            session: self.facts.session,
            connection: self.facts.connection,
            upstream: self.resource.upstream.listed(),
        }
    }

    /// `statements`: the INTENTs and denials that the log has of it, where that is known.
    fn record_end(&self, code: &str, statements: Option<u64>) {
        let connection = self.connection();
        tracing::debug!(%connection, code, "connection closed");
        let (session, code) = (self.facts.session, code.to_owned());
        // A log that is closed has said so already; the connection is over either way.
        let _refused = self.log.append(Entry::ConnectionClosed { session, connection, code, statements });
    }

    /// The id that the tunnel gave to this connection.
    fn connection(&self) -> ConnectionId {
        self.facts.connection
    }
}

/// Another stream for a connection whose own is gone.
pub struct Resume {
    pub send: quinn::SendStream,
    pub receive: quinn::RecvStream,
    /// What came behind the OPEN frame.
    pub buffered: BytesMut,
    /// The byte that the client expects next.
    pub from: u64,
}

/// A connection that has begun. What it began with is gone: a task keeps room for all that it ever holds.
pub struct Begun(Box<Pump>);

impl Begun {
    /// Serves it to its end, and until the client has all of it; the code says why it ended.
    pub async fn run(self) -> String {
        self.0.run().await
    }
}

/// Begins to serve one database connection. `buffered` is what came behind the OPEN frame, `resumes` brings other
/// streams when this one is gone. The error is the code of an end that the client has been told.
pub async fn begin(
    context: ConnectionContext,
    buffered: BytesMut,
    mut send: quinn::SendStream,
    receive: quinn::RecvStream,
    resumes: NextStream,
) -> Result<Begun, String> {
    if context.log.append(context.opened()).is_err() {
        let error = ErrorReport::new(
            "record_unavailable",
            Exit::Unreachable,
            "the agent cannot record statements, so it opens no connection",
        )
        .help("tell the operator of the agent that its log is closed")
        .retryable();
        refuse(&mut send, error).await;
        return Err("record_unavailable".to_owned());
    }
    let over = over(&context.authority.borrow());
    if let Some((code, error)) = over {
        context.record_end(&code, Some(0));
        refuse(&mut send, error).await;
        return Err(code);
    }
    tracing::debug!(connection = %context.connection(), "connection opened");
    let closing = context.clone();
    let downstream = Downstream::new(send, receive, buffered, context.kept.clone());
    match Pump::new(context, downstream, resumes) {
        Ok(pump) => Ok(Begun(Box::new(pump))),
        Err(code) => {
            closing.record_end(&code, Some(0));
            Err(code)
        }
    }
}

/// The code and the words of a session that is over already.
fn over(authority: &Authority) -> Option<(String, ErrorReport)> {
    let report = |code: &str, words: String| ErrorReport::new(code, Exit::SessionEnded, words);
    match authority {
        Authority::InForce(_) => None,
        Authority::Lapsed => {
            let words = "the session's grant is over; nothing opens before it is renewed".to_owned();
            Some((
                "grant_expired".to_owned(),
                report("grant_expired", words).help("connect login").retryable(),
            ))
        }
        Authority::Ended(ending) => {
            let report = report(&ending.code, ending.message.clone());
            let report = match &ending.hint {
                Some(hint) => report.help(hint.clone()),
                None => report,
            };
            Some((ending.code.clone(), report))
        }
    }
}

/// Answers OPEN with a refusal.
pub async fn refuse(send: &mut quinn::SendStream, error: ErrorReport) {
    let mut bytes = BytesMut::new();
    let encoded = Frame::Opened(Opened::Refused { error }).encode(&mut bytes);
    let told = async {
        if encoded.is_ok() && send.write_all(&bytes).await.is_ok() && send.finish().is_ok() {
            let _all_of_it_or_never = send.stopped().await;
        }
    };
    let _deaf = timeout(LAST_WORDS, told).await;
}
