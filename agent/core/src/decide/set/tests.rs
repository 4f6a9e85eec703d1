//! Sets that load, and sets that do not.

use super::*;

fn problems(text: &str) -> String {
    match Policies::load(text) {
        Ok(_) => panic!("it loads: {text}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn the_default_policy_loads_and_is_short() {
    let policies = Policies::load(DEFAULT_POLICY).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(policies.digest().len(), 64);
    assert_eq!(policies.count(), 12);
    assert!(DEFAULT_POLICY.lines().count() < 100, "two minutes of reading");
}

#[test]
fn another_set_has_another_digest() {
    let one = Policies::load("@id(\"a\") permit (principal, action, resource);").expect("good");
    let two = Policies::load("@id(\"b\") permit (principal, action, resource);").expect("good");
    assert_ne!(one.digest(), two.digest());
}

#[test]
fn whatever_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("permit (principal, action, resource);", "needs an @id"),
        ("\n\nforbid (principal, action", "line 3"),
        ("@id(\"a\") permit (principal, action == Action::\"fly\", resource);", "fly"),
        ("@id(\"a\") permit (principal, action, resource) when { resource.colour == \"red\" };", "colour"),
        ("@id(\"a\") permit (principal, action, resource) when { context.purpose == \"x\" };", "purpose"),
        ("@id(\"a\") @aproval(\"group:x\") forbid (principal, action, resource);", "@aproval is not known"),
        ("@id(\"a\") @approval(\"dba\") forbid (principal, action, resource);", "group:NAME"),
        ("@id(\"a\") @approval permit (principal, action, resource);", "is for a forbid"),
        ("@id(\"a\") @unmask forbid (principal, action, resource);", "is for a permit"),
        ("@id(\"a\") @mask(\"partly\") permit (principal, action, resource);", "@mask(\"neutral\")"),
        ("@id(\"a\") @approvals(\"2\") forbid (principal, action, resource);", "need @approval"),
        ("@id(\"a\") @approval_template forbid (principal, action, resource);", "need @approval"),
        ("@id(\"a\") @approval @approval_template(\"x\") forbid (principal, action, resource);", "no value"),
        ("@id(\"a\") @approval @approvals(\"9\") forbid (principal, action, resource);", "from 1 to 5"),
        ("@id(\"a\") @approval @approval_window(\"9d\") forbid (principal, action, resource);", "15m"),
        ("@id(\"a b\") permit (principal, action, resource);", "needs an @id"),
        ("@id(\"a\") permit (principal == ?principal, action, resource);", "templates"),
        (
            "@id(\"a\") permit (principal, action, resource); @id(\"a\") forbid (principal, action, resource);",
            "two policies",
        ),
    ] {
        let found = problems(text);
        assert!(found.contains(expected), "{text}\n{found}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let found = problems(
        "@id(\"a\") @one permit (principal, action, resource); @id(\"b\") @two permit (principal, action, resource);",
    );
    assert!(found.contains("@one") && found.contains("@two"), "{found}");
}

#[test]
fn annotations_are_read() {
    let text = "@id(\"a\") @approval(\"group:dba, principal:li@example.com\") @approvals(\"2\") \
        @approval_window(\"15m\") @approval_template @hint(\"ask them\") forbid (principal, action, resource);";
    let policies = Policies::load(text).expect("good");
    let rule = policies.rules.get("a").expect("there");
    let approval = Approval {
        who: vec!["group:dba".into(), "principal:li@example.com".into()],
        count: 2,
        window: Some(Duration::from_secs(900)),
        template: true,
    };
    assert_eq!(rule.approval, Some(approval));
    assert_eq!(rule.hint.as_deref(), Some("ask them"));
}

#[test]
fn a_window_for_several_rules_is_as_short_as_the_shortest_of_theirs() {
    let rule = |id: &str, window: &str| {
        format!("@id(\"{id}\") @approval(\"group:dba\") {window} forbid (principal, action, resource);\n")
    };
    let text = [rule("a", "@approval_window(\"30m\")"), rule("b", "@approval_window(\"5m\")"), rule("c", "")];
    let policies = Policies::load(&text.concat()).expect("good");
    let window = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        policies.holding(&names).expect("they hold").1.window
    };
    assert_eq!(window(&["a", "b", "c"]), Some(Duration::from_secs(300)));
    assert_eq!(window(&["a", "c"]), Some(Duration::from_secs(1_800)));
    assert_eq!(window(&["c"]), None);
}
