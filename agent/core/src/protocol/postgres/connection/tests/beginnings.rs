//! First messages that are cut short: the connection waits for the rest or ends, and passes nothing on.

use super::world::{Disk, Event, World, kinds, startup};
use crate::machine::{Deadline, Input, Machine as _};

/// A startup message and a cancel request.
fn packets() -> [Vec<u8>; 2] {
    let cancel = [16_u32, 80_877_102, 7, 9].map(u32::to_be_bytes).concat();
    [startup(&[("user", "anyone"), ("database", "shop")]), cancel]
}

fn is_finished(world: &World, code: &str) -> bool {
    matches!(world.events.last(), Some(Event::Finished(finished)) if finished == code)
}

#[test]
fn half_a_first_message_is_waited_for_until_its_deadline_or_its_client_goes() {
    for whole in packets() {
        for cut in 0..whole.len() {
            let mut world = World::new(Disk::AtOnce);
            world.client(&whole[..cut]);
            assert!(world.events.is_empty(), "{cut}: {:?}", world.events);
            let waits = matches!(world.machine.deadline(), Some((_, Deadline::Startup)));
            assert!(waits && world.machine.appetite().client, "{cut}");
            world.input(Input::ClientClosed);
            assert!(world.events.len() == 1 && is_finished(&world, "client_closed"), "{:?}", world.events);
        }
    }
}

#[test]
fn a_first_message_that_ends_early_ends_its_connection() {
    for whole in packets() {
        for cut in 4..whole.len() {
            let length = u32::try_from(cut).expect("short").to_be_bytes();
            let mut world = World::new(Disk::AtOnce);
            world.client(&[&length[..], &whole[4..cut]].concat());
            let heard = world.sent_to_client();
            assert_eq!(kinds(&heard), "E", "{cut}");
            assert!(String::from_utf8_lossy(&heard).contains("SFATAL\0VFATAL\0C08P01\0"), "{cut}");
            assert!(world.events.len() == 2 && is_finished(&world, "client_violation"), "{:?}", world.events);
        }
    }
}
