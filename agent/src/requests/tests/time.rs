//! What is approved for a time, with any values, or taken by breaking the glass.

use connect_core::approval::LeaveOf;
use connect_shared::{api::LabelledColumn, label::Label};

use super::*;

async fn unmask(world: &World) -> Request {
    let columns = vec![LabelledColumn { column: "public.customers.email".into(), label: Label::Email }];
    let wish = (columns, 3_600, Vec::new());
    let asked = world.requests.ask_to_unmask(&principal("ana"), "prod-db", wish, Some("why".into())).await;
    asked.expect("asked")
}

fn holding(world: &World, name: &str, resource: &str) -> Vec<RequestId> {
    let leaves = world.requests.leaves(&principal(name).reference, resource);
    leaves.iter().map(|leave| leave.request).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_a_time_is_told_of_and_is_for_one_person_and_resource() {
    let world = World::new();
    let mut change = world.requests.leaves_change();
    let request = unmask(&world).await;
    assert_eq!(unmask(&world).await.id, request.id, "the same asking is the same request");
    assert!(holding(&world, "ana", "prod-db").is_empty(), "nobody has approved it");
    let approved = world.approve(&request).await.expect("approved");
    assert!(approved.expires_at > now() + 3_000, "from the verdict on");
    assert!(change.has_changed().expect("there"), "connections are told");
    change.mark_unchanged();
    assert_eq!(holding(&world, "ana", "prod-db"), [request.id]);
    let leaves = world.requests.leaves(&principal("ana").reference, "prod-db");
    let columns = vec![("public.customers.email".to_owned(), Label::Email)];
    assert_eq!((&leaves[0].of, leaves[0].by.as_str()), (&LeaveOf::Columns(columns), "li@example.com"));
    for (name, resource) in [("sam", "prod-db"), ("ana", "staging-db")] {
        assert!(holding(&world, name, resource).is_empty(), "{name} {resource}");
    }
    let bot = PrincipalRef { actor: Some("bot".into()), ..principal("ana").reference };
    assert!(world.requests.leaves(&bot, "prod-db").is_empty());
    // Nothing changes by looking again, and it is there after a restart.
    world.requests.look_up().await;
    assert!(!change.has_changed().expect("there"));
    let world = world.restart().await;
    world.requests.look_up().await;
    assert_eq!(holding(&world, "ana", "prod-db"), [request.id]);
    assert_eq!(world.steps().await, ["request"; 2], "requested, approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_glass_is_in_the_log_before_it_holds_and_ends_when_it_was_wrong() {
    let world = World::new();
    let who = principal("ana");
    let broken = world.requests.break_glass(&who, "prod-db", 900, "outage".into()).await.expect("broken");
    assert_eq!(holding(&world, "ana", "prod-db"), [broken.id]);
    let again = world.requests.break_glass(&who, "prod-db", 900, "outage".into()).await.expect("broken");
    assert_eq!(again.id, broken.id, "it is broken already");
    let own = Given {
        state: RequestState::Approved,
        by: who.clone(),
        reason: None,
        binding: broken.key.binding.clone(),
        any_values: None,
        through: None,
    };
    let own = world.requests.decide(broken.id, own).await;
    assert!(matches!(own, Err(RequestsError::Verdict(VerdictError::Own))));
    let wrong = Given {
        state: RequestState::Rejected,
        by: principal("li"),
        reason: Some("it was not needed".into()),
        binding: String::new(),
        any_values: None,
        through: None,
    };
    world.requests.decide(broken.id, wrong).await.expect("reviewed");
    assert!(holding(&world, "ana", "prod-db").is_empty());
    assert_eq!(world.steps().await, ["request"; 2], "broken, rejected");
    world.log.shutdown().expect("closed");
    let refused = world.requests.break_glass(&who, "staging-db", 900, "outage".into()).await;
    assert!(matches!(refused, Err(RequestsError::Log(_))));
    world.requests.look_up().await;
    assert!(holding(&world, "ana", "staging-db").is_empty(), "what is in no log holds nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_values_are_approved_where_there_is_a_form_and_each_run_is_taken_once() {
    let world = World::new();
    let form = |statement: &str| HoldAsk { template: Some(binding("a form")), ..ask(statement) };
    let any = |uses| Some(AnyValues { seconds: Some(60), uses: Some(uses) });
    let given = |request: &Request, any_values| Given {
        state: RequestState::Approved,
        by: principal("li"),
        reason: None,
        binding: request.key.binding.clone(),
        any_values,
        through: None,
    };
    let mut plain = world.hold("delete from orders").await;
    let plain = asked(&world, &mut plain).await;
    let refused = world.requests.decide(plain.id, given(&plain, any(2))).await;
    assert!(matches!(refused, Err(RequestsError::Verdict(VerdictError::NoTemplate(_)))));
    let mut waiting = Waiting::start(&world.requests, holder("ana"), form("delete where id = 1"));
    let request = asked(&world, &mut waiting).await;
    for bad in [any(0), any(1_000_000), Some(AnyValues { seconds: Some(10_000_000), uses: None })] {
        let refused = world.requests.decide(request.id, given(&request, bad)).await;
        assert!(matches!(refused, Err(RequestsError::Verdict(VerdictError::NoTemplate(_)))), "{bad:?}");
    }
    let approved = world.requests.decide(request.id, given(&request, any(2))).await.expect("approved");
    assert_eq!(approved.runs_left, Some(2));
    assert!(matches!(news(&mut waiting).await, HoldNews::Approved));
    drop(waiting);
    for statement in ["delete where id = 2", "delete where id = 1"] {
        let mut waiting = Waiting::start(&world.requests, holder("ana"), form(statement));
        match news(&mut waiting).await {
            HoldNews::Taken(approval) => {
                assert!(approval.covering(&binding(statement)).is_some(), "as what it is: {statement}");
            }
            other => panic!("{other:?}"),
        }
    }
    let mut more = Waiting::start(&world.requests, holder("ana"), form("delete where id = 3"));
    assert!(matches!(news(&mut more).await, HoldNews::Asked(_)), "there are no runs left");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_values_are_approved_for_no_longer_than_the_rule_lets_one_run_wait() {
    let world = World::new();
    let mut held = HoldAsk { template: Some(binding("a form")), ..ask("delete where id = 1") };
    held.statement.window = Some(60);
    let mut waiting = Waiting::start(&world.requests, holder("ana"), held);
    let request = asked(&world, &mut waiting).await;
    let given = |seconds| Given {
        state: RequestState::Approved,
        by: principal("li"),
        reason: None,
        binding: request.key.binding.clone(),
        any_values: Some(AnyValues { seconds, uses: None }),
        through: None,
    };
    let refused = world.requests.decide(request.id, given(Some(61))).await;
    assert!(matches!(refused, Err(RequestsError::Verdict(VerdictError::NoTemplate(_)))));
    let approved = world.requests.decide(request.id, given(None)).await.expect("approved");
    assert!(approved.expires_at <= now() + 60);
}

async fn reviews(world: &World, glass: &Request, state: RequestState) -> Request {
    let given = Given {
        state,
        by: principal("li"),
        reason: None,
        binding: glass.key.binding.clone(),
        any_values: None,
        through: None,
    };
    world.requests.decide(glass.id, given).await.expect("reviewed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glass_is_not_broken_again_before_its_review_nor_for_a_day_if_it_was_wrong() {
    let world = World::new();
    let breaks = async |name: &str, resource: &str, seconds| {
        world.requests.break_glass(&principal(name), resource, seconds, "outage".into()).await
    };
    let first = breaks("ana", "prod-db", 0).await.expect("broken");
    let again = breaks("ana", "prod-db", 900).await;
    assert!(
        matches!(again, Err(RequestsError::Unreviewed(id)) if id == first.id),
        "it is over, and not reviewed"
    );
    breaks("ana", "staging-db", 900).await.expect("another resource");
    breaks("sam", "prod-db", 900).await.expect("another person");
    reviews(&world, &first, RequestState::Approved).await;
    let second = breaks("ana", "prod-db", 900).await.expect("it was right");
    let rejected = reviews(&world, &second, RequestState::Rejected).await;
    let third = breaks("ana", "prod-db", 900).await;
    assert!(matches!(third, Err(RequestsError::BrokenWrongly(id)) if id == second.id));
    let at = rejected.rejected_at().expect("rejected");
    let a_day = 24 * 3_600;
    assert!(super::super::time::may_break_again(&rejected, at + a_day - 1).is_err());
    assert!(super::super::time::may_break_again(&rejected, at + a_day).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewed_glass_is_what_its_review_says_and_ends_with_a_rejection() {
    let world = World::new();
    let breaks = async |resource: &str| {
        world.requests.break_glass(&principal("ana"), resource, 900, "outage".into()).await.expect("broken")
    };
    let right = reviews(&world, &breaks("prod-db").await, RequestState::Approved).await;
    assert_eq!(right.state_at(now() + 1_000_000), RequestState::Approved);
    let broken = breaks("staging-db").await;
    assert_eq!(broken.state_at(now() + 1_000_000), RequestState::Pending, "it can be reviewed for ever");
    let Details::BreakGlass { until } = broken.details else { panic!("{broken:?}") };
    let ended = Request { expires_at: until - 600, ..broken };
    let of = |step| request_entry(&ended, step, None).until;
    assert_eq!((of(RequestStep::Rejected), of(RequestStep::Approved)), (until - 600, until));
}
