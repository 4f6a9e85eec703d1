//! Where somebody must approve before a resource can be opened: asks, says whom, and waits.

use std::{fmt, str::FromStr, time::Duration};

use connect_shared::{
    api::{AccessWish, RequestInfo},
    error::{ErrorReport, Exit},
    ids::RequestId,
    request::RequestState,
};
use tokio::time::{Instant, sleep};

use super::Request;
use crate::{
    api::ControlApi,
    application::Application,
    failure::{self, Outcome},
    identity::Holder,
};

/// The agent's code for it.
pub(super) const NEEDED: &str = "approval_needed";

/// Seconds that one call waits at the agent.
const LOOK: u64 = 20;
/// How long an agent may be away while its verdict is waited for, and how often it is tried meanwhile.
const AWAY: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(1);

/// What to do where somebody must approve first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Ask, and wait for the verdict.
    Wait,
    /// Ask, and fail with the request's id.
    None,
}

impl Patience {
    pub(crate) const fn wished(no_wait: bool) -> Self {
        if no_wait { Self::None } else { Self::Wait }
    }
}

/// For how long something is asked for: `30m`, `2h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HowLong(pub(crate) u64);

impl FromStr for HowLong {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time; for example `30m`, `2h` or `1d`");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.parse::<u32>().ok().map(|number| u64::from(number) * unit);
        seconds.filter(|seconds| *seconds > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for HowLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            seconds if seconds % 3_600 == 0 => write!(f, "{}h", seconds / 3_600),
            seconds if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

/// The beginning of an id that people use: enough to tell a few dozen apart.
pub(crate) fn short(id: RequestId) -> String {
    id.to_string().chars().take(8).collect()
}

/// Asks for what `request` needs, and returns once it is approved.
pub(super) async fn obtain(
    application: &Application,
    api: &ControlApi,
    holder: &Holder,
    request: &Request,
    report: ErrorReport,
) -> Outcome<()> {
    let wish = AccessWish {
        resource: request.target.resource.clone(),
        actions: request.actions.clone(),
        reason: request.reason.clone(),
        actor: request.actor.clone(),
        seconds: request.how_long.map(|how_long| how_long.0),
        ..AccessWish::default()
    };
    let sign_in = application.signed_in(holder).await?;
    let asked = api.ask(sign_in.id_token.reveal(), &wish).await?;
    if request.patience == Patience::None {
        let help = vec![format!("connect requests {}", asked.id)];
        return Err(ErrorReport { help, ..report.of_request(asked.id) });
    }
    let decided = decided(application, api, holder, asked).await?;
    let by = decided.verdicts.last().map(|verdict| verdict.by.clone()).unwrap_or_default();
    if !application.console.is_for_programs() {
        let how_long = HowLong(decided.seconds.unwrap_or_default());
        application.console.say(&format!("Approved by {by} for {how_long}"));
    }
    Ok(())
}

/// Waits for a verdict, and returns the request if it is approved.
pub(crate) async fn decided(
    application: &Application,
    api: &ControlApi,
    holder: &Holder,
    asked: RequestInfo,
) -> Outcome<RequestInfo> {
    let approvers = asked.approvers.join(", ");
    let words = format!("{} needs approval from {approvers} ({}). Waiting", asked.resource, short(asked.id));
    if let Some(link) = asked.link.as_deref().filter(|_| !application.console.is_for_programs()) {
        application.console.say(&format!("They can decide at {}", failure::printable(link)));
    }
    let waiting = (!application.console.is_for_programs()).then(|| application.console.wait_for(&words));
    let mut info = asked;
    let mut heard = Instant::now();
    while info.state == RequestState::Pending {
        // The sign-in may have to be renewed meanwhile.
        let sign_in = application.signed_in(holder).await?;
        match api.request_of(sign_in.id_token.reveal(), info.id, LOOK).await {
            Ok(now) => (info, heard) = (now, Instant::now()),
            Err(report) if report.exit == Exit::Unreachable && heard.elapsed() < AWAY => sleep(PAUSE).await,
            Err(report) => return Err(report.of_request(info.id)),
        }
    }
    drop(waiting);
    match info.state {
        RequestState::Approved | RequestState::Used => Ok(info),
        state => Err(refused(&info, state)),
    }
}

fn refused(info: &RequestInfo, state: RequestState) -> ErrorReport {
    let verdict = info.verdicts.last();
    let because = verdict.and_then(|verdict| verdict.reason.as_ref());
    let because = because.map(|reason| format!(": {reason}")).unwrap_or_default();
    let (code, words) = match (state, verdict) {
        (RequestState::Rejected, Some(verdict)) => {
            ("approval_refused", format!("{} has rejected {}{because}", verdict.by, short(info.id)))
        }
        (RequestState::Withdrawn, _) => ("approval_withdrawn", format!("{} was taken back", short(info.id))),
        _ => ("approval_timed_out", format!("nobody decided {} in time", short(info.id))),
    };
    let report = ErrorReport::new(code, Exit::ApprovalNeeded, failure::printable(&words));
    report.of_request(info.id).help(format!("connect requests {}", info.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_alike() {
        for (text, seconds) in [("30m", 1_800), ("2h", 7_200), ("1d", 86_400), ("90s", 90)] {
            let how_long: HowLong = text.parse().expect("a time");
            assert_eq!((how_long.0, how_long.to_string().as_str()), (seconds, text));
        }
        for text in ["", "h", "0h", "2", "2x", "-1h", "99999999999d", "2ü"] {
            assert!(text.parse::<HowLong>().is_err(), "{text}");
        }
    }
}
