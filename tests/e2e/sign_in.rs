//! Signing in as a person would.

use connect_tests::{
    agent::{BENCH, SHOP},
    canary,
    person::{Browser, Person},
    process::{self, Process},
    world::World,
};

#[test]
fn a_person_signs_in_with_a_real_browser_and_psql_shows_masks() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Chromium);
    ana.learn(&world.agent);
    let login = ana.runs(&["login"]);
    assert_eq!(login.code, 0, "{}\n{}\nbrowser: {}", login.stdout, login.stderr, ana.browser_log());
    assert!(login.stderr.contains("Signed in as ana@example.com"), "{}", login.stderr);
    assert!(ana.browser_log().contains("title: Sign in to Example"), "{}", ana.browser_log());

    let sql = "SELECT id, email, segment FROM customers WHERE id = 1";
    let psql = ana.runs(&["exec", SHOP, "--", "psql", "-XqAtc", sql]).good();
    let columns: Vec<&str> = psql.trim_end().split('|').collect();
    assert_eq!((columns[0], columns[2]), ("1", "premium"), "{psql}");
    assert!(columns[1].contains('@'), "a masked e-mail looks like one: {psql}");
    assert_eq!(canary::found_in(psql.as_bytes()), None, "{psql}");

    assert!(ana.runs(&["whoami"]).good().contains("ana@example.com"));
    ana.runs(&["logout"]).good();
    let after =
        process::run(ana.connect(&["exec", SHOP, "--", "psql", "-c", sql]).env("CONNECT_INPUT", "false"));
    assert_eq!(after.code, 125, "{}", after.stderr);
}

#[test]
fn whoever_signs_out_is_signed_out_at_the_provider_too() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Chromium);
    ana.learn(&world.agent);
    ana.runs(&["login"]).good();
    let asked = |ana: &Person| ana.browser_log().matches("title: Sign in to Example").count();
    assert_eq!(asked(&ana), 1, "{}", ana.browser_log());
    let out = ana.runs(&["logout"]);
    assert!(out.stderr.contains("Opening your browser to sign out"), "{}", out.stderr);
    assert!(!out.stderr.contains("did not take"), "{}", out.stderr);
    let token = token_in(&out.stderr);
    assert_eq!((out.code, token), (0, None), "an ID token was shown: {}", out.stderr);
    ana.wait_for_browser("Sign-out Success");
    // The browser's own session is over: the provider asks who is there.
    ana.runs(&["login"]).good();
    assert_eq!(asked(&ana), 2, "{}", ana.browser_log());

    ana.take(Browser::Missing);
    let printed = ana.runs(&["logout", "--no-browser"]).good();
    assert!(printed.contains("client_id=connect-cli") && !printed.contains("id_token_hint"), "{printed}");
    assert!(ana.runs(&["logout", "--local"]).stderr.contains("Nobody was signed in"));
}

/// Three parts of base64 that begin as every JWT does.
fn token_in(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter))
        .find(|word| word.starts_with("eyJ") && word.matches('.').count() == 2)
}

#[test]
fn a_person_signs_in_on_another_device() {
    let world = World::start();
    let ana = world.newcomer("ana", Browser::Missing);
    ana.learn(&world.agent);
    let mut login = Process::start("connect login", &mut ana.connect(&["login", "--device"]));
    let address = login.wait_for_line("user_code=");
    login.wait_for_line("with the code ");
    // Somewhere else.
    let phone = world.newcomer("ana", Browser::Forms);
    let browser = phone.home().join("bin/browser");
    process::run(&mut phone.program(&browser, &[&address])).good();
    assert!(login.wait_for_end().success(), "{} {}", login.transcript(), phone.browser_log());
    assert!(login.transcript().contains("Signed in as ana@example.com"), "{}", login.transcript());
    let rows =
        ana.runs(&["exec", SHOP, "--", "psql", "-XqAtc", "SELECT segment FROM customers WHERE id = 1"]);
    assert_eq!(rows.good().trim(), "premium");

    // A graphical client finds the session by the profile that it is given.
    let tunnel = ana.open(SHOP);
    let pgadmin = ana.runs(&["url", SHOP, "--for", "pgadmin"]).good();
    let servers: serde_json::Value = serde_json::from_str(&pgadmin).expect("what pgAdmin imports");
    assert_eq!(servers["Servers"]["1"]["Port"], tunnel.port(), "{pgadmin}");
    let dbeaver = ana.runs(&["url", SHOP, "--for", "dbeaver"]).good();
    assert!(dbeaver.contains(&format!("|host=127.0.0.1|port={}|database=shop|", tunnel.port())), "{dbeaver}");
}

#[test]
fn a_resource_that_demands_a_stronger_sign_in_gets_one() {
    let mut world = World::start();
    world.agent.reconfigure(|config| {
        config.replacen(
            "read = [\"group:developer\"]",
            "read = [\"group:developer\"]\nacr = [\"urn:test:mfa\"]",
            1,
        )
    });
    let ana = world.person("ana");
    let open = ["exec", SHOP, "--", "psql", "-XqAtc", "SELECT segment FROM customers WHERE id = 1"];
    let refused = ana.runs(&open);
    assert_eq!(refused.code, 125, "{}", refused.stdout);
    assert!(refused.stderr.contains("next: connect login --acr urn:test:mfa"), "{}", refused.stderr);
    ana.runs(&["login", "--acr", "urn:test:mfa"]).good();
    assert_eq!(ana.runs(&open).good().trim(), "premium");
    // One that demands nothing of the kind is as it was.
    let li = world.person("li");
    let bench = ["exec", BENCH, "--", "psql", "-XqAtc", "SELECT 1"];
    assert_eq!(li.runs(&bench).good().trim(), "1");
}

#[test]
fn somebody_without_a_group_sees_no_resource_and_opens_none() {
    let world = World::start();
    let mallory = world.person("mallory");
    let listed = mallory.runs(&["ls", "-o", "name"]).good();
    assert_eq!(listed.trim(), "");
    let opened = mallory.runs(&["open", SHOP]);
    assert!(matches!(opened.code, 3 | 5), "{} {}", opened.code, opened.stderr);
}

#[test]
fn each_person_sees_what_their_groups_may_do() {
    let world = World::start();
    let names = |person: &str| world.person(person).runs(&["ls", "-o", "json"]).good();
    let ana: serde_json::Value = serde_json::from_str(&names("ana")).expect("JSON");
    let li: serde_json::Value = serde_json::from_str(&names("li")).expect("JSON");
    let actions = |list: &serde_json::Value| {
        let shop = list["resources"].as_array()?.iter().find(|entry| entry["name"] == SHOP)?.clone();
        Some(shop["actions"].to_string())
    };
    assert_eq!(actions(&ana).as_deref(), Some(r#"["read"]"#), "{ana}");
    assert_eq!(actions(&li).as_deref(), Some(r#"["read","write"]"#), "{li}");
}
