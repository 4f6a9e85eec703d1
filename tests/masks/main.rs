//! Masks that the server computes, against those that are written on the wire: the same bytes for the same
//! value, of every type, under any settings of the session, on every version.

mod equality;
mod guard;
mod random;
mod schema;
mod server;
mod texts;
mod types;
mod values;
