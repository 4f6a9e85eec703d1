//! Lineage against the servers that know it: PostgreSQL's own analyser, its recorded dependencies, its row
//! descriptions, what it answers when data change; and against a set of reasoned answers.

mod differential;
mod generated;
mod oracle;
mod perturbation;
mod server;
mod sessions;
mod validity;
