//! What can be asked for beside access: columns in clear for a time, that what some rules hold does not wait for a
//! time, and to break the glass. All of it is for people, and each needs its reason.

use std::time::Duration;

use connect_core::{
    decide::{Need, is_program},
    principal::Principal,
};
use connect_shared::{
    api::{AccessWish, LabelledColumn},
    error::{ErrorReport, Exit},
    label::Label,
};

use super::failed;
use crate::{
    api::error::ApiError, config::ResourceConfig, requests::WindowWish, serve::Agent, store::Request,
};

/// Most columns, and most rules, of one request.
const MOST: usize = 50;
/// For how long, where nobody says.
const USUAL: u64 = 3_600;

/// The request that `wish` is for, if it is not for access.
pub(super) async fn beside_access(
    agent: &Agent,
    principal: &Principal,
    wish: &AccessWish,
) -> Result<Option<Request>, ApiError> {
    let kinds = [!wish.unmask.is_empty(), !wish.rules.is_empty(), wish.break_glass];
    match kinds.iter().filter(|wished| **wished).count() {
        0 => return Ok(None),
        1 => {}
        _ => return Err(usage("one request is for one thing: columns, a class or to break the glass")),
    }
    if wish.actor.is_some() || is_program(principal) {
        let words = "this is for people: what acts for somebody, AI agents and services have nothing of it";
        return Err(ErrorReport::new("not_for_programs", Exit::Denied, words).into());
    }
    let reason = wish.reason.clone().filter(|reason| !reason.trim().is_empty());
    let Some(reason) = reason else {
        let report = usage_report("whoever decides must read why").help("say it: --reason 'TEXT'");
        return Err(report.into());
    };
    let config = agent.grants.described(&wish.resource).ok_or_else(|| usage("there is no such resource"))?;
    let asked = if wish.break_glass {
        break_glass(agent, principal, config, reason).await
    } else {
        let seconds = seconds(agent, wish)?;
        match wish.unmask.as_slice() {
            [] => window(agent, principal, wish, (seconds, reason)).await,
            columns => unmask(agent, principal, (config, columns), (seconds, reason)).await,
        }
    };
    asked.map(Some)
}

fn seconds(agent: &Agent, wish: &AccessWish) -> Result<u64, ApiError> {
    let longest = agent.requests.config().access.as_secs();
    let seconds = wish.seconds.unwrap_or(USUAL.min(longest));
    if seconds == 0 || seconds > longest {
        return Err(super::too_long(seconds, longest));
    }
    Ok(seconds)
}

async fn unmask(
    agent: &Agent,
    principal: &Principal,
    (config, columns): (&ResourceConfig, &[String]),
    (seconds, reason): (u64, String),
) -> Result<Request, ApiError> {
    let who = config.unmask_approvers.lines();
    if who.is_empty() && config.approvers.is_empty() {
        return Err(nobody(&config.resource.name));
    }
    if columns.len() > MOST {
        return Err(usage(&format!("one request is for at most {MOST} columns")));
    }
    let columns = labelled(agent, &config.resource.name, columns).await?;
    let asked = (columns, seconds, who);
    agent.requests.ask_to_unmask(principal, &config.resource.name, asked, Some(reason)).await.map_err(failed)
}

/// Columns of the database that have a label now, in order.
async fn labelled(agent: &Agent, resource: &str, names: &[String]) -> Result<Vec<LabelledColumn>, ApiError> {
    let served = agent.resources.get(resource).ok_or_else(|| usage("there is no such resource"))?;
    let catalog = served.runtime.catalog.newer_than(0).await?;
    let mut known = Vec::new();
    for relation in catalog.relations.values().filter(|relation| !relation.is_system()) {
        for column in &relation.columns {
            let name = format!("{}.{}", relation.qualified_name(), column.name);
            if names.contains(&name) {
                known.push((name, column.label));
            }
        }
    }
    let mut columns = Vec::new();
    for name in names {
        let found: Vec<Option<Label>> =
            known.iter().filter(|(known, _)| known == name).map(|(_, label)| *label).collect();
        let label = match found.as_slice() {
            [] => return Err(usage(&format!("there is no column `{name}`: write schema.table.column"))),
            [None] => return Err(usage(&format!("`{name}` has no label: everybody sees it in clear"))),
            [Some(Label::Unscanned)] => {
                return Err(usage(&format!("nobody has looked at `{name}` yet: label the column first")));
            }
            [Some(label)] => *label,
            _ => return Err(usage(&format!("`{name}` may mean several columns"))),
        };
        columns.push(LabelledColumn { column: name.clone(), label });
    }
    columns.sort_by(|one, other| one.column.cmp(&other.column));
    columns.dedup();
    Ok(columns)
}

async fn window(
    agent: &Agent,
    principal: &Principal,
    wish: &AccessWish,
    (mut seconds, reason): (u64, String),
) -> Result<Request, ApiError> {
    if wish.rules.len() > MOST {
        return Err(usage(&format!("one request is for at most {MOST} rules")));
    }
    let policies = agent.policies.current();
    let (rules, need) = policies.holding(&wish.rules).map_err(|words| usage(&words))?;
    let Need { who, count: approvals, window, template: _ } = need;
    within(wish, &mut seconds, window)?;
    let approvers = agent.grants.approvers(&wish.resource);
    if who.is_empty() && approvers.is_none_or(crate::config::AccessList::is_empty) {
        return Err(nobody(&wish.resource));
    }
    let digest = policies.digest().to_owned();
    let window = WindowWish { rules, digest, seconds, who, approvals };
    agent.requests.ask_for_window(principal, &wish.resource, window, Some(reason)).await.map_err(failed)
}

/// No longer than the rules let what they hold run. Where nobody says for how long, it is that time.
fn within(wish: &AccessWish, seconds: &mut u64, window: Option<Duration>) -> Result<(), ApiError> {
    match window.map(|window| window.as_secs()) {
        Some(longest) if *seconds > longest && wish.seconds.is_some() => {
            let words = format!(
                "what these rules hold can be approved for up to {longest} s (`@approval_window`), and not for {seconds} s"
            );
            let report = ErrorReport::new("too_long", Exit::Usage, words);
            Err(report.help(format!("ask for less: --for {longest}s")).into())
        }
        Some(longest) => {
            *seconds = longest.min(*seconds);
            Ok(())
        }
        None => Ok(()),
    }
}

async fn break_glass(
    agent: &Agent,
    principal: &Principal,
    config: &ResourceConfig,
    reason: String,
) -> Result<Request, ApiError> {
    if !config.break_glass.admits(principal) {
        let words = format!("you are not among those who may break the glass of `{}`", config.resource.name);
        let report = ErrorReport::new("not_permitted", Exit::Denied, words);
        return Err(report
            .help("the resource's `break_glass` in the agent's configuration says who may")
            .into());
    }
    let seconds = config.break_glass_for.as_secs();
    agent.requests.break_glass(principal, &config.resource.name, seconds, reason).await.map_err(failed)
}

fn nobody(resource: &str) -> ApiError {
    let words = format!("nobody is named who could approve it for `{resource}`");
    let report = ErrorReport::new("no_approvers", Exit::Denied, words);
    report.help("ask the operator of the agent for `approvers` of the resource").into()
}

fn usage(words: &str) -> ApiError {
    usage_report(words).into()
}

fn usage_report(words: &str) -> ErrorReport {
    ErrorReport::new("bad_request", Exit::Usage, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_no_longer_than_the_rules_let_what_they_hold_run() {
        let asked = |seconds: Option<u64>, window: Option<u64>| {
            let wish = AccessWish { seconds, ..AccessWish::default() };
            let mut given = seconds.unwrap_or(USUAL);
            within(&wish, &mut given, window.map(Duration::from_secs)).ok().map(|()| given)
        };
        assert_eq!(asked(Some(300), Some(300)), Some(300));
        assert_eq!(asked(Some(301), Some(300)), None);
        assert_eq!(asked(None, Some(300)), Some(300), "nobody has said for how long");
        assert_eq!(asked(None, Some(90_000)), Some(USUAL));
        assert_eq!(asked(Some(7_000), None), Some(7_000));
    }
}
