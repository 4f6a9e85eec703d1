//! Run ids of others: taken up from the environment, and passed on to the command.

use connect_shared::grant::RunIdentity;

/// OpenLineage's and MLflow's own names.
const PARENT: &str = "OPENLINEAGE_PARENT_ID";
const TRACE: &str = "TRACEPARENT";
const MLFLOW: &str = "MLFLOW_RUN_ID";
/// Longest id of others that is kept.
const MAX_PARENT: usize = 300;

/// What this run is part of, as the environment says it.
pub(super) fn parent() -> Option<String> {
    let said = |name: &str| std::env::var(name).ok().filter(|value| is_sound(value));
    said(PARENT)
        .or_else(|| said(MLFLOW).map(|id| format!("mlflow:{id}")))
        .or_else(|| said(TRACE).map(|id| format!("trace:{id}")))
}

fn is_sound(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_PARENT - "mlflow:".len() && !value.chars().any(char::is_control)
}

/// What the command finds beside the resource: this run as the parent of whatever it starts. A trace goes on
/// under its own id; MLflow's run id stays what it is, because it is inherited.
pub(super) fn of(run: &RunIdentity) -> Vec<(&'static str, String)> {
    let id = run.id.to_string();
    let mut variables =
        vec![("CONNECT_RUN_ID", id.clone()), (PARENT, format!("connect/{}/{id}", run.job.replace('/', "_")))];
    if std::env::var_os(TRACE).is_none() {
        let trace = id.replace('-', "");
        let span = trace.get(..16).unwrap_or_default();
        variables.push((TRACE, format!("00-{trace}-{span}-01")));
    }
    variables
}

#[cfg(test)]
mod tests {
    use connect_shared::ids::RunId;

    use super::*;

    #[test]
    fn the_command_finds_this_run_as_its_parent() {
        let id = RunId::from_random([7; 16]);
        let run = RunIdentity { id, job: "a/b".into(), key: String::new(), parent: None };
        let found = of(&run);
        assert_eq!(found[0], ("CONNECT_RUN_ID", id.to_string()));
        assert_eq!(found[1].1, format!("connect/a_b/{id}"));
    }

    #[test]
    fn an_id_that_would_break_a_line_is_no_id() {
        assert!(is_sound("food/job/0190b5f0"));
        assert!(!is_sound("") && !is_sound("a\nb") && !is_sound(&"x".repeat(400)));
    }
}
