//! Sessions against tables of what PostgreSQL does.

mod names;
mod paths;
mod relations;
mod reports;
mod temporary;
mod transactions;
mod unknown;
mod world;
