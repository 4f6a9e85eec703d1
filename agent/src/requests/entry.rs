//! A step of a request, as the log has it.

use connect_shared::{
    entry::{Entry, RequestEntry},
    request::{RequestScope, RequestStep},
};

use super::By;
use crate::store::{Details, Request};

pub(super) fn entry(request: &Request, step: RequestStep, by: Option<By<'_>>) -> Entry {
    Entry::Request(Box::new(request_entry(request, step, by)))
}

/// The same, for who has more to say of it.
pub(super) fn request_entry(request: &Request, step: RequestStep, by: Option<By<'_>>) -> RequestEntry {
    let reason = match (&by, step) {
        (Some(by), _) => by.reason.map(str::to_owned),
        (None, RequestStep::Requested | RequestStep::BrokenGlass) => request.reason.clone(),
        (None, _) => None,
    };
    let until = match &request.details {
        // It ends with the verdict, which is when the request ends.
        Details::BreakGlass { until } if step == RequestStep::Rejected => request.expires_at.min(*until),
        Details::BreakGlass { until } => *until,
        _ => request.expires_at,
    };
    RequestEntry {
        request: request.id,
        of: request.key.kind,
        step,
        principal: request.key.principal.clone(),
        resource: request.key.resource.clone(),
        name: by.as_ref().map_or_else(|| request.name.clone(), |by| by.who.name.clone()),
        by: by.map(|by| by.who.reference.clone()),
        reason,
        binding: request.key.binding.clone(),
        until,
        first_in: None,
        through: by.and_then(|by| by.through),
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
