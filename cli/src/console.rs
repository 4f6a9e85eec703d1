//! What a person or a program reads. Standard output is data; standard error is talk.

mod format;
mod progress;
mod prompt;
mod table;

use std::io::{self, IsTerminal as _, Write as _};

use connect_shared::error::ErrorReport;
use connect_shared::text::harmless_json;
use serde::Serialize;

pub(crate) use self::{
    format::{Color, Format},
    progress::Waiting,
    table::Rows,
};
use crate::failure::{self, Outcome};

/// How this run talks.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    pub(crate) format: Format,
    colored: bool,
    /// Standard error is a terminal that understands movement.
    live: bool,
    /// Questions may be asked.
    interactive: bool,
}

/// Whether questions may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Allowed,
    Refused,
}

impl Console {
    /// For this process's streams.
    pub(crate) fn new(format: Format, color: Color, input: Input) -> Self {
        let terminal = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let automation = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        Self {
            format,
            colored: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !dumb && !no_color,
            },
            live: terminal && !dumb,
            interactive: terminal && io::stdin().is_terminal() && input == Input::Allowed && !automation,
        }
    }

    /// Whether a question may be asked.
    pub(crate) const fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether a program reads what we write: then standard error has errors only.
    pub(crate) const fn is_for_programs(&self) -> bool {
        matches!(self.format, Format::Json | Format::JsonLines)
    }

    /// One line of talk. A program that reads our standard error as JSON is told errors only.
    pub(crate) fn say(&self, line: &str) {
        if self.is_for_programs() && !self.live {
            return;
        }
        let _closed = writeln!(io::stderr().lock(), "{}", failure::printable(line));
    }

    /// One line of talk that begins with its subject.
    pub(crate) fn say_of(&self, subject: &str, words: &str) {
        let subject = self.paint("1", &failure::printable(subject));
        let _closed = writeln!(io::stderr().lock(), "{subject} {}", failure::printable(words));
    }

    /// One line of talk that must not be missed.
    pub(crate) fn warn(&self, line: &str) {
        let mark = self.paint("33", "warning:");
        let _closed = writeln!(io::stderr().lock(), "{mark} {}", failure::printable(line));
    }

    /// A failure.
    pub(crate) fn fail(&self, report: &ErrorReport) {
        let text = match self.format {
            Format::Json | Format::JsonLines => format!("{}\n", failure::for_programs(report)),
            Format::Table | Format::Name => failure::for_people(report, self.paint("1;31", "error:")),
        };
        let _closed = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Something that takes time begins: a spinner on a terminal, else one line.
    pub(crate) fn wait_for(&self, what: &str) -> Waiting {
        Waiting::start(what, self.live)
    }

    /// The same where only a terminal is to hear of it.
    pub(crate) fn wait_quietly_for(&self, what: &str) -> Option<Waiting> {
        self.live.then(|| Waiting::start(what, true))
    }

    /// A bar for work of a known size, on a terminal only.
    pub(crate) fn measure(&self, what: &str) -> Waiting {
        Waiting::measure(what, self.live)
    }

    /// Text in the terminal's colour `code`.
    /// It must not pass [`failure::printable`] after that.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colored { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// One line of data.
    pub(crate) fn data(&self, line: &str) -> Outcome<()> {
        print(&format!("{line}\n"))
    }

    /// One document of data: its JSON, or what `people` makes of it.
    pub(crate) fn document(&self, document: &impl Serialize, people: impl FnOnce() -> String) -> Outcome<()> {
        match self.format {
            Format::Json => print(&format!("{}\n", pretty(document)?)),
            Format::JsonLines => print(&format!("{}\n", compact(document)?)),
            Format::Table | Format::Name => print(&people()),
        }
    }

    /// One object of data on a line of its own, whatever the format.
    pub(crate) fn object(&self, object: &impl Serialize) -> Outcome<()> {
        print(&format!("{}\n", compact(object)?))
    }

    /// Many things of one kind in any format.
    pub(crate) fn rows(&self, rows: &Rows) -> Outcome<()> {
        print(&rows.render(self.format)?)
    }

    /// Asks a question whose answer is typed visibly; `None` where none may be asked.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        self.interactive.then(|| prompt::line(question)).flatten()
    }

    /// Asks for something that is not shown; `None` where none may be asked.
    pub(crate) fn ask_secret(&self, question: &str) -> Option<String> {
        self.interactive.then(|| prompt::secret(question)).flatten()
    }
}

/// A reader that went away is how pipes end; that is no failure of ours.
fn print(text: &str) -> Outcome<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(failure::local("output", format!("cannot write the output: {}", failure::reason(&error))))
        }
        _ => Ok(()),
    }
}

fn pretty(document: &impl Serialize) -> Outcome<String> {
    let text = serde_json::to_string_pretty(document).map_err(|error| failure::unexpected(error.to_string()));
    text.map(harmless_json)
}

fn compact(document: &impl Serialize) -> Outcome<String> {
    let text = serde_json::to_string(document).map_err(|error| failure::unexpected(error.to_string()));
    text.map(harmless_json)
}
