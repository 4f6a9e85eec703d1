//! What several agents on one PostgreSQL are to each other.

use futures_util::future::join_all;

use super::*;
use crate::{
    catalog::tests::server::Server,
    config::StoreConfig,
    store::testing::{config_at, open},
};

/// Two agents on one store.
async fn two(config: &Arc<StoreConfig>) -> [PostgresStore; 2] {
    [open(config, "a").await.expect("a store"), open(config, "b").await.expect("the same store")]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_agents_one_decides_and_one_uses() {
    let server = Server::start();
    let config = config_at(&server, "shared").await;
    // They start at the same time, and the tables are made once.
    let opened = join_all(["a", "b", "c", "d"].map(|name| open(&config, name))).await;
    let agents: Vec<PostgresStore> = opened.into_iter().map(|store| store.expect("a store")).collect();
    agents[0].ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    for (number, store) in (2..).zip(&agents) {
        let (request, origin) = store.ask(asking(number, key("ana", "b")), NOW).await.expect("found");
        assert_eq!((request.id, origin), (id(1), Origin::Known), "one request for one thing");
    }
    let names = ["li", "sam", "eve", "bob"];
    let verdicts = agents.iter().zip(names).map(|(store, name)| {
        let given = verdict(RequestState::Approved, name, NOW + 1);
        store.decide(id(1), "b".into(), given, terms(NOW + 50))
    });
    let decided = join_all(verdicts).await;
    assert_eq!(decided.iter().filter(|decided| decided.is_ok()).count(), 1, "{decided:?}");
    let refused = |decided: &&Result<Request, VerdictError>| {
        matches!(decided, Err(VerdictError::Over(RequestState::Approved)))
    };
    assert_eq!(decided.iter().filter(refused).count(), 3, "{decided:?}");
    let takes = agents.iter().flat_map(|store| (0..5).map(|_| store.take(key("ana", "b"), None, NOW + 2)));
    let taken: Vec<_> =
        join_all(takes).await.into_iter().filter_map(|taken| taken.expect("answers")).collect();
    assert_eq!(taken.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_agent_knows_which_verdicts_and_uses_its_log_does_not_have() {
    let server = Server::start();
    let config = config_at(&server, "logs").await;
    let [a, b] = two(&config).await;
    let access = Key { kind: RequestKind::Access, ..key("ana", "b") };
    a.ask(asking(1, access), NOW).await.expect("made");
    approve(&a, 1, "b").await.expect("approved");
    let nothing = |elsewhere: &Elsewhere| elsewhere.made_in.is_none() && elsewhere.verdicts.is_empty();
    assert!(nothing(&a.elsewhere(id(1)).await.expect("found")));
    let expected = (verdict(RequestState::Approved, "li", NOW + 1), "connect.local/a".to_owned());
    for _ in 0..2 {
        let elsewhere = b.elsewhere(id(1)).await.expect("found");
        assert_eq!(elsewhere.made_in.as_deref(), Some("connect.local/a"));
        assert_eq!(elsewhere.verdicts, std::slice::from_ref(&expected), "until it says that it has it");
        let c = open(&config, "c").await.expect("a third one");
        c.mark_logged(id(1), elsewhere.mark).await.expect("marked");
    }
    let mark = b.elsewhere(id(1)).await.expect("found").mark;
    b.mark_logged(id(1), mark).await.expect("marked");
    b.mark_logged(id(1), 0).await.expect("marked");
    assert!(nothing(&b.elsewhere(id(1)).await.expect("found")));
    b.mark_logged(id(9), 0).await.expect("what is forgotten meanwhile is no error");
    assert_eq!(b.elsewhere(id(9)).await, Ok(Elsewhere::default()));
    for store in [&a, &b] {
        let mut origins = Vec::new();
        for _ in 0..2 {
            let found = store.access(person("ana"), "prod-db".into(), NOW + 2).await.expect("found");
            origins.extend(found.into_iter().map(|(_, origin)| origin));
            store.mark_used(id(1)).await.expect("marked");
        }
        assert_eq!(origins, [Origin::New, Origin::Known], "the first time at each");
    }
    assert_eq!(b.decided_among(vec![id(1), id(9)]).await, Ok(vec![id(1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_gave_adds_up() {
    let server = Server::start();
    let [a, b] = two(&config_at(&server, "usage").await).await;
    let key = UsageKey { idp: "idp".into(), sub: "ana".into(), resource: "shop".into(), policy: "p".into() };
    let given = |rows| Given { minute: 10, rows, bytes: rows };
    a.keep_usage(vec![(key.clone(), given(3))], 0).await.expect("kept");
    b.keep_usage(vec![(key.clone(), given(i64::MAX as u64))], 0).await.expect("kept");
    let c = open(&config_at(&server, "usage").await, "c").await.expect("a store");
    c.keep_usage(vec![(key.clone(), given(4))], 0).await.expect("kept");
    assert_eq!(b.usage_elsewhere(0).await, Ok(vec![(key.clone(), given(7))]));
    assert_eq!(
        a.usage_elsewhere(0).await,
        Ok(vec![(key.clone(), given(i64::MAX as u64))]),
        "it does not run over"
    );
    assert_eq!(a.usage(0).await, Ok(vec![(key, given(3))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_to_the_others_in_their_order_and_are_heard_at_once() {
    let server = Server::start();
    let config = config_at(&server, "events").await;
    let [a, b] = two(&config).await;
    let mut listening = b.listen().await.expect("it listens");
    assert_eq!(b.events_behind(0).await.expect("found").newest, 0, "there was none");
    let told = join_all((0..20).map(|number| {
        let store = if number % 2 == 0 { &a } else { &b };
        async move { store.tell_event(&number.to_string(), Some(NOW + 10), NOW).await }
    }));
    assert!(told.await.iter().all(Result::is_ok));
    assert_eq!(listening.news.recv().await.as_deref(), Some(OF_REVOCATION));
    let events = b.events_behind(0).await.expect("found").told;
    assert!(events.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert_eq!(events.iter().filter(|told| told.is_own).count(), 10);
    let last = events.last().expect("twenty").number;
    let behind = b.events_behind(last).await.expect("found");
    assert_eq!((behind.newest, behind.at.is_some(), behind.told), (last, true, Vec::new()));
    // What is over is forgotten with the next, and what lasts for ever is not.
    a.tell_event("for ever", None, NOW + 11).await.expect("told");
    a.tell_event("later", Some(NOW + 99), NOW + 50).await.expect("told");
    let behind = b.events_behind(last).await.expect("found");
    assert_eq!((behind.newest, behind.at), (last + 2, None), "what is forgotten has had its number");
    let left: Vec<_> = behind.told.into_iter().map(|told| told.event).collect();
    assert_eq!(left, ["for ever", "later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_decided_by_one_agent_at_a_time() {
    let server = Server::start();
    let config = config_at(&server, "locks").await;
    let [a, b] = two(&config).await;
    let held = a.lock(id(1)).await.expect("locked");
    b.lock(id(2)).await.expect("another request is not locked");
    assert!(
        matches!(b.lock(id(1)).await, Err(StoreError::Unavailable(_))),
        "it is waited for, and not for long"
    );
    drop(held);
    b.lock(id(1)).await.expect("whoever is gone holds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_another_key_or_of_an_older_version_is_turned_away() {
    let server = Server::start();
    let config = config_at(&server, "keys").await;
    open(&config, "a").await.expect("a store");
    let other =
        StoreConfig { key: StoreKey::new(&"0f".repeat(32)).expect("a key"), ..StoreConfig::clone(&config) };
    assert_eq!(open(&Arc::new(other.clone()), "b").await.map(|_| ()), Err(StoreError::OtherKey));
    assert_eq!(PostgresStore::look(&other).await, Err(StoreError::OtherKey));
    let looked = PostgresStore::look(&config).await.expect("looked");
    assert_eq!(looked.version, Some(2));
    assert!(looked.warning.is_some_and(|words| words.contains("fsync")), "the tests' server forgets");
    let mut way = config.way.clone();
    way.dbname("keys");
    let (client, connection) = way.connect(tokio_postgres::NoTls).await.expect("connected");
    tokio::spawn(connection);
    client.batch_execute("INSERT INTO connect.version VALUES (99)").await.expect("written");
    assert_eq!(open(&config, "b").await.map(|_| ()), Err(StoreError::Newer(99)));
    assert_eq!(PostgresStore::look(&config).await, Err(StoreError::Newer(99)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_went_away_is_an_error_and_what_it_answered_is_there_when_it_is_back() {
    let server = Server::start();
    let config = config_at(&server, "away").await;
    let store = open(&config, "a").await.expect("a store");
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    approve(&store, 1, "b").await.expect("approved");
    let mut listening = store.listen().await.expect("it listens");
    server.stop("immediate");
    assert_eq!(listening.news.recv().await, None, "whoever listens hears the end");
    for _ in 0..3 {
        assert!(matches!(store.take(key("ana", "b"), None, NOW + 2).await, Err(StoreError::Unavailable(_))));
        let refused = approve(&store, 1, "b").await;
        assert!(matches!(refused, Err(VerdictError::Store(StoreError::Unavailable(_)))));
    }
    server.run();
    // It is tried again after a moment.
    let taken = loop {
        match store.take(key("ana", "b"), None, NOW + 2).await {
            Ok(taken) => break taken,
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(taken.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_agent_has_written_is_an_error_and_never_a_guess() {
    let server = Server::start();
    let config = config_at(&server, "damaged").await;
    let store = open(&config, "a").await.expect("a store");
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    let (client, connection) = config.way.connect(tokio_postgres::NoTls).await.expect("connected");
    tokio::spawn(connection);
    client.batch_execute("UPDATE connect.request SET details = '{}'").await.expect("written");
    assert!(matches!(store.find(id(1)).await, Err(StoreError::Unavailable(_))));
    client.batch_execute("UPDATE connect.request SET kind = 'everything'").await.expect("written");
    assert!(
        matches!(store.find(id(1)).await, Err(StoreError::Unavailable(words)) if words.contains("everything"))
    );
}

#[tokio::test]
async fn a_store_that_takes_the_call_and_says_nothing_is_an_error() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut way = tokio_postgres::Config::new();
    way.host("127.0.0.1").port(silent.local_addr().expect("bound").port()).user("a").dbname("a");
    let key = StoreKey::new(&"5e".repeat(32)).expect("a key");
    let (tls, lease) = (crate::upstream::UpstreamTls::Disable, std::time::Duration::from_secs(300));
    let config = StoreConfig { way, tls, key, lease };
    assert!(matches!(PostgresStore::look(&config).await, Err(StoreError::Unavailable(_))));
}
