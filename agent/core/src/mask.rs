//! Masks on the wire: a plan per result description, applied to each row in place.
//!
//! A mask is a function of the label, the type, a keyed digest of the value and of the few parts that
//! [`kept`] names; nothing else of the value can reach the output. Read [`transform`] next.

mod canonical;
mod decimal;
mod digest;
pub(crate) mod kept;
mod key;
pub(crate) mod luhn;
mod neutral;
mod plan;
mod render;
mod row;
mod temporal;
mod transform;
pub(crate) mod types;

pub use self::{
    key::MaskKey,
    plan::{Field, Format, Plan},
    row::MaskError,
    transform::is_keyed,
};

#[cfg(test)]
mod tests;
