//! `connect`: what a developer touches. Signs in, asks an agent for a short grant, and moves bytes
//! between local database clients and the agent's tunnel.
//!
//! It never parses SQL or a database protocol, and never sees a database's password. Read next:
//! [`arguments`] for what can be typed, [`session`] for how a resource becomes a local address,
//! [`relay`] for the bytes.

mod agents;
mod api;
mod application;
mod arguments;
mod audit;
mod certificate;
mod command;
mod complete;
mod console;
mod demo;
mod doctor;
mod failure;
mod identity;
mod keep;
mod listen;
mod mcp;
mod paths;
mod private;
mod program;
mod proxy;
mod relay;
mod session;
mod settings;
mod tunnel;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run(std::env::args_os().collect())
}
