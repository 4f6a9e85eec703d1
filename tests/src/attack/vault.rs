//! The tables that attacks read, and the values in their protected columns.
//!
//! Two databases with different [`Words`] differ in every protected value and in nothing else: which are
//! NULL, which are equal, and what masks keep (a card's last four digits, a phone's and an IBAN's country)
//! is the same.

use crate::{
    agent::AgentOptions,
    postgres::{ADMINISTRATOR, AGENT_USER, Postgres, Version},
    world::World,
};

/// What protected values are made of.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    first: &'static str,
    second: &'static str,
    year: u16,
    phone: &'static str,
    account: u64,
    card: &'static str,
    national: &'static str,
    device: &'static str,
    network: &'static str,
    token: &'static str,
}

/// Words that [`crate::canary`] finds.
pub const CANARIES: Words = Words {
    first: "quorraline",
    second: "zyxwell",
    year: 1061,
    phone: "555 013",
    account: 370_400_440_500,
    card: "492977133177",
    national: "078-05-1120",
    device: "5eedc0de-5eed-4eed-8eed-",
    network: "10.83.251.",
    token: "sk_live_QZ7x9canaryTOKEN",
};

/// Others, also of other lengths.
pub const OTHERS: Words = Words {
    first: "ossifrage",
    second: "brambleworth",
    year: 1793,
    phone: "646 291",
    account: 8_209_117,
    card: "510510510510",
    national: "219/099",
    device: "7f00ba51-0c0a-4c0a-9c0a-",
    network: "172.29.14.",
    token: "sk_test_b3NzaWZyYWdl",
};

/// Tables with their columns in order.
pub const TABLES: [(&str, &str); 6] = [
    (
        "customers",
        "id, full_name, email, phone, birth_date, iban, card_number, national_id, segment, created_at",
    ),
    (
        "vault",
        "id, owner, amount, email, code, born, seen, seen_at, account, salary, device, picture, address, \
         profile, aliases, note",
    ),
    ("staff", "id, region, email, salary, born"),
    ("contact", "id, email, phone"),
    ("former_contact", "id, email, phone, fax"),
    ("api_keys", "id, customer_id, token"),
];

/// Primary keys by which tables lie on disk.
const CLUSTERED: [&str; 7] = [
    "customers_pkey",
    "vault_pkey",
    "staff_north_pkey",
    "staff_south_pkey",
    "contact_pkey",
    "former_contact_pkey",
    "api_keys_pkey",
];

const LABELS: &str = r#"
"public.vault.email" = "pii.email"
"public.vault.code" = "pii.national_id"
"public.vault.born" = "pii.birth_date"
"public.vault.seen" = "pii.birth_date"
"public.vault.seen_at" = "pii.birth_date"
"public.vault.account" = "financial.iban"
"public.vault.salary" = "financial.salary"
"public.vault.device" = "pii.national_id"
"public.vault.picture" = "pii.name"
"public.vault.address" = "pii.network"
"public.vault.profile" = "pii.name"
"public.vault.aliases" = "pii.name"
"public.vault.note" = "clear"
"public.staff.email" = "pii.email"
"public.staff.salary" = "financial.salary"
"public.staff.born" = "pii.birth_date"
"public.contact.email" = "pii.email"
"public.contact.phone" = "pii.phone"
"public.former_contact.email" = "pii.email"
"public.former_contact.phone" = "pii.phone"
"public.former_contact.fax" = "pii.phone"
"#;

/// What the account behind the agent may do at the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// It owns the tables.
    Owner,
    Superuser,
    /// It reads and writes rows of tables that are somebody else's.
    Small,
}

/// A world whose `shop` also has the vault.
///
/// # Panics
/// Something does not start.
#[must_use]
pub fn world() -> World {
    world_on(None, Account::Owner)
}

/// The same over another server, and with other rights.
///
/// # Panics
/// Something does not start.
#[must_use]
pub fn world_on(version: Option<Version>, account: Account) -> World {
    // In development one may also create what shadows names.
    let options = AgentOptions { labels: LABELS, class: "development", ..AgentOptions::default() };
    let mut world = World::start_on(version, &options);
    world.agent.stop();
    add(&world.postgres, "shop");
    fill(&world.postgres, "shop", &CANARIES);
    world.postgres.sql("shop", &rights(account));
    world.agent.restart();
    world
}

fn rights(account: Account) -> String {
    match account {
        Account::Owner => "SELECT".to_owned(),
        Account::Superuser => format!("ALTER ROLE {AGENT_USER} SUPERUSER"),
        Account::Small => format!(
            "REASSIGN OWNED BY {AGENT_USER} TO {ADMINISTRATOR};
             GRANT USAGE ON SCHEMA public TO {AGENT_USER};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {AGENT_USER};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {AGENT_USER};"
        ),
    }
}

/// The tables, in a database that has the sample.
pub fn add(postgres: &Postgres, database: &str) {
    postgres.sql(database, &format!("SET ROLE {AGENT_USER};\n{}", include_str!("vault.sql")));
}

/// The protected values. Rows keep their order.
pub fn fill(postgres: &Postgres, database: &str, words: &Words) {
    let mut script = values(words);
    for index in CLUSTERED {
        let table = index.trim_end_matches("_pkey");
        script.push_str(&format!("CLUSTER {table} USING {index};\n"));
    }
    script.push_str("VACUUM ANALYZE;");
    postgres.sql(database, &script);
}

fn values(words: &Words) -> String {
    let Words { first, second, year, phone, account, card, national, device, network, token } = words;
    // Every seventh is NULL, and neighbours are equal.
    let value = |sql: &str| format!("CASE WHEN id % 7 <> 0 THEN {} END", sql.replace("{n}", "(id - id % 2)"));
    let mail = value(&format!("'{first}' || {{n}} || '@{second}.example'"));
    let born = value(&format!("make_date({year}, 7, (1 + {{n}} % 28)::int)"));
    let number = value(&format!("'+1 {phone} ' || lpad({{n}}::text, 4, '0')"));
    let name = format!("initcap('{first}') || ' ' || initcap('{second}') || ' ' || id / 2");
    format!(
        "UPDATE customers SET full_name = {name}, email = '{first}' || id || '@{second}.example', phone = {number},
           birth_date = {born}, iban = 'DE89' || ({account} + id % 90) || '00000',
           card_number = '{card}' || lpad(id::text, 4, '0'), national_id = '{national}/' || id;
         UPDATE vault SET email = {mail}, code = {code}, born = {born}, seen = {born} + time '01:02:03',
           seen_at = {born} + time '04:05:06', account = {own_account}, salary = {salary}, device = {device},
           picture = {picture}, address = {address}, profile = {profile}, aliases = {aliases};
         UPDATE staff SET email = {mail}, salary = {own_account}, born = {born};
         UPDATE contact SET email = {mail}, phone = {number};
         UPDATE former_contact SET fax = {number};
         UPDATE api_keys SET token = '{token}' || lpad(id::text, 6, '0');\n",
        code = value(&format!("'{national}/' || {{n}}")),
        salary = value(&format!("{account}::numeric / 100 + {{n}}")),
        own_account = value(&format!("{account} + {{n}}")),
        device = value(&format!("('{device}' || lpad({{n}}::text, 12, '0'))::uuid")),
        picture = value(&format!("convert_to('{first}' || {{n}} || '{second}', 'UTF8')")),
        address = value(&format!("('{network}' || {{n}})::inet")),
        profile = value(&format!("jsonb_build_object('name', {name}, 'likes', '{second}')")),
        aliases = value(&format!("ARRAY[{name}, '{first}']")),
    )
}
