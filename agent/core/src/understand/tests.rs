//! Statements in tables: what must be refused, and what must pass as what.

mod attacks;
mod bounds;
mod guardrails;
mod hidden;
mod introspection;
mod ordinary;
mod roles;
mod shown;
mod texts;
mod versions;
mod views;
mod walk;
mod world;
