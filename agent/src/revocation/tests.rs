//! Who is cut and who is shut out, and that no session slips through between the two.

use connect_shared::grant::Action;

use super::*;

const NOW: u64 = 1_800_000_000;
const HOME: &str = "https://id.example.com";

fn standing(sub: &str, signed_in_at: u64) -> Standing {
    Standing {
        principal: Principal {
            reference: PrincipalRef { sub: sub.into(), idp: HOME.into(), actor: None },
            name: format!("{sub}@example.com"),
            groups: vec!["developer".into()],
        },
        idp_session: Some(format!("sid-{sub}")),
        signed_in_at,
    }
}

fn open() -> (tempfile::TempDir, Arc<Revocations>) {
    let folder = tempfile::tempdir().expect("a folder");
    let revocations = Revocations::open(folder.path(), HOME, NOW).expect("opened");
    (folder, revocations)
}

fn enter(revocations: &Arc<Revocations>, number: u8, who: Standing) -> Option<Watched> {
    let resource = ("prod-db", &[Action::Read][..]);
    revocations.enter(SessionId::from_random([number; 16]), who, resource, Line::default(), NOW)
}

fn is_cut(watched: &Watched) -> bool {
    watched.cut.borrow().is_some()
}

fn subject(sub: &str) -> Whom {
    Whom::Subject { idp: HOME.into(), sub: sub.into() }
}

#[test]
fn a_revocation_cuts_those_whom_it_means_and_nobody_else() {
    let (_folder, revocations) = open();
    let ana = enter(&revocations, 1, standing("ana", NOW)).expect("in");
    let mut acting = standing("ana", NOW);
    acting.principal.reference.actor = Some("assistant".into());
    let assistant = enter(&revocations, 2, acting).expect("in");
    let li = enter(&revocations, 3, standing("li", NOW)).expect("in");
    assert_eq!(revocations.revoke(&subject("ana"), &Until::Time(NOW + 60), "it was revoked", NOW), 2);
    assert!(is_cut(&ana) && is_cut(&assistant) && !is_cut(&li), "who acts for somebody is cut with them");
    assert!(enter(&revocations, 4, standing("ana", NOW + 5)).is_none(), "shut out");
    assert!(!revocations.is_shut_out(&standing("ana", NOW), NOW + 60), "until its time");
    // The same stable id at another provider is somebody else.
    let mut other = standing("ana", NOW);
    other.principal.reference.idp = "https://partner.example.com".into();
    other.principal.name = "partner/ana@example.com".into();
    assert!(!revocations.is_shut_out(&other, NOW));
    revocations.revoke(&Whom::Named("ana".into()), &Until::Time(NOW + 60), "", NOW);
    assert!(!revocations.is_shut_out(&other, NOW), "a bare name is of the agent's own people");
}

#[test]
fn who_has_signed_in_again_since_comes_in_again() {
    let (_folder, revocations) = open();
    let session = Whom::IdpSession { idp: HOME.into(), id: "sid-ana".into(), sub: None, email: None };
    let before = enter(&revocations, 1, standing("ana", NOW - 10)).expect("in");
    let after = enter(&revocations, 2, standing("ana", NOW + 10)).expect("in");
    assert_eq!(revocations.revoke(&session, &Until::SignedInAgainSince(NOW), "signed out", NOW), 1);
    assert!(is_cut(&before) && !is_cut(&after));
    assert!(revocations.is_shut_out(&standing("ana", NOW), NOW));
    assert!(!revocations.is_shut_out(&standing("ana", NOW + 1), NOW));
    // An event of earlier that comes late takes nothing back.
    revocations.revoke(&session, &Until::SignedInAgainSince(NOW - 100), "late", NOW);
    assert!(revocations.is_shut_out(&standing("ana", NOW), NOW));
}

#[test]
fn who_is_shut_out_stays_so_when_the_agent_is_started_anew() {
    let (folder, revocations) = open();
    revocations.revoke(&subject("ana"), &Until::Restored(Lock::Account), "disabled", NOW);
    revocations.revoke(&subject("li"), &Until::Time(NOW + 60), "for a minute", NOW);
    drop(revocations);
    let again = Revocations::open(folder.path(), HOME, NOW + 61).expect("opened");
    assert!(again.is_shut_out(&standing("ana", NOW + 61), NOW + 61));
    assert!(!again.is_shut_out(&standing("li", NOW), NOW + 61));
    again.restore(&subject("ana"), &Lock::Device(String::new()), NOW + 61);
    assert!(again.is_shut_out(&standing("ana", NOW), NOW + 61), "another lock was taken off");
    again.restore(&subject("ana"), &Lock::Account, NOW + 61);
    assert!(!again.is_shut_out(&standing("ana", NOW), NOW + 61));
    std::fs::write(folder.path().join("revoked.json"), "[{").expect("written");
    assert!(Revocations::open(folder.path(), HOME, NOW).is_err(), "a damaged file lets nobody in");
}

#[test]
fn groups_that_were_lost_end_what_they_allowed() {
    let (_folder, revocations) = open();
    let reads = enter(&revocations, 1, standing("ana", NOW)).expect("in");
    let id = SessionId::from_random([2; 16]);
    let both = [Action::Read, Action::Write];
    let writes =
        revocations.enter(id, standing("ana", NOW), ("prod-db", &both), Line::default(), NOW).expect("in");
    let newer = |issued_at| SignedIn {
        principal: standing("ana", 0).principal,
        session: None,
        issued_at,
        class: None,
        methods: Vec::new(),
        nonce: None,
    };
    let reading = |_: &Principal, _: &Principal, _: &str| vec![Action::Read];
    assert!(
        revocations.reconsider(&newer(NOW - 1), reading, NOW).is_empty(),
        "an older token says nothing new"
    );
    assert_eq!(revocations.reconsider(&newer(NOW + 1), reading, NOW), [id]);
    assert!(is_cut(&writes) && !is_cut(&reads));
    // A group that no list of the resource names may stand in a policy.
    let mut more = standing("ana", NOW);
    more.principal.groups.push("sees-everything".into());
    let sees = enter(&revocations, 3, more.clone()).expect("in");
    let mut other = more.clone();
    other.principal.name = "pipeline/ana".into();
    let job = enter(&revocations, 4, other.clone()).expect("in");
    assert_eq!(revocations.reconsider(&newer(NOW + 1), reading, NOW).len(), 2, "the one of before, and this");
    assert!(is_cut(&sees) && !is_cut(&job) && !is_cut(&reads));
    // Nor does the older sign-in, or a grant for it, bring the group back; whoever has it again has signed in since.
    assert!(enter(&revocations, 5, more.clone()).is_none());
    more.principal.name = "Ana@Example.com".into();
    assert!(revocations.is_shut_out(&Standing { signed_in_at: NOW + 1, ..more.clone() }, NOW));
    assert!(!revocations.is_shut_out(&Standing { signed_in_at: NOW + 2, ..more }, NOW));
    for good in [other, standing("ana", NOW), Standing::from(&newer(NOW + 1))] {
        assert!(!revocations.is_shut_out(&good, NOW), "{good:?}");
    }
}

#[test]
fn a_lock_by_an_e_mail_address_from_when_it_was_kept_as_a_name_is_taken_off_by_the_same_provider() {
    let (folder, revocations) = open();
    let lock = Until::Restored(Lock::Account);
    revocations.revoke(&Whom::Named("li@example.com".into()), &lock, "disabled", NOW);
    let again = Revocations::open(folder.path(), HOME, NOW).expect("opened");
    let enabled = |idp: &str| {
        let whom = Whom::Email { idp: idp.into(), email: "li@example.com".into() };
        again.restore(&whom, &Lock::Account, NOW);
    };
    enabled("https://partner.example.com");
    assert!(again.is_shut_out(&standing("li", NOW), NOW), "a partner speaks of its own people");
    enabled(HOME);
    assert!(!again.is_shut_out(&standing("li", NOW), NOW));
}

#[test]
fn the_first_reason_of_a_cut_stays() {
    let (_folder, revocations) = open();
    let ana = enter(&revocations, 1, standing("ana", NOW)).expect("in");
    revocations.revoke(&subject("ana"), &Until::Time(NOW + 60), "the first", NOW);
    revocations.revoke(&subject("ana"), &Until::Time(NOW + 60), "another", NOW);
    revocations.cut_own(&standing("ana", NOW).principal.reference, "another", NOW);
    let why = ana.cut.borrow().as_ref().map(|cut| cut.why.clone());
    assert_eq!(why.as_deref(), Some("the first"));
}

#[test]
fn a_revocation_between_the_check_of_a_newer_grant_and_its_use_is_found_by_the_latter() {
    let (_folder, revocations) = open();
    let grant = |signed_in_at, key: &str, issued_at| VerifiedGrant {
        id: connect_shared::ids::GrantId::from_random([1; 16]),
        key: key.to_owned(),
        principal: standing("ana", NOW).principal,
        resource: "prod-db".into(),
        actions: vec![Action::Read],
        run: None,
        task: None,
        tables: Vec::new(),
        handed_on: Vec::new(),
        reason: None,
        issued_at,
        expires_at: NOW + 600,
        idp_session: Some("sid-ana".into()),
        signed_in_at,
    };
    let watched = enter(&revocations, 1, standing("ana", NOW + 10)).expect("in");
    let stale = grant(NOW, "k", NOW);
    assert!(!revocations.is_over(&stale, NOW));
    // It means older sign-ins than the one that the session has, and so does not cut it.
    assert_eq!(revocations.revoke(&subject("ana"), &Until::SignedInAgainSince(NOW + 5), "out", NOW), 0);
    assert!(watched.renewed(&grant(NOW + 10, "k", NOW), NOW) && !is_cut(&watched));
    assert!(!watched.renewed(&stale, NOW) && is_cut(&watched));
    watched.end("another reason");
    let why = watched.cut.borrow().as_ref().map(|cut| cut.why.clone());
    assert_eq!(why.as_deref(), Some("the sign-in behind it was revoked"), "the first reason stays");
    // The same of a session of its key that was cut.
    let other = enter(&revocations, 2, standing("li", NOW)).expect("in");
    revocations.ended.add("k", NOW);
    assert!(!other.renewed(&grant(NOW + 10, "k", NOW), NOW) && is_cut(&other));
}

#[test]
fn ones_own_sessions_are_ones_own_to_end() {
    let (_folder, revocations) = open();
    let ana = enter(&revocations, 1, standing("ana", NOW)).expect("in");
    let (own, other) = (standing("ana", 0).principal.reference, standing("li", 0).principal.reference);
    let id = SessionId::from_random([1; 16]);
    assert_eq!(revocations.cut_session(id, Some(&other), "no", NOW), 0);
    assert!(!is_cut(&ana));
    assert_eq!(revocations.cut_session(id, Some(&own), "yes", NOW), 1);
    assert!(is_cut(&ana));
    drop(ana);
    assert_eq!(revocations.cut_session(id, None, "it is gone", NOW), 0);
    assert_eq!(revocations.cut_own(&own, "nothing left", NOW), 0);
}

#[test]
fn a_session_that_begins_while_somebody_is_shut_out_is_cut_or_never_begins() {
    for _ in 0..200 {
        let (_folder, revocations) = open();
        let beginning = {
            let revocations = Arc::clone(&revocations);
            std::thread::spawn(move || enter(&revocations, 1, standing("ana", NOW)))
        };
        revocations.revoke(&subject("ana"), &Until::Restored(Lock::Account), "now", NOW);
        if let Some(watched) = beginning.join().expect("no panic") {
            assert!(is_cut(&watched), "a session slipped through");
        }
    }
}

#[test]
fn whoever_has_a_part_of_a_grant_ends_with_it_and_comes_in_by_it_no_more() {
    let (folder, revocations) = open();
    let line = |own: &str, givers: &[&str], issued_at| Line {
        own: own.to_owned(),
        givers: givers.iter().map(|giver| (*giver).to_owned()).collect(),
        issued_at,
    };
    let enter = |number: u8, line| {
        let id = SessionId::from_random([number; 16]);
        revocations.enter(id, standing("ana", NOW), ("prod-db", &[Action::Read]), line, NOW)
    };
    let planner = enter(1, line("p", &[], NOW)).expect("in");
    let worker = enter(2, line("w", &["p"], NOW)).expect("in");
    let digger = enter(3, line("d", &["p", "w"], NOW)).expect("in");
    let other = enter(4, line("o", &["x"], NOW)).expect("in");
    assert_eq!(revocations.cut_session(SessionId::from_random([2; 16]), None, "enough", NOW), 2);
    assert!(is_cut(&worker) && is_cut(&digger) && !is_cut(&planner) && !is_cut(&other));
    assert!(enter(5, line("d", &["p", "w"], NOW)).is_none(), "with the same grant again");
    assert!(enter(6, line("e", &["p", "w"], NOW - 1)).is_none(), "another one that it had handed on");
    assert!(enter(7, line("d", &["p", "w"], NOW + 1)).is_some(), "one that it is given later");
    assert!(enter(8, line("w", &["p"], NOW)).is_none(), "its own again");
    assert!(enter(8, line("w", &["p"], NOW + 1)).is_some(), "a newer one of its own");
    // All of one's own end: also what somebody had handed on who has no session just now.
    let own = standing("ana", NOW).principal.reference;
    assert!(revocations.cut_own(&own, "all of them", NOW + 2) > 0);
    assert!(enter(9, line("f", &["x"], NOW + 2)).is_none(), "x was the giver of a session that was cut");
    assert!(enter(10, line("f", &["x"], NOW + 3)).is_some());
    // Who was cut before a restart is not known after it, so no part of before counts.
    let again = Revocations::open(folder.path(), HOME, NOW + 10).expect("opened");
    let ends = |own: &str, givers: &[&str], issued_at| {
        again.is_void(&standing("li", NOW), &line(own, givers, issued_at), NOW + 10)
    };
    assert!(ends("y", &["q"], NOW + 9) && !ends("y", &["q"], NOW + 10));
    assert!(!ends("y", &[], NOW), "a grant of one's own is no part");
    assert!(ends("w", &[], NOW) && !ends("w", &[], NOW + 3), "a grant whose session was cut stays over");
    std::fs::write(folder.path().join("ended.json"), "{").expect("written");
    assert!(Revocations::open(folder.path(), HOME, NOW).is_err(), "a damaged file brings nothing back");
}

#[test]
fn whoever_is_kept_out_for_a_time_is_let_in_again_by_name_and_only_by_those_who_kept_them_out() {
    let (folder, revocations) = open();
    let who = standing("u-17", NOW);
    let hour = Until::Time(NOW + 3_600);
    revocations.revoke_known((&subject("u-17"), Some(&who.principal.name)), &hour, "a canary", NOW);
    revocations.revoke(&Whom::Named("li@example.com".into()), &hour, "an operator", NOW);
    assert!(revocations.is_shut_out(&who, NOW));
    assert!(!revocations.is_kept_out("somebody", NOW) && !revocations.lift("somebody", NOW).was_shut_out);
    assert!(revocations.is_kept_out("u-17@example.com", NOW));
    let lifted = Lifted { was_shut_out: true, still: false };
    assert_eq!(revocations.lift("u-17@example.com", NOW), lifted);
    assert!(!revocations.is_shut_out(&who, NOW) && revocations.is_shut_out(&standing("li", NOW), NOW));
    let again = Revocations::open(folder.path(), HOME, NOW).expect("opened");
    assert!(!again.is_shut_out(&who, NOW), "it is written down");
    // What the identity provider has locked stays so.
    again.revoke(&subject("li"), &Until::Restored(Lock::Account), "disabled", NOW);
    assert_eq!(again.lift("li@example.com", NOW), lifted);
    assert!(again.is_shut_out(&standing("li", NOW), NOW));
    again.revoke(&subject("li"), &hour, "an operator", NOW);
    assert_eq!(again.lift("li", NOW), Lifted { was_shut_out: true, still: true });
}

#[test]
fn a_session_of_a_provider_that_a_sign_in_does_not_name_is_found_by_whose_it_is() {
    let (_folder, revocations) = open();
    let whom = |sub: Option<&str>| Whom::IdpSession {
        idp: HOME.into(),
        id: "sid-ana".into(),
        sub: sub.map(str::to_owned),
        email: None,
    };
    let named = enter(&revocations, 1, standing("ana", NOW)).expect("in");
    let refreshed =
        enter(&revocations, 2, Standing { idp_session: None, ..standing("ana", NOW) }).expect("in");
    let elsewhere = Standing { idp_session: Some("sid-2".into()), ..standing("ana", NOW) };
    let elsewhere = enter(&revocations, 3, elsewhere).expect("in");
    let li = enter(&revocations, 4, Standing { idp_session: None, ..standing("li", NOW) }).expect("in");
    let out = Until::SignedInAgainSince(NOW);
    assert_eq!(revocations.revoke(&whom(None), &out, "signed out", NOW), 1);
    assert!(is_cut(&named) && !is_cut(&refreshed), "nobody said whose it was");
    revocations.revoke(&whom(Some("ana")), &out, "signed out", NOW);
    assert!(is_cut(&refreshed) && !is_cut(&elsewhere) && !is_cut(&li));
    let email = Some("li@example.com".to_owned());
    let by_email = Whom::IdpSession { idp: HOME.into(), id: "sid-li".into(), sub: None, email };
    assert_eq!(revocations.revoke(&by_email, &out, "signed out", NOW), 1);
    assert!(is_cut(&li) && !is_cut(&elsewhere));
    // One of before, as it stands in the file.
    let known: Whom = serde_json::from_str(r#"{"idp_session":{"idp":"i","id":"s"}}"#).expect("it is read");
    assert_eq!(known, Whom::IdpSession { idp: "i".into(), id: "s".into(), sub: None, email: None });
}

#[test]
fn an_e_mail_address_means_the_people_of_the_provider_that_is_spoken_of() {
    let (_folder, revocations) = open();
    let partner = "https://partner.example.com";
    let mut theirs = standing("ana", NOW);
    theirs.principal.reference.idp = partner.into();
    theirs.principal.name = "partner/Ana@example.com".into();
    let of = |idp: &str| Whom::Email { idp: idp.into(), email: "ana@example.com".into() };
    let (home, away) = (enter(&revocations, 1, standing("ana", NOW)), enter(&revocations, 2, theirs.clone()));
    let (home, away) = (home.expect("in"), away.expect("in"));
    let lock = Until::Restored(Lock::Account);
    assert_eq!(revocations.revoke(&of(partner), &lock, "disabled", NOW), 1);
    assert!(is_cut(&away) && !is_cut(&home), "a partner speaks of its own people only");
    assert!(revocations.is_shut_out(&theirs, NOW) && !revocations.is_shut_out(&standing("ana", NOW), NOW));
    assert_eq!(revocations.revoke(&of(HOME), &lock, "disabled", NOW), 1);
    assert!(is_cut(&home));
    revocations.restore(&of(HOME), &Lock::Account, NOW);
    assert!(!revocations.is_shut_out(&standing("ana", NOW), NOW) && revocations.is_shut_out(&theirs, NOW));
}

#[test]
fn what_another_agent_has_ordered_is_done_here_and_not_told_again() {
    let (_folder, here) = open();
    let other = tempfile::tempdir().expect("a folder");
    let untold = Arc::new(Untold::open(other.path().join("untold.json")).expect("opened"));
    here.tell_through(Arc::clone(&untold));
    let watched = enter(&here, 1, standing("ana", NOW - 10)).expect("in");
    let whom = Whom::Named("ana@example.com".into());
    let shut = Event::ShutOut {
        whom: whom.clone(),
        name: None,
        until: Until::Time(NOW + 60),
        why: "elsewhere".into(),
    };
    assert_eq!(here.hear(&shut, NOW), 1);
    assert!(watched.cut.borrow().as_ref().is_some_and(|cut| cut.why == "elsewhere"));
    drop(watched);
    assert!(enter(&here, 2, standing("ana", NOW)).is_none(), "and is kept out");
    assert_eq!(here.hear(&Event::Lifted { name: "ana@example.com".into() }, NOW), 0);
    let again = enter(&here, 3, standing("ana", NOW)).expect("let in again");
    let own = Event::OwnEnded { owner: standing("ana", NOW).principal.reference, why: "by ana".into() };
    assert_eq!(here.hear(&own, NOW), 1);
    assert!(again.cut.borrow().is_some());
    assert_eq!(untold.count(), 0, "nothing of it goes round");
    here.revoke(&whom, &Until::Time(NOW + 60), "here", NOW);
    assert!(matches!(untold.first(), Some(Event::ShutOut { why, .. }) if why == "here"));
}

#[test]
fn parts_of_a_grant_end_at_every_agent_with_what_they_are_parts_of() {
    let (_folder, here) = open();
    let part = Line { own: "part".into(), givers: vec!["whole".into()], issued_at: NOW };
    let resource = ("prod-db", &[Action::Read][..]);
    let id = SessionId::from_random([7; 16]);
    let watched = here.enter(id, standing("ana", NOW), resource, part.clone(), NOW).expect("in");
    let ended = Event::Ended { keys: vec!["whole".into()], why: "cut".into(), at: NOW };
    assert_eq!(here.hear(&ended, NOW), 1);
    assert!(watched.cut.borrow().is_some());
    // Also where the clock of whoever issued it is a little ahead.
    let ahead = Line { issued_at: NOW + 4, ..part };
    assert!(here.enter(id, standing("ana", NOW), resource, ahead, NOW).is_none());
}
