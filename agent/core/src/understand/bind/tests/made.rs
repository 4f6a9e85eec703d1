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
