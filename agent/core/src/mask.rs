//! Masks on the wire: a plan per result description, applied to each row in place.
//!
//! A mask is a function of the label, the type, a keyed digest of the value and of the few parts that
//! [`kept`] names; nothing else of the value can reach the output. Read [`transform`] next.

mod array;
pub mod back;
mod canonical;
mod decimal;
mod digest;
mod fold;
mod hex;
pub(crate) mod kept;
mod key;
mod known;
pub(crate) mod luhn;
mod neutral;
mod plan;
mod render;
mod room;
mod row;
pub mod sql;
mod temporal;
mod transform;
pub(crate) mod types;
mod watch;
mod wrapping;

pub(crate) use self::transform::{canonical, shows_equality};
pub use self::{
    key::MaskKey,
    plan::{Field, Format, Plan},
    row::MaskError,
    transform::is_keyed,
    watch::{CopyWatch, Lines, Long, Sighting, Watch, Written},
};

#[cfg(test)]
mod tests;
