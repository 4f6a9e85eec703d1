//! Questions to a log into which somebody has written to deceive.

use super::*;
use connect_shared::{
    api::LineageKind,
    entry::RequestEntry,
    request::{RequestKind, RequestStep},
};

/// Somebody asks, and somebody else approves.
fn approve(place: &Place, request: RequestId, sub: &str) {
    for (step, by) in [(RequestStep::Requested, None), (RequestStep::Approved, Some(principal("sam")))] {
        place.add(Entry::Request(Box::new(RequestEntry {
            request,
            of: RequestKind::Statement,
            step,
            principal: principal(sub),
            resource: "prod".to_owned(),
            by,
            name: "sam@example.com".to_owned(),
            reason: None,
            binding: String::new(),
            until: 9,
            first_in: None,
            scope: None,
            through: None,
        })));
    }
}

fn read<'a>(column: &'a (&'a str, u32, i16, Option<Label>)) -> Flows<'a> {
    Flows {
        result: std::slice::from_ref(&column.0),
        columns: std::slice::from_ref(column),
        ..Flows::default()
    }
}

#[test]
fn what_anybody_may_name_as_he_likes_stands_before_no_column_and_hides_none() {
    let place = Place::new();
    place.run(("ana", None), "select", "SELECT ssn FROM t", &read(&SSN));
    // A run whose file, and another one whose job, is called as the end of the column's name is.
    place.begin(RUN, "eve");
    place.end(RUN, "eve", &[], &["t.ssn", "ssn"]);
    for about in ["t.ssn", "ssn"] {
        let answer = place.down(about);
        assert_eq!(answer.roots, ["column:prod/20000.2"], "{about}");
        assert_eq!(answer.also, [LineageKind::File], "{about}");
        let meant =
            LineageQuestion { kind: Some(LineageKind::File), ..question(about, LineageDirection::Up) };
        let answer = place.asks("auditor", &meant).expect("the file");
        assert!(answer.roots[0].starts_with("file:") && answer.also.is_empty(), "{answer:?}");
    }
    assert_eq!(place.down("public.t.ssn").also, []);
    // Whoever may see own things only is not told that others call something so.
    let own = LineageQuestion { scope: SearchScope::Own, ..question("ssn", LineageDirection::Down) };
    assert_eq!(place.asks("ana", &own).expect("the column").also, []);
}

#[test]
fn a_file_of_an_equal_hash_keeps_the_name_of_whoever_made_it_and_tells_nobody_of_the_others() {
    let place = Place::new();
    place.begin(RUN, "ana");
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM t", &read(&SSN));
    let file = |name: &str, length| FileFact {
        name: name.to_owned(),
        sha256: "c".repeat(64),
        length,
        modified: 0,
        files: None,
    };
    place.end_with(RUN, "ana", Vec::new(), vec![file("model.bin", 3)]);
    place.begin(NEXT_RUN, "eve");
    place.end_with(NEXT_RUN, "eve", Vec::new(), vec![file("cat.jpg", 99)]);
    let all = place.up(&"c".repeat(64));
    let named = all.nodes.iter().find(|node| node.id.starts_with("file:")).expect("the file");
    assert_eq!(named.name, "model.bin");
    assert!(matches!(named.kind, NodeKind::File { length: 3, .. }), "{named:?}");
    assert_eq!(all.edges.iter().filter(|edge| edge.flow == Flow::Output).count(), 2, "both say so: {all:#?}");
    let runs: Vec<String> = all
        .nodes
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Run { by, .. } => Some(by.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(runs, ["ana@example.com", "eve@example.com"], "each by whom");
    // To eve it is her own file, of which she knows what she has said.
    let own = LineageQuestion { scope: SearchScope::Own, ..question(&"c".repeat(64), LineageDirection::Up) };
    let hers = format!("{:?}", place.asks("eve", &own).expect("her own"));
    assert!(hers.contains("cat.jpg"), "{hers}");
    assert!(
        !hers.contains("model.bin") && !hers.contains("ssn") && !hers.contains(&RUN.to_string()),
        "{hers}"
    );
}

#[test]
fn two_principals_whose_names_could_be_written_alike_are_two() {
    let place = Place::new();
    let subs = ["ana+bot", "ana%2Bbot", "ana#x"];
    for sub in subs {
        place.run((sub, None), "select", "SELECT ssn FROM t", &read(&SSN));
    }
    let answer = place.down("public.t.ssn");
    let ids: std::collections::BTreeSet<&str> = answer
        .nodes
        .iter()
        .filter(|node| node.id.starts_with("principal:"))
        .map(|node| node.id.as_str())
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    // An AI agent `bot` of `ana` would be written so.
    assert!(!ids.contains("principal:idp#ana+bot"), "{ids:?}");
}

#[test]
fn values_that_go_round_in_a_ring_and_a_very_long_way_end_where_the_depth_does() {
    let place = Place::new();
    // Two tables that are each filled from the other, again and again.
    let (a, b) = (("public.a.x", 1_001, 1, None), ("public.b.x", 1_002, 1, None));
    for _ in 0..4 {
        for (from, to) in [(a, "public.b"), (b, "public.a")] {
            let sources = [from.0];
            let into: Columns<'_> = &[("x", &sources)];
            let flows = Flows { table: Some((to, into)), columns: &[a, b], ..Flows::default() };
            place.run(("li", None), "insert", "INSERT INTO b SELECT x FROM a", &flows);
        }
    }
    for answer in [place.down("public.a.x"), place.up("public.a.x")] {
        assert_eq!(names(&answer), ["public.a.x", "public.b.x"], "{answer:#?}");
        assert!(!answer.more);
    }
    // A chain that is longer than any question goes.
    let names: Vec<String> = (0..=40).map(|number| format!("public.c{number}.x")).collect();
    for (number, pair) in names.windows(2).enumerate() {
        let [from, to] = pair else { panic!("two") };
        let oid = 2_000 + u32::try_from(number).expect("a number");
        let columns = [(from.as_str(), oid, 1, None), (to.as_str(), oid + 1, 1, None)];
        let (table, sources) = (to.trim_end_matches(".x"), [from.as_str()]);
        let into: Columns<'_> = &[("x", &sources)];
        let flows = Flows { table: Some((table, into)), columns: &columns, ..Flows::default() };
        place.run(("li", None), "insert", "INSERT INTO c SELECT x FROM c", &flows);
    }
    let deepest = LineageQuestion { depth: 32, ..question("public.c0.x", LineageDirection::Down) };
    let answer = place.asks("auditor", &deepest).expect("something");
    assert_eq!((answer.nodes.len(), answer.more), (33, true));
}

#[test]
fn a_time_that_ends_before_it_begins_is_refused_and_not_answered_with_nothing() {
    let asked = |since, until| {
        let question = LineageQuestion { since, until, ..question("public.t.ssn", LineageDirection::Down) };
        question.check()
    };
    assert!(asked(Some(5), Some(5)).is_err() && asked(Some(6), Some(5)).is_err());
    assert!(
        asked(Some(u64::MAX), None).is_ok()
            && asked(None, Some(0)).is_ok()
            && asked(Some(4), Some(5)).is_ok()
    );
    let place = Place::new();
    place.run(("ana", None), "select", "SELECT ssn FROM t", &read(&SSN));
    let never = LineageQuestion { since: Some(u64::MAX), ..question("public.t.ssn", LineageDirection::Down) };
    assert!(place.asks("auditor", &never).expect("the column").edges.is_empty());
}

#[test]
fn an_approval_is_named_where_its_statement_is_and_to_nobody_else() {
    let place = Place::new();
    let request = RequestId::from_random([4; 16]);
    approve(&place, request, "li");
    place.begin(RUN, "li");
    let by_approval = Flows { approved: Some(request), ..read(&SSN) };
    place.run(("li", Some(RUN)), "select", "SELECT ssn FROM t", &by_approval);
    place.run(("li", Some(RUN)), "select", "SELECT kind FROM t", &read(&("public.t.kind", 20_000, 3, None)));
    place.end(RUN, "li", &[], &["model.bin"]);
    let up = place.up("model.bin");
    let of = |column: &str| {
        let edge = up.edges.iter().find(|edge| edge.from == column).expect("an edge");
        edge.approvals.iter().copied().collect::<Vec<_>>()
    };
    assert_eq!((of("column:prod/20000.2"), of("column:prod/20000.3")), (vec![request], vec![]));
    let approval = &up.approvals[0];
    assert_eq!((up.approvals.len(), approval.request, approval.by.len()), (1, request, 1));
    assert_eq!((approval.by[0].name.as_str(), approval.by[0].sub.as_str()), ("sam@example.com", "sam"));
    let own = LineageQuestion { scope: SearchScope::Own, ..question("public.t.ssn", LineageDirection::Down) };
    assert!(place.asks("ana", &own).is_none());
}
