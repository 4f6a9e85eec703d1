//! What is wrong with a configuration file, gathered until everything was looked at.

use std::{
    cell::RefCell,
    fmt, io,
    path::{Path, PathBuf},
};

/// Most problems that are kept: a file that is not ours at all need not be listed whole.
const MAX_PROBLEMS: usize = 200;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    /// Path of the key: `resource[1].tls`; empty for an error of syntax.
    pub key: String,
    /// What is wrong, why, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            key => write!(f, "line {}: `{key}`: {}", self.line, self.message),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration `{}` cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("the configuration `{}` has {}", path.display(), list(problems))]
    Invalid { path: PathBuf, problems: Vec<Problem> },
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, source: &io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: source.to_string() }
    }
}

fn list(problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 problem:".to_owned(),
        many => format!("{many} problems:"),
    };
    problems.iter().fold(count, |text, problem| format!("{text}\n  {problem}"))
}

/// Problems found so far, and the way from a byte to its line.
pub(super) struct Findings {
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    /// A broken file lacks keys that were only hidden by the break.
    broken: std::cell::Cell<bool>,
}

impl Findings {
    pub(super) fn new(text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            line_starts: std::iter::once(0).chain(starts).collect(),
            problems: RefCell::default(),
            broken: std::cell::Cell::new(false),
        }
    }

    /// The line, from 1, of a byte of the text.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    pub(super) fn syntax(&self, offset: usize, message: &str) {
        self.broken.set(true);
        self.push(self.line(offset), String::new(), message.replace('\n', "; "));
    }

    pub(super) fn wrong(&self, line: usize, key: String, message: String) {
        self.push(line, key, message);
    }

    pub(super) fn missing(&self, line: usize, key: String, message: String) {
        if !self.broken.get() {
            self.push(line, key, message);
        }
    }

    fn push(&self, line: usize, key: String, message: String) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS {
            problems.push(Problem { line, key, message });
        }
    }

    /// Everything found, in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}
