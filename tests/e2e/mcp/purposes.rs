//! A policy on the purpose decides the same at the door of this protocol, at `explain` and at the statement; and a
//! value that must never leave does not leave by this door, and ends it.

use super::*;
use connect_tests::agent::AgentOptions;

use crate::policies;

const POLICY: &str = "@id(\"products-for-tickets\")
forbid (principal, action == Action::\"read\", resource == Table::\"shop-db/public.products\")
unless { context has purpose && context.purpose like \"ticket *\" };";
const CANARY: &str = "[[resource.canary]]\nname = \"orchard note\"\nvalue = \"kestrel-4417-orchard\"\n";
const PRODUCTS: &str = "SELECT count(*) FROM products";

#[test]
fn a_purpose_opens_what_a_policy_keeps_for_it_and_a_canary_shuts_the_door() {
    let mut world = World::start_with(&AgentOptions { clear: CANARY, ..AgentOptions::default() });
    policies::write(&world, POLICY);
    policies::put_in_force(&mut world);
    let row = "INSERT INTO scratch VALUES (4417, 'a kestrel-4417-orchard in a row')";
    world.postgres.sql("shop", row);
    let li = world.person("li");

    let assistant = Assistant::of(&li, "helper", &["--reason", "ticket 12", "--task", "T-12"]);
    let explain = |assistant: &Assistant| {
        assistant.call("explain", &json!({ "resource": SHOP, "sql": PRODUCTS }))["outcome"].clone()
    };
    assert_eq!(explain(&assistant), "permit");
    let rows = assistant.query(PRODUCTS);
    assert_eq!(rows["status"], "done", "{rows:#}");
    // A sub-agent's part says the reason of its giver, or its own purpose.
    let part = assistant.call("delegate", &json!({ "resource": SHOP, "name": "worker" }));
    let socket = part["parent"].as_str().expect("a socket").to_owned();
    let worker = Assistant::of(&li, "inner", &["--resource", SHOP, "--parent", &socket]);
    assert_eq!((explain(&worker), &worker.query(PRODUCTS)["status"]), (json!("permit"), &json!("done")));
    worker.leave();
    let curious = ["--resource", SHOP, "--parent", &socket, "--purpose", "curious"];
    let curious = Assistant::of(&li, "inner", &curious);
    assert_eq!((explain(&curious), &curious.query(PRODUCTS)["status"]), (json!("deny"), &json!("denied")));
    curious.leave();
    for words in [&["--reason", "curious"][..], &[]] {
        let other = Assistant::of(&li, "other", words);
        assert_eq!(explain(&other), "deny", "{words:?}");
        let denied = other.query(PRODUCTS);
        assert_eq!(denied["status"], "denied", "{words:?} {denied:#}");
        other.leave();
    }
    // At the command line it is the same.
    for (words, code) in [
        (&["--reason", "ticket 12"][..], 0),
        (&["--purpose", "ticket 13"], 0),
        (&["--reason", "x"], 5),
        (&[], 5),
    ] {
        let explained = li.runs(&[&["explain", SHOP, PRODUCTS], words].concat());
        assert_eq!(explained.code, code, "{words:?} {}{}", explained.stdout, explained.stderr);
    }

    // Now the value that must never leave.
    let result =
        assistant.try_call("query", &json!({ "resource": SHOP, "sql": "SELECT * FROM scratch ORDER BY id" }));
    let met = serde_json::to_string(&result.expect("an answer")).expect("JSON");
    assert!(!met.contains("kestrel") && met.contains("must never leave"), "{met}");
    // The grant is over, and there is no new one: for this AI agent, its person, and another one of hers.
    let is_over = |assistant: &Assistant| {
        let after = assistant.query("SELECT 1");
        assert!(after["status"] != "done" && after.to_string().contains("revoked"), "{after:#}");
    };
    is_over(&assistant);
    let other = Assistant::of(&li, "other", &["--reason", "ticket 12"]);
    is_over(&other);
    other.leave();
    let own = li.runs(&["exec", SHOP, "--", "psql", "-XAtc", "SELECT 1"]);
    assert!(own.code != 0 && own.stderr.contains("revoked"), "{}", own.stderr);
    assistant.leave();

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let seen = leaves::of_kind(&leaves, "canary_seen");
    assert_eq!((seen.len(), &seen[0]["principal"]["actor"]), (1, &json!("helper/1.2.3")), "{seen:#?}");
    let revoked = leaves::of_kind(&leaves, "revoked");
    assert_eq!((revoked.len(), &revoked[0]["cause"]), (1, &json!("canary")), "{revoked:#?}");
    let explained = leaves::of_kind(&leaves, "explained");
    let of = |purpose: &str| explained.iter().any(|leaf| leaf["purpose"] == purpose);
    assert!(of("ticket 12") && of("curious") && of("ticket 13"), "{explained:#?}");
    assert!(!serde_json::to_string(&leaves).expect("JSON").contains("kestrel"));
}
