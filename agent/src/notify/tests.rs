//! Notices, as they read and as they arrive.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use aws_lc_rs::hmac;
use axum::{Router, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use connect_shared::{
    api::{HeldStatement, LabelledColumn},
    entry::PrincipalRef,
    ids::RequestId,
    label::Label,
    request::{RequestKind, RequestState},
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};

use super::*;
use crate::{
    config::{NoticeFormat, NotifyConfig},
    identity::fake::axum_serve,
    serve::now,
    store::{Details, Key, Verdict},
    upstream::Secret,
};

fn reference(sub: &str) -> PrincipalRef {
    PrincipalRef { sub: sub.into(), idp: "https://id.example".into(), actor: None }
}

fn request() -> Request {
    Request {
        id: RequestId::from_random([0x3f; 16]),
        key: Key {
            kind: RequestKind::Statement,
            principal: PrincipalRef { actor: Some("claude".into()), ..reference("ana") },
            resource: "prod-db".into(),
            binding: "00ff".into(),
        },
        state: RequestState::Pending,
        name: "ana@example.com".into(),
        reason: Some("<!channel> look\u{202e} *here*".into()),
        details: Details::Statement(Box::new(HeldStatement {
            text: Some("DELETE FROM customers WHERE email = 'zero@example.com'".into()),
            normalized: Some("DELETE FROM customers WHERE email = $1".into()),
            verbs: vec!["delete".into()],
            with_parameters: true,
            parameters: vec!["'zero@example.com'".into()],
            reads: Vec::new(),
            writes: vec!["public.customers".into()],
            labelled: vec![LabelledColumn { column: "public.customers.email".into(), label: Label::Email }],
            who: Vec::new(),
            approvals: 2,
            window: None,
            any_values: false,
            radius: None,
            policy: "default/unbounded-write".into(),
            why: "this would delete many rows".into(),
        })),
        sealed: None,
        created_at: now(),
        expires_at: now() + 600,
        template: None,
        runs_left: None,
        verdicts: Vec::new(),
    }
}

fn message(request: &Request, step: RequestStep) -> Message {
    let link = Some("https://console.test/console/requests/req_x?t=abc".to_owned());
    Message::of(request, step, vec!["data-oncall".into()], link)
}

#[test]
fn a_chat_reads_who_what_and_where_and_no_value() {
    let blocks = slack::blocks(&message(&request(), RequestStep::Requested), "prod");
    let text = serde_json::to_string_pretty(&blocks).expect("JSON");
    assert!(!text.contains("zero@example.com") && !text.contains("mrkdwn"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_verdict_is_told_with_who_gave_it() {
    let mut decided = request();
    decided.state = RequestState::Rejected;
    decided.verdicts.push(Verdict {
        state: RequestState::Rejected,
        by: reference("sam"),
        name: "sam@example.com".into(),
        reason: Some("not today".into()),
        at: 7,
    });
    let message = message(&decided, RequestStep::Rejected);
    let blocks = slack::blocks(&message, "prod");
    assert_eq!(
        blocks["blocks"][0]["text"]["text"],
        "sam@example.com has rejected: delete on prod-db, for claude for ana@example.com"
    );
    let json = serde_json::to_value(&message).expect("JSON");
    assert_eq!((&json["by"], &json["because"]), (&"sam@example.com".into(), &"not today".into()));
    assert!(!json.to_string().contains("zero@example.com"));
}

/// Takes what comes, and answers with the next of these.
async fn receiver(answers: Vec<StatusCode>) -> (String, mpsc::UnboundedReceiver<(HeaderMap, String)>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", socket.local_addr().expect("an address"));
    let (sender, received) = mpsc::unbounded_channel();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let router = Router::new().route(
        "/hook",
        post(async move |headers: HeaderMap, body: String| {
            sender.send((headers, body)).expect("somebody listens");
            answers.lock().expect("answers").next().unwrap_or(StatusCode::OK)
        }),
    );
    tokio::spawn(axum_serve(socket, router));
    (url, received)
}

fn place(url: &str, format: NoticeFormat, resources: Option<&str>) -> Place {
    let resources = resources.map(|name| BTreeSet::from([name.to_owned()]));
    let config = NotifyConfig { url: Secret(url.to_owned()), format, resources };
    assert!(!format!("{config:?}").contains(url), "where to is a secret");
    Place::start_with(&config, "prod", Duration::from_millis(1)).expect("a place")
}

#[tokio::test]
async fn a_signed_notice_is_sent_until_it_is_taken_and_proves_from_whom_it_is() {
    let secret = vec![7; 32];
    let (url, mut received) =
        receiver(vec![StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS]).await;
    let place = place(&url, NoticeFormat::Json { secret: secret.clone() }, None);
    place.say(&Arc::new(message(&request(), RequestStep::Requested)));
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let (headers, body) = received.recv().await.expect("a notice");
        let of = |name: &str| headers[name].to_str().expect("text").to_owned();
        let signed = format!("{}.{}.{body}", of("webhook-id"), of("webhook-timestamp"));
        let tag = STANDARD.decode(of("webhook-signature").trim_start_matches("v1,")).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, signed.as_bytes(), &tag).expect("it is ours");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["type"], "connect.request.requested");
        assert_eq!(body["data"]["normalized"], "DELETE FROM customers WHERE email = $1");
        ids.insert(of("webhook-id"));
    }
    assert_eq!(ids.len(), 1, "it is the same each time");
}

#[tokio::test]
async fn what_is_refused_is_given_up_and_the_next_one_comes() {
    let (url, mut received) = receiver(vec![StatusCode::BAD_REQUEST]).await;
    let place = place(&url, NoticeFormat::Slack, Some("prod-db"));
    assert!(place.hears_of("prod-db") && !place.hears_of("bench-db"));
    place.say(&Arc::new(message(&request(), RequestStep::Requested)));
    place.say(&Arc::new(message(&request(), RequestStep::Withdrawn)));
    let first: Value = serde_json::from_str(&received.recv().await.expect("one").1).expect("JSON");
    let second: Value = serde_json::from_str(&received.recv().await.expect("another").1).expect("JSON");
    assert!(first["text"].as_str().expect("text").contains("asks for an approval"), "{first}");
    assert!(second["text"].as_str().expect("text").contains("has taken back"), "{second}");
}

#[tokio::test]
async fn nobody_waits_for_a_place_that_takes_nothing() {
    // It is connected to, and never answered.
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    let place = place(&url, NoticeFormat::Slack, None);
    let message = Arc::new(message(&request(), RequestStep::Requested));
    for _ in 0..1_000 {
        place.say(&message);
    }
    assert!(Arc::strong_count(&message) <= 258, "what waits is bounded");
}
