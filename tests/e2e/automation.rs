//! Programs that sign in by themselves: one line of configuration, no secret, nothing kept.

use std::{fs, path::Path, process::Command};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    idp::IdentityProvider,
    leaves,
    person::{Browser, Person},
    process::{self, Finished},
    world::World,
};
use serde_json::json;

const SQL: &str = "SELECT id, segment FROM customers WHERE id = 1";

/// A job on a machine where nobody has ever signed in. `line` is all of its configuration.
fn job(world: &World, resource: &str, line: &[(&str, &str)]) -> (Finished, Person) {
    let ci = world.newcomer("ci", Browser::Missing);
    let mut command = ci.connect(&["exec", resource, "--", "psql", "-XqAtc", SQL]);
    command.env_remove("CONNECT_KEEP").env("CI", "true").env("CONNECT_AGENT", one_line(world));
    (process::run(command.envs(line.iter().copied())), ci)
}

fn one_line(world: &World) -> String {
    format!("{}#{}", world.agent.url(), world.agent.fingerprint())
}

fn github(world: &World, issuer: &IdentityProvider, repository: &str) -> (Finished, Person) {
    let url = format!("{}/job/{repository}?api-version=2.0", issuer.issuer());
    let right = format!("right-of-{repository}");
    // GitHub sets both; the job sets nothing but the agent.
    let given =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", right.as_str())];
    job(world, SHOP, &given)
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[test]
fn a_pipeline_comes_in_with_one_line_and_a_strangers_with_the_same_line_does_not() {
    let mut world = World::start();
    let issuer = IdentityProvider::for_programs();
    world.agent.restart_with(&format!(
        "[[workload]]\nname = \"github\"\nissuer = \"{}\"\ngroups = [\"developer\"]\n\
         claims = {{ repository = \"acme/shop\", ref = \"refs/heads/main\" }}",
        issuer.issuer()
    ));
    let (finished, ci) = github(&world, &issuer, "acme/shop");
    assert_eq!(finished.clone().good().trim(), "1|premium", "{}", finished.stderr);
    assert_eq!(finished.stderr, "", "nothing is said where nothing is wrong");
    let kept = files(&ci.home().join("connect"));
    let secrets: Vec<&String> = kept.iter().filter(|path| path.contains("sign")).collect();
    assert!(secrets.is_empty(), "a program keeps no sign-in: {secrets:?}");

    let (finished, _) = github(&world, &issuer, "evil/shop");
    assert_eq!(finished.code, 125, "{}", finished.stdout);
    assert!(finished.stderr.contains("`repository` is not what"), "{}", finished.stderr);
    // The job may not ask for tokens.
    let url = format!("{}/job/acme/shop", issuer.issuer());
    let (finished, _) = job(
        &world,
        SHOP,
        &[("ACTIONS_ID_TOKEN_REQUEST_URL", &url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong")],
    );
    assert!(finished.code == 125 && finished.stderr.contains("401"), "{}", finished.stderr);
    let (finished, _) = job(&world, SHOP, &[("ACTIONS_ID_TOKEN_REQUEST_URL", &url)]);
    assert!(finished.stderr.contains("id-token: write"), "{}", finished.stderr);

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let grants = leaves::of_kind(&leaves, "grant_issued");
    assert_eq!(grants.len(), 1);
    let granted = serde_json::to_value(grants[0]).expect("JSON");
    assert_eq!(granted["name"], "github/repo:acme/shop:ref:refs/heads/main");
}

#[test]
fn tokens_of_variables_files_and_addresses_do_as_well() {
    let mut world = World::start();
    let issuer = IdentityProvider::for_programs();
    world.agent.restart_with(&format!(
        "[[workload]]\nname = \"gitlab\"\nissuer = \"{0}\"\naudience = \"agent\"\ngroups = [\"developer\"]\n\
         claims = {{ project_path = \"acme/shop\", ref_protected = \"true\" }}\n\
         [[workload]]\nname = \"k8s\"\nissuer = \"{0}\"\njwks_url = \"{0}/keys\"\naudience = \"cluster\"\n\
         groups = [\"developer\"]\nclaims = {{ \"kubernetes.io.namespace\" = \"jobs\" }}\n\
         [[workload]]\nname = \"mesh\"\ntrust_domain = \"prod.example.com\"\njwks_url = \"{0}/keys\"\n\
         groups = [\"developer\"]\nclaims = {{ sub = \"spiffe://prod.example.com/jobs/*\" }}",
        issuer.issuer()
    ));
    let gitlab = issuer.mint(&json!({
        "sub": "project_path:acme/shop:ref_type:branch:ref:main", "aud": "agent", "project_path": "acme/shop",
        "namespace_path": "acme", "ref": "main", "ref_protected": "true", "pipeline_source": "schedule",
    }));
    let line = [("CONNECT_WORKLOAD", "env:SHOP_TOKEN"), ("SHOP_TOKEN", gitlab.as_str())];
    assert_eq!(job(&world, SHOP, &line).0.good().trim(), "1|premium");

    let cluster = issuer.mint(&json!({
        "sub": "system:serviceaccount:jobs:etl", "aud": ["cluster"],
        "kubernetes.io": {"namespace": "jobs", "serviceaccount": {"name": "etl", "uid": "1"}},
    }));
    let path = world.folder().join("token");
    fs::write(&path, format!("{cluster}\n")).expect("written");
    let shown = path.display().to_string();
    assert_eq!(job(&world, SHOP, &[("CONNECT_ID_TOKEN_FILE", &shown)]).0.good().trim(), "1|premium");

    let svid = issuer.mint(&json!({
        "sub": "spiffe://prod.example.com/jobs/etl", "aud": ["connect.local/test"], "iss": "",
    }));
    fs::write(&path, svid).expect("written");
    let setting = format!("file:{shown}");
    assert_eq!(job(&world, SHOP, &[("CONNECT_WORKLOAD", &setting)]).0.good().trim(), "1|premium");

    // What is said names the place and not the token.
    fs::write(&path, "hunter2-hunter2").expect("written");
    let (finished, _) = job(&world, SHOP, &[("CONNECT_WORKLOAD", &setting)]);
    assert_eq!(finished.code, 125);
    assert!(finished.stderr.contains(&shown) && !finished.stderr.contains("hunter2"), "{}", finished.stderr);
    let (finished, _) = job(&world, SHOP, &[("CONNECT_WORKLOAD", "url:http://tokens.example.com/")]);
    assert!(finished.code == 125 && finished.stderr.contains("neither https nor"), "{}", finished.stderr);
}

#[test]
fn a_client_with_a_key_of_its_own_shares_no_secret_with_anybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("etl.pem");
    let openssl = |arguments: &[&str]| process::run(Command::new("openssl").args(arguments)).good();
    let shown = key.display().to_string();
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &shown]);
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    let export = "console.log(JSON.stringify(require('crypto').createPublicKey(require('fs').readFileSync(process.argv[1]))\
                  .export({format:'jwk'})))";
    let node = connect_tests::place::installed("node");
    let jwk = process::run(Command::new(node).args(["-e", export, &shown])).good();
    let settings = format!(
        r#"{{"machines":[{{"client_id":"etl","jwks":{{"keys":[{}]}}}},{{"client_id":"other","jwks":{{"keys":[{0}]}}}}]}}"#,
        jwk.trim()
    );
    let options = AgentOptions { identity: settings.leak(), ..AgentOptions::default() };
    let mut world = World::start_with(&options);
    world.agent.restart_with(&format!(
        "[[workload]]\nname = \"jobs\"\nissuer = \"{}\"\naudience = \"https://agent.test/\"\ngroups = [\"developer\"]\n\
         claims = {{ client_id = \"etl\" }}",
        world.idp.issuer()
    ));
    let setting = |client: &str| format!("client:{client},key={shown},resource=https://agent.test/");
    let (finished, _) = job(&world, SHOP, &[("CONNECT_WORKLOAD", &setting("etl"))]);
    assert_eq!(finished.good().trim(), "1|premium");
    // Another client of the same provider, with as good a token.
    let (finished, _) = job(&world, SHOP, &[("CONNECT_WORKLOAD", &setting("other"))]);
    assert!(
        finished.code == 125 && finished.stderr.contains("`client_id` is not what"),
        "{}",
        finished.stderr
    );
    let (finished, _) = job(&world, SHOP, &[("CONNECT_WORKLOAD", &setting("nobody"))]);
    assert!(finished.code == 125 && finished.stderr.contains("refused the client"), "{}", finished.stderr);
}

#[test]
fn an_agent_of_one_line_must_show_the_certificate_of_that_line() {
    let world = World::start();
    let ci = world.newcomer("ci", Browser::Missing);
    let wrong = format!("{}#sha256:{}", world.agent.url(), "00".repeat(32));
    let finished = process::run(ci.connect(&["ls"]).env("CONNECT_AGENT", wrong));
    assert_eq!(finished.code, 10, "{}", finished.stderr);
    let finished = process::run(ci.connect(&["ls"]).env("CONNECT_AGENT", world.agent.url()));
    assert!(finished.code == 2 && finished.stderr.contains("#sha256:"), "{}", finished.stderr);
}
