//! Questions on a terminal. Answers that cannot be used are asked for again; a secret is not shown.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Longest answer that is taken.
const MAX_ANSWER: u64 = 4096;

/// Whether somebody is there to answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    present: bool,
}

impl Asker {
    pub(super) fn new(refused: bool) -> Self {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { present: terminal && !refused && std::env::var_os("CI").is_none() }
    }

    #[cfg(test)]
    pub(super) const fn nobody() -> Self {
        Self { present: false }
    }

    pub(super) const fn may_ask(self) -> bool {
        self.present
    }

    /// A line that passes `check`, or the usual one. `None` at the end of the input.
    pub(super) fn line(
        self,
        question: &str,
        usual: Option<&str>,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Option<String> {
        loop {
            let hint = usual.map(|usual| format!(" [{usual}]")).unwrap_or_default();
            let typed = read(&format!("{question}{hint}: "))?;
            let answer = match (typed.trim(), usual) {
                ("", Some(usual)) => usual.to_owned(),
                (typed, _) => typed.to_owned(),
            };
            match check(&answer) {
                Ok(()) => return Some(answer),
                Err(why) => eprintln!("  {why}"),
            }
        }
    }

    /// A line that the terminal does not show.
    pub(super) fn secret(self, question: &str) -> Option<String> {
        let hidden = Hidden::start()?;
        // Said when the terminal hides it already: what is typed from now on is not shown.
        let answer = read(&format!("{question}, which is not shown:\n"));
        drop(hidden);
        answer.filter(|answer| !answer.is_empty())
    }
}

fn read(question: &str) -> Option<String> {
    let mut err = io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).ok()?;
    let mut answer = String::new();
    let read = io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).ok()?;
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
        // What was typed ahead answers the next question.
        let _terminal_gone = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}
