//! Failures of this program in the shape that every error has: what, why, next.

use std::{fmt::Display, io, path::Path};

use connect_shared::error::{ErrorReport, Exit};
pub(crate) use connect_shared::text::printable;

/// Most next steps that are shown.
const MAX_HELP: usize = 2;

/// The outcome of a step.
pub(crate) type Outcome<T> = Result<T, ErrorReport>;

/// A command line that cannot be meant.
pub(crate) fn usage(message: impl Into<String>) -> ErrorReport {
    ErrorReport::new("usage", Exit::Usage, message)
}

/// Something on this machine is in the way.
pub(crate) fn local(code: &str, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, Exit::Local, message)
}

/// A file or folder could not be used.
pub(crate) fn file(what: &str, path: &Path, error: &io::Error) -> ErrorReport {
    local("file", format!("cannot {what} {}: {}", path.display(), reason(error)))
}

/// There is no such resource, session or agent.
pub(crate) fn not_found(code: &str, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, Exit::NotFound, message)
}

/// Nobody is signed in, or no longer.
pub(crate) fn sign_in_needed(message: impl Into<String>) -> ErrorReport {
    ErrorReport::new("sign_in_needed", Exit::SignInNeeded, message).help("connect login")
}

/// The agent or the identity provider cannot be reached.
pub(crate) fn unreachable(code: &str, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, Exit::Unreachable, message).retryable()
}

/// Something does not prove what it must.
pub(crate) fn unverified(code: &str, message: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, Exit::VerificationFailed, message)
}

/// A peer or a library did what it never should.
pub(crate) fn unexpected(message: impl Into<String>) -> ErrorReport {
    ErrorReport::new("unexpected", Exit::Unexpected, message)
}

/// An error's causes, outermost first, without those that an outer one already quotes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

/// An operating-system error in the words that people search for.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// The error as a person reads it: one line of what and why, then what to do.
pub(crate) fn for_people(report: &ErrorReport, mark: impl Display) -> String {
    let mut text = format!("{mark} {}\n", printable(&report.message));
    for next in report.help.iter().take(MAX_HELP) {
        text.push_str(&format!("  next: {}\n", printable(next)));
    }
    if let Some(decision) = &report.decision {
        text.push_str(&format!("  decision: {}\n", printable(decision)));
    }
    text
}

/// The error as one JSON object.
pub(crate) fn for_programs(report: &ErrorReport) -> String {
    let mut object = serde_json::Map::new();
    object.insert("schema".into(), "connect.error/1".into());
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(report) {
        object.extend(fields);
    }
    object.insert("status".into(), report.exit.code().into());
    serde_json::Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_for_people_says_what_why_and_at_most_two_next_steps() {
        let report = local("port_busy", "port 15432 is in use by postgres (pid 7)")
            .help("connect open prod-db --port auto")
            .help("connect status")
            .help("a third");
        insta::assert_snapshot!(for_people(&report, "error:"), @r"
        error: port 15432 is in use by postgres (pid 7)
          next: connect open prod-db --port auto
          next: connect status
        ");
    }

    #[test]
    fn an_error_for_programs_is_one_object_with_its_exit_status() {
        let text = for_programs(&sign_in_needed("nobody is signed in"));
        insta::assert_snapshot!(text, @r#"{"schema":"connect.error/1","code":"sign_in_needed","exit":"sign_in_needed","message":"nobody is signed in","help":["connect login"],"retryable":false,"status":4}"#);
    }

    #[test]
    fn text_from_an_agent_cannot_drive_the_terminal() {
        let report = unexpected("\u{1b}[2Jgone\rsafe");
        assert_eq!(for_people(&report, "error:"), "error: \u{fffd}[2Jgone\u{fffd}safe\n");
    }

    #[test]
    fn every_exit_code_is_the_one_of_the_contract() {
        let codes = [
            (usage("").exit, 2),
            (not_found("", "").exit, 3),
            (sign_in_needed("").exit, 4),
            (unreachable("", "").exit, 7),
            (local("", "").exit, 9),
            (unverified("", "").exit, 10),
            (unexpected("").exit, 1),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code);
        }
    }
}
