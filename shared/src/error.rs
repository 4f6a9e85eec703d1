//! One shape for every error that leaves a process: what, why, next.

use serde::{Deserialize, Serialize};

use crate::ids::RequestId;

/// Exit codes of `connect`. They are part of the contract: scripts test them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Done,
    Unexpected,
    Usage,
    NotFound,
    SignInNeeded,
    Denied,
    ApprovalNeeded,
    Unreachable,
    SessionEnded,
    Local,
    VerificationFailed,
}

impl Exit {
    /// The process exit status.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::SignInNeeded => 4,
            Self::Denied => 5,
            Self::ApprovalNeeded => 6,
            Self::Unreachable => 7,
            Self::SessionEnded => 8,
            Self::Local => 9,
            Self::VerificationFailed => 10,
        }
    }
}

/// What becomes of what a connection was doing when it was lost: an answer that never arrived may have been that
/// a transaction is committed, so nobody may be told that it was not. A part of a sentence.
pub const UNANSWERED: &str = "what was sent and not answered, a COMMIT too, may have taken effect: look before you \
    repeat it; a transaction whose end was not sent was rolled back";

/// An error as the control API sends it and as `connect -o json` prints it. Texts never hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ErrorReport {
    /// Stable, for programs: `grant_expired`, `agent_unreachable` …
    pub code: String,
    pub exit: Exit,
    /// What happened and why.
    pub message: String,
    /// At most two next steps; a line that starts with `connect` runs as pasted.
    #[serde(default)]
    pub help: Vec<String>,
    /// Id for `connect explain`, where a policy decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The request that was made, or has to be decided first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RequestId>>,
    /// Whether the same call may succeed later without a change.
    #[serde(default)]
    pub retryable: bool,
    /// The sign-in that would do (RFC 9470).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<Box<StepUp>>,
}

/// A sign-in that a resource demands: by one of these classes (`acr`), where it names any, and by one of these
/// methods (`amr`), where it names any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepUp {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

impl ErrorReport {
    /// An error that a retry does not cure.
    pub fn new(code: &str, exit: Exit, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            exit,
            message: message.into(),
            help: Vec::new(),
            decision: None,
            request: None,
            retryable: false,
            step_up: None,
        }
    }

    /// With one more next step.
    #[must_use]
    pub fn help(mut self, next: impl Into<String>) -> Self {
        self.help.push(next.into());
        self
    }

    /// Names the request that has to be decided first.
    #[must_use]
    pub fn of_request(mut self, request: RequestId) -> Self {
        self.request = Some(Box::new(request));
        self
    }

    /// Says that the same call may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}
