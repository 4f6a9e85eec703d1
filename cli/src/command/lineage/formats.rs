//! The answer as other programs read it.

mod bill;
mod croissant;
mod drawing;
mod events;

pub(super) use self::{
    bill::{cyclonedx, intoto},
    croissant::croissant,
    drawing::{dot, mermaid},
    events::openlineage,
};
