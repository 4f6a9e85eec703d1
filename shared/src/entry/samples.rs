//! One entry of each kind, with every field set: what the reference shows, and what every rendering is tried
//! with.

use super::{
    Denial, Entry, Intent, OutcomeEntry, PrincipalRef, RequestEntry, SideLook, StatementResult, TextRef,
};
use crate::{
    api::{LineageDirection, LineageKind, LineageQuestion, SearchFilter, SearchScope},
    attest::{FileFact, FolderFile},
    decision::{Decision, Obligation, Outcome, OutcomeKind, Reason, ReasonCode},
    grant::{Action, BudgetPart, RunIdentity},
    ids::{ConnectionId, GrantId, RequestId, RunId, SessionId, StatementId, TunnelId},
    label::Label,
    lineage::{ColumnFact, LineageReport},
    request::{RequestKind, RequestScope, RequestStep, Through},
};

const STATEMENT: StatementId = StatementId::from_random([1; 16]);
const SESSION: SessionId = SessionId::from_random([2; 16]);
const CONNECTION: ConnectionId = ConnectionId::from_random([3; 16]);
const GRANT: GrantId = GrantId::from_random([4; 16]);
const RUN: RunId = RunId::from_random([7; 16]);

fn text(words: &str) -> String {
    words.to_owned()
}

fn principal() -> PrincipalRef {
    PrincipalRef {
        sub: text("248289761001"),
        idp: text("https://id.example.com"),
        actor: Some(text("code-assistant")),
    }
}

fn digest() -> String {
    "9f".repeat(32)
}

impl Entry {
    /// In the order of [`Entry::KINDS`].
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let mut all = Self::samples_of_sessions();
        all.extend(Self::samples_of_statements());
        all.extend(Self::samples_of_the_log());
        all
    }

    fn samples_of_sessions() -> Vec<Self> {
        let resource = text("prod-db");
        vec![
            Self::AgentStarted {
                version: text("0.1.0"),
                config_digest: digest(),
                policy_digest: digest(),
                mode: text("strict"),
            },
            Self::AgentStopped { reason: text("asked to stop") },
            Self::Heartbeat,
            Self::GrantIssued {
                grant: GRANT,
                principal: principal(),
                name: text("ana@example.com"),
                groups: vec![text("developer")],
                resource: resource.clone(),
                actions: vec![Action::Read, Action::Write],
                reason: Some(text("INC-4711")),
                expires_at: 1_764_065_400,
                certificate: digest(),
                run: Some(RunIdentity {
                    id: RUN,
                    job: text("finetune"),
                    key: text("run+00000000+AAAA"),
                    parent: None,
                    resources: vec![text("prod-db"), text("analytics-db")],
                }),
                task: Some(text("ticket-12/step-1")),
                parent: Some(GRANT),
                tables: vec![text("public.orders")],
                budget: Some(Box::new(BudgetPart { rows: Some(500), ..BudgetPart::default() })),
                approvals: [(Action::Write, RequestId::from_random([8; 16]))].into_iter().collect(),
            },
            Self::GrantRefused {
                code: text("not_allowed"),
                resource: resource.clone(),
                principal: Some(principal()),
            },
            Self::SessionOpened {
                session: SESSION,
                tunnel: TunnelId::from_random([5; 16]),
                grant: GRANT,
                principal: principal(),
                resource: resource.clone(),
                client: text("connect/0.1.0"),
                address: text("192.0.2.7:40404"),
            },
            Self::TunnelRefused { code: text("grant_expired"), address: text("192.0.2.7:40404") },
            Self::RefusalsLeftOut { count: 4_000 },
            Self::GrantRenewed { session: SESSION, grant: GRANT, expires_at: 1_764_066_000 },
            Self::SessionParked { session: SESSION, connections: 2 },
            Self::SessionResumed {
                session: SESSION,
                tunnel: TunnelId::from_random([6; 16]),
                grant: GRANT,
                address: text("198.51.100.9:40405"),
            },
            Self::SessionClosed { session: SESSION, code: text("revoked"), micros: Some(4_700) },
            Self::Revoked {
                cause: text("operator"),
                whom: text("principal ana@example.com"),
                by: Some(principal()),
                sessions: 2,
                until: Some(text("1764066000")),
            },
            Self::Restored {
                cause: text("event/account-enabled"),
                whom: text("subject 248289761001 of https://id.example.com"),
                by: Some(principal()),
                reason: Some(text("looked at: a test")),
            },
            Self::ConnectionOpened {
                session: SESSION,
                connection: CONNECTION,
                upstream: text("db.internal:5432"),
            },
            Self::ConnectionClosed {
                session: SESSION,
                connection: CONNECTION,
                code: text("terminated"),
                statements: Some(17),
            },
            Self::UpstreamOpened {
                resource: text("prod-db"),
                connection: Some(CONNECTION),
                process: 40_711,
                role: Some(text("analyst")),
                looks: Some(Box::new(SideLook {
                    principal: principal(),
                    texts: vec![TextRef::Length(42)],
                    plans: true,
                })),
            },
            Self::CatalogLoaded {
                resource,
                version: 3,
                relations: 40,
                columns: 300,
                labelled: 12,
                digest: digest(),
            },
        ]
    }

    fn samples_of_statements() -> Vec<Self> {
        let sql = text("SELECT email FROM customers WHERE id = $1");
        let mask = Obligation::Mask { column: text("public.customers.email"), label: Label::Email };
        let reason = Reason {
            policy: text("default/unbounded-write"),
            code: ReasonCode::UnboundedWrite,
            object: Some(text("public.customers")),
            message: text("this would delete every row of `public.customers`"),
            hint: Some(text("Say which rows: add a WHERE that depends on a column of public.customers.")),
        };
        let decision =
            |outcome, reasons| Decision { outcome, reasons, shadow: Vec::new(), policy_digest: digest() };
        vec![
            Self::StatementText { fingerprint: text("50fde20626009aba"), sql },
            Self::StatementLineage {
                lineage: text("0c3f9a61b2d47e58"),
                report: Box::new(LineageReport {
                    reads: vec![text("public.customers.email"), text("public.customers.id")],
                    indirect: vec![text("public.customers.id")],
                    ..LineageReport::default()
                }),
                masks: [(text("public.customers.email"), Label::Email)].into(),
                columns: [(
                    text("public.customers.email"),
                    ColumnFact { table: 16_385, number: 3, label: Some(Label::Email) },
                )]
                .into(),
                through: [(text("public.customer_mail"), vec![text("public.customers")])].into(),
            },
            Self::FolderListed {
                run: RUN,
                principal: principal(),
                folder: digest(),
                files: vec![FolderFile { name: text("weights/0"), sha256: digest(), length: 4_096 }],
            },
            Self::RunEnded {
                run: RUN,
                principal: principal(),
                resource: text("prod-db"),
                resources: vec![text("prod-db"), text("analytics-db")],
                job: text("finetune"),
                status: 0,
                reason: None,
                inputs: Vec::new(),
                outputs: vec![FileFact {
                    name: text("model.bin"),
                    sha256: digest(),
                    length: 4_096,
                    modified: 1_764_065_000_000,
                    files: None,
                }],
                statements: 3,
                digest: digest(),
                upto: Some(812),
                summary: Some(digest()),
            },
            Self::Intent(Box::new(Intent {
                statement: STATEMENT,
                session: SESSION,
                connection: CONNECTION,
                principal: principal(),
                grant: GRANT,
                resource: text("prod-db"),
                verb: text("select"),
                text: TextRef::Fingerprint(text("50fde20626009aba")),
                commitment: digest(),
                read_only: true,
                reads: vec![text("public.customers")],
                writes: vec![text("public.audit")],
                sequence: Some(0),
                run: Some(RUN),
                task: Some(text("ticket-12/step-1")),
                purpose: Some(text("the monthly report")),
                lineage: Some(text("0c3f9a61b2d47e58")),
                decision: decision(Outcome::Permit(vec![mask]), Vec::new()),
            })),
            Self::Outcome(Box::new(OutcomeEntry {
                statement: STATEMENT,
                result: StatementResult::Done,
                rows: 1,
                bytes: 52,
                masked: vec![text("public.customers.email")],
                content: Some(text("5d1f8a3c97e0b2644f6a0c1d8e2b7395a4c6f0e1d2b38475960a1c2e3f405162")),
                micros: 1_830,
            })),
            Self::Denial(Box::new(Denial {
                statement: STATEMENT,
                session: SESSION,
                connection: CONNECTION,
                principal: principal(),
                grant: GRANT,
                resource: text("prod-db"),
                verb: text("delete"),
                text: TextRef::Length(21),
                commitment: digest(),
                sequence: Some(1),
                run: Some(RUN),
                task: Some(text("ticket-12/step-1")),
                purpose: Some(text("the monthly report")),
                decision: decision(Outcome::Deny, vec![reason]),
            })),
            Self::Explained {
                principal: principal(),
                resource: text("prod-db"),
                texts: vec![TextRef::Fingerprint(text("50fde20626009aba"))],
                outcome: OutcomeKind::Permit,
                task: Some(text("ticket-12/step-1")),
                purpose: Some(text("the monthly report")),
            },
        ]
    }

    fn samples_of_the_log() -> Vec<Self> {
        let filter = SearchFilter { principal: Some(text("ana@example.com")), ..SearchFilter::default() };
        vec![
            Self::Searched {
                principal: principal(),
                scope: SearchScope::All,
                filter: Box::new(filter),
                text_bytes: Some(9),
                rows: 12,
                upto: 4_096,
            },
            Self::Request(Box::new(RequestEntry {
                request: RequestId::from_random([8; 16]),
                of: RequestKind::Statement,
                step: RequestStep::Approved,
                principal: principal(),
                resource: text("prod-db"),
                by: Some(PrincipalRef {
                    sub: text("248289761002"),
                    idp: text("https://id.example.com"),
                    actor: None,
                }),
                name: text("li@example.com"),
                reason: Some(text("INC-4711")),
                binding: digest(),
                until: 1_764_066_000,
                first_in: Some("connect.local/other".to_owned()),
                scope: Some(RequestScope::AnyValues { uses: 10 }),
                through: Some(Through::Console),
            })),
            Self::PolicyLoaded { digest: digest(), previous: digest(), policies: 12 },
            Self::PolicyRefused {
                digest: digest(),
                problems: vec![text("`no-refunds`: @aproval is not known")],
            },
            Self::Reconciled {
                principal: principal(),
                resource: text("prod-db"),
                sessions: 1,
                statements: 2,
            },
            Self::LineageAsked {
                principal: principal(),
                question: Box::new(LineageQuestion {
                    scope: SearchScope::All,
                    about: text("public.customers.email"),
                    kind: Some(LineageKind::Column),
                    resource: Some(text("prod-db")),
                    direction: LineageDirection::Down,
                    depth: 8,
                    since: Some(1_764_064_800_000),
                    until: None,
                    before_label: false,
                    actor: None,
                    task: Some(text("ticket-12/step-1")),
                    purpose: Some(text("the monthly report")),
                }),
                edges: 12,
                upto: 4_096,
            },
            Self::TextShown {
                principal: principal(),
                statement: STATEMENT,
                of: 12,
                found: text("shown"),
                reason: text("INC-4711"),
            },
            Self::TextsErased {
                cause: text("before"),
                keys: 12,
                before: Some(1_761_472_800_000),
                connection: Some(CONNECTION),
            },
            Self::TextsLost { statements: 3, code: text("full") },
            Self::CanarySeen {
                canary: text("customer zero"),
                form: text("plain"),
                session: SESSION,
                connection: CONNECTION,
                principal: principal(),
                grant: GRANT,
                resource: text("prod-db"),
                statement: Some(STATEMENT),
                run: Some(RUN),
            },
            Self::CancelRequested { session: SESSION, connection: CONNECTION },
            Self::WitnessLate {
                witness: text("witness.example.com/one"),
                cosigned: 4_000,
                code: text("no_answer"),
            },
            Self::WitnessBack { witness: text("witness.example.com/one"), cosigned: 4_096 },
            Self::SinkRefused { sink: text("siem"), index: 13, code: text("refused") },
            Self::SinkResent { sink: text("siem"), from: 13, next: 400 },
            Self::ClockStepped { by: -3_600_000 },
            Self::LogReopened {
                reason: text("writing the log's segment failed: No space left on device (os error 28)"),
            },
            Self::KeyRotated {
                from: text("connect.local/prod+52a6f9e1+AQ…"),
                to: text("connect.local/prod+0c3f9a61+AQ…"),
            },
            Self::Pruned {
                upto: 25_600,
                keep: text("pci-dss"),
                before: 1_732_528_800_000,
                open: vec![STATEMENT],
                connections: [(CONNECTION, 17)].into(),
            },
            Self::Oversized {
                of: text("intent"),
                statement: Some(STATEMENT),
                sha256: digest(),
                length: 90_000,
            },
        ]
    }
}
