//! Masks that come back: whoever reads a masked row and saves it as it was shown must not destroy what is stored.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    tunnel::Tunnel,
    wire::{self, Answer, Mode, Wire},
    world::World,
};

/// A table like those that programs save whole rows of.
const CONTACTS: &str = "CREATE TABLE contacts (id int PRIMARY KEY, email text, phone text, full_name text, iban text, \
     card_number text, national_id text, note varchar(20)); \
     INSERT INTO contacts SELECT id, email, phone, full_name, iban, card_number, national_id, 'n' FROM customers \
     WHERE id <= 20; CREATE VIEW contact_mail AS SELECT id, email FROM contacts; GRANT ALL ON contacts, contact_mail TO PUBLIC";

const COLUMNS: [&str; 5] = ["email", "phone", "full_name", "card_number", "national_id"];

const SEES_CLEAR: &str = r#"
[[resource.clear]]
who = ["group:data-oncall"]
columns = ["public.contacts.iban"]
"#;

fn world(options: &AgentOptions) -> World {
    let mut world = World::start_with(options);
    world.agent.stop();
    world.postgres.sql("shop", CONTACTS);
    world.agent.restart();
    world
}

fn stored(world: &World) -> String {
    world.postgres.sql("shop", "SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM contacts c")
}

/// The masks of the first contact, as a person sees them.
fn masks(tunnel: &Tunnel) -> Vec<String> {
    let shown = tunnel.psql(&format!("SELECT {} FROM contacts WHERE id = 1;", COLUMNS.join(", ")));
    assert_eq!(shown.stderr, "");
    shown.stdout.trim().split('|').map(str::to_owned).collect()
}

#[track_caller]
fn is_refused(answer: &Answer, column: &str) {
    let error = answer.error().map(wire::Message::text).unwrap_or_default();
    assert_eq!(answer.sqlstate().as_deref(), Some("42501"), "{error}");
    assert!(error.contains("masked_value") && error.contains(&format!("contacts.{column}")), "{error}");
}

#[test]
fn what_was_shown_in_place_of_a_value_cannot_be_written_over_it() {
    let mut world = world(&AgentOptions { clear: SEES_CLEAR, ..AgentOptions::default() });
    let tunnel = world.person("li").open(SHOP);
    let masks = masks(&tunnel);
    let before = stored(&world);
    let mut wire = Wire::open(tunnel.port(), "li", "shop").expect("a connection");
    let mut refused = 0;
    for (column, mask) in COLUMNS.iter().zip(&masks) {
        // As a literal, in each way that a statement can be sent.
        for mode in Mode::ALL {
            is_refused(
                &wire.ask(mode, &format!("UPDATE contacts SET {column} = '{mask}' WHERE id = 1")),
                column,
            );
        }
        is_refused(
            &wire.ask(Mode::Simple, &format!("INSERT INTO contacts (id, {column}) VALUES (900, '{mask}')")),
            column,
        );
        // As a parameter.
        let update = format!("UPDATE contacts SET {column} = $1 WHERE id = 1");
        let bound = [
            wire::parse("", &update),
            wire::bind_to("", "", &[Some(mask)]),
            wire::execute("", 0),
            wire::sync(),
        ];
        is_refused(&wire.send(&bound.concat(), 1), column);
        // As an argument of EXECUTE.
        wire.ask(Mode::Simple, &format!("PREPARE w_{column} AS {update}"));
        is_refused(&wire.ask(Mode::Simple, &format!("EXECUTE w_{column} ('{mask}')")), column);
        // In a COPY, in which data comes as it comes.
        for end in ["\n", ""] {
            wire.gives_up_copies = false;
            let data = format!("901\tx\n902\t{mask}{end}");
            let (first, rest) = data.split_at(12);
            let copy = [
                wire::query(&format!("COPY contacts (id, {column}) FROM STDIN")),
                wire::framed(b'd', first.as_bytes()),
                wire::framed(b'd', rest.as_bytes()),
                wire::framed(b'c', b""),
            ];
            is_refused(&wire.send(&copy.concat(), 1), column);
            wire.gives_up_copies = true;
        }
        refused += 1;
    }
    // Through a view.
    let by_view =
        wire.ask(Mode::Text, &format!("UPDATE contact_mail SET email = '{}' WHERE id = 1", masks[0]));
    assert_eq!(
        by_view.sqlstate().as_deref(),
        Some("42501"),
        "{:?}",
        by_view.error().map(wire::Message::text)
    );
    // As programs that map objects to rows save them: everything, by one statement.
    let all: Vec<String> =
        COLUMNS.iter().zip(&masks).map(|(column, mask)| format!("{column} = '{mask}'")).collect();
    let whole = format!("UPDATE contacts SET note = 'changed', {} WHERE id = 1", all.join(", "));
    is_refused(&wire.ask(Mode::Simple, &whole), "email");
    assert_eq!(stored(&world), before, "nothing of it is written");

    // A real value, and what leaves these columns alone, are written.
    for written in [
        "UPDATE contacts SET note = 'changed' WHERE id = 1",
        "UPDATE contacts SET email = 'new@customers.example' WHERE id = 1",
        "UPDATE contacts SET phone = '+49 30 1234567', full_name = 'Ida Anders' WHERE id = 2",
    ] {
        let answer = wire.ask(Mode::Simple, written);
        assert!(answer.error().is_none(), "{written}: {:?}", answer.error().map(wire::Message::text));
    }
    assert_ne!(stored(&world), before);
    // Whoever sees the column in clear writes there what they like.
    let clear = wire.ask(Mode::Simple, "UPDATE contacts SET iban = 'DE00ABCDEFGHIJ0123456789' WHERE id = 3");
    assert!(clear.error().is_none(), "{:?}", clear.error().map(wire::Message::text));
    drop(tunnel);

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let denials = leaves::of_kind(&leaves, "denial");
    let of_masks =
        denials.iter().filter(|leaf| leaf["decision"]["reasons"][0]["code"] == "masked_value").count();
    assert!(of_masks >= refused * 9, "{of_masks}");
    let outcomes = leaves::of_kind(&leaves, "outcome");
    let cut = outcomes.iter().filter(|leaf| leaf["result"]["cut"] == "masked_value").count();
    assert_eq!(cut, refused * 2, "each COPY");
    // A mask is no secret, and yet no literal is in the log.
    assert!(!serde_json::to_string(&leaves).expect("JSON").contains(&masks[0]));
}

#[test]
fn a_mask_is_known_after_a_restart_and_from_whoever_brings_it_back() {
    let mut world = world(&AgentOptions::default());
    let masks = masks(&world.person("li").open(SHOP));
    world.agent.stop();
    world.agent.restart();
    let before = stored(&world);
    let ana = world.person("ana").open(SHOP);
    let update = ana.psql(&format!("UPDATE contacts SET full_name = '{}' WHERE id = 1;", masks[2]));
    assert!(update.stderr.contains("Leave `full_name` out"), "{update:?}");
    assert_eq!(stored(&world), before, "also of somebody else's, and without a memory of what was given out");
}
