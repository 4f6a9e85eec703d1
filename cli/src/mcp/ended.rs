//! Calls that end before they have what they were for, and the answers that say why.

use connect_shared::{
    error::{ErrorReport, Exit},
    ids::RequestId,
};
use rmcp::ErrorData;
use serde_json::json;

use super::{answer::Answer, people, sessions::Stop, statement::Problem};

/// When it makes sense to ask again after a person was sent to sign in.
const SIGN_IN_RETRY: u64 = 15;

/// A call that ended before it had what it was for.
pub(super) enum Stopped {
    Session(Stop),
    /// With the page of the request that it waits for, where there is one.
    Statement(Problem, Option<String>),
    /// Already an answer.
    Said(Box<Answer>),
    /// Not a call of this tool.
    Arguments(String),
}

impl From<ErrorReport> for Stopped {
    fn from(report: ErrorReport) -> Self {
        Self::Session(Stop::Failed(report))
    }
}

impl From<Stop> for Stopped {
    fn from(stop: Stop) -> Self {
        Self::Session(stop)
    }
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Statement(problem, None)
    }
}

/// Whatever became of a call is an answer, but for one that nobody takes.
pub(super) fn said(answer: Result<Answer, Stopped>) -> Result<Answer, ErrorData> {
    Ok(match answer {
        Ok(answer) => answer,
        Err(Stopped::Said(answer)) => *answer,
        Err(Stopped::Arguments(words)) => return Err(ErrorData::invalid_params(words, None)),
        Err(Stopped::Session(Stop::SignIn { address })) => sign_in_required(address),
        Err(Stopped::Session(Stop::Failed(report))) => failed(&report),
        Err(Stopped::Statement(problem, page)) => problem_of(problem, page.as_deref()),
    })
}

fn sign_in_required(address: Option<String>) -> Answer {
    let words = "The person must sign in first. Show them the link, or ask them to run `connect login`; then \
                 try again.";
    Answer::new("sign_in_required", words)
        .fact("link", address)
        .fact("command", "connect login")
        .fact("retryable", true)
        .fact("retry_after_seconds", SIGN_IN_RETRY)
}

fn failed(report: &ErrorReport) -> Answer {
    // The message may hold names that others chose.
    let status = match report.exit {
        Exit::Denied => "denied",
        Exit::ApprovalNeeded => "approval_needed",
        _ => "failed",
    };
    let words = match status {
        "approval_needed" => "Access to this needs an approval by people: request_access asks them.",
        _ => "The call did not come through; the reason is in the data.",
    };
    Answer::new(status, words)
        .fact("code", report.code.as_str())
        .fact("retryable", report.retryable)
        .fact("request", report.request.as_ref().map(ToString::to_string))
        .data(json!({ "message": report.message, "help": report.help }))
}

fn problem_of(problem: Problem, page: Option<&str>) -> Answer {
    match problem {
        Problem::Ours(code, words) => Answer::new("failed", words).fact("code", code),
        Problem::Database { sqlstate, message, detail, hint } => {
            if let Some(request) = held_request(&message) {
                let words = "The statement needs an approval by people, who were asked. Once it is approved, \
                             the same statement goes through: call wait_for_approval, then query again.";
                return people::pending(words, &request.to_string(), page)
                    .data(json!({ "message": message, "detail": detail, "hint": hint }));
            }
            let status = if sqlstate == "42501" { "denied" } else { "failed" };
            Answer::new(status, "The database answered with an error; its words are in the data.")
                .fact("sqlstate", sqlstate)
                .data(json!({ "message": message, "detail": detail, "hint": hint }))
        }
    }
}

/// The request that a held statement waits for, where the agent says so. A database that says so sends whoever
/// follows it to a request that is not there.
pub(super) fn held_request(message: &str) -> Option<RequestId> {
    let (_, behind) = message.split_once("it needs an approval (")?;
    let (id, _) = behind.split_once(')')?;
    id.parse().ok()
}
