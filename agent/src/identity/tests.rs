//! Attacks on ID tokens, and what a provider may do wrong.

mod events;
mod workload;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::error::Exit;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    fake::{FakeKey, FakeProvider},
    *,
};
use crate::jws::JwsError;

const NOW: u64 = 1_800_000_000;

struct Bench {
    provider: FakeProvider,
    verifier: IdentityVerifier,
}

impl Bench {
    async fn new() -> Self {
        let provider = FakeProvider::start().await;
        let verifier = IdentityVerifier::of(&provider.config(), &[], &[]).expect("a verifier");
        Self { provider, verifier }
    }

    fn claims(&self) -> Value {
        self.provider.claims("ana", &["developer"], NOW)
    }

    async fn verify(&self, claims: &Value) -> Result<Principal, TokenError> {
        let signed_in = self.verifier.verify(&self.provider.key.sign(claims), NOW).await;
        signed_in.map(|signed_in| signed_in.principal)
    }

    /// The code of the refusal of good claims with these members changed; `null` removes one.
    async fn refusal(&self, changes: Value) -> &'static str {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().expect("an object") {
            let map = claims.as_object_mut().expect("an object");
            if value.is_null() {
                map.remove(name)
            } else {
                map.insert(name.clone(), value.clone())
            };
        }
        self.verify(&claims).await.map(|principal| principal.name).expect_err("it must be refused").code()
    }
}

#[tokio::test]
async fn a_token_that_was_kept_is_refused_however_long_it_is_good() {
    let bench = Bench::new().await;
    let year = 365 * 24 * 60 * 60;
    assert_eq!(bench.refusal(json!({"iat": NOW - 3_601, "exp": NOW + year})).await, "token_too_old");
    let mut claims = bench.claims();
    (claims["iat"], claims["exp"]) = (json!(NOW - 3_600), json!(NOW + year));
    assert!(bench.verify(&claims).await.is_ok(), "it is as old as it may be");
}

#[tokio::test]
async fn a_good_token_names_its_principal() {
    let bench = Bench::new().await;
    let principal = bench.verify(&bench.claims()).await.expect("it is good");
    assert_eq!(principal.reference.sub, "ana");
    assert_eq!(principal.reference.idp, bench.provider.issuer);
    assert_eq!(principal.name, "ana@example.com");
    assert_eq!(principal.groups, ["developer"]);
}

#[tokio::test]
async fn claims_that_are_not_for_us_now_are_refused() {
    let bench = Bench::new().await;
    let table = [
        (json!({"iss": "https://evil.example"}), "token_wrong_issuer"),
        (json!({"iss": format!("{}/", bench.provider.issuer)}), "token_wrong_issuer"),
        (json!({"iss": null}), "token_wrong_issuer"),
        (json!({"aud": "other-app"}), "token_wrong_audience"),
        (json!({"aud": ["other-app"]}), "token_wrong_audience"),
        (json!({"aud": {"connect-cli": true}}), "token_wrong_audience"),
        (json!({"aud": null}), "token_malformed"),
        (json!({"aud": ["connect-cli", "other-app"]}), "token_wrong_audience"),
        (json!({"aud": ["connect-cli", "other-app"], "azp": "other-app"}), "token_wrong_audience"),
        (json!({"azp": "other-app"}), "token_wrong_audience"),
        (json!({"azp": ["connect-cli"]}), "token_wrong_audience"),
        (json!({"exp": NOW - 61}), "token_expired"),
        (json!({"exp": NOW - 60}), "token_expired"),
        (json!({"exp": "9999999999"}), "token_malformed"),
        (json!({"exp": -1}), "token_malformed"),
        (json!({"exp": null}), "token_malformed"),
        (json!({"iat": null}), "token_malformed"),
        (json!({"iat": NOW + 61}), "token_not_yet_valid"),
        (json!({"nbf": NOW + 61}), "token_not_yet_valid"),
        (json!({"nbf": "soon"}), "token_malformed"),
        (json!({"sub": null}), "token_malformed"),
        (json!({"sub": ""}), "token_malformed"),
        (json!({"sub": 7}), "token_malformed"),
        (json!({"sub": "a\nb"}), "token_malformed"),
        (json!({"sub": "x".repeat(256)}), "token_malformed"),
        (json!({"groups": [7]}), "token_malformed"),
        (json!({"groups": {"developer": true}}), "token_malformed"),
    ];
    for (changes, code) in table {
        assert_eq!(bench.refusal(changes.clone()).await, code, "{changes}");
    }
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let bench = Bench::new().await;
    for changes in [
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 60}),
        json!({"nbf": NOW + 60}),
        json!({"exp": 1_800_000_000.5}),
    ] {
        let mut claims = bench.claims();
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        assert!(bench.verify(&claims).await.is_ok(), "{changes}");
    }
}

#[tokio::test]
async fn several_audiences_need_us_as_the_authorized_party() {
    let bench = Bench::new().await;
    let mut claims = bench.claims();
    claims["aud"] = json!(["other-app", "connect-cli"]);
    claims["azp"] = json!("connect-cli");
    assert!(bench.verify(&claims).await.is_ok());
}

#[tokio::test]
async fn groups_may_be_one_text_or_absent_and_an_unverified_address_names_nobody() {
    let bench = Bench::new().await;
    let mut claims = bench.claims();
    claims["groups"] = json!("developer");
    assert_eq!(bench.verify(&claims).await.expect("it is good").groups, ["developer"]);
    claims.as_object_mut().expect("an object").remove("groups");
    assert!(bench.verify(&claims).await.expect("it is good").groups.is_empty());
    claims["email_verified"] = json!(false);
    assert_eq!(bench.verify(&claims).await.expect("it is good").name, "ana");
}

#[tokio::test]
async fn a_signature_that_the_provider_did_not_make_is_refused() {
    let bench = Bench::new().await;
    let claims = bench.claims();
    let good = bench.provider.key.sign(&claims);
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let (header, _) = signed.split_once('.').expect("three parts");
    let forged = |header: &str, payload: &str, signature: &str| {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    };
    let mut richer = claims.clone();
    richer["groups"] = json!(["data-oncall"]);
    let stranger = FakeKey::new("first");
    let unknown = FakeKey::new("second");
    let with_secret = {
        // The classic: a keyed hash with the public key as its secret.
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"first"}"#),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, bench.provider.key.public());
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let own_key = stranger.sign_text(
        &json!({"alg": "ES256", "typ": "JWT", "jwk": stranger.jwk(), "kid": "first"}).to_string(),
        &claims.to_string(),
    );
    let table = [
        (
            format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(richer.to_string())),
            "token_bad_signature",
        ),
        (format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])), "token_bad_signature"),
        (format!("{signed}."), "token_bad_signature"),
        (stranger.sign(&claims), "token_bad_signature"),
        (own_key, "token_bad_signature"),
        (unknown.sign(&claims), "token_unknown_key"),
        (with_secret, "token_bad_algorithm"),
        (forged(r#"{"alg":"none"}"#, &claims.to_string(), ""), "token_bad_algorithm"),
        // The algorithm of another kind of key than the one that is named.
        (forged(r#"{"alg":"RS256","kid":"first"}"#, &claims.to_string(), signature), "token_unknown_key"),
        (
            bench
                .provider
                .key
                .sign_text(r#"{"alg":"ES256","kid":"first","typ":"at+jwt"}"#, &claims.to_string()),
            "token_malformed",
        ),
        (format!("{good}{}", "A".repeat(MAX_TOKEN)), "token_malformed"),
        (String::new(), "token_malformed"),
    ];
    for (token, code) in table {
        let refused = bench.verifier.verify(&token, NOW).await.map(|signed_in| signed_in.principal);
        assert_eq!(refused.expect_err("it must be refused").code(), code, "{token}");
    }
}

#[tokio::test]
async fn a_claim_that_comes_twice_is_refused() {
    let bench = Bench::new().await;
    let twice = bench.claims().to_string().replacen('{', r#"{"groups":["data-oncall"],"#, 1);
    let token = bench.provider.key.sign_text(r#"{"alg":"ES256","kid":"first"}"#, &twice);
    let refused = bench.verifier.verify(&token, NOW).await;
    assert_eq!(refused, Err(TokenError::Jws(JwsError::Duplicate)));
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_a_key_that_is_new_but_not_for_every_stranger() {
    let bench = Bench::new().await;
    for _ in 0..5 {
        bench.verify(&bench.claims()).await.expect("it is good");
    }
    assert_eq!(bench.provider.asked.load(Ordering::SeqCst), 1);
    let second = FakeKey::new("second");
    bench.provider.publish(&[&bench.provider.key, &second]);
    for _ in 0..5 {
        let refused = bench.verifier.verify(&second.sign(&bench.claims()), NOW).await;
        assert_eq!(refused, Err(TokenError::UnknownKey), "too soon after the last time");
    }
    assert_eq!(bench.provider.asked.load(Ordering::SeqCst), 1);
    bench.verifier.parties[0].keys.forget_the_time();
    bench.verifier.verify(&second.sign(&bench.claims()), NOW).await.expect("the key is known now");
    assert_eq!(bench.provider.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_provider_that_is_dead_or_silent_fails_fast_and_says_so() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let provider = FakeProvider::start().await;
    let mut config = provider.config();
    for socket in [&silent, &closed] {
        config.issuer = format!("http://{}", socket.local_addr().expect("an address"));
        let verifier = IdentityVerifier::of(&config, &[], &[]).expect("a verifier");
        let started = Instant::now();
        let mut claims = provider.claims("ana", &[], NOW);
        claims["iss"] = json!(config.issuer);
        let token = provider.key.sign(&claims);
        let (first, second) = tokio::join!(verifier.verify(&token, NOW), verifier.verify(&token, NOW));
        for refused in [first, second] {
            let error = refused.expect_err("nobody answers");
            assert_eq!(error.code(), "idp_unreachable", "{error}");
            assert_eq!(error.report().exit, Exit::Unreachable);
        }
        assert!(started.elapsed() < Duration::from_secs(6), "a caller must not wait for long");
    }
}

#[tokio::test]
async fn a_provider_that_calls_itself_otherwise_is_not_believed() {
    let provider = FakeProvider::start().await;
    let mut config = provider.config();
    config.issuer = format!("{}/", provider.issuer);
    let verifier = IdentityVerifier::of(&config, &[], &[]).expect("a verifier");
    let probed = verifier.probe().await.pop().expect("one provider");
    let error = probed.1.expect_err("the issuer differs");
    assert!(error.to_string().contains(&format!("it calls itself `{}`", provider.issuer)), "{error}");
}

/// A token and a key set of another algorithm than the usual one here.
fn signed_with(algorithm: &str, claims: &Value) -> (String, Value) {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA512},
    };
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": "other"}).to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let rng = SystemRandom::new();
    let (signature, key) = if algorithm == "EdDSA" {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": x});
        (pair.sign(signed.as_bytes()).as_ref().to_vec(), key)
    } else {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let encoding = if algorithm == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA512 };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &rng, signed.as_bytes(), &mut signature).expect("signed");
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = pair.public_key();
        let n = part(public.modulus().big_endian_without_leading_zero());
        let e = part(public.exponent().big_endian_without_leading_zero());
        (signature, json!({"kty": "RSA", "use": "sig", "kid": "other", "n": n, "e": e}))
    };
    (format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), key)
}

#[tokio::test]
async fn the_usual_algorithms_are_understood() {
    for algorithm in ["RS256", "PS512", "EdDSA"] {
        let bench = Bench::new().await;
        let (token, key) = signed_with(algorithm, &bench.claims());
        bench.provider.publish_keys(vec![key]);
        let verified = bench.verifier.verify(&token, NOW).await;
        assert!(verified.is_ok(), "{algorithm}: {verified:?}");
        let (another, _) = signed_with(algorithm, &bench.claims());
        let refused = bench.verifier.verify(&another, NOW).await;
        assert_eq!(refused, Err(TokenError::Jws(JwsError::Signature)), "{algorithm}");
    }
}
