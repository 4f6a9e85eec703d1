//! Codes: bound to their request, used once.

use super::*;

#[tokio::test]
async fn a_code_needs_the_verifier_of_its_challenge() {
    let (_idp, browser) = started(SignIn::Page).await;
    for verifier in ["another-verifier-of-more-than-forty-three-chars", "short", ""] {
        let code = browser.code_for("ana@demo.test").await;
        let refused = browser.redeem(&code, verifier).await;
        assert!(refused["id_token"].is_null(), "{refused}");
        // The code is used up by the failed try.
        assert_eq!(browser.redeem(&code, VERIFIER).await["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn a_replayed_code_gives_nothing_and_ends_what_it_gave() {
    let (_idp, browser) = started(SignIn::Page).await;
    let code = browser.code_for("ana@demo.test").await;
    let tokens = browser.redeem(&code, VERIFIER).await;
    let access = tokens["access_token"].as_str().expect("has an access token");
    assert_eq!(browser.userinfo(access).await.status(), 200);

    assert_eq!(browser.redeem(&code, VERIFIER).await["error"], "invalid_grant");

    assert_eq!(browser.userinfo(access).await.status(), 401);
    let refresh = tokens["refresh_token"].as_str().expect("has a refresh token");
    assert_eq!(browser.refresh(refresh).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_is_bound_to_the_redirect_address_and_the_client() {
    let (_idp, browser) = started(SignIn::Page).await;
    for (name, value, error) in [
        ("redirect_uri", "http://127.0.0.1:53219/other", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:53220/callback", "invalid_grant"),
        ("client_id", "someone-else", "invalid_client"),
        ("grant_type", "password", "unsupported_grant_type"),
    ] {
        let code = browser.code_for("ana@demo.test").await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", "connect-cli"),
            ("redirect_uri", REDIRECT),
            ("code", &code),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(given, _)| *given != name);
        form.push((name, value));
        assert_eq!(browser.token(&form).await["error"], error, "{name}={value}");
    }
}

#[tokio::test]
async fn a_client_that_shows_a_secret_is_told_that_there_is_none() {
    let (idp, browser) = started(SignIn::Page).await;
    let answer = browser
        .http
        .post(format!("{}/token", idp.issuer))
        .basic_auth("connect-cli", Some("guess"))
        .form(&[("grant_type", "authorization_code")])
        .send()
        .await
        .expect("answers");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.expect("is JSON")["error"], "invalid_client");
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let (_idp, browser) = started(SignIn::Page).await;
    let long = "x".repeat(64 * 1024);
    let answer = browser.token(&[("grant_type", "authorization_code"), ("code", &long)]).await;
    assert_eq!(answer["error"], "invalid_request");
}
