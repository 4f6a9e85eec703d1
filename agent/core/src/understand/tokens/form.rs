//! The form of a statement that an approval with any values is for.

use std::collections::BTreeSet;

use pg_query::protobuf::Token;

use super::{Tokens, normal::is_literal};

/// A statement with its plain values left out, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// Its tokens as they are written; in place of a value what kind of one it is.
    pub(crate) parts: Vec<String>,
    /// A parameter stands where its value may decide what the statement does.
    pub(crate) needs_parameters: bool,
}

/// Leaves out those that begin at these places.
pub(in crate::understand) fn form(
    tokens: &Tokens<'_>,
    (start, end): (usize, usize),
    values: &BTreeSet<i32>,
) -> Form {
    let mut form = Form { parts: Vec::new(), needs_parameters: false };
    for (offset, kind, text) in tokens.placed(start, end) {
        let is_value = values.contains(&offset);
        form.needs_parameters |= kind == Token::Param && !is_value;
        // No token begins like this.
        let part = if is_value && is_literal(kind) { format!(" {kind:?}") } else { text.to_owned() };
        form.parts.push(part);
    }
    form
}
