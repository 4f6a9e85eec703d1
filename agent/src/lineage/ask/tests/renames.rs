//! Tables that get other names before anybody reads them.

use connect_shared::lineage::RenamedColumn;

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
