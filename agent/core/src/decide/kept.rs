//! Decisions that are kept: for one statement, under one policy set, grant, purpose and minute. The statement
//! itself is kept beside its decision, so that nothing else can stand at its place in memory.

use std::{collections::HashMap, sync::Arc};

use connect_shared::{grant::Action, ids::RequestId};

use super::{Asking, Evaluated, Policies, evaluate};
use crate::statement::Statement;

/// Most decisions that one connection keeps.
const MOST: usize = 1_024;

/// Decisions of one connection: its principal and resource never change.
#[derive(Debug, Default)]
pub struct Kept {
    under: Option<Under>,
    /// By the address of the statement, which is kept alive.
    decisions: HashMap<usize, (Arc<Statement>, Arc<Evaluated>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Under {
    digest: String,
    actions: Vec<Action>,
    purpose: Option<String>,
    moment: u64,
    /// What was approved for a time and is not over.
    leaves: Vec<RequestId>,
}

impl Under {
    fn is(&self, policies: &Policies, asking: &Asking<'_>, moment: u64) -> bool {
        self.moment == moment
            && self.digest == policies.digest()
            && self.actions == asking.grant.actions
            && self.purpose.as_deref() == asking.purpose()
            && asking.leaves().map(|leave| leave.request).eq(self.leaves.iter().copied())
    }
}

impl Kept {
    /// What the rules say about a statement that nobody has approved.
    pub fn evaluated(
        &mut self,
        policies: &Policies,
        asking: &Asking<'_>,
        statement: &Arc<Statement>,
    ) -> Arc<Evaluated> {
        let moment = policies.moment(asking.wall);
        if !self.under.as_ref().is_some_and(|under| under.is(policies, asking, moment)) {
            self.decisions.clear();
            self.under = Some(Under {
                digest: policies.digest().to_owned(),
                actions: asking.grant.actions.clone(),
                purpose: asking.purpose().map(str::to_owned),
                moment,
                leaves: asking.leaves().map(|leave| leave.request).collect(),
            });
        }
        let place = Arc::as_ptr(statement).addr();
        if let Some((_, known)) = self.decisions.get(&place) {
            return Arc::clone(known);
        }
        let evaluated = Arc::new(evaluate::evaluate(policies, asking, statement, None));
        if self.decisions.len() >= MOST {
            self.decisions.clear();
        }
        self.decisions.insert(place, (Arc::clone(statement), Arc::clone(&evaluated)));
        evaluated
    }
}
