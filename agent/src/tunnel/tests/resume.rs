//! Sessions that go on in another tunnel, and those who try to take them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use connect_shared::{
    engine::Engine,
    frame::{Attempt, Frame, Notice, Open, Opened, Renew, Resume, VERSION, Welcome},
    ids::{ConnectionId, SessionId},
};
use quinn::{RecvStream, SendStream};

use super::{code, encoded};
use crate::serve::testing::{ClientKeys, ClientTunnel, TestAgent, close_code};

/// A connection's stream, held open.
struct Stream {
    send: SendStream,
    receive: RecvStream,
    buffer: BytesMut,
}

impl Stream {
    async fn open(tunnel: &ClientTunnel, number: u8, attempt: Attempt, resume_from: u64) -> Self {
        let (send, receive) = tunnel.connection.open_bi().await.expect("a stream");
        let open = Open {
            version: VERSION,
            connection: ConnectionId::from_random([number; 16]),
            resource: "prod-db".to_owned(),
            engine: Engine::PostgreSql,
            resume_from,
            attempt,
        };
        let mut stream = Self { send, receive, buffer: BytesMut::new() };
        stream.say(&Frame::Open(open)).await;
        stream
    }

    async fn say(&mut self, frame: &Frame) {
        self.send.write_all(&encoded(frame)).await.expect("written");
    }

    async fn hear(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.buffer).expect("the agent keeps the rules") {
                return Some(frame);
            }
            let chunk = self.receive.read_chunk(64 * 1024, true).await.ok().flatten()?;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }
}

fn accepted(resume_from: u64) -> Option<Frame> {
    Some(Frame::Opened(Opened::Accepted { resume_from }))
}

fn claim(welcome: &Welcome) -> Resume {
    Resume { session: welcome.session, secret: welcome.secret.clone() }
}

/// Ana with a tunnel.
struct Ana {
    agent: TestAgent,
    keys: ClientKeys,
    grant: String,
    tunnel: ClientTunnel,
    welcome: Welcome,
}

impl Ana {
    async fn start() -> Self {
        let agent = TestAgent::start().await;
        let keys = ClientKeys::new();
        let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await.grant;
        let (tunnel, welcome) = agent.tunnel(&keys, &grant).await;
        Self { agent, keys, grant, tunnel, welcome }
    }

    async fn come_back(&self) -> (ClientTunnel, Option<Frame>) {
        let mut tunnel = self.agent.hello_for(&self.keys, &self.grant, Some(claim(&self.welcome))).await;
        let answer = tunnel.hear().await;
        (tunnel, answer)
    }
}

/// The head of a startup message, so that the machine waits for the rest.
const HALF: &[u8] = &[0, 0, 0, 100, 0, 3];

#[tokio::test]
async fn another_tunnel_goes_on_with_the_session_and_the_first_one_is_closed() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    stream.say(&Frame::Data { offset: 0, bytes: Bytes::from_static(HALF) }).await;
    let (tunnel, answer) = ana.come_back().await;
    let Some(Frame::Welcome(again)) = answer else { panic!("no welcome: {answer:?}") };
    assert_eq!((again.session, &again.secret), (ana.welcome.session, &ana.welcome.secret));
    assert_ne!(again.tunnel, ana.welcome.tunnel);
    assert_eq!(close_code(&ana.tunnel.connection).await, 6);
    let mut resumed = Stream::open(&tunnel, 1, Attempt::Resume, 0).await;
    assert_eq!(resumed.hear().await, accepted(6), "the half message was taken");
    let kinds = ana.agent.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "session_opened").count(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "session_resumed").count(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "connection_opened").count(), 1, "{kinds:?}");
}

#[tokio::test]
async fn a_thief_with_the_secret_and_a_grant_of_his_own_gets_nothing_and_the_owner_notices_nothing() {
    let mut ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    let thief = ClientKeys::new();
    let his = ana.agent.grant(&thief, "eve", &["developer"], "prod-db").await.grant;
    let hers_elsewhere = ana.agent.grant(&thief, "ana", &["developer"], "prod-db").await.grant;
    let stolen = claim(&ana.welcome);
    let guessed = Resume { secret: "A".repeat(stolen.secret.len()), ..stolen.clone() };
    let invented = Resume { session: SessionId::from_random([9; 16]), ..stolen.clone() };
    let other_resource = ana.agent.grant(&ana.keys, "ana", &["developer"], "bench-db").await.grant;
    let other_person = ana.agent.grant(&ana.keys, "eve", &["developer"], "prod-db").await.grant;
    let table = [
        ("his own grant", &thief, &his, &stolen, "resume_other_key"),
        ("her grant for his key", &thief, &hers_elsewhere, &stolen, "resume_other_key"),
        ("her stolen grant", &thief, &ana.grant, &stolen, "grant_other_key"),
        ("a guessed secret", &ana.keys, &ana.grant, &guessed, "resume_other_secret"),
        ("no such session", &ana.keys, &ana.grant, &invented, "resume_unknown"),
        ("another resource", &ana.keys, &other_resource, &stolen, "resume_other_grant"),
        ("another person on her machine", &ana.keys, &other_person, &stolen, "resume_other_grant"),
    ];
    for (what, keys, grant, resume, refusal) in table {
        let mut tunnel = ana.agent.hello_for(keys, grant, Some(resume.clone())).await;
        assert_eq!(code(tunnel.hear().await), refusal, "{what}");
        assert_eq!(tunnel.close_code().await, 3, "{what}");
    }
    let newer = ana.agent.grant(&ana.keys, "ana", &["developer"], "prod-db").await;
    ana.tunnel.say(&Frame::Renew(Renew { grant: newer.grant })).await;
    let renewed = Some(Frame::Notice(Notice::Renewed { expires_at: newer.expires_at }));
    assert_eq!(ana.tunnel.hear().await, renewed, "her tunnel is untouched");
    let kinds = ana.agent.kinds().await;
    assert!(!kinds.contains(&"session_resumed".to_owned()), "{kinds:?}");
    assert!(kinds.contains(&"tunnel_refused".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn offsets_that_nobody_can_mean_are_refused_and_leave_the_connection_as_it_is() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    for future in [1, u64::MAX] {
        let mut wrong = Stream::open(&ana.tunnel, 1, Attempt::Resume, future).await;
        assert_eq!(code(wrong.hear().await), "resume_offset");
    }
    stream.say(&Frame::Data { offset: 0, bytes: Bytes::from_static(HALF) }).await;
    let mut right = Stream::open(&ana.tunnel, 1, Attempt::Resume, 0).await;
    let Some(Frame::Opened(Opened::Accepted { resume_from })) = right.hear().await else {
        panic!("not accepted")
    };
    assert!(resume_from == 0 || resume_from == 6, "all of the frame or nothing of it: {resume_from}");
}

#[tokio::test]
async fn data_behind_a_resumption_must_begin_where_the_agent_says() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    let mut again = Stream::open(&ana.tunnel, 1, Attempt::Resume, 0).await;
    assert_eq!(again.hear().await, accepted(0));
    again.say(&Frame::Data { offset: 5, bytes: Bytes::from_static(HALF) }).await;
    assert_eq!(again.hear().await, Some(Frame::End { offset: 0 }), "it ends without an answer");
}

#[tokio::test]
async fn acknowledging_what_was_never_sent_ends_the_connection() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    stream.say(&Frame::Ack { offset: 1 }).await;
    assert_eq!(stream.hear().await, Some(Frame::End { offset: 0 }));
}

#[tokio::test]
async fn data_without_bytes_is_against_the_rules() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    stream.say(&Frame::Data { offset: 0, bytes: Bytes::new() }).await;
    assert_eq!(stream.hear().await, Some(Frame::End { offset: 0 }));
}

/// A client that tries another tunnel beside a silent one drops it as soon as the silent one speaks again.
#[tokio::test]
async fn a_tunnel_that_is_dropped_before_it_was_used_leaves_the_session_to_come_back_to() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    stream.say(&Frame::Data { offset: 0, bytes: Bytes::from_static(HALF) }).await;
    let (tunnel, answer) = ana.come_back().await;
    assert!(matches!(answer, Some(Frame::Welcome(_))), "{answer:?}");
    tunnel.connection.close(0u32.into(), b"");
    let (tunnel, answer) = ana.come_back().await;
    assert!(matches!(answer, Some(Frame::Welcome(_))), "{answer:?}");
    let mut resumed = Stream::open(&tunnel, 1, Attempt::Resume, 0).await;
    assert_eq!(resumed.hear().await, accepted(6));
}

#[tokio::test]
async fn a_connection_is_opened_once_whatever_is_said_and_ended_ones_stay_ended() {
    let ana = Ana::start().await;
    let mut first = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(first.hear().await, accepted(0));
    let mut twice = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(code(twice.hear().await), "connection_id_taken");
    let mut unheard = Stream::open(&ana.tunnel, 1, Attempt::Again, 0).await;
    assert_eq!(unheard.hear().await, accepted(0), "the answer was lost: it is the same connection");
    let mut unknown = Stream::open(&ana.tunnel, 2, Attempt::Resume, 0).await;
    assert_eq!(code(unknown.hear().await), "resume_unknown");
    let mut new = Stream::open(&ana.tunnel, 3, Attempt::Again, 0).await;
    assert_eq!(new.hear().await, accepted(0), "the request was lost: it is new");
    new.say(&Frame::End { offset: 0 }).await;
    assert_eq!(new.hear().await, Some(Frame::End { offset: 0 }));
    new.send.finish().expect("open");
    while new.hear().await.is_some() {}
    for attempt in [Attempt::Again, Attempt::Resume] {
        // The table learns of it when the task is done, which the stream's end does not wait for.
        let refused = loop {
            let mut ended = Stream::open(&ana.tunnel, 3, attempt, 0).await;
            match ended.hear().await {
                Some(Frame::Opened(Opened::Refused { error })) => break error.code,
                other => assert!(other.is_none() || attempt == Attempt::Again, "{other:?}"),
            }
        };
        assert_eq!(refused, "resume_ended");
    }
    let opened = ana.agent.kinds().await.iter().filter(|kind| *kind == "connection_opened").count();
    assert_eq!(opened, 2, "numbers 1 and 3");
}

#[tokio::test]
async fn of_two_tunnels_that_race_for_a_session_one_has_it() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    let ((one, _), (other, _)) = tokio::join!(ana.come_back(), ana.come_back());
    let loser = tokio::select! {
        code = close_code(&one.connection) => (code, &other),
        code = close_code(&other.connection) => (code, &one),
    };
    assert_eq!(loser.0, 6, "superseded");
    let mut resumed = Stream::open(loser.1, 1, Attempt::Resume, 0).await;
    assert_eq!(resumed.hear().await, accepted(0));
}

#[tokio::test]
async fn a_session_that_its_client_closed_cannot_be_taken_up_again() {
    let ana = Ana::start().await;
    let mut stream = Stream::open(&ana.tunnel, 1, Attempt::First, 0).await;
    assert_eq!(stream.hear().await, accepted(0));
    ana.tunnel.connection.close(0u32.into(), b"done");
    let refused = async {
        loop {
            let (tunnel, answer) = ana.come_back().await;
            match answer {
                Some(Frame::Notice(Notice::Closed { error })) => return error.code,
                // The agent has not heard of the end yet: it is said again, by a tunnel that has been heard.
                Some(Frame::Welcome(_)) => {
                    let mut resumed = Stream::open(&tunnel, 1, Attempt::Resume, 0).await;
                    let _answer = resumed.hear().await;
                    tunnel.connection.close(0u32.into(), b"done");
                }
                other => panic!("{other:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let code = tokio::time::timeout(Duration::from_secs(20), refused).await.expect("it ends");
    assert_eq!(code, "resume_unknown");
}
