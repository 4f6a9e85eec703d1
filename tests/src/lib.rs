//! The harness: real programs on loopback, in temporary folders, ended by their process ids.
//!
//! A [`world::World`] is a PostgreSQL with TLS and people's data, a certified OpenID provider, and an
//! agent in front of the one with the other. A [`person::Person`] has a home folder, a browser and the
//! `connect` program. Nothing here waits by sleeping: processes are awaited by what they say or by their
//! end.

pub mod agent;
pub mod analyze;
pub mod answers;
pub mod attack;
pub mod canary;
pub mod collectors;
pub mod corpus;
pub mod differential;
pub mod excerpt;
pub mod faults;
pub mod fuzz;
pub mod generate;
pub mod idp;
pub mod imposter;
pub mod leaves;
pub mod middle;
pub mod oracle;
pub mod os_user;
pub mod person;
pub mod perturb;
pub mod place;
pub mod pooler;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod recorded;
pub mod script;
pub mod sessions;
pub mod stranger;
pub mod tap;
pub mod transcript;
pub mod tunnel;
pub mod turncoat;
pub mod wire;
pub mod witness;
pub mod world;
