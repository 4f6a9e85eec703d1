//! What may be opened and what is open: `ls`, `status`, `env`, `url`, `wait`, `close`.

use std::time::Duration;

use connect_shared::{api::ResourceInfo, grant::Action};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::open::{clock, object};
use crate::{
    agents::Door,
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    console::{Format, Rows},
    failure::{self, Outcome},
    session::{
        self, ClientSettings, Question, SessionInfo, Stage, find,
        left::{self, Left},
        list,
    },
    settings::Key,
};

/// How often a session that does not exist yet is looked for.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn ls(application: &Application) -> Outcome<Ending> {
    let agents = application.agents()?;
    if agents.is_empty() {
        return Err(crate::agents::none_known());
    }
    let headings = ["RESOURCE", "ENGINE", "DATABASE", "CLASS", "ACTIONS", "MASKED", "AGENT"];
    let mut rows = Rows::new("connect.resources/1", "resources", &headings);
    let mut failed = None;
    let doors = agents.doors();
    for door in &doors {
        match resources_behind(application, door).await {
            Ok((agent, resources)) => {
                session::Seen::add(
                    &application.paths,
                    resources.iter().map(|resource| resource.name.as_str()),
                );
                for resource in resources {
                    add_resource(&mut rows, (door.name, &agent), &resource)?;
                }
            }
            // One agent that is away does not hide the others.
            Err(report) if doors.len() > 1 => {
                application.console.warn(&format!("{}: {}", door.name, report.message));
                failed = Some(Ending::Status(report.exit.code()));
            }
            Err(report) => return Err(report),
        }
    }
    application.console.rows(&rows)?;
    Ok(failed.unwrap_or(Ending::Done))
}

/// With the name of the agent that says so.
async fn resources_behind(
    application: &Application,
    door: &Door<'_>,
) -> Outcome<(String, Vec<ResourceInfo>)> {
    let order = session::in_order(&door.agents()).await?;
    order.tell(&application.console);
    let agent = order.agents.first().unwrap_or(door.first);
    Ok((agent.name.clone(), resources_of(application, agent).await?))
}

async fn resources_of(application: &Application, agent: &crate::agents::Agent) -> Outcome<Vec<ResourceInfo>> {
    let holder = application.holder(agent)?;
    let sign_in = application.signed_in(&holder).await?;
    let list = ControlApi::new(agent, None)?.resources(sign_in.id_token.reveal()).await?;
    Ok(list.resources)
}

/// Behind a door, at one of its agents.
fn add_resource(rows: &mut Rows, (door, agent): (&str, &str), resource: &ResourceInfo) -> Outcome<()> {
    let version = resource.server_version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let cells = vec![
        resource.name.clone(),
        format!("{}{version}", resource.engine.display_name()),
        resource.database.clone(),
        resource.class.clone(),
        may_do(resource),
        resource.masked_columns.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        door.to_owned(),
    ];
    let mut object = serde_json::to_value(resource).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("agent".into(), agent.into());
        if door != agent {
            fields.insert("group".into(), door.into());
        }
    }
    rows.add(&resource.name, cells, &object)
}

/// `read`, and on request what somebody must approve first: `read · on request: write`.
fn may_do(resource: &ResourceInfo) -> String {
    let asked = words(&resource.on_request);
    match (resource.actions.is_empty(), resource.on_request.is_empty()) {
        (_, true) => words(&resource.actions),
        (true, false) => format!("on request: {asked}"),
        (false, false) => format!("{} · on request: {asked}", words(&resource.actions)),
    }
}

fn words(actions: &[Action]) -> String {
    let names: Vec<&str> = actions
        .iter()
        .map(|action| match action {
            Action::Read => "read",
            Action::Write => "write",
        })
        .collect();
    names.join(" ")
}

pub(super) async fn status(application: &Application) -> Outcome<Ending> {
    let sessions = list(&application.paths).await?;
    let headings =
        ["RESOURCE", "AGENT", "ADDRESS", "PRINCIPAL", "ACTIONS", "UNTIL", "CONNECTIONS", "TUNNEL", "PID"];
    let mut rows = Rows::new("connect.status/1", "sessions", &headings);
    for info in &sessions {
        let principal = info.client.as_ref().map(|client| client.principal.clone());
        let cells = vec![
            info.resource.clone(),
            match &info.group {
                Some(group) => format!("{} ({group})", info.agent),
                None => info.agent.clone(),
            },
            info.address.clone().unwrap_or_else(|| "opening …".to_owned()),
            principal.unwrap_or_else(|| "-".to_owned()),
            words(&info.actions),
            if info.expires_at > 0 { clock(info.expires_at) } else { "-".to_owned() },
            info.connections.to_string(),
            info.tunnel.words(crate::identity::now()),
            info.pid.to_string(),
        ];
        rows.add(&info.resource, cells, &object(info))?;
    }
    let keep = application.keep(None)?;
    let mut sign_ins = Vec::new();
    for identity in application.identities()? {
        match keep.record(&identity)? {
            Some(record) => {
                let principal = record.profile.principal().to_owned();
                application.console.say(&format!("Signed in as {principal}, kept {}", record.kept));
                sign_ins
                    .push(json!({"issuer": identity.issuer, "principal": principal, "kept": record.kept}));
            }
            None => application.console.say(&format!("Nobody is signed in at {}", identity.issuer)),
        }
    }
    rows.beside("sign_ins", &sign_ins)?;
    for warning in sessions.iter().filter_map(|info| info.warning.as_ref()) {
        application.console.warn(warning);
    }
    let left = left::left(&application.paths, &sessions);
    for one in &left {
        application.console.say(&told(one));
    }
    rows.beside("ended", &left)?;
    if sessions.is_empty() && application.console.format == Format::Table {
        application.console.say("Nothing is open");
    }
    application.console.rows(&rows)?;
    Ok(Ending::Done)
}

/// A session in the background that is over.
fn told(left: &Left) -> String {
    let when = if left.ended.is_some() { "ended at" } else { "is gone; it was opened at" };
    let line = format!("{} (in the background) {when} {}: {}", left.resource, clock(left.at), left.words());
    failure::printable(&line)
}

pub(super) async fn env(application: &Application, wish: &arguments::Env) -> Outcome<Ending> {
    let client = ready_client(application, wish.resource.as_deref()).await?;
    let mut variables = serde_json::Map::new();
    variables.insert("schema".into(), "connect.env/1".into());
    let environment = client.environment();
    for (name, value) in &environment {
        variables.insert((*name).to_owned(), value.as_str().into());
    }
    application.console.document(&variables, || session::lines(wish.shell, &environment))?;
    Ok(Ending::Done)
}

pub(super) async fn url(application: &Application, wish: &arguments::Url) -> Outcome<Ending> {
    if let Some(program) = wish.program {
        let info = ready(application, wish.resource.as_deref()).await?;
        let client = client_of(&info)?;
        let profile = session::profile(program, &info.resource, &client)?;
        let document = json!({"schema": "connect.profile/1", "resource": info.resource, "profile": profile});
        application.console.document(&document, || format!("{}\n", profile.trim_end()))?;
        return Ok(Ending::Done);
    }
    let client = ready_client(application, wish.resource.as_deref()).await?;
    let url = client.url();
    application.console.document(&json!({"schema": "connect.url/1", "url": url}), || format!("{url}\n"))?;
    Ok(Ending::Done)
}

pub(super) async fn wait(application: &Application, wish: &arguments::Wait) -> Outcome<Ending> {
    let name = wish.resource.as_deref().or_else(|| application.settings.value(Key::Resource));
    let name = name.ok_or_else(|| failure::usage("which resource?").help("connect wait RESOURCE"))?;
    let deadline = Instant::now() + Duration::from_secs(wish.timeout);
    let too_late = || {
        failure::not_found("not_ready", format!("no session of `{name}` was ready within {} s", wish.timeout))
            .help(format!("connect open {name} --detach"))
    };
    loop {
        if let Some(info) = find(&application.paths, name).await?.pop() {
            let left = deadline.saturating_duration_since(Instant::now());
            let asked = timeout(left, session::ask(&application.paths, &info, Question::Ready)).await;
            match asked.map_err(|_| too_late())? {
                Ok(info) if info.stage == Stage::Ready => return Ok(Ending::Done),
                // It failed while it opened; another may come.
                Ok(_) | Err(_) => {}
            }
        }
        if Instant::now() >= deadline {
            return Err(too_late());
        }
        sleep(LOOK).await;
    }
}

pub(super) async fn close(application: &Application, wish: &arguments::Close) -> Outcome<Ending> {
    let name = wish.resource.as_deref().or_else(|| application.settings.value(Key::Resource));
    let name = name.filter(|_| !wish.all);
    let sessions = match name {
        Some(name) => find(&application.paths, name).await?,
        None if wish.all => list(&application.paths).await?,
        None => vec![only_open(application).await?],
    };
    let forgotten = if name.is_some() || wish.all {
        left::forget(&application.paths, &sessions, name)
    } else {
        Vec::new()
    };
    if sessions.is_empty() && forgotten.is_empty() && !wish.all {
        return Err(nothing_open(application, name));
    }
    for left in &forgotten {
        application.console.say(&format!("Forgot {}", told(left)));
    }
    for info in sessions {
        // One that ends by itself in this moment is closed, too.
        let _closed = session::ask(&application.paths, &info, Question::Close).await;
        application.console.say(&format!("Closed {}", info.resource));
    }
    Ok(Ending::Done)
}

/// How clients reach the session that is meant.
async fn ready_client(application: &Application, named: Option<&str>) -> Outcome<ClientSettings> {
    client_of(&ready(application, named).await?)
}

/// The session that is meant.
async fn ready(application: &Application, named: Option<&str>) -> Outcome<SessionInfo> {
    match named.or_else(|| application.settings.value(Key::Resource)) {
        Some(name) => {
            newest(find(&application.paths, name).await?).ok_or_else(|| nothing_open(application, Some(name)))
        }
        None => only_open(application).await,
    }
}

fn client_of(info: &SessionInfo) -> Outcome<ClientSettings> {
    info.client.clone().ok_or_else(|| {
        failure::not_found("not_ready", format!("the session of `{}` is still opening", info.resource))
            .help(format!("connect wait {}", info.resource))
    })
}

/// A ready one before one that is not.
fn newest(sessions: Vec<SessionInfo>) -> Option<SessionInfo> {
    sessions.into_iter().max_by_key(|info| info.stage == Stage::Ready)
}

async fn only_open(application: &Application) -> Outcome<SessionInfo> {
    let mut sessions = list(&application.paths).await?;
    match (sessions.pop(), sessions.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            Err(failure::usage("several sessions are open: which is meant?").help("connect status"))
        }
        (None, _) => Err(nothing_open(application, None)),
    }
}

fn nothing_open(application: &Application, name: Option<&str>) -> connect_shared::error::ErrorReport {
    let Some(name) = name else {
        return failure::not_found("no_session", "nothing is open on this machine").help("connect ls");
    };
    let left = left::left(&application.paths, &[]);
    let words = match left.iter().find(|left| left.is_of(name)) {
        Some(left) => format!("no session of `{name}` is open on this machine any more: {}", told(left)),
        None => format!("no session of `{name}` is open on this machine"),
    };
    failure::not_found("no_session", words).help(format!("connect open {name}"))
}
