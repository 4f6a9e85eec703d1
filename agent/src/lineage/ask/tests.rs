//! Questions to the index of a real log in a temporary folder.

mod attacks;
mod copies;
mod events;
mod folders;
mod renames;

use std::collections::BTreeMap;

use connect_shared::{
    api::{Flow, LineageAnswer, LineageDirection, LineageQuestion, NodeKind, SearchScope},
    attest::FileFact,
    decision::{Decision, Outcome, Reason, ReasonCode},
    entry::{Entry, Intent, OutcomeEntry, PrincipalRef, StatementResult, TextRef},
    grant::{Action, RunIdentity},
    ids::{ConnectionId, GrantId, RequestId, RunId, SessionId, StatementId},
    label::Label,
    lineage::{
        ColumnFact, LineageReport, OutputColumnReport, OutputKind, OutputReport, PartReport, RenameReport,
        UnderstandingStatus,
    },
};
use tempfile::TempDir;

use super::{Asked, ask};
use crate::{
    audit::Follower,
    log::{Log, LogOptions, block_on},
};

const RUN: RunId = RunId::from_random([7; 16]);
const NEXT_RUN: RunId = RunId::from_random([8; 16]);

struct Place {
    _folder: TempDir,
    log: Log,
    follower: Follower,
    next: std::cell::Cell<u8>,
}

/// Columns with what each is computed from.
type Columns<'a> = &'a [(&'a str, &'a [&'a str])];

/// One statement: what flows into the result, and into a table.
#[derive(Default)]
struct Flows<'a> {
    result: &'a [&'a str],
    table: Option<(&'a str, Columns<'a>)>,
    created: bool,
    indirect: &'a [&'a str],
    columns: &'a [(&'a str, u32, i16, Option<Label>)],
    masks: &'a [(&'a str, Label)],
    through: &'a [(&'a str, &'a str)],
    status: UnderstandingStatus,
    reason: Option<&'a str>,
    renames: Vec<RenameReport>,
    parts: Vec<PartReport>,
    approved: Option<RequestId>,
    /// Of a COPY: what its data is known by.
    content: Option<&'a str>,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = LogOptions::new("connect.local/test", folder.path());
        let log = Log::open(folder.path(), options).expect("it opens").0;
        let follower = Follower::start(&log, folder.path()).expect("a thread");
        Self { _folder: folder, log, follower, next: std::cell::Cell::new(1) }
    }

    fn add(&self, entry: Entry) {
        self.log.append(entry).expect("appended");
    }

    fn begin(&self, run: RunId, sub: &str) {
        self.add(Entry::GrantIssued {
            grant: GrantId::from_random([1; 16]),
            principal: principal(sub),
            name: format!("{sub}@example.com"),
            groups: Vec::new(),
            resource: "prod".to_owned(),
            actions: vec![Action::Read],
            reason: None,
            expires_at: 0,
            certificate: String::new(),
            run: Some(RunIdentity {
                id: run,
                job: "train".to_owned(),
                key: String::new(),
                parent: None,
                resources: Vec::new(),
            }),
            task: None,
            parent: None,
            tables: Vec::new(),
            budget: None,
            approvals: BTreeMap::new(),
        });
    }

    /// Runs `sql`, whose lineage is `flows`.
    fn run(&self, who: (&str, Option<RunId>), verb: &str, sql: &str, flows: &Flows<'_>) {
        self.run_as(who, verb, sql, flows, StatementResult::Done);
    }

    /// The same, with how it ends.
    fn run_as(
        &self,
        (sub, run): (&str, Option<RunId>),
        verb: &str,
        sql: &str,
        flows: &Flows<'_>,
        ended: StatementResult,
    ) {
        let number = self.next.replace(self.next.get() + 1);
        let column = |name: &str, direct: &[&str]| OutputColumnReport {
            name: name.to_owned(),
            data_type: None,
            direct: direct.iter().map(|name| (*name).to_owned()).collect(),
            origin: None,
            masked: None,
        };
        let result = OutputReport {
            kind: OutputKind::Result,
            table: None,
            created: false,
            columns: flows.result.iter().map(|source| column("x", &[source])).collect(),
        };
        let table = flows.table.iter().map(|(table, columns)| OutputReport {
            kind: OutputKind::Table,
            table: Some((*table).to_owned()),
            created: flows.created,
            columns: columns.iter().map(|(name, direct)| column(name, direct)).collect(),
        });
        let reference = format!("lineage-{number}");
        let report = LineageReport {
            outputs: std::iter::once(result).chain(table).collect(),
            indirect: flows.indirect.iter().map(|name| (*name).to_owned()).collect(),
            status: flows.status,
            reasons: if flows.status == UnderstandingStatus::Complete {
                Vec::new()
            } else {
                vec![flows.reason.unwrap_or("code: DO").to_owned()]
            },
            renames: flows.renames.clone(),
            parts: flows.parts.clone(),
            ..LineageReport::default()
        };
        let columns: BTreeMap<String, ColumnFact> = flows
            .columns
            .iter()
            .map(|(name, table, number, label)| {
                ((*name).to_owned(), ColumnFact { table: *table, number: *number, label: *label })
            })
            .collect();
        self.add(Entry::StatementLineage {
            lineage: reference.clone(),
            report: Box::new(report),
            masks: flows.masks.iter().map(|(name, label)| ((*name).to_owned(), *label)).collect(),
            columns,
            through: flows
                .through
                .iter()
                .map(|(view, table)| ((*view).to_owned(), vec![(*table).to_owned()]))
                .collect(),
        });
        let fingerprint = format!("fingerprint-{number}");
        self.add(Entry::StatementText { fingerprint: fingerprint.clone(), sql: sql.to_owned() });
        let statement = StatementId::from_random([number; 16]);
        self.add(Entry::Intent(Box::new(Intent {
            statement,
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            principal: principal(sub),
            grant: GrantId::from_random([3; 16]),
            resource: "prod".to_owned(),
            verb: verb.to_owned(),
            text: TextRef::Fingerprint(fingerprint),
            commitment: String::new(),
            read_only: flows.approved.is_none(),
            reads: Vec::new(),
            writes: Vec::new(),
            sequence: None,
            run,
            task: None,
            purpose: None,
            lineage: Some(reference),
            decision: Decision {
                outcome: Outcome::Permit(Vec::new()),
                reasons: flows.approved.map(approved).into_iter().collect(),
                shadow: Vec::new(),
                policy_digest: String::new(),
            },
        })));
        self.add(Entry::Outcome(Box::new(OutcomeEntry {
            statement,
            result: ended,
            rows: 5,
            bytes: 9,
            masked: Vec::new(),
            content: flows.content.map(str::to_owned),
            micros: 1,
        })));
    }

    fn end(&self, run: RunId, sub: &str, inputs: &[&str], outputs: &[&str]) {
        let file = |name: &&str| FileFact {
            name: (*name).to_owned(),
            sha256: format!("{:0<64}", name.len()),
            length: 3,
            modified: 0,
            files: None,
        };
        self.end_with(run, sub, inputs.iter().map(file).collect(), outputs.iter().map(file).collect());
    }

    fn end_with(&self, run: RunId, sub: &str, inputs: Vec<FileFact>, outputs: Vec<FileFact>) {
        self.add(Entry::RunEnded {
            run,
            principal: principal(sub),
            resource: "prod".to_owned(),
            resources: Vec::new(),
            job: "train".to_owned(),
            status: 0,
            reason: None,
            inputs,
            outputs,
            statements: 1,
            digest: String::new(),
            upto: None,
            summary: None,
        });
    }

    fn asks(&self, sub: &str, question: &LineageQuestion) -> Option<LineageAnswer> {
        let size = self.log.publish_now_blocking().expect("published").size;
        let mut seen = self.follower.seen();
        block_on(seen.wait_for(|seen| seen.indexed >= size)).expect("indexed");
        let asker = principal(sub);
        let asked = Asked { question, asker: &asker, label: &|_, _, _| None };
        ask(self.follower.path(), &asked).expect("an answer")
    }

    fn down(&self, about: &str) -> LineageAnswer {
        self.asks("auditor", &question(about, LineageDirection::Down)).expect("something")
    }

    fn up(&self, about: &str) -> LineageAnswer {
        self.asks("auditor", &question(about, LineageDirection::Up)).expect("something")
    }
}

fn approved(request: RequestId) -> Reason {
    Reason {
        policy: "default/unbounded-write".to_owned(),
        code: ReasonCode::Approved,
        object: Some(request.to_string()),
        message: String::new(),
        hint: None,
    }
}

fn principal(sub: &str) -> PrincipalRef {
    PrincipalRef { sub: sub.to_owned(), idp: "idp".to_owned(), actor: None }
}

fn question(about: &str, direction: LineageDirection) -> LineageQuestion {
    LineageQuestion {
        scope: SearchScope::All,
        about: about.to_owned(),
        kind: None,
        resource: None,
        direction,
        depth: 8,
        since: None,
        until: None,
        before_label: false,
        actor: None,
        task: None,
        purpose: None,
    }
}

/// Names of nodes, in order.
fn names(answer: &LineageAnswer) -> Vec<&str> {
    let mut names: Vec<&str> = answer.nodes.iter().map(|node| node.name.as_str()).collect();
    names.sort_unstable();
    names
}

const SSN: (&str, u32, i16, Option<Label>) = ("public.t.ssn", 20_000, 2, None);

#[test]
fn a_renamed_column_keeps_its_thread_and_another_of_its_old_name_has_one_of_its_own() {
    let place = Place::new();
    let ana = ("ana", None);
    place.run(
        ana,
        "select",
        "SELECT ssn FROM t",
        &Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() },
    );
    let renamed = ("public.t.national_id", 20_000, 2, None);
    place.run(
        ana,
        "select",
        "SELECT national_id FROM t",
        &Flows { result: &["public.t.national_id"], columns: &[renamed], ..Flows::default() },
    );
    let other = ("public.t.ssn", 20_000, 5, None);
    place.run(
        ("li", None),
        "select",
        "SELECT ssn FROM t",
        &Flows { result: &["public.t.ssn"], columns: &[other], ..Flows::default() },
    );

    let answer = place.down("t.national_id");
    assert_eq!(names(&answer), ["ana", "public.t.national_id"]);
    assert_eq!(answer.edges.iter().map(|edge| edge.statements).sum::<u64>(), 2);
    let NodeKind::Column { names: all, oid, number, .. } = &answer.nodes[0].kind else {
        panic!("{answer:?}")
    };
    assert_eq!((all.len(), all[0].name.as_str(), *oid, *number), (2, "public.t.ssn", Some(20_000), Some(2)));
    // The old name means both, and both are said.
    let both = place.down("public.t.ssn");
    assert_eq!(both.roots.len(), 2);
    assert_eq!(names(&both), ["ana", "li", "public.t.national_id", "public.t.ssn"]);
}

#[test]
fn a_column_that_gets_a_new_name_before_anybody_reads_it_keeps_the_thread_of_the_statement_that_made_it() {
    let place = Place::new();
    let made = Flows {
        table: Some(("public.copy", &[("a", &["public.t.kind"]), ("b", &["public.t.ssn"])])),
        created: true,
        columns: &[SSN, ("public.t.kind", 20_000, 3, None)],
        ..Flows::default()
    };
    place.run(
        ("li", None),
        "create table as",
        "CREATE TABLE copy AS SELECT kind AS a, ssn AS b FROM t",
        &made,
    );
    let read = Flows {
        result: &["public.copy.national_id"],
        columns: &[("public.copy.national_id", 30_000, 2, None)],
        ..Flows::default()
    };
    place.run(("ana", None), "select", "SELECT national_id FROM copy", &read);

    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"ana"), "{down:#?}");
    let other = place.down("public.t.kind");
    assert!(!names(&other).contains(&"ana"), "another column's number: {other:#?}");
    for about in ["copy.national_id", "ana"] {
        let up = place.up(about);
        assert!(names(&up).contains(&"public.t.ssn") && !names(&up).contains(&"public.t.kind"), "{up:#?}");
    }
}

#[test]
fn values_are_followed_through_a_table_that_a_statement_made_and_only_forward_in_time() {
    let place = Place::new();
    let copied = ("public.copy.x", 30_000, 1, None);
    let early = Flows {
        result: &["public.copy.x"],
        columns: &[("public.copy.x", 29_000, 1, None)],
        ..Flows::default()
    };
    place.run(("early", None), "select", "SELECT x FROM copy", &early);
    place.run(
        ("li", None),
        "create table as",
        "CREATE TABLE copy AS SELECT ssn AS x FROM t WHERE kind IS NULL",
        &Flows {
            table: Some(("public.copy", &[("x", &["public.t.ssn"])])),
            created: true,
            indirect: &["public.t.kind"],
            columns: &[SSN, ("public.t.kind", 20_000, 3, None)],
            ..Flows::default()
        },
    );
    place.run(
        ("ana", None),
        "select",
        "SELECT x FROM copy",
        &Flows { result: &["public.copy.x"], columns: &[copied], ..Flows::default() },
    );

    let answer = place.down("public.t.ssn");
    assert!(names(&answer).contains(&"ana"), "{answer:#?}");
    assert!(!names(&answer).contains(&"early"), "it was read before: {:?}", names(&answer));
    let up = place.up("public.copy.x");
    let indirect = up.edges.iter().find(|edge| edge.flow == Flow::Indirect).expect("an edge");
    assert_eq!(indirect.from, "column:prod/20000.3");
    assert!(up.edges.iter().any(|edge| edge.from == "column:prod/20000.2" && edge.flow == Flow::Direct));
    assert!(!names(&up).contains(&"li"), "a text without literals and parameters brings no values: {up:#?}");
}

#[test]
fn a_run_joins_columns_masks_and_views_with_files_and_with_the_run_after_it() {
    let place = Place::new();
    place.begin(RUN, "ana");
    let read = Flows {
        result: &["public.t.ssn"],
        columns: &[SSN],
        masks: &[("public.t.ssn", Label::NationalId)],
        through: &[("public.v", "public.t"), ("public.other", "public.u")],
        ..Flows::default()
    };
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM v", &read);
    // Somebody else who names the run is not in it.
    place.run(
        ("eve", Some(RUN)),
        "select",
        "SELECT 1",
        &Flows { result: &["public.secret.x"], ..Flows::default() },
    );
    place.end(RUN, "ana", &[], &["model.bin"]);
    place.begin(NEXT_RUN, "li");
    let write = Flows { table: Some(("public.scores", &[("score", &[])])), ..Flows::default() };
    place.run(("li", Some(NEXT_RUN)), "insert", "INSERT INTO scores VALUES ($1)", &write);
    place.end(NEXT_RUN, "li", &["model.bin"], &[]);

    let down = place.down("public.t.ssn");
    let seen = down.edges.iter().find(|edge| edge.to == format!("run:{RUN}")).expect("the run has read it");
    assert_eq!((seen.masked, seen.rows), (Some(Label::NationalId), 5));
    assert_eq!(seen.through.iter().collect::<Vec<_>>(), ["public.v"]);
    assert!(
        names(&down).contains(&"model.bin") && names(&down).contains(&"public.scores.score"),
        "{down:#?}"
    );
    let up = place.up("public.scores.score");
    assert!(names(&up).contains(&"public.t.ssn"), "{up:#?}");
    assert!(!names(&up).contains(&"public.secret.x"));
    let file = place.up("model.bin");
    assert_eq!(file.roots, [format!("file:{:0<64}", 9)]);
    assert!(!names(&file).contains(&"public.secret.x"));
    // As far as is asked for, and no word of the rest but that there is some.
    let near = LineageQuestion { depth: 1, ..question("public.t.ssn", LineageDirection::Down) };
    let near = place.asks("auditor", &near).expect("something");
    assert_eq!((near.edges.len(), near.more), (1, true));
}

#[test]
fn whoever_is_no_auditor_is_told_of_own_statements_and_of_no_name_that_others_used() {
    let place = Place::new();
    place.run(
        ("ana", None),
        "select",
        "SELECT ssn FROM t",
        &Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() },
    );
    let hidden = ("public.t.hidden", 20_000, 9, None);
    place.run(
        ("li", None),
        "select",
        "SELECT ssn, hidden FROM t",
        &Flows { result: &["public.t.ssn", "public.t.hidden"], columns: &[SSN, hidden], ..Flows::default() },
    );
    place.begin(RUN, "li");
    place.end(RUN, "li", &[], &["model.bin"]);
    let own = |about: &str| {
        let question = LineageQuestion { scope: SearchScope::Own, ..question(about, LineageDirection::Down) };
        place.asks("ana", &question)
    };
    let renamed = ("public.t.moved", 20_000, 2, Some(Label::NationalId));
    let flows = Flows { result: &["public.t.moved"], columns: &[renamed], ..Flows::default() };
    place.run(("li", None), "select", "SELECT moved FROM t", &flows);
    let answer = own("public.t.ssn").expect("her own");
    assert_eq!(names(&answer), ["ana", "public.t.ssn"]);
    assert!(!format!("{answer:?}").contains("moved") && !format!("{answer:?}").contains("NationalId"));
    for others in ["public.t.moved", "public.t.hidden", "model.bin", "train", "li", &RUN.to_string()] {
        assert!(own(others).is_none(), "{others}");
    }
}

#[test]
fn what_is_not_understood_is_in_the_answer_whatever_it_did() {
    let place = Place::new();
    place.run(
        ("ana", None),
        "select",
        "SELECT ssn FROM t",
        &Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() },
    );
    place.run(
        ("li", None),
        "do",
        "DO $$$$",
        &Flows { status: UnderstandingStatus::Opaque, ..Flows::default() },
    );
    let partial = Flows { status: UnderstandingStatus::Partial, result: &["public.u.y"], ..Flows::default() };
    place.run(("li", None), "select", "SELECT y FROM u", &partial);
    let answer = place.down("public.t.ssn");
    assert_eq!(answer.gaps.len(), 1, "{:#?}", answer.gaps);
    assert_eq!((answer.gaps[0].status, answer.gaps[0].name.as_str()), (UnderstandingStatus::Opaque, "li"));
    assert_eq!(answer.gaps[0].reasons, ["code: DO"]);
    // What is known of it in part stands at its edges.
    let other = place.down("public.u.y");
    assert_eq!(other.edges[0].status, UnderstandingStatus::Partial);
    assert_eq!(other.gaps.len(), 2);
}

#[test]
fn what_was_done_before_a_column_had_a_label_can_be_asked_for() {
    let place = Place::new();
    let read = |label| Flows { result: &["public.t.ssn"], columns: label, ..Flows::default() };
    place.run(("early", None), "select", "SELECT ssn FROM t", &read(&[SSN]));
    let labelled = [("public.t.ssn", 20_000, 2, Some(Label::NationalId))];
    place.run(("late", None), "select", "SELECT ssn FROM t", &read(&labelled));
    let question = LineageQuestion { before_label: true, ..question("public.t.ssn", LineageDirection::Down) };
    let answer = place.asks("auditor", &question).expect("something");
    assert_eq!(names(&answer), ["early", "public.t.ssn"]);
    let NodeKind::Column { label, labelled, .. } = &answer.nodes[0].kind else { panic!("{answer:?}") };
    assert_eq!((*label, labelled.is_some()), (Some(Label::NationalId), true));
}

#[test]
fn a_name_is_a_name_whatever_it_holds() {
    let place = Place::new();
    place.run(
        ("ana", None),
        "select",
        "SELECT 1",
        &Flows { result: &["public.\"a.b'; --\".\"c%_d\""], ..Flows::default() },
    );
    let answer = place.down("public.\"a.b'; --\".\"c%_d\"");
    assert_eq!(names(&answer), ["ana", "public.\"a.b'; --\".\"c%_d\""]);
    for other in ["%", "c%_d", "' OR 1=1 --", ".", "\"", "t.\u{0}"] {
        assert!(place.asks("auditor", &question(other, LineageDirection::Down)).is_none(), "{other}");
    }
}
