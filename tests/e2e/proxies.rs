//! An agent that is reached through a proxy only, under a name that nobody here can look up; and proxies that do not
//! do what they should.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use connect_tests::{
    agent::SHOP,
    person::{Browser, Person},
    process::{self, Finished},
    proxy::{Manner, Proxy, Speech},
    tunnel::Tunnel,
    world::World,
};

/// RFC 6761: no resolver knows it.
const HOST: &str = "agent.invalid";
const SECRET: &str = "dr4gonfly";

struct Behind {
    world: World,
    ana: Person,
    place: String,
}

impl Behind {
    /// Somebody who has added the agent through the proxy and is signed in.
    fn a_proxy(world: World, variable: &str, value: &str) -> Self {
        let mut ana = world.newcomer("ana", Browser::Forms);
        ana.set(variable, value);
        let port = world.agent.address().rsplit_once(':').expect("a port").1.to_owned();
        let place = format!("{HOST}:{port}");
        let url = format!("https://{place}");
        ana.runs(&["agents", "add", &url, "--fingerprint", world.agent.fingerprint()]).good();
        ana.runs(&["login"]).good();
        Self { world, ana, place }
    }

    fn exec(&self) -> Finished {
        self.ana.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT 6 * 7"])
    }
}

fn said(finished: &Finished) -> String {
    format!("{}{}", finished.stdout, finished.stderr)
}

#[test]
fn the_agent_is_reached_through_a_proxy_that_speaks_http_and_wants_a_password() {
    through(Proxy::for_user(Speech::Connect, "ana", SECRET), "HTTPS_PROXY");
}

#[test]
fn the_agent_is_reached_through_a_proxy_that_speaks_socks_and_wants_a_password() {
    through(Proxy::for_user(Speech::Socks5, "ana", SECRET), "all_proxy");
}

fn through(proxy: Proxy, variable: &str) {
    let behind = Behind::a_proxy(World::start(), variable, &proxy.url(&format!("ana:{SECRET}@")));
    let asked = proxy.asked();
    assert!(!asked.is_empty() && asked.iter().all(|place| *place == behind.place), "{asked:?}");
    let tunnel = Tunnel::open(&behind.ana, SHOP);
    assert_eq!(tunnel.psql("SELECT count(*) > 0 FROM orders;").stdout.trim(), "t");
    let status = said(&behind.ana.runs(&["status"]));
    let shown = proxy.url("");
    assert!(status.contains(&format!("TLS through {shown} (no UDP)")), "{status}");
    let json = behind.ana.runs(&["status", "--json"]).good();
    assert!(json.contains(&format!("\"proxy\": \"{shown}\"")), "{json}");
    let doctor = said(&behind.ana.runs(&["doctor"]));
    assert!(doctor.contains(&format!("through the proxy {shown}")), "{doctor}");
    let logged = said(&process::run(behind.ana.connect(&["ls"]).env("CONNECT_LOG", "trace")));
    let encoded = BASE64_STANDARD.encode(format!("ana:{SECRET}"));
    for text in [&status, &json, &doctor, &tunnel.process().transcript(), &logged] {
        assert!(!text.contains(SECRET) && !text.contains(&encoded), "{text}");
    }
    assert!(proxy.asked().iter().all(|place| *place == behind.place));
}

#[test]
fn a_proxy_that_refuses_or_does_not_know_us_is_named_with_a_way_out_and_without_its_secret() {
    let proxy = Proxy::for_user(Speech::Connect, "ana", SECRET);
    let mut behind = Behind::a_proxy(World::start(), "HTTPS_PROXY", &proxy.url(&format!("ana:{SECRET}@")));
    proxy.behave(Manner::Refusing);
    let refused = behind.exec();
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    for words in ["the proxy refuses to connect there", &proxy.url(""), &format!("NO_PROXY={HOST}")] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    let plain = behind.ana.runs(&["ls"]);
    assert_eq!(plain.code, 7, "{}", plain.stderr);
    proxy.behave(Manner::Honest);
    behind.ana.set("HTTPS_PROXY", &proxy.url("ana:butt3rfly@"));
    let unknown = behind.ana.runs(&["ls"]);
    assert_eq!(unknown.code, 7, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("the proxy wants a user and a password"), "{}", unknown.stderr);
    for text in [said(&refused), said(&plain), said(&unknown), said(&behind.ana.runs(&["doctor"]))] {
        assert!(!text.contains(SECRET) && !text.contains("butt3rfly"), "{text}");
    }
    behind.ana.set("HTTPS_PROXY", &format!("ftp://ana:{SECRET}@127.0.0.1:21"));
    let odd = behind.ana.runs(&["ls"]);
    assert_eq!(odd.code, 2, "{}", odd.stderr);
    assert!(!odd.stderr.contains(SECRET), "{}", odd.stderr);
    drop(behind.world);
}

#[test]
fn a_proxy_that_is_silent_or_never_ends_costs_time_and_nothing_else() {
    let proxy = Proxy::open(Speech::Connect);
    let behind = Behind::a_proxy(World::start(), "HTTPS_PROXY", &proxy.url(""));
    for manner in [Manner::Silent, Manner::Endless] {
        proxy.behave(manner);
        let finished = behind.ana.runs(&["ls"]);
        assert_eq!(finished.code, 7, "{manner:?}: {}", finished.stderr);
        assert!(finished.stderr.contains("through the proxy"), "{}", finished.stderr);
    }
    proxy.behave(Manner::Honest);
    assert_eq!(behind.exec().good().trim(), "42");
}

#[test]
fn a_proxy_that_puts_somebody_else_in_the_agents_place_is_found_out_before_anything_is_said() {
    let proxy = Proxy::open(Speech::Socks5);
    let behind = Behind::a_proxy(World::start(), "ALL_PROXY", &proxy.url(""));
    let other = World::start();
    let port = other.agent.address().rsplit_once(':').expect("a port").1.parse().expect("a number");
    proxy.behave(Manner::Lying { to: port });
    let list = behind.ana.runs(&["ls"]);
    assert_eq!(list.code, 10, "{}", list.stderr);
    assert!(list.stderr.contains("does not have the certificate of the agent"), "{}", list.stderr);
    let exec = behind.exec();
    assert_eq!(exec.code, 125, "{}", exec.stderr);
    assert!(!exec.stdout.contains("42"));
    let url = format!("https://{}", behind.place);
    let added = behind.ana.runs(&["agents", "add", &url, "--fingerprint", behind.world.agent.fingerprint()]);
    assert_eq!(added.code, 10, "{}", added.stderr);
}

#[test]
fn what_is_on_this_machine_or_named_to_go_alone_goes_without_the_proxy() {
    let proxy = Proxy::open(Speech::Connect);
    let world = World::start();
    let mut li = world.newcomer("li", Browser::Forms);
    li.set("HTTPS_PROXY", &proxy.url(""));
    li.sign_in(&world.agent);
    assert_eq!(li.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT 6 * 7"]).good().trim(), "42");
    assert!(proxy.asked().is_empty(), "it was asked for the loopback");
    li.set("NO_PROXY", "invalid");
    let finished = li.runs(&[
        "agents",
        "add",
        &format!("https://{HOST}:7443"),
        "--fingerprint",
        world.agent.fingerprint(),
    ]);
    assert_eq!(finished.code, 7, "nobody can look it up here: {}", finished.stderr);
    assert!(proxy.asked().is_empty(), "it was asked all the same");
    let status = process::run(&mut li.connect(&["status"]));
    assert_eq!(status.code, 0, "{}", status.stderr);
}
