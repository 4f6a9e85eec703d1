//! Which agent of a group a new session goes to: the first, in the order in which they were added, that says that it
//! can let somebody in. The next is asked beside one that is silent, and at once after one that says no. Whoever was
//! passed over comes again behind those that were not asked: what is here is a guess, and opening tells. One that
//! answers with another certificate than it was added with is not passed over: it ends the search.

use std::{collections::VecDeque, time::Duration};

use connect_shared::error::{ErrorReport, Exit};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::sleep;

use crate::{agents::Agent, api::ControlApi, console::Console, failure::Outcome};

/// How long an agent is asked alone.
const HEAD_START: Duration = Duration::from_secs(1);

/// Agents in the order in which they are to be tried.
pub(crate) struct Order {
    pub(crate) agents: Vec<Agent>,
    /// Those that come later than their place in the group, and why.
    pub(crate) passed: Vec<(String, String)>,
}

impl Order {
    /// Says which were passed over.
    pub(crate) fn tell(&self, console: &Console) {
        let Some(first) = self.agents.first() else { return };
        for (name, why) in &self.passed {
            console.warn(&format!("the agent `{name}` is passed over for `{}`: {why}", first.name));
        }
    }
}

/// Asks each at most once. One alone is not asked.
///
/// # Errors
/// One is not merely away: somebody may be in the way, and a person looks before anything goes to another.
pub(crate) async fn in_order(agents: &[Agent]) -> Outcome<Order> {
    if agents.len() < 2 {
        return Ok(Order { agents: agents.to_vec(), passed: Vec::new() });
    }
    order_by(agents, HEAD_START, |at| async move {
        match agents.get(at) {
            Some(agent) => ControlApi::new(agent, None)?.ready().await,
            None => Ok(()),
        }
    })
    .await
}

async fn order_by<F: Future<Output = Outcome<()>>>(
    agents: &[Agent],
    head_start: Duration,
    ask: impl Fn(usize) -> F,
) -> Outcome<Order> {
    let numbered = |at: usize| {
        let answer = ask(at);
        async move { (at, answer.await) }
    };
    let mut asked = FuturesUnordered::from_iter([numbered(0)]);
    let mut refused: Vec<(usize, ErrorReport)> = Vec::new();
    let mut next = 1;
    let mut first = None;
    while first.is_none() && !asked.is_empty() {
        tokio::select! {
            Some((at, answer)) = asked.next() => match answer {
                Ok(()) => first = Some(at),
                Err(report) if report.exit != Exit::Unreachable => return Err(report),
                Err(report) => {
                    refused.push((at, report));
                    if next < agents.len() {
                        asked.push(numbered(next));
                        next += 1;
                    }
                }
            },
            () = sleep(head_start), if next < agents.len() => {
                asked.push(numbered(next));
                next += 1;
            }
        }
    }
    Ok(arranged(agents, first, refused))
}

/// `first`, then those of whom nothing is known, then those that said no, then those that said nothing.
fn arranged(agents: &[Agent], first: Option<usize>, mut refused: Vec<(usize, ErrorReport)>) -> Order {
    refused.sort_by_key(|(at, report)| (report.code == "agent_unreachable", *at));
    let said = |at: &usize| refused.iter().find(|(refused, _)| refused == at).map(|(_, report)| report);
    let mut order: VecDeque<usize> = first.into_iter().collect();
    order.extend((0..agents.len()).filter(|at| Some(*at) != first && said(at).is_none()));
    order.extend(refused.iter().map(|(at, _)| *at));
    let before = first.unwrap_or(0);
    let why = |at: usize| {
        said(&at).map_or_else(|| "it is slow to answer".to_owned(), |report| report.message.clone())
    };
    let passed = (0..before).filter_map(|at| Some((agents.get(at)?.name.clone(), why(at)))).collect();
    Order { agents: order.into_iter().filter_map(|at| agents.get(at).cloned()).collect(), passed }
}

/// Whether another agent may do what this one did not: it is away, drains, or cannot let anybody in.
pub(crate) fn goes_on(report: &ErrorReport) -> bool {
    let of_provider = report.code.starts_with("identity_") || report.code.starts_with("token_");
    report.exit == Exit::Unreachable && !of_provider
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agents::tests::sample, failure};

    fn group() -> Vec<Agent> {
        ["a", "b", "c"].map(|name| sample(name, &format!("https://{name}.example.com:7443"))).to_vec()
    }

    fn names(order: &Order) -> String {
        order.agents.iter().map(|agent| agent.name.as_str()).collect()
    }

    fn draining() -> ErrorReport {
        failure::unreachable("agent_draining", "it is about to stop")
    }

    #[tokio::test]
    async fn the_first_that_can_let_somebody_in_is_taken_and_the_others_are_not_asked() {
        let (group, asked) = (group(), std::cell::Cell::new(0));
        let answers = |_| {
            asked.set(asked.get() + 1);
            async { Ok(()) }
        };
        let order = order_by(&group, HEAD_START, answers).await.expect("an order");
        assert_eq!((names(&order).as_str(), asked.get()), ("abc", 1));
        assert!(order.passed.is_empty());
    }

    #[tokio::test]
    async fn one_that_says_no_is_passed_over_at_once_and_one_that_says_nothing_comes_last() {
        let answers = |at: usize| async move {
            match at {
                0 => Err(failure::unreachable("agent_unreachable", "connection refused")),
                1 => Err(draining()),
                _ => Ok(()),
            }
        };
        let order = order_by(&group(), Duration::from_secs(3600), answers).await.expect("an order");
        assert_eq!(names(&order), "cba");
        let passed = [("a", "connection refused"), ("b", "it is about to stop")];
        assert_eq!(order.passed, passed.map(|(name, why)| (name.to_owned(), why.to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn beside_one_that_is_silent_the_next_is_asked_after_a_while() {
        let answers = |at: usize| async move { if at == 0 { std::future::pending().await } else { Ok(()) } };
        let order = order_by(&group(), HEAD_START, answers).await.expect("an order");
        assert_eq!(names(&order), "bac");
        assert_eq!(order.passed, [("a".to_owned(), "it is slow to answer".to_owned())]);
    }

    #[tokio::test]
    async fn where_none_can_each_is_tried_all_the_same() {
        let order = order_by(&group(), HEAD_START, |_| async { Err(draining()) }).await.expect("an order");
        assert_eq!(names(&order), "abc");
    }

    #[tokio::test]
    async fn one_with_a_foreign_certificate_ends_the_search_and_none_is_asked_after_it() {
        let last = std::cell::Cell::new(0);
        let answers = |at: usize| {
            last.set(at);
            async move {
                match at {
                    0 => Err(draining()),
                    1 => Err(failure::unverified("agent_certificate", "another certificate")),
                    _ => Ok(()),
                }
            }
        };
        let report =
            order_by(&group(), Duration::from_secs(3600), answers).await.err().expect("it ends there");
        assert_eq!((report.code.as_ref(), last.get()), ("agent_certificate", 1));
    }

    #[test]
    fn another_agent_is_no_help_against_a_refusal_or_a_provider_that_is_away() {
        assert!(goes_on(&draining()));
        assert!(goes_on(&failure::unreachable("agent_unreachable", "")));
        assert!(!goes_on(&failure::unreachable("identity_unreachable", "")));
        assert!(!goes_on(&failure::sign_in_needed("")));
        assert!(!goes_on(&ErrorReport::new("policy", Exit::Denied, "")));
        assert!(
            !goes_on(&failure::unverified("agent_certificate", "")),
            "somebody is in the way: a person looks"
        );
    }
}
