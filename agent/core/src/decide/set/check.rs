//! Everything that can be wrong with a set is found here, before it decides about anything.

use std::{collections::HashSet, fmt, str::FromStr as _};

use cedar_policy::{
    EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::{Rule, SCHEMA, Types};

/// Longest text of a set.
const MAX_TEXT: usize = 4 << 20;
/// Most policies of a set.
const MAX_POLICIES: usize = 5_000;

/// Something that is wrong with a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyProblem {
    /// The policy's id, where it has one.
    pub policy: Option<String>,
    pub message: String,
}

impl PolicyProblem {
    pub(super) fn new(policy: Option<&str>, message: String) -> Self {
        Self { policy: policy.map(str::to_owned), message }
    }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.policy {
            Some(policy) => write!(f, "`{policy}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A set without problems, before it is laid out.
pub(super) struct Checked {
    pub(super) policies: Vec<(Policy, Rule)>,
    pub(super) types: Types,
    pub(super) action: EntityTypeName,
    pub(super) reads_time: bool,
}

pub(super) fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

pub(super) fn check(text: &str) -> Result<Checked, Vec<PolicyProblem>> {
    let wrong = |message: String| vec![PolicyProblem::new(None, message)];
    if text.len() > MAX_TEXT {
        return Err(wrong(format!("the policies are over the limit of {MAX_TEXT} bytes")));
    }
    let parsed = PolicySet::from_str(text).map_err(|errors| {
        let lines = errors.iter().map(|error| PolicyProblem::new(None, located(error, text)));
        lines.collect::<Vec<_>>()
    })?;
    if parsed.templates().next().is_some() {
        return Err(wrong("templates (?principal, ?resource) are not used here; write policies".to_owned()));
    }
    if parsed.num_of_policies() > MAX_POLICIES {
        return Err(wrong(format!("more than {MAX_POLICIES} policies")));
    }
    let policies = read(&parsed)?;
    validate(&policies)?;
    let types = types().map_err(wrong)?;
    let action = EntityTypeName::from_str("Action").map_err(|error| wrong(error.to_string()))?;
    // A cached decision must not outlive the minute, if any policy so much as names the time.
    let reads_time = policies.iter().any(|(policy, _)| policy.to_string().contains("time"));
    Ok(Checked { policies, types, action, reads_time })
}

/// With the line where it was found.
fn located(error: &cedar_policy::ParseError, text: &str) -> String {
    use miette::Diagnostic as _;
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let line = offset.and_then(|offset| text.get(..offset)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    }
}

fn read(parsed: &PolicySet) -> Result<Vec<(Policy, Rule)>, Vec<PolicyProblem>> {
    let mut in_order: Vec<&Policy> = parsed.policies().collect();
    // Cedar numbers them as they come: `policy0`, `policy1` …
    in_order.sort_by_key(|policy| {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let (mut policies, mut problems, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    for (place, policy) in in_order.into_iter().enumerate() {
        match Rule::read(policy, place) {
            Ok(rule) if !ids.insert(rule.id.clone()) => {
                let message = "two policies have this id; give each its own".to_owned();
                problems.push(PolicyProblem::new(Some(&rule.id), message));
            }
            Ok(rule) => policies.push((policy.new_id(PolicyId::new(&rule.id)), rule)),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(policies) } else { Err(problems) }
}

fn validate(policies: &[(Policy, Rule)]) -> Result<(), Vec<PolicyProblem>> {
    let wrong = |message: String| vec![PolicyProblem::new(None, message)];
    let (schema, _warnings) =
        Schema::from_cedarschema_str(SCHEMA).map_err(|error| wrong(format!("schema: {error}")))?;
    let set = PolicySet::from_policies(policies.iter().map(|(policy, _)| policy.clone()))
        .map_err(|error| wrong(error.to_string()))?;
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    // Their texts name the policy.
    let mut problems: Vec<_> = result.validation_errors().map(|error| error.to_string()).collect();
    // A policy that can never speak is a mistake in what somebody relies on.
    problems.extend(result.validation_warnings().map(|warning| warning.to_string()));
    let problems: Vec<_> = problems.into_iter().map(|problem| PolicyProblem::new(None, problem)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn types() -> Result<Types, String> {
    let named = |name: &str| EntityTypeName::from_str(name).map_err(|error| error.to_string());
    Ok(Types {
        human: named("Human")?,
        service: named("Service")?,
        agent: named("Agent")?,
        group: named("Group")?,
        database: named("Database")?,
        schema: named("Schema")?,
        table: named("Table")?,
        column: named("Column")?,
    })
}
