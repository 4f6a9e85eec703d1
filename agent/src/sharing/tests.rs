//! A whole agent and another one's store, on one PostgreSQL.

use super::*;
use crate::{
    catalog::tests::server::Server,
    config::StoreConfig,
    revocation::{Lock, Until, Whom},
    serve::testing::TestAgent,
    store::testing::{config_at, open, section},
};

async fn agent_on(config: &StoreConfig, folder: &Path) -> TestAgent {
    let section = section(config, folder);
    TestAgent::configured(|text| format!("{text}\n{section}")).await
}

fn lock(name: &str) -> Event {
    let until = Until::Restored(Lock::Account);
    Event::ShutOut { whom: Whom::Named(name.into()), name: None, until, why: "left".into() }
}

fn restored(name: &str) -> Event {
    Event::Restored { whom: Whom::Named(name.into()), lock: Lock::Account }
}

async fn tell(store: &PostgresStore, event: &Event) {
    let text = serde_json::to_string(event).expect("JSON");
    store.tell_event(&text, event.forgotten_at(now()), now()).await.expect("told");
}

/// Who of these may not come in, as soon as this agent has heard what there is.
async fn kept_out<'n>(agent: &TestAgent, names: &[&'n str]) -> Vec<&'n str> {
    let agent = agent.running.agent.upgrade().expect("it runs");
    agent.sharing.as_ref().expect("a store").catch_up(&agent).await.expect("heard");
    let standing = |name: &str| crate::revocation::Standing {
        principal: connect_core::principal::Principal {
            reference: connect_shared::entry::PrincipalRef {
                sub: name.into(),
                idp: "idp".into(),
                actor: None,
            },
            name: name.into(),
            groups: Vec::new(),
        },
        signed_in_at: now(),
        idp_session: None,
    };
    let out = names.iter().filter(|name| agent.revocations.is_shut_out(&standing(name), now()));
    out.copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_store_tells_is_heard_and_what_it_has_lost_stays_in_force() {
    let server = Server::start();
    let config = config_at(&server, "restored").await;
    let other = open(&config, "other").await.expect("a store");
    let folder = tempfile::tempdir().expect("a folder");
    let agent = agent_on(&config, folder.path()).await;
    let all = ["ana", "bob", "eve", "li", "sam"];
    for event in [lock("ana"), lock("bob"), restored("bob"), lock("eve"), restored("eve"), lock("eve")] {
        tell(&other, &event).await;
    }
    assert_eq!(kept_out(&agent, &all).await, ["ana", "eve"]);
    let (client, connection) = config.way.connect(tokio_postgres::NoTls).await.expect("connected");
    tokio::spawn(connection);
    // The backup has all but the last lock, and another event gets its number.
    let restore = "DELETE FROM connect.revocation WHERE number > 5; \
        SELECT setval('connect.revocation_number_seq', 5)";
    client.batch_execute(restore).await.expect("restored");
    tell(&other, &lock("li")).await;
    assert_eq!(
        kept_out(&agent, &all).await,
        ["ana", "eve", "li"],
        "heard, and nobody is let in or kept out by it"
    );
    // The backup is older than what was heard, and nothing was told since.
    let restore = "DELETE FROM connect.revocation WHERE number > 3; \
        SELECT setval('connect.revocation_number_seq', 3)";
    client.batch_execute(restore).await.expect("restored");
    assert_eq!(kept_out(&agent, &all).await, ["ana", "eve", "li"]);
    tell(&other, &lock("sam")).await;
    assert_eq!(kept_out(&agent, &all).await, ["ana", "eve", "li", "sam"]);
    tell(&other, &restored("eve")).await;
    assert_eq!(kept_out(&agent, &all).await, ["ana", "li", "sam"], "from then on all is as ever");
}

#[test]
fn a_number_that_was_never_given_or_is_another_events_is_of_another_past() {
    let cursor = Cursor { store: "s".into(), number: 7, event: digest("seven") };
    let behind = |newest, at: Option<&str>| Behind { newest, at: at.map(str::to_owned), told: Vec::new() };
    for (newest, at, is_other) in [
        (7, Some("seven"), false),
        (9, Some("seven"), false),
        (9, None, false),
        (6, None, true),
        (0, None, true),
        (9, Some("another"), true),
    ] {
        assert_eq!(cursor.is_of_another_past(&behind(newest, at)), is_other, "{newest} {at:?}");
    }
    let older: Cursor = serde_json::from_str(r#"{"store":"s","number":7}"#).expect("of an older agent");
    assert!(!older.is_of_another_past(&behind(7, Some("seven"))));
}
