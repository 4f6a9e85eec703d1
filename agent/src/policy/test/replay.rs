//! Recorded statements: entries of a log, one a line. Values are not in the log, so texts stand in their normal
//! form, with parameters in place of constants; groups and actions come from the grant of each.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
};

use connect_core::decide::{Policies, column::Sight};
use connect_core::principal::Principal;
use connect_shared::{
    decision::OutcomeKind,
    entry::{Entry, Leaf, PrincipalRef, TextRef},
    error::ErrorReport,
    grant::Action,
    ids::GrantId,
};

use super::{
    Decided, Difference, Place, Sender,
    cases::{sight, word},
    unreadable,
};

/// Longest line.
const MAX_LINE: u64 = 4 << 20;
/// Most different statements.
const MAX_RECORDED: usize = 1_000_000;

/// A statement that somebody sent.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) sender: Sender,
    sql: String,
}

/// What a grant said of its principal.
struct Granted {
    name: String,
    groups: Vec<String>,
    actions: Vec<Action>,
}

/// What tells recorded statements apart.
type Seen = (String, String, Option<String>, String, Vec<Action>);

#[derive(Default)]
struct Log {
    texts: HashMap<String, String>,
    grants: HashMap<GrantId, Granted>,
    /// One for each that is different.
    seen: HashSet<Seen>,
    recorded: Vec<Recorded>,
}

pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Recorded>, ErrorReport> {
    let mut log = Log::default();
    for path in paths {
        let mut file = BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
        for number in 1_u64.. {
            let mut line = String::new();
            let read = (&mut file).take(MAX_LINE).read_line(&mut line);
            if read.map_err(|error| unreadable(path, &error))? == 0 {
                break;
            }
            if line.trim().is_empty() {
                continue;
            }
            let read = read_line(&line);
            let entry =
                read.ok_or_else(|| unreadable(path, &format!("line {number} is no entry of a log")))?;
            if let Some(entry) = entry {
                log.take(entry);
            }
        }
    }
    Ok(log.recorded)
}

/// The entry of a leaf, or of what a sink puts around one. `Some(None)`: a sink's summary, which is no entry.
fn read_line(line: &str) -> Option<Option<Entry>> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    if value.get("export_summary").is_some() {
        return Some(None);
    }
    let inner = value.get("leaf").cloned().unwrap_or(value);
    serde_json::from_value(inner).ok().map(|leaf: Leaf| Some(leaf.entry))
}

impl Log {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::StatementText { fingerprint, sql } => {
                self.texts.insert(fingerprint, sql);
            }
            Entry::GrantIssued { grant, actions, groups, name, .. } => {
                self.grants.insert(grant, Granted { name, groups, actions });
            }
            Entry::Intent(intent) => {
                self.statement(intent.principal, intent.grant, intent.resource, &intent.text);
            }
            Entry::Denial(denial) => {
                self.statement(denial.principal, denial.grant, denial.resource, &denial.text);
            }
            _ => {}
        }
    }

    fn statement(&mut self, reference: PrincipalRef, grant: GrantId, resource: String, text: &TextRef) {
        let TextRef::Fingerprint(fingerprint) = text else { return };
        let (Some(sql), Some(granted)) = (self.texts.get(fingerprint), self.grants.get(&grant)) else {
            return;
        };
        let key = (
            reference.sub.clone(),
            resource.clone(),
            reference.actor.clone(),
            fingerprint.clone(),
            granted.actions.clone(),
        );
        if self.recorded.len() >= MAX_RECORDED || !self.seen.insert(key) {
            return;
        }
        let principal = Principal { reference, name: granted.name.clone(), groups: granted.groups.clone() };
        let sender = Sender { principal, granted: granted.actions.clone(), purpose: None, resource };
        self.recorded.push(Recorded { sender, sql: sql.clone() });
    }
}

/// Says what would be decided otherwise.
pub(super) fn compare(
    recorded: &[Recorded],
    place: &Place,
    old: &Policies,
    new: &Policies,
) -> Result<Vec<Difference>, ErrorReport> {
    let mut differences = Vec::new();
    for one in recorded {
        let before = place.decide(old, &one.sender, &one.sql)?;
        let after = place.decide(new, &one.sender, &one.sql)?;
        for (difference, why) in different(&before, &after) {
            let who = &one.sender.principal.name;
            println!("{}  {who} on {}: {}", difference.words(), one.sender.resource, one.sql);
            println!("      {why}");
            differences.push(difference);
        }
    }
    Ok(differences)
}

fn different(before: &Decided, after: &Decided) -> Vec<(Difference, String)> {
    let mut all = Vec::new();
    if before.outcome != after.outcome {
        let difference = match after.outcome {
            OutcomeKind::Deny => Difference::Denied,
            OutcomeKind::Hold => Difference::Held,
            OutcomeKind::Permit => Difference::Permitted,
        };
        let why = format!("was {}: {} ({})", word(before.outcome), after.message, after.policy);
        all.push((difference, why));
    }
    for (column, now) in &after.sights {
        let was_clear = before.sights.get(column).is_some_and(is_clear);
        let difference = match (was_clear, is_clear(now)) {
            (false, true) => Difference::Clear,
            (true, false) => Difference::Masked,
            _ => continue,
        };
        all.push((difference, format!("{column} is {} ({})", sight(now), now.reason().policy)));
    }
    all
}

const fn is_clear(sight: &Sight) -> bool {
    matches!(sight, Sight::Clear(_))
}
