//! What is asked of a host among several: `target_session_attrs`, with libpq's words and meanings.

use bytes::Bytes;

use super::{Upstream, UpstreamError, ask};

/// What a host must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionAttributes {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// How a host answers to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Good,
    /// If there is no better one.
    Spare,
    Bad,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    standby: bool,
    read_only: bool,
}

impl SessionAttributes {
    /// The words of the configuration.
    pub const NAMES: [(&str, Self); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Any => "there",
            Self::ReadWrite => "open for writing",
            Self::ReadOnly => "read-only",
            Self::Primary => "a primary",
            Self::Standby => "a standby",
            Self::PreferStandby => "a standby or a primary",
        }
    }

    const fn judge(self, state: State) -> Fit {
        let good = match self {
            Self::Any => true,
            Self::ReadWrite => !state.standby && !state.read_only,
            Self::ReadOnly => state.standby || state.read_only,
            Self::Primary => !state.standby,
            Self::Standby | Self::PreferStandby => state.standby,
        };
        match (good, self) {
            (true, _) => Fit::Good,
            (false, Self::PreferStandby) => Fit::Spare,
            (false, _) => Fit::Bad,
        }
    }

    /// Looks at what a server reports since version 14, or asks an older one.
    pub(super) async fn fit(self, upstream: &mut Upstream) -> Result<Fit, UpstreamError> {
        if self == Self::Any {
            return Ok(Fit::Good);
        }
        let state = match reported(&upstream.parameters) {
            Some(state) => state,
            None => asked(upstream).await?,
        };
        Ok(self.judge(state))
    }
}

fn reported(parameters: &[(Bytes, Bytes)]) -> Option<State> {
    let on = |wanted: &str| {
        let found = parameters.iter().rev().find(|(name, _)| name[..] == *wanted.as_bytes());
        found.map(|(_, value)| value[..] == *b"on")
    };
    Some(State { standby: on("in_hot_standby")?, read_only: on("default_transaction_read_only")? })
}

pub(super) const STATE: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
    pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on'";

async fn asked(upstream: &mut Upstream) -> Result<State, UpstreamError> {
    let row = ask(&mut upstream.stream, STATE).await?;
    let is_true = |place: usize| matches!(row.get(place), Some(Some(value)) if value[..] == *b"t");
    Ok(State { standby: is_true(0), read_only: is_true(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMARY: State = State { standby: false, read_only: false };
    const STANDBY: State = State { standby: true, read_only: false };
    const FROZEN: State = State { standby: false, read_only: true };

    #[test]
    fn hosts_are_judged_as_libpq_judges_them() {
        use SessionAttributes::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
        for (wanted, good) in [
            (Any, [Fit::Good, Fit::Good, Fit::Good]),
            (ReadWrite, [Fit::Good, Fit::Bad, Fit::Bad]),
            (ReadOnly, [Fit::Bad, Fit::Good, Fit::Good]),
            (Primary, [Fit::Good, Fit::Bad, Fit::Good]),
            (Standby, [Fit::Bad, Fit::Good, Fit::Bad]),
            (PreferStandby, [Fit::Spare, Fit::Good, Fit::Spare]),
        ] {
            assert_eq!([PRIMARY, STANDBY, FROZEN].map(|state| wanted.judge(state)), good, "{wanted:?}");
        }
    }

    #[test]
    fn only_both_reports_together_say_what_a_server_is() {
        let pair = |name: &'static str, value: &'static str| {
            (Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()))
        };
        let (hot, only) = (pair("in_hot_standby", "on"), pair("default_transaction_read_only", "off"));
        assert_eq!(reported(&[hot.clone(), only]), Some(STANDBY));
        assert_eq!(reported(&[hot]), None);
    }
}
