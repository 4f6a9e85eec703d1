//! What `check` says about configurations that are wrong.

mod console;
mod log;

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
    assert_eq!(config.identity.max_token_age, Duration::from_secs(24 * 60 * 60));
    assert_eq!(config.state_dir, folder.path().join("state"), "paths start at the file");
    let resource = &config.resources[0];
    assert_eq!(resource.upstream.password.0, "hunter2");
    assert_eq!((resource.upstream.host.as_str(), resource.upstream.port), ("127.0.0.1", 5432));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn no_token_is_taken_for_longer_than_what_was_revoked_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |age: &str| GOOD.replace("[identity]\n", &format!("[identity]\nmax_token_age = \"{age}\"\n"));
    let config = parse(&with("1h"), &folder).expect("it is good");
    assert_eq!(config.identity.max_token_age, Duration::from_secs(60 * 60));
    for wrong in ["25h", "1s", "0s", "long"] {
        let said = problems(&with(wrong));
        assert!(said.contains("identity.max_token_age") && said.contains("`5m` to `24h`"), "{said}");
    }
}

#[test]
fn what_ai_agents_may_take_is_limited_whether_the_file_says_so_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let usual = parse(GOOD, &folder).expect("it is good").budget;
    assert!(usual.hour.rows > 0 && usual.hour.rows < usual.day.rows);
    let said = format!("{GOOD}\n[budget.hour]\nrows = 7\n");
    let budget = parse(&said, &folder).expect("it is good").budget;
    assert_eq!((budget.hour.rows, budget.hour.bytes, budget.day), (7, usual.hour.bytes, usual.day));
    let wrong = problems(&format!("{GOOD}\n[budget.hour]\nrows = -1\ncolumns = 3\n[budget.week]\n"));
    let many = problems(&format!("{GOOD}\n[budget.day]\npersons = 1000001\n"));
    assert!(many.contains("budget.day.persons") && many.contains("at most 1000000"), "{many}");
    for key in ["budget.hour.rows", "columns", "week"] {
        assert!(wrong.contains(key), "{wrong}");
    }
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
    line 10: `identity.extra`: is not a key here; known are other, issuer, client_id, scopes, groups_claim, max_token_age, ca_file
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
fn several_hosts_what_is_asked_of_them_and_their_time_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let several =
        "\"127.0.0.1:5432, [::1]:5433\"\ntarget_session_attrs = \"read-write\"\nconnect_timeout = \"3s\"";
    let text = GOOD.replace("\"127.0.0.1:5432\"", several);
    let upstream = Arc::clone(&parse(&text, &folder).expect("it is good").resources[0].upstream);
    assert_eq!(upstream.listed(), "127.0.0.1:5432,::1:5433");
    assert_eq!(upstream.way.attributes, crate::upstream::SessionAttributes::ReadWrite);
    assert_eq!(upstream.way.connect_time, Duration::from_secs(3));
    for (wrong, said) in [
        ("127.0.0.1:5432,", "has no port"),
        ("127.0.0.1:5432,db.internal:5432", "would cross the network to `db.internal`"),
    ] {
        let text = GOOD.replace("127.0.0.1:5432", wrong);
        assert!(problems(&text).contains(said), "{wrong}: {}", problems(&text));
    }
    let attributes = GOOD.replace("tls =", "target_session_attrs = \"read-wrote\"\ntls =");
    assert!(problems(&attributes).contains("did you mean `read-write`?"));
    for time in ["0s", "3m", "1h", "soon"] {
        let text = GOOD.replace("tls =", &format!("connect_timeout = \"{time}\"\ntls ="));
        assert!(problems(&text).contains("between `1s` and `2m`"), "{time}");
    }
}

#[test]
fn a_certificate_of_the_agents_own_needs_its_key_and_tls_and_no_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    fs::write(folder.path().join("own.pem"), params.self_signed(&key).expect("one").pem()).expect("written");
    fs::write(folder.path().join("own.key"), key.serialize_pem()).expect("written");
    let close = |mode| {
        fs::set_permissions(folder.path().join("own.key"), fs::Permissions::from_mode(mode)).expect("ours");
    };
    let own = "client_certificate_file = \"own.pem\"\nclient_key_file = \"own.key\"";
    let text = GOOD.replace("tls = \"disable\"", own).replace("password_env = \"PROD_DB\"\n", "");
    let said = |text: &str| {
        let problems = parse(text, &folder).expect_err("it is wrong");
        problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    close(0o644);
    assert!(said(&text).contains("chmod 600"));
    close(0o600);
    let upstream = Arc::clone(&parse(&text, &folder).expect("it is good").resources[0].upstream);
    assert!(upstream.way.certificate.is_some() && upstream.password.0.is_empty());
    assert!(said(&text.replace("client_key_file = \"own.key\"", "")).contains("go together"));
    assert!(
        said(&text.replace(own, &format!("{own}\ntls = \"disable\""))).contains("proves nothing without TLS")
    );
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

fn with_clear(lines: &str) -> String {
    format!("{GOOD}\n[[resource.clear]]\n{lines}\n")
}

#[test]
fn who_sees_what_in_clear_is_read_and_what_means_nothing_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let text = with_clear("who = [\"group:support\"]\nlabels = [\"pii.email\"]\ncolumns = [\"a.b.c\"]");
    let config = parse(&text, &folder).expect("a good file");
    let rule = config.resources.last().and_then(|resource| resource.clear.first()).expect("a rule");
    assert_eq!(rule.shown.labels, [connect_shared::label::Label::Email].into());
    assert_eq!(rule.shown.columns, ["a.b.c".to_owned()].into());
    for (lines, said) in [
        ("labels = [\"pii.email\"]", "is missing; for example `who"),
        ("who = []\nlabels = [\"pii.email\"]", "is missing; for example `who"),
        ("who = [\"group:support\"]", "is missing and so is `columns`"),
        ("who = [\"*\"]\nlabels = [\"pii.emial\"]", "did you mean `pii.email`"),
        ("who = [\"*\"]\nlabels = [\"unscanned\"]", "label the column first"),
        ("who = [\"*\"]\ncolumns = [\"a.*\"]", "is not `schema.table.column`"),
    ] {
        let found = problems(&with_clear(lines));
        assert!(found.contains(said), "{lines}: {found}");
    }
}

#[test]
fn rows_that_are_hidden_are_read_and_a_condition_that_is_none_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let with_rows = |lines: &str| format!("{GOOD}\n[[resource.rows]]\n{lines}\n");
    let good = "table = \"public.customers\"\nhide = \"country = 'DE'\"\nclear_for = [\"group:eu\"]";
    let config = parse(&with_rows(good), &folder).expect("a good file");
    let rule = config.resources.last().and_then(|resource| resource.rows.first()).expect("a rule");
    assert_eq!((rule.hidden.table.as_str(), &*rule.hidden.when), ("public.customers", "country = 'DE'"));
    for (lines, said) in [
        ("hide = \"vip\"", "is missing"),
        ("table = \"public.customers\"", "is missing"),
        ("table = \"customers\"\nhide = \"vip\"", "is not `schema.table`"),
        ("table = \"a.*\"\nhide = \"vip\"", "is not `schema.table`"),
        ("table = \"a.b\"\nhide = \"lower(c) = 'x'\"", "it may compare columns with constants"),
        ("table = \"a.b\"\nhide = \"c =\"", "is no condition"),
        ("table = \"a.b\"\nhide = \"c\"\nclear_for = [\"eu\"]", "is not understood"),
        ("table = \"a.b\"\nhide = \"c\"\nmask = \"neutral\"", "mask"),
    ] {
        let found = problems(&with_rows(lines));
        assert!(found.contains(said), "{lines}: {found}");
    }
}

#[test]
fn roles_and_tags_are_read_and_what_is_wrong_with_them_has_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = GOOD.replace(
        "[resource.labels]",
        "tags = [\"principal\", \"statement\"]\n[[resource.role]]\nrole = \"Analyst one\"\nwho = [\"*\"]\n[resource.labels]",
    );
    let config = parse(&good, &folder).expect("it is good");
    let names: Vec<&str> = config.resources[0].roles.names().map(|name| &**name).collect();
    assert_eq!((names, config.resources[0].tags.len()), (vec!["Analyst one"], 2));
    let long = "x".repeat(64);
    let bad = GOOD.replace(
        "[resource.labels]",
        &format!(
            "tags = [\"principle\"]\n[[resource.role]]\nrole = \"\"\nwho = [\"*\"]\n[[resource.role]]\nrole = \"public\"\n\
             [[resource.role]]\nrole = \"{long}\"\nwho = [\"everyone\"]\n[[resource.role]]\nwho = [\"*\"]\n[resource.labels]"
        ),
    );
    insta::assert_snapshot!(problems(&bad), @r#"
    line 21: `resource[1].tags`: `principle` is not known here; did you mean `principal`?
    line 23: `resource[1].role[1].role`: is empty; for example `role = "analyst"`
    line 25: `resource[1].role[2].who`: is missing; for example `who = ["group:analysts"]`, or `["*"]` for everyone
    line 26: `resource[1].role[2].role`: `public` is everybody and no role
    line 28: `resource[1].role[3].role`: a role's name has 63 bytes at most
    line 29: `resource[1].role[3].who`: `everyone` is not understood; write `group:NAME`, `principal:NAME-OR-ID` or `*` for everyone
    line 30: `resource[1].role[4].role`: is missing; for example `role = "analyst"`
    "#);
}

#[test]
fn what_must_never_leave_is_read_and_what_cannot_be_looked_for_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("canary"), "4929771331770046\n").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.path().join("canary"), mode).expect("private");
    let with = |lines: &str| format!("{GOOD}\n{lines}\n");
    let good = with(
        "[[resource.canary]]\nname = \"customer zero\"\nvalue = \"zero@customers.example\"\n\
         [[resource.canary]]\nname = \"card\"\nvalue_file = \"canary\"",
    );
    let config = parse(&good, &folder).expect("it is good");
    let canaries = config.resources.last().and_then(|resource| resource.canaries.clone()).expect("two");
    let name = |text: &str| canaries.find(text.as_bytes()).map(|sighting| sighting.canary.to_string());
    assert_eq!(name("a row of zero@customers.example"), Some("customer zero".to_owned()));
    assert_eq!(name("4929771331770046"), Some("card".to_owned()));
    assert!(!format!("{config:?}").contains("4929771331770046"));
    for (lines, said) in [
        ("name = \"n\"", "`resource[1].canary[1].value_file`: is missing"),
        ("value = \"zero@customers.example\"", "canary[1].name`: is missing"),
        ("name = \"n\"\nvalue = \"zero\"", "canary[1].value`: must have between 8 and 256 bytes"),
        ("name = \"n\"\nvalue = \"with a \\\"quote\"", "without quotes and backslashes"),
        ("name = \"n\"\nvalue = \"zero@customers\"\nvalue_env = \"X\"", "keep one of them"),
    ] {
        let found = problems(&with(&format!("[[resource.canary]]\n{lines}")));
        assert!(found.contains(said), "{lines}: {found}");
    }
    let twice = "[[resource.canary]]\nname = \"n\"\nvalue = \"zero@customers\"\n".repeat(2);
    assert!(problems(&with(&twice)).contains("the name of two values"));
}

#[test]
fn a_store_is_reached_as_the_file_says_and_its_secrets_are_in_files_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("password", "word"), ("key", &*"7a".repeat(32)), ("short", "7a")] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    }
    let store =
        |lines: &str| parse(&format!("{GOOD}\n[store]\n{lines}\n"), &folder).map(|config| config.store);
    assert!(parse(GOOD, &folder).expect("good").store.is_none(), "what must survive is in the state folder");
    let lines = "url = \"postgresql://me@db.internal,other.internal:6432/connect\"\npassword_file = \"password\"\n\
        key_file = \"key\"";
    let read = store(lines).expect("good").expect("a store");
    assert_eq!(
        (read.listed(), read.lease),
        ("db.internal,other.internal".to_owned(), Duration::from_secs(300))
    );
    assert!(matches!(read.tls, crate::upstream::UpstreamTls::VerifyFull { ca_file: None }));
    assert_eq!(read.way.get_password(), Some(&b"word"[..]));
    let shown = format!("{read:?}");
    assert!(!shown.contains("word\"") && !shown.contains("7a7a"), "{shown}");
    for (wrong, says) in [
        (lines.replace("key_file = \"key\"", ""), "store.key_file"),
        (lines.replace("\"key\"", "\"short\""), "openssl rand -hex 32"),
        (lines.replace("me@", "me:secret@"), "password_file"),
        (lines.replace("/connect\"", "/connect?sslmode=disable\""), "keys of their own"),
        (lines.replace("me@", ""), "must name a user"),
        (lines.replace("postgresql:", "mysql:"), "no URL"),
        (format!("{lines}\ntls = \"disable\""), "in clear"),
        (format!("{lines}\nlease = \"1s\""), "too short"),
        (format!("{lines}\nleese = \"1m\""), "leese"),
    ] {
        let problems = store(&wrong).map(|_| ()).expect_err(&wrong);
        let said: String = problems.iter().map(ToString::to_string).collect();
        assert!(said.contains(says) && !said.contains("secret"), "{wrong}: {said}");
    }
}
