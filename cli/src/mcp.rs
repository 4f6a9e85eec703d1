//! The door for AI agents: the Model Context Protocol over standard input and output, or over HTTP ([`http`]).
//!
//! What an AI agent sends goes the way of every client: a local connection to a session of this process,
//! through the tunnel, to `connect-agent`, which decides, records and masks. Nothing here decides about a
//! statement, and nothing goes around that. The session's grant names the AI agent as the actor on behalf
//! of the person who is signed in, and an actor reads and no more.
//!
//! Of all of `connect` this alone is a database client: it needs rows, not bytes. What comes from the
//! database is given as data with a boundary that nobody can guess ([`answer`]), so that text in rows cannot
//! pose as instructions. Read next: [`server`] for the tools, [`sessions`] for sign-in and tunnels,
//! [`rows`] for the caps.

mod actor;
mod answer;
mod calls;
mod delegate;
mod describe;
mod ended;
mod http;
mod lineage;
mod meter;
mod people;
mod prompts;
mod resources;
mod rows;
mod server;
mod sessions;
mod statement;
mod task;
mod tools;

use rmcp::ServiceExt as _;

use self::{server::Server, sessions::Sessions};
use crate::{
    application::Application,
    arguments::McpServe,
    console::{Color, Console, Format, Input},
    failure::{self, Outcome},
    session::Parent,
};

/// The session that all of it is to be a part of.
fn parent(wish: &McpServe) -> Outcome<Option<Parent>> {
    let named = wish.parent.clone().map(Parent::at);
    let Some(parent) = named.or_else(Parent::around) else { return Ok(None) };
    if wish.resource.len() != 1 {
        return Err(failure::usage(
            "as a part of another session this takes one --resource: that of the session",
        ));
    }
    Ok(Some(parent))
}

/// Serves until the AI agent's program closes our standard input, or over HTTP until a signal comes.
pub(crate) async fn serve(application: &Application, wish: &McpServe) -> Outcome<()> {
    if wish.task.as_deref().is_some_and(|task| !task::is_sound(task)) {
        return Err(failure::usage(format!("--task takes {}", task::WORDS)));
    }
    let console = application.console.clone();
    let mut application = application.clone();
    // Standard output is the protocol's, and nobody is there to answer a question or to mind a browser.
    application.console = Console::new(Format::Table, Color::Never, Input::Refused);
    let said = (wish.reason.clone(), wish.task.clone());
    let sessions = Sessions::new(application, wish.resource.clone(), said, parent(wish)?);
    let server = Server::new(sessions.clone());
    if let Some(port) = wish.http {
        let served = http::serve(server, port, &console).await;
        sessions.close().await;
        return served;
    }
    let running = server.serve(rmcp::transport::stdio()).await;
    let running = running.map_err(|error| {
        failure::usage(format!("whoever started this does not speak the protocol: {error}"))
            .help("connect mcp config claude")
    })?;
    let ended = running.waiting().await;
    sessions.close().await;
    ended.map(|_| ()).map_err(|error| failure::unexpected(error.to_string()))
}
