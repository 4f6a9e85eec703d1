//! Requests: somebody asks for access to a resource, or a statement is held until somebody approves it.
//! Beside them: columns in clear for a time, a time in which what some rules hold does not wait, and a broken glass.
//! One life for all: pending, then approved, rejected, withdrawn or expired; an approval is used. Only a glass is broken
//! first, and approved afterwards.

use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// To open a resource, for a time.
    Access,
    /// To run one statement, once; or its form with any values, where that is what was approved.
    Statement,
    /// To see columns in clear, for a time.
    Unmask,
    /// That what some rules hold does not wait, for a time.
    Window,
    /// Nothing waited, for a short time: whether that was right is decided afterwards.
    BreakGlass,
}

/// What a request or its approval is for, where that is not one statement or access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestScope {
    /// The form of a statement with any values, for so many runs.
    AnyValues { uses: u32 },
    /// These in clear: `schema.table.column`
    Columns(Vec<String>),
    /// What these rules would hold.
    Rules(Vec<String>),
    /// Whatever would be held.
    Everything,
}

/// Where a request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Nobody has decided.
    Pending,
    /// It may be used, for a time.
    Approved,
    Rejected,
    /// Whoever asked took it back.
    Withdrawn,
    /// Every use that it had was made.
    Used,
    /// Nobody decided, or nobody used it, in time.
    Expired,
}

/// One step, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStep {
    Requested,
    /// Somebody who may decide looked at it for the first time.
    Seen,
    Approved,
    Rejected,
    Withdrawn,
    Used,
    Expired,
    /// Somebody has broken the glass: from here on nothing waits, for a short time.
    BrokenGlass,
}

/// Where a verdict was given, if not by the control API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// On the agent's page, in a browser.
    Console,
}

macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// The word in JSON, tables and the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// From that word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(RequestKind: Access = "access", Statement = "statement", Unmask = "unmask", Window = "window",
    BreakGlass = "break_glass");
words!(RequestState: Pending = "pending", Approved = "approved", Rejected = "rejected",
    Withdrawn = "withdrawn", Used = "used", Expired = "expired");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_store_is_the_word_of_the_json() {
        use RequestState::{Approved, Expired, Pending, Rejected, Used, Withdrawn};
        for state in [Pending, Approved, Rejected, Withdrawn, Used, Expired] {
            assert_eq!(serde_json::to_value(state).expect("JSON"), state.as_str());
            assert_eq!(RequestState::from_word(state.as_str()), Some(state));
        }
        use RequestKind::{Access, BreakGlass, Statement, Unmask, Window};
        for kind in [Access, Statement, Unmask, Window, BreakGlass] {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
            assert_eq!(RequestKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(RequestState::from_word("forged"), None);
    }
}
