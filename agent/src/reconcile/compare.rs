//! What the server has counted, held against the log.
//!
//! Whoever is not the agent's account, nor one of the roles that people work as, did not come through the
//! agent. Of what ran under these, a text that is in the log may have run as often as the log says, and not
//! more often. The server puts statements together that the log tells apart (other aliases), so that one text
//! has more calls than its entries and another one fewer: what is too much for one is explained by what is
//! left of those that the server may count as the same, and by no other. Executions of what was prepared in SQL
//! are counted under the text that prepared it: they explain nothing else.

use std::collections::{HashMap, HashSet};

use connect_core::understand::{comparable, counted_as, normal_form};
use connect_shared::api::{ForeignStatements, StatementCount};

use super::{
    own::{Own, is_rewritten},
    statements::{Counted, Row},
};
use crate::{audit::Recorded, catalog::is_sample, radius::is_estimate};

/// Most of either kind that are told of.
const TOLD: usize = 200;

/// What has run more often than the log says, or is not in it.
pub(super) fn compare(
    counted: Counted,
    recorded: &Recorded,
    accounts: &HashSet<String>,
    own: &Own,
) -> ForeignStatements {
    let mut left = Left::new(recorded);
    let is_pruned = recorded.kept_since.is_some_and(|kept| counted.since.is_none_or(|since| since < kept));
    let mut answer = ForeignStatements {
        unavailable: counted.unavailable,
        since: counted.since,
        compared: counted.rows.len() as u64,
        cut: counted.is_cut,
        forgotten: counted.forgotten,
        ..ForeignStatements::default()
    };
    let mut over = Vec::new();
    for Row { role, calls, text } in counted.rows {
        if accounts.contains(&role) {
            let recorded = text.as_deref().map_or(0, |text| left.take(text, calls));
            if recorded < calls {
                over.push((role, calls, recorded, text));
            }
        } else {
            let sql = text.as_deref().and_then(normal_form);
            answer.found.push(StatementCount { role, calls, recorded: 0, sql });
        }
    }
    // Clients send some of what the agent asks for itself, too: of such a text the log need not know how often.
    over.retain(|(_, _, _, text)| {
        let is_own = text.as_deref().is_some_and(|text| own.has(text));
        answer.own += u64::from(is_own);
        !is_own
    });
    // Behind all that explain themselves, so that none of their entries is taken for another's.
    let mut alike = left.alike(!over.is_empty());
    over.retain_mut(|(_, calls, recorded, text)| {
        *recorded += text.as_deref().map_or(0, |text| alike.take(text, *calls - *recorded));
        recorded < calls
    });
    let mut unused = alike.unused();
    for (role, calls, recorded, text) in over {
        let text = text.as_deref();
        let count = StatementCount { role, calls, recorded, sql: text.and_then(normal_form) };
        if text.is_some_and(|text| is_sample(text) || is_estimate(text)) {
            answer.samples += 1;
        } else if recorded == 0 && text.is_some_and(is_rewritten) && calls <= unused {
            unused -= calls;
            answer.rewritten += 1;
        } else if is_pruned {
            answer.before_log += 1;
        } else if recorded > 0 {
            answer.found.push(count);
        } else {
            answer.unexplained.push(count);
        }
    }
    for list in [&mut answer.found, &mut answer.unexplained] {
        list.sort_by_key(|count| std::cmp::Reverse(count.calls - count.recorded));
        answer.more |= list.len() > TOLD;
        list.truncate(TOLD);
    }
    answer
}

/// What the log says and no count of the server has used up.
#[derive(Default)]
struct Left {
    /// By comparable form.
    forms: HashMap<String, (u64, Vec<String>)>,
    /// Times that EXECUTE ran. The server counts each under the text of a PREPARE, and PREPARE itself never.
    executions: u64,
}

impl Left {
    fn new(recorded: &Recorded) -> Self {
        let mut left = Self::default();
        for (text, times) in &recorded.statements {
            let Some(form) = comparable(text) else { continue };
            if form.starts_with("execute") {
                left.executions += times;
            } else if !is_prepare(&form) {
                let (sum, texts) = left.forms.entry(form).or_default();
                *sum += times;
                texts.push(text.clone());
            }
        }
        left
    }

    /// Explains up to so many calls: gives how many.
    fn take(&mut self, text: &str, calls: u64) -> u64 {
        let Some(form) = comparable(text) else { return 0 };
        if is_prepare(&form) {
            return take(&mut self.executions, calls);
        }
        self.forms.get_mut(&form).map_or(0, |(times, _)| take(times, calls))
    }

    /// What is left, by what the server may count as one; nothing if it is not needed.
    fn alike(self, is_needed: bool) -> Alike {
        let mut alike: HashMap<u64, u64> = HashMap::new();
        for (times, texts) in self.forms.into_values().filter(|(times, _)| is_needed && *times > 0) {
            if let Some(one) = texts.first().and_then(|text| counted_as(text)) {
                *alike.entry(one).or_default() += times;
            }
        }
        Alike(alike)
    }
}

struct Alike(HashMap<u64, u64>);

impl Alike {
    /// How many executions are left that no text of the server's explains.
    fn unused(&self) -> u64 {
        self.0.values().sum()
    }

    fn take(&mut self, text: &str, calls: u64) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        let left = counted_as(text).and_then(|one| self.0.get_mut(&one));
        left.map_or(0, |times| take(times, calls))
    }
}

/// Whether a comparable form prepares a statement. `PREPARE TRANSACTION` is something else.
fn is_prepare(form: &str) -> bool {
    form.starts_with("prepare") && !form.starts_with("preparetransaction$")
}

fn take(times: &mut u64, calls: u64) -> u64 {
    let explained = calls.min(*times);
    *times -= explained;
    explained
}

#[cfg(test)]
mod tests;
