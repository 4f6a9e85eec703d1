//! How far a verdict goes: until when, and how often.

use connect_shared::{api::AnyValues, request::RequestState};

use super::{Given, Requests};
use crate::store::{Details, Moment, Request, Terms, VerdictError, after_approval};

/// Runs of a statement that is approved with any values, where nobody says how many, and most of them.
const RUNS: u32 = 10;
const MOST_RUNS: u32 = 10_000;

impl Requests {
    /// What an approval that is given at `moment` is for. Of other verdicts it changes nothing.
    pub(super) fn terms(
        &self,
        request: &Request,
        given: &Given,
        moment: Moment,
    ) -> Result<Terms, VerdictError> {
        let unchanged = Terms { until: request.expires_at, runs: None };
        if given.state != RequestState::Approved {
            // What was broken is over when somebody says so.
            let over = matches!(request.details, Details::BreakGlass { .. });
            return Ok(if over { Terms { until: moment, runs: None } } else { unchanged });
        }
        if let Some(any_values) = given.any_values {
            return self.any_values(request, any_values, moment);
        }
        let seconds = match &request.details {
            _ if after_approval(request) == RequestState::Pending => return Ok(unchanged),
            Details::Access { seconds, .. }
            | Details::Unmask { seconds, .. }
            | Details::Window { seconds, .. } => *seconds,
            Details::Statement(statement) => statement.window.unwrap_or(self.config.window.as_secs()),
            Details::BreakGlass { .. } => 0,
        };
        Ok(Terms { until: moment.saturating_add(seconds), runs: None })
    }

    fn any_values(
        &self,
        request: &Request,
        AnyValues { seconds, uses }: AnyValues,
        moment: Moment,
    ) -> Result<Terms, VerdictError> {
        let refuse = |why| Err(VerdictError::NoTemplate(why));
        let Details::Statement(statement) = &request.details else { return refuse("it is no statement") };
        if request.template.is_none() {
            return refuse(
                "the rule that holds it does not permit that, or its form is not all that it means",
            );
        }
        if statement.approvals > 1 {
            return refuse("several persons must approve it");
        }
        let access = self.config.access.as_secs();
        let longest = statement.window.map_or(access, |window| window.min(access));
        let seconds =
            seconds.unwrap_or_else(|| statement.window.unwrap_or(self.config.window.as_secs()).min(longest));
        let runs = uses.unwrap_or(RUNS);
        if seconds == 0 || seconds > longest {
            return refuse(
                "the time is nothing, or longer than the rule that holds it or access can be asked for allows",
            );
        }
        if runs == 0 || runs > MOST_RUNS {
            return refuse("the number of runs is not from 1 to 10000");
        }
        Ok(Terms { until: moment.saturating_add(seconds), runs: Some(runs) })
    }
}
