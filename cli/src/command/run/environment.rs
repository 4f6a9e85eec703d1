//! Run ids of others: taken up from the environment, and passed on to the command.

use connect_shared::ids::RunId;

use super::record;
use crate::{
    paths::Paths,
    session::{self, ClientSettings},
};

/// OpenLineage's and MLflow's own names.
const PARENT: &str = "OPENLINEAGE_PARENT_ID";
const TRACE: &str = "TRACEPARENT";
const MLFLOW: &str = "MLFLOW_RUN_ID";
/// Our own run, and what that was a part of if it was begun by `run start`.
const OURS: &str = "CONNECT_RUN_ID";
const BEFORE: &str = "CONNECT_RUN_PARENT";
/// What the variable of a resource's URL begins with.
const URL: &str = "CONNECT_URL_";
/// Longest id of others that is kept.
const MAX_PARENT: usize = 300;

/// What this run is part of, as the environment says it.
pub(super) fn parent(paths: &Paths) -> Option<String> {
    let open = |run: &str| record::meant(paths, Some(run)).is_ok();
    parent_of(|name| std::env::var(name).ok(), open)
}

/// A notebook keeps the variables of a run that it has stopped: what comes after that is no part of it.
fn parent_of(variable: impl Fn(&str) -> Option<String>, open: impl Fn(&str) -> bool) -> Option<String> {
    let said = |name: &str| variable(name).filter(|value| is_sound(value));
    let (named, before) = (said(PARENT), variable(BEFORE));
    let over = stopped(&variable, open);
    let stopped =
        over.is_some_and(|run| named.as_ref().is_some_and(|named| named.ends_with(&format!("/{run}"))));
    let mlflow = || said(MLFLOW).map(|id| format!("mlflow:{id}"));
    // The trace is of the run that was stopped.
    if stopped {
        return before.filter(|before| is_sound(before)).or_else(mlflow);
    }
    named.or_else(mlflow).or_else(|| said(TRACE).map(|id| format!("trace:{id}")))
}

/// The run whose variables these still are, if it was begun by `run start` and is over.
fn stopped(variable: impl Fn(&str) -> Option<String>, open: impl Fn(&str) -> bool) -> Option<String> {
    variable(BEFORE)?;
    variable(OURS).filter(|run| is_sound(run) && !open(run))
}

/// Whether the session that `CONNECT_PARENT` names is that of an AI agent's run which was stopped. The agent may begin
/// its next run in the same notebook, under its own name.
pub(super) fn was_an_agents(paths: &Paths) -> bool {
    let open = |run: &str| record::meant(paths, Some(run)).is_ok();
    stopped(|name| std::env::var(name).ok(), open).is_some()
        && session::Parent::around().is_some_and(|parent| !parent.socket.exists())
}

fn is_sound(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_PARENT - "mlflow:".len() && !value.chars().any(char::is_control)
}

/// The variable with the URL of a resource: letters and digits as they are, in capitals.
pub(super) fn url_name(resource: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    URL.chars().chain(resource.chars().map(letter)).collect()
}

/// The URL of each resource by its name.
pub(super) fn urls<'a>(all: impl Iterator<Item = (&'a str, &'a ClientSettings)>) -> Vec<(String, String)> {
    all.map(|(resource, client)| (url_name(resource), client.url())).collect()
}

/// What the command finds beside its resources: this run as the parent of whatever it starts. A trace goes on
/// under its own id; MLflow's run id stays what it is, because it is inherited.
pub(super) fn of(run: RunId, job: &str) -> Vec<(String, String)> {
    let id = run.to_string();
    let parent = format!("connect/{}/{id}", job.replace('/', "_"));
    let mut variables = vec![(OURS.to_owned(), id.clone()), (PARENT.to_owned(), parent)];
    if std::env::var_os(TRACE).is_none() {
        let trace = id.replace('-', "");
        let span = trace.get(..16).unwrap_or_default();
        variables.push((TRACE.to_owned(), format!("00-{trace}-{span}-01")));
    }
    variables
}

/// The same for what is begun by `run start`.
pub(super) fn of_started(run: RunId, job: &str, paths: &Paths) -> Vec<(String, String)> {
    let mut variables = of(run, job);
    variables.push((BEFORE.to_owned(), parent(paths).unwrap_or_default()));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_finds_this_run_as_its_parent() {
        let id = RunId::from_random([7; 16]);
        let found = of(id, "a/b");
        assert_eq!(found[0], ("CONNECT_RUN_ID".to_owned(), id.to_string()));
        assert_eq!(found[1].1, format!("connect/a_b/{id}"));
    }

    #[test]
    fn a_run_that_was_stopped_is_no_parent_and_what_was_around_it_still_is() {
        let run = RunId::from_random([7; 16]).to_string();
        let parent = |before: Option<&str>, open: bool| {
            let variable = |name: &str| match name {
                PARENT => Some(format!("connect/job/{run}")),
                OURS => Some(run.clone()),
                BEFORE => before.map(str::to_owned),
                _ => None,
            };
            parent_of(variable, |_| open)
        };
        let own = Some(format!("connect/job/{run}"));
        assert_eq!(parent(Some("airflow/dag/1"), true), own);
        assert_eq!(parent(Some("airflow/dag/1"), false), Some("airflow/dag/1".to_owned()));
        assert_eq!(parent(Some(""), false), None);
        assert_eq!(parent(None, false), own, "a command's run lasts as long as the command");
    }

    #[test]
    fn the_variable_of_a_resource_is_one_in_every_shell() {
        assert_eq!(url_name("shop-db"), "CONNECT_URL_SHOP_DB");
        assert_eq!(url_name("a.b=c$(x)é"), "CONNECT_URL_A_B_C__X__");
    }

    #[test]
    fn an_id_that_would_break_a_line_is_no_id() {
        assert!(is_sound("food/job/0190b5f0"));
        assert!(!is_sound("") && !is_sound("a\nb") && !is_sound(&"x".repeat(400)));
    }
}
