//! `connect-agent analyze`, asked about a set of statements.

use std::{collections::HashMap, process::Command};

use crate::{
    answers::{
        Answer,
        score::{self, Said},
    },
    place, process,
};

/// What it says of each statement, by id; and its lines as they came.
#[derive(Debug, Default)]
pub struct Analysis {
    pub said: HashMap<String, Said>,
    pub lines: String,
}

/// Asks about statements over a database; nothing of them is executed.
///
/// # Panics
/// It fails, or leaves a question without an answer.
#[must_use]
pub fn analyze(url: &str, answers: &[Answer]) -> Analysis {
    let questions: Vec<String> = answers.iter().map(score::question).collect();
    let mut command = Command::new(place::built("connect-agent"));
    command.args(["analyze", "--database", url]);
    let lines = process::run_with(&mut command, &(questions.join("\n") + "\n"), process::PATIENCE).good();
    let said: HashMap<String, Said> = lines.lines().map(score::read_said).collect();
    for answer in answers {
        assert!(said.contains_key(&answer.id), "there is no answer to {}", answer.id);
    }
    Analysis { said, lines }
}

/// Its claims in the form of answers, so that they can be held against a server like those.
#[must_use]
pub fn as_claim(answer: &Answer, said: &Said) -> Answer {
    Answer { outputs: said.outputs.clone(), indirect: said.indirect.clone(), ..answer.clone() }
}
