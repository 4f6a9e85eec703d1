//! Objects within events.

use serde_json::{Value, json};

use crate::entry::{Entry, PrincipalRef};

pub(super) fn app(version: Option<&str>) -> Value {
    match version {
        Some(version) => json!({"name": "connect-agent", "version": version, "vendor_name": "connect"}),
        None => json!({"name": "connect-agent", "vendor_name": "connect"}),
    }
}

/// Who an entry says that acted.
pub(super) fn principal(entry: &Entry) -> Option<&PrincipalRef> {
    match entry {
        Entry::Intent(intent) => Some(&intent.principal),
        Entry::Denial(denial) => Some(&denial.principal),
        Entry::Request(request) => Some(request.by.as_ref().unwrap_or(&request.principal)),
        Entry::GrantIssued { principal, .. }
        | Entry::SessionOpened { principal, .. }
        | Entry::CanarySeen { principal, .. }
        | Entry::Explained { principal, .. }
        | Entry::FolderListed { principal, .. }
        | Entry::RunEnded { principal, .. }
        | Entry::Reconciled { principal, .. }
        | Entry::TextShown { principal, .. }
        | Entry::Searched { principal, .. }
        | Entry::LineageAsked { principal, .. } => Some(principal),
        Entry::GrantRefused { principal, .. } => principal.as_ref(),
        Entry::Revoked { by, .. } | Entry::Restored { by, .. } => by.as_ref(),
        _ => None,
    }
}

/// The schema wants a user: of whom nothing is known is called so.
pub(super) fn user(principal: Option<&PrincipalRef>, name: Option<&str>, groups: &[String]) -> Value {
    let Some(principal) = principal else { return json!({"name": "unknown", "type_id": 0}) };
    let mut user = json!({"uid": principal.sub, "domain": principal.idp});
    if let Some(fields) = user.as_object_mut() {
        if let Some(name) = name {
            fields.insert("name".to_owned(), json!(name));
        }
        if !groups.is_empty() {
            let groups: Vec<Value> = groups.iter().map(|group| json!({"name": group})).collect();
            fields.insert("groups".to_owned(), json!(groups));
        }
    }
    user
}

/// An AI agent that acts for somebody is the application through which that one acts.
pub(super) fn actor(principal: Option<&PrincipalRef>, name: Option<&str>) -> Value {
    let mut actor = json!({"user": user(principal, name, &[])});
    if let (Some(fields), Some(program)) =
        (actor.as_object_mut(), principal.and_then(|principal| principal.actor.as_deref()))
    {
        fields.insert("app_name".to_owned(), json!(program));
    }
    actor
}

/// An AI agent, in the words of the profile `ai_operation`. Which model is behind it nobody here knows.
pub(super) fn agent(name: &str) -> Value {
    json!({"application": {"name": name}, "ai_role_id": 4, "ai_role": "Agent"})
}

/// `127.0.0.1:4711`, `[::1]:4711`
pub(super) fn endpoint(address: &str) -> Value {
    match address.parse::<std::net::SocketAddr>() {
        Ok(address) => json!({"ip": address.ip().to_string(), "port": address.port()}),
        Err(_) => json!({"name": address}),
    }
}

/// The nearest activity of a verb.
pub(super) fn activity(verb: &str) -> (u32, &'static str) {
    match verb.split(' ').next().unwrap_or_default() {
        "select" | "fetch" | "table" | "values" => (1, "Read"),
        "insert" | "copy" | "merge" => (5, "Write"),
        "update" => (2, "Update"),
        "delete" | "truncate" | "drop" => (7, "Delete"),
        "create" => (6, "Create"),
        "show" => (8, "List"),
        _ => (4, "Query"),
    }
}
