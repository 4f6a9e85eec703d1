//! Understands a text: bytes → [`Analysis`], neutral facts resolved against the catalog snapshot.
//!
//! Conservative by construction: the walk over the tree knows each node type that it passes in full
//! ([`walk`]), a name means everything that it could mean under any search path ([`resolve`]), and what
//! is left over is refused. Read [`query`] next for queries and writes, [`utility`] for all the rest.

mod bind;
mod condition;
mod facts;
mod found;
mod functions;
mod harmless;
mod hidden_rows;
mod masked;
pub(crate) mod named;
pub mod overload;
mod parse;
mod pg_dump;
mod plain_values;
pub mod plpgsql;
mod query;
mod refusal;
mod resolve;
pub mod review;
mod role;
mod settings;
mod shape;
mod shown;
mod text;
mod tokens;
mod touched;
mod utility;
mod value_bearing;
mod views;
mod walk;
mod widened;

use std::borrow::Cow;

use bytes::Bytes;
use connect_shared::decision::ReasonCode;
use pg_query::protobuf::RawStmt;

pub use self::widened::{may_widen, widened};
pub(crate) use self::{
    bind::fires,
    masked::modifier as column_modifier,
    overload::base_type,
    refusal::masked_value,
    settings::{may_be_shown, not_shown},
    shape::shape,
    tokens::Form,
    touched::{Query, Rows, Takes, touched},
    value_bearing::bears_values,
    views::settle_again,
};
pub use self::{
    bind::{KnownExpressions, ViewCell, bind, bind_node, bind_text},
    harmless::settle_code,
    hidden_rows::hidden_rows,
    text::{lineages, new_session, new_session_as},
    tokens::{comparable, counted_as, normal_form},
    views::settle_views,
};
use self::{
    found::{BoundIn, Found},
    tokens::{Normal, Tokens},
    value_bearing::has_hidden,
};
use crate::{
    catalog::Catalog,
    mask::MaskKey,
    session::{Session, SessionChange, change_of},
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
pub fn understand(text: &[u8], catalog: &Catalog, session: &Session, limits: &Limits) -> Analysis {
    let (statements, numbers_are_inert) = match statements(text, catalog, session, limits) {
        Ok(understood) => understood,
        Err(refusal) => (vec![whole(text, refusal, session)], false),
    };
    Analysis { statements, catalog_version: catalog.version, numbers_are_inert }
}

/// Analyses a text for a connection that has mask keys: what is refused only because it computes with
/// protected columns is rewritten to read their masks. The second is what is sent in its place then.
#[must_use]
pub fn understand_masked(
    text: &[u8],
    catalog: &Catalog,
    session: &Session,
    limits: &Limits,
    key: &MaskKey,
) -> (Analysis, Option<Bytes>) {
    let analysis = understand(text, catalog, session, limits);
    if let Some(found) = without_secrets(text, &analysis, catalog, session, limits) {
        return found;
    }
    let refusals = || {
        analysis.statements.iter().filter_map(|found| match &found.protection {
            Protection::Refused(refusal) => Some(refusal.code),
            _ => None,
        })
    };
    // No mask helps against that one.
    let leaves_role = refusals().any(|code| code == ReasonCode::LeavesRole);
    let hides = || analysis.statements.iter().flat_map(|found| &found.reads).any(|name| has_hidden(name));
    if refusals().next().is_none() || leaves_role || !(catalog.has_protected() || hides()) {
        return (analysis, None);
    }
    match masked::masked(text, &analysis.statements, catalog, session, key, limits) {
        Ok(masked) => (Analysis { statements: masked.statements, ..analysis }, Some(masked.text)),
        Err(refusal) => (for_this_reason(analysis, refusal), None),
    }
}

/// What pg_dump reads and may not see, it is told is not there.
fn without_secrets(
    text: &[u8],
    analysis: &Analysis,
    catalog: &Catalog,
    session: &Session,
    limits: &Limits,
) -> Option<(Analysis, Option<Bytes>)> {
    let [only] = analysis.statements.as_slice() else { return None };
    let Protection::Refused(Refusal { code: ReasonCode::ValueBearingCatalog, .. }) = only.protection else {
        return None;
    };
    let sent = pg_dump::without_secrets(std::str::from_utf8(text).ok()?)?;
    let again = understand(sent.as_bytes(), catalog, session, limits);
    Some((Analysis { numbers_are_inert: false, ..again }, Some(Bytes::from(sent))))
}

/// What cannot be rewritten stays refused for its first reason, unless it could be if it showed less. A query
/// says beside it why masks do not help.
fn for_this_reason(mut analysis: Analysis, refusal: Refusal) -> Analysis {
    let [only] = analysis.statements.as_mut_slice() else { return analysis };
    let is_query = matches!(only.verb.as_str(), "select" | "prepare" | "declare cursor");
    match &mut only.protection {
        protection if refusal.code == ReasonCode::ValueBearingCatalog => {
            *protection = Protection::Refused(refusal);
        }
        Protection::Refused(first) if is_query && first.message != refusal.message => {
            let own = first.hint.take().unwrap_or_default();
            first.hint =
                Some(format!("{own} It cannot run on masks either: {}.", refusal.message).trim().to_owned());
        }
        _ => {}
    }
    analysis
}

fn statements(
    text: &[u8],
    catalog: &Catalog,
    session: &Session,
    limits: &Limits,
) -> Result<(Vec<Statement>, bool), Refusal> {
    let (tokens, parsed) = parsed(text, catalog, limits)?;
    let mut session = Cow::Borrowed(session);
    let mut statements = Vec::with_capacity(parsed.len());
    for (place, raw) in parsed.iter().enumerate() {
        let found = statement(raw, &tokens, text.len(), catalog, &session);
        // Those behind it are read in the state that it leaves.
        if place + 1 < parsed.len() && !found.change.is_empty() {
            session.to_mut().apply(&found.change, catalog);
        }
        statements.push(found);
    }
    // A refusal may quote a part of the text.
    let refused = statements.iter().any(|found| matches!(found.protection, Protection::Refused(_)));
    let inert = !refused && shape(text).is_some_and(|shape| shape::numbers_are_inert(&parsed, shape.numbers));
    Ok((statements, inert))
}

/// One statement of a text that was understood before, in another state of the session.
#[must_use]
pub fn understand_one(
    text: &[u8],
    place: usize,
    catalog: &Catalog,
    session: &Session,
    limits: &Limits,
) -> Option<Statement> {
    let (tokens, parsed) = parsed(text, catalog, limits).ok()?;
    parsed.get(place).map(|raw| statement(raw, &tokens, text.len(), catalog, session))
}

/// One statement of a text without its plain values. `None` where it cannot be told.
pub(crate) fn form(text: &[u8], place: usize, catalog: &Catalog, limits: &Limits) -> Option<Form> {
    let (tokens, parsed) = parsed(text, catalog, limits).ok()?;
    let raw = parsed.get(place)?;
    let values = plain_values::plain_values(raw.stmt.as_deref()?.node.as_ref()?);
    Some(tokens::form(&tokens, range(raw, text.len()), &values))
}

/// Where a statement begins and ends in a text of this length.
fn range(raw: &RawStmt, end: usize) -> (usize, usize) {
    let start = usize::try_from(raw.stmt_location).unwrap_or_default();
    match usize::try_from(raw.stmt_len) {
        Ok(length) if length > 0 => (start, start.saturating_add(length).min(end)),
        _ => (start, end),
    }
}

/// Tokens and trees of a text within the limits that the server reads alike.
fn parsed<'t>(
    text: &'t [u8],
    catalog: &Catalog,
    limits: &Limits,
) -> Result<(Tokens<'t>, Vec<RawStmt>), Refusal> {
    if text.len() > limits.bytes {
        return Err(refusal::too_large(format!("a text may have {} bytes", limits.bytes)));
    }
    let text = std::str::from_utf8(text).map_err(|_| refusal::not_reviewed("a text that is not UTF-8"))?;
    let text = pg_dump::read_as(text);
    if parse::takes_too_long(text) {
        return Err(refusal::too_large("a text may have 256 openings of comments in a row".to_owned()));
    }
    let tokens = Tokens::scan(text, catalog)?;
    let too_many = || refusal::too_large(format!("a text may have {} statements", limits.statements));
    // Before it is parsed: the trees of a hundred thousand small ones take hundreds of mebibytes.
    if tokens.pieces() > limits.statements {
        return Err(too_many());
    }
    let parsed = parse::statements(text)?;
    if parsed.len() > limits.statements { Err(too_many()) } else { Ok((tokens, parsed)) }
}

/// A text that is refused as a whole.
fn whole(text: &[u8], refusal: Refusal, session: &Session) -> Statement {
    let length = text.len() as u64;
    let (lineage, change) = (text::opaque(&refusal), SessionChange::code_ran());
    let bound = BoundIn { lineage, change, under: session.fingerprint(), shown: Vec::new() };
    Found::new("unknown", Kind::Administration).refused(refusal).with_text(Normal::None { length }, bound)
}

fn statement(
    raw: &RawStmt,
    tokens: &Tokens<'_>,
    end: usize,
    catalog: &Catalog,
    session: &Session,
) -> Statement {
    let (start, end) = range(raw, end);
    let found = match raw.stmt.as_deref() {
        Some(node) => query::analyse(node, catalog).unwrap_or_else(|| utility::analyse(node, catalog)),
        None => {
            Found::new("unknown", Kind::Administration).refused(refusal::not_reviewed("an empty command"))
        }
    };
    let lineage = bind(raw, catalog, session);
    let node = raw.stmt.as_deref().and_then(|node| node.node.as_ref());
    let change = node.map(|node| change_of(node, &lineage, catalog)).unwrap_or_default();
    let found = match node {
        Some(node) => {
            let (lineage, change) = (&lineage, &change);
            role::Asked { node, lineage, change, catalog, tokens, range: start..end }.kept(found, session)
        }
        None => found,
    };
    let found = hidden_rows::kept(found, &lineage, catalog);
    let shown = shown::columns(&lineage, [&found.reads, &found.writes], catalog);
    let bound = BoundIn { lineage, change, under: session.fingerprint(), shown };
    found.with_text(tokens::normal(tokens, start, end), bound)
}

#[cfg(test)]
mod tests;
