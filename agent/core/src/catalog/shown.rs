//! What one principal sees otherwise than everybody: the same snapshot with labels taken off or made the
//! strictest, and what they were kept for policies and for the record.

use std::{collections::HashSet, sync::Arc};

use connect_shared::label::Label;

use super::{Catalog, Column, Relation};

/// What somebody sees otherwise than as the mask of its label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// In clear: whatever has one of these labels.
    pub labels: HashSet<Label>,
    /// In clear: `schema.table.column`
    pub columns: HashSet<String>,
    /// In clear, as long as the policies say so of each statement: `schema.table.column`
    pub permitted: HashSet<String>,
    /// Nothing of them, whatever else is said: `schema.table.column`
    pub hidden: HashSet<String>,
}

/// How somebody sees a column with a label, where that is not as the label's mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The label that it has for everybody.
    pub label: Label,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// In clear, by the configuration.
    Configured,
    /// In clear, by the policies that were in force when the snapshot was taken.
    Permitted,
    /// As neutral values.
    Hidden,
}

impl Shown {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.hidden.is_empty() && !self.names_columns()
    }

    /// Whether single columns are shown, so that it is not known of a computed value that it is none of theirs.
    #[must_use]
    pub fn names_columns(&self) -> bool {
        !self.columns.is_empty() || !self.permitted.is_empty()
    }

    fn of(&self, relation: &Relation, column: &Column) -> Option<Seen> {
        // What is hidden of the server's own relations is nobody's to see.
        let label = column.label.filter(|_| !relation.is_system())?;
        let by_name = self.names_columns() || !self.hidden.is_empty();
        let name = by_name.then(|| format!("{}.{}", relation.qualified_name(), column.name));
        let named = |columns: &HashSet<String>| name.as_ref().is_some_and(|name| columns.contains(name));
        let how = if named(&self.hidden) {
            How::Hidden
        } else if self.labels.contains(&label) || named(&self.columns) {
            How::Configured
        } else if named(&self.permitted) {
            How::Permitted
        } else {
            return None;
        };
        Some(Seen { label, how })
    }
}

impl Column {
    /// Whether whoever this snapshot is for sees it in clear although it has a label.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.seen.is_some_and(|seen| seen.how != How::Hidden)
    }
}

impl Catalog {
    /// This snapshot for somebody who sees so much in clear, or nothing of some columns. What a view computes
    /// from a column stays as it is for everybody: confidential, and shown only by that label or the view's
    /// own column.
    #[must_use]
    pub fn shown_to(&self, shown: &Shown) -> Self {
        let mut catalog = self.clone();
        catalog.shown = Arc::new(shown.clone());
        let has_some = |relation: &&Arc<Relation>| {
            relation.columns.iter().any(|column| shown.of(relation, column).is_some())
        };
        let changed: Vec<Arc<Relation>> = self.relations.values().filter(has_some).cloned().collect();
        for relation in changed {
            let mut own = Relation::clone(&relation);
            for column in &mut own.columns {
                let Some(seen) = shown.of(&relation, column) else { continue };
                column.seen = Some(seen);
                match seen.how {
                    How::Hidden => column.label = Some(Label::Confidential),
                    How::Configured | How::Permitted => (column.label, column.cleared) = (None, true),
                }
            }
            if let Some(place) = catalog.relation_mut(relation.oid) {
                *place = own;
            }
        }
        catalog
    }
}
