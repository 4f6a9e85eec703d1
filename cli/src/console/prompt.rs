//! Questions on a terminal.

use std::io::{self, BufRead as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Longest answer that is taken.
const MAX_ANSWER: usize = 4096;

/// One typed line, without its end.
pub(super) fn line(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    write!(err, "{question} ").ok()?;
    err.flush().ok()?;
    read_line()
}

/// One typed line that the terminal does not show.
pub(super) fn secret(question: &str) -> Option<String> {
    let hidden = Hidden::start()?;
    let answer = line(question);
    drop(hidden);
    let _closed = writeln!(io::stderr());
    answer
}

fn read_line() -> Option<String> {
    let mut answer = String::new();
    let read = io::Read::take(io::stdin().lock(), MAX_ANSWER as u64).read_line(&mut answer).ok()?;
    (read > 0).then(|| answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Echo is off while it lives.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn start() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).ok()?;
        Some(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _terminal_gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
