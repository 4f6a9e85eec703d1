//! The agent's pages in a real browser with a phone's screen, behind a real identity provider; and what a chat
//! is told.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::{Browser, Person},
    place,
    process::{self, PATIENCE},
    world::World,
};
use serde_json::{Value, json};

use crate::approvals::{psql, waits_for};

const HELD: AgentOptions = AgentOptions {
    resource: "approvers = [\"group:security\", \"group:data-oncall\"]",
    ..AgentOptions::USUAL
};

/// A chat: takes what is posted, and has the bodies.
fn chat() -> (String, mpsc::Receiver<Value>) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/services/T0/B0/x", socket.local_addr().expect("an address"));
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            if sender.send(take(stream)).is_err() {
                return;
            }
        }
    });
    (url, received)
}

fn take(mut stream: TcpStream) -> Value {
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.expect("a length") {
                let body = serde_json::from_str(body).expect("JSON");
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                stream.write_all(answer.as_bytes()).expect("answered");
                return body;
            }
        }
        let count = stream.read(&mut chunk).expect("a request");
        assert!(count > 0, "a whole request: {text}");
        text.push_str(std::str::from_utf8(&chunk[..count]).expect("text"));
    }
}

/// Turns the console on, and has a chat told.
fn with_console(world: &mut World) -> mpsc::Receiver<Value> {
    let (chat, told) = chat();
    let url = world.agent.url();
    world.idp.knows_console_at(&url);
    let secret = world.folder().join("console.secret");
    std::fs::write(&secret, "a secret of the console: 1+1=2").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&secret, mode).expect("our own file");
    world.agent.restart_with(&format!(
        "[console]\nurl = \"{url}\"\nclient_id = \"connect-console\"\nclient_secret_file = \"{}\"\n\
         [[notify]]\nurl = \"{chat}\"\nformat = \"slack\"\nresources = [\"{SHOP}\"]",
        secret.display()
    ));
    told
}

/// What somebody sees on a phone, step by step.
#[track_caller]
fn on_a_phone(person: &Person, name: &str, steps: &Value) -> Vec<Value> {
    let driver = place::of_tests("oidc/console.mjs").display().to_string();
    let mut node = person.program(&place::installed("node"), &[&driver, &steps.to_string()]);
    node.env("SIGN_IN_EMAIL", format!("{name}@example.com"))
        .env("SIGN_IN_PASSWORD", format!("{name}-password"))
        .env("BROWSER_PROFILE", person.home().join("phone"));
    let said = process::run(&mut node).good();
    let pages: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for page in &pages {
        assert_eq!((&page["wide"], &page["scripts"]), (&json!(false), &json!(0)), "{page:#}");
    }
    pages
}

fn text(page: &Value) -> &str {
    page["text"].as_str().expect("text")
}

#[test]
fn a_held_statement_is_approved_on_a_phone_by_a_link_from_a_chat() {
    let mut world = World::start_with(&HELD);
    let told = with_console(&mut world);
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let nasty = "DELETE FROM scratch /* <script>alert(1)</script><img src=x onerror=alert(2)> */";
    let mut waiting = psql(&tunnel, nasty);
    let id = waits_for(&waiting);
    let page = format!("{}/console/requests/{id}", world.agent.url());
    waiting.wait_for_line(&format!("or open {page}"));

    let notice = told.recv_timeout(PATIENCE).expect("the chat is told");
    let blocks = notice["blocks"].to_string();
    assert!(blocks.contains("public.scratch") && !blocks.contains("script>"), "{notice:#}");
    let link = notice["blocks"]
        .as_array()
        .and_then(|blocks| blocks.iter().find_map(|block| block["elements"][0]["url"].as_str()));
    let link = link.expect("a link").to_owned();
    assert!(link.starts_with(&format!("{page}?t=")), "{link}");

    // Whoever asked cannot approve it, and whom it does not concern sees nothing.
    let own = on_a_phone(&li, "li", &json!([{"open": link}, {"signIn": true}]));
    assert!(!text(&own[0]).contains("scratch"), "before the sign-in: {}", own[0]);
    assert!(text(&own[1]).contains("Take it back") && !text(&own[1]).contains("You approve"), "{}", own[1]);
    let mallory = world.newcomer("mallory", Browser::Missing);
    let stranger = on_a_phone(&mallory, "mallory", &json!([{"open": link}, {"signIn": true}]));
    assert!(stranger.iter().all(|page| !text(page).contains("scratch")), "{stranger:#?}");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");

    let sam = world.newcomer("sam", Browser::Missing);
    let seen = on_a_phone(&sam, "sam", &json!([{"open": link}, {"signIn": true}]));
    let shown = text(&seen[1]);
    for expected in
        ["li@example.com", "<script>alert(1)</script>", "public.scratch", "default/unbounded-write"]
    {
        assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
    }
    assert!(!shown.contains("The link that led here"), "{shown}");
    assert_eq!(seen[1]["problems"], json!([]), "nothing is tried that the policy of the page forbids");
    let binding = seen[1]["hidden"][0].as_str().expect("what was shown").to_owned();

    // Another site cannot use the sign-in that this browser has.
    let verdict = format!("{page}/verdict");
    let form = json!({"token": "x", "verdict": "approve", "binding": binding});
    let forged = on_a_phone(&sam, "sam", &json!([{"forge": [verdict, form]}]));
    assert!(text(&forged[0]).contains("Nothing was changed"), "{}", forged[0]);
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");

    let bent = format!("{page}?t=AAAA");
    let decided = on_a_phone(&sam, "sam", &json!([{"open": bent}, {"press": "Approve"}]));
    assert!(text(&decided[0]).contains("not one that this agent has made"), "{}", decided[0]);
    assert!(text(&decided[1]).contains("approved by sam@example.com"), "{}", decided[1]);
    assert!(waiting.wait_for_end().success(), "{}", waiting.transcript());
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "0");
    let notice = told.recv_timeout(PATIENCE).expect("the chat is told of the verdict");
    assert!(
        notice["text"].as_str().is_some_and(|text| text.contains("sam@example.com has approved")),
        "{notice:#}"
    );

    drop(tunnel);
    world.agent.stop();
    let steps = leaves::read(&world.agent.log());
    let steps = leaves::of_kind(&steps, "request").into_iter();
    let steps: Vec<(Value, Value)> =
        steps.map(|leaf| (leaf["step"].clone(), leaf["through"].clone())).collect();
    let console = json!("console");
    let expected = [
        (json!("requested"), Value::Null),
        (json!("seen"), console.clone()),
        (json!("approved"), console),
        (json!("used"), Value::Null),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_rejection_on_a_phone_has_its_reason_and_a_logout_elsewhere_ends_the_sign_in() {
    let mut world = World::start_with(&HELD);
    let _told = with_console(&mut world);
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let mut waiting = psql(&tunnel, "DROP TABLE scratch");
    let id = waits_for(&waiting);
    let list = format!("{}/console", world.agent.url());
    let sam = world.newcomer("sam", Browser::Missing);
    let steps = json!([
        {"open": list}, {"signIn": true}, {"press": "Run drop table on shop-db"},
        {"write": ["reason", "not <b>today</b>"]}, {"press": "Reject"},
    ]);
    let pages = on_a_phone(&sam, "sam", &steps);
    assert!(text(&pages[1]).contains("For you to decide"), "{}", pages[1]);
    assert!(pages[2]["url"].as_str().is_some_and(|url| url.contains(&id)), "{}", pages[2]);
    assert!(text(&pages[4]).contains("not <b>today</b>"), "{}", pages[4]);
    assert!(!waiting.wait_for_end().success());
    assert!(waiting.transcript().contains("has rejected it: not <b>today</b>"), "{}", waiting.transcript());
    let left = on_a_phone(&sam, "sam", &json!([{"open": list}, {"press": "Sign out"}, {"open": list}]));
    assert!(
        text(&left[0]).contains("sam@example.com") && !text(&left[2]).contains("sam@example.com"),
        "{left:#?}"
    );
}
