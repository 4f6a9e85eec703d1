//! Programs with tokens of their own, in the forms that real issuers give them, and strangers with tokens
//! of the same issuers.

use serde_json::{Value, json};

use super::{
    super::{
        fake::{FakeKey, FakeProvider},
        *,
    },
    NOW,
};
use crate::config::Config;

const AUDIENCE: &str = "connect.local/prod";

struct Bench {
    provider: FakeProvider,
    verifier: IdentityVerifier,
}

impl Bench {
    /// `more` stands behind a whole configuration; `ISSUER` in it is the provider.
    async fn new(more: &str) -> Self {
        let provider = FakeProvider::start().await;
        let text = format!(
            "[agent]\nname = \"prod\"\nlisten = \"127.0.0.1:0\"\nstate_dir = \"s\"\n\
             [identity]\nissuer = \"{0}\"\nclient_id = \"connect-cli\"\n{1}\n\
             [[resource]]\nname = \"prod-db\"\nengine = \"postgresql\"\naddress = \"127.0.0.1:1\"\n\
             database = \"d\"\nuser = \"u\"\npassword_env = \"P\"\ntls = \"disable\"\nread = [\"principal:ana\"]\n",
            provider.issuer,
            more.replace("ISSUER", &provider.issuer)
        );
        let config = Config::parse(&text, std::path::Path::new("/"), &|_| Some("x".to_owned()));
        let verifier = IdentityVerifier::new(&config.expect("a good configuration")).expect("a verifier");
        Self { provider, verifier }
    }

    async fn verify(&self, claims: &Value) -> Result<Principal, TokenError> {
        let token = self.provider.key.sign(claims);
        self.verifier.verify(&token, NOW).await.map(|signed_in| signed_in.principal)
    }
}

const GITHUB: &str = "[[workload]]\nname = \"github\"\nissuer = \"ISSUER\"\ngroups = [\"ci\"]\n\
    claims = { repository = \"acme/shop\", ref = [\"refs/heads/main\", \"refs/tags/*\"], runner_environment = \"github-hosted\" }";

fn github(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "repo:acme/shop:ref:refs/heads/main", "jti": "1",
        "ref": "refs/heads/main", "repository": "acme/shop", "repository_owner": "acme", "run_id": "7",
        "runner_environment": "github-hosted", "iat": NOW, "nbf": NOW, "exp": NOW + 300,
    })
}

#[tokio::test]
async fn a_pipeline_is_a_principal_with_the_groups_that_its_rule_gives() {
    let bench = Bench::new(GITHUB).await;
    let principal = bench.verify(&github(&bench.provider.issuer)).await.expect("it is ours");
    assert_eq!(principal.name, "github/repo:acme/shop:ref:refs/heads/main");
    assert_eq!(principal.groups, ["ci"]);
    let mut tag = github(&bench.provider.issuer);
    tag["ref"] = json!("refs/tags/v1");
    assert!(bench.verify(&tag).await.is_ok());
}

#[tokio::test]
async fn a_strangers_pipeline_at_the_same_issuer_is_nobody() {
    let bench = Bench::new(GITHUB).await;
    let table = [
        (json!({"repository": "acme/shop-evil"}), "token_not_admitted"),
        (json!({"repository": "evil/shop"}), "token_not_admitted"),
        (json!({"repository": ["acme/shop"]}), "token_not_admitted"),
        (json!({"repository": null}), "token_not_admitted"),
        (json!({"ref": "refs/heads/main2"}), "token_not_admitted"),
        (json!({"ref": "refs/tags/"}), "token_not_admitted"),
        (json!({"runner_environment": "self-hosted"}), "token_not_admitted"),
        (json!({"aud": "https://github.com/acme"}), "token_wrong_audience"),
        (json!({"aud": "connect-cli"}), "token_not_admitted"),
        (json!({"exp": NOW - 61}), "token_expired"),
        (json!({"exp": null}), "token_malformed"),
        (json!({"sub": "a\nb"}), "token_malformed"),
    ];
    for (changes, code) in table {
        let mut claims = github(&bench.provider.issuer);
        // The claims of a person, too: nothing that they say helps.
        claims["groups"] = json!(["developer"]);
        claims["email"] = json!("ana@example.com");
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        if changes["aud"] == json!("connect-cli") {
            // Made for the client of people: then it is a person, as far as its issuer says so, and no
            // pipeline.
            let principal = bench.verify(&claims).await.expect("a person of this issuer");
            assert_eq!(principal.name, "ana@example.com");
            continue;
        }
        let error = bench.verify(&claims).await.expect_err("it must be refused");
        assert_eq!(error.code(), code, "{changes}: {error}");
    }
    let stranger = FakeKey::new("first");
    let forged = stranger.sign(&github(&bench.provider.issuer));
    assert_eq!(bench.verifier.verify(&forged, NOW).await.expect_err("forged").code(), "token_bad_signature");
}

#[tokio::test]
async fn kinds_of_tokens_are_told_apart() {
    let bench = Bench::new(GITHUB).await;
    let sign = |kind: &str, claims: &Value| {
        let header = json!({"alg": "ES256", "kid": "first", "typ": kind});
        bench.provider.key.sign_text(&header.to_string(), &claims.to_string())
    };
    let claims = github(&bench.provider.issuer);
    for kind in ["JWT", "at+jwt", "JOSE"] {
        assert!(bench.verifier.verify(&sign(kind, &claims), NOW).await.is_ok(), "{kind}");
    }
    for kind in ["logout+jwt", "secevent+jwt", "dpop+jwt"] {
        let refused = bench.verifier.verify(&sign(kind, &claims), NOW).await;
        assert_eq!(refused.expect_err("another kind").code(), "token_malformed", "{kind}");
    }
    // An access token for somebody else's service is no sign-in.
    let person = bench.provider.claims("ana", &["developer"], NOW);
    let refused = bench.verifier.verify(&sign("at+jwt", &person), NOW).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_service_account_of_a_cluster_is_known_by_its_nested_claims() {
    let rule = "[[workload]]\nname = \"k8s\"\nissuer = \"ISSUER\"\naudience = \"agent\"\n\
        claims = { \"kubernetes.io.namespace\" = \"jobs\", sub = \"system:serviceaccount:jobs:*\" }";
    let bench = Bench::new(rule).await;
    let mut claims = json!({
        "iss": bench.provider.issuer, "aud": ["agent", "other"], "sub": "system:serviceaccount:jobs:etl",
        "iat": NOW, "exp": NOW + 600, "kubernetes.io": {"namespace": "jobs", "serviceaccount": {"name": "etl"}},
    });
    assert_eq!(bench.verify(&claims).await.expect("it is").name, "k8s/system:serviceaccount:jobs:etl");
    claims["kubernetes.io"]["namespace"] = json!("web");
    let refused = bench.verify(&claims).await.expect_err("another namespace");
    assert_eq!(refused.code(), "token_not_admitted");
}

#[tokio::test]
async fn a_spiffe_identity_needs_no_issuer_and_belongs_to_its_own_domain() {
    let rule = "[[workload]]\nname = \"mesh\"\ntrust_domain = \"prod.example.com\"\njwks_url = \"ISSUER/keys\"\n\
        claims = { sub = \"spiffe://prod.example.com/jobs/*\" }";
    let bench = Bench::new(rule).await;
    let id = |sub: &str| json!({"sub": sub, "aud": [AUDIENCE], "exp": NOW + 300});
    let principal = bench.verify(&id("spiffe://prod.example.com/jobs/etl")).await.expect("it is ours");
    assert_eq!(principal.reference.idp, "spiffe://prod.example.com");
    for sub in [
        "spiffe://prod.example.com.evil/jobs/etl",
        "spiffe://prod.example.com",
        "spiffe://dev.example.com/jobs/etl",
    ] {
        assert_eq!(bench.verify(&id(sub)).await.expect_err(sub).code(), "token_wrong_issuer");
    }
    assert_eq!(
        bench.verify(&id("spiffe://prod.example.com/web/x")).await.expect_err("elsewhere").code(),
        "token_not_admitted"
    );
}

#[tokio::test]
async fn people_of_another_provider_cannot_be_taken_for_ones_own() {
    let partner = FakeProvider::start().await;
    let more = format!(
        "[[identity.other]]\nname = \"partner\"\nissuer = \"{}\"\nclient_id = \"them\"",
        partner.issuer
    );
    let bench = Bench::new(&more).await;
    let mut claims = partner.claims("ana", &["developer", "data-oncall"], NOW);
    claims["aud"] = json!("them");
    let signed_in = bench.verifier.verify(&partner.key.sign(&claims), NOW).await.expect("a partner");
    assert_eq!(signed_in.principal.name, "partner/ana@example.com");
    assert_eq!(signed_in.principal.groups, ["partner/data-oncall", "partner/developer"]);
    // Mix-up: the same provider signs in the other one's name.
    claims["iss"] = json!(bench.provider.issuer);
    claims["aud"] = json!("connect-cli");
    let refused = bench.verifier.verify(&partner.key.sign(&claims), NOW).await.expect_err("mixed up");
    assert_eq!(refused.code(), "token_bad_signature");
}

#[tokio::test]
async fn groups_are_found_within_objects_and_not_guessed_when_they_were_left_out() {
    let provider = FakeProvider::start().await;
    let config = IdentityConfig { groups_claim: "realm_access.roles".to_owned(), ..provider.config() };
    let verifier = IdentityVerifier::of(&config, &[], &[]).expect("a verifier");
    let verify = async |claims: &Value| {
        verifier.verify(&provider.key.sign(claims), NOW).await.map(|signed_in| signed_in.principal.groups)
    };
    let mut claims = provider.claims("ana", &["ignored"], NOW);
    assert_eq!(verify(&claims).await, Ok(Vec::new()));
    claims["realm_access"] = json!({"roles": ["developer"]});
    assert_eq!(verify(&claims).await, Ok(vec!["developer".to_owned()]));
    claims["realm_access"] = json!("developer");
    assert_eq!(verify(&claims).await, Ok(Vec::new()));
    claims["hasgroups"] = json!(true);
    assert_eq!(verify(&claims).await.expect_err("left out").code(), "token_groups_left_out");
    let by_name = IdentityVerifier::of(&provider.config(), &[], &[]).expect("a verifier");
    let mut claims = provider.claims("ana", &[], NOW);
    claims.as_object_mut().expect("an object").remove("groups");
    claims["_claim_names"] = json!({"groups": "src1"});
    let refused = by_name.verify(&provider.key.sign(&claims), NOW).await.expect_err("left out");
    assert_eq!(refused.code(), "token_groups_left_out");
}
