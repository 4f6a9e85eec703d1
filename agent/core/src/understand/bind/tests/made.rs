//! What making and storing values runs: checks and defaults of domains, of types within types.

use super::shown;
use crate::{
    catalog::{
        Cascade, Catalog, Effect,
        fixture::{Version, catalog},
    },
    lineage::GapKind,
    understand::{bind_text, new_session},
};

const OWN: &str = "
    public.staff(id int4, salary int4);
    function public.peek() returns int4 language sql stable as select max(salary) from public.staff;
    domain public.again as text check ((VALUE)::public.again IS NOT NULL);
    domain public.first as text check ((VALUE)::public.second IS NOT NULL);
    domain public.second as text check ((VALUE)::public.first IS NOT NULL);
    domain public.peeked as int4 default public.peek();
    public.parent(id int4, name text);
    public.child(id int4, parent public.peeked);
";

#[track_caller]
fn answer(catalog: &Catalog, sql: &str) -> (String, Vec<GapKind>) {
    let lineage = bind_text(sql, catalog, &new_session(catalog, Some(&["public".to_owned()]))).remove(0);
    (shown(&lineage, catalog), lineage.gaps.iter().map(|gap| gap.kind).collect())
}

#[test]
fn a_check_that_makes_values_of_its_own_domain_is_followed_once() {
    let catalog = catalog(Version::Postgres18, OWN).expect("a database");
    for sql in ["SELECT salary::text::again FROM staff", "SELECT salary::text::first FROM staff"] {
        let (got, gaps) = answer(&catalog, sql);
        assert_eq!(gaps, [GapKind::OpaqueFunction], "{sql}: {got}");
        assert!(got.contains("staff.salary") && got.contains("make values of it"), "{sql}: {got}");
    }
}

#[test]
fn checks_that_make_values_of_others_many_times_end() {
    let mut text = "domain public.d0 as text check (length(VALUE) > 1);".to_owned();
    for n in 1..=12 {
        let one = format!("(VALUE)::public.d{} IS NOT NULL", n - 1);
        text.push_str(&format!("domain public.d{n} as text check ({});", [one.as_str(); 8].join(" AND ")));
    }
    let catalog = catalog(Version::Postgres18, &text).expect("a database");
    let (got, gaps) = answer(&catalog, "SELECT 'x'::d12");
    assert!(gaps.contains(&GapKind::TooLarge), "{got}");
}

#[test]
fn a_key_that_is_set_to_its_default_gets_that_of_its_domain() {
    let mut catalog = catalog(Version::Postgres18, OWN).expect("a database");
    let oid = |name: &str| catalog.candidates(None, name).next().expect("it is there").oid;
    let (parent, child) = (oid("parent"), oid("child"));
    catalog.relation_mut(parent).expect("it is there").details.get_or_insert_default().cascades.push(
        Cascade {
            table: child,
            on_delete: Effect::Default,
            on_update: Effect::Nothing,
            keys: Box::new([(2, 1)]),
        },
    );
    let (got, gaps) = answer(&catalog, "DELETE FROM parent");
    assert!(got.contains(">child parent<staff.salary; ") && gaps.is_empty(), "{got}");
}

#[test]
fn what_a_table_computes_is_bound_once_for_a_snapshot() {
    let text = "public.checked(a text default 'x'::text, n int4 default 7, check (length(a) > 1), \
        check (abs(n) > 0)); public.kept(id int4 default nextval('s'::regclass), a text);";
    let catalog = catalog(Version::Postgres18, text).expect("a database");
    let before = answer(&catalog, "INSERT INTO checked(a) VALUES ('xx')");
    let known = catalog.known.len();
    assert_eq!((known, before.0.as_str()), (3, ">checked a<; |"));
    assert_eq!(answer(&catalog, "INSERT INTO checked(a) VALUES ('xx')"), before);
    assert_eq!(catalog.known.len(), known);
    // What runs is said again, each time.
    let session = new_session(&catalog, Some(&["public".to_owned()]));
    let functions = || bind_text("INSERT INTO kept(a) VALUES ('x')", &catalog, &session).remove(0).functions;
    assert!(!functions().is_empty() && functions() == functions());
    assert_eq!(catalog.clone().known.len(), 0);
}

#[test]
fn a_text_that_could_not_be_read_is_not_taken_for_none() {
    let text =
        "public.locked(a text, n int4 default (,), g int4 generated always as ((,)) stored, check (,));";
    let catalog = catalog(Version::Postgres18, text).expect("a database");
    for sql in ["INSERT INTO locked(a) VALUES ('x')", "UPDATE locked SET a = 'x'"] {
        let (got, gaps) = answer(&catalog, sql);
        assert_eq!(gaps, [GapKind::Changed], "{sql}: {got}");
    }
}

#[test]
fn a_generated_column_is_computed_anew_where_its_text_names_what_is_given() {
    let text = "public.named(a text, b text, note text, \
                g text generated always as (public.unheard(a)) stored, \
                h text generated always as (b) stored);";
    let catalog = catalog(Version::Postgres18, text).expect("a database");
    for (set, computed) in [("note", ""), ("a", "g"), ("b", "h")] {
        let (got, gaps) = answer(&catalog, &format!("UPDATE named SET {set} = 'x'"));
        assert_eq!(gaps.is_empty(), set != "a", "{set}: {got}");
        for column in ["g", "h"] {
            assert_eq!(got.contains(&format!(" {column}<")), column == computed, "{set}: {got}");
        }
    }
}
