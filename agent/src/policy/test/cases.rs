//! Expectations: somebody sends a text, and this is to become of it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use connect_core::decide::{Policies, column::Sight};
use connect_shared::{decision::OutcomeKind, error::ErrorReport, grant::Action};
use serde::Deserialize;

use super::{Decided, Place, Sender, principal, unreadable};

/// A file of expectations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: Option<String>,
    sql: String,
    resource: String,
    principal: String,
    #[serde(default)]
    groups: Vec<String>,
    actor: Option<String>,
    #[serde(default = "reads")]
    granted: Vec<Action>,
    purpose: Option<String>,
    expect: OutcomeKind,
    /// The policy that is to be named.
    policy: Option<String>,
    /// What is seen of columns: `clear`, `masked`, `neutral`, `held`, `denied`.
    #[serde(default)]
    sees: BTreeMap<String, String>,
}

fn reads() -> Vec<Action> {
    vec![Action::Read]
}

/// One expectation.
pub(super) struct Case {
    name: String,
    sql: String,
    pub(super) sender: Sender,
    expect: OutcomeKind,
    policy: Option<String>,
    sees: BTreeMap<String, String>,
}

pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Case>, ErrorReport> {
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let file: File = toml::from_str(&text).map_err(|error| unreadable(path, &error))?;
        cases.extend(file.case.into_iter().map(Case::from));
    }
    Ok(cases)
}

impl From<Line> for Case {
    fn from(line: Line) -> Self {
        let sender = Sender {
            principal: principal(&line.principal, line.groups, line.actor),
            granted: line.granted,
            purpose: line.purpose,
            resource: line.resource,
        };
        let name = line.name.unwrap_or_else(|| line.sql.clone());
        Self { name, sql: line.sql, sender, expect: line.expect, policy: line.policy, sees: line.sees }
    }
}

/// Says what is not met; how many.
pub(super) fn hold(cases: &[Case], place: &Place, policies: &Policies) -> Result<usize, ErrorReport> {
    let mut failed = 0;
    for case in cases {
        let decided = place.decide(policies, &case.sender, &case.sql)?;
        let wrong = case.wrong(&decided);
        if wrong.is_empty() {
            println!("ok    {}", case.name);
        } else {
            failed += 1;
            println!("FAIL  {}", case.name);
            wrong.iter().for_each(|wrong| println!("      {wrong}"));
        }
    }
    Ok(failed)
}

impl Case {
    fn wrong(&self, decided: &Decided) -> Vec<String> {
        let mut wrong = Vec::new();
        if decided.outcome != self.expect {
            let (is, expected) = (word(decided.outcome), word(self.expect));
            wrong.push(format!("it is to {expected}, and {}: {} ({})", is, decided.message, decided.policy));
        }
        if let Some(policy) = self.policy.as_ref().filter(|policy| **policy != decided.policy) {
            wrong.push(format!("`{policy}` is to say so, and `{}` does", decided.policy));
        }
        for (column, expected) in &self.sees {
            let seen = decided.sights.get(column).map_or("not read", sight);
            if seen != expected {
                wrong.push(format!("{column} is to be {expected}, and is {seen}"));
            }
        }
        wrong
    }
}

pub(super) const fn word(outcome: OutcomeKind) -> &'static str {
    match outcome {
        OutcomeKind::Deny => "deny",
        OutcomeKind::Hold => "hold",
        OutcomeKind::Permit => "permit",
    }
}

pub(super) const fn sight(sight: &Sight) -> &'static str {
    match sight {
        Sight::Clear(_) => "clear",
        Sight::Masked(_) => "masked",
        Sight::Neutral(_) => "neutral",
        Sight::Held(_) => "held",
        Sight::Denied(_) => "denied",
    }
}
