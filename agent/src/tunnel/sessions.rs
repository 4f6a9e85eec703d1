//! The sessions that another tunnel may go on with. To take one over takes the private key of the tunnel
//! that began it, the secret that it was welcomed with, and a good grant of the same principal for the same
//! resource.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::{
    error::{ErrorReport, Exit},
    frame::Resume,
    ids::SessionId,
};
use tokio::sync::mpsc;

use super::session::Arrival;
use crate::grants::{Thumbprint, VerifiedGrant};

/// Tunnels that wait to be taken by one session.
const MAX_WAITING: usize = 2;

#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<SessionId, Held>>);

struct Held {
    secret: String,
    certificate: Thumbprint,
    /// The one that it began with.
    grant: VerifiedGrant,
    arrivals: mpsc::Sender<Arrival>,
}

/// A session in the table; it is taken out when this is dropped.
pub(super) struct Registered {
    sessions: Arc<Sessions>,
    id: SessionId,
    pub(super) secret: String,
}

/// Why a session is not gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResumeRefusal {
    Unknown,
    OtherKey,
    OtherSecret,
    OtherGrant,
}

impl ResumeRefusal {
    pub(super) fn report(self) -> ErrorReport {
        let (code, words) = match self {
            Self::Unknown => ("resume_unknown", "the agent does not know this session any more"),
            Self::OtherKey => ("resume_other_key", "this session belongs to another client key"),
            Self::OtherSecret => ("resume_other_secret", "the secret of this session is another one"),
            Self::OtherGrant => (
                "resume_other_grant",
                "this session is another principal's, of another resource or of another run",
            ),
        };
        ErrorReport::new(code, Exit::SessionEnded, words).help("connect again")
    }
}

impl Sessions {
    /// A session begins; other tunnels for it arrive at the receiver. `None` without randomness.
    pub(super) fn enter(
        self: &Arc<Self>,
        id: SessionId,
        certificate: &Thumbprint,
        grant: &VerifiedGrant,
    ) -> Option<(Registered, mpsc::Receiver<Arrival>)> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let (arrivals, receiver) = mpsc::channel(MAX_WAITING);
        let held =
            Held { secret: secret.clone(), certificate: certificate.clone(), grant: grant.clone(), arrivals };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, held);
        Some((Registered { sessions: Arc::clone(self), id, secret }, receiver))
    }

    /// The session that a tunnel with `certificate` and a good `grant` may go on with.
    pub(super) fn find(
        &self,
        resume: &Resume,
        certificate: &Thumbprint,
        grant: &VerifiedGrant,
    ) -> Result<mpsc::Sender<Arrival>, ResumeRefusal> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = sessions.get(&resume.session).ok_or(ResumeRefusal::Unknown)?;
        if !held.certificate.is(certificate.as_str()) {
            return Err(ResumeRefusal::OtherKey);
        }
        let (theirs, ours) = (resume.secret.as_bytes(), held.secret.as_bytes());
        if aws_lc_rs::constant_time::verify_slices_are_equal(theirs, ours).is_err() {
            return Err(ResumeRefusal::OtherSecret);
        }
        if !grant.continues(&held.grant) {
            return Err(ResumeRefusal::OtherGrant);
        }
        Ok(held.arrivals.clone())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
