//! What a Bind gives may change what a statement is: its values may widen a write, be masks that it would write
//! back, or name a setting. Here are its facts with the values in them.

use std::sync::Arc;

use bytes::Bytes;

use super::{Connection, names::Prepared};
use crate::{
    mask::back::gives_mask,
    protocol::postgres::values::Values,
    statement::{Kind, Protection, Refusal, Shape, Statement},
    understand::{masked_value, may_be_shown, may_widen, not_shown, widened},
};

/// Types of which a value is the text that a function gets, in text and in binary: unknown (to be found by its
/// use), `name`, `text`, `character`, `varchar`.
const TEXTS: [u32; 6] = [0, 19, 25, 705, 1042, 1043];

impl Connection {
    /// Writes that are of every row with these values.
    pub(super) fn widened(&self, prepared: &Prepared, values: &Bytes) -> Vec<Shape> {
        let (Some(catalog), true) = (&self.setup.catalog, values_widen(prepared)) else {
            return Vec::new();
        };
        let Ok(text) = std::str::from_utf8(&prepared.text) else { return Vec::new() };
        let literals = Values::new(values.clone(), prepared.types.clone()).literals();
        let unknown = crate::session::Session::default();
        let session = self.session_ahead().unwrap_or(&unknown);
        widened(text, &literals, catalog, session, &self.setup.limits)
    }
}

/// Whether its values must be seen whole: they may widen it, be masks that it would write back, or name what it
/// shows.
pub(super) fn values_decide(prepared: &Prepared) -> bool {
    let looks = |facts: &Arc<Statement>| !facts.assigned.is_empty() || !facts.settings.is_empty();
    prepared.facts.as_ref().is_some_and(looks) || values_widen(prepared)
}

/// Whether values can make it a write of every row.
fn values_widen(prepared: &Prepared) -> bool {
    let writes = prepared.facts.as_ref().is_some_and(|facts| facts.kind == Kind::Write);
    writes && may_widen(&prepared.text)
}

/// The same, with shapes that its values give it.
pub(super) fn with_shapes(facts: Arc<Statement>, shapes: &[Shape]) -> Arc<Statement> {
    let new = || shapes.iter().filter(|shape| !facts.shapes.contains(shape)).cloned();
    if new().next().is_none() {
        return facts;
    }
    let all = facts.shapes.iter().cloned().chain(new()).collect();
    Arc::new(Statement { shapes: all, ..Statement::clone(&facts) })
}

/// The same, refused where one of its values is a mask that it would write over what the mask stands for.
pub(super) fn without_masks(facts: Arc<Statement>, values: &Bytes) -> Arc<Statement> {
    let Some(column) = facts.assigned.first() else { return facts };
    let masks = || Values::new(values.clone(), Bytes::new()).any(gives_mask);
    let refusal = masked_value(column);
    if masks() { refused(facts, refusal) } else { facts }
}

/// The same, refused where one of its values names a setting that nobody is shown.
pub(super) fn without_keys(facts: Arc<Statement>, values: &Bytes) -> Arc<Statement> {
    if facts.settings.is_empty() {
        return facts;
    }
    let Some(each) = Values::new(values.clone(), Bytes::new()).each_is(may_be_shown) else {
        return refused(facts, not_shown());
    };
    // One that is not given is the server's to complain about.
    let harmless = |number: &u16| each.get(usize::from(*number).saturating_sub(1)).copied().unwrap_or(true);
    if facts.settings.iter().all(harmless) { facts } else { refused(facts, not_shown()) }
}

/// The same, refused where Parse declares another type for what names a setting than a text.
pub(super) fn declared(facts: Arc<Statement>, types: &Bytes) -> Arc<Statement> {
    if facts.settings.is_empty() {
        return facts;
    }
    let types = Values::new(Bytes::new(), types.clone()).declared();
    let of = |number: &u16| types.get(usize::from(*number).saturating_sub(1)).copied().unwrap_or_default();
    if facts.settings.iter().all(|number| TEXTS.contains(&of(number))) {
        return facts;
    }
    refused(facts, not_shown())
}

fn refused(facts: Arc<Statement>, refusal: Refusal) -> Arc<Statement> {
    if matches!(facts.protection, Protection::Refused(_)) {
        return facts;
    }
    Arc::new(Statement { protection: Protection::Refused(refusal), ..Statement::clone(&facts) })
}
