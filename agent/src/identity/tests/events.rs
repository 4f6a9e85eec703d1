//! Logout tokens and security events: what ends a session, and what must not.

use serde_json::{Value, json};

use super::{
    super::{event::*, fake::FakeProvider, *},
    NOW,
};
use crate::{
    config::SignalsConfig,
    revocation::{Lock, Until, Whom},
    upstream::Secret,
};

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type";

fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        let map = claims.as_object_mut().expect("an object");
        if value.is_null() {
            map.remove(name)
        } else {
            map.insert(name.clone(), value.clone())
        };
    }
    claims
}

fn sign(provider: &FakeProvider, kind: &str, claims: &Value) -> String {
    let header = json!({"alg": "ES256", "kid": "first", "typ": kind});
    provider.key.sign_text(&header.to_string(), &claims.to_string())
}

#[tokio::test]
async fn a_logout_token_ends_what_was_signed_in_before_it() {
    let provider = FakeProvider::start().await;
    let verifier = IdentityVerifier::of(&provider.config(), &[], &[]).expect("a verifier");
    let good = json!({
        "iss": provider.issuer, "aud": "connect-cli", "iat": NOW, "exp": NOW + 120, "jti": "1",
        "sub": "ana", "sid": "s-1", "events": {LOGOUT: {}},
    });
    let logout = verifier.logout(&sign(&provider, "logout+jwt", &good), NOW).await.expect("it is good");
    assert_eq!(
        logout.whom,
        Whom::IdpSession {
            idp: provider.issuer.clone(),
            id: "s-1".into(),
            sub: Some("ana".into()),
            email: None
        }
    );
    assert_eq!(logout.until, Until::SignedInAgainSince(NOW));
    let of_all = changed(good.clone(), &json!({"sid": null, "exp": null}));
    let logout = verifier.logout(&sign(&provider, "JWT", &of_all), NOW + 200).await.expect("it is good");
    assert_eq!(logout.whom, Whom::Subject { idp: provider.issuer.clone(), sub: "ana".into() });

    let table = [
        (json!({"aud": "other-app"}), "token_wrong_issuer"),
        (json!({"iss": "https://evil.example"}), "token_wrong_issuer"),
        (json!({"nonce": "n"}), "token_malformed"),
        (json!({"events": null}), "token_malformed"),
        (json!({"events": {LOGOUT: true}}), "token_malformed"),
        (json!({"sub": null, "sid": null}), "token_malformed"),
        (json!({"iat": NOW - 301, "exp": null}), "token_expired"),
        (json!({"iat": NOW + 120}), "token_not_yet_valid"),
    ];
    for (changes, code) in table {
        let token = sign(&provider, "logout+jwt", &changed(good.clone(), &changes));
        let error = verifier.logout(&token, NOW).await.expect_err("it must be refused");
        assert_eq!(error.code(), code, "{changes}");
    }
    // An ID token ends nothing, and a logout token lets nobody in.
    let id_token = provider.key.sign(&provider.claims("ana", &[], NOW));
    assert!(verifier.logout(&id_token, NOW).await.is_err());
    assert!(verifier.verify(&sign(&provider, "logout+jwt", &good), NOW).await.is_err());
}

struct Bench {
    provider: FakeProvider,
    verifier: EventVerifier,
}

impl Bench {
    async fn new() -> Self {
        let provider = FakeProvider::start().await;
        let config = SignalsConfig {
            issuer: provider.issuer.clone(),
            audience: "agent".into(),
            about: "https://id.example.com".into(),
            keys: KeysFrom::Address(format!("{}/keys", provider.issuer)),
            ca_file: None,
            token: Secret("t".into()),
            poll: None,
        };
        Self { verifier: EventVerifier::new(&config).expect("a verifier"), provider }
    }

    fn claims(&self, kind: &str, event: &Value) -> Value {
        json!({
            "iss": self.provider.issuer, "aud": ["agent"], "iat": NOW, "jti": "e-1",
            "sub_id": {"format": "iss_sub", "iss": "https://id.example.com", "sub": "ana"},
            "events": {kind: event},
        })
    }

    async fn hear(&self, claims: &Value) -> Result<Order, TokenError> {
        self.verifier.hear(&sign(&self.provider, "secevent+jwt", claims), NOW).await.map(|told| told.order)
    }
}

#[tokio::test]
async fn each_event_orders_what_it_means() {
    let bench = Bench::new().await;
    let ana = Whom::Subject { idp: "https://id.example.com".into(), sub: "ana".into() };
    for name in ["session-revoked", "credential-change", "token-claims-change"] {
        let order =
            bench.hear(&bench.claims(&format!("{CAEP}/{name}"), &json!({"change_type": "revoke"}))).await;
        let Ok(Order::Shut { whom, until, .. }) = order else { panic!("{name}: {order:?}") };
        assert_eq!((whom, until), (ana.clone(), Until::SignedInAgainSince(NOW)), "{name}");
    }
    let disabled = bench.hear(&bench.claims(&format!("{RISC}/account-disabled"), &json!({}))).await;
    let Ok(Order::Shut { until, .. }) = disabled else { panic!("{disabled:?}") };
    assert_eq!(until, Until::Restored(Lock::Account));
    let enabled = bench.hear(&bench.claims(&format!("{RISC}/account-enabled"), &json!({}))).await;
    assert_eq!(enabled, Ok(Order::Restore { whom: ana, lock: Lock::Account }));
    // A new passkey is good news, and a stream that is tried is none.
    let new_key = bench.claims(&format!("{CAEP}/credential-change"), &json!({"change_type": "create"}));
    assert_eq!(bench.hear(&new_key).await, Ok(Order::Nothing));
    let tried = bench.claims("https://schemas.openid.net/secevent/ssf/event-type/verification", &json!({}));
    assert_eq!(bench.hear(&tried).await, Ok(Order::Nothing));
    // The time of the event counts, in seconds or milliseconds, and never one of the future.
    for (timestamp, moment) in [(NOW - 50, NOW - 50), ((NOW - 50) * 1000, NOW - 50), (NOW + 900, NOW)] {
        let event = json!({"event_timestamp": timestamp});
        let order = bench.hear(&bench.claims(&format!("{CAEP}/session-revoked"), &event)).await;
        let Ok(Order::Shut { until, .. }) = order else { panic!("{order:?}") };
        assert_eq!(until, Until::SignedInAgainSince(moment));
    }
}

#[tokio::test]
async fn whom_an_event_names_is_of_the_provider_that_its_transmitter_speaks_of() {
    let bench = Bench::new().await;
    let about = |subject: Value| {
        let mut claims = bench.claims(&format!("{CAEP}/session-revoked"), &json!({}));
        claims["sub_id"] = subject;
        claims
    };
    let idp = "https://id.example.com".to_owned();
    let user = json!({"format": "iss_sub", "iss": idp, "sub": "ana"});
    let session = json!({"format": "opaque", "id": "s-1"});
    let table = [
        (
            json!({"format": "email", "email": "Ana@Example.com"}),
            Whom::Email { idp: idp.clone(), email: "ana@example.com".into() },
        ),
        (
            json!({"format": "complex", "session": session, "user": user}),
            Whom::IdpSession { idp: idp.clone(), id: "s-1".into(), sub: Some("ana".into()), email: None },
        ),
        (
            json!({"format": "complex", "session": session, "user": {"format": "email", "email": "Ana@Example.com"}}),
            Whom::IdpSession {
                idp: idp.clone(),
                id: "s-1".into(),
                sub: None,
                email: Some("ana@example.com".into()),
            },
        ),
        (
            json!({"format": "complex", "session": session, "user": {"format": "iss_sub", "iss": "https://other.example", "sub": "ana"}}),
            Whom::IdpSession { idp, id: "s-1".into(), sub: None, email: None },
        ),
    ];
    for (subject, meant) in table {
        let order = bench.hear(&about(subject)).await;
        let Ok(Order::Shut { whom, .. }) = order else { panic!("{order:?}") };
        assert_eq!(whom, meant);
    }
}

#[tokio::test]
async fn one_device_takes_no_lock_off_another_or_off_the_account() {
    let bench = Bench::new().await;
    let about = |device: &str, status: &str| {
        let mut claims =
            bench.claims(&format!("{CAEP}/device-compliance-change"), &json!({"current_status": status}));
        claims["sub_id"] = json!({
            "format": "complex", "user": {"format": "iss_sub", "iss": "https://id.example.com", "sub": "ana"},
            "device": {"format": "opaque", "id": device},
        });
        claims
    };
    let locked = bench.hear(&about("laptop", "not-compliant")).await;
    let Ok(Order::Shut { until: Until::Restored(lock), .. }) = locked else { panic!("{locked:?}") };
    let other = bench.hear(&about("phone", "compliant")).await;
    let Ok(Order::Restore { lock: others, .. }) = other else { panic!("{other:?}") };
    assert!(lock != others && lock != Lock::Account);
    let same = bench.hear(&about("laptop", "compliant")).await;
    let Ok(Order::Restore { lock: own, .. }) = same else { panic!("{same:?}") };
    assert_eq!(lock, own);
}

#[tokio::test]
async fn what_is_no_event_of_this_transmitter_about_its_own_people_orders_nothing() {
    let bench = Bench::new().await;
    let good = bench.claims(&format!("{CAEP}/session-revoked"), &json!({}));
    let table = [
        (json!({"aud": "somebody-else"}), "token_wrong_audience"),
        (json!({"aud": null}), "token_wrong_audience"),
        (json!({"iss": "https://evil.example"}), "token_wrong_issuer"),
        (json!({"jti": null}), "token_malformed"),
        (json!({"iat": NOW + 120}), "token_not_yet_valid"),
        (json!({"events": {}}), "token_malformed"),
        (json!({"sub_id": null}), "token_malformed"),
        (
            json!({"sub_id": {"format": "iss_sub", "iss": "https://other.example", "sub": "ana"}}),
            "token_malformed",
        ),
        (json!({"sub_id": {"format": "phone_number", "phone_number": "+1"}}), "token_malformed"),
    ];
    for (changes, code) in table {
        let error = bench.hear(&changed(good.clone(), &changes)).await.expect_err("it must be refused");
        assert_eq!(error.code(), code, "{changes}");
    }
    for kind in ["JWT", "logout+jwt", "at+jwt"] {
        let refused = bench.verifier.hear(&sign(&bench.provider, kind, &good), NOW).await;
        assert_eq!(refused.expect_err("no event").code(), "token_malformed", "{kind}");
    }
}
