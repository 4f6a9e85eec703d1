//! The index over a real log in a temporary folder.

use std::path::PathBuf;

use connect_shared::{
    api::{SearchFilter, SearchOrder, SearchRequest, SearchRow, SearchScope},
    decision::{Decision, Obligation, Outcome, OutcomeKind, Reason, ReasonCode},
    entry::{Denial, Entry, Intent, OutcomeEntry, PrincipalRef, StatementResult, TextRef},
    grant::RunIdentity,
    ids::{ConnectionId, GrantId, RunId, SessionId, StatementId},
    label::Label,
};
use tempfile::TempDir;

use super::{FILE, Follower, IndexError, Leaves, Whose, reindex, search};
use crate::log::{Log, LogOptions, PublicFolder, block_on};

const RUN: RunId = RunId::from_random([7; 16]);

struct Place {
    folder: TempDir,
    log: Log,
    follower: Follower,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let log = open(&folder);
        let follower = Follower::start(&log, folder.path()).expect("a thread");
        Self { folder, log, follower }
    }

    fn index(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn add(&self, entries: impl IntoIterator<Item = Entry>) {
        entries.into_iter().for_each(|entry| {
            self.log.append(entry).expect("appended");
        });
        let size = self.log.publish_now_blocking().expect("published").size;
        let mut seen = self.follower.seen();
        block_on(seen.wait_for(|seen| seen.indexed >= size)).expect("indexed");
    }

    fn ask(&self, request: &SearchRequest, whose: Whose<'_>) -> Vec<SearchRow> {
        let size = self.log.published().borrow().size;
        let mut leaves = Leaves::new(PublicFolder::new(self.log.public_dir()), size);
        search(&self.index(), &mut leaves, request, whose).expect("an answer").rows
    }

    fn found(&self, filter: SearchFilter) -> Vec<u64> {
        self.ask(&all(filter), Whose::Everybody).iter().map(|row| row.index).collect()
    }
}

fn open(folder: &TempDir) -> Log {
    let options = LogOptions::new("connect.local/test", folder.path());
    Log::open(folder.path(), options).expect("it opens").0
}

fn all(filter: SearchFilter) -> SearchRequest {
    SearchRequest {
        scope: SearchScope::All,
        filter,
        order: SearchOrder::OldestFirst,
        before: None,
        from: None,
        limit: 100,
        wait: 0,
    }
}

fn principal(sub: &str) -> PrincipalRef {
    PrincipalRef { sub: sub.to_owned(), idp: "idp".to_owned(), actor: None }
}

fn decision(outcome: Outcome, reasons: Vec<Reason>) -> Decision {
    Decision { outcome, reasons, shadow: Vec::new(), policy_digest: "00".to_owned() }
}

fn text(fingerprint: &str, sql: &str) -> Entry {
    Entry::StatementText { fingerprint: fingerprint.to_owned(), sql: sql.to_owned() }
}

fn intent(number: u8, sub: &str, fingerprint: &str, table: &str) -> Entry {
    let mask = Obligation::Mask { column: format!("{table}.email"), label: Label::Email };
    Entry::Intent(Box::new(Intent {
        statement: StatementId::from_random([number; 16]),
        session: SessionId::from_random([1; 16]),
        connection: ConnectionId::from_random([2; 16]),
        principal: principal(sub),
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".to_owned(),
        verb: "select".to_owned(),
        text: TextRef::Fingerprint(fingerprint.to_owned()),
        commitment: "00".to_owned(),
        read_only: true,
        reads: vec![table.to_owned()],
        writes: Vec::new(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        lineage: None,
        decision: decision(Outcome::Permit(vec![mask]), Vec::new()),
    }))
}

fn outcome(number: u8) -> Entry {
    Entry::Outcome(Box::new(OutcomeEntry {
        statement: StatementId::from_random([number; 16]),
        result: StatementResult::Done,
        rows: 7,
        bytes: 1,
        masked: Vec::new(),
        content: None,
        micros: 1,
    }))
}

fn denial(number: u8, sub: &str) -> Entry {
    let reason = Reason {
        policy: "default/unbounded-write".to_owned(),
        code: ReasonCode::UnboundedWrite,
        object: Some("public.orders".to_owned()),
        message: "no".to_owned(),
        hint: None,
    };
    Entry::Denial(Box::new(Denial {
        statement: StatementId::from_random([number; 16]),
        session: SessionId::from_random([1; 16]),
        connection: ConnectionId::from_random([2; 16]),
        principal: principal(sub),
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".to_owned(),
        verb: "delete".to_owned(),
        text: TextRef::Length(9),
        commitment: "00".to_owned(),
        sequence: None,
        run: Some(RUN),
        task: None,
        purpose: None,
        decision: decision(Outcome::Deny, vec![reason]),
    }))
}

fn granted(sub: &str, name: &str) -> Entry {
    Entry::GrantIssued {
        grant: GrantId::from_random([3; 16]),
        principal: principal(sub),
        name: name.to_owned(),
        groups: Vec::new(),
        resource: "prod-db".to_owned(),
        actions: Vec::new(),
        reason: None,
        expires_at: 1,
        certificate: String::new(),
        run: Some(RunIdentity {
            id: RUN,
            job: "train".to_owned(),
            key: String::new(),
            parent: None,
            resources: Vec::new(),
        }),
        task: None,
        parent: None,
        tables: Vec::new(),
        budget: None,
        approvals: std::collections::BTreeMap::new(),
    }
}

fn sample(place: &Place) {
    place.add([
        granted("u1", "ana@example.com"),
        text("f1", "SELECT email FROM customers WHERE id = $1"),
        intent(1, "u1", "f1", "public.customers"),
        outcome(1),
        intent(2, "u2", "f1", "hr.customers"),
        denial(3, "u1"),
        Entry::Heartbeat,
        outcome(2),
    ]);
}

#[test]
fn entries_are_found_by_everything_that_a_filter_can_say() {
    let place = Place::new();
    sample(&place);
    let some = |text: &str| Some(text.to_owned());
    let cases: Vec<(SearchFilter, &[u64])> = vec![
        (SearchFilter::default(), &[0, 2, 4, 5]),
        (SearchFilter { principal: some("ana@example.com"), ..Default::default() }, &[0, 2, 5]),
        (SearchFilter { principal: some("u2"), ..Default::default() }, &[4]),
        (SearchFilter { resource: some("prod-db"), ..Default::default() }, &[0, 2, 4, 5]),
        (SearchFilter { resource: some("prod"), ..Default::default() }, &[]),
        (SearchFilter { table: some("public.customers"), ..Default::default() }, &[2]),
        (SearchFilter { table: some("customers"), ..Default::default() }, &[2, 4]),
        (SearchFilter { table: some("public.orders"), ..Default::default() }, &[5]),
        (SearchFilter { table: some("omers"), ..Default::default() }, &[]),
        (SearchFilter { column: some("email"), ..Default::default() }, &[2, 4]),
        (SearchFilter { column: some("hr.customers.email"), ..Default::default() }, &[4]),
        (SearchFilter { label: some("pii.email"), ..Default::default() }, &[2, 4]),
        (SearchFilter { label: some("pii"), ..Default::default() }, &[2, 4]),
        (SearchFilter { label: some("secret"), ..Default::default() }, &[]),
        (SearchFilter { decision: Some(OutcomeKind::Deny), ..Default::default() }, &[5]),
        (SearchFilter { text: some("select EMAIL"), ..Default::default() }, &[2, 4]),
        (SearchFilter { text: some("%"), ..Default::default() }, &[]),
        (SearchFilter { kinds: vec!["denial".to_owned()], ..Default::default() }, &[5]),
        (SearchFilter { since: Some(u64::MAX), ..Default::default() }, &[]),
        (SearchFilter { statement: Some(StatementId::from_random([2; 16])), ..Default::default() }, &[4]),
        (SearchFilter { run: Some(RUN), ..Default::default() }, &[0, 5]),
        (SearchFilter { run: Some(RunId::from_random([8; 16])), ..Default::default() }, &[]),
    ];
    for (filter, expected) in cases {
        let found = place.found(filter.clone());
        assert_eq!(found, expected, "{filter:?}");
    }
    let rows = place.ask(&all(SearchFilter::default()), Whose::Everybody);
    assert_eq!(
        (rows[1].end_index, rows[1].rows, rows[1].name.as_deref()),
        (Some(3), Some(7), Some("ana@example.com"))
    );
    assert_eq!(rows[1].sql.as_deref(), Some("SELECT email FROM customers WHERE id = $1"));
    assert_eq!(rows[1].entries.len(), 2);
}

#[test]
fn what_is_typed_into_a_filter_is_never_sql() {
    let place = Place::new();
    sample(&place);
    for hostile in
        ["' OR 1=1 --", "x' UNION SELECT * FROM entry --", "\"; DROP TABLE entry; --", "%", "_", "\0"]
    {
        let text = || Some(hostile.to_owned());
        for filter in [
            SearchFilter { principal: text(), ..Default::default() },
            SearchFilter { actor: text(), ..Default::default() },
            SearchFilter { resource: text(), ..Default::default() },
            SearchFilter { table: text(), ..Default::default() },
            SearchFilter { column: text(), ..Default::default() },
            SearchFilter { label: text(), ..Default::default() },
            SearchFilter { text: text(), ..Default::default() },
            SearchFilter { kinds: vec![hostile.to_owned()], ..Default::default() },
        ] {
            assert_eq!(place.found(filter.clone()), [0_u64; 0], "{filter:?}");
        }
    }
    assert_eq!(place.found(SearchFilter::default()).len(), 4);
}

#[test]
fn nobody_finds_entries_of_others_among_their_own_whatever_they_ask_for() {
    let place = Place::new();
    sample(&place);
    let own = principal("u1");
    let rows = place.ask(&all(SearchFilter::default()), Whose::Own(&own));
    assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [0, 2, 5]);
    let theirs = SearchFilter { principal: Some("u2".to_owned()), ..Default::default() };
    assert!(place.ask(&all(theirs), Whose::Own(&own)).is_empty());
    let elsewhere = PrincipalRef { idp: "another idp".to_owned(), ..own };
    assert!(place.ask(&all(SearchFilter::default()), Whose::Own(&elsewhere)).is_empty());
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    let place = Place::new();
    place.add((0..50).map(|number| denial(number, "u1")));
    let mut request = all(SearchFilter::default());
    (request.order, request.limit) = (SearchOrder::NewestFirst, 7);
    let mut indices = Vec::new();
    loop {
        let rows = place.ask(&request, Whose::Everybody);
        let Some(last) = rows.last() else { break };
        request.before = Some(last.index);
        indices.extend(rows.iter().map(|row| row.index));
    }
    assert_eq!(indices, (0..50).rev().collect::<Vec<_>>());
}

#[test]
fn long_texts_that_were_sent_often_end_an_answer_early_and_nothing_is_left_out() {
    let place = Place::new();
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    place.add([text("long", &long)]);
    place.add((0..40).map(|number| intent(number, "u1", "long", "a.b")));
    let mut request = all(SearchFilter::default());
    request.order = SearchOrder::NewestFirst;
    let (mut pages, mut indices) = (0, Vec::new());
    loop {
        let rows = place.ask(&request, Whose::Everybody);
        let Some(last) = rows.last() else { break };
        assert!(rows.len() <= 10, "{} rows of a megabyte", rows.len());
        request.before = Some(last.index);
        indices.extend(rows.iter().map(|row| row.index));
        pages += 1;
    }
    assert_eq!((pages > 3, indices), (true, (1..=40).rev().collect()));
}

#[test]
fn a_deleted_damaged_or_foreign_index_is_made_anew_and_answers_the_same() {
    let place = Place::new();
    place.add((0..200).flat_map(|number| [intent(number, "u1", "f", "a.b"), outcome(number)]));
    let expected = place.found(SearchFilter::default());
    let Place { folder, log, follower } = place;
    log.shutdown().expect("in order");
    drop((log, follower));
    let file = folder.path().join(FILE);
    let damages: [&dyn Fn(); 4] = [
        &|| std::fs::remove_file(&file).expect("removed"),
        &|| {
            std::fs::write(&file, "not a database, and longer than its header, so that it is looked at")
                .expect("written")
        },
        &|| {
            let index = rusqlite::Connection::open(&file).expect("open");
            index.execute("UPDATE made_from SET root = 'other'", []).expect("changed");
        },
        &|| {
            let index = rusqlite::Connection::open(&file).expect("open");
            index.execute("UPDATE made_from SET size = 1000000", []).expect("changed");
        },
    ];
    for damage in damages {
        damage();
        let log = open(&folder);
        let follower = Follower::start(&log, folder.path()).expect("a thread");
        let size = log.published().borrow().size;
        block_on(follower.seen().wait_for(|seen| seen.indexed >= size)).expect("indexed");
        let mut leaves = Leaves::new(PublicFolder::new(log.public_dir()), size);
        let mut request = all(SearchFilter::default());
        request.limit = 1_000;
        let rows = search(&file, &mut leaves, &request, Whose::Everybody).expect("an answer").rows;
        assert!(rows.iter().all(|row| row.end_index == Some(row.index + 1)));
        assert_eq!(rows.iter().take(100).map(|row| row.index).collect::<Vec<_>>(), expected);
        assert_eq!(rows.len(), 200);
        log.shutdown().expect("in order");
    }
}

#[test]
fn reindexing_needs_the_log_for_itself_and_gives_what_following_gave() {
    let place = Place::new();
    sample(&place);
    assert!(matches!(reindex(place.folder.path(), &mut |_, _| {}), Err(IndexError::Locked(_))));
    let expected = place.ask(&all(SearchFilter::default()), Whose::Everybody);
    place.log.shutdown().expect("in order");
    let Place { folder, log, follower } = place;
    let public = PublicFolder::new(log.public_dir());
    drop((log, follower));
    assert_eq!(reindex(folder.path(), &mut |_, _| {}).expect("made"), 8);
    let mut leaves = Leaves::new(public, 8);
    let found =
        search(&folder.path().join(FILE), &mut leaves, &all(SearchFilter::default()), Whose::Everybody);
    assert_eq!(found.expect("an answer").rows, expected);
}

/// A statement of which lineage is told.
fn told(number: u8) -> Entry {
    let Entry::Intent(mut intent) = intent(number, "ana", "f1", "public.users") else { unreachable!() };
    intent.lineage = Some("sha256:00".to_owned());
    Entry::Intent(intent)
}

#[test]
fn an_end_is_the_same_whether_it_comes_with_its_statement_or_later() {
    let entries =
        [text("f1", "select $1"), told(1), told(2), outcome(2), told(3), denial(4, "ana"), outcome(1)];
    let dumps = [entries.len(), 1, 2, 3].map(|batch| {
        let place = Place::new();
        entries.chunks(batch).for_each(|entries| place.add(entries.to_vec()));
        let index = rusqlite::Connection::open(place.index()).expect("the index");
        let sql = "SELECT entry.idx, kind, end_idx, rows, failed, shape, own FROM entry \
                   LEFT JOIN used_shape USING (idx) WHERE statement IS NOT NULL ORDER BY entry.idx";
        let mut rows = index.prepare(sql).expect("prepared");
        let row = |row: &rusqlite::Row<'_>| {
            Ok((0..7).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect::<Vec<_>>())
        };
        let rows: Vec<_> = rows.query_map([], row).expect("rows").map(|row| format!("{row:?}")).collect();
        assert_eq!(rows.len(), 4, "{rows:?}");
        rows
    });
    assert!(dumps[0][0].contains("Integer(7)"), "{:?}", dumps[0]);
    let [first, others @ ..] = dumps;
    for other in others {
        assert_eq!(other, first);
    }
}
