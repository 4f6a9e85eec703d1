//! `connect explain`: what would become of a statement. The agent decides; nothing is executed.

mod page;

use std::io::Read as _;

use connect_shared::{
    api::{ExplainRequest, Explanation},
    decision::OutcomeKind,
    error::{ErrorReport, Exit},
};

use super::open::{actions, target};
use crate::{
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    certificate::ClientKey,
    failure::{self, Outcome},
    session::Seen,
};

/// Longest text, as the agent has it.
const LONGEST: usize = 1 << 20;

pub(super) async fn run(application: &Application, wish: &arguments::Explain) -> Outcome<Ending> {
    let sql = text(&wish.sql)?;
    let target = target(application, Some(&wish.resource)).await?.settled(application).await?;
    let request = ExplainRequest {
        grant: None,
        resource: target.resource.clone(),
        sql,
        search_path: wish.search_path.clone(),
        actions: actions(wish.read_only),
        actor: wish.actor.clone(),
        task: wish.task.clone(),
        reason: wish.reason.clone(),
        purpose: None,
    };
    let holder = application.holder(&target.agent)?;
    let sign_in = application.signed_in(&holder).await?;
    let api = ControlApi::new(&target.agent, Some(&ClientKey::generate()?))?;
    let waiting = application.console.wait_quietly_for("Asking the agent");
    let answer = api.explain(sign_in.id_token.reveal(), &request).await;
    drop(waiting);
    let explanation = answer.map_err(|report| with_suggestion(application, report, &request.resource))?;
    application.console.document(&explanation, || page::page(&explanation))?;
    Ok(ending(&explanation))
}

/// Scripts test it: what is denied ends as a denial does.
fn ending(explanation: &Explanation) -> Ending {
    match explanation.outcome {
        OutcomeKind::Permit => Ending::Done,
        OutcomeKind::Hold => Ending::Status(Exit::ApprovalNeeded.code()),
        OutcomeKind::Deny => Ending::Status(Exit::Denied.code()),
    }
}

fn text(word: &str) -> Outcome<String> {
    if word != "-" {
        return fitting(word.to_owned());
    }
    let mut bytes = Vec::new();
    // One more byte than may be, so that too much is noticed and not cut.
    let mut input = std::io::stdin().lock().take(LONGEST as u64 + 1);
    input.read_to_end(&mut bytes).map_err(|error| {
        failure::local("input", format!("cannot read the statement: {}", failure::reason(&error)))
    })?;
    fitting(String::from_utf8(bytes).map_err(|_| failure::usage("the statement is not UTF-8"))?)
}

fn fitting(sql: String) -> Outcome<String> {
    if sql.len() > LONGEST {
        return Err(failure::usage(format!("the statement has more than {LONGEST} bytes"))
            .help("explain it in smaller parts"));
    }
    Ok(sql)
}

/// A name that was seen before and is spelt nearly so.
fn with_suggestion(application: &Application, mut report: ErrorReport, name: &str) -> ErrorReport {
    if report.exit == Exit::NotFound
        && let Some(near) = Seen::load(&application.paths).nearest(name).filter(|near| *near != name)
    {
        report.help.insert(0, format!("connect explain {near} '…'"));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_over_the_agents_limit_is_not_even_sent() {
        assert!(text(&"x".repeat(LONGEST)).is_ok());
        assert_eq!(text(&"x".repeat(LONGEST + 1)).expect_err("too long").exit, Exit::Usage);
    }
}
