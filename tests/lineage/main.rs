//! Lineage against the servers that know it: PostgreSQL's own analyser, its recorded dependencies, its row
//! descriptions.

mod oracle;
mod overload;
mod server;
