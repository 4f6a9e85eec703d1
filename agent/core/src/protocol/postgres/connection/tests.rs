//! The machine against a scripted server and a log that answers when told: every rule of the design
//! about order, as it would be seen on the wire.

mod beginnings;
mod canaries;
mod copies;
mod exact;
mod holding;
mod hostile;
mod large;
mod limits;
mod masks;
mod names;
mod own_name;
mod peer;
mod rules;
mod sessions;
mod settings;
mod splitting;
mod templates;
mod world;
