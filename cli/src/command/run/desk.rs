//! Where a run in the background is asked to end: a control socket of its own. One line of JSON asks, lines of
//! JSON answer until the run has ended.

use std::path::PathBuf;

use connect_shared::{error::ErrorReport, ids::RunId};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    failure::{self, Outcome},
    listen::{Listener, Local},
    paths::Paths,
    private,
};

/// Longest line that is read.
const MAX_LINE: u64 = 256 * 1024;
/// How long a visitor may take to ask.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// News that wait for a visitor.
const MAX_NEWS: usize = 64;

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    /// Whether anybody is there.
    Open,
    /// To end, with this exit status.
    End(u8),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Open,
    Hashing {
        name: String,
        done: u64,
        total: u64,
    },
    /// It is over; of a run that failed there are no attestations.
    Ended {
        attestations: Vec<PathBuf>,
    },
    Refused(ErrorReport),
}

/// Somebody who wants the run to end, and hears how that goes.
pub(super) struct Visitor {
    pub(super) status: u8,
    pub(super) answers: mpsc::Sender<Answer>,
}

/// An open desk; it closes with this value.
pub(super) struct Desk {
    serving: JoinHandle<()>,
    visitors: mpsc::Receiver<Visitor>,
    path: PathBuf,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.serving.abort();
        let _gone_already = std::fs::remove_file(&self.path);
    }
}

impl Desk {
    pub(super) fn open(paths: &Paths, run: RunId) -> Outcome<Self> {
        paths.runtime()?;
        private::own_folder(&paths.run_desks())?;
        let path = place(paths, run);
        let listener = Listener::unix(&path)?;
        let (sender, visitors) = mpsc::channel(1);
        let serving = tokio::spawn(async move { serve(&listener, &sender).await });
        Ok(Self { serving, visitors, path })
    }

    /// The first who asks for the end.
    pub(super) async fn visitor(&mut self) -> Visitor {
        match self.visitors.recv().await {
            Some(visitor) => visitor,
            None => std::future::pending().await,
        }
    }
}

fn place(paths: &Paths, run: RunId) -> PathBuf {
    paths.run_desks().join(format!("{run}.sock"))
}

async fn serve(listener: &Listener, visitors: &mpsc::Sender<Visitor>) {
    let mut room = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if room.len() < MAX_NEWS => {
                if let Ok(visitor) = accepted {
                    let visitors = visitors.clone();
                    room.spawn(async move {
                        // Not a byte is taken from a program that is not this person's.
                        visitor.check().ok()?;
                        let Local::Unix(stream) = visitor else { return None };
                        answer(stream, &visitors).await
                    });
                }
            }
            Some(_) = room.join_next() => {}
        }
    }
}

async fn answer(stream: UnixStream, visitors: &mpsc::Sender<Visitor>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut bounded = (&mut stream).take(MAX_LINE);
    timeout(PATIENCE, bounded.read_line(&mut line)).await.ok()?.ok()?;
    let stream = stream.get_mut();
    match serde_json::from_str(&line).ok()? {
        Question::Open => write(stream, &Answer::Open).await,
        Question::End(status) => {
            let (answers, mut heard) = mpsc::channel(MAX_NEWS);
            // There is one end: whoever comes second waits for it, too, and hears that there is no more run.
            visitors.send(Visitor { status, answers }).await.ok()?;
            while let Some(news) = heard.recv().await {
                write(stream, &news).await?;
            }
            Some(())
        }
    }
}

async fn write(stream: &mut UnixStream, answer: &Answer) -> Option<()> {
    let mut line = serde_json::to_vec(answer).ok()?;
    line.push(b'\n');
    stream.write_all(&line).await.ok()
}

/// Whether the process that holds a run is there.
pub(super) async fn is_open(paths: &Paths, run: RunId) -> bool {
    let asked = async {
        let mut stream = ask(paths, run, Question::Open).await?;
        let mut line = String::new();
        (&mut stream).take(MAX_LINE).read_line(&mut line).await.ok()
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Some(read)) if read > 0)
}

async fn ask(paths: &Paths, run: RunId, question: Question) -> Option<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(place(paths, run)).await.ok()?;
    let mut line = serde_json::to_vec(&question).ok()?;
    line.push(b'\n');
    stream.write_all(&line).await.ok()?;
    Some(BufReader::new(stream))
}

/// Asks a run to end, and passes on how that goes. `None`: nobody is there, or whoever was is gone.
pub(super) async fn end(
    paths: &Paths,
    run: RunId,
    status: u8,
    mut news: impl FnMut(&str, u64, u64),
) -> Option<Outcome<Vec<PathBuf>>> {
    let mut stream = ask(paths, run, Question::End(status)).await?;
    loop {
        let mut line = String::new();
        (&mut stream).take(MAX_LINE).read_line(&mut line).await.ok()?;
        match serde_json::from_str(&line).ok()? {
            Answer::Open => {}
            Answer::Hashing { name, done, total } => news(&name, done, total),
            Answer::Ended { attestations } => return Some(Ok(attestations)),
            Answer::Refused(report) => return Some(Err(report)),
        }
    }
}

/// What a second visitor hears.
pub(super) fn over() -> ErrorReport {
    failure::not_found("no_run", "the run is being ended by somebody else").help("connect run ls")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_asks_for_the_end_hears_how_it_goes_and_nobody_is_there_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (paths, run) = (Paths::below(folder.path()), RunId::from_random([1; 16]));
        assert!(!is_open(&paths, run).await);
        let mut desk = Desk::open(&paths, run).expect("open");
        assert!(is_open(&paths, run).await);
        let visitor_paths = paths.clone();
        let visitor = tokio::spawn(async move {
            let mut heard = Vec::new();
            let ended =
                end(&visitor_paths, run, 3, |name, done, total| heard.push((name.to_owned(), done, total)));
            (ended.await, heard)
        });
        let asked = desk.visitor().await;
        assert_eq!(asked.status, 3);
        let hashing = Answer::Hashing { name: "model".into(), done: 1, total: 2 };
        asked.answers.send(hashing).await.expect("heard");
        asked.answers.send(Answer::Ended { attestations: vec!["x".into()] }).await.expect("heard");
        let (ended, heard) = visitor.await.expect("no panic");
        assert_eq!(ended.expect("an answer").expect("ended"), [PathBuf::from("x")]);
        assert_eq!(heard, [("model".to_owned(), 1, 2)]);
        drop(desk);
        assert!(!is_open(&paths, run).await);
        assert!(end(&paths, run, 0, |_, _, _| {}).await.is_none());
    }

    #[tokio::test]
    async fn nonsense_is_not_answered_and_who_leaves_without_an_answer_is_not_taken_for_an_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (paths, run) = (Paths::below(folder.path()), RunId::from_random([1; 16]));
        let mut desk = Desk::open(&paths, run).expect("open");
        let mut stream = UnixStream::connect(place(&paths, run)).await.expect("connected");
        stream.write_all(b"{\"end\":\"all\"}\n").await.expect("sent");
        let mut heard = Vec::new();
        let _reset = stream.read_to_end(&mut heard).await;
        assert!(heard.is_empty());
        let visitor_paths = paths.clone();
        let visitor = tokio::spawn(async move { end(&visitor_paths, run, 0, |_, _, _| {}).await });
        drop(desk.visitor().await);
        assert!(visitor.await.expect("no panic").is_none(), "it is not known how it ended");
    }
}
