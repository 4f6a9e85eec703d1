//! An AI agent of this protocol hands a part of what it may do on: to a program that speaks SQL, and to another
//! server of the protocol that serves a sub-agent.

use super::*;

#[test]
fn an_ai_agent_hands_on_less_than_it_has_and_its_sub_agents_get_no_more() {
    let mut world = World::start();
    let li = world.person("li");
    let assistant = Assistant::of(&li, "planner", &["--task", "T-9", "--purpose", "the report"]);
    let wish = json!({
        "resource": SHOP, "name": "worker", "tables": ["public.orders"], "minutes": 5,
        "budget": { "statements": 5 },
    });
    let given = assistant.call("delegate", &wish);
    assert_eq!((&given["status"], &given["sub_agent"]), (&json!("done"), &json!("worker")), "{given:#}");
    let parent = given["parent"].as_str().expect("a socket").to_owned();

    // By the protocol, in a home where nobody is signed in.
    let sandbox = world.newcomer("ana", Browser::Forms);
    sandbox.learn(&world.agent);
    let worker = Assistant::of(&sandbox, "inner", &["--resource", SHOP, "--parent", &parent]);
    let listed = worker.call("list_resources", &json!({}));
    assert_eq!(listed["untrusted"]["data"]["resources"][0]["name"], SHOP, "{listed:#}");
    assert_eq!(worker.query("SELECT count(*) FROM orders")["status"], "done");
    let refused = worker.query("SELECT count(*) FROM customers");
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&json!("denied"), &json!("not_granted")),
        "{refused:#}"
    );
    let explained = worker.call("explain", &json!({ "resource": SHOP, "sql": "SELECT * FROM customers" }));
    assert_eq!(explained["outcome"], "deny", "{explained:#}");
    for (tool, more) in
        [("request_access", json!({ "reason": "more" })), ("lineage", json!({ "about": "orders" }))]
    {
        let mut arguments = more;
        arguments["resource"] = json!(SHOP);
        assert_eq!(worker.call(tool, &arguments)["code"], "not_for_sub_agents");
    }
    // What it hands on itself is a part of its part.
    let deeper = worker.call("delegate", &json!({ "resource": SHOP, "name": "digger" }));
    let socket = deeper["parent"].as_str().expect("a socket").to_owned();
    let digger = ["exec", SHOP, "--parent", &socket, "--", "psql", "-XAtc"];
    let ask = |sql: &str| sandbox.runs(&[&digger[..], &[sql]].concat());
    assert_eq!(ask("SELECT count(*) FROM orders").good().trim(), "2000");
    assert!(ask("SELECT count(*) FROM customers").stderr.contains("the grant is not for"));
    // The worker's five are spent by both.
    let left = (0..10).take_while(|_| ask("SELECT 1").code == 0).count();
    assert!(left < 5, "{left}");
    assert!(ask("SELECT 1").stderr.contains("5 statements of this sub-agent"));
    assert_eq!(worker.query("SELECT count(*) FROM orders")["sqlstate"], "54000");
    // By its program; it cannot ask for more than was handed on, and it goes with its parent.
    let exec = |more: &[&str]| {
        let (start, end) = (["exec", SHOP, "--parent", &parent], ["--", "psql", "-XAtc", "SELECT 1"]);
        sandbox.runs(&[&start[..], more, &end[..]].concat())
    };
    assert!(exec(&["--table", "public.customers"]).stderr.contains("handed on with"));
    assert!(exec(&["--statements", "99"]).stderr.contains("handed on with"));
    for wrong in [
        json!({ "resource": SHOP, "name": "a>b" }),
        json!({ "resource": SHOP, "name": "x", "minutes": 0 }),
        json!({ "resource": SHOP, "name": "x", "actor": "boss" }),
        json!({ "resource": SHOP, "name": "x", "budget": { "columns": 1 } }),
    ] {
        assert!(assistant.try_call("delegate", &wrong).is_err(), "{wrong}");
    }
    worker.leave();
    assistant.leave();
    let gone = exec(&[]);
    assert!(gone.stderr.contains("not there any more"), "{}", gone.stderr);

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let intents = leaves::of_kind(&leaves, "intent");
    let of = |actor: &str| intents.iter().filter(|leaf| leaf["principal"]["actor"] == actor).count();
    assert!(of("planner/1.2.3>worker") >= 1 && of("planner/1.2.3>worker>digger") >= 1, "{intents:#?}");
    assert!(intents.iter().all(|leaf| leaf["task"] == "T-9"), "{intents:#?}");
}
