//! How a store behaves. Each implementation runs all of [`behaviours`]; what only one of them has follows.

mod shared;

use std::sync::Arc;

use connect_shared::label::Label;

use super::*;

const NOW: Moment = 1_800_000_000;

fn person(sub: &str) -> PrincipalRef {
    PrincipalRef { sub: sub.into(), idp: "https://id.example".into(), actor: None }
}

fn id(number: u8) -> RequestId {
    RequestId::from_random([number; 16])
}

fn key(sub: &str, binding: &str) -> Key {
    Key {
        kind: RequestKind::Statement,
        principal: person(sub),
        resource: "prod-db".into(),
        binding: binding.into(),
    }
}

fn asking(number: u8, key: Key) -> NewRequest {
    let held = HeldStatement {
        text: None,
        normalized: Some("DROP TABLE orders".into()),
        verbs: vec!["drop table".into()],
        with_parameters: false,
        parameters: Vec::new(),
        reads: Vec::new(),
        writes: vec!["public.orders".into()],
        labelled: Vec::new(),
        who: Vec::new(),
        approvals: 1,
        window: None,
        any_values: false,
        policy: "default/destructive".into(),
        why: "why".into(),
        radius: None,
    };
    let details = match key.kind {
        RequestKind::Access => Details::Access { actions: vec![Action::Read], seconds: 3600 },
        RequestKind::Statement => Details::Statement(Box::new(held)),
        RequestKind::Unmask => {
            let columns =
                vec![LabelledColumn { column: "public.customers.email".into(), label: Label::Email }];
            Details::Unmask { columns, seconds: 3600, who: Vec::new() }
        }
        RequestKind::Window => Details::Window {
            rules: vec!["default/destructive".into()],
            digest: "d".into(),
            seconds: 3600,
            who: Vec::new(),
            approvals: 1,
        },
        RequestKind::BreakGlass => Details::BreakGlass { until: NOW + 60 },
    };
    NewRequest {
        id: id(number),
        key,
        name: "ana@example.com".into(),
        reason: Some("a ticket".into()),
        details,
        sealed: Some(vec![1, 2, 3]),
        template: None,
        expires_at: NOW + 100,
    }
}

const fn terms(until: Moment) -> Terms {
    Terms { until, runs: None }
}

fn verdict(state: RequestState, sub: &str, at: Moment) -> Verdict {
    let reason = (state == RequestState::Rejected).then(|| "no".to_owned());
    Verdict { state, by: person(sub), name: format!("{sub}@example.com"), reason, at }
}

async fn approve(store: &dyn Store, number: u8, binding: &str) -> Result<Request, VerdictError> {
    let given = verdict(RequestState::Approved, "li", NOW + 1);
    store.decide(id(number), binding.into(), given, terms(NOW + 50)).await
}

/// What every store does. Each behaviour gets an empty one.
macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite_store {
            $(#[tokio::test]
            async fn $behaviour() {
                let folder = tempfile::tempdir().expect("a folder");
                let store = super::SqliteStore::open(&folder.path().join("state.db")).expect("a store");
                super::$behaviour(std::sync::Arc::new(store)).await;
            })+
        }

        mod postgres_store {
            /// One server for all of them, and a database for each.
            #[tokio::test(flavor = "multi_thread")]
            async fn it_does_what_every_store_does() {
                let server = crate::catalog::tests::server::Server::start();
                $({
                    println!("{}", stringify!($behaviour));
                    let config = super::super::testing::config_at(&server, stringify!($behaviour)).await;
                    let store = super::super::testing::open(&config, "a").await.expect("a store");
                    super::$behaviour(std::sync::Arc::new(store)).await;
                })+
            }
        }
    };
}

behaviours!(
    a_request_is_found_as_it_was_made,
    the_same_asking_again_is_the_same_request,
    an_approval_is_used_once_however_many_ask_at_the_same_time,
    an_approval_is_for_its_key_and_nothing_else,
    nobody_decides_a_request_of_ones_own,
    only_whoever_asked_takes_it_back,
    a_verdict_is_given_once,
    nothing_is_decided_or_used_behind_its_end,
    what_was_looked_at_must_be_what_is_approved,
    an_unknown_id_is_nothing,
    access_can_be_used_until_its_end,
    a_list_has_ones_own_and_what_is_pending,
    looking_at_it_counts_once,
    one_principal_cannot_fill_the_store,
    a_text_is_kept_no_longer_than_it_is_needed,
    what_was_given_is_kept_for_each_minute_in_place_of_what_was_kept,
    a_statement_that_two_must_approve_waits_for_both,
    an_approval_with_any_values_is_used_as_often_as_it_says,
    what_is_for_a_time_holds_until_its_end,
    a_broken_glass_holds_at_once_and_waits_for_its_review,
);

async fn an_approval_with_any_values_is_used_as_often_as_it_says(store: Arc<dyn Store>) {
    let form = |number, binding: &str| NewRequest {
        template: Some("form".into()),
        ..asking(number, key("ana", binding))
    };
    store.ask(form(1, "7"), NOW).await.expect("made");
    let take = |who: &str, binding: &str, template: Option<&str>, now| {
        store.take(key(who, binding), template.map(str::to_owned), now)
    };
    assert_eq!(take("ana", "8", Some("form"), NOW).await, Ok(None), "nobody has approved it");
    let given = verdict(RequestState::Approved, "li", NOW + 1);
    let decided = store.decide(id(1), "7".into(), given, Terms { until: NOW + 50, runs: Some(3) }).await;
    assert_eq!(decided.expect("approved").runs_left, Some(3));
    assert_eq!(take("ana", "8", None, NOW + 2).await, Ok(None), "it has no form now");
    assert_eq!(take("ana", "8", Some("another"), NOW + 2).await, Ok(None));
    assert_eq!(take("sam", "8", Some("form"), NOW + 2).await, Ok(None));
    let other = Key { resource: "staging".into(), ..key("ana", "8") };
    assert_eq!(store.take(other, Some("form".into()), NOW + 2).await, Ok(None));
    let bot = PrincipalRef { actor: Some("bot".into()), ..person("ana") };
    let other = Key { principal: bot, ..key("ana", "8") };
    assert_eq!(store.take(other, Some("form".into()), NOW + 2).await, Ok(None));
    assert_eq!(take("ana", "8", Some("form"), NOW + 50).await, Ok(None), "it is over");
    for (left, binding) in [(2, "8"), (1, "7"), (0, "9")] {
        let taken = take("ana", binding, Some("form"), NOW + 2).await.expect("it answers").expect("a run");
        assert_eq!((taken.id, taken.runs_left), (id(1), Some(left)));
        let ended = if left == 0 { RequestState::Used } else { RequestState::Approved };
        assert_eq!((taken.state, taken.sealed.is_none()), (ended, left == 0));
    }
    assert_eq!(take("ana", "8", Some("form"), NOW + 2).await, Ok(None), "each run is used");
    // One that was approved as it is has no form that could be used.
    store.ask(form(2, "1"), NOW).await.expect("made");
    approve(&*store, 2, "1").await.expect("approved");
    assert_eq!(take("ana", "8", Some("form"), NOW + 2).await, Ok(None));
    assert!(take("ana", "1", Some("form"), NOW + 2).await.expect("it answers").is_some());
}

async fn what_is_for_a_time_holds_until_its_end(store: Arc<dyn Store>) {
    for (number, kind) in [(1, RequestKind::Unmask), (2, RequestKind::Window), (3, RequestKind::Statement)] {
        store.ask(asking(number, Key { kind, ..key("ana", "b") }), NOW).await.expect("made");
    }
    assert_eq!(store.for_a_time(NOW).await, Ok(Vec::new()), "nobody has approved it");
    for number in 1..=3 {
        approve(&*store, number, "b").await.expect("approved until NOW + 50");
    }
    let holding = async |now| -> Vec<RequestId> {
        store.for_a_time(now).await.expect("it answers").iter().map(|request| request.id).collect()
    };
    assert_eq!(holding(NOW + 49).await, [id(1), id(2)]);
    assert!(holding(NOW + 50).await.is_empty());
    assert_eq!(
        store.take(Key { kind: RequestKind::Unmask, ..key("ana", "c") }, None, NOW + 2).await,
        Ok(None)
    );
}

async fn a_broken_glass_holds_at_once_and_waits_for_its_review(store: Arc<dyn Store>) {
    let glass = Key { kind: RequestKind::BreakGlass, ..key("ana", "b") };
    for number in 1..=2 {
        let new = NewRequest {
            expires_at: NOW * 2,
            ..asking(number, Key { binding: number.to_string(), ..glass.clone() })
        };
        store.ask(new, NOW).await.expect("made");
    }
    let holding = async |now| -> Vec<RequestId> {
        store.for_a_time(now).await.expect("it answers").iter().map(|request| request.id).collect()
    };
    assert_eq!(holding(NOW + 1).await, [id(1), id(2)]);
    assert!(holding(NOW + 60).await.is_empty());
    let taken_back = verdict(RequestState::Withdrawn, "ana", NOW + 1);
    assert_eq!(store.decide(id(1), String::new(), taken_back, terms(NOW)).await, Err(VerdictError::Own));
    // Long after, it can still be reviewed, and nothing ends it before.
    store.expire(NOW + 200 * 24 * 3600).await.expect("ended");
    let wrong = verdict(RequestState::Rejected, "li", NOW + 2);
    store.decide(id(2), String::new(), wrong, terms(NOW + 2)).await.expect("reviewed");
    assert_eq!(holding(NOW + 3).await, [id(1)], "what was wrong ends with its review");
    let right = verdict(RequestState::Approved, "li", NOW + 300 * 24 * 3600);
    let reviewed = store.decide(id(1), "1".into(), right, terms(NOW)).await.expect("reviewed");
    assert_eq!(reviewed.state, RequestState::Approved);
    let last = async |who: &str, resource: &str| {
        let found = store.last_glass(key(who, "b").principal, resource.to_owned()).await.expect("it answers");
        found.map(|request| (request.id, request.state, request.rejected_at()))
    };
    let resource = &glass.resource;
    assert_eq!(last("ana", resource).await, Some((id(2), RequestState::Rejected, Some(NOW + 2))));
    assert_eq!((last("sam", resource).await, last("ana", "another").await), (None, None));
}

async fn a_request_is_found_as_it_was_made(store: Arc<dyn Store>) {
    let (made, origin) = store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    assert_eq!(origin, Origin::New);
    assert_eq!((made.id, made.state, made.created_at), (id(1), RequestState::Pending, NOW));
    assert_eq!(made.key, key("ana", "b"));
    assert_eq!(made.sealed, Some(vec![1, 2, 3]));
    assert_eq!(store.find(id(1)).await, Ok(Some(made)));
}

async fn the_same_asking_again_is_the_same_request(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    let (again, origin) = store.ask(asking(2, key("ana", "b")), NOW + 1).await.expect("found");
    assert_eq!((again.id, origin), (id(1), Origin::Known));
    let waits = async |key: Key, now| store.pending(key, now).await.expect("it answers").map(|one| one.id);
    assert_eq!(waits(key("ana", "b"), NOW + 99).await, Some(id(1)));
    assert_eq!(waits(key("ana", "b"), NOW + 100).await, None, "it is over");
    assert_eq!(waits(key("ana", "c"), NOW + 1).await, None);
    assert_eq!(waits(key("sam", "b"), NOW + 1).await, None);
    // Behind its end it is another one.
    let other = NewRequest { expires_at: NOW + 300, ..asking(3, key("ana", "b")) };
    store.expire(NOW + 100).await.expect("ended");
    let (other, origin) = store.ask(other, NOW + 100).await.expect("made");
    assert_eq!((other.id, origin), (id(3), Origin::New));
}

async fn an_approval_is_used_once_however_many_ask_at_the_same_time(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    assert_eq!(store.take(key("ana", "b"), None, NOW).await, Ok(None), "nobody has approved it");
    approve(&*store, 1, "b").await.expect("approved");
    let all = (0..20).map(|_| store.take(key("ana", "b"), None, NOW + 2));
    let taken = futures_util::future::join_all(all).await;
    let used: Vec<_> = taken.into_iter().filter_map(|taken| taken.expect("it answers")).collect();
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].state, RequestState::Used);
    assert_eq!(store.pending(key("ana", "b"), NOW + 2).await, Ok(None));
    assert_eq!(used[0].verdicts[0].by, person("li"));
    assert_eq!(store.take(key("ana", "b"), None, NOW + 3).await, Ok(None), "a replay");
}

async fn an_approval_is_for_its_key_and_nothing_else(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    approve(&*store, 1, "b").await.expect("approved");
    let bot = PrincipalRef { actor: Some("bot".into()), ..person("ana") };
    let elsewhere = PrincipalRef { idp: "https://other.example".into(), ..person("ana") };
    let others = [
        key("ana", "c"),
        key("sam", "b"),
        Key { resource: "other-db".into(), ..key("ana", "b") },
        Key { principal: bot, ..key("ana", "b") },
        Key { principal: elsewhere, ..key("ana", "b") },
        Key { kind: RequestKind::Access, ..key("ana", "b") },
    ];
    for other in others {
        assert_eq!(store.take(other.clone(), None, NOW + 2).await, Ok(None), "{other:?}");
    }
    assert!(store.take(key("ana", "b"), None, NOW + 2).await.expect("it answers").is_some());
}

async fn nobody_decides_a_request_of_ones_own(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    let bot = PrincipalRef { actor: Some("bot".into()), ..person("ana") };
    store.ask(asking(2, Key { principal: bot, ..key("ana", "b") }), NOW).await.expect("made");
    for number in [1, 2] {
        for state in [RequestState::Approved, RequestState::Rejected] {
            let given = verdict(state, "ana", NOW + 1);
            let refused = store.decide(id(number), "b".into(), given, terms(NOW + 50)).await;
            assert_eq!(refused, Err(VerdictError::Own));
        }
    }
    // Nor through an AI agent of one's own.
    let acting = PrincipalRef { actor: Some("bot".into()), ..person("ana") };
    let given = Verdict { by: acting, ..verdict(RequestState::Approved, "ana", NOW + 1) };
    assert_eq!(store.decide(id(1), "b".into(), given, terms(NOW + 50)).await, Err(VerdictError::Own));
}

async fn only_whoever_asked_takes_it_back(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    let given = verdict(RequestState::Withdrawn, "li", NOW + 1);
    assert_eq!(store.decide(id(1), String::new(), given, terms(NOW)).await, Err(VerdictError::NotOwn));
    let given = verdict(RequestState::Withdrawn, "ana", NOW + 1);
    let withdrawn = store.decide(id(1), String::new(), given, terms(NOW)).await.expect("withdrawn");
    assert_eq!(withdrawn.state, RequestState::Withdrawn);
    assert_eq!(approve(&*store, 1, "b").await, Err(VerdictError::Over(RequestState::Withdrawn)));
}

async fn a_verdict_is_given_once(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    let given = verdict(RequestState::Rejected, "li", NOW + 1);
    let rejected = store.decide(id(1), String::new(), given, terms(NOW)).await.expect("rejected");
    assert_eq!(rejected.verdicts[0].reason.as_deref(), Some("no"));
    assert_eq!(approve(&*store, 1, "b").await, Err(VerdictError::Over(RequestState::Rejected)));
    assert_eq!(store.take(key("ana", "b"), None, NOW + 2).await, Ok(None));
}

async fn nothing_is_decided_or_used_behind_its_end(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    store.ask(asking(2, key("ana", "c")), NOW).await.expect("made");
    let late = verdict(RequestState::Approved, "li", NOW + 100);
    let refused = store.decide(id(1), "b".into(), late, terms(NOW + 200)).await;
    assert_eq!(refused, Err(VerdictError::Over(RequestState::Expired)));
    approve(&*store, 2, "c").await.expect("approved until NOW + 50");
    assert_eq!(store.take(key("ana", "c"), None, NOW + 50).await, Ok(None));
    // To be found until it is ended, so that whoever could not record it finds it again.
    for _ in 0..2 {
        let mut over: Vec<_> =
            store.over(NOW + 100).await.expect("found").iter().map(|over| over.id).collect();
        over.sort();
        assert_eq!(over, [id(1), id(2)]);
    }
    store.expire(NOW + 100).await.expect("ended");
    assert!(store.over(NOW + 101).await.expect("found").is_empty(), "each ends once");
}

async fn what_was_looked_at_must_be_what_is_approved(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    assert_eq!(approve(&*store, 1, "another").await, Err(VerdictError::OtherBinding));
    assert_eq!(store.take(key("ana", "b"), None, NOW + 2).await, Ok(None));
}

async fn an_unknown_id_is_nothing(store: Arc<dyn Store>) {
    assert_eq!(store.find(id(9)).await, Ok(None));
    assert_eq!(approve(&*store, 9, "b").await, Err(VerdictError::Unknown));
}

async fn access_can_be_used_until_its_end(store: Arc<dyn Store>) {
    let asked = Key { kind: RequestKind::Access, ..key("ana", "b") };
    store.ask(asking(1, asked), NOW).await.expect("made");
    let use_it = |now| store.access(person("ana"), "prod-db".into(), now);
    assert_eq!(use_it(NOW).await, Ok(Vec::new()));
    approve(&*store, 1, "b").await.expect("approved until NOW + 50");
    let origins = async |now| -> Vec<Origin> {
        use_it(now).await.expect("it answers").into_iter().map(|(_, origin)| origin).collect()
    };
    for _ in 0..2 {
        assert_eq!(origins(NOW + 2).await, [Origin::New], "nobody has said that it is in the log");
    }
    for _ in 0..2 {
        store.mark_used(id(1)).await.expect("marked");
    }
    store.mark_used(id(9)).await.expect("what is forgotten meanwhile is no error");
    assert_eq!(origins(NOW + 49).await, [Origin::Known]);
    assert_eq!(origins(NOW + 50).await, []);
    assert_eq!(store.access(person("sam"), "prod-db".into(), NOW + 3).await, Ok(Vec::new()));
    let bot = PrincipalRef { actor: Some("bot".into()), ..person("ana") };
    assert_eq!(store.access(bot, "prod-db".into(), NOW + 3).await, Ok(Vec::new()));
}

async fn a_list_has_ones_own_and_what_is_pending(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    store.ask(asking(2, key("sam", "c")), NOW + 1).await.expect("made");
    store.ask(asking(3, key("sam", "d")), NOW + 2).await.expect("made");
    let given = verdict(RequestState::Rejected, "li", NOW + 3);
    store.decide(id(2), String::new(), given, terms(NOW)).await.expect("rejected");
    let ids = |requests: Vec<Request>| -> Vec<RequestId> {
        assert!(requests.iter().all(|one| one.sealed.is_none()), "a list has no texts");
        requests.iter().map(|one| one.id).collect()
    };
    assert_eq!(ids(store.list(person("ana"), 10).await.expect("a list")), [id(3), id(1)]);
    assert_eq!(ids(store.list(person("sam"), 10).await.expect("a list")), [id(3), id(2), id(1)]);
    assert_eq!(ids(store.list(person("sam"), 1).await.expect("a list")), [id(3)]);
}

async fn looking_at_it_counts_once(store: Arc<dyn Store>) {
    store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
    assert_eq!(store.seen(id(1), person("li")).await, Ok(Origin::New));
    assert_eq!(store.seen(id(1), person("li")).await, Ok(Origin::Known));
    assert_eq!(store.seen(id(1), person("sam")).await, Ok(Origin::New));
}

async fn one_principal_cannot_fill_the_store(store: Arc<dyn Store>) {
    for number in 0..MAX_PENDING {
        let new = NewRequest {
            id: RequestId::from_random(u128::from(number).to_be_bytes()),
            ..asking(1, key("mallory", &number.to_string()))
        };
        store.ask(new, NOW).await.expect("made");
    }
    let refused = store.ask(asking(201, key("mallory", "one more")), NOW).await;
    assert_eq!(refused.map(|_| ()), Err(StoreError::TooMany));
    store.ask(asking(202, key("ana", "b")), NOW).await.expect("others are not harmed");
}

async fn a_text_is_kept_no_longer_than_it_is_needed(store: Arc<dyn Store>) {
    for number in 1..=3u8 {
        store.ask(asking(number, key("ana", &number.to_string())), NOW).await.expect("made");
    }
    approve(&*store, 1, "1").await.expect("approved");
    store.take(key("ana", "1"), None, NOW + 2).await.expect("used");
    let given = verdict(RequestState::Rejected, "li", NOW + 3);
    store.decide(id(2), String::new(), given, terms(NOW)).await.expect("rejected");
    store.expire(NOW + 100).await.expect("ended");
    for number in 1..=3 {
        assert_eq!(store.find(id(number)).await.expect("found").expect("there").sealed, None);
    }
}

async fn what_was_given_is_kept_for_each_minute_in_place_of_what_was_kept(store: Arc<dyn Store>) {
    let key = |policy: &str| UsageKey {
        idp: "idp".into(),
        sub: "ana".into(),
        resource: "shop".into(),
        policy: policy.into(),
    };
    let given = |minute, rows| Given { minute, rows, bytes: rows };
    let kept = vec![(key("p"), given(10, 1)), (key("p"), given(11, 5)), (key("q"), given(11, u64::MAX))];
    store.keep_usage(kept, 0).await.expect("kept");
    store.keep_usage(vec![(key("p"), given(11, 7))], 11).await.expect("kept");
    let mut found = store.usage(11).await.expect("found");
    found.sort_by(|(one, _), (two, _)| one.policy.cmp(&two.policy));
    let most = i64::MAX as u64;
    let of_q = Given { minute: 11, rows: most, bytes: most };
    assert_eq!(found, [(key("p"), given(11, 7)), (key("q"), of_q)]);
    assert_eq!(store.usage(0).await.expect("found").len(), 2, "what is older is forgotten");
    assert!(store.usage_elsewhere(0).await.expect("found").is_empty(), "there is no other agent");
}

async fn a_statement_that_two_must_approve_waits_for_both(store: Arc<dyn Store>) {
    let mut new = asking(1, key("ana", "b"));
    if let Details::Statement(statement) = &mut new.details {
        statement.approvals = 2;
    }
    store.ask(new, NOW).await.expect("made");
    assert_eq!(approve(&*store, 1, "b").await.map(|request| request.state), Ok(RequestState::Pending));
    assert_eq!(approve(&*store, 1, "b").await, Err(VerdictError::Already));
    assert_eq!(store.take(key("ana", "b"), None, NOW + 2).await, Ok(None));
    let second = verdict(RequestState::Approved, "sam", NOW + 3);
    let decided = store.decide(id(1), "b".into(), second, terms(NOW + 50)).await.expect("approved");
    assert_eq!(
        (decided.state, decided.verdicts.len(), decided.expires_at),
        (RequestState::Approved, 2, NOW + 50)
    );
    assert!(store.take(key("ana", "b"), None, NOW + 4).await.expect("it answers").is_some());
}

#[tokio::test]
async fn what_was_answered_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    {
        let store = SqliteStore::open(&path).expect("a store");
        store.ask(asking(1, key("ana", "b")), NOW).await.expect("made");
        approve(&store, 1, "b").await.expect("approved");
        // As after kill -9: nothing is closed.
        std::mem::forget(store);
    }
    let store = SqliteStore::open(&path).expect("the same store");
    assert!(store.take(key("ana", "b"), None, NOW + 2).await.expect("it answers").is_some());
    let again = SqliteStore::open(&path).expect("the same store");
    assert_eq!(again.take(key("ana", "b"), None, NOW + 2).await, Ok(None));
}

#[test]
fn a_file_of_a_newer_agent_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let connection = rusqlite::Connection::open(&path).expect("a file");
    connection.pragma_update(None, "user_version", 99).expect("set");
    assert_eq!(SqliteStore::open(&path).map(|_| ()), Err(StoreError::Newer(99)));
}

#[test]
fn a_file_that_is_none_of_ours_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    std::fs::write(&path, vec![7u8; 4096]).expect("written");
    assert!(matches!(SqliteStore::open(&path).map(|_| ()), Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_file_of_an_older_agent_keeps_its_requests_verdicts_and_looks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let connection = rusqlite::Connection::open(&path).expect("a file");
    let older = [include_str!("sqlite/1.sql"), include_str!("sqlite/2.sql")].concat();
    connection.execute_batch(&older).expect("made");
    connection.pragma_update(None, "user_version", 2).expect("set");
    let request = "INSERT INTO request (id, kind, state, resource, sub, idp, name, binding, details, created_at, \
        expires_at) VALUES (?1, 'statement', 'approved', 'prod-db', 'ana', 'https://id.example', 'ana', 'b', ?2, 1, ?3)";
    let details = serde_json::to_string(&asking(1, key("ana", "b")).details).expect("JSON");
    connection.execute(request, (id(1).to_string(), details, NOW + 50)).expect("kept");
    let rest = format!(
        "INSERT INTO verdict VALUES ('{0}', 'approved', 'li', 'https://id.example', 'li', NULL, 2); \
         INSERT INTO seen VALUES ('{0}', 'li', 'https://id.example')",
        id(1)
    );
    connection.execute_batch(&rest).expect("kept");
    drop(connection);
    let store = SqliteStore::open(&path).expect("a store");
    let kept = store.find(id(1)).await.expect("it answers").expect("there");
    assert_eq!((kept.verdicts.len(), kept.template, kept.runs_left), (1, None, None));
    assert_eq!(store.seen(id(1), person("li")).await, Ok(Origin::Known));
    assert!(store.take(key("ana", "b"), None, NOW).await.expect("it answers").is_some());
}
