//! `connect request`, `requests`, `approve`, `reject`: one family for access and for held statements.

mod page;

use connect_shared::{
    api::{AccessWish, AnyValues, RequestInfo, VerdictWish},
    error::{ErrorReport, Exit},
    ids::RequestId,
    request::{RequestKind, RequestState},
};

use super::open::{actions, clock, target};
use crate::{
    agents::Agent,
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    certificate::ClientKey,
    console::Rows,
    failure::{self, Outcome},
    identity::Holder,
    session::{self, short},
};

/// Shortest beginning of an id that is taken: `req_` and three characters.
const SHORTEST: usize = 7;

/// One agent with whoever is signed in there.
struct Desk {
    api: ControlApi,
    holder: Holder,
}

impl Desk {
    fn at(application: &Application, agent: &Agent) -> Outcome<Self> {
        let api = ControlApi::new(agent, Some(&ClientKey::generate()?))?;
        Ok(Self { api, holder: application.holder(agent)? })
    }

    async fn requests(&self, application: &Application) -> Outcome<Vec<RequestInfo>> {
        let sign_in = application.signed_in(&self.holder).await?;
        Ok(self.api.requests(sign_in.id_token.reveal()).await?.requests)
    }
}

pub(super) async fn ask(application: &Application, wish: &arguments::Ask) -> Outcome<Ending> {
    let target = target(application, Some(&wish.resource)).await?.settled(application).await?;
    let desk = Desk::at(application, &target.agent)?;
    let access = AccessWish {
        resource: target.resource,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        seconds: wish.how_long.map(|how_long| how_long.0),
        unmask: wish.unmask.clone(),
        rules: wish.class.clone(),
        break_glass: false,
    };
    let sign_in = application.signed_in(&desk.holder).await?;
    let asked = desk.api.ask(sign_in.id_token.reveal(), &access).await?;
    let asked =
        if wish.wait { session::decided(application, &desk.api, &desk.holder, asked).await? } else { asked };
    let state = match asked.state {
        RequestState::Pending => format!("Asked {}", asked.approvers.join(", ")),
        state => format!("It is {}", state.as_str()),
    };
    let link = asked.link.as_deref().map(|link| format!(", or {}", failure::printable(link)));
    let link = link.unwrap_or_default();
    let id = asked.id;
    application.console.say(&format!("{state} ({}). See: connect requests {id}{link}", short(id)));
    application.console.document(&asked, || format!("{}\n", asked.id))?;
    Ok(Ending::Done)
}

pub(super) async fn list(application: &Application, wish: &arguments::Requests) -> Outcome<Ending> {
    if let Some(id) = &wish.id {
        let (_, info) = find(application, id).await?;
        application.console.document(&info, || page::page(&info))?;
        return Ok(Ending::Done);
    }
    let headings = ["REQUEST", "FOR", "RESOURCE", "BY", "STATE", "WHAT", "AGENT"];
    let mut rows = Rows::new("connect.requests/1", "requests", &headings);
    let agents = known(application)?;
    let mut failed = None;
    for agent in &agents {
        match Desk::at(application, agent)?.requests(application).await {
            Ok(requests) => {
                for info in requests {
                    rows.add(&info.id.to_string(), cells(&info, &agent.name), &info)?;
                }
            }
            // One agent that is away does not hide the others.
            Err(report) if agents.len() > 1 => failed = Some(away(application, agent, &report)),
            Err(report) => return Err(report),
        }
    }
    if rows.is_empty() {
        application.console.say("Nobody waits for anybody");
    }
    application.console.rows(&rows)?;
    Ok(failed.unwrap_or(Ending::Done))
}

fn away(application: &Application, agent: &Agent, report: &ErrorReport) -> Ending {
    application.console.warn(&format!("{}: {}", agent.name, report.message));
    Ending::Status(report.exit.code())
}

fn cells(info: &RequestInfo, agent: &str) -> Vec<String> {
    let state = match (info.to_decide, info.own) {
        (true, _) if info.kind == RequestKind::BreakGlass => "for you to review".to_owned(),
        (true, _) => "for you to decide".to_owned(),
        _ if info.kind == RequestKind::BreakGlass && info.state == RequestState::Pending => {
            "not reviewed".to_owned()
        }
        _ if info.state == RequestState::Approved && info.seconds.is_some() => {
            format!("approved until {}", clock(info.expires_at))
        }
        (false, true) if info.state == RequestState::Pending => "waits (yours)".to_owned(),
        _ => info.state.as_str().to_owned(),
    };
    let kind = match info.kind {
        RequestKind::Access => "access",
        RequestKind::Statement => "statement",
        RequestKind::Unmask => "unmask",
        RequestKind::Window => "class",
        RequestKind::BreakGlass => "broken glass",
    };
    vec![
        short(info.id),
        kind.to_owned(),
        info.resource.clone(),
        page::asker(info),
        state,
        page::headline(info),
        agent.to_owned(),
    ]
}

pub(super) async fn approve(application: &Application, wish: &arguments::Approve) -> Outcome<Ending> {
    let (desk, info) = find(application, &wish.id).await?;
    check_open(&info)?;
    let any_values = wish
        .template
        .then(|| AnyValues { seconds: wish.how_long.map(|how_long| how_long.0), uses: wish.uses });
    if !wish.yes {
        application.console.say(page::page(&info).trim_end());
        if let Some(any_values) = any_values {
            application.console.say(page::any_values(&info, any_values).trim_end());
        }
        confirm(application, &info)?;
    }
    let sign_in = application.signed_in(&desk.holder).await?;
    // What was shown is what is approved, whatever the agent holds by now.
    let verdict = VerdictWish::Approve { binding: info.binding.clone(), any_values };
    let decided = desk.api.decide(sign_in.id_token.reveal(), info.id, &verdict).await?;
    let how = decided
        .runs_left
        .map(|runs| format!(" with any values, up to {runs} runs, until {}", clock(decided.expires_at)));
    let how = how.unwrap_or_default();
    application.console.say(&format!("Approved {} of {}{how}", short(decided.id), page::asker(&decided)));
    application.console.document(&decided, String::new)?;
    Ok(Ending::Done)
}

fn confirm(application: &Application, info: &RequestInfo) -> Outcome<()> {
    match application.console.ask("Approve it? [y/N]") {
        Some(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        Some(_) => Err(failure::local("not_confirmed", "nothing was approved")),
        None => Err(failure::usage("nobody can be asked whether it is meant")
            .help(format!("connect requests {}", info.id))
            .help(format!("connect approve {} --yes", info.id))),
    }
}

pub(super) async fn reject(application: &Application, wish: &arguments::Reject) -> Outcome<Ending> {
    let (desk, info) = find(application, &wish.id).await?;
    check_open(&info)?;
    let verdict =
        if info.own { VerdictWish::Withdraw } else { VerdictWish::Reject { reason: wish.reason.clone() } };
    let sign_in = application.signed_in(&desk.holder).await?;
    let decided = desk.api.decide(sign_in.id_token.reveal(), info.id, &verdict).await?;
    let done = if info.own { "Took back" } else { "Rejected" };
    application.console.say(&format!("{done} {}", short(decided.id)));
    application.console.document(&decided, String::new)?;
    Ok(Ending::Done)
}

fn check_open(info: &RequestInfo) -> Outcome<()> {
    if info.state == RequestState::Pending {
        return Ok(());
    }
    let words = format!("the request {} is {} already", short(info.id), info.state.as_str());
    let report = ErrorReport::new("request_over", Exit::ApprovalNeeded, words).of_request(info.id);
    Err(report.help(format!("connect requests {}", info.id)))
}

fn known(application: &Application) -> Outcome<Vec<Agent>> {
    let agents: Vec<Agent> = application.agents()?.iter().cloned().collect();
    if agents.is_empty() { Err(crate::agents::none_known()) } else { Ok(agents) }
}

/// The request that an id, or its beginning, means. To look at it is an entry, if one may decide it.
async fn find(application: &Application, id: &str) -> Outcome<(Desk, RequestInfo)> {
    if let Ok(whole) = id.parse::<RequestId>() {
        return find_whole(application, whole).await;
    }
    let wanted = id.to_ascii_uppercase();
    let mut found = Vec::new();
    let mut silent = None;
    for agent in known(application)? {
        let desk = Desk::at(application, &agent)?;
        let all = match desk.requests(application).await {
            Err(report) if session::goes_on(&report) => {
                silent = Some(report);
                continue;
            }
            all => all?,
        };
        let meant =
            all.into_iter().filter(|info| info.id.to_string().to_ascii_uppercase().starts_with(&wanted));
        let meant: Vec<_> = meant.map(|info| info.id).collect();
        match meant.as_slice() {
            [] => {}
            [one] => found.push((desk, *one)),
            _ => return Err(ambiguous(id)),
        }
    }
    let (desk, one) = match (found.pop(), found.is_empty()) {
        (Some(_), _) if id.len() < SHORTEST => return Err(ambiguous(id)),
        (Some(only), true) => only,
        (Some(_), false) => return Err(ambiguous(id)),
        (None, _) => return Err(silent.unwrap_or_else(|| unknown(id))),
    };
    let sign_in = application.signed_in(&desk.holder).await?;
    let info = desk.api.request_of(sign_in.id_token.reveal(), one, 0).await?;
    Ok((desk, info))
}

/// By its whole id also one that is decided already, which no list of others has.
async fn find_whole(application: &Application, id: RequestId) -> Outcome<(Desk, RequestInfo)> {
    let mut silent = None;
    for agent in known(application)? {
        let desk = Desk::at(application, &agent)?;
        let sign_in = application.signed_in(&desk.holder).await?;
        match desk.api.request_of(sign_in.id_token.reveal(), id, 0).await {
            Ok(info) => return Ok((desk, info)),
            Err(report) if report.exit == Exit::NotFound => {}
            Err(report) if session::goes_on(&report) => silent = Some(report),
            Err(report) => return Err(report),
        }
    }
    Err(silent.unwrap_or_else(|| unknown(&id.to_string())))
}

fn unknown(id: &str) -> ErrorReport {
    let words = format!("there is no request `{}` of yours or for you", failure::printable(id));
    failure::not_found("no_such_request", words).help("connect requests")
}

fn ambiguous(id: &str) -> ErrorReport {
    failure::usage(format!("`{}` may mean several requests: write more of it", failure::printable(id)))
        .help("connect requests -o name")
}
