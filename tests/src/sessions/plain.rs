//! A session followed statement by statement, as the server's answers come.

use std::collections::VecDeque;

use connect_core::{
    catalog::{Catalog, fixture::Version},
    session::{Reading, ServerState, Session},
    understand::{Limits, understand_one},
};

use super::{
    Score, observe, read,
    script::{Message, Statements},
    sequence,
    talk::{self, Heard, Talk},
};
use crate::postgres::ADMINISTRATOR;

/// Whether the server's reports of its search path are listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    Heard,
    Ignored,
}

/// Runs a sequence and compares after every message.
///
/// # Panics
/// The session is wrong.
#[must_use]
pub fn run(
    port: u16,
    database: &str,
    server: Version,
    seed: u64,
    statements: Statements,
    reports: Reports,
) -> Score {
    super::reset(port, database);
    let mut beside = Talk::connect(port, ADMINISTRATOR, database, &[]);
    let mut catalog = read::catalog(&mut beside, server, 1);
    let startup: &[(&str, &str)] = match seed % 3 {
        0 => &[("search_path", "b, \"$user\", a")],
        _ => &[],
    };
    let mut talk = Talk::connect(port, ADMINISTRATOR, database, startup);
    let named: Vec<_> =
        startup.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut follow = Follow { session: Session::begin(&catalog, &named), score: Score::default(), reports };
    let mut history = format!("seed {seed}\n");
    for message in sequence(seed, statements) {
        history.push_str(&format!("{message:?}\n"));
        talk.send(&talk::bytes(&message));
        let heard = talk.until_ready(message.groups().len());
        let state = follow.take(&message, heard, &catalog);
        if state == ServerState::Failed {
            continue;
        }
        let truth = observe::ask(&mut talk);
        follow.score.add(observe::compare(&truth, &follow.session, &catalog, &history));
        if state == ServerState::Idle && history.len() % 5 == 0 {
            catalog = read::catalog(&mut beside, server, catalog.version + 1);
            follow.session.settle(&catalog, Reading::AfterLastCommit);
            let history = format!("{history}(settled)\n");
            follow.score.add(observe::compare(&truth, &follow.session, &catalog, &history));
        }
    }
    follow.score.disagreements = follow.session.disagreements;
    follow.score
}

struct Follow {
    session: Session,
    score: Score,
    reports: Reports,
}

impl Follow {
    /// Takes the answers to a message.
    fn take(&mut self, message: &Message, heard: Vec<Heard>, catalog: &Catalog) -> ServerState {
        let mut groups = message.groups().iter();
        let mut waiting: VecDeque<&String> = groups.next().into_iter().flatten().collect();
        let mut state = ServerState::Idle;
        for heard in heard {
            match heard {
                Heard::Complete => {
                    let sql = waiting.pop_front().expect("a statement was sent");
                    self.succeeded(sql, catalog);
                }
                Heard::Error(_) => {
                    waiting.clear();
                    self.session.failed(catalog);
                }
                Heard::Report(name, value) if self.reports == Reports::Heard => {
                    self.session.reported(&name, &value);
                }
                Heard::Ready(status) => {
                    state = match status {
                        b'I' => ServerState::Idle,
                        b'T' => ServerState::InTransaction,
                        _ => ServerState::Failed,
                    };
                    self.session.ready(state, catalog);
                    waiting = groups.next().into_iter().flatten().collect();
                }
                _ => {}
            }
        }
        state
    }

    fn succeeded(&mut self, sql: &str, catalog: &Catalog) {
        self.score.taken += 1;
        let statement = understand_one(sql.as_bytes(), 0, catalog, &self.session, &Limits::default());
        let statement = statement.unwrap_or_else(|| panic!("the server takes it and we do not: {sql}"));
        self.session.apply(&statement.change, catalog);
    }
}
