//! Whom the configuration or a policy shows a label or a column sees it in clear, each time with a record;
//! nobody else does.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    process::{Process, Signal},
    tunnel::Tunnel,
    world::World,
};
use serde_json::Value;

use crate::policies;

const RULES: &str = r#"
[[resource.clear]]
who = ["group:data-oncall"]
labels = ["pii.email"]
columns = ["public.customers.phone"]
"#;

const EVERYTHING: &str = "SELECT email, phone, full_name, iban FROM customers ORDER BY id LIMIT 1";

fn world() -> World {
    World::start_with(&AgentOptions { clear: RULES, ..AgentOptions::default() })
}

/// The first row, straight from the server.
fn stored(world: &World) -> Vec<String> {
    world.postgres.sql("shop", EVERYTHING).trim().split('|').map(str::to_owned).collect()
}

fn row(tunnel: &Tunnel, sql: &str) -> Vec<String> {
    let answer = tunnel.psql(&format!("{sql};"));
    assert_eq!(answer.stderr, "", "{sql}");
    answer.stdout.trim().split('|').map(str::to_owned).collect()
}

/// How many columns are masked in a session for this reason, as it says at its beginning.
fn masked(person: &Person, reason: &str) -> u64 {
    let mut open = Process::start(
        "connect open",
        &mut person.connect(&["open", SHOP, "--port", "auto", "--reason", reason]),
    );
    let number = open.wait_for("the number of masked columns", |line| {
        line.split_once(" columns masked")?.0.rsplit(' ').next()?.trim().parse().ok()
    });
    open.signal(Signal::TERM);
    open.wait_for_end();
    number
}

#[test]
fn who_may_see_a_label_sees_it_wherever_it_comes_from_and_everything_else_masked() {
    let world = world();
    let [email, phone, name, iban] = stored(&world).try_into().expect("four values");
    let li = world.person("li").open(SHOP);
    let shown = row(&li, EVERYTHING);
    assert_eq!(shown[..2], [email.clone(), phone.clone()]);
    assert!(shown[2] != name && shown[3] != iban, "{shown:?}");
    // Through a view, computed, compared, and beside a mask that the server computes.
    let computed = "SELECT upper(m.email), c.phone || '', upper(c.full_name) FROM customer_mail m \
                    JOIN customers c USING (id) WHERE m.email LIKE '%@%' ORDER BY id LIMIT 1";
    let shown = row(&li, computed);
    assert_eq!(shown[..2], [email.to_uppercase(), phone.clone()]);
    assert_ne!(shown[2], name.to_uppercase());
    let like = format!("SELECT count(*) FROM customers WHERE email LIKE '{}%'", &email[..4]);
    assert_ne!(row(&li, &like), ["0"]);
    // Copies go where they may: what is written is not masked.
    assert_eq!(
        row(&li, "INSERT INTO scratch SELECT 900, email FROM customers WHERE id = 1 RETURNING id"),
        ["900"]
    );
}

#[test]
fn nobody_else_sees_more_and_a_program_that_acts_for_somebody_does_not() {
    let world = world();
    let clear = stored(&world);
    let ana = world.person("ana").open(SHOP);
    let shown = row(&ana, EVERYTHING);
    assert!(shown.iter().zip(&clear).all(|(shown, clear)| shown != clear), "{shown:?}");
    // The same person, through a program that acts for them.
    let li = world.person("li");
    let explained = li.runs(&["--json", "explain", SHOP, "--actor", "assistant", EVERYTHING]);
    let explained: Value = serde_json::from_str(&explained.stdout).expect("an explanation");
    let statement = &explained["statements"][0];
    assert_eq!(statement["masks"].as_array().map(Vec::len), Some(4), "{statement}");
    assert!(statement.get("clear").is_none(), "{statement}");
}

#[test]
fn what_was_seen_in_clear_is_in_the_record_and_in_the_explanation() {
    let mut world = world();
    let li = world.person("li");
    let page = li.runs(&["explain", SHOP, EVERYTHING]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    for line in ["in clear", "public.customers.email (pii.email)", "public.customers.phone (pii.phone)"] {
        assert!(page.stdout.contains(line), "{line} is not in\n{}", page.stdout);
    }
    let tunnel = li.open(SHOP);
    let _shown = row(&tunnel, "SELECT count(DISTINCT email), min(phone) FROM customers");
    drop(tunnel);
    // What is published late is published at the end.
    world.agent.stop();
    let entries = leaves::read(&world.agent.log());
    let shown = leaves::of_kind(&entries, "intent").into_iter().flat_map(|entry| {
        let obligations = entry["decision"]["outcome"]["permit"].as_array().cloned().unwrap_or_default();
        obligations
            .into_iter()
            .filter_map(|obligation| obligation["show"]["column"].as_str().map(str::to_owned))
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    assert_eq!(shown, ["public.customers.email", "public.customers.phone"]);
}

const SIGHT: &str = "
@id(\"oncall-sees-mail\") @unmask
permit (principal in Group::\"data-oncall\", action == Action::\"read\", resource is Column)
when { resource.label == \"pii.email\" && context.verb == \"select\" };
@id(\"tickets-see-names\") @unmask
permit (principal in Group::\"data-oncall\", action == Action::\"read\", resource == Column::\"shop-db/public.customers.full_name\")
when { context has purpose && context.purpose like \"ticket *\" };
@id(\"nobody-sees-accounts\") @mask(\"neutral\")
permit (principal, action == Action::\"read\", resource == Column::\"shop-db/public.customers.iban\");
";

#[test]
fn a_policy_shows_a_column_to_some_and_hides_one_from_all() {
    let mut world = policies::world_with("", SIGHT);
    let [email, phone, _, iban] = stored(&world).try_into().expect("four values");
    let li = world.person("li");
    let explained = li.runs(&["explain", SHOP, EVERYTHING]).good();
    assert!(explained.contains("public.customers.email (pii.email)"), "{explained}");
    // How many are masked is said of the session that one gets, with its reason.
    let (without, with) = (masked(&li, "curious"), masked(&li, "ticket 12"));
    assert_eq!(without, with + 1);
    let tunnel = li.open(SHOP);
    let shown = row(&tunnel, EVERYTHING);
    assert!(shown[0] == email && shown[1] != phone, "{shown:?}");
    let neutral = &shown[3];
    assert!(!neutral.contains(&iban[..4]), "{shown:?}");
    let computed = "SELECT upper(email), upper(iban), (SELECT count(DISTINCT iban) FROM customers) \
                    FROM customers WHERE email LIKE '%@%' ORDER BY id LIMIT 1";
    assert_eq!(row(&tunnel, computed), [email.to_uppercase(), neutral.to_uppercase(), "1".to_owned()]);
    // What the policy says of a SELECT it does not say of other statements.
    for other in [
        "INSERT INTO scratch SELECT 900, email FROM customers",
        "COPY (SELECT email FROM customers) TO STDOUT",
    ] {
        let answer = tunnel.psql(&format!("{other};"));
        assert!(answer.stderr.contains("may not be shown by this statement"), "{other}: {}", answer.stderr);
        assert!(!answer.stdout.contains(&email), "{other}");
    }
    // Nobody else, and no program that acts for somebody.
    let shown = row(&world.person("ana").open(SHOP), EVERYTHING);
    assert!(shown[0] != email && shown[3] == *neutral, "{shown:?}");
    let explained = li.runs(&["--json", "explain", SHOP, "--actor", "assistant", EVERYTHING]);
    let explained: Value = serde_json::from_str(&explained.stdout).expect("an explanation");
    assert_eq!(explained["statements"][0]["masks"].as_array().map(Vec::len), Some(4), "{explained}");
    drop(tunnel);
    world.agent.stop();
    let entries = leaves::read(&world.agent.log());
    let shows = |entry: &&&Value| {
        entry["decision"].to_string().contains("{\"show\":{\"column\":\"public.customers.email\"")
    };
    assert_eq!(leaves::of_kind(&entries, "intent").iter().filter(shows).count(), 2);
}

#[test]
fn what_a_policy_does_not_show_any_more_no_open_connection_shows_either() {
    let world = policies::world_with("", &SIGHT.replace(" && context.verb == \"select\"", ""));
    let email = stored(&world).remove(0);
    let tunnel = world.person("li").open(SHOP);
    let mut client = tunnel.client("psql");
    client.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut client);
    psql.say("PREPARE mail AS SELECT 'prepared', email FROM customers ORDER BY id LIMIT 1;\nEXECUTE mail;\n");
    psql.wait_for_line(&format!("prepared|{email}"));
    psql.say("BEGIN;\nDECLARE mails CURSOR FOR SELECT 'fetched', email FROM customers ORDER BY id;\nFETCH 1 FROM mails;\n");
    psql.wait_for_line(&format!("fetched|{email}"));
    policies::write(&world, "");
    world.agent.process().wait_for_line("another policy set decides");
    let before = psql.transcript().len();
    for statement in ["FETCH 1 FROM mails", "ROLLBACK; EXECUTE mail", "SELECT min(email) FROM customers"] {
        psql.say(&format!("{statement};\n"));
    }
    psql.say("SELECT 'orders', count(*) FROM orders;\n");
    psql.wait_for_line("orders|2000");
    psql.say("\\q\n");
    psql.wait_for_end();
    let after = psql.transcript().split_off(before);
    assert!(!after.contains('@'), "{after}");
    assert_eq!(after.matches("may not be shown by this statement, or not any more").count(), 3, "{after}");
    assert_ne!(row(&tunnel, EVERYTHING)[0], email, "a connection that is opened now");
}

/// Each gives the address of the first customer, if it is shown at all.
const WAYS: [&str; 17] = [
    "TABLE customers",
    "COPY customers TO STDOUT",
    "COPY customers (email) TO STDOUT",
    "COPY (SELECT email FROM customers) TO STDOUT",
    "SELECT c FROM customers c",
    "SELECT row_to_json(c) FROM customers c",
    "SELECT (c).email FROM customers c",
    "SELECT email FROM customer_mail",
    "SELECT m.email FROM customer_mail m JOIN customers c USING (email)",
    "SELECT string_agg(email, ',') FROM customers",
    "WITH w AS MATERIALIZED (SELECT email FROM customers) SELECT * FROM w",
    "UPDATE customers SET segment = segment WHERE id = 1 RETURNING email",
    "SELECT mail_of(1)",
    "SELECT mail_by(1)",
    "SELECT * FROM mails()",
    "SELECT mail_at(1)",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers WHERE id = 1); END $$",
];

/// Shown everything, so that nothing is denied for what else it could read.
const ALL: &str = "@id(\"all\") @unmask
permit (principal in Group::\"data-oncall\", action == Action::\"read\", resource is Column);";

#[test]
fn no_way_to_a_column_goes_past_what_policies_say_now() {
    goes_past(&SIGHT.replace(" && context.verb == \"select\"", ""), 9);
    goes_past(ALL, 12);
}

/// `at_least`: so many ways show it as long as the policies do.
fn goes_past(policies: &str, at_least: usize) {
    let world = policies::world_with("", policies);
    world.postgres.sql(
        "shop",
        "CREATE FUNCTION mail_of(bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM public.customers WHERE id = $1';
         CREATE FUNCTION mail_by(n bigint) RETURNS text LANGUAGE plpgsql STABLE AS
           'BEGIN RETURN (SELECT email FROM public.customers WHERE id = n); END';
         CREATE FUNCTION mail_at(n bigint) RETURNS text LANGUAGE plpgsql STABLE AS
           'DECLARE m text; BEGIN EXECUTE ''SELECT email FROM public.customers WHERE id = $1'' INTO m USING n; RETURN m; END';
         CREATE FUNCTION mails() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT email FROM public.customers'",
    );
    let email = stored(&world).remove(0);
    let tunnel = world.person("li").open(SHOP);
    let mut client = tunnel.client("psql");
    client.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut client);
    let mut ask = |statement: &str, number: usize| {
        let before = psql.transcript().len();
        psql.say(&format!("{statement};\n\\warn said {number}\n\\echo gave {number}\n"));
        psql.wait_for_line(&format!("said {number}"));
        psql.wait_for_line(&format!("gave {number}"));
        psql.transcript().split_off(before)
    };
    let shows = |answer: &str| answer.contains(&email);
    let shown: Vec<bool> = (1..).zip(WAYS).map(|(number, way)| shows(&ask(way, number))).collect();
    assert!(shown.iter().filter(|shown| **shown).count() >= at_least, "{shown:?}");
    policies::write(&world, "");
    world.agent.process().wait_for_line("another policy set decides");
    for (number, way) in (101..).zip(WAYS) {
        let answer = ask(way, number);
        assert!(!shows(&answer), "{way}");
        assert!(answer.contains("ERROR"), "{way}: {}", &answer[..answer.len().min(300)]);
    }
}
