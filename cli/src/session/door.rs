//! A session's control socket: other processes of this person ask how it is, wait for it, or end it. One
//! JSON line each way.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    task::JoinHandle,
    time::timeout,
};

use super::board::{Board, SessionInfo};
use crate::{
    failure::Outcome,
    listen::{Listener, Local},
    paths::Paths,
    private,
};

/// Longest line that is read.
const MAX_LINE: u64 = 64 * 1024;
/// How long a visitor may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Visitors at once; those who wait stay long.
const MAX_VISITORS: usize = 32;

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    Status,
    /// Answered when the session is ready, or never will be.
    Ready,
    /// Answered when the session begins to end; the socket closes when it has ended.
    Close,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) ask: Question,
}

/// An open door; it closes with this value.
pub(crate) struct Door {
    serving: JoinHandle<()>,
    path: PathBuf,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
        // The aborted task would remove it, too, but may not get to it before the process ends.
        let _gone_already = std::fs::remove_file(&self.path);
    }
}

/// Sessions that this process has opened: one that serves an AI agent has several.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn socket_name(nth: u64) -> String {
    let process = std::process::id();
    if nth == 0 { format!("{process}.sock") } else { format!("{process}-{nth}.sock") }
}

/// Opens the door of a session.
pub(super) fn open(paths: &Paths, board: Board) -> Outcome<Door> {
    paths.runtime()?;
    let folder = paths.sessions();
    private::own_folder(&folder)?;
    let path = folder.join(socket_name(NEXT.fetch_add(1, Ordering::Relaxed)));
    let listener = Listener::unix(&path)?;
    let serving = tokio::spawn(async move { serve(&listener, &board).await });
    Ok(Door { serving, path })
}

async fn serve(listener: &Listener, board: &Board) {
    let mut room = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if room.len() < MAX_VISITORS => {
                if let Ok(visitor) = accepted {
                    let board = board.clone();
                    room.spawn(async move {
                        visitor.check().ok()?;
                        let Local::Unix(stream) = visitor else { return None };
                        answer(stream, &board).await
                    });
                }
            }
            Some(_) = room.join_next() => {}
        }
    }
}

async fn answer(mut stream: UnixStream, board: &Board) -> Option<()> {
    let ask = timeout(PATIENCE, read_line::<Ask>(&mut stream)).await.ok()??;
    let info = match ask.ask {
        Question::Status => board.now(),
        Question::Ready => board.settled().await,
        Question::Close => {
            board.request_close();
            board.now()
        }
    };
    write_line(&mut stream, &info).await?;
    if ask.ask == Question::Close {
        // The visitor waits for the end: that is the end of this process, or of the visitor.
        let _gone = stream.read(&mut [0; 1]).await;
    }
    Some(())
}

/// Asks one question at a control socket.
pub(super) async fn ask(stream: &mut UnixStream, question: Question) -> Option<SessionInfo> {
    write_line(stream, &Ask { ask: question }).await?;
    read_line(stream).await
}

pub(super) async fn read_line<T: for<'de> Deserialize<'de>>(stream: &mut UnixStream) -> Option<T> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

pub(super) async fn write_line(stream: &mut UnixStream, value: &impl Serialize) -> Option<()> {
    let mut line = serde_json::to_vec(value).ok()?;
    line.push(b'\n');
    stream.write_all(&line).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::board::Stage;

    async fn visit(door: &Door) -> UnixStream {
        UnixStream::connect(&door.path).await.expect("connected")
    }

    #[tokio::test]
    async fn a_visitor_learns_the_state_waits_for_ready_and_can_ask_for_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let board = Board::new("demo", "demo-db");
        let door = open(&paths, board.clone()).expect("open");
        let info = ask(&mut visit(&door).await, Question::Status).await.expect("an answer");
        assert_eq!((info.resource.as_str(), info.stage), ("demo-db", Stage::Opening));
        let mut waiting = visit(&door).await;
        let waiting = tokio::spawn(async move { ask(&mut waiting, Question::Ready).await });
        board.change(|info| info.stage = Stage::Ready);
        assert_eq!(waiting.await.expect("no panic").expect("an answer").stage, Stage::Ready);
        let mut closing = visit(&door).await;
        ask(&mut closing, Question::Close).await.expect("an answer");
        board.close_requested().await;
        drop(door);
        assert_eq!(closing.read(&mut [0; 1]).await.expect("ended"), 0);
    }

    #[tokio::test]
    async fn nonsense_is_not_answered() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let door = open(&paths, Board::new("demo", "demo-db")).expect("open");
        let mut stream = visit(&door).await;
        stream.write_all(b"{\"ask\":\"everything\"}\n").await.expect("sent");
        let mut heard = Vec::new();
        let _reset = stream.read_to_end(&mut heard).await;
        assert!(heard.is_empty());
    }
}
