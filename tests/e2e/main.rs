//! End-to-end: real programs, real database, real identity provider, real browser.

mod analyze;
mod approvals;
mod attacks;
mod attempts;
mod crash;
mod demo;
mod denials;
mod drivers;
mod explain;
mod failures;
mod grants;
mod install;
mod interference;
mod introspection;
mod lifetimes;
mod lookups;
mod masked;
mod pgbench;
mod proofs;
mod psql;
mod readme;
mod secrets;
mod servers;
mod sign_in;
