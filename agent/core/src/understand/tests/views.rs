//! Views, children and parents take the labels of what they show.

use std::collections::HashMap;

use connect_shared::label::Label;

use super::world::{add, relation, shop, unprotected};
use crate::{
    catalog::{Catalog, Oid, RelationKind, ViewReading},
    understand::settle_views,
};

fn reading(catalog: &Catalog, name: &str) -> ViewReading {
    catalog.candidates(Some("public"), name).next().expect("it is there").view
}

fn label(catalog: &Catalog, name: &str, column: &str) -> Option<Label> {
    let relation = catalog.candidates(Some("public"), name).next().expect("it is there");
    relation.columns.iter().find(|c| &*c.name == column).expect("it has the column").label
}

#[test]
fn a_view_that_shows_columns_unchanged_takes_their_labels() {
    let catalog = shop();
    assert_eq!(reading(&catalog, "customer_emails"), ViewReading::Projection);
    assert_eq!(label(&catalog, "customer_emails", "mail"), Some(Label::Email));
    assert_eq!(label(&catalog, "customer_emails", "id"), None);
    assert_eq!(reading(&catalog, "customer_countries"), ViewReading::Untouched);
    assert_eq!(reading(&catalog, "kept_emails"), ViewReading::Projection);
}

#[test]
fn a_view_of_a_view_is_followed_to_the_end() {
    let catalog = shop();
    assert_eq!(reading(&catalog, "mails_again"), ViewReading::Projection);
    assert_eq!(label(&catalog, "mails_again", "to_whom"), Some(Label::Email));
    let view = catalog.candidates(None, "mails_again").next().expect("it is there");
    assert!(view.columns[1].tested_on_write, "writing it tests customers.email");
}

#[test]
fn a_view_that_does_anything_else_with_protected_columns_is_computed() {
    let catalog = shop();
    for view in ["customer_domains", "germans", "totals_by_function"] {
        assert_eq!(reading(&catalog, view), ViewReading::Computed, "{view}");
    }
    assert_eq!(reading(&catalog, "order_totals"), ViewReading::Untouched);
    assert_eq!(reading(&catalog, "activity"), ViewReading::Projection);
    assert_eq!(label(&catalog, "activity", "query"), Some(Label::Confidential));
}

#[test]
fn forms_that_hide_what_is_shown_are_computed() {
    for definition in [
        "SELECT DISTINCT email FROM customers",
        "SELECT email FROM customers ORDER BY email",
        "SELECT email FROM customers ORDER BY 1",
        "SELECT email FROM customers UNION ALL SELECT email FROM customers",
        "SELECT x.email FROM (SELECT email FROM customers) x",
        "WITH x AS (SELECT email FROM customers) SELECT email FROM x",
        "SELECT customers.email::character varying AS email FROM customers",
        "SELECT * FROM customers",
        "SELECT row_to_json(customers.*) AS email FROM customers",
        "this is not a definition",
        "",
    ] {
        let mut catalog = shop();
        add(&mut catalog, 30_000, "public", "v", RelationKind::View, &["email"]);
        settle_views(&mut catalog, &HashMap::from([(Oid(30_000), definition.into())]));
        assert_eq!(reading(&catalog, "v"), ViewReading::Computed, "{definition}");
    }
}

/// A view `v` of columns `a`, `b` with the definition.
fn with_view(definition: &str) -> Catalog {
    let mut catalog = shop();
    add(&mut catalog, 30_000, "public", "v", RelationKind::View, &["a", "b"]);
    settle_views(&mut catalog, &HashMap::from([(Oid(30_000), definition.into())]));
    catalog
}

#[test]
fn what_a_view_computes_from_protected_columns_is_confidential() {
    let free = None;
    for (definition, a, b) in [
        (
            "SELECT id AS a, split_part(email, '@'::text, 2) AS b FROM public.customers",
            free,
            Some(Label::Confidential),
        ),
        ("SELECT country AS a, count(*) AS b FROM public.customers GROUP BY country", free, free),
        (
            "SELECT country AS a, max(full_name) AS b FROM public.customers GROUP BY country",
            free,
            Some(Label::Confidential),
        ),
        // Its rows depend on a value that may be asked for.
        ("SELECT id AS a, country AS b FROM public.customers WHERE email LIKE '%.de'::text", free, free),
        (
            "SELECT id AS a, 1 + 1 AS b FROM public.customers WHERE email LIKE '%.de'::text",
            free,
            Some(Label::Confidential),
        ),
        (
            "SELECT id AS a, row_number() OVER (ORDER BY email) AS b FROM public.customers",
            free,
            Some(Label::Confidential),
        ),
        ("SELECT DISTINCT email AS a, country AS b FROM public.customers", Some(Label::Email), free),
        (
            "SELECT x.id AS a, x.email AS b FROM (SELECT id, email FROM public.customers) x",
            free,
            Some(Label::Email),
        ),
        (
            "SELECT c.email AS a, o.total AS b FROM public.customers c JOIN public.orders o ON o.customer_id = c.id",
            Some(Label::Email),
            free,
        ),
    ] {
        let catalog = with_view(definition);
        assert_eq!([label(&catalog, "v", "a"), label(&catalog, "v", "b")], [a, b], "{definition}");
        assert_ne!(reading(&catalog, "v"), ViewReading::Computed, "{definition}");
    }
}

#[test]
fn a_view_whose_rows_depend_on_what_nobody_may_ask_for_or_that_runs_code_is_computed() {
    for definition in [
        "SELECT id AS a, country AS b FROM public.customers WHERE full_name = 'Ada'::text",
        "SELECT id AS a, row_number() OVER (ORDER BY full_name) AS b FROM public.customers",
        "SELECT id AS a, CASE WHEN full_name > 'M'::text THEN 1 ELSE 2 END AS b FROM public.customers",
        "SELECT id AS a, secret AS b FROM public.api_keys WHERE secret ~~ 'sk%'::text",
        "SELECT id AS a, public.shop_total(id) AS b FROM public.customers",
        "SELECT id AS a, query_to_xml('SELECT email FROM public.customers'::text, true, true, ''::text) AS b FROM public.orders",
        "SELECT c.* AS a, c.* AS b FROM public.customers c",
        "SELECT id AS a, nothing AS b FROM public.customers",
    ] {
        assert_eq!(reading(&with_view(definition), "v"), ViewReading::Computed, "{definition}");
    }
}

#[test]
fn children_and_parents_share_labels() {
    let catalog = shop();
    assert_eq!(label(&catalog, "visits", "visitor"), Some(Label::PersonName));
    assert_eq!(label(&catalog, "visits", "region"), None);
}

#[test]
fn a_label_comes_down_a_long_chain() {
    let mut catalog = shop();
    let mut definitions = HashMap::new();
    for step in 0..30u32 {
        let oid = 31_000 + step;
        let name = format!("step_{step}");
        add(&mut catalog, oid, "public", &name, RelationKind::View, &["email"]);
        let from = if step == 29 { "customers".to_owned() } else { format!("step_{}", step + 1) };
        definitions.insert(Oid(oid), format!("SELECT email FROM {from}").into());
    }
    settle_views(&mut catalog, &definitions);
    assert_eq!(label(&catalog, "step_0", "email"), Some(Label::Email));
    assert_eq!(reading(&catalog, "step_0"), ViewReading::Projection);
}

#[test]
fn settling_twice_changes_nothing() {
    let mut catalog = shop();
    let before = format!("{:?}", catalog.relations.get(&Oid(20_104)));
    settle_views(&mut catalog, &HashMap::new());
    assert_eq!(format!("{:?}", catalog.relations.get(&Oid(20_104))), before);
}

#[test]
fn without_protected_columns_views_are_free() {
    let mut catalog = unprotected();
    add(&mut catalog, 30_000, "public", "v", RelationKind::View, &["n"]);
    relation(&mut catalog, 30_000).view_reads.push(Oid(20_000));
    settle_views(&mut catalog, &HashMap::from([(Oid(30_000), "SELECT count(*) AS n FROM products".into())]));
    assert_eq!(reading(&catalog, "v"), ViewReading::Untouched);
}
