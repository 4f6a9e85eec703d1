//! Something between the agent and its database that passes everything on, until a statement names a turn: from there on
//! the database says what the turn has, and nothing else.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use crate::process::PATIENCE;

/// What becomes of a connection in which a statement names it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Stands in the statement.
    pub name: &'static str,
    pub says: Vec<u8>,
    /// Whether that is all; else it waits for the agent to leave.
    pub goes: bool,
}

/// Lives as long as the test's process.
pub struct Turncoat {
    port: u16,
    heard: Receiver<Vec<u8>>,
}

impl Turncoat {
    /// In front of a database that is reached without TLS.
    ///
    /// # Panics
    /// There is no free port.
    #[must_use]
    pub fn before(target: u16, turns: Vec<Turn>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let (told, heard) = mpsc::channel();
        thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (turns, told) = (turns.clone(), told.clone());
                thread::spawn(move || play(agent, server, &turns, &told));
            }
        });
        Self { port, heard }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the agent has left a connection that has turned: what it still said there.
    ///
    /// # Panics
    /// It stays.
    #[must_use]
    pub fn left(&self) -> Vec<u8> {
        self.heard.recv_timeout(PATIENCE).expect("the agent lets go of a server that broke the protocol")
    }
}

/// Passes on until a turn; gives up when either end is gone.
fn play(mut agent: TcpStream, mut server: TcpStream, turns: &[Turn], told: &Sender<Vec<u8>>) {
    let turned = Arc::new(AtomicBool::new(false));
    let (Ok(to_agent), Ok(from_server)) = (agent.try_clone(), server.try_clone()) else { return };
    let answers = thread::spawn({
        let turned = Arc::clone(&turned);
        move || pass_answers(from_server, to_agent, &turned)
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut heard = Heard::default();
    while let Ok(length @ 1..) = agent.read(&mut buffer) {
        let said = &buffer[..length];
        if let Some(turn) = heard.turn(said, turns) {
            turned.store(true, SeqCst);
            let _gone = server.shutdown(Shutdown::Both);
            let _answers_are_over = answers.join();
            let _agent_may_be_gone = told.send(after(turn, agent));
            return;
        }
        if server.write_all(said).is_err() {
            break;
        }
    }
    let _gone = server.shutdown(Shutdown::Both);
}

/// What the server says reaches the agent, and so does its end, unless it has turned.
fn pass_answers(mut from: TcpStream, mut to: TcpStream, turned: &AtomicBool) {
    let _either_end = io::copy(&mut from, &mut to);
    if !turned.load(SeqCst) {
        let _gone = to.shutdown(Shutdown::Both);
    }
}

/// What the agent says after a turn, until it leaves.
fn after(turn: &Turn, mut agent: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    if agent.write_all(&turn.says).is_err() {
        return heard;
    }
    if turn.goes {
        let _gone = agent.shutdown(Shutdown::Write);
    }
    let _reset_or_not = agent.read_to_end(&mut heard);
    heard
}

/// The end of what the agent has said, as much of it as a name can have begun in: a statement need not come in one piece.
#[derive(Default)]
struct Heard(Vec<u8>);

impl Heard {
    /// The first turn whose name this is the end of, or has in it.
    fn turn<'t>(&mut self, said: &[u8], turns: &'t [Turn]) -> Option<&'t Turn> {
        self.0.extend_from_slice(said);
        let found = turns.iter().find(|turn| speaks_of(&self.0, turn.name));
        let longest = turns.iter().map(|turn| turn.name.len()).max().unwrap_or(0);
        let past = self.0.len().saturating_sub(longest.saturating_sub(1));
        self.0.drain(..past);
        found
    }
}

fn speaks_of(said: &[u8], name: &str) -> bool {
    said.windows(name.len()).any(|part| part == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_heard_however_its_bytes_come() {
        let turn = |name| Turn { name, says: Vec::new(), goes: true };
        let turns = [turn("long_name"), turn("short")];
        let statement = b"SELECT 1 AS long_name";
        for cut in 1..statement.len() {
            let mut heard = Heard::default();
            assert!(heard.turn(&statement[..cut], &turns).is_none(), "{cut}");
            assert_eq!(
                heard.turn(&statement[cut..], &turns).map(|turn| turn.name),
                Some("long_name"),
                "{cut}"
            );
        }
        let mut heard = Heard::default();
        let bytes = statement.iter().map(|byte| heard.turn(&[*byte], &turns).is_some());
        assert_eq!(bytes.filter(|found| *found).count(), 1);
        assert!(heard.turn(b"sho", &turns).is_none() && heard.turn(b"r t", &turns).is_none());
        assert!(heard.turn(b"", &[]).is_none());
    }
}
