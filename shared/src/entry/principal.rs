//! Who acts, and for whom.

use serde::{Deserialize, Serialize};

/// Who acts, for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrincipalRef {
    /// Stable id at the identity provider.
    pub sub: String,
    pub idp: String,
    /// The AI agent that acts for the principal. Where it handed a part of its grant to another one, both with
    /// [`HANDED_ON`] between them, the one that acts last: `planner>worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// Between an AI agent and the one that it handed a part of its grant to. No name has it.
pub const HANDED_ON: char = '>';

impl PrincipalRef {
    /// The AI agents on the way from the principal to whoever acts, who comes last. Empty: nobody acts for them.
    pub fn chain(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.actor.iter().flat_map(|actor| actor.split(HANDED_ON))
    }

    /// Whether whoever acts, if anybody does, acts for the same person.
    #[must_use]
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.sub == other.sub && self.idp == other.idp
    }

    /// Whether it is the same principal, or an AI agent to which that one's AI agent has handed a part on.
    #[must_use]
    pub fn is_or_acts_for(&self, other: &Self) -> bool {
        let mut chain = self.chain();
        let begins_so = other.chain().all(|link| chain.next() == Some(link));
        // What acts for a person directly is somebody else's work than the person's own.
        self.is_same_person(other) && begins_so && (other.actor.is_some() || self.actor.is_none())
    }
}
