//! Whatever is composed from protected columns, no byte that the client receives depends on their values,
//! but for their masks.

//!
//! Three proofs: [`composed`] looks for clear values in all bytes, [`masked_copy`] compares answers with those
//! over a database that holds the masks, [`guesses`] changes the values under the same statements.

mod composed;
mod guesses;
mod masked_copy;

use connect_tests::{
    attack::Attack,
    wire::{Answer, Mode, Wire},
};

/// Of the dice that compose attacks.
const SEED: u64 = 1;

/// How many attacks there are: many more in the long tests.
fn many(usual: usize) -> usize {
    if std::env::var_os("CONNECT_TESTS_FULL").is_some() { usual * 15 } else { usual }
}

/// Somebody who tries one attack after the other, with a new connection now and then.
struct Attacker {
    port: u16,
    user: &'static str,
    database: String,
    wire: Wire,
    tried: usize,
}

impl Attacker {
    fn new(port: u16, user: &'static str, database: &str) -> Self {
        let wire = Wire::open(port, user, database).expect("a connection");
        Self { port, user, database: database.to_owned(), wire, tried: 0 }
    }

    /// Through the agent, as somebody who may do the most.
    fn protected(port: u16) -> Self {
        Self::new(port, "anybody", "shop")
    }

    fn renew(&mut self) {
        self.wire = Wire::open(self.port, self.user, &self.database).expect("a connection");
    }

    /// Every answer, each step after the other. The connection is outside any transaction afterwards.
    fn try_all(&mut self, mode: Mode, attack: &Attack) -> Vec<Answer> {
        self.tried += 1;
        if self.tried.is_multiple_of(50) {
            self.renew();
        }
        let mut answers = Vec::new();
        for step in &attack.steps {
            answers.push(self.wire.ask(mode, step));
            if answers.last().is_some_and(|answer| answer.lost.is_some()) {
                self.renew();
                return answers;
            }
        }
        if answers.last().is_some_and(Answer::in_transaction) {
            answers.push(self.wire.ask(Mode::Simple, "ROLLBACK"));
        }
        answers
    }
}
