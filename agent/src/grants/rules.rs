//! Who may do what with a resource: its `read` and `write` lists, and the ceiling of an AI agent.

use connect_core::principal::Principal;
use connect_shared::grant::Action;

use super::GrantAuthority;
use crate::config::ResourceConfig;

/// What `principal` may do with `resource`, empty if nothing.
pub(super) fn allowed(resource: &ResourceConfig, principal: &Principal) -> Vec<Action> {
    let writes = resource.write.admits(principal);
    if !writes && !resource.read.admits(principal) {
        return Vec::new();
    }
    // An AI agent reads, whatever the human whom it acts for may do.
    if writes && principal.reference.actor.is_none() {
        return vec![Action::Read, Action::Write];
    }
    vec![Action::Read]
}

impl GrantAuthority {
    /// The resources that `principal` may open, by name, with what it may do there.
    pub fn resources(&self, principal: &Principal) -> Vec<(&ResourceConfig, Vec<Action>)> {
        let with_actions = self.resources.values().map(|resource| (resource, allowed(resource, principal)));
        with_actions.filter(|(_, actions)| !actions.is_empty()).collect()
    }

    pub(super) fn resource(&self, name: &str) -> Option<&ResourceConfig> {
        self.resources.get(name)
    }
}
