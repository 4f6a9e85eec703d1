//! Attacks by composition: a source that reads protected columns, an expression that computes with one of
//! them, and a sink that carries the outcome somewhere. What is composed says nothing about what it should
//! give; the tests compare it with what may be seen.
//!
//! Read next: [`Composer`]; `source` and `expression` for the parts, `sink` for what is made of them;
//! [`vault`] for the tables.

mod expression;
mod sink;
mod source;
pub mod vault;

use crate::generate::dice::Dice;

/// What an expression gives, as far as the next one must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Text,
    /// Integers and numbers with decimals.
    Number,
    Date,
    Stamp,
    Bytes,
    Uuid,
    Network,
    Json,
    Array,
    Truth,
}

/// A protected column within a source's sight.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) sql: String,
    pub(crate) kind: Kind,
}

/// What stands in FROM.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// `WITH …` before the query, or nothing.
    pub(crate) with: String,
    pub(crate) from: String,
    /// Numbers that are unique in its rows, and are not protected.
    pub(crate) key: String,
    pub(crate) columns: Vec<Column>,
}

/// What a sink does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// One query, whose rows are the same each time but for their order.
    Rows,
    /// Anything else.
    Other,
}

/// One attack.
#[derive(Debug, Clone)]
pub struct Attack {
    /// Sent one after the other on one connection.
    pub steps: Vec<String>,
    pub effect: Effect,
    /// Its parts by name.
    pub sink: &'static str,
}

/// Composes attacks, led by dice.
pub struct Composer {
    dice: Dice,
}

impl Composer {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed) }
    }

    /// An attack whose outcome goes through any sink.
    pub fn attack(&mut self) -> Attack {
        let sinks = sink::ALL;
        let sink = self.dice.pick(sinks);
        self.through(sink)
    }

    /// A query.
    pub fn query(&mut self) -> Attack {
        let queries: Vec<_> = sink::ALL.iter().filter(|sink| sink.effect == Effect::Rows).collect();
        let sink = *self.dice.pick(&queries);
        self.through(sink)
    }

    /// A query whose outcome is whether a guess of the clear value is right, or what rows are alike: with
    /// masks it is the same whatever the values are.
    pub fn guess(&mut self) -> Attack {
        let source = source::any(&mut self.dice);
        let column = self.dice.pick(&source.columns).clone();
        let guess = expression::guess(&mut self.dice, &column);
        let sink = self.dice.pick(sink::GUESSES);
        Attack {
            steps: vec![sink.filled(&source, &column.sql, &guess)],
            effect: Effect::Rows,
            sink: sink.name,
        }
    }

    fn through(&mut self, sink: &sink::Sink) -> Attack {
        let source = source::any(&mut self.dice);
        let column = self.dice.pick(&source.columns).clone();
        let made = expression::of(&mut self.dice, &column, 2);
        let condition = expression::condition(&mut self.dice, &made);
        let filled = sink.filled(&source, &made.sql, &condition);
        let steps = filled.split(";;").map(|step| step.trim().to_owned()).collect();
        Attack { steps, effect: sink.effect, sink: sink.name }
    }
}
