//! Attacks on grants.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::{
    api::GrantRequest,
    entry::PrincipalRef,
    grant::{Action, AuthorizationDetail, GrantClaims},
};
use rustls::pki_types::CertificateDer;

mod parts;

use super::*;
use crate::identity::SignedIn;

const NOW: u64 = 1_800_000_000;

const CONFIG: &str = r#"
[agent]
name = "demo"
listen = "127.0.0.1:0"
state_dir = "state"
[identity]
issuer = "http://127.0.0.1:9000"
client_id = "connect-cli"
[[resource]]
name = "prod-db"
engine = "postgresql"
address = "127.0.0.1:5432"
database = "shop"
user = "connect_agent"
password_env = "PW"
tls = "disable"
read = ["group:developer"]
write = ["group:data-oncall"]
[[resource]]
name = "bench-db"
engine = "postgresql"
address = "127.0.0.1:5432"
database = "bench"
user = "connect_agent"
password_env = "PW"
tls = "disable"
write = ["*"]
"#;

fn config(text: &str) -> Config {
    Config::parse(text, std::path::Path::new("/"), &|_| Some("x".to_owned())).expect("a good configuration")
}

fn key() -> Vec<u8> {
    let rng = aws_lc_rs::rand::SystemRandom::new();
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("a key").as_ref().to_vec()
}

fn authority() -> GrantAuthority {
    GrantAuthority::new(&config(CONFIG), &key()).expect("an authority")
}

fn person(groups: &[&str]) -> Principal {
    Principal {
        reference: PrincipalRef { sub: "ana".into(), idp: "http://127.0.0.1:9000".into(), actor: None },
        name: "ana@example.com".into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

fn certificate(byte: u8) -> Thumbprint {
    Thumbprint::of(&CertificateDer::from(vec![byte; 300]))
}

fn request(resource: &str) -> GrantRequest {
    GrantRequest {
        resource: resource.into(),
        actions: Vec::new(),
        reason: None,
        actor: None,
        run: None,
        task: None,
        tables: Vec::new(),
        hand_on: None,
    }
}

fn issue(
    authority: &GrantAuthority,
    groups: &[&str],
    request: &GrantRequest,
) -> Result<Issued, GrantRefusal> {
    let signed_in = SignedIn {
        principal: person(groups),
        session: None,
        issued_at: NOW,
        class: None,
        methods: Vec::new(),
        nonce: None,
    };
    authority.issue(signed_in, request, &certificate(1), GrantId::from_random([9; 16]), NOW)
}

#[test]
fn a_grant_is_good_for_its_own_key_until_it_ends() {
    let authority = authority();
    let issued = issue(&authority, &["developer"], &request("prod-db")).expect("developers read");
    let verified = authority.verify(&issued.text, &certificate(1), NOW).expect("it is good");
    assert_eq!(verified.resource, "prod-db");
    assert_eq!(verified.actions, [Action::Read]);
    assert_eq!(verified.principal, person(&["developer"]));
    assert_eq!(verified.expires_at, NOW + 600);
    assert!(authority.verify(&issued.text, &certificate(1), NOW + 599).is_ok());
    assert_eq!(authority.verify(&issued.text, &certificate(1), NOW + 600), Err(GrantError::Expired));
    assert_eq!(authority.verify(&issued.text, &certificate(1), NOW - 6), Err(GrantError::NotYet));
}

#[test]
fn a_stolen_or_altered_grant_is_worth_nothing() {
    let authority = authority();
    let issued = issue(&authority, &["developer"], &request("prod-db")).expect("developers read");
    assert_eq!(authority.verify(&issued.text, &certificate(2), NOW), Err(GrantError::OtherKey));

    let parts: Vec<&str> = issued.text.split('.').collect();
    let mut claims = issued.claims.clone();
    claims.authorization_details[0].actions = vec![Action::Read, Action::Write];
    let richer = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).expect("JSON"));
    let code = |token: String| authority.verify(&token, &certificate(1), NOW).expect_err("refused").code();
    assert_eq!(code(format!("{}.{richer}.{}", parts[0], parts[2])), "grant_bad_signature");
    assert_eq!(
        code(format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64]))),
        "grant_bad_signature"
    );
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none"}"#);
    assert_eq!(code(format!("{none}.{}.", parts[1])), "grant_malformed");
    let keyed = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"HS256"}"#);
    assert_eq!(code(format!("{keyed}.{}.{}", parts[1], parts[2])), "grant_malformed");
    assert_eq!(code("A".repeat(MAX_GRANT + 1)), "grant_malformed");
    assert_eq!(code(String::new()), "grant_malformed");
}

/// Good claims, changed before they are signed by the agent's own key.
fn resigned(authority: &GrantAuthority, change: impl FnOnce(&mut GrantClaims)) -> GrantError {
    let mut claims = issue(authority, &["developer"], &request("prod-db")).expect("developers read").claims;
    change(&mut claims);
    let text = authority.sign(&claims).expect("signed");
    authority.verify(&text, &certificate(1), NOW).expect_err("it must be refused")
}

#[test]
fn a_good_signature_is_not_enough() {
    let authority = authority();
    assert_eq!(
        resigned(&authority, |claims| claims.iss = "connect.local/other".into()),
        GrantError::OtherAgent
    );
    assert_eq!(
        resigned(&authority, |claims| claims.aud = "connect.local/other".into()),
        GrantError::OtherAgent
    );
    assert_eq!(resigned(&authority, |claims| claims.authorization_details.clear()), GrantError::Resource);
    assert_eq!(
        resigned(&authority, |claims| claims.authorization_details[0].identifier = "gone-db".into()),
        GrantError::Resource
    );
    assert_eq!(
        resigned(&authority, |claims| claims.authorization_details[0].kind = "other".into()),
        GrantError::Resource
    );
    assert_eq!(
        resigned(&authority, |claims| claims.authorization_details[0].actions.clear()),
        GrantError::Withdrawn
    );
    assert_eq!(
        resigned(&authority, |claims| claims.authorization_details[0].actions.push(Action::Write)),
        GrantError::Withdrawn
    );
    let second = AuthorizationDetail {
        kind: "connect_resource".into(),
        identifier: "bench-db".into(),
        actions: vec![Action::Read],
        tables: Vec::new(),
    };
    assert_eq!(
        resigned(&authority, |claims| claims.authorization_details.push(second)),
        GrantError::Resource
    );
    assert_eq!(resigned(&authority, |claims| claims.cnf.certificate.clear()), GrantError::OtherKey);
}

#[test]
fn another_type_of_token_under_the_same_key_is_no_grant() {
    let key = key();
    let authority = GrantAuthority::new(&config(CONFIG), &key).expect("an authority");
    let claims = issue(&authority, &["developer"], &request("prod-db")).expect("developers read").claims;
    for kind in [r#"{"typ":"JWT","alg":"ES256"}"#, r#"{"alg":"ES256"}"#] {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(kind),
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).expect("JSON"))
        );
        let signature = jsonwebtoken::crypto::sign(
            signed.as_bytes(),
            &EncodingKey::from_ec_der(&key),
            jsonwebtoken::Algorithm::ES256,
        )
        .expect("signed");
        let token = format!("{signed}.{signature}");
        assert_eq!(authority.verify(&token, &certificate(1), NOW), Err(GrantError::Kind));
    }
}

#[test]
fn a_grant_ends_with_the_rule_that_gave_it() {
    let key = key();
    let before = GrantAuthority::new(&config(CONFIG), &key).expect("an authority");
    let issued = issue(&before, &["developer"], &request("prod-db")).expect("developers read");
    let changed = CONFIG.replace("read = [\"group:developer\"]", "read = [\"group:nobody\"]");
    let after = GrantAuthority::new(&config(&changed), &key).expect("an authority");
    assert_eq!(after.verify(&issued.text, &certificate(1), NOW), Err(GrantError::Withdrawn));
}

#[test]
fn lists_say_who_may_read_and_write() {
    let authority = authority();
    let actions = |groups: &[&str], resource: &str| {
        issue(&authority, groups, &request(resource)).map(|issued| issued.actions)
    };
    assert_eq!(actions(&["developer"], "prod-db"), Ok(vec![Action::Read]));
    assert_eq!(actions(&["data-oncall"], "prod-db"), Ok(vec![Action::Read, Action::Write]));
    assert_eq!(actions(&[], "bench-db"), Ok(vec![Action::Read, Action::Write]));
    assert_eq!(actions(&["security"], "prod-db").expect_err("not admitted").code(), "not_allowed");
    assert_eq!(actions(&["developer"], "gone-db").expect_err("not there").code(), "no_such_resource");
    let mut writes = request("prod-db");
    writes.actions = vec![Action::Write];
    let refused = issue(&authority, &["developer"], &writes).expect_err("developers only read");
    insta::assert_snapshot!(refused.to_string(), @"`ana@example.com` may not write to `prod-db`: its only group is `developer`, and admitted are group:data-oncall");
    let names = |groups: &[&str]| -> Vec<String> {
        let resources = authority.resources(&person(groups));
        resources.into_iter().map(|(resource, _)| resource.resource.name.clone()).collect()
    };
    assert_eq!(names(&["security"]), ["bench-db"]);
    assert_eq!(names(&["developer"]), ["bench-db", "prod-db"]);
}

#[test]
fn an_ai_agent_reads_whatever_its_human_may_do() {
    let authority = authority();
    let mut request = request("prod-db");
    request.actor = Some("assistant/1".into());
    let issued = issue(&authority, &["data-oncall"], &request).expect("it may read");
    assert_eq!(issued.actions, [Action::Read]);
    let verified = authority.verify(&issued.text, &certificate(1), NOW).expect("it is good");
    assert_eq!(verified.principal.reference.actor.as_deref(), Some("assistant/1"));
    request.actions = vec![Action::Write];
    assert_eq!(
        issue(&authority, &["data-oncall"], &request).expect_err("it may not").code(),
        "actor_reads_only"
    );
    for actor in ["", "two words", "a\u{202e}b", &"x".repeat(65)] {
        request.actor = Some(actor.to_owned());
        assert_eq!(issue(&authority, &["data-oncall"], &request), Err(GrantRefusal::BadActor), "{actor:?}");
    }
}

#[test]
fn a_reason_is_one_line() {
    let authority = authority();
    let mut request = request("prod-db");
    request.reason = Some("ticket 12\nINTENT forged".into());
    assert_eq!(issue(&authority, &["developer"], &request), Err(GrantRefusal::BadReason));
    request.reason = Some("ticket 12".into());
    assert!(issue(&authority, &["developer"], &request).is_ok());
}

#[test]
fn a_resource_with_roles_is_open_to_those_who_have_one_and_a_change_is_seen() {
    let roles = "[[resource.role]]\nrole = \"none\"\nwho = [\"group:dba\"]\n\
                 [[resource.role]]\nrole = \"analyst\"\nwho = [\"group:data-oncall\", \"group:analysts\"]\n[[resource]]\nname = \"bench-db\"";
    let text = CONFIG.replace("[[resource]]\nname = \"bench-db\"", roles);
    let authority = GrantAuthority::new(&config(&text), &key()).expect("an authority");
    let refused = issue(&authority, &["developer"], &request("prod-db")).expect_err("there is no role");
    assert_eq!(refused.code(), "no_role");
    assert!(authority.may(&person(&["developer"]), "prod-db").is_empty());
    for groups in [&["developer", "analysts"][..], &["data-oncall"], &["dba", "developer"]] {
        assert!(issue(&authority, groups, &request("prod-db")).is_ok(), "{groups:?}");
    }
    let keeps =
        |older: &[&str], newer: &[&str]| authority.keeps_role(&person(older), &person(newer), "prod-db");
    assert!(keeps(&["analysts"], &["data-oncall"]), "both are analysts");
    assert!(!keeps(&["analysts"], &["analysts", "dba"]), "the first line counts");
    assert!(!keeps(&["analysts"], &[]));
    assert!(authority.keeps_role(&person(&["a"]), &person(&[]), "bench-db"), "there are no roles");
}
