//! Lineage against the servers that know it: PostgreSQL's own analyser, its recorded dependencies, its row
//! descriptions, what it answers when data change; and against a set of reasoned answers.

mod differential;
mod generated;
mod oracle;
mod overload;
mod perturbation;
mod recorded;
mod score;
mod server;
mod sessions;
mod tools;
mod validity;
