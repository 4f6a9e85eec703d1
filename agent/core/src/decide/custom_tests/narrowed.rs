//! Grants for some tables, chains of AI agents, and locks.

use super::*;

fn narrowed(tables: &[&str]) -> Sender {
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    Sender { narrowed: Narrowed { tables, ..Narrowed::default() }, ..Sender::default() }
}

#[test]
fn a_grant_for_some_tables_is_for_no_others_and_not_for_what_holds_their_values() {
    let policies = also("");
    let sender = narrowed(&["public.orders", "sales.*"]);
    for table in ["public.orders", "sales.invoices", "pg_catalog.pg_class", "information_schema.tables"] {
        let (outcome, reason) = sender.asks(&policies, &select(table));
        assert!(matches!(outcome, Outcome::Permit(_)), "{table}: {reason:?}");
    }
    for table in [
        "public.customers",
        "sales",
        "sales2.invoices",
        "sales.inner.invoices",
        "public.orders.more",
        "pg_catalog.pg_stats",
        "pg_temp.orders",
    ] {
        let (outcome, reason) = sender.asks(&policies, &select(table));
        assert_eq!((outcome, reason.policy.as_str()), (Outcome::Deny, "grant/tables"), "{table}");
        assert_eq!(reason.object.as_deref(), Some(table));
    }
    let both = statement("select", Kind::Read, &["public.orders", "public.customers"], &[]);
    assert_eq!(sender.asks(&policies, &both).0, Outcome::Deny);
    let write = statement("insert", Kind::Write, &["public.orders"], &["public.customers"]);
    assert_eq!(sender.asks(&policies, &write).1.policy, "grant/tables");
    let change = statement("create table", Kind::SchemaChange, &[], &["public.orders"]);
    assert_eq!(sender.asks(&policies, &change).1.policy, "grant/tables");
    let lineage = crate::lineage::Lineage { functions: [Oid(20_000)].into(), ..Default::default() };
    let calls = Statement { lineage: Arc::new(lineage), ..select("public.orders") };
    assert_eq!(sender.asks(&policies, &calls).1.policy, "grant/tables", "what it reads nobody says");
    assert!(matches!(Sender::default().asks(&policies, &calls).0, Outcome::Permit(_)));
    for status in [crate::lineage::Status::Partial, crate::lineage::Status::Opaque] {
        let lineage = Arc::new(crate::lineage::Lineage { status, ..Default::default() });
        let half_known = Statement { lineage, ..select("public.orders") };
        assert_eq!(sender.asks(&policies, &half_known).1.policy, "grant/tables", "{status:?}");
        assert!(matches!(Sender::default().asks(&policies, &half_known).0, Outcome::Permit(_)));
    }
}

#[test]
fn what_is_decided_for_one_of_a_chain_is_decided_for_all() {
    let policies = also(
        "@id(\"no-planner\") forbid (principal is Agent, action, resource == Table::\"prod-db/public.a\")
         when { principal.actor == \"planner/1\" };
         @id(\"no-below\") forbid (principal is Agent, action, resource == Table::\"prod-db/public.b\")
         when { principal.chain.contains(\"planner/1\") && principal.actor == \"worker\" };",
    );
    let chain = |actor: &str| Sender { actor: Some(actor.into()), ..Sender::default() };
    for (actor, a, b) in [
        ("planner/1", false, true),
        ("planner/1>worker", false, false),
        ("planner/1>other>digger", false, true),
        ("worker", true, true),
        ("planner/1>other", false, true),
    ] {
        let permits = |table| matches!(chain(actor).asks(&policies, &select(table)).0, Outcome::Permit(_));
        assert_eq!((permits("public.a"), permits("public.b")), (a, b), "{actor}");
    }
}

#[test]
fn an_ai_agent_takes_no_lock_and_its_person_does() {
    let policies = also("");
    let lock = Statement { shapes: vec![Shape::Lock], ..statement("select", Kind::Read, &[], &[]) };
    assert!(matches!(Sender::default().asks(&policies, &lock).0, Outcome::Permit(_)));
    let bot = Sender { actor: Some("claude".into()), ..Sender::default() };
    assert_eq!(bot.asks(&policies, &lock).1.policy, "default/agent-locks");
}
