//! Tables that get other names before anybody reads them.

use connect_shared::lineage::{PartColumn, RenamedColumn};

use super::*;

/// A table's one column, by two full names `schema.table.column`, as long as it has no OID.
fn renamed(from: &str, to: &str, oid: Option<u32>) -> Flows<'static> {
    let split =
        |name: &str| name.rsplit_once('.').map(|(table, column)| (table.to_owned(), column.to_owned()));
    let ((from, old), (to, new)) = split(from).zip(split(to)).expect("full names");
    let columns = vec![RenamedColumn { number: 1, from: old, to: new }];
    Flows { renames: vec![RenameReport { from, to, oid, columns }], ..Flows::default() }
}

impl Place {
    /// Makes a table of one column out of one of table 20000.
    fn makes(&self, table: &str, source: &str, number: i16) {
        let flows = Flows {
            table: Some((table, &[("x", &[source])])),
            created: true,
            columns: &[(source, 20_000, number, None)],
            ..Flows::default()
        };
        self.run(("li", None), "create table as", &format!("CREATE TABLE {table} AS SELECT"), &flows);
    }

    fn renames(&self, from: &str, to: &str) {
        self.run(("li", None), "alter rename", "ALTER TABLE it RENAME TO that", &renamed(from, to, None));
    }

    /// Somebody reads the column of a table that is known by its OID now.
    fn reads(&self, sub: &str, column: &str, oid: u32) {
        let flows = Flows { result: &[column], columns: &[(column, oid, 1, None)], ..Flows::default() };
        self.run((sub, None), "select", "SELECT x FROM it", &flows);
    }
}

#[test]
fn a_table_that_gets_another_name_before_anybody_reads_it_keeps_its_thread() {
    let place = Place::new();
    place.makes("public.made", "public.t.ssn", 1);
    place.renames("public.made.x", "public.kept.x");
    // Once more, into another schema, and its column as well.
    place.renames("public.kept.x", "archive.kept.x");
    place.renames("archive.kept.x", "archive.kept.y");
    place.reads("ana", "archive.kept.y", 30_000);

    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"ana"), "{down:#?}");
    let up = place.up("archive.kept.y");
    assert!(names(&up).contains(&"public.t.ssn"), "{up:#?}");
    // Whoever gave it the name wrote nothing into it.
    assert!(!up.edges.iter().any(|edge| edge.flow == Flow::Written), "{up:#?}");
}

#[test]
fn tables_that_swap_their_names_swap_what_they_have() {
    let place = Place::new();
    place.makes("public.one", "public.t.ssn", 1);
    place.makes("public.two", "public.t.kind", 3);
    place.renames("public.one.x", "public.between.x");
    place.renames("public.two.x", "public.one.x");
    place.renames("public.between.x", "public.two.x");
    place.reads("ana", "public.two.x", 30_001);
    place.reads("eve", "public.one.x", 30_002);

    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"ana"), "{down:#?}");
    let down = place.down("public.t.kind");
    assert!(names(&down).contains(&"eve"), "{down:#?}");
}

#[test]
fn a_table_that_is_made_again_under_a_name_that_one_left_has_a_thread_of_its_own() {
    let place = Place::new();
    place.makes("public.daily", "public.t.ssn", 1);
    place.renames("public.daily.x", "public.yesterday.x");
    place.makes("public.daily", "public.t.kind", 3);
    place.reads("ana", "public.yesterday.x", 30_003);

    let up = place.up("public.yesterday.x");
    assert!(names(&up).contains(&"public.t.ssn"), "{up:#?}");
    assert!(!names(&up).contains(&"public.t.kind"), "made after it had its name: {up:#?}");
}

#[test]
fn a_table_that_was_found_under_its_oid_when_it_got_another_name_is_joined_by_the_old_one() {
    let place = Place::new();
    place.makes("public.made", "public.t.ssn", 1);
    let flows = renamed("public.made.x", "public.kept.x", Some(30_004));
    place.run(("li", None), "alter rename", "ALTER TABLE made RENAME TO kept", &flows);
    place.reads("ana", "public.kept.x", 30_004);

    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"ana"), "{down:#?}");
}

#[test]
fn a_rename_of_what_nobody_knows_is_a_gap_unless_it_failed() {
    let place = Place::new();
    place.makes("public.made", "public.t.ssn", 1);
    let unknown = Flows {
        status: UnderstandingStatus::Opaque,
        reason: Some("changed: what is renamed is not known, made"),
        ..Flows::default()
    };
    let result = StatementResult::Failed("42P01".to_owned());
    place.run_as(("eve", None), "alter rename", "ALTER TABLE made RENAME TO kept", &unknown, result);
    assert!(place.down("public.t.ssn").gaps.is_empty(), "nothing got another name");
    place.run(("li", None), "alter rename", "ALTER TABLE made RENAME TO kept", &unknown);
    let gaps = place.down("public.t.ssn").gaps;
    assert!(gaps.len() == 1 && gaps[0].reasons[0].ends_with("not known, made"), "{gaps:#?}");
}

/// The column `x` of one table that is another's, too.
fn part(from: (&str, Option<u32>), to: (&str, Option<u32>), written: bool) -> Vec<PartReport> {
    vec![PartReport {
        from: from.0.to_owned(),
        to: to.0.to_owned(),
        from_oid: from.1,
        to_oid: to.1,
        written,
        columns: vec![PartColumn { name: "x".to_owned(), from: 1, to: 1 }],
    }]
}

#[test]
fn values_go_from_a_part_to_the_whole_and_from_the_whole_to_a_part() {
    let (whole, one, other) = (("public.whole", Some(40_000)), ("public.one", Some(40_001)), 40_002);
    let place = Place::new();
    // Written to a part, read of the whole.
    let into_part = Flows {
        table: Some(("public.one", &[("x", &["public.t.ssn"])])),
        columns: &[SSN, ("public.one.x", 40_001, 1, None)],
        parts: part(one, whole, true),
        ..Flows::default()
    };
    place.run(("li", None), "insert", "INSERT INTO one SELECT ssn FROM t", &into_part);
    place.reads("ana", "public.whole.x", 40_000);
    // A table becomes a part.
    place.makes("public.late", "public.t.kind", 3);
    let attached = Flows { parts: part(("public.late", None), whole, false), ..Flows::default() };
    place.run(("li", None), "alter table", "ALTER TABLE whole ATTACH PARTITION late", &attached);
    place.reads("eve", "public.whole.x", 40_000);
    // Read of a part, what was written to the whole.
    let of_part = Flows {
        result: &["public.other.x"],
        columns: &[("public.other.x", other, 1, None)],
        parts: part(whole, ("public.other", Some(other)), false),
        ..Flows::default()
    };
    place.run(("sue", None), "select", "SELECT x FROM other WHERE x = $1", &of_part);

    let ssn = place.down("public.t.ssn");
    assert!(names(&ssn).contains(&"ana") && names(&ssn).contains(&"sue"), "{ssn:#?}");
    let kind = place.down("public.t.kind");
    assert!(names(&kind).contains(&"eve") && !names(&kind).contains(&"ana"), "she read it before: {kind:#?}");
    let up = place.up("public.other.x");
    assert!(names(&up).contains(&"public.t.ssn"), "{up:#?}");
    // Neither who reads a part nor who attaches one has written a value.
    assert!(!up.edges.iter().any(|edge| edge.flow == Flow::Written), "{up:#?}");
}

#[test]
fn what_is_written_to_a_part_before_it_has_an_oid_is_found_in_the_whole() {
    let (whole, new) = (("public.whole", Some(41_000)), ("public.new", None));
    let place = Place::new();
    let made = Flows { parts: part(new, whole, false), ..Flows::default() };
    place.run(("li", None), "create table", "CREATE TABLE new PARTITION OF whole DEFAULT", &made);
    let filled = Flows {
        table: Some(("public.new", &[("x", &["public.t.ssn"])])),
        columns: &[SSN],
        parts: part(new, whole, true),
        ..Flows::default()
    };
    place.run(("li", None), "insert", "INSERT INTO new SELECT ssn FROM t", &filled);
    place.reads("ana", "public.whole.x", 41_000);

    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"ana"), "{down:#?}");
}
