//! Why a grant is not issued, in words for the one who asked.

use connect_core::principal::Principal;
use connect_shared::{
    error::{ErrorReport, Exit, StepUp},
    grant::Action,
};

/// Why a grant is not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    #[error("there is no resource `{0}` at this agent")]
    NoSuchResource(String),
    #[error("`{principal}` may not {} `{resource}`: {}", verb(*action), because(groups, admits))]
    NotAllowed { principal: String, resource: String, action: Action, groups: Vec<String>, admits: String },
    #[error("the AI agent `{actor}` may only read `{resource}`")]
    ActorReads { actor: String, resource: String },
    #[error("`{resource}` takes a stronger sign-in: {}", ways(demands))]
    StepUp { resource: String, demands: StepUp },
    #[error("the name of the AI agent must be 1 to 64 letters, digits, `-`, `_`, `.` or `/`")]
    BadActor,
    #[error("the task must be 1 to 128 letters, digits, `-`, `_`, `.`, `/`, `:` or `#`")]
    BadTask,
    #[error("tables are at most 64 of `schema.table` or `schema.*`")]
    BadTables,
    #[error(
        "the run needs a UUID, the name of a job, a key with the run's id as its name, and no resources or 2 to 16 \
         of which this is one"
    )]
    BadRun,
    #[error("the reason must be one line of at most 500 characters")]
    BadReason,
    #[error("`{principal}` may open `{resource}`, but no role of that database is meant for them")]
    NoRole { principal: String, resource: String },
    #[error("the grant could not be signed")]
    Unsigned,
}

impl GrantRefusal {
    pub(super) fn not_allowed(principal: &Principal, resource: &str, action: Action, admits: String) -> Self {
        Self::NotAllowed {
            principal: principal.name.clone(),
            resource: resource.to_owned(),
            action,
            groups: principal.groups.clone(),
            admits,
        }
    }

    /// Stable name for programs and for the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchResource(_) => "no_such_resource",
            Self::NotAllowed { .. } => "not_allowed",
            Self::ActorReads { .. } => "actor_reads_only",
            Self::StepUp { .. } => "step_up_needed",
            Self::NoRole { .. } => "no_role",
            Self::BadActor | Self::BadTask | Self::BadReason | Self::BadRun | Self::BadTables => {
                "bad_request"
            }
            Self::Unsigned => "internal",
        }
    }

    /// For the caller.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let report = |exit| ErrorReport::new(self.code(), exit, self.to_string());
        match self {
            Self::NoSuchResource(_) => report(Exit::NotFound).help("connect ls"),
            Self::NotAllowed { .. } => report(Exit::Denied)
                .help("ask for membership in one of these groups, then run `connect login` again")
                .help("connect ls"),
            Self::NoRole { .. } => report(Exit::Denied)
                .help("ask an administrator of this resource which group has a role there")
                .help("connect ls"),
            Self::ActorReads { resource, .. } => report(Exit::Denied)
                .help(format!("connect open {resource} --read-only"))
                .help("let the human whom it acts for make the change"),
            Self::StepUp { demands, .. } => {
                let line = demands.acr.first().map(|class| format!("connect login --acr {class}"));
                let mut report = report(Exit::SignInNeeded).help(line.as_deref().unwrap_or("connect login"));
                report.step_up = Some(Box::new(demands.clone()));
                report
            }
            Self::BadActor | Self::BadTask | Self::BadReason | Self::BadRun | Self::BadTables => {
                report(Exit::Usage)
            }
            Self::Unsigned => {
                report(Exit::Unexpected).help("tell the operator of the agent to see its own log")
            }
        }
    }
}

fn ways(demands: &StepUp) -> String {
    let list = |name: &str, values: &[String]| {
        (!values.is_empty()).then(|| format!("`{name}` must be {}", values.join(" or ")))
    };
    let ways: Vec<String> =
        [list("acr", &demands.acr), list("amr", &demands.amr)].into_iter().flatten().collect();
    ways.join(", and ")
}

const fn verb(action: Action) -> &'static str {
    match action {
        Action::Read => "read",
        Action::Write => "write to",
    }
}

fn because(groups: &[String], admits: &str) -> String {
    let own = match groups {
        [] => "the sign-in brought no groups".to_owned(),
        [one] => format!("its only group is `{one}`"),
        many => format!("its groups are `{}`", many.join("`, `")),
    };
    match admits {
        "" => format!("{own}, and nobody is admitted to that"),
        admits => format!("{own}, and admitted are {admits}"),
    }
}
