//! The provider over real HTTP on loopback, attacked as a stranger would and used as the CLI does.

use serde_json::Value;

use super::{DevIdp, DevIdpError, SignIn, keys::sha256_base64url, people::demo_people};
use browser::{Browser, REDIRECT, VERIFIER, location, parameter};

mod browser;
mod codes;
mod refresh;

async fn started(sign_in: SignIn) -> (super::RunningIdp, Browser) {
    let idp = DevIdp::new(demo_people())
        .sign_in(sign_in)
        .start("127.0.0.1:0".parse().expect("is an address"))
        .await
        .expect("starts");
    let browser = Browser::new(&idp.issuer);
    (idp, browser)
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let refused = DevIdp::new(demo_people()).start("0.0.0.0:0".parse().expect("is an address")).await;
    assert!(matches!(refused, Err(DevIdpError::NotLoopback(_))));
}

#[tokio::test]
async fn a_stopped_provider_answers_no_more() {
    let (idp, browser) = started(SignIn::Page).await;
    let discovery = format!("{}/.well-known/openid-configuration", idp.issuer);
    browser.get(&discovery).await;
    idp.stop().await;
    assert!(browser.http.get(discovery).send().await.is_err());
}

#[tokio::test]
async fn a_click_on_a_person_signs_in_and_the_token_says_who() {
    let (idp, browser) = started(SignIn::Page).await;
    let answer = browser.sign_in_as("li@demo.test", &[]).await;
    let back = location(&answer);
    assert!(back.starts_with(REDIRECT), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("the state"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some(idp.issuer.as_str()));

    let tokens = browser.redeem(&parameter(&back, "code").expect("has a code"), VERIFIER).await;
    let claims = browser.verified_claims(tokens["id_token"].as_str().expect("has an ID token")).await;
    assert_eq!(claims["email"], "li@demo.test");
    assert_eq!(claims["groups"], serde_json::json!(["data-oncall", "developer"]));
    assert_eq!(claims["nonce"], "the nonce");
    assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|issued| issued + 300));

    let info = browser.userinfo(tokens["access_token"].as_str().expect("has an access token")).await;
    assert_eq!(info.status(), 200);
    let info: Value = info.json().await.expect("is JSON");
    assert_eq!(info["sub"], claims["sub"]);
}

#[tokio::test]
async fn the_page_obeys_a_strict_policy_and_lets_the_answer_leave_to_the_client_only() {
    let (_idp, browser) = started(SignIn::Page).await;
    let page = browser.authorize(&[]).await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().expect("is text");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:53219;"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    // With `no-referrer` browsers would send `Origin: null` with our own form, and it would be refused.
    assert_eq!(page.headers()["referrer-policy"], "same-origin");
}

#[tokio::test]
async fn a_form_from_elsewhere_signs_nobody_in() {
    let (idp, browser) = started(SignIn::Page).await;
    let page = browser.authorize(&[]).await;
    let cookie = browser::cookie(&page);
    let question = browser::question(&page.text().await.expect("is text"));
    let form = [("question", question.as_str()), ("person", "ana@demo.test")];
    let post = || browser.http.post(format!("{}/sign-in", idp.issuer)).form(&form);

    let foreign = post().header("cookie", &cookie).header("origin", "http://evil.example").send().await;
    assert_eq!(foreign.expect("answers").status(), 400);
    let stranger = post().header("cookie", "connect_dev_idp_1=x").send().await;
    assert_eq!(stranger.expect("answers").status(), 400);
    let wrong = [("question", "guessed"), ("person", "ana@demo.test")];
    let guessed = browser
        .http
        .post(format!("{}/sign-in", idp.issuer))
        .form(&wrong)
        .header("cookie", &cookie)
        .send()
        .await;
    assert_eq!(guessed.expect("answers").status(), 400);
}

#[tokio::test]
async fn a_page_is_answered_once() {
    let (idp, browser) = started(SignIn::Page).await;
    let page = browser.authorize(&[]).await;
    let cookie = browser::cookie(&page);
    let question = browser::question(&page.text().await.expect("is text"));
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let form = [("question", question.as_str()), ("person", "ana@demo.test")];
        let post = browser.http.post(format!("{}/sign-in", idp.issuer)).form(&form).header("cookie", &cookie);
        statuses.push(post.send().await.expect("answers").status().as_u16());
    }
    assert_eq!(statuses, [303, 400]);
}

#[tokio::test]
async fn an_unknown_client_or_a_foreign_address_is_never_redirected_to() {
    let (_idp, browser) = started(SignIn::ByHint).await;
    for (name, value) in [
        ("client_id", "someone-else"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "http://127.0.0.1.evil.example/cb"),
        ("redirect_uri", "http://127.0.0.1:1@evil.example/"),
        ("redirect_uri", "//evil.example"),
        ("redirect_uri", "http://evil.example\\@127.0.0.1/"),
    ] {
        let answer = browser.authorize(&[(name, value), ("login_hint", "ana@demo.test")]).await;
        assert_eq!(answer.status(), 400, "{name}={value}");
        assert!(answer.headers().get("location").is_none(), "{name}={value}");
    }
}

#[tokio::test]
async fn a_faulty_request_goes_back_to_the_client_with_the_reason_and_no_code() {
    let (_idp, browser) = started(SignIn::ByHint).await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "email", "invalid_scope"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0", "request_not_supported"),
        ("max_age", "soon", "invalid_request"),
    ] {
        let back = location(&browser.authorize(&[(name, value), ("login_hint", "ana@demo.test")]).await);
        assert_eq!(parameter(&back, "error").as_deref(), Some(error), "{name}={value}");
        assert_eq!(parameter(&back, "state").as_deref(), Some("the state"), "{name}={value}");
        assert_eq!(parameter(&back, "code"), None, "{name}={value}");
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let (_idp, browser) = started(SignIn::ByHint).await;
    let url = format!("{}&client_id=connect-cli", browser.authorize_url(&[]));
    assert_eq!(browser.get(&url).await.status(), 400);
}

#[tokio::test]
async fn a_hint_signs_in_without_a_page_only_where_that_was_switched_on() {
    let hint = [("login_hint", "ana@demo.test")];
    let (_with, browser) = started(SignIn::ByHint).await;
    let back = location(&browser.authorize(&hint).await);
    let tokens = browser.redeem(&parameter(&back, "code").expect("has a code"), VERIFIER).await;
    assert!(tokens["id_token"].is_string());
    assert_eq!(browser.authorize(&[("login_hint", "nobody@demo.test")]).await.status(), 200);

    let (_without, browser) = started(SignIn::Page).await;
    assert_eq!(browser.authorize(&hint).await.status(), 200);
    let silent = location(&browser.authorize(&[hint[0], ("prompt", "none")]).await);
    assert_eq!(parameter(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_foreign_host_name_reaches_nothing() {
    let (idp, browser) = started(SignIn::Page).await;
    let rebound = browser
        .http
        .get(format!("{}/.well-known/openid-configuration", idp.issuer))
        .header("host", "evil.example")
        .send()
        .await
        .expect("answers");
    assert_eq!(rebound.status(), 421);
}

#[test]
fn the_challenge_is_the_one_of_the_standard() {
    // RFC 7636, appendix B.
    assert_eq!(
        sha256_base64url(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}
