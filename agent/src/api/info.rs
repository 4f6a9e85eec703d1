//! `GET /v1/agent`, `GET /v1/resources`

use std::sync::Arc;

use axum::{Json, extract::State};
use connect_core::{
    decide::Asking,
    principal::{GrantInForce, Narrowed, Principal, ResourceClass},
};
use connect_shared::{
    api::{AgentInfo, LogInfo, ResourceInfo, ResourceList},
    grant::Action,
    ids::GrantId,
};

use super::{caller::Caller, error::ApiError};
use crate::{
    config::ResourceConfig,
    serve::{Agent, wall_clock},
};

pub(super) async fn agent(State(agent): State<Arc<Agent>>) -> Json<AgentInfo> {
    Json(AgentInfo {
        schema: "connect.agent/1".to_owned(),
        name: agent.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        identity: agent.identity_info.clone(),
        other_identities: agent.other_identities.clone(),
        log: LogInfo {
            origin: agent.log.origin().to_owned(),
            verifier_key: agent.log.verifier_key(),
            mode: Some(agent.log.mode().to_string()),
        },
    })
}

pub(super) async fn resources(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
) -> Result<Json<ResourceList>, ApiError> {
    let allowed = agent.grants.resources(&caller.0);
    let seen = |(resource, actions): (&ResourceConfig, Vec<Action>)| {
        let on_request = agent.grants.on_request(&resource.resource.name, &actions);
        let free = actions.into_iter().filter(|action| !on_request.contains(action)).collect();
        // Nobody has said yet what for.
        let grant = in_force(free, (None, None));
        ResourceInfo { on_request, ..describe(&agent, resource, &caller.0, &grant) }
    };
    let resources = allowed.into_iter().map(seen).collect();
    Ok(Json(ResourceList { schema: "connect.resources/1".to_owned(), resources }))
}

/// A grant with these actions, for this reason and task.
pub(super) fn in_force(
    actions: Vec<Action>,
    (reason, task): (Option<&String>, Option<&String>),
) -> GrantInForce {
    GrantInForce {
        id: GrantId::from_random([0; 16]),
        actions,
        reason: reason.cloned(),
        task: task.map(|task| task.as_str().into()),
        narrowed: Narrowed::default(),
        leaves: Arc::default(),
    }
}

/// A resource as its principal sees it with a grant. What a session of the grant says later that it is for may let it
/// see more or less.
pub(super) fn describe(
    agent: &Agent,
    config: &ResourceConfig,
    principal: &Principal,
    grant: &GrantInForce,
) -> ResourceInfo {
    let resource = &config.resource;
    let leaves = agent.requests.leaves(&principal.reference, &resource.name);
    let grant = &GrantInForce { leaves, ..grant.clone() };
    let catalog = agent.resources.get(&resource.name).and_then(|served| {
        let catalog = served.runtime.catalog.subscribe().borrow().clone()?;
        // Without a purpose of the session the grant's reason is it.
        let asking = Asking { principal, grant, resource, purpose: None, wall: wall_clock() };
        Some(served.runtime.seen_by(&asking, &agent.policies.current(), catalog))
    });
    let labelled = |catalog: &connect_core::catalog::Catalog| {
        let relations = catalog.relations.values().filter(|relation| !relation.is_system());
        relations.flat_map(|relation| &relation.columns).filter(|column| column.label.is_some()).count()
            as u64
    };
    ResourceInfo {
        name: resource.name.clone(),
        engine: config.engine,
        server_version: catalog.as_ref().map(|catalog| (catalog.server_version / 10_000).to_string()),
        database: resource.database.clone(),
        class: match resource.class {
            ResourceClass::Production => "production".to_owned(),
            ResourceClass::Development => "development".to_owned(),
        },
        actions: grant.actions.clone(),
        on_request: Vec::new(),
        approvers: config.approvers.words(),
        masked_columns: catalog.as_deref().map(labelled),
    }
}
