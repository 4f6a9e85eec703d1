//! The sessions of this person on this machine, found by their control sockets.

use std::{io, path::PathBuf, time::Duration};

use tokio::{io::AsyncReadExt as _, net::UnixStream, time::timeout};

pub(crate) use super::door::Question;
use super::{board::SessionInfo, door};
use crate::{
    failure::{self, Outcome},
    paths::Paths,
};

/// How long a session may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// More sessions than anybody has.
const MAX_SESSIONS: usize = 512;

/// All sessions, by resource. A socket that nobody answers on is left over from a process that was killed:
/// it is removed.
pub(crate) async fn list(paths: &Paths) -> Outcome<Vec<SessionInfo>> {
    let mut found = Vec::new();
    for path in sockets(paths)? {
        match UnixStream::connect(&path).await {
            Ok(mut stream) => {
                if let Ok(Some(info)) = timeout(PATIENCE, door::ask(&mut stream, Question::Status)).await {
                    found.push(info);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let _raced = std::fs::remove_file(&path);
            }
            Err(_) => {}
        }
    }
    found.sort_by(|one, two| (&one.resource, one.pid).cmp(&(&two.resource, two.pid)));
    Ok(found)
}

/// The sessions of a resource; `agent/resource` names one agent's, `group/resource` those of a group.
pub(crate) async fn find(paths: &Paths, name: &str) -> Outcome<Vec<SessionInfo>> {
    let is_meant = |info: &SessionInfo| {
        let doors = std::iter::once(info.agent.as_str()).chain(info.group.as_deref());
        info.resource == name
            || doors.into_iter().any(|door| name.split_once('/') == Some((door, &info.resource)))
    };
    Ok(list(paths).await?.into_iter().filter(is_meant).collect())
}

/// Asks a session. For [`Question::Close`] it returns when the session has ended.
pub(crate) async fn ask(paths: &Paths, session: &SessionInfo, question: Question) -> Outcome<SessionInfo> {
    let gone =
        || failure::not_found("session_gone", format!("the session of `{}` is gone", session.resource));
    let path = door_of(paths, session).await?.ok_or_else(gone)?;
    let mut stream = UnixStream::connect(path).await.map_err(|_| gone())?;
    let info = door::ask(&mut stream, question).await.ok_or_else(gone)?;
    if question == Question::Close {
        let _ended = stream.read(&mut [0; 1]).await;
    }
    Ok(info)
}

/// A process that serves an AI agent has several sessions, each with a door of its own.
async fn door_of(paths: &Paths, session: &SessionInfo) -> Outcome<Option<PathBuf>> {
    for path in sockets(paths)? {
        let Ok(mut stream) = UnixStream::connect(&path).await else { continue };
        let asked = timeout(PATIENCE, door::ask(&mut stream, Question::Status)).await;
        if let Ok(Some(info)) = asked
            && (info.pid, &info.resource, &info.agent) == (session.pid, &session.resource, &session.agent)
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn sockets(paths: &Paths) -> Outcome<Vec<PathBuf>> {
    let folder = paths.sessions();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failure::file("read", &folder, &error)),
    };
    let sockets = entries.flatten().map(|entry| entry.path());
    Ok(sockets
        .filter(|path| path.extension().is_some_and(|kind| kind == "sock"))
        .take(MAX_SESSIONS)
        .collect())
}
