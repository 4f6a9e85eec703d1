//! What of an entry can be searched by.

use connect_shared::{
    decision::{Decision, Obligation, Outcome, OutcomeKind},
    entry::{Entry, Leaf, PrincipalRef, TextRef},
    ids::{RunId, SessionId, StatementId},
};

/// What an object was to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum What {
    Table,
    Column,
    Label,
    Run,
}

impl What {
    /// Its number in the table.
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Table => 0,
            Self::Column => 1,
            Self::Label => 2,
            Self::Run => 3,
        }
    }
}

/// The number of a decision in the table.
pub(super) const fn decision_code(kind: OutcomeKind) -> i64 {
    match kind {
        OutcomeKind::Deny => 0,
        OutcomeKind::Hold => 1,
        OutcomeKind::Permit => 2,
    }
}

/// Of one entry.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) principal: Option<&'a PrincipalRef>,
    /// The name that a grant gave to its principal.
    pub(super) name: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
    pub(super) session: Option<SessionId>,
    pub(super) statement: Option<StatementId>,
    pub(super) decision: Option<OutcomeKind>,
    pub(super) fingerprints: Vec<&'a str>,
    pub(super) objects: Vec<(What, String)>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(leaf: &'a Leaf) -> Self {
        let mut facts = Self::default();
        match &leaf.entry {
            Entry::GrantIssued { principal, name, resource, .. } => {
                facts.principal = Some(principal);
                facts.name = Some(name);
                facts.resource = Some(resource);
            }
            Entry::GrantRefused { resource, principal, .. } => {
                facts.principal = principal.as_ref();
                facts.resource = Some(resource);
            }
            Entry::SessionOpened { session, principal, resource, .. } => {
                facts.principal = Some(principal);
                facts.resource = Some(resource);
                facts.session = Some(*session);
            }
            Entry::GrantRenewed { session, .. }
            | Entry::SessionParked { session, .. }
            | Entry::SessionResumed { session, .. }
            | Entry::SessionClosed { session, .. }
            | Entry::ConnectionOpened { session, .. }
            | Entry::ConnectionClosed { session, .. }
            | Entry::CancelRequested { session, .. } => facts.session = Some(*session),
            Entry::UpstreamOpened { resource, looks, .. } => {
                facts.resource = Some(resource);
                facts.principal = looks.as_deref().map(|looks| &looks.principal);
                looks.iter().flat_map(|looks| &looks.texts).for_each(|text| facts.text(text));
            }
            Entry::CatalogLoaded { resource, .. } => facts.resource = Some(resource),
            Entry::Intent(intent) => {
                facts.principal = Some(&intent.principal);
                facts.resource = Some(&intent.resource);
                facts.session = Some(intent.session);
                facts.statement = Some(intent.statement);
                facts.text(&intent.text);
                facts.decision(&intent.decision);
                let relations = intent.reads.iter().chain(&intent.writes);
                facts.objects.extend(relations.map(|name| (What::Table, name.clone())));
            }
            Entry::Denial(denial) => {
                facts.principal = Some(&denial.principal);
                facts.resource = Some(&denial.resource);
                facts.session = Some(denial.session);
                facts.statement = Some(denial.statement);
                facts.text(&denial.text);
                facts.decision(&denial.decision);
            }
            Entry::CanarySeen { session, principal, resource, .. } => {
                facts.principal = Some(principal);
                facts.resource = Some(resource);
                facts.session = Some(*session);
            }
            Entry::Explained { principal, resource, texts, outcome, .. } => {
                facts.principal = Some(principal);
                facts.resource = Some(resource);
                facts.decision = Some(*outcome);
                texts.iter().for_each(|text| facts.text(text));
            }
            Entry::Request(request) => {
                facts.principal = Some(&request.principal);
                facts.resource = Some(&request.resource);
            }
            Entry::RunEnded { principal, resource, .. } | Entry::Reconciled { principal, resource, .. } => {
                facts.principal = Some(principal);
                facts.resource = Some(resource);
            }
            Entry::Searched { principal, .. }
            | Entry::LineageAsked { principal, .. }
            | Entry::TextShown { principal, .. }
            | Entry::FolderListed { principal, .. } => {
                facts.principal = Some(principal);
            }
            Entry::Revoked { by, .. } | Entry::Restored { by, .. } => facts.principal = by.as_ref(),
            _ => {}
        }
        facts.objects.extend(run_of(&leaf.entry).map(|run| (What::Run, run.to_string())));
        facts.objects.sort_unstable();
        facts.objects.dedup();
        facts
    }

    fn text(&mut self, text: &'a TextRef) {
        if let TextRef::Fingerprint(fingerprint) = text {
            self.fingerprints.push(fingerprint);
        }
    }

    fn decision(&mut self, decision: &Decision) {
        self.decision = Some(decision.outcome.kind());
        for object in decision.reasons.iter().filter_map(|reason| reason.object.as_deref()) {
            // A reason names a table, or a column of one.
            self.objects.push((What::Table, object.to_owned()));
            self.column(object);
        }
        let Outcome::Permit(obligations) = &decision.outcome else { return };
        for obligation in obligations {
            if let Obligation::Mask { column, label } | Obligation::Show { column, label } = obligation {
                self.column(column);
                let label = label.as_str();
                self.objects.push((What::Label, label.to_owned()));
                if let Some((class, _)) = label.split_once('.') {
                    self.objects.push((What::Label, class.to_owned()));
                }
            }
        }
    }

    fn column(&mut self, path: &str) {
        let mut parts = path.rsplitn(2, '.');
        if let (Some(_), Some(table)) = (parts.next(), parts.next())
            && table.contains('.')
        {
            self.objects.push((What::Column, path.to_owned()));
            self.objects.push((What::Table, table.to_owned()));
        }
    }
}
/// The run that an entry belongs to.
fn run_of(entry: &Entry) -> Option<RunId> {
    match entry {
        Entry::GrantIssued { run, .. } => run.as_ref().map(|run| run.id),
        Entry::Intent(intent) => intent.run,
        Entry::Denial(denial) => denial.run,
        Entry::FolderListed { run, .. } | Entry::RunEnded { run, .. } => Some(*run),
        Entry::CanarySeen { run, .. } => *run,
        _ => None,
    }
}
