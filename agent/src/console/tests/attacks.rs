//! What must not work.

use connect_shared::ids::RequestId;

use super::*;

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let mut other = Browser::of(&agent, "kim", &["security"]).await;
    let form = sam.form(&asked, "approve").await;
    let origins: [&[(&'static str, &str)]; 6] = [
        &[],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", "https://console.test.evil.example")],
        &[("origin", "https://console.test"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://console.test"), ("origin", "https://evil.example")],
    ];
    for origin in origins {
        assert_eq!(sam.posts(&asked, &form, origin).await.status(), 403, "{origin:?}");
    }
    let without: Vec<_> = form.iter().filter(|(name, _)| name != "token").cloned().collect();
    assert_eq!(sam.posts(&asked, &without, &OWN).await.status(), 403, "without a token");
    let changed = |name: &str, value: &str| -> Vec<(String, String)> {
        let pairs = form
            .iter()
            .map(|(key, old)| (key.clone(), if key == name { value } else { old.as_str() }.to_owned()));
        pairs.collect()
    };
    assert_eq!(sam.posts(&asked, &changed("token", ""), &OWN).await.status(), 403);
    assert_eq!(other.posts(&asked, &form, &OWN).await.status(), 403, "the token of another session");
    let more: Vec<_> = form.iter().cloned().chain([("token".into(), "x".into())]).collect();
    assert_eq!(sam.posts(&asked, &more, &OWN).await.status(), 403, "two tokens");
    assert_eq!(sam.posts(&asked, &changed("verdict", "seen"), &OWN).await.status(), 403);
    let stale = sam.posts(&asked, &changed("binding", "00"), &OWN).await;
    assert_eq!(stale.status(), 403);
    assert!(text(stale).await.contains("request_changed"), "what was not shown is not approved");
    let cookies = std::mem::take(&mut sam.cookies);
    assert_eq!(sam.posts(&asked, &form, &OWN).await.status(), 401, "without a session");
    sam.cookies = cookies;
    let twice =
        sam.cookies.iter().map(|(name, value)| format!("{name}=x; {name}={value}")).collect::<String>();
    let path = agent.url(&format!("/console/requests/{}/verdict", asked.id));
    let post = sam.client.post(path).form(&form).header("host", "console.test").header("cookie", twice);
    let post = post.header("origin", "https://console.test");
    assert_eq!(post.send().await.expect("an answer").status(), 401, "two cookies of one name");
    assert_eq!(state(&agent, &asked).await, "pending");
}

#[tokio::test]
async fn a_stranger_sees_nothing_and_somebody_whom_it_does_not_concern_neither() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "the-secret-reason").await;
    let path = format!("/console/requests/{}", asked.id);
    let mut stranger = Browser::new(&agent);
    let there = stranger.reads(&path).await;
    let other = format!("/console/requests/{}", RequestId::from_random([1; 16]));
    let nowhere = stranger.reads(&other).await;
    let blind = |page: &str, id: &str| page.replace(id, "");
    let nothing = RequestId::from_random([1; 16]).to_string();
    assert_eq!(blind(&there, &asked.id.to_string()), blind(&nowhere, &nothing), "there or not is the same");
    assert!(!there.contains("the-secret-reason") && !there.contains("prod-db"), "{there}");
    let mut mallory = Browser::of(&agent, "mallory", &[]).await;
    let page = mallory.get(&path).await;
    assert_eq!(page.status(), 404);
    assert!(!text(page).await.contains("the-secret-reason"));
    assert!(!mallory.reads("/console").await.contains(&asked.id.to_string()));
    // A program approves nothing, whatever groups it has.
    for programs in ["ai-agents", "services"] {
        let mut program = Browser::of(&agent, "robot", &["security", programs]).await;
        assert_eq!(program.get(&path).await.status(), 404, "{programs}");
    }
    assert_eq!(agent.kinds().await.iter().filter(|kind| *kind == "request").count(), 1, "nobody has seen it");
}

#[tokio::test]
async fn an_answer_signs_in_only_the_browser_that_asked() {
    let agent = agent().await;
    let mut victim = Browser::new(&agent);
    let asked = victim.leaves("").await;
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(!asked["scope"].contains("offline_access"), "{}", asked["scope"]);
    let mut good = victim.claims("sam", &["security"]);
    good["nonce"] = asked["nonce"].clone().into();
    let state = asked["state"].clone();
    let answer = format!("code=c&state={state}");
    let mut refused = async |claims: &Value, answer: &str| {
        let page = victim.comes_back(claims, answer).await;
        assert_eq!(page.status(), 403, "{answer}");
        text(page).await
    };
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    refused(&good, "code=c&state=forged").await;
    refused(&good, "code=c").await;
    refused(&good, &format!("state={state}")).await;
    refused(&good, &format!("{answer}&iss=https://other.example")).await;
    let said = refused(&good, &format!("error=access_denied%3Cb%3E&state={state}")).await;
    assert!(said.contains("access_denied&lt;b&gt;"), "{said}");
    refused(&with("nonce", "replayed".into()), &answer).await;
    refused(&with("nonce", Value::Null), &answer).await;
    // A token that `connect` was given is for `connect`.
    refused(&with("aud", "connect-cli".into()), &answer).await;
    refused(&with("exp", (now() - 3_600).into()), &answer).await;
    refused(&with("iss", "https://evil.example".into()), &answer).await;
    // Somebody else's browser has another question, or none.
    let mut attacker = Browser::new(&agent);
    assert_eq!(attacker.comes_back(&good, &answer).await.status(), 403, "without its cookie");
    attacker.leaves("").await;
    assert_eq!(attacker.comes_back(&good, &answer).await.status(), 403, "with another one's");
    // Changed where it goes to, it is none of ours.
    victim.cookies.values_mut().for_each(|ticket| ticket.push('x'));
    assert_eq!(victim.comes_back(&good, &answer).await.status(), 403);
}

#[tokio::test]
async fn after_the_sign_in_the_way_goes_to_a_request_of_ours_and_nowhere_else() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    let way = async |query: String| {
        let response = Browser::new(&agent).signs_in("sam", &["security"], &query).await;
        response.headers()["location"].to_str().expect("text").to_owned()
    };
    assert_eq!(
        way(format!("?to={}&t=abc-_9", asked.id)).await,
        format!("/console/requests/{}?t=abc-_9", asked.id)
    );
    for elsewhere in ["?to=https://evil.example", "?to=//evil.example", "?to=/v1/agent", "?t=x", ""] {
        assert_eq!(way(elsewhere.to_owned()).await, "/console", "{elsewhere}");
    }
    let split = way(format!("?to={}&t=a%0d%0aSet-Cookie:x=y", asked.id)).await;
    assert_eq!(split, format!("/console/requests/{}", asked.id));
}

#[tokio::test]
async fn the_console_answers_to_its_own_name_only_and_without_one_says_so() {
    let agent = agent().await;
    for (name, path) in [("evil.example", "/console"), ("console.test:7443", "/console/sign-in")] {
        let client = Browser::new(&agent).client;
        let page = client.get(agent.url(path)).header("host", name).send().await.expect("an answer");
        assert_eq!(page.status(), 421);
        assert!(page.headers().get("set-cookie").is_none());
    }
    let without = TestAgent::start().await;
    for path in ["/console", "/console/", "/console/requests/x", "/console/sign-in", "/console/other"] {
        let page = without.http(None).get(without.url(path)).send().await.expect("an answer");
        assert_eq!(page.status(), 404, "{path}");
        assert!(text(page).await.contains("[console]"), "{path}");
    }
}
