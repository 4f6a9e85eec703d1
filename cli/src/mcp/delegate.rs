//! A part of an AI agent's grant for a sub-agent: for as long and as much as it says, and never more than it has.
//! The sub-agent's program is started with the socket where the part is, and is told nothing else.

use std::path::PathBuf;

use super::{
    actor::Who,
    answer::Answer,
    ended::Stopped,
    sessions::{Sessions, Stop},
    tools::Delegate,
};
use crate::{failure, session::Terms};

/// Parts of one session at once.
const MOST_PARTS: usize = 16;
/// For how long unless it is said, and at most, in minutes.
const USUAL_MINUTES: u64 = 15;
pub(super) const MOST_MINUTES: u64 = 24 * 60;

pub(super) async fn run(sessions: &Sessions, wish: Delegate, who: &Who) -> Result<Answer, Stopped> {
    let minutes = wish.minutes.unwrap_or(USUAL_MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Stopped::Arguments(format!("minutes are from 1 to {MOST_MINUTES}")));
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if wish.name.is_empty() || wish.name.len() > 64 || !wish.name.bytes().all(letter) {
        return Err(Stopped::Arguments("`name` is 1 to 64 letters, digits, `-`, `_`, `.` or `/`".to_owned()));
    }
    let until = crate::identity::now().saturating_add(minutes * 60);
    let terms = Terms {
        actor: Some(wish.name.clone()),
        tables: wish.tables,
        budget: wish.budget.unwrap_or_default(),
        until: Some(until),
    };
    let socket = sessions.part(&wish.resource, who, terms, until).await?;
    let socket = socket.display().to_string();
    let words = format!(
        "A part of what you may do is there for {}. Start its program with one of the commands; what it does \
         counts against your budget too, and ends when you do.",
        wish.name
    );
    Ok(Answer::new("done", words)
        .by(who)
        .fact("sub_agent", wish.name.as_str())
        .fact("parent", socket.as_str())
        .fact("until", until)
        .fact("exec", format!("connect exec {} --parent {socket} -- COMMAND", wish.resource))
        .fact("mcp", format!("connect mcp serve --resource {} --parent {socket}", wish.resource)))
}

impl Sessions {
    /// The socket where a part of a session is.
    async fn part(&self, resource: &str, who: &Who, terms: Terms, until: u64) -> Result<PathBuf, Stop> {
        // It is open from here on.
        self.client(resource, who).await?;
        let target = self.target(resource).await?;
        let mut all = self.open.lock().await;
        let gone = || Stop::Failed(failure::local("connection_lost", "the session ended"));
        let open = all.get_mut(&(target.full_name(), who.clone())).ok_or_else(gone)?;
        let now = crate::identity::now();
        open.parts.retain(|(until, _)| *until > now);
        if open.parts.len() >= MOST_PARTS {
            let words = format!("no more than {MOST_PARTS} parts of a grant are handed on at once");
            return Err(failure::local("too_many_parts", words).into());
        }
        let parts = open.giver.clone().serve(&self.application.paths, terms)?;
        let path = parts.path().to_owned();
        open.parts.push((until, parts));
        Ok(path)
    }
}
