//! What is written is what an agent reads, whatever the answers are.

use clap::Parser;
use proptest::prelude::*;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    init: InitArgs,
}

fn arguments(words: &[&str]) -> InitArgs {
    let line = ["init", "--config", "/nonexistent/agent.toml"].iter().chain(words);
    Line::try_parse_from(line).expect("options").init
}

const ENOUGH: [&str; 12] = [
    "--issuer",
    "https://id.example.com",
    "--address",
    "db.internal:5432",
    "--database",
    "shop",
    "--password-env",
    "PATH",
    "--read",
    "group:developer",
    "--public-name",
    "agent.example.com",
];

fn answers(words: &[&str]) -> Result<Answers, ErrorReport> {
    Answers::gather(&arguments(words), &Asker::nobody())
}

#[test]
fn what_nobody_can_be_asked_for_is_named_by_its_options() {
    let error = answers(&["--public-name", "a"]).expect_err("too little");
    insta::assert_snapshot!(error.message, @"these options are needed where nobody can be asked: --issuer, --address, --database, --password-file or --password-env, --read or --write");
    assert_eq!(error.exit, Exit::Usage);
}

#[test]
fn a_few_options_give_a_configuration_that_an_agent_reads() {
    let answers = answers(&ENOUGH).expect("enough");
    let config = parse(&answers, Path::new("/etc/connect/agent.toml")).expect("it is good");
    assert_eq!(config.name, "prod");
    assert_eq!(config.resources[0].resource.name, "prod-db");
    assert_eq!(config.resources[0].read.to_string(), "group:developer");
    assert_eq!(answers.url(), "https://agent.example.com:7443");
    insta::assert_snapshot!(text::render(&answers, &answers.password_place()));
}

#[test]
fn an_answer_that_an_agent_would_refuse_is_refused_before_anything_is_written() {
    let mut words = ENOUGH.to_vec();
    words.extend(["--no-database-tls"]);
    let error = parse(&answers(&words).expect("enough"), Path::new("/x/agent.toml")).expect_err("in clear");
    assert!(error.message.contains("resource[1].tls"), "{}", error.message);
}

#[test]
fn scopes_that_a_provider_does_not_know_are_left_out() {
    let mut answers = answers(&ENOUGH).expect("enough");
    answers.limit_scopes(Some(&["email".to_owned(), "profile".to_owned()]));
    assert_eq!(answers.scopes, ["openid", "email"]);
}

#[test]
fn nothing_is_written_over_a_file_and_a_password_never_stays_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("agent.toml");
    let password = (folder.path().join("prod-db.password"), "secret");
    let written = write::write(&config, "text", Some(&password)).expect("written");
    assert_eq!(written.len(), 2);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!((mode(&config), mode(&password.0)), (0o600, 0o600));
    assert_eq!(write::check_free(&config).expect_err("taken").code, "config_exists");
    std::fs::remove_file(&password.0).expect("removed");
    assert!(write::write(&config, "other", Some(&password)).is_err());
    assert!(!password.0.exists(), "a password without its configuration was left behind");
    assert_eq!(std::fs::read_to_string(&config).expect("there"), "text");
}

proptest! {
    #[test]
    fn no_answer_can_say_more_than_its_own_value(text in "\\PC{0,40}|[\"'\\\\\n\\[\\]= a-z#]{0,40}") {
        let mut answers = answers(&ENOUGH).expect("enough");
        answers.client_id.clone_from(&text);
        answers.database.clone_from(&text);
        answers.user = text.clone();
        let written = text::render(&answers, &answers.password_place());
        let table: toml::Table = written.parse().expect("it is TOML");
        let identity = table["identity"].as_table().expect("a table");
        prop_assert_eq!(identity["client_id"].as_str(), Some(text.as_str()));
        let resource = table["resource"][0].as_table().expect("a table");
        prop_assert_eq!(resource["database"].as_str(), Some(text.as_str()));
        prop_assert_eq!(table["resource"].as_array().map(Vec::len), Some(1));
    }
}
