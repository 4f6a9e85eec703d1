//! `connect open`: a session for as long as somebody holds it.

use std::ffi::OsString;

use connect_shared::{
    api::ResourceInfo,
    error::{ErrorReport, Exit},
    grant::Action,
};

use super::{exec, glass};
use crate::{
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
    identity::Holder,
    listen::{LocalAddress, PortWish},
    session::{
        self, Held, LocalWish, Opened, Parent, Patience, Request, SessionInfo, Signals, Target, Until, left,
        resolve, status_of,
    },
    settings::Key,
};

pub(super) async fn run(application: &Application, wish: &arguments::Open) -> Outcome<Ending> {
    if wish.detached {
        return in_background(application, wish).await;
    }
    let request = request(application, wish).await?;
    let glass = glass::wished(wish.break_glass, wish.reason.as_ref());
    glass::broken(application, &request, glass).await?;
    if wish.detach {
        Parent::refuses("a session in the background would outlive it")?;
        let holder = application.holder(&request.target.agent)?;
        return detach(application, wish, &request, &holder).await;
    }
    if !wish.command.is_empty() {
        return exec::with_session(application, &request, &wish.command).await;
    }
    let opened = exec::open(application, &request).await.map_err(|report| both_readings(wish, report))?;
    announce(application, &opened);
    hold(application, opened).await
}

/// A first word that is no resource was perhaps meant as a command.
fn both_readings(wish: &arguments::Open, mut report: ErrorReport) -> ErrorReport {
    if let (true, Exit::NotFound, Some(name)) = (wish.as_first_word, report.exit, &wish.resource) {
        report.message = format!("there is no command `{name}`, and {}", report.message);
        report.help.push("connect --help".to_owned());
    }
    report
}

/// What the options and settings ask for.
async fn request(application: &Application, wish: &arguments::Open) -> Outcome<Request> {
    let target = target(application, wish.resource.as_deref()).await?;
    Ok(Request {
        target,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: None,
        run: None,
        task: None,
        local: match &wish.socket {
            Some(path) => LocalWish::Socket(path.clone()),
            None => LocalWish::Port(port(application, wish.port)?),
        },
        patience: Patience::wished(wish.no_wait),
        how_long: wish.how_long,
    })
}

/// The resource that is meant: named, or the project's.
pub(super) async fn target(application: &Application, named: Option<&str>) -> Outcome<Target> {
    let name = named.or_else(|| application.settings.value(Key::Resource)).ok_or_else(|| {
        failure::usage("which resource? name one, or set `resource` in .connect.toml").help("connect ls")
    })?;
    resolve(application, name).await
}

pub(super) fn actions(read_only: bool) -> Vec<Action> {
    if read_only { vec![Action::Read] } else { Vec::new() }
}

fn port(application: &Application, flag: Option<PortWish>) -> Outcome<Option<PortWish>> {
    if flag.is_some() { Ok(flag) } else { application.settings.word(Key::Port) }
}

async fn hold(application: &Application, opened: Opened) -> Outcome<Ending> {
    let mut signals = Signals::catch()?;
    let until: Until<'_, std::future::Pending<()>> = Until::Asked(&mut signals);
    match opened.hold(&application.console, until).await {
        Held::Signal(signal) => Ok(Ending::Status(status_of(signal))),
        Held::Reached | Held::Closed => Ok(Ending::Done),
        Held::Ended(report) => Err(report),
    }
}

fn announce(application: &Application, opened: &Opened) {
    let console = &application.console;
    let address = opened.address();
    let name = &opened.resource.name;
    let facts = facts(&opened.resource, opened.expires_at);
    console.say_of(name, &format!("is ready on {address} · {facts}"));
    let program = opened.resource.engine.client_program();
    let paste = format!("  {program} \"$(connect url {name})\"");
    match address {
        LocalAddress::Port(port) => {
            console.say(&format!("{paste}     GUI: host 127.0.0.1 · port {port} · any user · no password"))
        }
        LocalAddress::Socket(_) => console.say(&paste),
    }
    console.say("Ctrl-C to close.");
}

/// `PostgreSQL 16 · read-only · 3 columns masked · until 16:40 UTC`
fn facts(resource: &ResourceInfo, expires_at: u64) -> String {
    let mut facts = vec![match &resource.server_version {
        Some(version) => format!("{} {version}", resource.engine.display_name()),
        None => resource.engine.display_name().to_owned(),
    }];
    if !resource.actions.contains(&Action::Write) {
        facts.push("read-only".to_owned());
    }
    match resource.masked_columns {
        None | Some(0) => {}
        Some(1) => facts.push("1 column masked".to_owned()),
        Some(count) => facts.push(format!("{count} columns masked")),
    }
    facts.push(format!("until {}, then renewed", clock(expires_at)));
    facts.join(" · ")
}

/// The time of day.
pub(in crate::command) fn clock(seconds: u64) -> String {
    let moment =
        i64::try_from(seconds).ok().and_then(|at| time::OffsetDateTime::from_unix_timestamp(at).ok());
    moment.map_or_else(String::new, |at| format!("{:02}:{:02} UTC", at.hour(), at.minute()))
}

async fn detach(
    application: &Application,
    wish: &arguments::Open,
    request: &Request,
    holder: &Holder,
) -> Outcome<Ending> {
    let sign_in = application.signed_in(holder).await?;
    let name = request.target.full_name();
    let words = background_words(wish, &name);
    let infos = session::detach(application, words, &name, sign_in, serde_json::Value::Null).await?;
    let info = infos.into_iter().next();
    let info =
        info.ok_or_else(|| failure::unexpected("the session in the background says nothing of itself"))?;
    let place = info.address.clone().unwrap_or_default();
    application.console.say(&format!("{} is open on {place} in the background", info.resource));
    application.console.say(&format!("  connect close {}", info.resource));
    Ok(Ending::Done)
}

fn background_words(wish: &arguments::Open, name: &str) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--no-input".into(), "open".into(), "--detached".into()];
    if let Some(port) = wish.port {
        words.push(match port {
            PortWish::Auto => "--port=auto".into(),
            PortWish::Number(port) => format!("--port={port}").into(),
        });
    }
    if let Some(path) = &wish.socket {
        words.extend(["--socket".into(), path.clone().into_os_string()]);
    }
    if let Some(reason) = &wish.reason {
        words.push(format!("--reason={reason}").into());
    }
    if wish.read_only {
        words.push("--read-only".into());
    }
    if let Some(how_long) = wish.how_long {
        words.push(format!("--for={how_long}").into());
    }
    // Nobody sees what is waited for in the background.
    words.push("--no-wait".into());
    words.push(name.into());
    words
}

async fn in_background(application: &Application, wish: &arguments::Open) -> Outcome<Ending> {
    let opened = async {
        let (sign_in, ()) = session::receive_handover()?;
        let request = request(application, wish).await?;
        let holder = application.holder(&request.target.agent)?;
        holder.borrow(sign_in).await;
        session::open(application, &request, holder).await
    };
    match opened.await {
        Ok(opened) => {
            if !session::report_ready(vec![opened.info()]) {
                // Whoever wanted it is gone, and nobody knows of it.
                drop(opened);
                let words = "whoever opened it did not wait for it";
                return Err(ErrorReport::new("session_ended", Exit::SessionEnded, words));
            }
            let (paths, info) = (&application.paths, opened.info());
            left::opened(paths, &info);
            let held = hold(application, opened).await;
            match &held {
                Ok(_) => left::closed(paths, &info),
                // Nobody hears of it here: `connect status` tells it.
                Err(report) => left::ended(paths, &info, report),
            }
            held
        }
        Err(report) => {
            session::report_failure(&report);
            Err(report)
        }
    }
}

/// A session for a program.
pub(super) fn object(info: &SessionInfo) -> serde_json::Value {
    let mut object = serde_json::to_value(info).unwrap_or_default();
    if let (Some(fields), Some(client)) = (object.as_object_mut(), &info.client) {
        fields.insert("url".into(), client.url().into());
    }
    object
}

#[cfg(test)]
mod tests {
    use connect_shared::engine::Engine;

    use super::*;

    fn resource(actions: Vec<Action>, masked: Option<u64>) -> ResourceInfo {
        ResourceInfo {
            name: "prod-db".into(),
            engine: Engine::PostgreSql,
            server_version: Some("16".into()),
            database: "shop".into(),
            class: "production".into(),
            actions,
            on_request: Vec::new(),
            approvers: Vec::new(),
            masked_columns: masked,
        }
    }

    #[test]
    fn a_first_word_that_is_no_resource_is_answered_for_both_readings() {
        let report = failure::not_found("no_such_resource", "there is no resource `bogus` at this agent");
        let report = report.help("connect ls");
        let arguments = clap::Parser::try_parse_from(["connect", "open", "bogus"]);
        let arguments: arguments::Arguments = arguments.expect("understood");
        let arguments::Command::Open(mut wish) = arguments.command else { panic!("not open") };
        assert_eq!(both_readings(&wish, report.clone()), report, "who says open means a resource");
        wish.as_first_word = true;
        insta::assert_snapshot!(failure::for_people(&both_readings(&wish, report), "error:"), @r"
        error: there is no command `bogus`, and there is no resource `bogus` at this agent
          next: connect ls
          next: connect --help
        ");
    }

    #[test]
    fn the_facts_say_what_one_gets_and_until_when() {
        let until = 1_700_000_400;
        assert_eq!(
            facts(&resource(vec![Action::Read], Some(3)), until),
            "PostgreSQL 16 · read-only · 3 columns masked · until 22:20 UTC, then renewed"
        );
        assert_eq!(
            facts(&resource(vec![Action::Read, Action::Write], None), until),
            "PostgreSQL 16 · until 22:20 UTC, then renewed"
        );
    }
}
