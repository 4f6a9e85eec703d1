//! PostgreSQL, frontend/backend protocol 3.
//!
//! Read in the order of a query: [`frame`] cuts bytes into messages, [`startup`] and [`message`] read
//! them, [`connection`] is the machine, [`scrub`] and [`answer`] make what the client sees. [`login`] is
//! the agent's own way into the server.
//!
//! Source of every layout: <https://www.postgresql.org/docs/current/protocol-message-formats.html>

pub mod answer;
pub mod connection;
pub mod description;
pub mod frame;
pub mod login;
pub mod message;
pub mod question;
mod reader;
pub mod scrub;
pub mod startup;
pub mod tag;
pub mod values;
