//! Notices: a chat, or whatever else hears webhooks, is told that somebody asks, and what was decided. They
//! hold no text and no value of a statement, but its normal form, and a link to the page where it is decided;
//! nothing that comes back from there decides anything.
//!
//! A notice waits in a bounded queue of its place, is tried again for a while, and is given up then: nobody
//! who asks or decides waits for it, and what is not delivered when the agent ends is not delivered. The
//! request itself is in the store, and the log has every step.
//!
//! Read next: [`message`] for what is said, [`place`] for how it gets there.

mod message;
mod place;
mod slack;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use connect_shared::request::RequestStep;

use self::{message::Message, place::Place};
use crate::{config::Config, console::Links, store::Request};

/// Whoever is told.
pub struct Notices {
    places: Vec<Place>,
    /// Of each resource, in words.
    approvers: BTreeMap<String, Vec<String>>,
    links: Option<Arc<Links>>,
}

impl Notices {
    /// Has a task for each place that is told.
    #[must_use]
    pub fn start(config: &Config, links: Option<Arc<Links>>) -> Self {
        let of = |resource: &crate::config::ResourceConfig| {
            (resource.resource.name.clone(), resource.approvers.words())
        };
        let approvers = config.resources.iter().map(of).collect();
        let places = config.notified.iter().filter_map(|place| Place::start(place, &config.name)).collect();
        Self { places, approvers, links }
    }

    /// Tells of a step. It never waits.
    pub fn tell(&self, request: &Request, step: RequestStep) {
        let resource = request.key.resource.as_str();
        let mut hear = self.places.iter().filter(|place| place.hears_of(resource)).peekable();
        if hear.peek().is_none() {
            return;
        }
        let approvers = self.approvers.get(resource).cloned().unwrap_or_default();
        let link = self.links.as_ref().map(|links| links.signed(request));
        let message = Arc::new(Message::of(request, step, approvers, link));
        hear.for_each(|place| place.say(&message));
    }
}
