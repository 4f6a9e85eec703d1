//! COPY to the client: values that show by themselves what they are come out as they do in a SELECT, in each format.

use connect_tests::{
    agent::SHOP,
    tunnel::Tunnel,
    wire::{Mode, Wire},
    world::World,
};

/// Written long after the column was found harmless by name and sample.
const WRITTEN: &str =
    "UPDATE scratch SET note = CASE id WHEN 3 THEN E'write to \"Anna\",\\tanna.schmidt@web.de'
    WHEN 4 THEN '4111 1111 1111 1111' WHEN 5 THEN 'sk_' || 'live_' || repeat('a', 24) ELSE note END";

const CLEAR: [&str; 3] = ["anna.schmidt", "4111 1111", "live_aaaa"];

fn ways() -> (World, Tunnel) {
    let world = World::start();
    let tunnel = world.person("li").open(SHOP);
    // It has been looked at, and is no secret.
    assert_eq!(tunnel.psql("SELECT note FROM scratch WHERE id = 6;\n").good().trim(), "n6");
    world.postgres.sql("shop", WRITTEN);
    (world, tunnel)
}

const ROWS: &str = "SELECT id, note FROM scratch WHERE id < 7 ORDER BY id";

#[test]
fn a_copy_hides_what_a_select_hides() {
    let (_world, tunnel) = ways();
    let selected = tunnel.psql(&format!("{ROWS};\n")).good();
    assert!(selected.contains("[free text]") && selected.contains("n6"), "{selected}");
    for (options, delimiter) in [
        ("", "\t"),
        ("(DELIMITER '-')", "-"),
        ("(FORMAT csv)", ","),
        ("(FORMAT csv, QUOTE '''', ESCAPE 'e', DELIMITER ';', FORCE_QUOTE *)", ";"),
        ("(FORMAT csv, HEADER, NULL '[null]')", ","),
    ] {
        let copied = tunnel.psql(&format!("COPY ({ROWS}) TO STDOUT {options};\n")).good();
        for clear in CLEAR {
            assert!(!copied.contains(clear), "{options}: {copied}");
        }
        // `e` may stand before each `e`.
        let hidden = ["[secret]", "[seecreet]"].iter().any(|mask| copied.contains(mask));
        assert!(hidden && copied.contains(delimiter), "{options}: {copied}");
        assert!(copied.contains("n6"), "{options}: {copied}");
    }
    let whole = tunnel.psql("COPY scratch (id, note) TO STDOUT;\n").good();
    assert!(whole.contains("3\t[free text]\n") && !whole.contains("anna"), "{whole}");
}

#[test]
fn a_copy_in_binary_hides_it_in_every_mode() {
    let (_world, tunnel) = ways();
    let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
    for mode in [Mode::Simple, Mode::Text, Mode::Binary, Mode::PreparedTwice, Mode::Pipeline] {
        let answer = wire.ask(mode, &format!("COPY ({ROWS}) TO STDOUT (FORMAT binary)"));
        let bytes = answer.bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("\u{b}[free text]") && text.contains("n6"), "{mode:?}: {text}");
        assert!(CLEAR.iter().all(|clear| !text.contains(clear)), "{mode:?}: {text}");
    }
}

#[test]
fn a_value_of_twenty_megabytes_is_masked_as_a_whole_in_rows_and_copies() {
    let (world, tunnel) = ways();
    let long = "UPDATE scratch SET note = repeat('nothing ', 2621440) || 'anna.schmidt@web.de' WHERE id = 2";
    world.postgres.sql("shop", long);
    for sql in
        ["SELECT note FROM scratch WHERE id = 2", "COPY (SELECT note FROM scratch WHERE id = 2) TO STDOUT"]
    {
        assert_eq!(tunnel.psql(&format!("{sql};\n")).good().trim(), "[free text]", "{sql}");
    }
}

#[test]
fn a_row_that_is_too_long_to_be_kept_is_crossed_out_where_it_shows_what_it_is() {
    let (world, tunnel) = ways();
    let long = "UPDATE scratch SET note = repeat('nothing ', 9000000) || 'anna.schmidt@web.de' WHERE id = 2";
    world.postgres.sql("shop", long);
    let wanted = 72_000_000 + "anna.schmidt@web.de".len();
    for sql in
        ["SELECT note FROM scratch WHERE id = 2", "COPY (SELECT note FROM scratch WHERE id = 2) TO STDOUT"]
    {
        let answer = tunnel.psql(&format!("{sql};\n")).good();
        let shown = answer.trim_end_matches('\n');
        assert_eq!(shown.len(), wanted, "{sql}");
        assert!(shown.starts_with("nothing ") && shown.ends_with(&"*".repeat(19)), "{sql}");
    }
}
