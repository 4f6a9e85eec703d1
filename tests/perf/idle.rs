//! What a session costs that nobody uses: connections that were opened and asked once.

use std::{io::Write as _, net::TcpStream};

use connect_tests::{agent::BENCH, person::Person, world::World};

use crate::{
    bulk,
    cost::memory,
    report::{Figure, Report},
};

const CONNECTIONS: u32 = 60;

pub(crate) fn measure(world: &World, person: &Person, report: &mut Report) {
    let tunnel = person.open(BENCH);
    let (agent, cli) = (world.agent.process().id(), tunnel.process().id());
    // The first ones pay for what all share.
    let _warm: Vec<_> = (0..10).map(|_| idle(tunnel.port())).collect();
    let before = [memory(agent), memory(cli)];
    let _open: Vec<_> = (0..CONNECTIONS).map(|_| idle(tunnel.port())).collect();
    let each = [memory(agent) - before[0], memory(cli) - before[1]].map(|all| all / f64::from(CONNECTIONS));
    for (name, size) in ["agent", "CLI"].into_iter().zip(each) {
        report.add(Figure::new(&format!("11 idle connection: {name}"), size, "KiB").at_most(20.0));
    }
}

fn idle(port: u16) -> TcpStream {
    let mut stream = bulk::connect(port, "anybody", "bench");
    stream.write_all(&bulk::query("SELECT 1")).expect("a query");
    bulk::drain(&mut stream);
    stream
}
