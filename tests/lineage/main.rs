//! Lineage, held against a set of reasoned answers, and the answers against PostgreSQL.

mod perturbation;
mod score;
mod validity;
