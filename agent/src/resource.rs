//! One resource at run time: what it is, how to reach it, and what is known of it.

use std::sync::Arc;

use connect_core::{
    canary::Canaries,
    catalog::Catalog,
    decide::{Asking, Policies},
    principal::Resource,
    protocol::postgres::tag::Tag,
};

use crate::{
    catalog::{CatalogService, Clear, Rows},
    config::Roles,
    radius::Looks,
    upstream::UpstreamConfig,
};

/// A resource that this agent serves.
#[derive(Debug)]
pub struct ResourceRuntime {
    pub resource: Arc<Resource>,
    pub upstream: Arc<UpstreamConfig>,
    pub catalog: CatalogService,
    /// Who sees what of it in clear.
    pub clear: Clear,
    /// Who does not see which rows of it.
    pub rows: Rows,
    /// As which role of the database somebody works.
    pub roles: Roles,
    /// What the database's own log is told of each statement.
    pub tags: Vec<Tag>,
    /// What of it must never leave.
    pub canaries: Option<Arc<Canaries>>,
    /// Looks at what statements would touch.
    pub looks: Looks,
}

impl ResourceRuntime {
    /// The snapshot as somebody sees it, by the configuration and by the policies that are in force now.
    #[must_use]
    pub fn seen_by(&self, asking: &Asking<'_>, policies: &Policies, catalog: Arc<Catalog>) -> Arc<Catalog> {
        for table in self.rows.newly_missing(&catalog) {
            let resource = &self.resource.name;
            tracing::warn!(%resource, table, "rows are hidden of a table that is not there: the rule hides nothing");
        }
        self.rows.seen_by(asking.principal, self.clear.seen_by(asking, policies, catalog))
    }
}
