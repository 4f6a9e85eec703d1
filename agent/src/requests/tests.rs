//! Requests with a store and a log: the order of both, and who is told.

mod elsewhere;
mod looks;
mod time;

use std::task::Poll;

use connect_core::{
    approval::Binding,
    machine::{HoldAsk, HoldNews},
};
use connect_shared::{api::HeldStatement, hexadecimal::hexadecimal};
use tempfile::TempDir;

use super::*;
use crate::{log::LogOptions, store::SqliteStore};

struct World {
    requests: Arc<Requests>,
    log: Log,
    folder: TempDir,
}

fn open(folder: &TempDir) -> (Arc<Requests>, Log) {
    let path = folder.path().join("log");
    std::fs::create_dir_all(&path).expect("a folder");
    let options = LogOptions::new("connect.local/test".to_owned(), path.clone());
    let (log, _) = Log::open(&path, options).expect("a log");
    let store = SqliteStore::open(&folder.path().join("requests.db")).expect("a store");
    let requests = Requests::new(Arc::new(store), log.clone(), &[3; 32], RequestsConfig::default());
    (requests, log)
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (requests, log) = open(&folder);
        Self { requests, log, folder }
    }

    /// The agent ends and starts again.
    async fn restart(self) -> Self {
        let Self { requests, log, folder } = self;
        log.shutdown().expect("closed");
        let old = Arc::downgrade(&requests);
        drop((requests, log));
        while old.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
        let (requests, log) = open(&folder);
        Self { requests, log, folder }
    }

    async fn steps(&self) -> Vec<&'static str> {
        let published = self.log.publish_now().await.expect("published");
        let key = self.log.verifier_key();
        let kinds = crate::serve::testing::kinds(self.log.public_dir(), &published.checkpoint, &key);
        kinds.iter().map(|kind| if kind == "request" { "request" } else { "other" }).collect()
    }

    async fn hold(&self, statement: &str) -> Waiting {
        Waiting::start(&self.requests, holder("ana"), ask(statement))
    }

    async fn approve(&self, request: &Request) -> Result<Request, RequestsError> {
        let given = Given {
            state: RequestState::Approved,
            by: principal("li"),
            reason: None,
            binding: request.key.binding.clone(),
            any_values: None,
            through: None,
        };
        self.requests.decide(request.id, given).await
    }
}

fn principal(name: &str) -> Principal {
    Principal {
        reference: PrincipalRef { sub: name.to_owned(), idp: "https://id.example".into(), actor: None },
        name: format!("{name}@example.com"),
        groups: vec!["data-oncall".into()],
    }
}

fn holder(name: &str) -> Holder {
    Holder { principal: Arc::new(principal(name)), resource: "prod-db".into(), looks: None }
}

fn binding(text: &str) -> Binding {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    Binding::from_digest(hexadecimal(digest.as_ref()))
}

fn ask(statement: &str) -> HoldAsk {
    HoldAsk {
        binding: binding(statement),
        template: None,
        reason: Some("a ticket".into()),
        statement: HeldStatement {
            text: Some(statement.to_owned()),
            normalized: None,
            verbs: vec!["delete".into()],
            with_parameters: true,
            parameters: vec!["'7'".into()],
            reads: Vec::new(),
            writes: vec!["public.orders".into()],
            labelled: Vec::new(),
            who: Vec::new(),
            approvals: 1,
            window: None,
            any_values: false,
            policy: "default/unbounded-write".into(),
            why: "why".into(),
            radius: None,
        },
        radius: None,
    }
}

async fn news(waiting: &mut Waiting) -> HoldNews {
    std::future::poll_fn(|context| match waiting.poll(context) {
        Poll::Ready(news) => Poll::Ready(news),
        Poll::Pending => Poll::Pending,
    })
    .await
}

async fn asked(world: &World, waiting: &mut Waiting) -> Request {
    match news(waiting).await {
        HoldNews::Asked(id) => world.requests.find(id).await.expect("found").expect("there"),
        other => panic!("not asked: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_statement_hears_of_its_approval_and_takes_it_once() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    let opened = world.requests.opened(&request).expect("kept");
    assert_eq!(opened, Opened { text: "delete from orders".into(), parameters: vec!["'7'".into()] });
    let sealed = request.sealed.as_deref().unwrap_or_default();
    assert!(!sealed.windows(6).any(|part| part == b"orders"));
    assert!(!serde_json::to_string(&request.details).expect("JSON").contains("'7'"));
    world.approve(&request).await.expect("approved");
    assert!(matches!(news(&mut waiting).await, HoldNews::Approved));
    drop(waiting);
    let mut again = world.hold("delete from orders").await;
    match news(&mut again).await {
        HoldNews::Taken(approval) => assert!(approval.covering(&binding("delete from orders")).is_some()),
        other => panic!("{other:?}"),
    }
    let mut replayed = world.hold("delete from orders").await;
    let another = asked(&world, &mut replayed).await;
    assert_ne!(another.id, request.id, "it was used, so it is asked for anew");
    assert_eq!(world.steps().await, ["request"; 4], "requested, approved, used, requested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_no_request_and_no_approval() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    drop(waiting);
    let world = world.restart().await;
    let mut waiting = world.hold("delete from orders").await;
    assert_eq!(asked(&world, &mut waiting).await.id, request.id, "the same request waits");
    world.approve(&request).await.expect("approved");
    drop(waiting);
    let world = world.restart().await;
    let mut waiting = world.hold("delete from orders").await;
    assert!(matches!(news(&mut waiting).await, HoldNews::Taken(_)));
    drop(waiting);
    let world = world.restart().await;
    let mut waiting = world.hold("delete from orders").await;
    assert!(matches!(news(&mut waiting).await, HoldNews::Asked(_)), "nothing runs twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_and_its_reason_reach_whoever_waits() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    let given = Given {
        state: RequestState::Rejected,
        by: principal("li"),
        reason: Some("not today".into()),
        binding: String::new(),
        any_values: None,
        through: None,
    };
    world.requests.decide(request.id, given).await.expect("rejected");
    match news(&mut waiting).await {
        HoldNews::Rejected { by, reason } => {
            assert_eq!((by.as_str(), reason.as_deref()), ("li@example.com", Some("not today")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_does_not_count_is_in_no_log() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    let own = Given {
        state: RequestState::Approved,
        by: principal("ana"),
        reason: None,
        binding: request.key.binding.clone(),
        any_values: None,
        through: None,
    };
    let refused = world.requests.decide(request.id, own.clone()).await;
    assert!(matches!(refused, Err(RequestsError::Verdict(VerdictError::Own))));
    let other = Given { by: principal("li"), binding: "another".into(), ..own.clone() };
    let refused = world.requests.decide(request.id, other).await;
    assert!(matches!(refused, Err(RequestsError::Verdict(VerdictError::OtherBinding))));
    let forged = world.requests.decide(RequestId::from_random([9; 16]), own).await;
    assert!(matches!(forged, Err(RequestsError::Verdict(VerdictError::Unknown))));
    assert_eq!(world.steps().await, ["request"], "requested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_approves_and_uses_nothing() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    world.log.shutdown().expect("closed");
    assert!(matches!(world.approve(&request).await, Err(RequestsError::Log(_))));
    let kept = world.requests.find(request.id).await.expect("found").expect("there");
    assert_eq!(kept.state, RequestState::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_whose_use_did_not_come_into_the_log_is_not_used_and_comes_into_it_with_the_next_use() {
    let world = World::new();
    let ana = principal("ana");
    let asking = world.requests.ask_for_access(&ana, "prod-db", vec![Action::Read], 60, None);
    let request = asking.await.expect("asked");
    world.approve(&request).await.expect("approved");
    let ana = ana.reference;
    world.log.shutdown().expect("closed");
    for _ in 0..2 {
        assert!(matches!(world.requests.access(&ana, "prod-db").await, Err(RequestsError::Log(_))));
    }
    let world = world.restart().await;
    for _ in 0..2 {
        assert_eq!(world.requests.access(&ana, "prod-db").await.expect("granted").len(), 1);
    }
    assert_eq!(world.steps().await, ["request"; 3], "requested, approved, used");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cancels_takes_the_request_back() {
    let world = World::new();
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    waiting.withdraw();
    let decided = world.requests.decided(request.id, Duration::from_secs(30)).await;
    assert_eq!(decided.expect("found").expect("there").state, RequestState::Withdrawn);
    assert!(world.approve(&request).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_wait_and_each_hears_of_its_own() {
    let world = World::new();
    let mut all = Vec::new();
    for number in 0..200 {
        all.push(world.hold(&format!("delete from t{number}")).await);
    }
    let mut requests = Vec::new();
    for waiting in &mut all {
        requests.push(asked(&world, waiting).await);
    }
    for (number, request) in requests.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
        world.approve(request).await.unwrap_or_else(|error| panic!("{number}: {error}"));
    }
    for (number, waiting) in all.iter_mut().enumerate() {
        if number % 2 == 0 {
            assert!(matches!(news(waiting).await, HoldNews::Approved), "{number}");
        } else {
            let nothing = std::future::poll_fn(|context| Poll::Ready(waiting.poll(context).is_pending()));
            assert!(nothing.await, "{number} heard of a verdict on another");
        }
    }
}
