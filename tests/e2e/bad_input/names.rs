//! Names that a client makes and never gives back, and words of the server that are long.

use connect_tests::{
    agent::BENCH,
    wire::{Mode, Wire, bind, execute, parse, query, sync},
    world::World,
};

/// More than a connection may have open at once.
const MANY: usize = 12_000;

#[test]
fn portals_end_with_their_transaction_and_names_are_bounded() {
    let world = World::start();
    let tunnel = world.person("ana").open(BENCH);
    let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
    // The server forgets each of them at Sync.
    let text = format!("SELECT 1 /*{}*/", "x".repeat(8 << 10));
    for batch in 0..MANY / 500 {
        let rounds: Vec<u8> = (0..500)
            .flat_map(|round| [parse("", &text), bind(&format!("p{batch}_{round}"), "", 0), sync()].concat())
            .collect();
        let answer = wire.send(&rounds, 500);
        assert!(answer.lost.is_none() && answer.error().is_none(), "{batch}: {:?}", answer.lost);
    }
    let gone = wire.send(&[execute("p0_0", 0), sync()].concat(), 1);
    assert_eq!(gone.sqlstate().as_deref(), Some("34000"));
    for round in 0..MANY / 10 {
        let texts = format!("BEGIN; DECLARE c{round} CURSOR FOR SELECT 1; COMMIT");
        assert_eq!(wire.ask(Mode::Simple, &texts).sqlstate(), None, "{round}");
    }
    let kept = "BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 7; COMMIT";
    assert_eq!(wire.ask(Mode::Simple, kept).sqlstate(), None);
    assert_eq!(wire.ask(Mode::Simple, "FETCH kept").rows(), [[Some(b"7".to_vec())]]);
    assert_eq!(wire.ask(Mode::Simple, "FETCH c1").sqlstate().as_deref(), Some("34000"));
    world.held_little(&tunnel);

    let names: Vec<u8> =
        (0..MANY).flat_map(|number| parse(&format!("s{number}"), "SELECT 1")).chain(sync()).collect();
    assert_eq!(wire.send(&names, 1).sqlstate().as_deref(), Some("54000"));
    assert_eq!(wire.ask(Mode::Simple, "PREPARE another AS SELECT 1").sqlstate().as_deref(), Some("54000"));
    assert_eq!(wire.ask(Mode::Simple, "DEALLOCATE ALL").sqlstate(), None);
    assert_eq!(wire.ask(Mode::Simple, "PREPARE another AS SELECT 1").sqlstate(), None);
    assert_eq!(wire.ask(Mode::Simple, "EXECUTE another").rows(), [[Some(b"1".to_vec())]]);
}

#[test]
fn what_the_server_says_may_be_long() {
    let world = World::start();
    let tunnel = world.person("ana").open(BENCH);
    let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
    assert_eq!(wire.ask(Mode::Simple, "BEGIN").sqlstate(), None);
    assert_eq!(wire.ask(Mode::Simple, "SAVEPOINT s").sqlstate(), None);
    let wrong = wire.send(&query("SELECT repeat('x', 3000000)::int"), 1);
    assert_eq!(wrong.sqlstate().as_deref(), Some("22P02"), "{:?}", wrong.lost);
    assert!(wrong.bytes().len() > 3_000_000);
    assert_eq!(wire.ask(Mode::Simple, "ROLLBACK TO s").sqlstate(), None);
    assert_eq!(wire.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
    assert!(wire.ask(Mode::Simple, "COMMIT").error().is_none());
}
