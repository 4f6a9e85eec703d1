//! What somebody approved for a time: columns in clear, or that nothing of a kind waits. It is looked at with each
//! statement, at the time of that statement, so that an open connection has no more of it than a new one.

use std::sync::Arc;

use connect_shared::{ids::RequestId, label::Label};

use super::{Approved, How};
use crate::decide::Asking;

/// A request that was approved for a time, of one person and one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    pub request: RequestId,
    /// By whom, as people read it.
    pub by: String,
    /// Seconds since 1970; at and behind it nothing is left of it.
    pub until: u64,
    pub of: LeaveOf,
}

/// What it lets somebody do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveOf {
    /// See these in clear (`schema.table.column`), as long as each has the label that the approver saw.
    Columns(Vec<(String, Label)>),
    /// Run what these rules would hold, as long as the policy set is the one of this digest.
    Rules { rules: Vec<String>, digest: String },
    /// Run whatever would be held: somebody has broken the glass.
    Everything,
}

/// Those of one principal for one resource. Clones share them.
pub type Leaves = Arc<[Leave]>;

impl Leave {
    fn shows(&self, column: &str, label: Label) -> bool {
        match &self.of {
            LeaveOf::Columns(columns) => {
                columns.iter().any(|(name, known)| name == column && *known == label)
            }
            LeaveOf::Rules { .. } | LeaveOf::Everything => false,
        }
    }

    pub(crate) fn releases(&self, held_by: &[String], policies: &str) -> bool {
        match &self.of {
            LeaveOf::Columns(_) => false,
            LeaveOf::Rules { rules, digest } => {
                digest == policies && !held_by.is_empty() && held_by.iter().all(|rule| rules.contains(rule))
            }
            LeaveOf::Everything => !held_by.is_empty(),
        }
    }

    /// Whether it is about values of columns.
    #[must_use]
    pub const fn is_of_columns(&self) -> bool {
        matches!(self.of, LeaveOf::Columns(_))
    }

    pub(crate) fn approved(&self) -> Approved<'_> {
        let how = match self.of {
            LeaveOf::Columns(_) => How::InClear,
            LeaveOf::Rules { .. } => How::ForATime,
            LeaveOf::Everything => How::Glass,
        };
        Approved { request: self.request, by: &self.by, how }
    }
}

impl<'a> Asking<'a> {
    /// What holds at this moment. A program has none of it: what was approved is for the person who asked.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &'a Leave> + use<'a> {
        let (now, program) = (self.wall.as_secs(), self.is_program());
        self.grant.leaves.iter().filter(move |leave| !program && now < leave.until)
    }

    /// The requests by which columns may be seen in clear now.
    #[must_use]
    pub fn unmasked_by(&self) -> Vec<RequestId> {
        self.leaves().filter(|leave| leave.is_of_columns()).map(|leave| leave.request).collect()
    }

    /// The one by which this column is seen in clear.
    pub(crate) fn shown_by(&self, column: &str, label: Label) -> Option<&'a Leave> {
        self.leaves().find(|leave| leave.shows(column, label))
    }

    /// The one by which what these rules hold need not wait: one that was approved before a broken glass.
    pub(crate) fn released_by(&self, held_by: &[String], policies: &str) -> Option<&'a Leave> {
        let fits = |leave: &&Leave| leave.releases(held_by, policies);
        let all = || self.leaves().filter(fits);
        all().find(|leave| leave.of != LeaveOf::Everything).or_else(|| all().next())
    }
}
