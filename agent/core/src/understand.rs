//! Understands a text: bytes → [`Analysis`], neutral facts resolved against the catalog snapshot.
//!
//! Conservative by construction: the walk over the tree knows each node type that it passes in full
//! ([`walk`]), a name means everything that it could mean under any search path ([`resolve`]), and what
//! is left over is refused. Read [`query`] next for queries and writes, [`utility`] for all the rest.

mod condition;
mod facts;
mod found;
mod functions;
mod parse;
mod query;
mod refusal;
mod resolve;
mod settings;
mod shape;
mod tokens;
mod utility;
mod value_bearing;
mod views;
mod walk;

use pg_query::protobuf::RawStmt;

pub(crate) use self::shape::shape;
pub use self::views::settle_views;
use self::{
    found::Found,
    tokens::{Normal, Tokens},
};
use crate::{
    catalog::Catalog,
    statement::{Analysis, Kind, Protection, Refusal, Statement},
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
pub fn understand(text: &[u8], catalog: &Catalog, limits: &Limits) -> Analysis {
    let (statements, numbers_are_inert) = match statements(text, catalog, limits) {
        Ok(understood) => understood,
        Err(refusal) => (vec![whole(text, refusal)], false),
    };
    Analysis { statements, catalog_version: catalog.version, numbers_are_inert }
}

fn statements(text: &[u8], catalog: &Catalog, limits: &Limits) -> Result<(Vec<Statement>, bool), Refusal> {
    if text.len() > limits.bytes {
        return Err(refusal::too_large(format!("a text may have {} bytes", limits.bytes)));
    }
    let text = std::str::from_utf8(text).map_err(|_| refusal::not_reviewed("a text that is not UTF-8"))?;
    let tokens = Tokens::scan(text, catalog)?;
    let parsed = parse::statements(text)?;
    if parsed.len() > limits.statements {
        return Err(refusal::too_large(format!("a text may have {} statements", limits.statements)));
    }
    let statements: Vec<_> = parsed.iter().map(|raw| statement(raw, &tokens, text.len(), catalog)).collect();
    // A refusal may quote a part of the text.
    let refused = statements.iter().any(|found| matches!(found.protection, Protection::Refused(_)));
    let inert = !refused
        && shape(text.as_bytes()).is_some_and(|shape| shape::numbers_are_inert(&parsed, shape.numbers));
    Ok((statements, inert))
}

/// A text that is refused as a whole.
fn whole(text: &[u8], refusal: Refusal) -> Statement {
    let length = text.len() as u64;
    Found::new("unknown", Kind::Administration).refused(refusal).with_text(Normal::None { length })
}

fn statement(raw: &RawStmt, tokens: &Tokens<'_>, end: usize, catalog: &Catalog) -> Statement {
    let start = usize::try_from(raw.stmt_location).unwrap_or_default();
    let end = match usize::try_from(raw.stmt_len) {
        Ok(length) if length > 0 => start.saturating_add(length).min(end),
        _ => end,
    };
    let found = match raw.stmt.as_deref() {
        Some(node) => query::analyse(node, catalog).unwrap_or_else(|| utility::analyse(node, catalog)),
        None => {
            Found::new("unknown", Kind::Administration).refused(refusal::not_reviewed("an empty command"))
        }
    };
    found.with_text(tokens::normal(tokens, start, end))
}

#[cfg(test)]
mod tests;
