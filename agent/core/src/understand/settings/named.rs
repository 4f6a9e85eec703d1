//! `current_setting($1)`, as drivers and mappers send it: which setting it shows is said by the Bind, or by
//! EXECUTE, and looked at there.
//!
//! Invariant: what is looked at is what the server reads. So the parameter is a text wherever it stands, and stands
//! nowhere else: of a value of another type (`xml`, which leaves its declaration out; `regclass`, which is a number
//! in binary) another text could come to the function.

use std::collections::{BTreeSet, HashMap};

use pg_query::protobuf::Node;

use super::{check_show, computed_name, is_own, refused};
use crate::{
    catalog::Catalog,
    statement::Refusal,
    understand::{
        facts::Facts,
        found::Found,
        walk::{is_text_type, plain_text},
    },
};

pub(in crate::understand) const CURRENT: &str = "current_setting";

/// The parameters that name the settings which calls of `current_setting` show, as far as the values that are given
/// are what the function gets.
pub(in crate::understand) fn named(facts: &Facts<'_>, catalog: &Catalog) -> BTreeSet<u16> {
    let calls = facts.calls.iter().filter(|call| call.name.last() == Some(&CURRENT));
    let mut elsewhere: HashMap<i32, i64> = HashMap::new();
    calls.filter_map(|call| call.parameter).for_each(|number| *elsewhere.entry(number).or_default() -= 1);
    // A cast to `text` could be one to a type of somebody's own.
    if catalog.user_types.contains("text") && catalog.has_protected() {
        return BTreeSet::new();
    }
    for number in &facts.parameters {
        elsewhere.entry(*number).and_modify(|count| *count += 1);
    }
    let only_names = elsewhere.into_iter().filter(|(_, count)| *count == 0);
    only_names.filter_map(|(number, _)| u16::try_from(number).ok().filter(|number| *number > 0)).collect()
}

/// A PREPARE whose parameters have these types: those that name settings must be texts.
pub(in crate::understand) fn declared(found: Found, types: &[Node]) -> Found {
    let other = |number: &u16| {
        types.get(usize::from(*number).saturating_sub(1)).is_some_and(|node| !is_text_type(node))
    };
    if found.settings.iter().any(other) { found.refused(computed_name(CURRENT)) } else { found }
}

/// Whether an argument of EXECUTE is a constant by whose name a setting may be shown.
pub(in crate::understand) fn is_harmless(argument: &Node) -> bool {
    plain_text(argument).is_some_and(|setting| check_show(setting).is_ok())
}

/// Whether the setting of this name may be shown to a client.
#[must_use]
pub(crate) fn may_be_shown(setting: &[u8]) -> bool {
    !is_own(setting)
}

/// The refusal of a statement that would show a setting whose name is given as no text, or is the agent's own.
pub(crate) fn not_shown() -> Refusal {
    refused(
        CURRENT,
        format!(
            "{CURRENT} shows no setting of the agent's own, and none whose name is given as anything but a text"
        ),
        "Give the name of another setting, as a text.",
    )
}
