//! What a notice says, in JSON.

use connect_shared::{
    grant::Action,
    ids::RequestId,
    request::{RequestKind, RequestState, RequestStep},
};
use serde::Serialize;

use crate::{
    config::AccessList,
    store::{Details, Request},
};

/// Longest normal form of a statement, in letters, and most names of tables.
const MAX_NORMAL: usize = 1_500;
const MAX_TABLES: usize = 30;

/// One step of a request. There is no text of a statement here, and no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    pub(super) request: RequestId,
    pub(super) kind: RequestKind,
    pub(super) step: RequestStep,
    pub(super) state: RequestState,
    pub(super) resource: String,
    /// Who asks.
    pub(super) principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// `delete`, or for access `read` and `write`.
    pub(super) verbs: Vec<String>,
    /// For how long, of what is for a time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<u64>,
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
    /// Columns that are to be seen in clear, and rules whose statements need not wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<String>,
    /// Labels of protected columns of these.
    pub(super) labels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The statement with placeholders where values stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) normalized: Option<String>,
    /// Who may decide, in words, how many of them must, and how many have.
    pub(super) approvers: Vec<String>,
    pub(super) approvals: u32,
    pub(super) approved: usize,
    /// Who gave the verdict that this tells of, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) because: Option<String>,
    /// Seconds since 1970.
    pub(super) expires_at: u64,
    /// The page where it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

impl Message {
    /// `approvers` are those of the resource.
    pub(super) fn of(
        request: &Request,
        step: RequestStep,
        approvers: Vec<String>,
        link: Option<String>,
    ) -> Self {
        let verdict = request.verdicts.last().filter(|_| step != RequestStep::Requested);
        let approved = request.verdicts.iter().filter(|verdict| verdict.state == RequestState::Approved);
        let mut message = Self {
            request: request.id,
            kind: request.key.kind,
            step,
            state: request.state,
            resource: request.key.resource.clone(),
            principal: request.name.clone(),
            actor: request.key.principal.actor.clone(),
            reason: request.reason.clone(),
            verbs: Vec::new(),
            seconds: None,
            reads: Vec::new(),
            writes: Vec::new(),
            columns: Vec::new(),
            rules: Vec::new(),
            labels: Vec::new(),
            policy: None,
            why: None,
            normalized: None,
            approvers,
            approvals: 1,
            approved: approved.count(),
            by: verdict.map(|verdict| verdict.name.clone()),
            because: verdict.and_then(|verdict| verdict.reason.clone()),
            expires_at: request.expires_at,
            link,
        };
        message.add(&request.details);
        message
    }

    fn add(&mut self, details: &Details) {
        match details {
            Details::Access { actions, seconds } => {
                let word = |action: &Action| match action {
                    Action::Read => "read".to_owned(),
                    Action::Write => "write".to_owned(),
                };
                self.verbs = actions.iter().map(word).collect();
                self.seconds = Some(*seconds);
            }
            Details::Statement(statement) => {
                self.verbs.clone_from(&statement.verbs);
                self.reads = some_of(&statement.reads);
                self.writes = some_of(&statement.writes);
                self.labels = statement.labelled.iter().map(|one| one.label.as_str().to_owned()).collect();
                self.labels.sort_unstable();
                self.labels.dedup();
                self.policy = Some(statement.policy.clone());
                self.why = Some(statement.why.clone());
                self.normalized = statement.normalized.as_deref().map(beginning);
                self.approvals = statement.approvals;
                self.asks(&statement.who);
            }
            Details::Unmask { columns, seconds, who } => {
                self.verbs = vec!["see in clear".to_owned()];
                self.seconds = Some(*seconds);
                self.columns = columns.iter().take(MAX_TABLES).map(|one| one.column.clone()).collect();
                self.labels = columns.iter().map(|one| one.label.as_str().to_owned()).collect();
                self.labels.sort_unstable();
                self.labels.dedup();
                self.asks(who);
            }
            Details::Window { rules, seconds, who, approvals, digest: _ } => {
                self.verbs = vec!["run what these rules hold".to_owned()];
                self.seconds = Some(*seconds);
                self.rules = some_of(rules);
                self.approvals = *approvals;
                self.asks(who);
            }
            Details::BreakGlass { until } => {
                self.verbs = vec!["run whatever would be held".to_owned()];
                // What is to be reviewed waits for ever; this is until when nothing waits.
                self.expires_at = *until;
            }
        }
    }

    /// Of these persons, if it says which.
    fn asks(&mut self, who: &[String]) {
        if !who.is_empty() {
            self.approvers = AccessList::of(who).unwrap_or_default().words();
        }
    }

    /// Unique for each step, and the same each time that it is sent.
    pub(super) fn id(&self) -> String {
        format!("{}-{}-{}", self.request, self.event(), self.approved)
    }

    /// `requested`, `approved` …
    pub(super) fn event(&self) -> String {
        let word = serde_json::to_value(self.step).ok();
        word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
    }
}

fn some_of(names: &[String]) -> Vec<String> {
    names.iter().take(MAX_TABLES).cloned().collect()
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_NORMAL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
