//! Edits of a text between its tokens.

use std::ops::Range;

use crate::{statement::Refusal, understand::refusal};

/// One stretch of a text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// A part of a text with edits in place.
///
/// # Errors
/// They overlap, or do not lie in the text.
pub(super) fn applied(text: &str, part: Range<usize>, edits: &[Edit]) -> Result<String, Refusal> {
    let odd = || refusal::not_reviewed("a text whose tokens are not where the parser says");
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut applied =
        String::with_capacity(part.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut next = part.start;
    for edit in edits {
        if edit.range.end > part.end {
            return Err(odd());
        }
        applied.push_str(text.get(next..edit.range.start).ok_or_else(odd)?);
        applied.push_str(&edit.text);
        next = edit.range.end;
    }
    applied.push_str(text.get(next..part.end).ok_or_else(odd)?);
    Ok(applied)
}
