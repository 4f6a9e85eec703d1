//! Why a token lets nobody in, in words for the one who showed it.

use connect_shared::error::{ErrorReport, Exit};

use super::FetchError;
use crate::jws::JwsError;

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error("the token is a `{0}`, not an ID token")]
    Kind(String),
    #[error("the token is signed with a key that the identity provider does not publish")]
    UnknownKey,
    #[error("the token lacks `{0}`, or it is not what it should be")]
    Claim(&'static str),
    #[error("the token comes from another identity provider than `{expected}`")]
    Issuer { expected: String },
    #[error("the token was made for another application than `{expected}`")]
    Audience { expected: String },
    #[error("the token's `{claim}` is not what `[[workload]]` `{workload}` admits")]
    NotAdmitted { workload: String, claim: String },
    #[error("the identity provider left the groups out of the token, because there are too many")]
    GroupsLeftOut,
    #[error("the sign-in was revoked")]
    Revoked,
    #[error("the sign-in is over: its token expired")]
    Expired,
    #[error("the sign-in is too old: its token was made longer ago than `max_token_age` of the agent allows")]
    TooOld,
    #[error("the token is not valid yet; one of the clocks is wrong")]
    NotYet,
    #[error(transparent)]
    Provider(#[from] FetchError),
}

impl TokenError {
    /// Stable name for programs and for the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::TooOld => "token_too_old",
            Self::NotYet => "token_not_yet_valid",
            Self::Issuer { .. } => "token_wrong_issuer",
            Self::Audience { .. } => "token_wrong_audience",
            Self::NotAdmitted { .. } => "token_not_admitted",
            Self::GroupsLeftOut => "token_groups_left_out",
            Self::Revoked => "sign_in_revoked",
            Self::UnknownKey => "token_unknown_key",
            Self::Jws(JwsError::Signature) => "token_bad_signature",
            Self::Jws(JwsError::Algorithm(_)) => "token_bad_algorithm",
            Self::Jws(_) | Self::Kind(_) | Self::Claim(_) => "token_malformed",
            Self::Provider(FetchError::Unreachable { .. }) => "idp_unreachable",
            Self::Provider(_) => "idp_misconfigured",
        }
    }

    /// Whether a token came further where this was found than where the other one was.
    pub(super) fn is_closer_than(&self, other: &Self) -> bool {
        let steps = |error: &Self| match error {
            Self::Kind(_) => 0,
            Self::Audience { .. } => 1,
            _ => 2,
        };
        steps(self) > steps(other)
    }

    /// For the caller.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let exit = match self {
            Self::Provider(_) => Exit::Unreachable,
            Self::NotAdmitted { .. } | Self::GroupsLeftOut => Exit::Denied,
            _ => Exit::SignInNeeded,
        };
        let report = ErrorReport::new(self.code(), exit, self.to_string());
        match self {
            Self::Provider(_) => report
                .help("try again in a moment; open sessions go on until their grants end")
                .help("connect doctor")
                .retryable(),
            Self::NotYet => report.help("set the clock of this machine").help("connect login"),
            Self::Revoked => report
                .help("connect login")
                .help("if that does not help: whoever revoked it keeps you out for a while; ask them"),
            Self::NotAdmitted { .. } => {
                report.help("compare the token's claims with `claims` in the agent's configuration")
            }
            Self::GroupsLeftOut => report
                .help("let the identity provider send only groups that are assigned to this application"),
            _ => report.help("connect login"),
        }
    }
}
