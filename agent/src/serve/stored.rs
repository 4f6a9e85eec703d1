//! Where authority state is: in the agent's own folder, or in a store that several agents share. With the keys that
//! belong to it: what one agent has sealed or masked another one opens, or masks the same.

use std::sync::Arc;

use aws_lc_rs::hmac;
use connect_core::mask::MaskKey;
use connect_shared::hexadecimal::hexadecimal;

use super::ServeError;
use crate::{
    config::{Config, StoreConfig},
    keys::Keys,
    sharing::Sharing,
    store::{Own, PostgresStore, SqliteStore, Store},
};

pub(super) struct Stored {
    pub(super) store: Arc<dyn Store>,
    pub(super) sharing: Option<Arc<Sharing>>,
    /// Seals the texts of requests.
    pub(super) seal_key: [u8; 32],
    pub(super) mask_key: Arc<MaskKey>,
    /// Salts commitments, and binds approvals to what they are for: the same statement is the same request at each.
    pub(super) commitment_key: [u8; 32],
}

pub(super) async fn open(config: &Config, keys: &Keys) -> Result<Stored, ServeError> {
    let Some(shared) = &config.store else {
        let store = Arc::new(SqliteStore::open(&config.state_dir.join("requests.db"))?);
        let (seal_key, mask_key) = (keys.commitment, Arc::clone(&keys.mask));
        let commitment_key = keys.commitment;
        return Ok(Stored { store, sharing: None, seal_key, mask_key, commitment_key });
    };
    let own = Own { agent: agent_id(keys), log: config.log.origin.clone() };
    let store = Arc::new(PostgresStore::open(Arc::clone(shared), own).await?);
    let sharing = Sharing::open(Arc::clone(&store), shared.lease, &config.state_dir);
    let StoreConfig { key, .. } = shared.as_ref();
    Ok(Stored {
        store,
        sharing: Some(sharing.map_err(ServeError::Sharing)?),
        seal_key: key.derive("texts of requests"),
        mask_key: Arc::new(MaskKey::new(key.derive("masks"))),
        commitment_key: key.derive("commitments and bindings"),
    })
}

/// Says nothing about the key that it comes from, which no other agent has.
fn agent_id(keys: &Keys) -> String {
    let own = hmac::Key::new(hmac::HMAC_SHA256, &keys.commitment);
    let tag = hmac::sign(&own, b"connect.store/1: id of an agent");
    hexadecimal(&tag.as_ref()[..16])
}
