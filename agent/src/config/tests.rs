//! What `check` says about configurations that are wrong.

use std::{fs, os::unix::fs::PermissionsExt as _};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const GOOD: &str = r#"
[agent]
name = "demo"
listen = "127.0.0.1:7443"
state_dir = "state"
[identity]
issuer = "http://127.0.0.1:9000"
client_id = "connect-cli"
[log]
auditors = ["group:security"]
[[resource]]
name = "prod-db"
engine = "postgresql"
address = "127.0.0.1:5432"
database = "shop"
user = "connect_agent"
password_env = "PROD_DB"
tls = "disable"
read = ["group:developer", "principal:li@example.com"]
write = ["group:data-oncall"]
[resource.labels]
"public.customers.note" = "clear"
"#;

fn parse(text: &str, folder: &TempDir) -> Result<Config, Vec<Problem>> {
    Config::parse(text, folder.path(), &|name| (name == "PROD_DB").then(|| "hunter2".to_owned()))
}

fn problems(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let problems = parse(text, &folder).expect_err("it is wrong");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn a_good_file_is_read_with_its_defaults() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = parse(GOOD, &folder).expect("it is good");
    assert_eq!(config.log.origin, "connect.local/demo");
    assert_eq!(config.identity.groups_claim, "groups");
    assert_eq!(config.identity.scopes, ["openid", "email", "groups", "offline_access"]);
    assert_eq!(config.grants.lifetime, Duration::from_secs(600));
    assert_eq!(config.state_dir, folder.path().join("state"), "paths start at the file");
    let resource = &config.resources[0];
    assert_eq!(resource.upstream.password.0, "hunter2");
    assert_eq!((resource.upstream.host.as_str(), resource.upstream.port), ("127.0.0.1", 5432));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn connections_are_parked_for_as_long_as_the_file_says_and_shorter_in_a_transaction() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |park: &str| parse(&GOOD.replace("[log]", &format!("{park}\n[log]")), &folder);
    let seconds = |park: &str| {
        let park = with(park).expect("it is good").park;
        (park.limit.as_secs(), park.in_transaction.as_secs())
    };
    assert_eq!(seconds(""), (900, 300));
    assert_eq!(seconds("[park]\nlimit = \"2h\""), (7200, 300));
    assert_eq!(seconds("[park]\nlimit = \"1m\""), (60, 60));
    assert_eq!(seconds("[park]\nlimit = \"0s\""), (0, 0));
    assert_eq!(seconds("[park]\nlimit = \"10m\"\nin_transaction = \"20s\""), (600, 20));
    for wrong in
        ["limit = \"25h\"", "limit = \"10\"", "limit = \"-1s\"", "in_transaction = \"16m\"", "limt = \"1m\""]
    {
        assert!(with(&format!("[park]\n{wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn the_digest_changes_with_a_value_and_not_with_a_comment() {
    let folder = tempfile::tempdir().expect("a folder");
    let digest = |text: &str| parse(text, &folder).expect("it is good").digest;
    assert_eq!(digest(GOOD), digest(&format!("# a remark\n{}", GOOD.replace(" = ", "   =  "))));
    assert_ne!(digest(GOOD), digest(&GOOD.replace("group:data-oncall", "group:everyone")));
}

#[test]
fn every_problem_is_named_at_once_with_its_line() {
    insta::assert_snapshot!(problems(r#"
[agent]
name = "Demo Agent"
listen = "localhost"
state_dri = "/var/lib/connect"
[identity]
issuer = "http://id.example.com"
client_id = ""
scopes = ["email", "two words"]
[identity.extra]
[log]
origin = "a b+c"
auditors = ["security", "group:"]
[grants]
lifetime = "2h"
[[resource]]
name = "login"
engine = "postgres"
address = "db.internal"
database = "shop"
user = 7
password_env = "NOT_SET"
tls = "prefer"
class = "prod"
read = ["group:developer", "group:developer"]
[resource.labels]
"public.customers" = "clear"
"public.customers.mail" = "pii.emial"
[[resource]]
name = "two"
engine = "postgresql"
address = "db.internal:5432"
database = "shop"
user = "connect_agent"
password_env = "PROD_DB"
tls = "disable"
[[resource]]
name = "two"
"#), @r#"
    line 2: `agent.state_dir`: is missing; for example `state_dir = "/var/lib/connect-agent"`
    line 3: `agent.name`: must be at most 63 lower-case letters, digits, `-`, `_` and `.`, and begin with a letter or a digit
    line 4: `agent.listen`: `localhost` is not an address with a port; for example `0.0.0.0:7443` or `[::]:7443`
    line 5: `agent.state_dri`: is not a key here; did you mean `state_dir`?
    line 6: `identity.scopes`: must contain `openid`: without it there is no ID token
    line 7: `identity.issuer`: plain http is for a provider on this machine only; use https
    line 8: `identity.client_id`: is empty; for example `client_id = "connect-cli"`
    line 9: `identity.scopes`: `two words` is not a scope; write one word for each
    line 10: `identity.extra`: is not a key here; known are issuer, client_id, scopes, groups_claim, ca_file
    line 12: `log.origin`: must be 1 to 200 characters without spaces and `+`; for example `connect.example.com/prod`
    line 13: `log.auditors`: `security` is not understood; write `group:NAME`, `principal:NAME-OR-ID` or `*` for everyone
    line 13: `log.auditors`: `group:` names nobody; write a name behind the colon
    line 15: `grants.lifetime`: `2h` is not a time; a grant lives between `30s` and `15m`; the usual is `10m`
    line 17: `resource[1].name`: `login` is a command of `connect`; give the resource another name
    line 18: `resource[1].engine`: `postgres` is not an engine of this agent; it knows `postgresql`
    line 19: `resource[1].address`: `db.internal` has no port; for example `db.internal:5432` or `[::1]:5432`
    line 21: `resource[1].user`: must be a text in quotes, not a number
    line 22: `resource[1].password_env`: the variable `NOT_SET` is not set in the environment of the agent
    line 23: `resource[1].tls`: `prefer` is not known here; write one of `verify-full`, `disable`
    line 24: `resource[1].class`: `prod` is not known here; did you mean `production`?
    line 25: `resource[1].read`: `group:developer` is listed twice; remove one
    line 27: `resource[1].labels."public.customers"`: `public.customers` is not `schema.table.column`, `schema.table.*` or `schema.*`
    line 28: `resource[1].labels."public.customers.mail"`: `pii.emial` for `public.customers.mail` is no label: say `clear` or one of pii.email, pii.phone, pii.name, pii.birth_date, pii.address, pii.national_id, pii.network, pii.location, pii.health, pii.free_text, financial.card, financial.iban, financial.salary, secret, confidential, unscanned
    line 29: `resource[2].read`: is missing and so is `write`: nobody could open it; for example `read = ["group:developer"]`
    line 36: `resource[2].tls`: passwords and rows would cross the network to `db.internal` in clear; only a database on this machine may be reached without TLS. Write `tls = "verify-full"`, with `ca_file` for a private authority
    line 37: `resource[3].engine`: is missing; for example `engine = "postgresql"`
    line 37: `resource[3].address`: is missing; for example `address = "db.internal:5432"`
    line 37: `resource[3].database`: is missing; for example `database = "shop"`
    line 37: `resource[3].user`: is missing; for example `user = "connect_agent"`
    line 37: `resource[3].password_file`: is missing; name a file of mode 0600 with the password, or a variable in `password_env`
    line 37: `resource[3].read`: is missing and so is `write`: nobody could open it; for example `read = ["group:developer"]`
    line 38: `resource[3].name`: `two` is already the name of the resource in line 30; give this one another
    "#);
}

#[test]
fn a_broken_file_is_answered_with_its_breaks() {
    insta::assert_snapshot!(problems("[agent]\nname = \"demo\nlisten = 127.0.0.1:7443\n[identity\n"), @r#"
    line 2: invalid basic string, expected `"`
    line 3: invalid float, expected nothing
    line 3: `agent.listen`: must be a text in quotes, not a number
    line 4: unclosed table, expected `]`
    "#);
}

#[test]
fn an_empty_file_is_answered_with_what_it_lacks() {
    insta::assert_snapshot!(problems(""), @r#"
    line 1: `agent`: is missing; add a `[agent]` section
    line 1: `identity`: is missing; add a `[identity]` section
    line 1: `resource`: is missing; add a `[[resource]]` section for each database
    "#);
}

#[test]
fn wrong_types_are_answered_with_the_right_ones() {
    insta::assert_snapshot!(problems("agent = 1\nidentity = []\nlog = \"x\"\nresource = { name = \"x\" }\n"), @r#"
    line 1: `agent`: must be a table, not a number
    line 2: `identity`: must be a table, not a list
    line 3: `log`: must be a table, not a text
    line 4: `resource`: must be a list of tables; write `[[resource]]`
    "#);
}

#[test]
fn a_password_comes_from_exactly_one_place() {
    let both = GOOD.replace("password_env =", "password_file = \"pw\"\npassword_env =");
    assert!(problems(&both).contains("keep one of them"));
    let none = GOOD.replace("password_env = \"PROD_DB\"\n", "");
    assert!(problems(&none).contains("`resource[1].password_file`: is missing"));
    let inside = GOOD.replace("password_env = \"PROD_DB\"", "password = \"hunter2\"");
    let said = problems(&inside);
    assert!(
        said.contains("did you mean `password_env`?") || said.contains("did you mean `password_file`?"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "a password must not be repeated");
}

#[test]
fn a_password_file_that_everyone_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pw");
    let text = GOOD.replace("password_env = \"PROD_DB\"", "password_file = \"pw\"");
    fs::write(&file, "correct horse\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("opened wide");
    let said = parse(&text, &folder).expect_err("everyone can read it")[0].to_string();
    assert!(said.contains("mode 0644") && said.contains("chmod 600"), "{said}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("closed");
    let config = parse(&text, &folder).expect("now it is good");
    assert_eq!(config.resources[0].upstream.password.0, "correct horse", "without its line's end");
}

#[test]
fn a_database_elsewhere_is_never_reached_in_clear() {
    let elsewhere = GOOD.replace("127.0.0.1:5432", "10.0.0.7:5432");
    assert!(problems(&elsewhere).contains("would cross the network"));
    let folder = tempfile::tempdir().expect("a folder");
    let named = GOOD.replace("127.0.0.1:5432", "localhost:5432");
    assert!(parse(&named, &folder).is_ok());
    let usual = elsewhere.replace("tls = \"disable\"\n", "");
    let config = parse(&usual, &folder).expect("verify-full is the default");
    assert!(matches!(
        config.resources[0].upstream.tls,
        crate::upstream::UpstreamTls::VerifyFull { ca_file: None }
    ));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/agent.toml")).expect_err("it is not there");
    assert!(error.to_string().contains("`/nonexistent/agent.toml` cannot be read"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,400}") {
        let folder = tempfile::tempdir().expect("a folder");
        let _ = parse(&text, &folder);
    }

    #[test]
    fn a_good_file_with_a_damaged_piece_never_panics(at in 0..GOOD.len(), noise in "[\\[\\]\"'=.#\\n{},a0 ]{0,8}") {
        let folder = tempfile::tempdir().expect("a folder");
        let _ = parse(&format!("{}{noise}{}", &GOOD[..at], &GOOD[at..]), &folder);
    }
}

/// GOOD with more lines in `[log]` and sections at the end.
fn with_log(lines: &str, sections: &str) -> String {
    format!("{}\n{sections}", GOOD.replace("[log]\n", &format!("[log]\n{lines}\n")))
}

fn witness_key() -> String {
    let key = connect_shared::proof::cosignature::CosigningKey::from_seed("witness.test/one", [1; 32]);
    key.expect("a key").witness().to_string()
}

#[test]
fn a_log_says_who_cosigns_it_and_where_its_events_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let sections = format!(
        "[[log.witness]]\nurl = \"https://witness.example.com/\"\nkey = \"{}\"\n\
         [[log.sink]]\nname = \"archive\"\nfile = \"out.jsonl\"\nformat = \"entries\"\n\
         [[log.sink]]\nname = \"collector\"\nsyslog = \"logs.example.com:6514\"\n",
        witness_key()
    );
    let config =
        parse(&with_log("require_witness = 1\nwitness_age = \"90s\"", &sections), &folder).expect("good");
    let rules = &config.log.witnesses;
    assert_eq!((rules.required, rules.age, rules.witnesses.len()), (1, Duration::from_secs(90), 1));
    let [archive, collector] = config.log.sinks.as_slice() else { panic!("two sinks") };
    assert_eq!(
        (archive.format, &archive.target),
        (SinkFormat::Entries, &SinkTarget::File(folder.path().join("out.jsonl")))
    );
    assert!(matches!(&collector.target, SinkTarget::Syslog { address, .. } if address.1 == 6514));
}

#[test]
fn what_cannot_be_meant_about_witnesses_and_sinks_is_named() {
    let key = witness_key();
    let witness = format!("[[log.witness]]\nurl = \"https://w.example.com\"\nkey = \"{key}\"\n");
    for (lines, sections, words) in [
        ("require_witness = 2", witness.as_str(), "asks for 2 witnesses, and 1 are named"),
        ("require_witness = -1", "", "must be a whole number"),
        ("witness_age = \"0s\"", "", "the usual is `5m`"),
        ("", &format!("{witness}{witness}"), "two witnesses have one name"),
        ("", &witness.replace("https", "ftp"), "must be an http or https URL"),
        ("", &witness.replace("witness.test/one+", "witness.test/two+"), "is no key of a witness"),
        ("", "[[log.sink]]\nname = \"a\"\n", "name a file, a URL in `webhook`, or an address in `syslog`"),
        ("", "[[log.sink]]\nname = \"a\"\nfile = \"x\"\nsyslog = \"h:1\"\n", "make two sinks of it"),
        ("", "[[log.sink]]\nname = \"../a\"\nfile = \"x\"\n", "lower-case letters"),
        (
            "",
            "[[log.sink]]\nname = \"a\"\nwebhook = \"http://siem.example.com\"\nsecret_env = \"PROD_DB\"\n",
            "plain http is for this machine only",
        ),
        (
            "",
            "[[log.sink]]\nname = \"a\"\nwebhook = \"https://siem.example.com\"\nsecret_env = \"PROD_DB\"\n",
            "holds no secret of 24 to 64 bytes",
        ),
    ] {
        let found = problems(&with_log(lines, sections));
        assert!(found.contains(words), "{lines} {sections}: {found}");
    }
}
