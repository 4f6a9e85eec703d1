//! A step of a request, as the log has it.

use connect_core::principal::Principal;
use connect_shared::{
    entry::{Entry, RequestEntry},
    request::{RequestScope, RequestStep},
};

use crate::store::{Details, Request};

pub(super) fn entry(request: &Request, step: RequestStep, by: Option<(&Principal, Option<String>)>) -> Entry {
    Entry::Request(Box::new(request_entry(request, step, by)))
}

/// The same, for who has more to say of it.
pub(super) fn request_entry(
    request: &Request,
    step: RequestStep,
    by: Option<(&Principal, Option<String>)>,
) -> RequestEntry {
    let reason = match (&by, step) {
        (Some((_, reason)), _) => reason.clone(),
        (None, RequestStep::Requested | RequestStep::BrokenGlass) => request.reason.clone(),
        (None, _) => None,
    };
    let until = match &request.details {
        Details::BreakGlass { until } => *until,
        _ => request.expires_at,
    };
    RequestEntry {
        request: request.id,
        of: request.key.kind,
        step,
        principal: request.key.principal.clone(),
        resource: request.key.resource.clone(),
        name: by.as_ref().map_or_else(|| request.name.clone(), |(by, _)| by.name.clone()),
        by: by.map(|(by, _)| by.reference.clone()),
        reason,
        binding: request.key.binding.clone(),
        until,
        first_in: None,
        scope: scope(request),
    }
}

fn scope(request: &Request) -> Option<RequestScope> {
    match &request.details {
        Details::Access { .. } => None,
        Details::Statement(_) => request.runs_left.map(|uses| RequestScope::AnyValues { uses }),
        Details::Unmask { columns, .. } => {
            Some(RequestScope::Columns(columns.iter().map(|column| column.column.clone()).collect()))
        }
        Details::Window { rules, .. } => Some(RequestScope::Rules(rules.clone())),
        Details::BreakGlass { .. } => Some(RequestScope::Everything),
    }
}
