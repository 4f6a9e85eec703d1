//! A store for tests, in a database of a throwaway server of their own.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use super::{Own, PostgresStore};
use crate::{
    catalog::tests::server::Server,
    config::StoreConfig,
    store::{StoreError, StoreKey},
    upstream::UpstreamTls,
};

const KEY: &str = "5e";

/// The way to a database of this name, which is made if it is not there.
pub(crate) async fn config_at(server: &Server, database: &str) -> Arc<StoreConfig> {
    let make = format!("CREATE DATABASE {database}");
    let _there = server.client().await.batch_execute(&make).await;
    let mut way = tokio_postgres::Config::new();
    way.host(server.upstream().host.as_str()).user("owner").dbname(database);
    let key = StoreKey::new(&KEY.repeat(32)).expect("long enough");
    let lease = Duration::from_secs(300);
    Arc::new(StoreConfig { way, tls: UpstreamTls::Disable, key, lease })
}

/// How a whole agent is told of it; `folder` has the key, as long as the agent is there.
pub(crate) fn section(config: &StoreConfig, folder: &Path) -> String {
    let key = folder.join("store.key");
    std::fs::write(&key, KEY.repeat(32)).expect("written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("private");
    let place = config.listed().replace('/', "%2F");
    let database = config.way.get_dbname().expect("it has a name");
    format!("[store]\nurl = \"postgresql://owner@{place}/{database}\"\nkey_file = \"{}\"\n", key.display())
}

/// As an agent of this name sees it.
pub(crate) async fn open(config: &Arc<StoreConfig>, agent: &str) -> Result<PostgresStore, StoreError> {
    let own = Own { agent: agent.to_owned(), log: format!("connect.local/{agent}") };
    PostgresStore::open(Arc::clone(config), own).await
}
