//! Entries as events of the Open Cybersecurity Schema Framework, 1.8 (<https://schema.ocsf.io/1.8.0>): a
//! deterministic rendering of a leaf and its index, made when it is shown or exported. The log has the
//! leaf; this is how other systems read it.
//!
//! Which entry becomes which class is [`class_of`]; the table in `agent/ENTRIES.md` is made from it. What
//! has no field of its own in a class is under `unmapped`, as the leaf has it.

mod parts;
mod summary;

use serde_json::{Map, Value, json};

pub use self::summary::{ExportSummary, export_summary};
use crate::{
    api::SearchRow,
    decision::{Decision, OutcomeKind},
    entry::{Entry, Leaf, PrincipalRef, StatementResult},
    grant::Action,
};

/// The version of the schema.
pub const VERSION: &str = "1.8.0";

/// A class of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub uid: u32,
    pub name: &'static str,
    pub category: &'static str,
}

const fn class(uid: u32, name: &'static str, category: &'static str) -> Class {
    Class { uid, name, category }
}

const EVENT_LOG: Class = class(1008, "Event Log Activity", "System Activity");
const FINDING: Class = class(2004, "Detection Finding", "Findings");
const AUTHENTICATION: Class = class(3002, "Authentication", "Identity & Access Management");
const USER_ACCESS: Class = class(3005, "User Access Management", "Identity & Access Management");
const TUNNEL: Class = class(4014, "Tunnel Activity", "Network Activity");
const LIFECYCLE: Class = class(6002, "Application Lifecycle", "Application Activity");
const API: Class = class(6003, "API Activity", "Application Activity");
const DATASTORE: Class = class(6005, "Datastore Activity", "Application Activity");

/// The profile of what an AI agent does, and the classes of ours that have it.
const AI_OPERATION: &str = "ai_operation";
const OF_AI: [u32; 2] = [API.uid, DATASTORE.uid];

/// The class, activity and its name of a kind of entry. Of a statement the activity depends on its verb.
#[must_use]
pub fn class_of(kind: &str) -> (Class, u32, &'static str) {
    match kind {
        "agent_started" => (LIFECYCLE, 3, "Start"),
        "agent_stopped" => (LIFECYCLE, 4, "Stop"),
        "grant_issued" => (USER_ACCESS, 1, "Assign Privileges"),
        "request" => (USER_ACCESS, 99, "Request"),
        "revoked" => (USER_ACCESS, 2, "Revoke Privileges"),
        "restored" => (USER_ACCESS, 1, "Assign Privileges"),
        "grant_renewed" => (TUNNEL, 3, "Renew"),
        "session_opened" => (TUNNEL, 1, "Open"),
        "session_parked" => (TUNNEL, 99, "Park"),
        "session_resumed" => (TUNNEL, 99, "Resume"),
        "session_closed" => (TUNNEL, 2, "Close"),
        "grant_refused" | "tunnel_refused" => (AUTHENTICATION, 1, "Logon"),
        "connection_opened" => (DATASTORE, 3, "Connect"),
        "connection_closed" => (DATASTORE, 99, "Disconnect"),
        "intent" | "outcome" | "denial" => (DATASTORE, 4, "Query"),
        "upstream_opened" => (DATASTORE, 3, "Connect"),
        "explained" | "searched" | "reconciled" | "lineage_asked" | "text_shown" => (API, 2, "Read"),
        "cancel_requested" => (API, 3, "Update"),
        "witness_late" | "canary_seen" => (FINDING, 1, "Create"),
        "witness_back" => (FINDING, 3, "Close"),
        "sink_refused" | "sink_resent" => (EVENT_LOG, 3, "Export"),
        "key_rotated" => (EVENT_LOG, 4, "Update"),
        "pruned" | "texts_erased" => (EVENT_LOG, 2, "Delete"),
        _ => (EVENT_LOG, 99, "Record"),
    }
}

/// What an event can say beside its leaf.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub origin: &'a str,
    /// The principal, of entries that name none themselves.
    pub principal: Option<&'a PrincipalRef>,
    /// The principal's name.
    pub name: Option<&'a str>,
    pub resource: Option<&'a str>,
    /// The normalised text of a statement.
    pub sql: Option<&'a str>,
}

/// The events of a row: one for each of its entries.
#[must_use]
pub fn of_row(origin: &str, row: &SearchRow) -> Vec<Value> {
    let context = Context {
        origin,
        principal: row.principal.as_ref(),
        name: row.name.as_deref(),
        resource: row.resource.as_deref(),
        sql: row.sql.as_deref(),
    };
    row.entries.iter().map(|entry| render(&context, entry.index, &entry.leaf)).collect()
}

/// The event of a leaf.
#[must_use]
pub fn render(context: &Context<'_>, index: u64, leaf: &Leaf) -> Value {
    let mut event = Event::new(context, index, leaf);
    match &leaf.entry {
        Entry::AgentStarted { version, .. } => event.set("app", parts::app(Some(version))),
        Entry::AgentStopped { .. } => event.set("app", parts::app(None)),
        Entry::GrantIssued { actions, resource, groups, .. } => {
            event.user(groups);
            let privileges: Vec<&str> = actions.iter().map(action).collect();
            event.set("privileges", json!(privileges));
            event.set("resources", json!([{"name": resource, "type": "database"}]));
            event.succeeded();
        }
        Entry::Request(request) => {
            event.user(&[]);
            event.set("privileges", json!([request.of.as_str()]));
            event.set("resources", json!([{"name": request.resource, "type": "database"}]));
            event.set("status_detail", json!(request.step));
        }
        Entry::Revoked { whom, cause, .. } | Entry::Restored { whom, cause, .. } => {
            event.set("user", json!({"name": whom}));
            event.set("privileges", json!([]));
            event.set("status_code", json!(cause));
            event.succeeded();
        }
        Entry::GrantRefused { code, .. } | Entry::TunnelRefused { code, .. } => {
            event.user(&[]);
            event.set("service", json!({"name": "connect-agent"}));
            event.failed(code);
            if let Entry::TunnelRefused { address, .. } = &leaf.entry {
                event.set("src_endpoint", parts::endpoint(address));
            }
        }
        Entry::SessionOpened { session, address, resource, .. } => {
            event.user(&[]);
            event.session(&session.to_string());
            event.set("src_endpoint", parts::endpoint(address));
            event.set("dst_endpoint", json!({"svc_name": resource}));
            event.succeeded();
        }
        Entry::GrantRenewed { session, .. } | Entry::SessionParked { session, .. } => {
            event.session(&session.to_string());
        }
        Entry::SessionResumed { session, address, .. } => {
            event.session(&session.to_string());
            event.set("src_endpoint", parts::endpoint(address));
        }
        Entry::SessionClosed { session, code, .. } => {
            event.session(&session.to_string());
            event.set("status_code", json!(code));
        }
        Entry::ConnectionOpened { .. }
        | Entry::ConnectionClosed { .. }
        | Entry::UpstreamOpened { .. }
        | Entry::Outcome(_) => {
            event.datastore();
            if let Entry::Outcome(outcome) = &leaf.entry {
                event.outcome(&outcome.result, outcome.micros);
            }
        }
        Entry::Intent(intent) => {
            event.datastore();
            event.activity(&intent.verb);
            event.query(&intent.statement.to_string());
            event.decision(&intent.decision);
        }
        Entry::Denial(denial) => {
            event.datastore();
            event.activity(&denial.verb);
            event.query(&denial.statement.to_string());
            event.decision(&denial.decision);
        }
        Entry::Explained { .. }
        | Entry::Searched { .. }
        | Entry::Reconciled { .. }
        | Entry::LineageAsked { .. }
        | Entry::TextShown { .. }
        | Entry::CancelRequested { .. } => {
            event.actor();
            event.set("api", json!({"operation": leaf.entry.kind(), "service": {"name": "connect-agent"}}));
            event.set("src_endpoint", json!({"svc_name": "connect"}));
        }
        Entry::WitnessLate { witness, code, .. } => {
            event.finding(&format!("witness/{witness}"), "A witness does not cosign the log", Some(code));
        }
        Entry::WitnessBack { witness, .. } => {
            event.finding(&format!("witness/{witness}"), "A witness cosigns the log again", None);
        }
        Entry::CanarySeen { canary, resource, form, .. } => {
            let actor = parts::actor(event.principal, context.name);
            event.set("evidences", json!([{"actor": actor}]));
            event.set("resources", json!([{"name": resource, "type": "database"}]));
            let title = "A value that must never leave was on its way out";
            event.finding(&format!("canary/{resource}/{canary}"), title, Some(form));
        }
        _ => event.set("log_name", json!(context.origin)),
    }
    event.finish(leaf)
}

const fn action(action: &Action) -> &'static str {
    match action {
        Action::Read => "read",
        Action::Write => "write",
    }
}

/// An event on its way.
struct Event<'a> {
    context: &'a Context<'a>,
    principal: Option<&'a PrincipalRef>,
    fields: Map<String, Value>,
}

impl<'a> Event<'a> {
    fn new(context: &'a Context<'a>, index: u64, leaf: &'a Leaf) -> Self {
        let kind = leaf.entry.kind();
        let (class, activity, activity_name) = class_of(kind);
        let principal = parts::principal(&leaf.entry).or(context.principal);
        let mut event = Self { context, principal, fields: Map::new() };
        event.set("activity_id", json!(activity));
        event.set("activity_name", json!(activity_name));
        event.set("category_uid", json!(class.uid / 1000));
        event.set("category_name", json!(class.category));
        event.set("class_uid", json!(class.uid));
        event.set("class_name", json!(class.name));
        event.set("type_uid", json!(class.uid * 100 + activity));
        event.severity(1, "Informational");
        event.set("time", json!(leaf.time));
        let mut metadata = json!({
            "version": VERSION,
            "uid": format!("{}/{index}", context.origin),
            "sequence": index,
            "event_code": kind,
            "log_name": context.origin,
            "log_version": leaf.v.to_string(),
            "product": {"name": "connect", "vendor_name": "connect"},
        });
        if let (Some(agent), Some(fields)) =
            (principal.and_then(|principal| principal.actor.as_ref()), metadata.as_object_mut())
        {
            fields.insert("labels".to_owned(), json!(["ai_agent"]));
            if OF_AI.contains(&class.uid) {
                fields.insert("profiles".to_owned(), json!([AI_OPERATION]));
                event.set("message_context", parts::agent(agent));
            }
        }
        event.set("metadata", metadata);
        event
    }

    fn set(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    fn severity(&mut self, id: u32, name: &str) {
        self.set("severity_id", json!(id));
        self.set("severity", json!(name));
    }

    fn succeeded(&mut self) {
        self.set("status_id", json!(1));
        self.set("status", json!("Success"));
    }

    fn failed(&mut self, code: &str) {
        self.set("status_id", json!(2));
        self.set("status", json!("Failure"));
        self.set("status_code", json!(code));
        self.severity(2, "Low");
    }

    fn user(&mut self, groups: &[String]) {
        let user = parts::user(self.principal, self.context.name, groups);
        self.set("user", user);
    }

    fn actor(&mut self) {
        let actor = parts::actor(self.principal, self.context.name);
        self.set("actor", actor);
    }

    fn session(&mut self, uid: &str) {
        self.set("session", json!({"uid": uid}));
    }

    /// Required of every datastore activity.
    fn datastore(&mut self) {
        self.actor();
        self.set("src_endpoint", json!({"svc_name": "connect"}));
        let database = self.context.resource.unwrap_or("unknown");
        self.set("database", json!({"name": database, "type_id": 1, "type": "Relational"}));
        self.set("type_id", json!(1));
        self.set("type", json!("Database"));
    }

    /// From the verb to the nearest activity of the class.
    fn activity(&mut self, verb: &str) {
        let (id, name) = parts::activity(verb);
        self.set("activity_id", json!(id));
        self.set("activity_name", json!(name));
        self.set("type_uid", json!(DATASTORE.uid * 100 + id));
    }

    fn query(&mut self, statement: &str) {
        // A text without a normal form is not in the log.
        let text = self.context.sql.unwrap_or_default();
        self.set("query_info", json!({"uid": statement, "query_string": text}));
    }

    fn decision(&mut self, decision: &Decision) {
        match decision.outcome.kind() {
            OutcomeKind::Permit => {}
            OutcomeKind::Hold | OutcomeKind::Deny => {
                let code = decision.reasons.first().map_or("denied", |reason| reason.code.as_str());
                self.failed(code);
                if let Some(reason) = decision.reasons.first() {
                    self.set("status_detail", json!(reason.message));
                }
            }
        }
    }

    fn outcome(&mut self, result: &StatementResult, micros: u64) {
        self.set("duration", json!(micros / 1000));
        match result {
            StatementResult::Done => self.succeeded(),
            StatementResult::Failed(code) | StatementResult::Cut(code) => self.failed(code),
            StatementResult::Unknown => {
                self.set("status_id", json!(0));
                self.set("status", json!("Unknown"));
            }
        }
    }

    /// With a code: one that somebody should look at.
    fn finding(&mut self, uid: &str, title: &str, code: Option<&str>) {
        self.set("finding_info", json!({"uid": uid, "title": title}));
        if let Some(code) = code {
            self.severity(4, "High");
            self.set("status_code", json!(code));
        }
    }

    fn finish(mut self, leaf: &Leaf) -> Value {
        let entry = serde_json::to_value(&leaf.entry).unwrap_or_default();
        self.set("unmapped", entry);
        Value::Object(self.fields)
    }
}
