//! The manual's chapter 10, its silent corners, and what a user's own objects change.

mod calls;
mod conversions;
mod operators;
mod polymorphic;
mod unknowns;
mod world;
