//! The door for AI agents, with the protocol's own client: `connect mcp serve` as an AI agent's program starts
//! it, in front of a real database.

mod approvals;
mod delegates;
mod escapes;
mod http;
mod offers;
mod purposes;
mod sandbox;

use connect_tests::{
    agent::SHOP,
    canary, leaves,
    person::{Browser, Person},
    process,
    world::World,
};
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};

/// All that there are.
const TOOLS: [&str; 8] = [
    "list_resources",
    "describe",
    "query",
    "explain",
    "lineage",
    "delegate",
    "request_access",
    "wait_for_approval",
];

/// An AI agent's program.
struct Assistant {
    runtime: tokio::runtime::Runtime,
    client: RunningService<RoleClient, ClientConfig>,
}

impl Assistant {
    /// Starts `connect mcp serve` in a person's surroundings.
    fn of(person: &Person, name: &str, arguments: &[&str]) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut all = vec!["mcp", "serve"];
        all.extend(arguments);
        let command = tokio::process::Command::from(person.connect(&all));
        let about = ClientConfig::new(ClientCapabilities::default(), Implementation::new(name, "1.2.3"));
        let client = runtime.block_on(async {
            let transport = TokioChildProcess::new(command).expect("it starts");
            about.serve(transport).await.expect("it speaks the protocol")
        });
        Self { runtime, client }
    }

    fn names(&self) -> Vec<String> {
        let tools = self.runtime.block_on(self.client.list_all_tools()).expect("tools");
        tools.iter().map(|tool| tool.name.to_string()).collect()
    }

    fn try_call(&self, tool: &str, arguments: &Value) -> Result<CallToolResult, String> {
        let mut call = CallToolRequestParams::new(tool.to_owned());
        call.arguments = arguments.as_object().cloned();
        self.runtime.block_on(self.client.call_tool(call)).map_err(|error| error.to_string())
    }

    /// The structured answer, after a look at both of its forms for what must not be in them.
    #[track_caller]
    fn call(&self, tool: &str, arguments: &Value) -> Value {
        let result = self.try_call(tool, arguments).expect("an answer");
        let whole = serde_json::to_vec(&result).expect("JSON");
        assert_eq!(canary::found_in(&whole), None, "{tool} {arguments}");
        result.structured_content.expect("an object")
    }

    #[track_caller]
    fn query(&self, sql: &str) -> Value {
        self.call("query", &json!({ "resource": SHOP, "sql": sql }))
    }

    fn text(&self, sql: &str) -> String {
        let result = self.try_call("query", &json!({ "resource": SHOP, "sql": sql })).expect("an answer");
        result.content[0].as_text().expect("text").text.clone()
    }

    fn leave(self) {
        self.runtime.block_on(self.client.cancel()).expect("it ends");
    }
}

#[test]
fn an_ai_agent_reads_masked_rows_as_its_own_actor_on_behalf_of_the_person() {
    let mut world = World::start();
    let li = world.person("li");
    let assistant = Assistant::of(&li, "helper", &["--purpose", "it's a test of it"]);
    assert_eq!(assistant.names(), TOOLS);

    let listed = assistant.call("list_resources", &json!({}));
    let resources = listed["untrusted"]["data"]["resources"].as_array().expect("resources");
    assert!(resources.iter().any(|one| one["name"] == SHOP), "{listed:#}");

    let described = assistant.call("describe", &json!({ "resource": SHOP, "table": "customers" }));
    let columns = described["untrusted"]["data"]["tables"][0]["columns"].as_array().expect("columns");
    let label = |name: &str| &columns.iter().find(|column| column["name"] == name).expect(name)["masked_as"];
    assert_eq!((label("email"), label("id")), (&json!("pii.email"), &Value::Null), "{described:#}");
    let all = assistant.call("describe", &json!({ "resource": SHOP }));
    let tables = all["untrusted"]["data"]["tables"].as_array().expect("tables");
    let found: Vec<_> = tables.iter().filter_map(|table| table["table"].as_str()).collect();
    assert!(["customers", "order_totals", "scratch"].iter().all(|one| found.contains(one)), "{found:?}");

    let rows = assistant.query("SELECT id, email, upper(full_name) FROM customers ORDER BY id LIMIT 3");
    assert_eq!(
        (&rows["status"], &rows["row_count"], &rows["rows_cut"]),
        (&json!("done"), &json!(3), &json!(0))
    );
    assert_eq!(rows["masked_positions"], json!([2, 3]), "{rows:#}");
    let first = rows["untrusted"]["data"]["rows"][0].as_array().expect("a row").clone();
    assert_eq!(first[0], "1");
    assert!(first[1].as_str().is_some_and(|email| email.ends_with("@masked.invalid")), "{first:?}");

    let many = assistant.call(
        "query",
        &json!({ "resource": SHOP, "sql": "SELECT id FROM orders ORDER BY id", "max_rows": 7 }),
    );
    assert_eq!((&many["row_count"], &many["rows_cut"]), (&json!(7), &json!(1_000)), "{many:#}");
    assert_eq!(
        (&many["more_rows_cut"], &many["rows_paid_at_least"], &many["rows_paid"]),
        (&json!(true), &json!(1_007), &Value::Null),
        "{many:#}"
    );
    let few = assistant.call(
        "query",
        &json!({ "resource": SHOP, "sql": "SELECT id FROM orders ORDER BY id LIMIT 9", "max_rows": 7 }),
    );
    assert_eq!(
        (&few["rows_cut"], &few["more_rows_cut"], &few["rows_paid"]),
        (&json!(2), &json!(false), &json!(9))
    );

    let explained = assistant.call("explain", &json!({ "resource": SHOP, "sql": "DELETE FROM scratch" }));
    assert_eq!(explained["outcome"], "deny");
    let asked = assistant.query("SELECT no_such_column FROM scratch");
    assert_eq!((&asked["status"], &asked["sqlstate"]), (&json!("denied"), &json!("42703")), "{asked:#}");
    // What it read is known to the record, and it may ask for that: of its own person.
    let about = json!({ "resource": SHOP, "about": "public.customers.email", "direction": "down" });
    let went = assistant.call("lineage", &about);
    assert_eq!((&went["status"], &went["direction"]), (&json!("done"), &json!("down")), "{went:#}");
    let edges = went["untrusted"]["data"]["edges"].as_array().expect("edges");
    assert!(edges.iter().any(|edge| edge["masked"] == "pii.email"), "{went:#}");
    assert_eq!(went["columns_with_values_from_outside"], json!(0), "{went:#}");
    assert!(went["untrusted"]["data"]["gaps"].is_array(), "{went:#}");
    // Within a time, as people ask for it, and of the time before a label.
    let edges_with = |more: Value| {
        let mut asked = about.clone();
        asked.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assistant.call("lineage", &asked)["untrusted"]["data"]["edges"].as_array().expect("edges").len()
    };
    assert_eq!(edges_with(json!({ "since": "1h" })), edges.len());
    for none in [json!({ "until": "1h" }), json!({ "since": "1h", "before_label": true })] {
        assert_eq!(edges_with(none.clone()), 0, "{none}");
    }
    let nothing = assistant.call("lineage", &json!({ "resource": SHOP, "about": "api_keys.token" }));
    assert_eq!((&nothing["status"], &nothing["code"]), (&json!("failed"), &json!("nothing_known")));
    assistant.leave();

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let intents = leaves::of_kind(&leaves, "intent");
    assert!(intents.len() >= 3, "{}", intents.len());
    for leaf in &intents {
        assert_eq!(leaf["principal"]["actor"], "helper/1.2.3", "{leaf}");
        assert_eq!(leaf["purpose"], "it's a test of it", "{leaf}");
    }
    let grants = leaves::of_kind(&leaves, "grant_issued");
    let granted = grants.iter().find(|leaf| leaf["principal"]["actor"] == "helper/1.2.3").expect("a grant");
    assert_eq!((&granted["actions"], &granted["reason"]), (&json!(["read"]), &json!("it's a test of it")));
    for kind in ["explained", "lineage_asked"] {
        let of = leaves::of_kind(&leaves, kind);
        let purpose = |leaf: &&Value| {
            leaf.pointer("/question/purpose").unwrap_or(&leaf["purpose"]) == "it's a test of it"
        };
        assert!(!of.is_empty() && of.iter().all(purpose), "{kind}: {of:#?}");
    }
    assert_eq!(
        leaves::of_kind(&leaves, "session_closed").len(),
        leaves::of_kind(&leaves, "session_opened").len()
    );
}

#[test]
fn who_is_not_signed_in_gets_a_link_and_no_browser_opens() {
    let world = World::start();
    let li = world.newcomer("li", Browser::Forms);
    li.learn(&world.agent);
    let assistant = Assistant::of(&li, "helper", &[]);
    let needed = assistant.query("SELECT 1");
    assert_eq!(needed["status"], "sign_in_required", "{needed:#}");
    assert!(needed["retry_after_seconds"].is_number() && needed["command"] == "connect login");
    assert_eq!(needed["retryable"], true, "{needed:#}");
    let link = needed["link"].as_str().expect("a link").to_owned();
    assert!(link.starts_with(&world.idp.issuer().to_string()), "{link}");
    assert_eq!(li.browser_log(), "", "a browser opened by itself");
    assert_eq!(assistant.query("SELECT 1")["link"], link, "one sign-in is under way, not two");

    // The person follows the link; the call that comes then goes through.
    let browser = li.home().join("bin/browser");
    process::run(&mut li.program(&browser, &[&link])).good();
    let rows = assistant.query("SELECT 1");
    assert_eq!((&rows["status"], &rows["row_count"]), (&json!("done"), &json!(1)), "{rows:#}");
    assistant.leave();
}
