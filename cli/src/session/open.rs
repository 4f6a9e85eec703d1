//! From a name to a local address: sign-in, grant, tunnel, listener.

mod local;

use std::{path::PathBuf, sync::Arc};

use connect_shared::{
    api::{GrantRequest, GrantResponse, ResourceInfo},
    error::{ErrorReport, Exit},
    grant::{Action, RunIdentity},
};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    approval::{self, HowLong, Patience},
    board::{Board, SessionInfo, Stage},
    choose,
    client::ClientSettings,
    door::{self, Door},
    keeper::Keeper,
    parts::{Giver, Parent},
    reach::{Entrance, Reached, Source},
    target::{Seen, Target},
};
use crate::{
    agents::Agent,
    api::ControlApi,
    application::Application,
    audit::monitor,
    certificate::ClientKey,
    failure::{self, Outcome},
    identity::Holder,
    listen::{Listener, LocalAddress, PortWish},
    relay::Live,
    tunnel::{Tunnel, Ways},
};

/// Where local programs shall connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalWish {
    Port(Option<PortWish>),
    /// A Unix socket: this file, or in this folder.
    Socket(PathBuf),
    /// A Unix socket in a folder of its own that goes with the session.
    Private,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) target: Target,
    /// Empty: all that the principal may have.
    pub(crate) actions: Vec<Action>,
    pub(crate) reason: Option<String>,
    pub(crate) actor: Option<String>,
    /// The run that the session is for.
    pub(crate) run: Option<RunIdentity>,
    /// The AI agent's task that it is for.
    pub(crate) task: Option<String>,
    pub(crate) local: LocalWish,
    /// What to do where somebody must approve first.
    pub(crate) patience: Patience,
    /// For how long it is wanted then.
    pub(crate) how_long: Option<HowLong>,
}

/// A session that is ready.
pub(crate) struct Opened {
    pub(crate) resource: ResourceInfo,
    pub(crate) client: ClientSettings,
    pub(crate) expires_at: u64,
    /// An AI agent's, or a part of one's.
    pub(crate) is_an_actors: bool,
    /// Of whose grant others may have parts.
    pub(crate) giver: Giver,
    /// The tunnel of the moment.
    pub(super) link: watch::Receiver<Option<Live>>,
    /// Taken when the session is held.
    pub(super) keeper: Option<Keeper>,
    pub(super) listener: Listener,
    pub(super) board: Board,
    pub(super) _door: Door,
    /// Removed with the session.
    pub(super) _folder: Option<TempDir>,
}

impl Request {
    fn for_grant(&self) -> GrantRequest {
        GrantRequest {
            resource: self.target.resource.clone(),
            actions: self.actions.clone(),
            reason: self.reason.clone(),
            actor: self.actor.clone(),
            run: self.run.clone(),
            task: self.task.clone(),
            tables: Vec::new(),
            hand_on: None,
        }
    }
}

impl Opened {
    pub(crate) fn address(&self) -> LocalAddress {
        self.listener.address()
    }

    pub(crate) fn info(&self) -> SessionInfo {
        self.board.now()
    }
}

/// Opens it.
pub(crate) async fn open(application: &Application, request: &Request, holder: Holder) -> Outcome<Opened> {
    open_from(application, request, Source::SignIn(holder)).await
}

/// The same with a part of another session's grant.
pub(crate) async fn open_part(
    application: &Application,
    request: &Request,
    parent: Parent,
) -> Outcome<Opened> {
    open_from(application, request, Source::Parent(parent)).await
}

/// At the first agent of its group that takes it. From then on it is that one's.
async fn open_from(application: &Application, request: &Request, from: Source) -> Outcome<Opened> {
    if let Source::Parent(_) = &from {
        return open_at(application, request, &request.target.agent, from).await;
    }
    let order = choose::in_order(&request.target.agents()).await?;
    order.tell(&application.console);
    let mut agents = order.agents.into_iter().peekable();
    let mut last = failure::unexpected("a resource of no agent");
    while let Some(agent) = agents.next() {
        let from = match &from {
            // A program's tokens are for one agent.
            Source::SignIn(holder) if holder.is_workload() => Source::SignIn(application.holder(&agent)?),
            from => from.clone(),
        };
        match open_at(application, request, &agent, from).await {
            Err(report) if choose::goes_on(&report) => {
                if let Some(next) = agents.peek() {
                    let words = format!("`{}` is passed over for `{}`", agent.name, next.name);
                    application.console.warn(&format!("the agent {words}: {}", report.message));
                }
                last = report;
            }
            other => return other,
        }
    }
    Err(last)
}

async fn open_at(
    application: &Application,
    request: &Request,
    agent: &Agent,
    from: Source,
) -> Outcome<Opened> {
    let target = &request.target;
    let board = Board::new(&agent.name, &target.resource);
    let door = door::open(&application.paths, board.clone())?;
    let key = Arc::new(ClientKey::generate()?);
    let wanted = request.for_grant();
    let (agent, granted) = match &from {
        Source::SignIn(holder) => {
            let api = ControlApi::new(agent, Some(&key))?;
            (agent.clone(), granted(application, &api, holder, request, &wanted).await?)
        }
        Source::Parent(parent) => {
            let (url, granted) = parent.grant(&key, &wanted).await?;
            let of_parent = target.agents().into_iter().find(|agent| agent.url == url);
            (of_parent.unwrap_or_else(|| agent.clone()), granted)
        }
    };
    let api = ControlApi::new(&agent, Some(&key))?;
    board.change(|info| {
        info.agent = agent.name.clone();
        info.group = agent.group.clone().filter(|group| *group == target.door);
    });
    Seen::add(&application.paths, std::iter::once(granted.resource.name.as_str()));
    let (listener, folder) = local::listen(application, request, granted.resource.engine).await?;
    let entrance = Entrance { agent, key, from, wanted };
    // Every use is a look at the log, beside what takes its time anyway.
    let (connected, looked) = tokio::join!(
        Tunnel::connect(&entrance.agent, &entrance.key, &granted.grant, None, Ways::Any),
        monitor::look(&application.paths, &entrance.agent, &api),
    );
    // Where nobody answers any more there is one reason for both.
    if let Err(report) = &looked
        && (connected.is_ok() || report.exit == Exit::VerificationFailed)
    {
        application.console.warn(&unlooked(report));
    }
    let (tunnel, control, welcome) = connected?;
    let expires_at = welcome.expires_at;
    let client = ClientSettings::new(
        granted.resource.engine,
        &listener.address(),
        &granted.resource.database,
        &granted.principal,
    );
    board.change(|info| {
        info.stage = Stage::Ready;
        info.client = Some(client.clone());
        info.address = Some(listener.address().to_string());
        info.actions = granted.resource.actions.clone();
        info.run = request.run.as_ref().map(|run| run.id);
    });
    let reached = Reached { tunnel, control, welcome, grant: granted.grant };
    let is_an_actors = request.actor.is_some() || matches!(entrance.from, Source::Parent(_));
    let (agent, key) = (entrance.agent.clone(), Arc::clone(&entrance.key));
    let (keeper, link) = Keeper::new(entrance, reached, application.console.clone(), board.clone());
    let giver = Giver { agent, key, resource: request.target.resource.clone(), granted: keeper.granted() };
    Ok(Opened {
        resource: granted.resource,
        client,
        expires_at,
        link,
        is_an_actors,
        giver,
        keeper: Some(keeper),
        listener,
        board,
        _door: door,
        _folder: folder,
    })
}

/// What is said where the log was not shown to be what it was: whoever changed it may be who does not answer.
fn unlooked(report: &ErrorReport) -> String {
    match report.exit {
        Exit::VerificationFailed => report.message.clone(),
        _ => format!("whether the log is what it was could not be seen: {}", report.message),
    }
}

/// A grant, and where somebody must approve first, once they have.
async fn granted(
    application: &Application,
    api: &ControlApi,
    holder: &Holder,
    request: &Request,
    wanted: &GrantRequest,
) -> Outcome<GrantResponse> {
    match grant(application, api, holder, wanted, &request.local).await {
        Err(report) if report.code == approval::NEEDED => {
            approval::obtain(application, api, holder, request, report).await?;
            grant(application, api, holder, wanted, &request.local).await
        }
        granted => granted,
    }
}

async fn grant(
    application: &Application,
    api: &ControlApi,
    holder: &Holder,
    wanted: &GrantRequest,
    local: &LocalWish,
) -> Outcome<GrantResponse> {
    let sign_in = application.signed_in(holder).await?;
    // A command's standard error is its own: of us it shows problems only.
    let quiet = *local == LocalWish::Private || application.console.is_for_programs();
    let waiting = (!quiet).then(|| application.console.wait_for(&format!("Opening {}", wanted.resource)));
    let mut granted = api.grant(sign_in.id_token.reveal(), wanted).await;
    drop(waiting);
    if let Err(report) = &granted
        && let Some(demands) = &report.step_up
    {
        if !quiet {
            application.console.say(&report.message);
        }
        if let Some(stronger) = application.step_up(holder, demands).await? {
            granted = api.grant(stronger.id_token.reveal(), wanted).await;
        }
    }
    match granted {
        Err(report) if report.exit == Exit::NotFound => {
            Err(with_suggestion(application, report, &wanted.resource))
        }
        other => other,
    }
}

/// A name that was seen before and is spelt nearly so.
fn with_suggestion(application: &Application, mut report: ErrorReport, name: &str) -> ErrorReport {
    if let Some(near) = Seen::load(&application.paths).nearest(name).filter(|near| *near != name) {
        report.help.insert(0, format!("connect open {near}"));
    }
    report
}
