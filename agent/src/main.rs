//! `connect-agent`: the only door to the databases behind it. The I/O shell around `connect-core`:
//! sockets, clocks, disks, keys.
//!
//! Read next: [`serve`] for how the parts are put together, [`tunnel`] for what a client reaches,
//! [`driver`] for the life of one database connection.

#![allow(
    unreachable_pub,
    reason = "nothing is reachable from outside of a binary; `pub` marks what a module offers to the others"
)]

mod analyze;
mod api;
mod audit;
mod budgets;
mod cancel;
mod catalog;
mod check;
mod command;
mod config;
mod console;
mod demo;
mod demo_query;
mod dev_idp;
mod driver;
mod exact;
mod export;
mod grants;
mod identity;
mod init;
mod jws;
mod keys;
mod labels;
mod lanes;
mod lineage;
mod listener;
mod log;
mod notify;
mod parking;
mod policy;
mod radius;
mod reconcile;
mod requests;
mod resource;
mod revocation;
mod serve;
mod shards;
mod sharing;
mod signals;
mod store;
mod tunnel;
mod upstream;
mod usage;
mod witness;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
