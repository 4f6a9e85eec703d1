//! The thin driver: one task a database connection. It carries bytes, records and acknowledgements
//! between the tunnel, the database, the log and the machine of the core, and decides nothing.

use std::sync::Arc;

use connect_core::{machine::Ending, mask::MaskKey, principal::{ConnectionFacts, GrantInForce}};
use tokio::sync::watch;

use crate::resource::ResourceRuntime;

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
    /// Key of the salts of commitments.
    pub commitment_key: [u8; 32],
    pub log: crate::log::Log,
    pub cancels: Arc<crate::cancel::CancelRegistry>,
}
