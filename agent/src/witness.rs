//! Witnesses (<https://c2sp.org/tlog-witness>): whoever holds a log's key can write its history anew, but
//! not get a second history cosigned.
//!
//! [`serve`] is a witness for the logs of others, `connect-agent witness`; [`book`] what it remembers.
//! [`ask`] is the other side: this agent, asking its witnesses to cosign each checkpoint.

mod ask;
mod book;
mod serve;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    ask::Asker,
    serve::{WitnessArgs, run},
};
