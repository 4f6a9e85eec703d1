//! What other agents of one store have revoked.

use super::*;
use crate::{
    catalog::tests::server::Server,
    store::testing::{config_at, section},
};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_or_signs_in_before_it_is_heard_who_is_shut_out_elsewhere() {
    let server = Server::start();
    let config = config_at(&server, "console").await;
    let folder = tempfile::tempdir().expect("a folder");
    let agent = agent_with(&section(&config, folder.path())).await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let form = sam.form(&asked, "approve").await;
    let running = agent.running.agent.upgrade().expect("it runs");
    {
        let sharing = running.sharing.as_ref().expect("a store");
        let _deaf = sharing.deafen().await;
        let refused = sam.posts(&asked, &form, &OWN).await;
        assert_eq!(refused.status(), 503);
        assert!(text(refused).await.contains("store_unavailable"));
        let mut li = Browser::new(&agent);
        let refused = li.signs_in("li", &["security"], "").await;
        assert_eq!((refused.status().as_u16(), refused.headers().get("location")), (503, None));
    }
    assert_eq!(state(&agent, &asked).await, "pending");
}
