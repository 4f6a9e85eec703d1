//! What ends before its time, at once, wherever that is decided.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    process::{self, Process},
    stranger::{Stranger, WithKey, id_token},
    tunnel::Tunnel,
    world::World,
};
use serde_json::{Value, json};

/// A statement that runs until something ends it.
struct Running {
    tunnel: Tunnel,
    psql: Process,
}

impl Running {
    fn start(person: &Person) -> Self {
        let tunnel = person.open(SHOP);
        let mut command = tunnel.client("psql");
        command.args(["-XqAt"]);
        let mut psql = Process::start("psql", &mut command);
        psql.say("SELECT 'open';\nSELECT pg_sleep(300);\nSELECT 'still here';\n");
        psql.wait_for_line("open");
        Self { tunnel, psql }
    }

    /// It ends, at both ends, with words that have `why` in them.
    fn ends(mut self, why: &str) {
        let line = self.psql.wait_for_line("FATAL");
        assert!(line.contains(why), "{line}");
        assert!(!self.psql.wait_for_end().success());
        assert!(!self.psql.transcript().contains("still here"));
        let status = self.tunnel.process_mut().wait_for_end();
        let said = self.tunnel.process().transcript();
        assert_eq!(status.code(), Some(8), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

const SLEEPING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'connect_agent' AND wait_event = 'PgSleep'";

fn entries(world: &mut World, kind: &str) -> Vec<Value> {
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    leaves::of_kind(&leaves, kind).into_iter().map(|leaf| serde_json::to_value(leaf).expect("JSON")).collect()
}

#[test]
fn who_may_revoke_ends_and_keeps_out_and_who_may_not_ends_only_their_own() {
    let mut world = World::start();
    world
        .agent
        .reconfigure(|config| config.replace("[grants]\n", "[grants]\nrevokers = [\"group:security\"]\n"));
    let (ana, li, sam) = (world.person("ana"), world.person("li"), world.person("sam"));
    let of_ana = Running::start(&ana);
    let of_li = Running::start(&li);

    let refused = li.runs(&["revoke", "ana@example.com"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("connect revoke --mine"), "{}", refused.stderr);

    let done = sam.runs(&["revoke", "ana@example.com", "--reason", "laptop lost", "--for", "1h"]).good();
    assert!(done.contains("1 session is ended"), "{done}");
    of_ana.ends("by sam@example.com: laptop lost");
    // She is kept out, whatever her identity provider says.
    let again = ana.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT 1"]);
    assert_eq!(again.code, 125, "{}", again.stdout);
    assert!(again.stderr.contains("revoked"), "{}", again.stderr);

    let own = li.runs(&["revoke", "--mine"]).good();
    assert!(own.contains("1 session is ended"), "{own}");
    of_li.ends("by li@example.com");
    // Nobody keeps her out: it was her own wish.
    assert_eq!(li.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT 1"]).good().trim(), "1");

    // One in the background ends, too. Nobody hears it at that moment, and whoever looks is told until it is open again.
    li.runs(&["open", SHOP, "--detach"]).good();
    li.runs(&["revoke", "--mine"]).good();
    let end = std::time::Instant::now() + process::PATIENCE;
    let told = loop {
        let status: Value = serde_json::from_str(&li.runs(&["--json", "status"]).good()).expect("JSON");
        if let Some(told) = status["ended"].as_array().expect("a list").first() {
            break told.clone();
        }
        assert!(std::time::Instant::now() < end, "nobody is told: {status:#}");
        std::thread::yield_now();
    };
    let why = told["ended"]["message"].as_str().expect("why");
    assert!(told["resource"] == SHOP && why.contains("by li@example.com"), "{told:#}");
    let url = li.runs(&["url", SHOP]);
    assert!(
        url.code == 3 && url.stderr.contains("any more") && url.stderr.contains("by li@"),
        "{}",
        url.stderr
    );
    li.runs(&["open", SHOP, "--detach"]).good();
    assert!(li.runs(&["--json", "status"]).good().contains("\"ended\": []"));
    li.runs(&["close", SHOP]).good();
    assert!(li.runs(&["--json", "status"]).good().contains("\"ended\": []"), "it was closed");

    // Also over a restart.
    world.agent.stop();
    world.agent.restart();
    assert_eq!(ana.runs(&["ls"]).code, 4);
    let revoked = entries(&mut world, "revoked");
    assert_eq!(revoked.len(), 3, "{revoked:?}");
    assert_eq!(
        (&revoked[0]["whom"], &revoked[0]["sessions"]),
        (&json!("principal ana@example.com"), &json!(1))
    );
    let leaves = leaves::read(&world.agent.log());
    let closed: Vec<Value> = leaves::of_kind(&leaves, "session_closed")
        .into_iter()
        .map(|leaf| serde_json::to_value(leaf).expect("JSON"))
        .filter(|leaf| leaf["code"] == "revoked")
        .collect();
    assert_eq!(closed.len(), 3, "{closed:?}");
    assert!(closed.iter().all(|leaf| leaf["micros"].as_u64().is_some_and(|micros| micros > 0)), "{closed:?}");
}

#[test]
fn signing_out_at_the_identity_provider_ends_the_session() {
    let options = AgentOptions { identity: r#"{"backChannel": true}"#, ..AgentOptions::default() };
    let world = World::start_with(&options);
    world.idp.tell_logouts_to(&world.agent.url());
    let ana = world.person("ana");
    let li = world.person("li");
    let of_ana = Running::start(&ana);
    let of_li = Running::start(&li);
    world.idp.sign_out("ana");
    of_ana.ends("signed out");
    // What she holds from before is worth nothing; somebody else's session goes on.
    let again = ana.runs(&["exec", SHOP, "--", "true"]);
    assert_eq!(again.code, 125, "{}", again.stderr);
    assert_eq!(world.postgres.sql("shop", SLEEPING), "1");
    drop(of_li);
}

#[test]
fn events_of_a_transmitter_end_what_they_are_about() {
    let mut world = World::start();
    let transmitter = connect_tests::idp::IdentityProvider::for_programs();
    let token = world.folder().join("signals.token");
    std::fs::write(&token, "only-the-transmitter-knows-this").expect("written");
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    world.agent.restart_with(&format!(
        "[[signals]]\nissuer = \"{0}\"\njwks_url = \"{0}/keys\"\ntoken_file = \"{1}\"\n\
         [[signals]]\nissuer = \"{0}\"\naudience = \"polled\"\njwks_url = \"{0}/keys\"\ntoken_file = \"{1}\"\n\
         poll_url = \"{0}/poll\"",
        transmitter.issuer(),
        token.display()
    ));
    let issuer = world.idp.issuer().to_owned();
    let event = |kind: &str, sub: &str, audience: &str| {
        transmitter.mint_event(&json!({
            "aud": audience, "sub_id": {"format": "iss_sub", "iss": issuer, "sub": sub},
            "events": {format!("https://schemas.openid.net/secevent/{kind}"): {"change_type": "update"}},
        }))
    };
    let ana = world.person("ana");
    let of_ana = Running::start(&ana);
    let push = |event: &str, token: &str| world.agent.push_event(event, token);
    let good = event("caep/event-type/session-revoked", "ana", "connect.local/test");
    // Whoever does not know the token, and a token that is no event, end nothing.
    assert_eq!(push(&good, "guessed"), 401);
    let other = event("caep/event-type/session-revoked", "ana", "somebody-else");
    assert_eq!(push(&other, "only-the-transmitter-knows-this"), 400);
    assert_eq!(world.postgres.sql("shop", SLEEPING), "1");
    assert_eq!(push(&good, "only-the-transmitter-knows-this"), 202);
    of_ana.ends("ended your sign-in");
    // The same event again is heard, and means nothing new.
    assert_eq!(push(&good, "only-the-transmitter-knows-this"), 202);

    // One that is asked for.
    let li = world.person("li");
    let of_li = Running::start(&li);
    transmitter.offer_event(&event("risc/event-type/account-disabled", "li", "polled"));
    of_li.ends("your account was disabled");
    assert_eq!(process::run(&mut li.connect(&["ls"])).code, 4);
    transmitter.offer_event(&event("risc/event-type/account-enabled", "li", "polled"));
    transmitter.wait_until_heard();
    assert_eq!(process::run(&mut li.connect(&["ls", "-o", "name"])).code, 0);
    let causes: Vec<Value> =
        entries(&mut world, "revoked").into_iter().map(|leaf| leaf["cause"].clone()).collect();
    assert!(causes.contains(&json!("event/session-revoked")), "{causes:?}");
    assert!(causes.contains(&json!("event/account-disabled")), "{causes:?}");
}

#[test]
fn who_loses_a_group_loses_what_it_allowed_when_the_grant_is_renewed() {
    let options =
        AgentOptions { lifetime: "30s", identity: r#"{"idTokenSeconds": 30}"#, ..AgentOptions::default() };
    let world = World::start_with(&options);
    let ana = world.person("ana");
    let of_ana = Running::start(&ana);
    world.idp.set_groups("ana", "nothing");
    of_ana.ends("groups have changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_of_somebody_end_together() {
    let count = if std::env::var_os("CONNECT_TESTS_FULL").is_some() { 1_000 } else { 100 };
    let mut world = World::start();
    world
        .agent
        .reconfigure(|config| config.replace("[grants]\n", "[grants]\nrevokers = [\"group:security\"]\n"));
    let sam = world.person("sam");
    let owner = Stranger::new(&world.agent);
    let grant = owner.grant(&id_token(&world.idp, "ana"), SHOP).await;
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(owner.tunnel(&grant, WithKey::Yes).await.expect("it is welcome"));
    }
    let done = tokio::task::block_in_place(|| sam.runs(&["revoke", "ana@example.com"]).good());
    assert!(done.starts_with(&format!("{count} sessions are ended")), "{done}");
    for session in &open {
        let error = session.connection.closed().await;
        assert!(error.to_string().contains("revoked"), "{error}");
    }
    assert_eq!(owner.tunnel(&grant, WithKey::Yes).await.err().as_deref(), Some("grant_revoked"));
    drop(open);
    let mut micros: Vec<u64> = tokio::task::block_in_place(|| entries(&mut world, "session_closed"))
        .iter()
        .filter(|leaf| leaf["code"] == "revoked")
        .filter_map(|leaf| leaf["micros"].as_u64())
        .collect();
    assert_eq!(micros.len(), count);
    micros.sort_unstable();
    println!("{count} sessions ended: p50 {} µs, p99 {} µs", micros[count / 2], micros[count * 99 / 100]);
}
