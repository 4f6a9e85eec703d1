//! Sessions: how many, how long, and who ends them.

use connect_core::principal::Principal;
use connect_shared::entry::PrincipalRef;

use super::*;
use crate::{console::session::Sessions, revocation::Standing};

fn standing(name: &str) -> Standing {
    let reference = PrincipalRef { sub: name.to_owned(), idp: "https://id.example".into(), actor: None };
    let principal = Principal { reference, name: format!("{name}@example.com"), groups: Vec::new() };
    Standing { principal, idp_session: None, signed_in_at: 0 }
}

#[test]
fn sessions_end_by_themselves_and_nobody_fills_the_table() {
    let sessions = Sessions::default();
    let first = sessions.begin(standing("ana"), 60, 1_000).expect("a session");
    assert!(sessions.find(&first, 1_059).is_some());
    assert!(sessions.find(&first, 1_060).is_none());
    assert!(sessions.find("", 1_000).is_none());
    let again: Vec<String> =
        (1..20).map(|at| sessions.begin(standing("ana"), 60, 1_000 + at).expect("a session")).collect();
    assert_eq!(sessions.count(), 8, "the oldest of hers make room");
    assert!(sessions.find(&first, 1_030).is_none() && sessions.find(&again[18], 1_030).is_some());
    for number in 0..5_000 {
        sessions.begin(standing(&format!("p{number}")), 900, 1_040).expect("a session");
    }
    assert_eq!(sessions.count(), 4_096);
    sessions.begin(standing("late"), 60, 5_000).expect("a session");
    assert_eq!(sessions.count(), 1, "what is over makes room");
}

#[tokio::test]
async fn a_session_ends_with_a_sign_out_here_and_at_the_provider() {
    let agent = agent().await;
    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let page = sam.reads("/console").await;
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
    let token = rest.split_once('"').expect("its end").0.to_owned();
    let cookies = sam.cookies.clone();
    let leave = |sam: &Browser<'_>, token: &str, origin: &str| {
        let post = sam.client.post(agent.url("/console/sign-out")).form(&[("token", token)]);
        sam.surround(post.header("origin", origin))
    };
    let forged = leave(&sam, &token, "https://evil.example");
    assert_eq!(sam.send(forged).await.status(), 403);
    assert!(sam.reads("/console").await.contains("sam@example.com"));
    let meant = leave(&sam, &token, "https://console.test");
    assert_eq!(sam.send(meant).await.status(), 200);
    assert!(sam.cookies.is_empty());
    sam.cookies = cookies;
    assert!(!sam.reads("/console").await.contains("sam@example.com"), "the old cookie is worth nothing");

    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let logout = json!({
        "iss": agent.provider.issuer, "aud": "connect-console", "iat": now(), "jti": "1",
        "sid": "session of sam", "events": {event: {}},
    });
    let logout = [("logout_token", agent.provider.key.sign(&logout))];
    let told = agent.http(None).post(agent.url("/v1/back-channel-logout")).form(&logout);
    assert_eq!(told.send().await.expect("an answer").status(), 200);
    assert!(!sam.reads("/console").await.contains("sam@example.com"), "the provider has ended it");
}

#[tokio::test]
async fn the_cookie_of_a_browser_is_another_one_after_a_sign_in() {
    let agent = agent().await;
    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let before = sam.cookies.clone();
    sam.signs_in("sam", &["security"], "").await;
    assert_ne!(sam.cookies, before);
    let after = std::mem::replace(&mut sam.cookies, before);
    assert!(!sam.reads("/console").await.contains("sam@example.com"), "the old one is gone");
    sam.cookies = after;
    assert!(sam.reads("/console").await.contains("sam@example.com"));
}
