//! `connect-agent policy test`: what a policy set would decide, without an agent and without running anything.
//! Expectations are held against it; recorded statements are decided again by the set in force and by the new
//! one, and every difference is told.
//!
//! Read next: [`cases`] for expectation files, [`replay`] for recorded statements.

mod cases;
mod replay;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use connect_core::{
    catalog::Catalog,
    decide::{Asking, Policies, column::Sight},
    explain::{Asker, Explained, explain},
    mask::MaskKey,
    principal::{GrantInForce, Narrowed, Principal, Resource},
    session::Session,
    understand::{Limits, new_session_as},
};
use connect_shared::{
    decision::OutcomeKind,
    entry::PrincipalRef,
    error::{ErrorReport, Exit},
    grant::Action,
    ids::GrantId,
};

use super::load;
use crate::{
    catalog,
    config::{Config, PolicyConfig, Roles, WorksAs},
    serve::wall_clock,
};

/// Decides about expectations and recorded statements with a policy set; runs nothing of them.
///
/// The catalogs of the resources that they name are read as the agent reads them. Exit status 10: an
/// expectation is not met, or recorded statements would be decided otherwise.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The configuration.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/connect/agent.toml",
        env = "CONNECT_AGENT_CONFIG"
    )]
    config: PathBuf,
    /// Files of the set to try; without any it is that of the configuration.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Expectations, in TOML: [[case]] with sql, resource, principal, groups, granted, expect …
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,
    /// Recorded statements, as a sink of format `entries` writes them.
    #[arg(long, value_name = "FILE")]
    replay: Vec<PathBuf>,
    /// Differences that are meant, and change nothing about the exit status.
    #[arg(long, value_enum, value_delimiter = ',')]
    allow: Vec<Difference>,
}

/// How a recorded statement would be decided otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Difference {
    Denied,
    Held,
    Permitted,
    Clear,
    Masked,
}

impl Difference {
    const fn words(self) -> &'static str {
        match self {
            Self::Denied => "newly denied",
            Self::Held => "newly held",
            Self::Permitted => "newly permitted",
            Self::Clear => "newly clear",
            Self::Masked => "newly masked",
        }
    }
}

/// Somebody who sends a text.
#[derive(Debug, Clone)]
struct Sender {
    principal: Principal,
    granted: Vec<Action>,
    purpose: Option<String>,
    resource: String,
}

/// What a set decides about one text.
struct Decided {
    outcome: OutcomeKind,
    policy: String,
    message: String,
    /// By column, as far as the text reads it.
    sights: BTreeMap<String, Sight>,
}

/// Everything that decisions depend on beside policies.
struct Place {
    resources: HashMap<String, (Arc<Resource>, Catalog, Roles)>,
    mask_key: MaskKey,
}

/// # Errors
/// An expectation is not met, a recorded statement would be decided otherwise, or something cannot be read.
pub async fn run(arguments: TestArgs) -> Result<(), ErrorReport> {
    let config = crate::command::load(&arguments.config)?;
    let old = load(&config.policy)?;
    let new = match arguments.policy.is_empty() {
        true => Arc::clone(&old),
        false => load(&PolicyConfig { files: arguments.policy.clone() })?,
    };
    let cases = cases::read(&arguments.expect)?;
    let recorded = replay::read(&arguments.replay)?;
    let named = cases.iter().map(|case| &case.sender.resource);
    let named = named.chain(recorded.iter().map(|recorded| &recorded.sender.resource));
    let place = Place::read(&config, named.cloned().collect()).await?;
    // Statements are walked by recursion, and nothing here waits.
    let task = tokio::task::spawn_blocking(move || {
        let failed = cases::hold(&cases, &place, &new)?;
        let differences = replay::compare(&recorded, &place, &old, &new)?;
        Ok::<_, ErrorReport>((failed, cases.len(), differences, recorded.len()))
    });
    let (failed, cases, differences, recorded) =
        task.await.map_err(|_| ErrorReport::new("internal", Exit::Unexpected, "ended by a bug"))??;
    let meant = |difference: &Difference| arguments.allow.contains(difference);
    let unmeant = differences.iter().filter(|difference| !meant(difference)).count();
    println!(
        "{} of {cases} expectations met; {recorded} recorded statements, {} decided otherwise",
        cases - failed,
        differences.len()
    );
    if failed + unmeant == 0 {
        return Ok(());
    }
    let words = format!("{failed} expectations are not met, {unmeant} differences are not allowed");
    Err(ErrorReport::new("policy_test", Exit::VerificationFailed, words))
}

impl Place {
    async fn read(config: &Config, mut names: Vec<String>) -> Result<Self, ErrorReport> {
        names.sort_unstable();
        names.dedup();
        let mut resources = HashMap::new();
        for name in names {
            let known = config.resources.iter().find(|resource| resource.resource.name == name);
            let known = known.ok_or_else(|| {
                let words = format!("`{name}` is no resource of this configuration");
                ErrorReport::new("no_such_resource", Exit::NotFound, words)
            })?;
            let catalog = catalog::labelled_once(&known.upstream, &known.labels, &known.functions).await;
            let catalog = catalog.map_err(|error| {
                ErrorReport::new("catalog", Exit::Unreachable, error.to_string()).retryable()
            })?;
            resources.insert(name, (Arc::clone(&known.resource), catalog, known.roles.clone()));
        }
        Ok(Self { resources, mask_key: MaskKey::new([0; 32]) })
    }

    /// What a set decides about a text; of several statements the strictest.
    fn decide(&self, policies: &Policies, sender: &Sender, sql: &str) -> Result<Decided, ErrorReport> {
        let found = self.resources.get(&sender.resource);
        let (resource, catalog, roles) = found.ok_or_else(|| {
            ErrorReport::new(
                "no_such_resource",
                Exit::NotFound,
                format!("`{}` was not read", sender.resource),
            )
        })?;
        let grant = GrantInForce {
            id: GrantId::from_random([0; 16]),
            actions: sender.granted.clone(),
            reason: sender.purpose.clone(),
            task: None,
            narrowed: Narrowed::default(),
            leaves: Arc::default(),
        };
        let wall = wall_clock();
        let asker = Asker {
            principal: &sender.principal,
            grant: &grant,
            resource,
            mask_key: &self.mask_key,
            policies,
            purpose: None,
            wall,
        };
        let role = match roles.of(&sender.principal) {
            WorksAs::Role(role) => Some(role),
            WorksAs::Account | WorksAs::Nobody => None,
        };
        let mut session: Session = new_session_as(role.as_deref(), catalog, None);
        let explained = explain(sql.as_bytes(), catalog, &mut session, &asker, &Limits::default());
        let asking = Asking { principal: &sender.principal, grant: &grant, resource, purpose: None, wall };
        let mut sights = BTreeMap::new();
        for one in &explained {
            for mask in &one.answer.masks {
                let sight = policies.sight(&asking, &mask.column, mask.label, &one.statement, None);
                sights.insert(mask.column.clone(), sight);
            }
        }
        Ok(strictest(&explained, sights))
    }
}

fn strictest(explained: &[Explained], sights: BTreeMap<String, Sight>) -> Decided {
    let decisions = explained.iter().map(|one| &one.answer.decision);
    let strictest = decisions.min_by_key(|decision| decision.outcome.kind());
    let reason = strictest.and_then(|decision| decision.reasons.first());
    Decided {
        outcome: strictest.map_or(OutcomeKind::Permit, |decision| decision.outcome.kind()),
        policy: reason.map(|reason| reason.policy.clone()).unwrap_or_default(),
        message: reason.map(|reason| reason.message.clone()).unwrap_or_default(),
        sights,
    }
}

/// Somebody of this name, as an identity provider would tell of them.
fn principal(name: &str, groups: Vec<String>, actor: Option<String>) -> Principal {
    let reference = PrincipalRef { sub: name.to_owned(), idp: "policy-test".to_owned(), actor };
    Principal { reference, name: name.to_owned(), groups }
}

fn unreadable(path: &std::path::Path, why: &dyn std::fmt::Display) -> ErrorReport {
    ErrorReport::new("test_file", Exit::Usage, format!("`{}`: {why}", path.display()))
}
