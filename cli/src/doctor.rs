//! `connect doctor`: looks for what is in the way, in the order in which it would be met, and says what would
//! help.

mod agent;
mod machine;

use connect_shared::error::{ErrorReport, Exit};
use serde_json::json;

use crate::{
    application::{Application, Ending},
    console::Format,
    failure::{self, Outcome},
};

/// One thing that was looked at.
pub(crate) struct Check {
    /// Stable, for programs: `agent_udp`.
    code: &'static str,
    what: String,
    found: Finding,
}

/// What was found.
pub(crate) enum Finding {
    Good(String),
    /// It works, but not as well as it could.
    Weak(ErrorReport),
    Bad(ErrorReport),
}

impl Check {
    fn good(code: &'static str, what: impl Into<String>, words: impl Into<String>) -> Self {
        Self { code, what: what.into(), found: Finding::Good(words.into()) }
    }

    fn weak(code: &'static str, what: impl Into<String>, report: ErrorReport) -> Self {
        Self { code, what: what.into(), found: Finding::Weak(report) }
    }

    fn bad(code: &'static str, what: impl Into<String>, report: ErrorReport) -> Self {
        Self { code, what: what.into(), found: Finding::Bad(report) }
    }

    /// Good with the words that `describe` makes, or bad.
    fn of<T>(
        code: &'static str,
        what: impl Into<String>,
        result: Outcome<T>,
        describe: impl FnOnce(T) -> String,
    ) -> Self {
        match result {
            Ok(value) => Self::good(code, what, describe(value)),
            Err(report) => Self::bad(code, what, report),
        }
    }
}

/// Looks at everything. The exit status is that of the first thing that is in the way.
pub(crate) async fn run(application: &Application) -> Outcome<Ending> {
    let mut checks = machine::settings(application);
    let waiting = application.console.wait_quietly_for("Looking around");
    match application.agents() {
        Ok(agents) if agents.is_empty() => {
            checks.push(Check::bad("agents", "agents", crate::agents::none_known()));
        }
        Ok(agents) => {
            for agent in agents.iter() {
                checks.extend(agent::look_at(agent).await);
            }
            for door in agents.doors().iter().filter(|door| !door.others.is_empty()) {
                checks.push(agent::group(door).await);
            }
            for identity in application.identities()? {
                checks.extend(agent::look_at_provider(application, &identity).await);
            }
        }
        Err(report) => checks.push(Check::bad("agents", "agents", report)),
    }
    checks.extend(machine::tools(application).await);
    drop(waiting);
    show(application, &checks)?;
    let exit = checks.iter().find_map(|check| match &check.found {
        Finding::Bad(report) => Some(report.exit),
        _ => None,
    });
    Ok(exit.map_or(Ending::Done, |exit: Exit| Ending::Status(exit.code())))
}

fn show(application: &Application, checks: &[Check]) -> Outcome<()> {
    let objects: Vec<_> = checks.iter().map(object).collect();
    let document = json!({"schema": "connect.doctor/1", "checks": objects});
    if application.console.format == Format::JsonLines {
        return objects.iter().try_for_each(|object| application.console.data(&object.to_string()));
    }
    application.console.document(&document, || checks.iter().map(|check| line(application, check)).collect())
}

fn object(check: &Check) -> serde_json::Value {
    match &check.found {
        Finding::Good(words) => {
            json!({"check": check.code, "about": check.what, "result": "good", "message": words})
        }
        Finding::Weak(report) => problem(check, "weak", report),
        Finding::Bad(report) => problem(check, "bad", report),
    }
}

fn problem(check: &Check, result: &str, report: &ErrorReport) -> serde_json::Value {
    json!({
        "check": check.code, "about": check.what, "result": result,
        "code": report.code, "message": report.message, "help": report.help,
    })
}

fn line(application: &Application, check: &Check) -> String {
    let console = &application.console;
    let (mark, words, help) = match &check.found {
        Finding::Good(words) => (console.paint("32", "ok  "), words, None),
        Finding::Weak(report) => (console.paint("33", "weak"), &report.message, report.help.first()),
        Finding::Bad(report) => (console.paint("1;31", "bad "), &report.message, report.help.first()),
    };
    let mut text = format!("{mark}  {}: {}\n", check.what, failure::printable(words));
    // The doctor does not send people to the doctor.
    if let Some(help) = help.filter(|help| *help != "connect doctor") {
        text.push_str(&format!("      next: {}\n", failure::printable(help)));
    }
    text
}
