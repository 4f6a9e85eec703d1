//! Attacks on grants that are handed on.

use connect_shared::{
    api::HandOn,
    grant::{Actor, BudgetPart, HandedOn},
};

use super::*;
use crate::grants::hand_on::HandOnError;

/// A configuration in which the same tables can be named for two resources.
fn planner(authority: &GrantAuthority, change: impl FnOnce(&mut GrantRequest)) -> Issued {
    let mut wanted = request("prod-db");
    wanted.actor = Some("planner/1".into());
    wanted.task = Some("T-1".into());
    change(&mut wanted);
    issue(authority, &["developer"], &wanted).expect("an AI agent reads")
}

fn part(actor: &str) -> GrantRequest {
    GrantRequest { actor: Some(actor.into()), ..request("prod-db") }
}

fn to(giver: &Issued, byte: u8) -> HandOn {
    HandOn {
        grant: giver.text.clone(),
        certificate: certificate(byte).as_str().to_owned(),
        seconds: None,
        budget: BudgetPart::default(),
    }
}

/// By whoever has the key of this byte.
fn hand_on(
    authority: &GrantAuthority,
    key: u8,
    request: &GrantRequest,
    hand_on: &HandOn,
    now: u64,
) -> Result<Issued, HandOnError> {
    let (claims, _) = authority.giver(hand_on, &certificate(key), now)?;
    authority.hand_on(&claims, request, hand_on, GrantId::from_random([8; 16]), now)
}

#[test]
fn a_part_names_everybody_on_the_way_and_is_good_for_its_own_key_only() {
    let authority = authority();
    let giver = planner(&authority, |_| {});
    let child = hand_on(&authority, 1, &part("worker"), &to(&giver, 2), NOW + 10).expect("a part");
    let inner = Actor { sub: "planner/1".into(), act: None };
    assert_eq!(child.claims.act, Some(Actor { sub: "worker".into(), act: Some(Box::new(inner)) }));
    assert_eq!((child.claims.parent, child.claims.sub.as_str()), (Some(giver.claims.jti), "ana"));
    let verified = authority.verify(&child.text, &certificate(2), NOW + 10).expect("it is good");
    assert_eq!(verified.principal.reference.actor.as_deref(), Some("planner/1>worker"));
    assert_eq!(verified.principal.reference.chain().collect::<Vec<_>>(), ["planner/1", "worker"]);
    assert_eq!((verified.task.as_deref(), verified.actions.as_slice()), (Some("T-1"), &[Action::Read][..]));
    assert_eq!(verified.givers().collect::<Vec<_>>(), [certificate(1).as_str()]);
    for other in [1, 3] {
        let stolen = authority.verify(&child.text, &certificate(other), NOW + 10);
        assert_eq!(stolen, Err(GrantError::OtherKey));
        // Nor hands it on, or its parent's, whoever has not the key.
        let replayed = hand_on(&authority, other, &part("thief"), &to(&child, 4), NOW + 10);
        assert_eq!(replayed, Err(HandOnError::Grant(GrantError::OtherKey)));
    }
    let replayed = hand_on(&authority, 2, &part("thief"), &to(&giver, 4), NOW);
    assert_eq!(replayed, Err(HandOnError::Grant(GrantError::OtherKey)));
    // Each step is one more in the chain, and the chain has an end.
    let grandchild = hand_on(&authority, 2, &part("digger"), &to(&child, 3), NOW + 10).expect("a part of it");
    let fourth = hand_on(&authority, 3, &part("last"), &to(&grandchild, 4), NOW + 10).expect("the fourth");
    let chain = authority.verify(&fourth.text, &certificate(4), NOW + 10).expect("good").principal.reference;
    assert_eq!(chain.actor.as_deref(), Some("planner/1>worker>digger>last"));
    assert_eq!(hand_on(&authority, 4, &part("fifth"), &to(&fourth, 5), NOW + 10), Err(HandOnError::TooDeep));
}

#[test]
fn a_part_ends_with_its_parent_or_before() {
    let authority = authority();
    let giver = planner(&authority, |_| {});
    let end = giver.claims.exp;
    let asks = |seconds, now| {
        let wish = HandOn { seconds, ..to(&giver, 2) };
        hand_on(&authority, 1, &part("worker"), &wish, now).map(|issued| issued.claims.exp)
    };
    assert_eq!(asks(None, NOW), Ok(end));
    assert_eq!(asks(None, end - 30), Ok(end), "a late part lasts no longer");
    assert_eq!(asks(Some(u64::MAX), end - 30), Ok(end));
    assert_eq!(asks(Some(20), NOW), Ok(NOW + 20));
    assert_eq!(asks(None, end), Err(HandOnError::Grant(GrantError::Expired)));
    assert!(matches!(asks(Some(0), NOW), Err(HandOnError::Form(_))));
    // A part of a part that is short is as short.
    let short = HandOn { seconds: Some(20), ..to(&giver, 2) };
    let child = hand_on(&authority, 1, &part("worker"), &short, NOW).expect("a part");
    let grandchild = hand_on(&authority, 2, &part("digger"), &to(&child, 3), NOW + 5).expect("a part");
    assert_eq!(grandchild.claims.exp, NOW + 20);
    assert_eq!(authority.verify(&grandchild.text, &certificate(3), NOW + 20), Err(GrantError::Expired));
}

#[test]
fn no_field_of_a_part_is_wider_than_its_parents() {
    let authority = authority();
    let giver =
        planner(&authority, |wanted| wanted.tables = vec!["public.*".into(), "sales.invoices".into()]);
    let budget = BudgetPart { rows: Some(100), persons: Some(7), ..BudgetPart::default() };
    let narrow = GrantRequest { tables: vec!["public.orders".into()], ..part("worker") };
    let child = hand_on(&authority, 1, &narrow, &HandOn { budget, ..to(&giver, 2) }, NOW).expect("narrower");
    let verified = authority.verify(&child.text, &certificate(2), NOW).expect("good");
    assert_eq!(verified.tables, ["public.orders"]);
    let narrowed = verified.narrowed();
    assert_eq!((narrowed.parts[0].most.rows, narrowed.parts[0].most.cells), (100, u64::MAX));
    assert!(narrowed.parts[0].id.ends_with("/worker"), "{narrowed:?}");

    let wider = |change: &dyn Fn(&mut GrantRequest, &mut HandOn)| {
        let (mut request, mut wish) = (part("digger"), to(&child, 3));
        change(&mut request, &mut wish);
        hand_on(&authority, 2, &request, &wish, NOW).map(|issued| issued.claims)
    };
    let what = |change: &dyn Fn(&mut GrantRequest, &mut HandOn)| wider(change).expect_err("it is wider");
    assert_eq!(what(&|request, _| request.resource = "bench-db".into()), HandOnError::Wider("resource"));
    assert_eq!(what(&|request, _| request.actions = vec![Action::Write]), HandOnError::Wider("actions"));
    assert_eq!(
        what(&|request, _| request.actions = vec![Action::Read, Action::Write]),
        HandOnError::Wider("actions")
    );
    for table in ["public.customers", "public.*", "sales.invoices", "other.orders"] {
        let wide = what(&|request, _| request.tables = vec!["public.orders".into(), table.into()]);
        assert_eq!(wide, HandOnError::Wider("tables"), "{table}");
    }
    for task in ["T-2", "T-10", "other/T-1", "T"] {
        assert_eq!(
            what(&|request, _| request.task = Some(task.into())),
            HandOnError::Wider("task"),
            "{task}"
        );
    }
    assert_eq!(what(&|_, wish| wish.budget.rows = Some(101)), HandOnError::Wider("budget"));
    assert_eq!(what(&|_, wish| wish.budget.persons = Some(8)), HandOnError::Wider("budget"));
    // What is the same or less is good, and what is left out is as it was.
    let same = wider(&|request, wish| {
        request.tables = vec!["public.orders".into()];
        request.task = Some("T-1/step".into());
        wish.budget = BudgetPart { rows: Some(100), cells: Some(5), ..BudgetPart::default() };
    })
    .expect("no wider");
    assert_eq!(same.authorization_details[0].tables, ["public.orders"]);
    assert_eq!(wider(&|_, _| {}).expect("as it was").authorization_details[0].tables, ["public.orders"]);
    // One that had all tables may leave some out, in any way that can be read.
    let open = planner(&authority, |_| {});
    for tables in [&["orders"][..], &["*.*"], &["a.b.c"], &["public."], &[".x"], &["a.\n"], &["public.o*"]] {
        let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
        let asked = GrantRequest { tables: tables.clone(), ..part("worker") };
        let refused = hand_on(&authority, 1, &asked, &to(&open, 2), NOW).expect_err("no tables");
        assert_eq!(refused, HandOnError::Words(GrantRefusal::BadTables), "{tables:?}");
    }
}

#[test]
fn a_chain_is_made_by_the_agent_and_names_nobody_else() {
    let authority = authority();
    let giver = planner(&authority, |_| {});
    for name in ["", "boss>worker", "planner/1>worker", ">", "a b", "\u{202e}"] {
        let refused = hand_on(&authority, 1, &part(name), &to(&giver, 2), NOW).expect_err(name);
        assert_eq!(refused, HandOnError::Words(GrantRefusal::BadActor), "{name}");
        // Nor does a sign-in make a chain.
        let mut wanted = request("prod-db");
        wanted.actor = Some(name.into());
        assert_eq!(issue(&authority, &["developer"], &wanted), Err(GrantRefusal::BadActor), "{name}");
    }
    let nameless = GrantRequest { actor: None, ..part("x") };
    assert!(matches!(hand_on(&authority, 1, &nameless, &to(&giver, 2), NOW), Err(HandOnError::Form(_))));
    // A person's own grant is not an AI agent's to hand on.
    let own = issue(&authority, &["developer"], &request("prod-db")).expect("a person's");
    assert_eq!(hand_on(&authority, 1, &part("worker"), &to(&own, 2), NOW), Err(HandOnError::NotAnActor));
    // The key of a giver is the giver's, and a thumbprint is one.
    let child = hand_on(&authority, 1, &part("worker"), &to(&giver, 2), NOW).expect("a part");
    for key in [certificate(1).as_str(), certificate(2).as_str(), "", "short", &"=".repeat(43)] {
        let wish = HandOn { certificate: key.to_owned(), ..to(&child, 3) };
        let refused = hand_on(&authority, 2, &part("digger"), &wish, NOW).expect_err("no key of its own");
        assert!(matches!(refused, HandOnError::Form(_)), "{key}: {refused}");
    }
    // What somebody else has signed, or changed, is no grant.
    let parts: Vec<&str> = child.text.split('.').collect();
    let mut claims = child.claims.clone();
    claims.act = Some(Actor { sub: "boss".into(), act: None });
    claims.handed_on = Vec::new();
    let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).expect("JSON"));
    let forged = HandOn { grant: format!("{}.{forged}.{}", parts[0], parts[2]), ..to(&child, 3) };
    let refused = hand_on(&authority, 2, &part("digger"), &forged, NOW).expect_err("forged");
    assert!(matches!(refused, HandOnError::Grant(GrantError::NotAGrant(_))), "{refused}");
}

#[test]
fn another_grant_takes_the_place_of_a_part_only_if_it_is_as_narrow() {
    let authority = authority();
    let giver = planner(&authority, |_| {});
    let made = |change: &dyn Fn(&mut GrantRequest, &mut HandOn)| {
        let (mut request, mut wish) = (part("worker"), to(&giver, 2));
        change(&mut request, &mut wish);
        let child = hand_on(&authority, 1, &request, &wish, NOW).expect("a part");
        authority.verify(&child.text, &certificate(2), NOW).expect("good")
    };
    let first = made(&|request, wish| {
        request.tables = vec!["public.orders".into()];
        wish.budget.rows = Some(5);
    });
    let again = made(&|request, wish| {
        request.tables = vec!["public.orders".into()];
        (wish.budget.rows, wish.seconds) = (Some(5), Some(60));
    });
    assert!(again.continues(&first), "a renewal");
    assert!(!made(&|_, wish| wish.budget.rows = Some(5)).continues(&first), "all tables");
    assert!(!made(&|request, _| request.tables = vec!["public.orders".into()]).continues(&first), "all rows");
    assert!(!made(&|request, _| request.actor = Some("other".into())).continues(&first));
    let own = authority.verify(&giver.text, &certificate(1), NOW).expect("good");
    assert!(!own.continues(&first), "its giver's own grant");
    assert_eq!(
        first.handed_on,
        [HandedOn {
            by: certificate(1).as_str().to_owned(),
            budget: BudgetPart { rows: Some(5), ..BudgetPart::default() }
        }]
    );
}
