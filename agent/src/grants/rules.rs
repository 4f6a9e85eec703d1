//! Who may do what with a resource: its `read` and `write` lists, and the ceiling of an AI agent.

use connect_core::principal::Principal;
use connect_shared::grant::Action;

use super::GrantAuthority;
use crate::config::{AccessList, ResourceConfig, WorksAs};

/// What `principal` may do with `resource`, empty if nothing.
pub(super) fn allowed(resource: &ResourceConfig, principal: &Principal) -> Vec<Action> {
    let writes = resource.write.admits(principal);
    if !writes && !resource.read.admits(principal) || resource.roles.of(principal) == WorksAs::Nobody {
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

    /// Who may approve what is held or asked for on a resource; `None` if there is no such resource.
    pub fn approvers(&self, resource: &str) -> Option<&AccessList> {
        self.resources.get(resource).map(|resource| &resource.approvers)
    }

    /// What the configuration says of a resource.
    pub fn described(&self, resource: &str) -> Option<&ResourceConfig> {
        self.resource(resource)
    }

    /// Those of `actions` that somebody must approve each time.
    pub fn on_request(&self, resource: &str, actions: &[Action]) -> Vec<Action> {
        let needed = self.resources.get(resource).map_or(&[][..], |resource| &resource.approval_for);
        actions.iter().copied().filter(|action| needed.contains(action)).collect()
    }

    /// What `principal` may do with a resource, empty if nothing.
    pub fn may(&self, principal: &Principal, resource: &str) -> Vec<Action> {
        self.resource(resource).map(|resource| allowed(resource, principal)).unwrap_or_default()
    }

    /// Whether somebody works as the same role of a resource as before.
    pub fn keeps_role(&self, older: &Principal, newer: &Principal, resource: &str) -> bool {
        self.resource(resource).is_some_and(|resource| resource.roles.of(older) == resource.roles.of(newer))
    }

    pub(super) fn resource(&self, name: &str) -> Option<&ResourceConfig> {
        self.resources.get(name)
    }
}
