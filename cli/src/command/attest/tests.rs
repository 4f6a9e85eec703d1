//! Forgeries by whoever has keys: that of another log, and the agent's own. Each figure that is another one has a
//! name.

use connect_shared::{
    attest::{
        Approval, Approver, Counters, Envelope, FileFact, LostResource, PREDICATE_TYPE, PREDICATE_VERSION,
        Principal, RunPredicate, STATEMENT_TYPE, Statement, StatementRecord, Use, descriptors, last_read,
        last_time, reads, sources, statements_digest, summary,
    },
    entry::{CATALOGUE, Entry, Leaf, PrincipalRef, RequestEntry, StatementResult, TextRef},
    ids::{RequestId, RunId, StatementId},
    label::Label,
    lineage::UnderstandingStatus,
    proof::{
        checkpoint::Checkpoint,
        note::SigningKey,
        receipt::Receipt,
        tree::{leaf_hash, node_hash},
    },
    request::{RequestKind, RequestStep},
};

use super::{check, page};
use crate::command::run::{Found, attestation::provenance};

mod compared;
mod forms;

const RUN: RunId = RunId::from_random([7; 16]);
const APPROVED: RequestId = RequestId::from_random([5; 16]);
const LOG: &str = "connect.local/prod";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, [seed; 32]).expect("a key")
}

fn file(name: &str) -> FileFact {
    FileFact { name: name.into(), sha256: "a".repeat(64), length: 3, modified: 400, files: None }
}

fn statement(number: u8, direct: &[&str], indirect: &[&str]) -> StatementRecord {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
    let at = u64::from(number) * 100;
    StatementRecord {
        verb: "select".into(),
        result: StatementResult::Done,
        rows: u64::from(number),
        direct: names(direct),
        indirect: names(indirect),
        time: Some(at),
        ended: Some(at + 5),
        policy: Some(0),
        ..StatementRecord::new(StatementId::from_random([number; 16]), at, TextRef::Length(9))
    }
}

/// What an honest agent says: three statements, masks, and an approval in entry 0 of a log of two entries.
pub(super) fn honest() -> RunPredicate {
    let mut approved = statement(1, &["public.t.mail", "public.t.kind"], &["public.u.state"]);
    (approved.masked, approved.labels) = (vec!["public.t.mail".into()], vec![Label::Email]);
    approved.approvals = vec![APPROVED];
    let mut partial = statement(2, &["public.u.price"], &["public.t.kind"]);
    partial.status = UnderstandingStatus::Partial;
    let mut failed = statement(3, &[], &[]);
    failed.result = StatementResult::Failed("42601".into());
    let mut opaque = statement(4, &[], &[]);
    (opaque.status, opaque.policy) = (UnderstandingStatus::Opaque, Some(1));
    let by = Approver {
        name: "sam@example.com".into(),
        sub: "sam".into(),
        idp: "idp".into(),
        reason: None,
        time: 50,
        index: 0,
    };
    let statements = vec![approved, partial, failed, opaque];
    RunPredicate {
        version: PREDICATE_VERSION,
        run: RUN.to_string(),
        job: "train".into(),
        parent: None,
        agent: LOG.into(),
        resource: "prod-db".into(),
        resources: Vec::new(),
        principal: Principal {
            name: "ana@example.com".into(),
            sub: "ana".into(),
            idp: "idp".into(),
            actor: None,
        },
        key: key(&RUN.to_string(), 2).verifier().to_string(),
        started: 90,
        ended: last_time(90, &statements),
        last_read: last_read(&statements),
        sources: sources(reads(&statements)),
        counters: Counters { denials: 2, elsewhere: 3, ..Counters::of(&statements) },
        statements,
        approvals: vec![Approval {
            request: APPROVED,
            of: RequestKind::Statement,
            resource: "prod-db".into(),
            by: vec![by],
        }],
        policies: vec!["p".into(), "q".into()],
        inputs: vec![file("train.py")],
        outputs: vec![file("model.bin")],
        lost: Vec::new(),
        folders: Vec::new(),
        not_covered: vec!["what nobody saw".into()],
        index: 1,
        receipt: String::new(),
        receipts: Vec::new(),
    }
}

/// A log of an approval and the end of the run, as its agent wrote it then.
struct Log {
    leaves: [Vec<u8>; 2],
    key: SigningKey,
}

impl Log {
    fn of(run: &RunPredicate) -> Self {
        let who = |sub: &str| PrincipalRef { sub: sub.into(), idp: "idp".into(), actor: None };
        let approved = Entry::Request(Box::new(RequestEntry {
            request: APPROVED,
            of: RequestKind::Statement,
            step: RequestStep::Approved,
            principal: who("ana"),
            resource: "prod-db".into(),
            by: Some(who("sam")),
            name: "sam@example.com".into(),
            reason: None,
            binding: "b".into(),
            until: 9,
            first_in: None,
            scope: None,
            through: None,
        }));
        let ended = Entry::RunEnded {
            run: RUN,
            principal: who("ana"),
            resource: run.resource.clone(),
            resources: run.resources.clone(),
            job: run.job.clone(),
            status: 0,
            reason: None,
            inputs: run.inputs.clone(),
            outputs: run.outputs.clone(),
            statements: run.statements.len() as u64,
            digest: statements_digest(&run.statements),
            upto: (run.version > 1).then_some(1),
            summary: (run.version > 1).then(|| summary(&serde_json::to_value(run).expect("JSON"))),
        };
        let leaf = |time, entry| serde_json::to_vec(&Leaf { v: CATALOGUE, time, entry }).expect("a leaf");
        Self { leaves: [leaf(50, approved), leaf(500, ended)], key: key(LOG, 1) }
    }

    fn receipt(&self, index: u64) -> String {
        let [first, second] = &self.leaves;
        let (leaf, other) = if index == 0 { (first, second) } else { (second, first) };
        let root = node_hash(&leaf_hash(first), &leaf_hash(second));
        let checkpoint = Checkpoint { origin: LOG.into(), size: 2, root }.sign(&self.key);
        Receipt { index, leaf: leaf.clone(), proof: vec![leaf_hash(other)], checkpoint }.to_string()
    }
}

/// What the verifier says of it, signed with this key in place of the agent's, and the run's own.
fn verdict(run: &RunPredicate, log: &Log, agent: &SigningKey) -> Result<check::Lines, String> {
    verdict_on(run, log, agent, str::to_owned)
}

/// The same with a payload in another form.
fn verdict_on(
    run: &RunPredicate,
    log: &Log,
    agent: &SigningKey,
    form: fn(&str) -> String,
) -> Result<check::Lines, String> {
    let mut run = run.clone();
    run.receipt = log.receipt(1);
    if run.version > 1 && run.receipts.is_empty() {
        run.receipts = vec![log.receipt(0)];
    }
    run.receipts.retain(|receipt| !receipt.is_empty());
    let own = key(&RUN.to_string(), 2);
    let subject = descriptors(&run.outputs, &run.folders);
    let slsa = form(&serde_json::to_string(&provenance(&run, subject.clone())).expect("JSON")).into_bytes();
    let ours = Statement {
        kind: STATEMENT_TYPE.into(),
        subject,
        predicate_type: PREDICATE_TYPE.into(),
        predicate: run,
    };
    let ours = form(&serde_json::to_string(&ours).expect("JSON")).into_bytes();
    let ours = Envelope::sign(&ours, agent).also_sign(&ours, &own);
    let line = |envelope| serde_json::to_string(&envelope).expect("JSON");
    let text = format!("{}\n{}\n", line(ours), line(Envelope::sign(&slsa, &own)));
    let code = |report: connect_shared::error::ErrorReport| report.code;
    let lines = check::lines(&text).map_err(code)?;
    let found = Found { fact: file("model.bin"), folder: None };
    check::check(&lines, key(LOG, 1).verifier(), (&found, None)).map_err(code)?;
    Ok(lines)
}

/// The same of an honest attestation that was changed afterwards. The agent's key signs it again; `relogged`: and
/// the agent's log has its end as it is now.
fn forged(relogged: bool, change: impl FnOnce(&mut RunPredicate)) -> Option<String> {
    let honest = honest();
    let mut run = honest.clone();
    change(&mut run);
    let log = Log::of(if relogged { &run } else { &honest });
    verdict(&run, &log, &key(LOG, 1)).err()
}

type Change = fn(&mut RunPredicate);

#[test]
fn what_an_honest_agent_says_holds_and_by_another_key_it_is_nobodys() {
    let run = honest();
    let log = Log::of(&run);
    let lines = verdict(&run, &log, &key(LOG, 1)).map(|lines| lines.run).expect("it holds");
    insta::assert_snapshot!(page::page(&lines, &[]));
    assert_eq!(
        verdict(&run, &log, &key("connect.local/other", 9)).err().as_deref(),
        Some("attestation_not_signed")
    );
    assert_eq!(verdict(&run, &log, &key(LOG, 9)).err().as_deref(), Some("attestation_not_signed"));
}

#[test]
fn each_figure_that_is_not_what_the_statements_come_to_has_a_name_even_by_the_agents_own_key() {
    let changes: [(&str, Change); 27] = [
        ("source_use", |run| run.sources[0].columns[0].usage = Use::Indirect),
        ("source_use", |run| run.sources[1].columns[1].usage = Use::Direct),
        ("source_masked", |run| run.sources[0].columns[0].masked = Some(Label::Email)),
        ("source_masked", |run| run.sources[0].columns[1].masked = None),
        ("source_masked", |run| run.sources[0].columns[1].masked = Some(Label::Phone)),
        ("source_rows", |run| run.sources[0].rows = 1),
        ("source_statements", |run| run.sources[0].statements += 1),
        ("source_approvals", |run| run.sources[0].approvals.clear()),
        ("source_approvals", |run| run.sources[1].approvals.push(RequestId::from_random([6; 16]))),
        ("source_twice", |run| run.sources.push(run.sources[0].clone())),
        ("source_twice", |run| {
            let column = run.sources[0].columns[0].clone();
            run.sources[0].columns.push(column);
        }),
        ("source_left_out", |run| drop(run.sources.pop())),
        ("source_left_out", |run| run.sources[0].columns[0].name = "ssn".into()),
        ("source_added", |run| {
            let mut more = run.sources[0].clone();
            (more.table, more.columns) = ("public.v".into(), Vec::new());
            run.sources.push(more);
        }),
        ("counter_rows", |run| run.counters.rows -= 1),
        ("counter_failed", |run| run.counters.failed = 0),
        ("counter_partial", |run| run.counters.partial = 0),
        ("counter_opaque", |run| run.counters.opaque = 0),
        ("statement_dropped", |run| run.counters.statements -= 1),
        ("last_read", |run| run.last_read = None),
        ("last_read", |run| run.last_read = Some(100)),
        ("started", |run| run.started = 101),
        ("ended", |run| run.ended += 1),
        ("policies", |run| drop(run.policies.pop())),
        ("policies", |run| run.policies.push("r".into())),
        ("approval_added", |run| {
            let mut more = run.approvals[0].clone();
            more.request = RequestId::from_random([6; 16]);
            run.approvals.push(more);
        }),
        ("approval_left_out", |run| drop(run.approvals.pop())),
    ];
    for (number, (code, change)) in changes.into_iter().enumerate() {
        for relogged in [false, true] {
            let said = forged(relogged, change);
            assert_eq!(said, Some(format!("attestation_{code}")), "change {number}, logged: {relogged}");
        }
    }
}

#[test]
fn what_no_statement_tells_is_held_by_the_logs_own_entry() {
    let changes: [(&str, Change); 15] = [
        ("summary", |run| run.counters.denials = 0),
        ("summary", |run| run.lost.push(LostResource { resource: "prod-db".into(), code: "revoked".into() })),
        ("summary", |run| run.counters.elsewhere = 0),
        ("summary", |run| run.principal.name = "li@example.com".into()),
        ("summary", |run| run.started = 80),
        ("summary", |run| run.not_covered.clear()),
        ("summary", |run| run.policies = vec!["q".into(), "p".into()]),
        ("summary", |run| run.parent = Some("other".into())),
        ("other_input", |run| run.inputs.clear()),
        ("other_job", |run| run.job = "other".into()),
        ("other_agent", |run| run.agent = "connect.local/other".into()),
        ("other_principal", |run| run.principal.sub = "li".into()),
        ("resource_left_out", |run| run.resource = "other-db".into()),
        // It would pass for one of which less is known, and for one of which nobody knows how to read it.
        ("version", |run| run.version = 1),
        ("version", |run| run.version = 3),
    ];
    for (number, (code, change)) in changes.into_iter().enumerate() {
        assert_eq!(forged(false, change), Some(format!("attestation_{code}")), "change {number}");
    }
    // A statement says another mask, time or approval than the one that the log has a hash of.
    let changes: [Change; 5] = [
        |run| run.statements[0].labels = vec![Label::Phone],
        |run| run.statements[0].masked.clear(),
        |run| run.statements[0].time = None,
        |run| run.statements[0].approvals.clear(),
        |run| run.statements[0].rows = 0,
    ];
    for change in changes {
        assert_eq!(forged(false, change).as_deref(), Some("attestation_statement_dropped"));
    }
}

#[test]
fn the_first_of_several_resources_is_the_one_that_the_log_has_first() {
    let mut run = honest();
    (run.resource, run.resources) = ("prod-db".into(), vec!["prod-db".into(), "stock-db".into()]);
    run.statements.iter_mut().for_each(|record| record.resource = Some("prod-db".into()));
    run.sources = sources(reads(&run.statements));
    let log = Log::of(&run);
    assert!(verdict(&run, &log, &key(LOG, 1)).is_ok());
    for resources in [["prod-db", "stock-db"], ["stock-db", "prod-db"]] {
        let mut forged = run.clone();
        forged.resources = resources.map(str::to_owned).to_vec();
        forged.resource = "stock-db".into();
        let said = verdict(&forged, &log, &key(LOG, 1)).err();
        assert_eq!(said.as_deref(), Some("attestation_resource_order"), "{resources:?}");
    }
}

#[test]
fn an_approval_is_what_the_log_has_of_it_and_came_before_what_it_allowed() {
    let changes: [(&str, Change); 10] = [
        ("approval_other", |run| run.approvals[0].by[0].name = "li@example.com".into()),
        ("approval_other", |run| run.approvals[0].by[0].sub = "li".into()),
        ("approval_other", |run| run.approvals[0].by[0].time = 51),
        ("approval_other", |run| run.approvals[0].by[0].reason = Some("none".into())),
        ("approval_other", |run| run.approvals[0].by[0].index = 7),
        ("approval_other", |run| run.approvals[0].of = RequestKind::Access),
        ("approval_other", |run| run.approvals[0].resource = "other-db".into()),
        ("approval_late", |run| run.approvals[0].by[0].index = 100),
        ("approval_own", |run| run.approvals[0].by[0].sub = "ana".into()),
        ("approval_other", |run| run.approvals[0].by.clear()),
    ];
    for (number, (code, change)) in changes.into_iter().enumerate() {
        for relogged in [false, true] {
            let said = forged(relogged, change);
            assert_eq!(said, Some(format!("attestation_{code}")), "change {number}, logged: {relogged}");
        }
    }
    // Proofs: of another entry, twice, of another log, none.
    let run = honest();
    let log = Log::of(&run);
    let with = |receipts: Vec<String>| {
        let run = RunPredicate { receipts, ..run.clone() };
        verdict(&run, &log, &key(LOG, 1))
    };
    let code = |receipts| with(receipts).err();
    assert_eq!(code(vec![log.receipt(1)]).as_deref(), Some("attestation_approval_unproved"));
    assert_eq!(code(vec![log.receipt(0), log.receipt(0)]).as_deref(), Some("attestation_form"));
    let foreign = Log { key: key(LOG, 9), ..Log::of(&run) };
    assert_eq!(code(vec![foreign.receipt(0)]).as_deref(), Some("attestation_approval_unproved"));
    let unproved = with(vec![String::new()]).expect("it holds").run;
    let findings = check::findings(&unproved, (&Found { fact: file("model.bin"), folder: None }, None));
    assert!(findings.iter().any(|line| line.contains("no proof here")), "{findings:?}");
}

#[test]
fn an_attestation_of_the_first_version_still_holds_and_says_what_is_not_covered() {
    let mut old = honest();
    for record in &mut old.statements {
        (record.labels, record.approvals) = (Vec::new(), Vec::new());
        (record.time, record.ended, record.policy) = (None, None, None);
    }
    old.sources.iter_mut().for_each(|source| source.approvals.clear());
    (old.version, old.approvals) = (1, Vec::new());
    let log = Log::of(&old);
    let lines = verdict(&old, &log, &key(LOG, 1)).expect("it holds");
    assert!(!serde_json::to_string(&lines.run).expect("JSON").contains("version"), "as it was signed then");
    let page = page::page(&lines.run, &[]);
    assert!(page.contains("this attestation is of the first version"), "{page}");
    // What can be made again is.
    let changes: [(&str, Change); 5] = [
        ("source_use", |run| run.sources[0].columns[0].usage = Use::Indirect),
        ("source_masked", |run| run.sources[0].columns[1].masked = None),
        ("source_rows", |run| run.sources[0].rows = 1),
        ("counter_failed", |run| run.counters.failed = 0),
        ("version", |run| run.version = PREDICATE_VERSION),
    ];
    for (code, change) in changes {
        let mut forged = old.clone();
        change(&mut forged);
        assert_eq!(verdict(&forged, &log, &key(LOG, 1)).err(), Some(format!("attestation_{code}")));
    }
}
