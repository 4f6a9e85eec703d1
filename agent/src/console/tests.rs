//! Browsers in front of a whole agent, some of them an attacker's.

mod attacks;
mod certificate;
mod pages;
mod sessions;
mod shared;

use std::{collections::HashMap, sync::PoisonError};

use connect_shared::api::RequestInfo;
use reqwest::{RequestBuilder, Response, Url, redirect::Policy};
use serde_json::{Value, json};

use crate::serve::{
    now,
    testing::{ClientKeys, TestAgent},
};

const CONSOLE: &str = "[console]\nurl = \"https://console.test\"\nclient_id = \"connect-console\"\n\
    client_secret_env = \"SECRET\"\n";

/// An agent with a console, where access to `prod-db` must be approved by security.
async fn agent() -> TestAgent {
    agent_with("").await
}

/// The same with another section.
async fn agent_with(section: &str) -> TestAgent {
    TestAgent::configured(|text| {
        let asked =
            "read = [\"group:developer\"]\napproval_for = [\"read\"]\napprovers = [\"group:security\"]";
        format!("{}\n{CONSOLE}{section}", text.replacen("read = [\"group:developer\"]", asked, 1))
    })
    .await
}

/// Somebody asks for access with `connect`.
async fn asks(agent: &TestAgent, person: &str, reason: &str) -> RequestInfo {
    let client = agent.http(Some(&ClientKeys::new()));
    let request = client.post(agent.url("/v1/requests"));
    let request = request.bearer_auth(agent.provider.token(person, &["developer"]));
    let request = request.json(&json!({"resource": "prod-db", "reason": reason}));
    request.send().await.expect("an answer").json().await.expect("a request")
}

/// The request as whoever asked sees it.
async fn state(agent: &TestAgent, request: &RequestInfo) -> &'static str {
    let client = agent.http(None).get(agent.url(&format!("/v1/requests/{}", request.id)));
    let token = agent.provider.token("ana", &["developer"]);
    let info: RequestInfo =
        client.bearer_auth(token).send().await.expect("an answer").json().await.expect("a request");
    info.state.as_str()
}

/// Keeps cookies and follows nothing by itself.
struct Browser<'a> {
    agent: &'a TestAgent,
    client: reqwest::Client,
    cookies: HashMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(agent: &'a TestAgent) -> Self {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(agent.tls(None, b"http/1.1"))
            .redirect(Policy::none())
            .no_proxy();
        Self { agent, client: client.build().expect("a client"), cookies: HashMap::new() }
    }

    /// Somebody who has signed in.
    async fn of(agent: &'a TestAgent, person: &str, groups: &[&str]) -> Self {
        let mut browser = Self::new(agent);
        let back = browser.signs_in(person, groups, "").await;
        assert_eq!(back.status(), 303, "{}", text(back).await);
        browser
    }

    fn surround(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("host", "console.test");
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let response = request.send().await.expect("an answer");
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().expect("text");
            assert!(
                line.ends_with("; Secure; HttpOnly; SameSite=Lax") && line.contains("; Path=/;"),
                "{line}"
            );
            let (name, rest) = line.split_once('=').expect("a name");
            assert!(name.starts_with("__Host-connect-test"), "{name}");
            let (value, rest) = rest.split_once(';').expect("attributes");
            if rest.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    async fn get(&mut self, path: &str) -> Response {
        let request = self.surround(self.client.get(self.agent.url(path)));
        self.send(request).await
    }

    /// The page as text.
    async fn reads(&mut self, path: &str) -> String {
        text(self.get(path).await).await
    }

    /// Leaves for the provider: what it is asked there.
    async fn leaves(&mut self, query: &str) -> HashMap<String, String> {
        let response = self.get(&format!("/console/sign-in{query}")).await;
        assert_eq!(response.status(), 303);
        let to = response.headers()["location"].to_str().expect("text").to_owned();
        let to = Url::parse(&to).expect("an address");
        assert_eq!(to.path(), "/authorize");
        to.query_pairs().into_owned().collect()
    }

    /// Comes back with what the provider would give to `person`.
    async fn signs_in(&mut self, person: &str, groups: &[&str], query: &str) -> Response {
        let asked = self.leaves(query).await;
        let mut claims = self.claims(person, groups);
        claims["nonce"] = asked["nonce"].clone().into();
        self.comes_back(&claims, &format!("code=c&state={}", asked["state"])).await
    }

    fn claims(&self, person: &str, groups: &[&str]) -> Value {
        let mut claims = self.agent.provider.claims(person, groups, now());
        claims["aud"] = "connect-console".into();
        claims["sid"] = format!("session of {person}").into();
        claims
    }

    async fn comes_back(&mut self, claims: &Value, answer: &str) -> Response {
        let token = self.agent.provider.key.sign(claims);
        *self.agent.provider.next_token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        self.get(&format!("/console/callback?{answer}")).await
    }

    /// The form of a page, with its hidden fields.
    async fn form(&mut self, request: &RequestInfo, verdict: &str) -> Vec<(String, String)> {
        let page = self.reads(&format!("/console/requests/{}", request.id)).await;
        let fields = |form: &str| -> Vec<(String, String)> {
            let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
            hidden
                .filter_map(|field| {
                    let (name, rest) = field.split_once("\" value=\"")?;
                    Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
                })
                .collect()
        };
        let mut forms = page.split("<form").map(fields);
        let wanted = ("verdict".to_owned(), verdict.to_owned());
        forms.find(|form| form.contains(&wanted)).unwrap_or_else(|| panic!("no form to {verdict} in {page}"))
    }

    async fn posts(
        &mut self,
        request: &RequestInfo,
        form: &[(String, String)],
        headers: &[(&'static str, &str)],
    ) -> Response {
        let path = format!("/console/requests/{}/verdict", request.id);
        let mut post = self.surround(self.client.post(self.agent.url(&path)).form(form));
        for (name, value) in headers {
            post = post.header(*name, *value);
        }
        self.send(post).await
    }
}

/// What a browser says of a form of the console's own page.
const OWN: [(&str, &str); 2] = [("origin", "https://console.test"), ("sec-fetch-site", "same-origin")];

async fn text(response: Response) -> String {
    response.text().await.expect("a page")
}

#[tokio::test]
async fn somebody_who_may_approves_in_a_browser_what_was_shown_there() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    let link = asked.link.clone().expect("the console has a page of it");
    assert_eq!(link, format!("https://console.test/console/requests/{}", asked.id));

    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let (form, login) = agent.provider.redeemed.lock().expect("codes").pop().expect("a code was redeemed");
    assert!(form.contains("redirect_uri=https%3A%2F%2Fconsole.test%2Fconsole%2Fcallback"), "{form}");
    assert!(form.contains("code_verifier=") && !form.contains("client_secret"), "{form}");
    assert_eq!(login.as_deref(), Some("Basic Y29ubmVjdC1jb25zb2xlOng="), "connect-console:x");
    let list = sam.reads("/console").await;
    assert!(list.contains("Read prod-db for 8 h") && list.contains("ana@example.com"), "{list}");

    let form = sam.form(&asked, "approve").await;
    assert_eq!(sam.get("/console").await.headers()["cache-control"], "no-store");
    let done = sam.posts(&asked, &form, &OWN).await;
    assert_eq!(done.status(), 303);
    assert_eq!(done.headers()["location"], format!("/console/requests/{}", asked.id).as_str());
    assert_eq!(state(&agent, &asked).await, "approved");
    let page = sam.reads(&format!("/console/requests/{}", asked.id)).await;
    assert!(
        page.contains("approved by sam@example.com") && !page.contains("<button class=\"plain\""),
        "{page}"
    );
    let again = sam.posts(&asked, &form, &OWN).await;
    assert_eq!(again.status(), 403, "what is decided is decided");
}

#[tokio::test]
async fn a_verdict_of_the_console_says_so_in_the_log() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    let mut sam = Browser::of(&agent, "sam", &["security"]).await;
    let mut form = sam.form(&asked, "reject").await;
    form.push(("reason".into(), " not today ".into()));
    assert_eq!(sam.posts(&asked, &form, &OWN).await.status(), 303);
    assert_eq!(state(&agent, &asked).await, "rejected");
    let entries = agent.entries().await;
    let steps: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "request").collect();
    assert_eq!(steps.len(), 3, "requested, seen, rejected: {steps:#?}");
    assert!(steps[0].get("through").is_none());
    assert_eq!((&steps[1]["step"], &steps[1]["through"]), (&"seen".into(), &"console".into()));
    assert_eq!((&steps[2]["step"], &steps[2]["through"]), (&"rejected".into(), &"console".into()));
    assert_eq!((&steps[2]["name"], &steps[2]["reason"]), (&"sam@example.com".into(), &"not today".into()));
}

#[tokio::test]
async fn whoever_asked_can_take_it_back_and_cannot_approve_it() {
    let agent = agent().await;
    let asked = asks(&agent, "ana", "ticket 12").await;
    // As an approver, too.
    let mut ana = Browser::of(&agent, "ana", &["developer", "security"]).await;
    let mut form = ana.form(&asked, "withdraw").await;
    let own = form.clone();
    form.retain(|(name, _)| name != "verdict");
    form.push(("verdict".into(), "approve".into()));
    let refused = ana.posts(&asked, &form, &OWN).await;
    assert_eq!(refused.status(), 403);
    assert!(text(refused).await.contains("own_request"));
    assert_eq!(state(&agent, &asked).await, "pending");
    assert_eq!(ana.posts(&asked, &own, &OWN).await.status(), 303);
    assert_eq!(state(&agent, &asked).await, "withdrawn");
}
