//! What was made and decided at another agent of the same store.

use serde_json::Value;

use super::*;
use crate::{
    catalog::tests::server::Server,
    config::StoreConfig,
    store::testing::{config_at, open as open_store},
};

/// An agent of this name, with a log of its own.
async fn agent(config: &Arc<StoreConfig>, name: &str) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    std::fs::create_dir_all(&path).expect("a folder");
    let (log, _) =
        Log::open(&path, LogOptions::new(format!("connect.local/{name}"), path.clone())).expect("a log");
    let requests = requests_of(config, name, &log).await;
    World { requests, log, folder }
}

async fn requests_of(config: &Arc<StoreConfig>, name: &str, log: &Log) -> Arc<Requests> {
    let store = open_store(config, name).await.expect("a store");
    Requests::new(Arc::new(store), log.clone(), &[3; 32], RequestsConfig::default())
}

/// Each step with the log that had it first.
async fn told(world: &World) -> Vec<(String, Option<String>)> {
    let published = world.log.publish_now().await.expect("published");
    let key = world.log.verifier_key();
    let entries = crate::serve::testing::entries(world.log.public_dir(), &published.checkpoint, &key);
    let word = |entry: &Value, key: &str| entry[key].as_str().map(str::to_owned);
    let steps = entries.iter().filter(|entry| entry["kind"] == "request");
    steps.map(|entry| (word(entry, "step").expect("a step"), word(entry, "first_in"))).collect()
}

fn step(step: &str, first_in: Option<&str>) -> (String, Option<String>) {
    (step.to_owned(), first_in.map(|agent| format!("connect.local/{agent}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glass_that_was_broken_at_another_agent_is_in_this_ones_log_before_it_holds_and_once() {
    let server = Server::start();
    let config = config_at(&server, "glass").await;
    let (a, b, closed) = (agent(&config, "a").await, agent(&config, "b").await, agent(&config, "c").await);
    closed.log.shutdown().expect("closed");
    let ana = principal("ana");
    let broken = a.requests.break_glass(&ana, "prod-db", 900, "outage".into()).await.expect("broken");
    let holds = |requests: &Requests| !requests.leaves(&ana.reference, "prod-db").is_empty();
    closed.requests.look_up().await;
    assert!(!holds(&closed.requests), "what is not in its log does not hold");
    b.requests.look_up().await;
    assert!(holds(&b.requests));
    b.requests.look_up().await;
    // The agent ends and starts again.
    let again = requests_of(&config, "b", &b.log).await;
    again.look_up().await;
    assert!(holds(&again));
    assert_eq!(told(&b).await, [step("broken_glass", Some("a"))]);
    assert_eq!(told(&a).await, [step("broken_glass", None)]);
    // Somebody finds that it was right, there too.
    b.approve(&broken).await.expect("reviewed");
    let again = requests_of(&config, "a", &a.log).await;
    again.look_up().await;
    assert_eq!(told(&a).await, [step("broken_glass", None), step("approved", Some("b"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_of_another_agent_is_in_this_ones_log_once_however_often_it_is_used() {
    let server = Server::start();
    let config = config_at(&server, "runs").await;
    let (a, b) = (agent(&config, "a").await, agent(&config, "b").await);
    let form = |statement: &str| HoldAsk { template: Some(binding("a form")), ..ask(statement) };
    let mut waiting = Waiting::start(&a.requests, holder("ana"), form("delete where id = 1"));
    let request = asked(&a, &mut waiting).await;
    let given = Given {
        state: RequestState::Approved,
        by: principal("li"),
        reason: None,
        binding: request.key.binding.clone(),
        any_values: Some(AnyValues { seconds: Some(60), uses: Some(3) }),
        through: None,
    };
    a.requests.decide(request.id, given).await.expect("approved");
    for number in 2..5 {
        let statement = format!("delete where id = {number}");
        let mut waiting = Waiting::start(&b.requests, holder("ana"), form(&statement));
        assert!(matches!(news(&mut waiting).await, HoldNews::Taken(_)), "{statement}");
    }
    let used = || step("used", None);
    assert_eq!(told(&b).await, [step("approved", Some("a")), used(), used(), used()]);
}
