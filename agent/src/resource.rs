//! One resource at run time: what it is, how to reach it, and what is known of it.

use std::sync::Arc;

use connect_core::principal::Resource;

use crate::{catalog::CatalogService, upstream::UpstreamConfig};

/// A resource that this agent serves.
#[derive(Debug)]
pub struct ResourceRuntime {
    pub resource: Arc<Resource>,
    pub upstream: Arc<UpstreamConfig>,
    pub catalog: CatalogService,
}
