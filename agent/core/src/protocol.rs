//! Protocols of database engines. Adding one is adding a folder here and a line to the registry.

pub mod postgres;
