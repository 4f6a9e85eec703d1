//! A policy set: read, validated against the schema as one, and laid out for quick questions. One that has
//! any problem is no set at all.

mod annotation;
mod check;

use std::{collections::HashMap, fmt, time::Duration};

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, Entities, EntityTypeName, EntityUid, PolicySet, Request,
};
use connect_shared::hexadecimal::hexadecimal;

use super::Need;

pub(super) use self::annotation::{Approval, MaskWish, RuleLimits};
pub use self::check::PolicyProblem;

/// The schema that every policy is validated against.
pub const SCHEMA: &str = include_str!("schema.cedarschema");
/// The policies that decide where none are configured.
pub const DEFAULT_POLICY: &str = include_str!("default.cedar");

/// Everything that can be done with a resource, as the schema has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    Connect,
    Read,
    Insert,
    Update,
    Delete,
    Ddl,
    Grant,
    Copy,
    Call,
    Admin,
}

impl Act {
    pub(super) const ALL: [Self; 10] = [
        Self::Connect,
        Self::Read,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Ddl,
        Self::Grant,
        Self::Copy,
        Self::Call,
        Self::Admin,
    ];

    /// Its id in the schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Ddl => "ddl",
            Self::Grant => "grant",
            Self::Copy => "copy",
            Self::Call => "call",
            Self::Admin => "admin",
        }
    }
}

/// One policy, as far as Cedar itself does not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    /// Its place in the text: of several that speak, the first is named.
    pub(super) place: usize,
    pub(super) effect: Effect,
    /// A forbid that somebody can lift.
    pub(super) approval: Option<Approval>,
    /// What becomes of the columns that a permit is about.
    pub(super) mask: Option<MaskWish>,
    /// What a permit lets a statement take.
    pub(super) limits: RuleLimits,
    /// It is evaluated and recorded, and changes nothing.
    pub(super) shadow: bool,
    pub(super) message: Option<String>,
    pub(super) hint: Option<String>,
}

/// Policies about one action: permits and forbids apart, since Cedar names no permit that a forbid beats.
#[derive(Default)]
struct Slice {
    permits: PolicySet,
    forbids: PolicySet,
}

/// Rules that spoke about one request.
#[derive(Debug, Default)]
pub(super) struct Spoken<'p> {
    /// In the order of the text.
    pub(super) permits: Vec<&'p Rule>,
    pub(super) forbids: Vec<&'p Rule>,
    /// Some policy could not be evaluated: nothing is permitted then.
    pub(super) failed: Option<String>,
}

/// Types of the schema.
pub(super) struct Types {
    pub(super) human: EntityTypeName,
    pub(super) service: EntityTypeName,
    pub(super) agent: EntityTypeName,
    pub(super) group: EntityTypeName,
    pub(super) database: EntityTypeName,
    pub(super) schema: EntityTypeName,
    pub(super) table: EntityTypeName,
    pub(super) column: EntityTypeName,
}

/// A policy set that may decide.
pub struct Policies {
    digest: String,
    slices: HashMap<Act, (EntityUid, Slice)>,
    rules: HashMap<String, Rule>,
    pub(super) types: Types,
    /// Some policy looks at the time, so that a decision holds for a minute.
    reads_time: bool,
    has_shadow: bool,
    /// Some policy shows columns in clear, or hides them.
    has_wishes: bool,
    /// Some policy may speak about a column for itself.
    speaks_of_columns: bool,
    authorizer: Authorizer,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies")
            .field("digest", &self.digest)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

impl Policies {
    /// Reads policies in Cedar's syntax. All of them hold, or none.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(text: &str) -> Result<Self, Vec<PolicyProblem>> {
        let checked = check::check(text)?;
        let mut slices = HashMap::new();
        for act in Act::ALL {
            let uid = check::uid(&checked.action, act.as_str());
            slices.insert(act, (uid, Slice::default()));
        }
        let (mut rules, mut problems) = (HashMap::new(), Vec::new());
        for (policy, rule) in checked.policies {
            for (uid, slice) in slices.values_mut() {
                if !concerns(&policy.action_constraint(), uid) {
                    continue;
                }
                let set = match rule.effect {
                    Effect::Permit => &mut slice.permits,
                    Effect::Forbid => &mut slice.forbids,
                };
                if let Err(error) = set.add(policy.clone()) {
                    problems.push(PolicyProblem::new(Some(&rule.id), error.to_string()));
                }
            }
            rules.insert(rule.id.clone(), rule);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let is_default = text == DEFAULT_POLICY;
        Ok(Self {
            digest: digest(text),
            slices,
            has_shadow: rules.values().any(|rule| rule.shadow),
            has_wishes: rules.values().any(|rule| rule.mask.is_some() && !rule.shadow),
            rules,
            types: checked.types,
            reads_time: checked.reads_time,
            speaks_of_columns: !is_default,
            authorizer: Authorizer::new(),
        })
    }

    /// SHA-256 over policies and schema, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many policies there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rules.len()
    }

    pub(super) const fn has_shadow(&self) -> bool {
        self.has_shadow
    }

    pub(super) const fn speaks_of_columns(&self) -> bool {
        self.speaks_of_columns
    }

    /// Whether some policy says what becomes of a column's values.
    #[must_use]
    pub const fn wishes(&self) -> bool {
        self.has_wishes
    }

    /// For how long a decision of now holds, if nothing else changes: another number, another moment.
    #[must_use]
    pub fn moment(&self, wall: Duration) -> u64 {
        if self.reads_time { wall.as_secs() / 60 } else { 0 }
    }

    /// The rules of these names (`default/destructive`, or `destructive`) that hold what they are about, in order, and
    /// who must approve that, and for how long they can: the shortest time of theirs.
    ///
    /// # Errors
    /// In words: there is none of a name, it holds nothing, or different people are asked.
    pub fn holding(&self, names: &[String]) -> Result<(Vec<String>, Need), String> {
        let mut rules: Vec<(&Rule, &Approval)> = Vec::new();
        for name in names {
            let rule = self.rules.get(name).or_else(|| self.rules.get(&format!("default/{name}")));
            let holds =
                rule.filter(|rule| !rule.shadow).and_then(|rule| Some((rule, rule.approval.as_ref()?)));
            rules.push(holds.ok_or_else(|| self.no_such_rule(name))?);
        }
        rules.sort_by_key(|(rule, _)| rule.place);
        rules.dedup_by_key(|(rule, _)| rule.place);
        let Some((_, first)) = rules.first() else { return Err("no rule is named".to_owned()) };
        if rules.iter().any(|(_, approval)| approval.who != first.who) {
            return Err("different people approve what these rules hold: ask for each by itself".to_owned());
        }
        let count = rules.iter().map(|(_, approval)| approval.count).max().unwrap_or(1);
        let window = rules.iter().filter_map(|(_, approval)| approval.window).min();
        let need = Need { who: first.who.clone(), count, window, template: false };
        Ok((rules.into_iter().map(|(rule, _)| rule.id.clone()).collect(), need))
    }

    fn no_such_rule(&self, name: &str) -> String {
        let mut holding: Vec<&Rule> =
            self.rules.values().filter(|rule| rule.approval.is_some() && !rule.shadow).collect();
        holding.sort_unstable_by_key(|rule| rule.place);
        let known: Vec<&str> = holding.into_iter().map(|rule| rule.id.as_str()).collect();
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
        format!("no rule `{name}` holds anything; there are {}", known.join(", "))
    }

    pub(super) fn action(&self, act: Act) -> Option<&EntityUid> {
        self.slices.get(&act).map(|(uid, _)| uid)
    }

    /// Which rules speak about a request.
    pub(super) fn ask(&self, act: Act, request: &Request, entities: &Entities) -> Spoken<'_> {
        let Some((_, slice)) = self.slices.get(&act) else {
            return Spoken { failed: Some("no such action".to_owned()), ..Spoken::default() };
        };
        let mut spoken = Spoken::default();
        for (set, into) in [(&slice.permits, &mut spoken.permits), (&slice.forbids, &mut spoken.forbids)] {
            let response = self.authorizer.is_authorized(request, set, entities);
            // Cedar passes over a policy that fails; what it would have forbidden is not known.
            if let Some(error) = response.diagnostics().errors().next() {
                spoken.failed.get_or_insert_with(|| error.to_string());
            }
            let named = response.diagnostics().reason();
            into.extend(named.filter_map(|id| self.rules.get(AsRef::<str>::as_ref(id))));
            into.sort_unstable_by_key(|rule| rule.place);
        }
        spoken
    }
}

fn concerns(constraint: &ActionConstraint, action: &EntityUid) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => actions.contains(action),
        ActionConstraint::Eq(only) => only == action,
    }
}

fn digest(text: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [SCHEMA, text] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hexadecimal(context.finish().as_ref())
}

#[cfg(test)]
mod tests;
