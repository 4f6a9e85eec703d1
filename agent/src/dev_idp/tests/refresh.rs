//! Refresh tokens rotate, and the end of a sign-in ends them.

use super::*;

async fn signed_in(browser: &Browser) -> (String, String) {
    let code = browser.code_for("ana@demo.test").await;
    let tokens = browser.redeem(&code, VERIFIER).await;
    let text = |name: &str| tokens[name].as_str().expect("is a text").to_owned();
    (text("refresh_token"), text("id_token"))
}

#[tokio::test]
async fn a_refresh_rotates_the_token_and_keeps_the_time_of_the_sign_in() {
    let (_idp, browser) = started(SignIn::Page).await;
    let (first, id_token) = signed_in(&browser).await;
    let renewed = browser.refresh(&first).await;
    assert_ne!(renewed["refresh_token"], first.as_str());
    let before = browser.verified_claims(&id_token).await;
    let after = browser.verified_claims(renewed["id_token"].as_str().expect("has an ID token")).await;
    assert_eq!(before["auth_time"], after["auth_time"]);
    assert_eq!(before["sid"], after["sid"]);
    assert!(after.get("nonce").is_none());
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_whole_family() {
    let (_idp, browser) = started(SignIn::Page).await;
    let (first, _) = signed_in(&browser).await;
    let second = browser.refresh(&first).await["refresh_token"].as_str().expect("rotates").to_owned();
    assert_eq!(browser.refresh(&first).await["error"], "invalid_grant");
    assert_eq!(browser.refresh(&second).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    let (_idp, browser) = started(SignIn::Page).await;
    let (first, _) = signed_in(&browser).await;
    let with_scope = async |token: &str, scope: &str| {
        browser
            .token(&[
                ("grant_type", "refresh_token"),
                ("client_id", "connect-cli"),
                ("refresh_token", token),
                ("scope", scope),
            ])
            .await
    };
    assert_eq!(with_scope(&first, "openid profile").await["error"], "invalid_scope");
    assert_eq!(with_scope(&first, "openid email").await["scope"], "openid email");
}

#[tokio::test]
async fn there_is_no_refresh_token_unless_it_was_asked_for() {
    let (_idp, browser) = started(SignIn::Page).await;
    let answer = browser.sign_in_as("ana@demo.test", &[("scope", "openid email")]).await;
    let code = parameter(&location(&answer), "code").expect("has a code");
    assert!(browser.redeem(&code, VERIFIER).await.get("refresh_token").is_none());
}

#[tokio::test]
async fn a_revoked_token_works_no_more() {
    let (idp, browser) = started(SignIn::Page).await;
    let (first, _) = signed_in(&browser).await;
    let revoke = [("client_id", "connect-cli"), ("token", first.as_str())];
    let answer = browser.http.post(format!("{}/revoke", idp.issuer)).form(&revoke).send().await;
    assert_eq!(answer.expect("answers").status(), 200);
    assert_eq!(browser.refresh(&first).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_sign_out_ends_the_refresh_tokens_and_goes_to_loopback_only() {
    let (idp, browser) = started(SignIn::Page).await;
    let (refresh, id_token) = signed_in(&browser).await;
    let logout = |to: &str| {
        let mut url = reqwest::Url::parse(&format!("{}/logout", idp.issuer)).expect("is a URL");
        url.query_pairs_mut()
            .append_pair("id_token_hint", &id_token)
            .append_pair("state", "bye")
            .append_pair("post_logout_redirect_uri", to);
        url.to_string()
    };
    let evil = browser.get(&logout("https://evil.example/")).await;
    assert_eq!((evil.status().as_u16(), evil.headers().get("location")), (400, None));
    let good = browser.get(&logout("http://127.0.0.1:9/bye")).await;
    assert_eq!(location(&good), "http://127.0.0.1:9/bye?state=bye");
    assert_eq!(browser.refresh(&refresh).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_sign_out_without_a_token_asks_first() {
    let (idp, browser) = started(SignIn::Page).await;
    let answer = browser.sign_in_as("ana@demo.test", &[]).await;
    let cookie = browser::cookie(&answer);
    let ask = browser.http.get(format!("{}/logout", idp.issuer)).header("cookie", &cookie).send().await;
    let question = browser::question(&ask.expect("answers").text().await.expect("is text"));
    let silent = |cookie: String| {
        browser.http.get(browser.authorize_url(&[("prompt", "none")])).header("cookie", cookie).send()
    };
    let still = location(&silent(cookie.clone()).await.expect("answers"));
    assert!(parameter(&still, "code").is_some(), "{still}");

    let confirm = browser.http.post(format!("{}/logout", idp.issuer)).form(&[("question", question)]);
    assert_eq!(confirm.header("cookie", &cookie).send().await.expect("answers").status(), 200);
    let gone = location(&silent(cookie).await.expect("answers"));
    assert_eq!(parameter(&gone, "error").as_deref(), Some("login_required"));
}
