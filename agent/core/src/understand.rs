//! Understands a text: bytes → [`Analysis`], neutral facts resolved against the catalog snapshot.

use crate::{
    catalog::Catalog,
    statement::Analysis,
};

/// Bounds over which a text is not understood.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text in bytes.
    pub bytes: usize,
    /// Most statements in one text.
    pub statements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, statements: 1_000 }
    }
}

/// Analyses a text as sent, without its terminating NUL. Never fails: what is not understood is a
/// statement with [`crate::statement::Protection::Refused`].
#[must_use]
pub fn understand(_text: &[u8], catalog: &Catalog, _limits: &Limits) -> Analysis {
    Analysis { statements: Vec::new(), catalog_version: catalog.version }
}
