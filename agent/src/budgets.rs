//! Keeps what budgets have spent, so that a restart fills nobody's anew. It is written every few seconds and when the
//! agent stops: a crash forgets what was spent in its last ones.

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use connect_core::budget::{self, LookupBudget, actors::ActorLimits};
use serde::{Deserialize, Serialize};

use crate::{revocation::kept::Kept, serve::now};

/// How often it is written. Each time is a sync of the disk, where statements wait for others.
const EVERY: Duration = Duration::from_secs(5);

/// Budgets with where they are kept.
#[derive(Debug)]
pub struct KeptBudgets {
    pub counts: Arc<LookupBudget>,
    file: Kept,
}

/// As the file has them.
#[derive(Serialize, Deserialize, Default)]
struct Written {
    /// Seconds since 1970-01-01T00:00:00Z.
    at: u64,
    #[serde(flatten)]
    spent: budget::Kept,
}

impl KeptBudgets {
    /// With what was spent before the agent was started.
    ///
    /// # Errors
    /// The file is damaged: nobody could say what is left.
    pub fn open(state: &Path, limits: ActorLimits) -> Result<Arc<Self>, String> {
        let file = Kept::new(state.join("budgets.json"));
        let remedy =
            "restore it, or remove it: then what AI agents may take within an hour and a day begins anew";
        let Written { at, spent } = file.read("what of budgets is spent", remedy)?;
        let counts = Arc::new(LookupBudget::with(limits));
        // A clock that was put back makes it last longer.
        let ago = Duration::from_secs(now().saturating_sub(at));
        counts.restore(spent, ago, Instant::now());
        Ok(Arc::new(Self { counts, file }))
    }

    /// Keeps what has changed, for as long as somebody holds the budgets.
    pub fn follow(self: &Arc<Self>) {
        let budgets = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(budgets) = Weak::upgrade(&budgets) else { return };
                budgets.keep().await;
            }
        });
    }

    /// Keeps what has changed. What cannot be written is tried again with the next.
    pub async fn keep(self: &Arc<Self>) {
        let budgets = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || budgets.write()).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what budgets have spent cannot be kept"),
            Err(error) => tracing::warn!(%error, "what budgets have spent was not kept"),
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let Some(spent) = self.counts.changes(Instant::now()) else { return Ok(()) };
        let written = self.file.write(&std::sync::Mutex::new(Written { at: now(), spent }));
        if written.is_err() {
            self.counts.changed_again();
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use connect_core::budget::actors::{Amounts, Spender};
    use connect_shared::entry::PrincipalRef;

    use super::*;

    #[tokio::test]
    async fn a_restart_fills_no_budget_and_a_damaged_file_lets_no_agent_start() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let limits =
            ActorLimits { hour: Amounts { statements: 1, ..Amounts::ALL }, ..ActorLimits::default() };
        let who = PrincipalRef { sub: "ana".into(), idp: "id".into(), actor: Some("claude".into()) };
        let spender = Spender { who: &who, task: None, parts: &[] };
        let before = KeptBudgets::open(folder.path(), limits).expect("nothing yet");
        before.counts.actors.begin(&spender, Instant::now()).expect("the only one");
        before.keep().await;
        let after = KeptBudgets::open(folder.path(), limits).expect("it was kept");
        after.counts.actors.begin(&spender, Instant::now()).expect_err("it was taken");
        std::fs::write(folder.path().join("budgets.json"), "{").expect("written");
        let error = KeptBudgets::open(folder.path(), limits).expect_err("damaged");
        assert!(error.contains("budgets.json") && error.contains("remove it"), "{error}");
    }
}
