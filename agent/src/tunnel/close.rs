//! The codes with which the agent closes a tunnel. The words are for people who read packet traces; the
//! CLI has heard the reason as a notice before.

use quinn::VarInt;

/// Why a tunnel is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The client is done.
    Done,
    /// No HELLO within the time.
    NoHello,
    /// The peer broke the rules of the frames.
    Violation,
    /// The grant is worth nothing here.
    Refused,
    /// The grant is over.
    Expired,
    /// The agent stops.
    Stopping,
    /// Another tunnel goes on with the session.
    Superseded,
    /// The tunnel broke or fell silent, and nobody waits for the session.
    Lost,
    /// Somebody may not go on.
    Revoked,
    /// The run that the session is of is over.
    RunEnded,
}

impl Close {
    pub(super) const fn code(self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Done => 0,
            Self::NoHello => 1,
            Self::Violation => 2,
            Self::Refused => 3,
            Self::Expired => 4,
            Self::Stopping => 5,
            Self::Superseded => connect_shared::frame::SUPERSEDED,
            Self::Lost => 7,
            Self::Revoked => 8,
            Self::RunEnded => 9,
        })
    }

    pub(super) const fn words(self) -> &'static [u8] {
        match self {
            Self::Done => b"done",
            Self::NoHello => b"no HELLO in time",
            Self::Violation => b"a frame broke the protocol",
            Self::Refused => b"the grant is refused",
            Self::Expired => b"the grant is over",
            Self::Stopping => b"the agent stops",
            Self::Superseded => b"another tunnel goes on with the session",
            Self::Lost => b"the tunnel was silent",
            Self::Revoked => b"revoked",
            Self::RunEnded => b"the run is over",
        }
    }

    /// In [`connect_shared::entry::Entry::SessionClosed`].
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "tunnel_closed",
            Self::NoHello => "no_hello",
            Self::Violation => "protocol_violation",
            Self::Refused => "refused",
            Self::Expired => "grant_expired",
            Self::Stopping => "agent_stopping",
            Self::Superseded => "superseded",
            Self::Lost => "tunnel_lost",
            Self::Revoked => "revoked",
            Self::RunEnded => "run_ended",
        }
    }
}
