//! To come.
use crate::catalog::code::{Function, Language};
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    Pure,
    RunsSql,
    ReadsFiles,
    ExposesValues,
    Opaque,
}
pub fn review(function: &Function) -> Review {
    if function.oid.0 < 16384 && function.language != Language::PlPgSql {
        Review::Pure
    } else {
        Review::Opaque
    }
}
