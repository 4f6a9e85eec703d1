//! What people see.

use connect_shared::{
    api::{
        CascadeEffect, CascadedTable, HeldStatement, HowKnown, LabelledColumn, Radius, TouchedTable,
        VerdictInfo,
    },
    ids::RequestId,
    label::Label,
    request::{RequestKind, RequestState},
};

use super::*;
use crate::{
    console::{
        link::{Links, Worth},
        page::{html_of, list, request},
        session::{Session, Sessions},
    },
    store::{Details, Key, Request},
};

const NOW: u64 = 1_800_000_000;

fn session() -> std::sync::Arc<Session> {
    let sessions = Sessions::default();
    let id = sessions.begin(sessions_standing(), 60, NOW).expect("a session");
    sessions.find(&id, NOW).expect("it is there")
}

fn sessions_standing() -> crate::revocation::Standing {
    let principal = connect_core::principal::Principal {
        reference: connect_shared::entry::PrincipalRef {
            sub: "sam".into(),
            idp: "https://id.example".into(),
            actor: None,
        },
        name: "sam@example.com".into(),
        groups: Vec::new(),
    };
    crate::revocation::Standing { principal, idp_session: None, signed_in_at: NOW }
}

fn info(text: &str) -> RequestInfo {
    RequestInfo {
        schema: "connect.request/1".into(),
        id: RequestId::from_random([0x3f; 16]),
        kind: RequestKind::Statement,
        state: RequestState::Pending,
        resource: "prod-db".into(),
        principal: "ana@example.com".into(),
        actor: Some("claude".into()),
        reason: Some("ticket 12".into()),
        approvers: vec!["data-oncall".into()],
        own: false,
        to_decide: true,
        actions: Vec::new(),
        seconds: None,
        statement: Some(HeldStatement {
            text: Some(text.into()),
            normalized: None,
            verbs: vec!["delete".into()],
            with_parameters: true,
            parameters: vec!["'7'".into(), "NULL".into()],
            reads: Vec::new(),
            writes: vec!["public.customers".into()],
            labelled: vec![LabelledColumn { column: "public.customers.email".into(), label: Label::Email }],
            who: Vec::new(),
            approvals: 2,
            window: Some(900),
            any_values: false,
            radius: None,
            policy: "default/unbounded-write".into(),
            why: "this would delete every row of `public.customers`".into(),
        }),
        columns: Vec::new(),
        rules: Vec::new(),
        approvals: None,
        runs_left: None,
        binding: "00ff".into(),
        created_at: NOW - 60,
        expires_at: NOW + 600,
        verdicts: vec![VerdictInfo {
            verdict: RequestState::Approved,
            by: "kim@example.com".into(),
            at: NOW - 30,
            reason: None,
        }],
        link: None,
    }
}

/// Without what is random.
fn shown(session: &Session, html: &str) -> String {
    html.replace(&session.token, "TOKEN")
}

#[test]
fn the_approver_reads_who_why_and_what() {
    let session = session();
    let page = request("prod", &session, &info("DELETE\nFROM customers"), Worth::Good, NOW);
    insta::assert_snapshot!(shown(&session, html_of(&page)));
}

fn radius(name: &str) -> Box<Radius> {
    let touched = |table: &str, rows| TouchedTable {
        table: table.into(),
        rows,
        known: rows.map(|_| HowKnown::Plan),
        of: Some(350_000),
        bytes: None,
    };
    let cascaded = CascadedTable {
        table: name.into(),
        effect: CascadeEffect::Delete,
        by: name.into(),
        rows: Some(4800),
        of: None,
    };
    Box::new(Radius {
        tables: vec![touched(name, Some(1200)), touched("public.orders", None)],
        cascades: vec![cascaded],
        triggers: vec![name.into()],
        dependents: vec![name.into()],
        unknown: vec![name.into()],
    })
}

#[test]
fn what_it_would_touch_is_read_in_the_browser_as_in_the_terminal() {
    let (session, mut asked) = (session(), info("DELETE FROM t"));
    asked.statement.as_mut().expect("it is one").radius = Some(radius("public.customers"));
    let page = request("prod", &session, &asked, Worth::Good, NOW);
    let html = html_of(&page);
    let (_, facts) = html.split_once("<dt>Touches</dt>").expect("it is there");
    let (facts, _) = facts.split_once("<dt>Protected</dt>").expect("before what is protected");
    insta::assert_snapshot!(facts.trim(), @"
    <dd><p>public.customers ~1,200 of ~350,000 rows (plan)</p></dd>
    <dd><p>public.orders up to ~350,000 rows</p></dd>
    <dt>Cascades</dt>
    <dd><p>public.customers ~4,800 rows deleted, by public.customers</p></dd>
    <dt>Triggers</dt>
    <dd><p>public.customers</p></dd>
    <dt>Drops too</dt>
    <dd><p>public.customers</p></dd>
    <dt>Not known</dt>
    <dd><p>public.customers</p></dd>
    ");
    assert!(!html.contains("<dt>Radius</dt>"), "once is enough: {html}");
}

#[test]
fn whoever_reviews_a_window_reads_how_many_must_approve_it() {
    let window = RequestInfo {
        kind: RequestKind::Window,
        statement: None,
        seconds: Some(900),
        rules: vec!["default/destructive".into()],
        approvals: Some(3),
        ..info("")
    };
    let page = request("prod", &session(), &window, Worth::Good, NOW);
    assert!(html_of(&page).contains("<p>3 of these:</p>"), "{}", html_of(&page));
    assert!(!html_of(&page).contains("Approvals"), "it is told once");
}

#[test]
fn the_list_has_first_what_waits_for_whoever_looks() {
    let session = session();
    let mine = RequestInfo { own: true, to_decide: false, state: RequestState::Used, ..info("DROP TABLE t") };
    let others = RequestInfo { to_decide: false, ..info("not for this list") };
    let page = list("prod", &session, &[info("DELETE\nFROM customers"), mine, others], NOW);
    insta::assert_snapshot!(shown(&session, html_of(&page)));
}

#[test]
fn whatever_others_wrote_stays_text() {
    let nasty = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\u{200b}\u{1b}[2J";
    let mut asked = info(nasty);
    asked.principal = nasty.into();
    asked.actor = Some(nasty.into());
    asked.reason = Some(nasty.into());
    asked.resource = nasty.into();
    asked.approvers = vec![nasty.into()];
    asked.binding = nasty.into();
    asked.verdicts[0].by = nasty.into();
    asked.verdicts[0].reason = Some(nasty.into());
    let statement = asked.statement.as_mut().expect("it is one");
    statement.parameters = vec![nasty.into()];
    statement.writes = vec![nasty.into()];
    statement.reads = vec![nasty.into()];
    statement.verbs = vec![nasty.into()];
    statement.policy = nasty.into();
    statement.why = nasty.into();
    statement.labelled[0].column = nasty.into();
    statement.radius = Some(radius(nasty));
    let session = session();
    for page in
        [request(nasty, &session, &asked, Worth::Foreign, NOW), list(nasty, &session, &[asked.clone()], NOW)]
    {
        let html = html_of(&page);
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(!html.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{html}");
        assert!(html.contains("⟨U+202E⟩⟨U+200B⟩⟨U+001B⟩[2J"), "{html}");
        assert!(!html.contains(" style=") && !html.contains("javascript:"), "{html}");
    }
}

#[test]
fn a_link_is_good_for_its_own_request_until_it_ends_and_of_this_agent_only() {
    let links = Links::new("https://console.test".into(), &[1; 32]);
    let key = Key {
        kind: RequestKind::Access,
        principal: sessions_standing().principal.reference,
        resource: "prod-db".into(),
        binding: "00ff".into(),
    };
    let request = Request {
        id: RequestId::from_random([2; 16]),
        key,
        state: RequestState::Pending,
        name: "ana".into(),
        reason: None,
        details: Details::Access { actions: Vec::new(), seconds: 60 },
        sealed: None,
        created_at: NOW,
        expires_at: NOW + 600,
        template: None,
        runs_left: None,
        verdicts: Vec::new(),
    };
    let link = links.signed(&request);
    let (page, signature) = link.split_once("?t=").expect("a signature");
    assert_eq!(page, links.page_of(request.id));
    assert_eq!(links.worth(&request, signature, NOW), Worth::Good);
    assert_eq!(links.worth(&request, signature, NOW + 600), Worth::Over);
    // An approval moves the end; a link that was sent before leads to the page all the same.
    let approved = Request { expires_at: NOW + 9_000, ..request.clone() };
    assert_eq!(links.worth(&approved, signature, NOW), Worth::Good);
    let other = Request { id: RequestId::from_random([3; 16]), ..request.clone() };
    assert_eq!(links.worth(&other, signature, NOW), Worth::Foreign);
    let rebound = Request { key: Key { binding: "00fe".into(), ..request.key.clone() }, ..request.clone() };
    assert_eq!(links.worth(&rebound, signature, NOW), Worth::Foreign);
    let longer = links.signed(&approved);
    let longer = longer.split_once("?t=").expect("a signature").1;
    let spliced = format!("{}{}", &longer[..12], &signature[12..]);
    assert_eq!(links.worth(&request, &spliced, NOW), Worth::Foreign, "nobody makes it last longer");
    let stranger = Links::new("https://console.test".into(), &[2; 32]);
    assert_eq!(stranger.worth(&request, signature, NOW), Worth::Foreign);
    for broken in ["", "x", &signature[1..], &format!("{signature}AAAA"), "ü"] {
        assert_eq!(links.worth(&request, broken, NOW), Worth::Foreign, "{broken}");
    }
}
