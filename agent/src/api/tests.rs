//! The control API over real TLS, against a whole agent.

mod runs;

use std::time::Duration;

use connect_shared::{
    api::{AgentInfo, ResourceList},
    decision::{Decision, Outcome},
    entry::{Entry, Intent, OutcomeEntry, PrincipalRef, StatementResult, TextRef},
    error::ErrorReport,
    grant::Action,
    ids::{ConnectionId, GrantId, SessionId, StatementId},
    proof::{note::VerifierKey, receipt::Receipt},
};
use serde_json::json;

use crate::serve::testing::{ClientKeys, TestAgent};

async fn error(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let report: ErrorReport = response.json().await.expect("every error is a report");
    (status, report.code)
}

async fn get(agent: &TestAgent, path: &str, groups: Option<&[&str]>) -> reqwest::Response {
    let mut request = agent.http(None).get(agent.url(path));
    if let Some(groups) = groups {
        request = request.bearer_auth(agent.provider.token("ana", groups));
    }
    request.send().await.expect("an answer")
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn anyone_learns_how_to_sign_in_and_nothing_of_resources() {
    let agent = TestAgent::start().await;
    let response = get(&agent, "/v1/agent", None).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let text = response.text().await.expect("a body");
    assert!(!text.contains("prod-db"));
    let info: AgentInfo = serde_json::from_str(&text).expect("the shape of the contract");
    assert_eq!(info.schema, "connect.agent/1");
    assert_eq!(info.identity.issuer, agent.provider.issuer);
    assert!(info.log.verifier_key.starts_with("connect.local/test+"));
}

#[tokio::test]
async fn resources_are_listed_for_those_who_may_open_them() {
    let agent = TestAgent::start().await;
    let refused = get(&agent, "/v1/resources", None).await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(error(refused).await, is(401, "sign_in_needed"));
    let names = async |groups: &[&str]| -> Vec<(String, usize)> {
        let list: ResourceList =
            get(&agent, "/v1/resources", Some(groups)).await.json().await.expect("a list");
        list.resources.into_iter().map(|resource| (resource.name, resource.actions.len())).collect()
    };
    assert_eq!(names(&["developer"]).await, [("bench-db".to_owned(), 1), ("prod-db".to_owned(), 1)]);
    assert_eq!(names(&["data-oncall"]).await, [("bench-db".to_owned(), 1), ("prod-db".to_owned(), 2)]);
    assert_eq!(names(&[]).await, [("bench-db".to_owned(), 1)]);
}

#[tokio::test]
async fn a_grant_is_given_for_a_key_and_recorded() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let grant = agent.grant(&keys, "ana", &["developer"], "prod-db").await;
    assert_eq!(grant.schema, "connect.grant/1");
    assert_eq!(grant.principal, "ana@example.com");
    assert_eq!(grant.resource.actions, [Action::Read]);
    let kinds = agent.kinds().await;
    assert!(kinds.starts_with(&["agent_started".to_owned()]), "{kinds:?}");
    assert!(kinds.contains(&"grant_issued".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn grants_are_refused_with_their_reason() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let (with_key, without_key) = (agent.http(Some(&keys)), agent.http(None));
    let ask = async |client: &reqwest::Client, groups: &[&str], body: String| {
        let request = client.post(agent.url("/v1/grants")).bearer_auth(agent.provider.token("ana", groups));
        let request = request.header("content-type", "application/json").body(body);
        error(request.send().await.expect("an answer")).await
    };
    let prod = json!({"resource": "prod-db"}).to_string();
    assert_eq!(ask(&without_key, &["developer"], prod.clone()).await, is(400, "certificate_needed"));
    assert_eq!(ask(&with_key, &["security"], prod.clone()).await, is(403, "not_allowed"));
    assert_eq!(
        ask(&with_key, &[], json!({"resource": "gone"}).to_string()).await,
        is(404, "no_such_resource")
    );
    let write = json!({"resource": "prod-db", "actions": ["write"]}).to_string();
    assert_eq!(ask(&with_key, &["developer"], write).await, is(403, "not_allowed"));
    let admin = json!({"resource": "prod-db", "actions": ["admin"]}).to_string();
    assert_eq!(ask(&with_key, &["developer"], admin).await, is(400, "bad_request"));
    let more = json!({"resource": "prod-db", "lifetime": 9}).to_string();
    assert_eq!(ask(&with_key, &["developer"], more).await, is(400, "bad_request"));
    assert_eq!(ask(&with_key, &["developer"], "x".repeat(20_000)).await, is(400, "bad_request"));
    assert!(agent.kinds().await.contains(&"grant_refused".to_owned()));
}

#[tokio::test]
async fn a_token_is_believed_only_if_there_is_one_of_it() {
    let agent = TestAgent::start().await;
    let token = agent.provider.token("ana", &["developer"]);
    let request = agent.http(None).get(agent.url("/v1/resources"));
    let both = request.bearer_auth(&token).header("authorization", format!("Bearer {token}"));
    assert_eq!(error(both.send().await.expect("an answer")).await, is(401, "sign_in_needed"));
    let basic =
        agent.http(None).get(agent.url("/v1/resources")).header("authorization", format!("Basic {token}"));
    assert_eq!(error(basic.send().await.expect("an answer")).await, is(401, "sign_in_needed"));
    let cut = agent.http(None).get(agent.url("/v1/resources")).bearer_auth(&token[..token.len() - 4]);
    assert_eq!(error(cut.send().await.expect("an answer")).await.0, 401);
}

#[tokio::test]
async fn the_checkpoint_is_for_anyone_and_entries_are_for_auditors() {
    let agent = TestAgent::start().await;
    agent.kinds().await;
    let checkpoint = get(&agent, "/log/checkpoint", None).await.text().await.expect("a note");
    let size = checkpoint.lines().nth(1).expect("the size").to_owned();
    let path = format!("/log/tile/entries/000.p/{size}");
    assert_eq!(error(get(&agent, &path, None).await).await, is(401, "sign_in_needed"));
    assert_eq!(error(get(&agent, &path, Some(&["developer"])).await).await, is(403, "not_an_auditor"));
    let bundle = get(&agent, &path, Some(&["security"])).await;
    assert_eq!(bundle.status(), 200);
    assert!(bundle.bytes().await.expect("a body").windows(13).any(|window| window == b"agent_started"));
}

#[tokio::test]
async fn nothing_outside_of_the_public_folder_is_served() {
    let agent = TestAgent::start().await;
    assert!(agent.state().join("log/log.key").exists(), "there is something to steal");
    let paths = [
        "/log/..%2flog.key",
        "/log/%2e%2e/log.key",
        "/log/..%2f..%2fgrant.key",
        "/log/tile/..%2f..%2flog.key",
        "/log/%2fetc%2fpasswd",
        "/log/tile/0/000%00",
        "/log/tile/entries/..%2f..%2f..%2flog.key",
        "/log/",
        "/log/tile/0/x999/999",
    ];
    for path in paths {
        let response = get(&agent, path, Some(&["security"])).await;
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_receipt_of_a_statement_that_is_not_there_is_not_found() {
    let agent = TestAgent::start().await;
    let statement = StatementId::from_random([1; 16]);
    let path = format!("/v1/receipts/{statement}");
    assert_eq!(error(get(&agent, &path, None).await).await, is(401, "sign_in_needed"));
    assert_eq!(error(get(&agent, &path, Some(&[])).await).await, is(404, "no_such_statement"));
    assert_eq!(error(get(&agent, "/v1/receipts/last", Some(&[])).await).await, is(404, "no_such_statement"));
    assert_eq!(error(get(&agent, "/v1/receipts/gr_1", Some(&[])).await).await, is(400, "bad_request"));
    assert_eq!(
        error(get(&agent, "/v1/receipts/last?connection=1", Some(&[])).await).await,
        is(400, "bad_request")
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_reports_too() {
    let agent = TestAgent::start().await;
    assert_eq!(error(get(&agent, "/admin", None).await).await, is(404, "not_found"));
    assert_eq!(error(get(&agent, "/v1/grants", None).await).await, is(405, "wrong_method"));
    assert_eq!(get(&agent, "/healthz", None).await.status(), 200);
}

#[tokio::test]
async fn a_dead_identity_provider_is_named_as_the_cause() {
    let mut agent = TestAgent::start().await;
    let token = agent.provider.token("ana", &["developer"]);
    agent.provider.stop().await;
    let request = agent.http(None).get(agent.url("/v1/resources")).bearer_auth(token);
    assert_eq!(error(request.send().await.expect("an answer")).await, is(503, "idp_unreachable"));
}

#[tokio::test]
async fn older_tls_and_other_protocols_are_turned_away() {
    let agent = TestAgent::start().await;
    let mut tls = agent.tls(None, b"connect/2");
    let connect = async |tls: rustls::ClientConfig| {
        let stream = tokio::net::TcpStream::connect(agent.address()).await.expect("TCP");
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls)).connect(name, stream).await.is_ok()
    };
    assert!(!connect(tls.clone()).await, "nobody speaks it");
    for protocol in [&b"http/1.1"[..], b"connect/1"] {
        tls.alpn_protocols = vec![protocol.to_vec()];
        assert!(connect(tls.clone()).await);
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let old = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    assert!(!connect(old).await);
}

/// A statement of `person` that began and ended.
async fn record_statement(agent: &TestAgent, person: &str, statement: StatementId, connection: ConnectionId) {
    let intent = Intent {
        statement,
        session: SessionId::from_random([2; 16]),
        connection,
        principal: PrincipalRef { sub: person.to_owned(), idp: agent.provider.issuer.clone(), actor: None },
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".to_owned(),
        verb: "select".to_owned(),
        text: TextRef::Length(8),
        commitment: String::new(),
        read_only: true,
        reads: Vec::new(),
        writes: Vec::new(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        lineage: None,
        decision: Decision {
            outcome: Outcome::Permit(Vec::new()),
            reasons: Vec::new(),
            shadow: Vec::new(),
            policy_digest: String::new(),
        },
    };
    let outcome = OutcomeEntry {
        statement,
        result: StatementResult::Done,
        rows: 1,
        bytes: 8,
        masked: Vec::new(),
        content: None,
        micros: 9,
    };
    let log = &agent.running.log;
    log.append(Entry::Intent(Box::new(intent))).expect("appended");
    let seq = log.append(Entry::Outcome(Box::new(outcome))).expect("appended");
    log.wait_durable(seq).await.expect("durable");
}

#[tokio::test]
async fn a_receipt_is_for_whoever_sent_the_statement_and_for_auditors() {
    let agent = TestAgent::start().await;
    let (statement, connection) = (StatementId::from_random([7; 16]), ConnectionId::from_random([8; 16]));
    record_statement(&agent, "ana", statement, connection).await;
    let ask = async |person: &str, groups: &[&str], path: String| {
        let request =
            agent.http(None).get(agent.url(&path)).bearer_auth(agent.provider.token(person, groups));
        request.send().await.expect("an answer")
    };
    let paths = [
        format!("/v1/receipts/{statement}"),
        format!("/v1/receipts/last?connection={connection}"),
        "/v1/receipts/last".to_owned(),
    ];
    let key: VerifierKey = agent.running.log.verifier_key().parse().expect("a key");
    for path in &paths {
        let text = ask("ana", &[], path.clone()).await.text().await.expect("a receipt");
        let receipt = Receipt::parse(&text).expect("a receipt");
        receipt.verify(&key).expect("it proves the entry");
        assert!(String::from_utf8_lossy(&receipt.leaf).contains(&statement.to_string()));
        assert_eq!(
            error(ask("li", &["developer"], path.clone()).await).await,
            is(404, "no_such_statement"),
            "{path}"
        );
    }
    for path in &paths[..2] {
        assert_eq!(ask("sam", &["security"], path.clone()).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn an_agent_whose_databases_cannot_be_read_is_alive_and_not_ready() {
    let agent = TestAgent::start().await;
    let not_ready = async {
        loop {
            let response = get(&agent, "/readyz", None).await;
            if response.status() == 503 {
                break response.json::<ErrorReport>().await.expect("a report");
            }
        }
    };
    let report =
        tokio::time::timeout(Duration::from_secs(20), not_ready).await.expect("nothing listens there");
    assert_eq!(report.code, "catalog_unreadable");
    assert!(
        report.message.contains("`prod-db`") || report.message.contains("`bench-db`"),
        "{}",
        report.message
    );
    assert_eq!(get(&agent, "/healthz", None).await.status(), 200);
}

#[tokio::test]
async fn metrics_are_numbers_and_say_no_name() {
    let agent = TestAgent::start().await;
    let response = get(&agent, "/metrics", None).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.expect("a text");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<u64>().expect("a number")
    };
    assert!(value("connect_log_entries_total") > 0);
    for name in [
        "connect_sessions",
        "connect_denials_total",
        "connect_held_requests",
        "connect_log_failed",
        "connect_log_gate_closed{for=\"sessions\"}",
    ] {
        assert_eq!(value(name), 0, "{name}");
    }
    assert!(value("connect_log_durable_lag_entries") <= value("connect_log_entries_total"));
    assert!(!text.contains("prod-db") && !text.contains("bench-db"), "{text}");
}

#[tokio::test]
async fn an_explanation_needs_what_a_grant_needs() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let (with_key, without_key) = (agent.http(Some(&keys)), agent.http(None));
    let ask = async |client: &reqwest::Client, groups: Option<&[&str]>, body: String| {
        let mut request = client.post(agent.url("/v1/explain")).header("content-type", "application/json");
        if let Some(groups) = groups {
            request = request.bearer_auth(agent.provider.token("ana", groups));
        }
        error(request.body(body).send().await.expect("an answer")).await
    };
    let body = |resource: &str| json!({"resource": resource, "sql": "SELECT 1"}).to_string();
    let developer: Option<&[&str]> = Some(&["developer"]);
    assert_eq!(ask(&with_key, None, body("prod-db")).await, is(401, "sign_in_needed"));
    assert_eq!(ask(&without_key, developer, body("prod-db")).await, is(400, "certificate_needed"));
    assert_eq!(ask(&with_key, Some(&["security"]), body("prod-db")).await, is(403, "not_allowed"));
    assert_eq!(ask(&with_key, developer, body("gone")).await, is(404, "no_such_resource"));
    let write = json!({"resource": "prod-db", "sql": "SELECT 1", "actions": ["write"]}).to_string();
    assert_eq!(ask(&with_key, developer, write).await, is(403, "not_allowed"));
    let more = json!({"resource": "prod-db", "sql": "SELECT 1", "execute": true}).to_string();
    assert_eq!(ask(&with_key, developer, more).await, is(400, "bad_request"));
    for word in ["reason", "purpose"] {
        let lines = json!({"resource": "prod-db", "sql": "SELECT 1", word: "one\ntwo"}).to_string();
        assert_eq!(ask(&with_key, developer, lines).await, is(400, "bad_request"), "{word}");
    }
    let long = json!({"resource": "prod-db", "sql": "x".repeat(3 << 20)}).to_string();
    assert_eq!(ask(&with_key, developer, long).await, is(400, "bad_request"));
    // A text of the greatest length is read; there is no database behind this agent.
    let longest = json!({"resource": "prod-db", "sql": "\"".repeat(1 << 20)}).to_string();
    assert_eq!(ask(&with_key, developer, longest).await, is(503, "catalog_unreadable"));
    let kinds = agent.kinds().await;
    assert!(
        kinds.contains(&"grant_refused".to_owned()) && !kinds.contains(&"explained".to_owned()),
        "{kinds:?}"
    );
}
