//! Tunnels of good and of bad clients, against a whole agent.

mod resume;

use std::time::Duration;

use bytes::BytesMut;
use connect_shared::{
    engine::Engine,
    frame::{Attempt, Frame, Hello, Notice, Open, Opened, Renew, Resume, VERSION},
    ids::ConnectionId,
};

use crate::serve::testing::{ClientKeys, TestAgent, close_code};

fn code(frame: Option<Frame>) -> String {
    match frame {
        Some(Frame::Notice(Notice::Closed { error } | Notice::RenewalRefused { error })) => error.code,
        Some(Frame::Opened(Opened::Refused { error })) => error.code,
        other => format!("{other:?}"),
    }
}

fn open(resource: &str) -> Vec<u8> {
    let open = Open {
        version: VERSION,
        connection: ConnectionId::from_random([3; 16]),
        resource: resource.to_owned(),
        engine: Engine::PostgreSql,
        resume_from: 0,
        attempt: Attempt::First,
    };
    encoded(&Frame::Open(open))
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes).expect("a frame");
    bytes.to_vec()
}

#[tokio::test]
async fn a_good_grant_is_welcomed_behind_its_entry() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (tunnel, welcome) = agent.tunnel(&keys, &grant.grant).await;
    assert_eq!(welcome.expires_at, grant.expires_at);
    let kinds = agent.kinds().await;
    assert!(kinds.contains(&"session_opened".to_owned()), "{kinds:?}");
    drop(tunnel);
}

#[tokio::test]
async fn a_stolen_grant_gets_nothing_with_another_key() {
    let agent = TestAgent::start().await;
    let (owner, thief) = (ClientKeys::new(), ClientKeys::new());
    let grant = agent.grant(&owner, "ana", &["developer"], "prod-db").await;
    let mut tunnel = agent.hello(&thief, &grant.grant).await;
    let database = tunnel.ask(&open("prod-db")).await;
    assert_eq!(code(tunnel.hear().await), "grant_other_key");
    assert_eq!(tunnel.hear().await, None);
    assert_eq!(database, None, "no stream is answered before a welcome");
    assert_eq!(tunnel.close_code().await, 3);
    let kinds = agent.kinds().await;
    assert!(!kinds.contains(&"session_opened".to_owned()), "{kinds:?}");
    assert!(kinds.contains(&"tunnel_refused".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn a_tunnel_without_a_client_key_does_not_come_up() {
    let agent = TestAgent::start().await;
    // With TLS 1.3 the client may believe for a moment that it is in.
    match agent.dial(None).await {
        Err(_) => {}
        Ok(connection) => {
            let error = connection.closed().await;
            assert!(error.to_string().contains("no certificates"), "{error}");
        }
    }
}

#[tokio::test]
async fn whoever_says_something_else_than_hello_is_closed_without_an_answer() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let hello = encoded(&Frame::Hello(Hello {
        version: VERSION,
        grant: "e30".into(),
        client: String::new(),
        resume: None,
    }));
    let garbage: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x01, 0xff, 0xff, 0xff],
        &[0x01, 0x00, 0x00, 0x02, b'{', b'{'],
        &open("prod-db"),
        &hello[..hello.len() - 1],
    ];
    for bytes in garbage {
        let connection = agent.dial(Some(&keys)).await.expect("a connection");
        let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
        send.write_all(bytes).await.expect("written");
        send.finish().expect("finished");
        assert_eq!(close_code(&connection).await, 2, "{bytes:?}");
        assert!(receive.read_to_end(1_000).await.is_err(), "nothing may be said");
    }
}

#[tokio::test]
async fn a_hello_that_does_not_come_ends_the_tunnel() {
    let agent = TestAgent::start().await;
    let connection = agent.dial(Some(&ClientKeys::new())).await.expect("a connection");
    assert_eq!(close_code(&connection).await, 1);
}

#[tokio::test]
async fn another_version_is_told_what_to_install() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let connection = agent.dial(Some(&keys)).await.expect("a connection");
    let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
    let hello = Hello { version: VERSION + 1, grant: String::new(), client: String::new(), resume: None };
    send.write_all(&encoded(&Frame::Hello(hello))).await.expect("written");
    let answer = receive.read_to_end(10_000).await.expect("an answer");
    let frame = Frame::decode(&mut BytesMut::from(&answer[..])).expect("a frame");
    assert_eq!(code(frame), "version_unsupported");
}

#[tokio::test]
async fn a_session_is_renewed_for_the_same_principal_and_resource_and_key_only() {
    let agent = TestAgent::start().await;
    let (keys, other_keys) = (ClientKeys::new(), ClientKeys::new());
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    let table = [
        (agent.grant(&keys, "li", &["developer"], "prod-db").await.grant, "grant_other_session"),
        (agent.grant(&keys, "ana", &["developer"], "bench-db").await.grant, "grant_other_session"),
        (agent.grant(&other_keys, "ana", &["developer"], "prod-db").await.grant, "grant_other_key"),
        ("rubbish".to_owned(), "grant_malformed"),
    ];
    for (grant, refusal) in table {
        tunnel.say(&Frame::Renew(Renew { grant })).await;
        assert_eq!(code(tunnel.hear().await), refusal);
    }
    let newer = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    tunnel.say(&Frame::Renew(Renew { grant: newer.grant })).await;
    let heard = tunnel.hear().await;
    assert_eq!(heard, Some(Frame::Notice(Notice::Renewed { expires_at: newer.expires_at })));
    assert!(agent.kinds().await.contains(&"grant_renewed".to_owned()));
}

async fn ends_at_its_renewal(agent: &TestAgent, keys: &ClientKeys, opened: &str, newer: &str) {
    let (mut tunnel, _) = agent.tunnel(keys, opened).await;
    tunnel.say(&Frame::Renew(Renew { grant: opened.to_owned() })).await;
    assert!(matches!(tunnel.hear().await, Some(Frame::Notice(Notice::Renewed { .. }))), "the same groups");
    tunnel.say(&Frame::Renew(Renew { grant: newer.to_owned() })).await;
    let Some(Frame::Notice(Notice::Closed { error })) = tunnel.hear().await else { panic!("no end") };
    assert_eq!(error.code, "revoked");
    assert!(error.message.contains("groups have changed"), "{}", error.message);
    assert_eq!(tunnel.close_code().await, 8);
}

async fn ends_at_its_return(agent: &TestAgent, keys: &ClientKeys, opened: &str, newer: &str) {
    let (_left, welcome) = agent.tunnel(keys, opened).await;
    let resume = Resume { session: welcome.session, secret: welcome.secret };
    let mut back = agent.hello_for(keys, newer, Some(resume)).await;
    assert_eq!(code(back.hear().await), "revoked");
    assert_eq!(back.close_code().await, 8);
}

#[tokio::test]
async fn a_session_whose_principal_is_in_other_groups_ends_and_a_group_that_was_lost_comes_back_by_no_old_grant()
 {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let mut grants = Vec::new();
    for person in ["ana", "li", "eve", "bo"] {
        let wider = agent.grant(&keys, person, &["developer", "sees-everything"], "prod-db").await.grant;
        // Of the same second or a later one.
        let fewer = agent.grant(&keys, person, &["developer"], "prod-db").await.grant;
        grants.push((wider, fewer));
    }
    let [(wider, fewer), at_renewal, at_return, at_once] = &grants[..] else { panic!("four") };
    ends_at_its_renewal(&agent, &keys, fewer, wider).await;
    ends_at_its_return(&agent, &keys, fewer, wider).await;
    ends_at_its_renewal(&agent, &keys, &at_renewal.0, &at_renewal.1).await;
    ends_at_its_return(&agent, &keys, &at_return.0, &at_return.1).await;
    // What somebody has lost ends at once, in whatever tunnel.
    let (mut tunnel, _) = agent.tunnel(&keys, &at_once.0).await;
    let _newer = agent.grant(&ClientKeys::new(), "bo", &["developer"], "prod-db").await;
    assert_eq!(code(tunnel.hear().await), "revoked");
    for (wider, fewer) in [at_renewal, at_return, at_once] {
        let mut again = agent.hello(&keys, wider).await;
        assert_eq!(code(again.hear().await), "grant_revoked");
        let (_in, _) = agent.tunnel(&keys, fewer).await;
    }
    let kinds = agent.kinds().await;
    assert!(kinds.contains(&"revoked".to_owned()));
    let renewals = kinds.iter().filter(|kind| *kind == "grant_renewed").count();
    assert_eq!(renewals, 2, "none of those that were cut instead");
}

async fn revoke_own(agent: &TestAgent, person: &str) {
    let request = connect_shared::api::RevocationRequest { mine: true, ..Default::default() };
    let answer = agent
        .http(None)
        .post(agent.url("/v1/revocations"))
        .bearer_auth(agent.provider.token(person, &["developer"]))
        .json(&request)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_grant_of_a_session_that_was_revoked_opens_no_other_one() {
    let agent = TestAgent::start().await;
    let (keys, others) = (ClientKeys::new(), ClientKeys::new());
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let of_other = agent.grant(&others, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, welcome) = agent.tunnel(&keys, &grant.grant).await;
    revoke_own(&agent, "ana").await;
    assert_eq!(code(tunnel.hear().await), "revoked");
    assert_eq!(tunnel.close_code().await, 8);
    let resume = Resume { session: welcome.session, secret: welcome.secret };
    for resume in [None, Some(resume)] {
        let mut again = agent.hello_for(&keys, &grant.grant, resume).await;
        assert_eq!(code(again.hear().await), "grant_revoked");
    }
    let (_in, _) = agent.tunnel(&others, &of_other.grant).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_and_asks_on_and_on_delays_no_cut() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(512u32.into());
    let mut tunnel = agent.hello_through(&keys, &grant.grant, transport).await;
    assert!(matches!(tunnel.hear().await, Some(Frame::Welcome(_))));
    // More answers than it takes.
    for _ in 0..30 {
        tunnel.say(&Frame::Renew(Renew { grant: grant.grant.clone() })).await;
    }
    let renewed = async {
        while agent.kinds().await.iter().filter(|kind| *kind == "grant_renewed").count() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("it answers until nobody takes it");
    revoke_own(&agent, "ana").await;
    assert_eq!(tunnel.close_code().await, 8, "and not that it was deaf");
}

#[tokio::test]
async fn endless_bad_renewals_end_the_tunnel() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    for _ in 0..9 {
        tunnel.say(&Frame::Renew(Renew { grant: "rubbish".into() })).await;
    }
    assert_eq!(tunnel.close_code().await, 2);
}

#[tokio::test]
async fn a_session_ends_with_its_grant_and_says_so() {
    let agent = TestAgent::with_lifetime(Duration::from_secs(3)).await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, welcome) = agent.tunnel(&keys, &grant.grant).await;
    let expiring = Notice::Expiring { expires_at: welcome.expires_at };
    assert_eq!(tunnel.hear().await, Some(Frame::Notice(expiring)));
    assert_eq!(tunnel.hear().await, Some(Frame::Notice(Notice::Lapsed)), "from here on no byte moves");
    let Some(Frame::Notice(Notice::Closed { error })) = tunnel.hear().await else { panic!("no last words") };
    assert_eq!(error.code, "grant_expired");
    assert_eq!(error.exit.code(), 8);
    assert_eq!(error.help, ["connect prod-db"]);
    assert_eq!(tunnel.close_code().await, 4);
    assert!(crate::serve::now() >= welcome.expires_at);
    // And the grant is worth nothing in a new tunnel either.
    let mut again = agent.hello(&keys, &grant.grant).await;
    assert_eq!(code(again.hear().await), "grant_expired");
}

#[tokio::test]
async fn a_stream_that_is_not_for_the_granted_resource_is_refused_and_the_session_goes_on() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    assert_eq!(code(tunnel.ask(&open("bench-db")).await), "grant_other_resource");
    assert_eq!(tunnel.ask(b"\xff\xff\xff\xff").await, None);
    assert_eq!(tunnel.ask(&encoded(&Frame::Ack { offset: 0 })).await, None);
    assert_eq!(code(tunnel.ask(&open("nothing")).await), "grant_other_resource");
}

#[tokio::test]
async fn a_control_stream_that_breaks_the_rules_ends_the_session() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    tunnel.send.write_all(&[0xee; 64]).await.expect("written");
    assert_eq!(tunnel.close_code().await, 2);
}

#[tokio::test]
async fn an_agent_that_stops_says_so_to_every_session_and_closes_its_log_behind_them() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (mut tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    let log = agent.running.log.clone();
    let (stopped, heard) = tokio::join!(agent.running.stop("test"), tunnel.hear());
    stopped.expect("it stops in order");
    assert_eq!(code(heard), "agent_stopping");
    assert_eq!(tunnel.close_code().await, 5);
    let kinds = crate::serve::testing::kinds(log.public_dir(), &log.checkpoint_text(), &log.verifier_key());
    let tail: Vec<_> = kinds.iter().filter(|kind| *kind != "catalog_loaded").rev().take(2).collect();
    assert_eq!(tail, ["agent_stopped", "session_closed"]);
}

#[tokio::test]
async fn the_end_of_a_tunnel_is_the_end_of_its_session() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    let (tunnel, _) = agent.tunnel(&keys, &grant.grant).await;
    assert!(!agent.kinds().await.contains(&"session_closed".to_owned()));
    tunnel.connection.close(0u32.into(), b"done");
    let recorded = async {
        while !agent.kinds().await.contains(&"session_closed".to_owned()) {
            // The agent runs on this very thread.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recorded).await.expect("it is recorded");
}
