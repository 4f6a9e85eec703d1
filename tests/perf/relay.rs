//! The least that standing between a client and a database costs over TCP: bytes from one socket to the other. With
//! it in place of the bare tunnel's far end, what the agent takes is comparable to a pooler, which has both its
//! sides on TCP. `bench relay DATABASE_PORT` is that process.

use std::process::Command;

use connect_tests::{process::Process, world::World};
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpListener, TcpStream},
};

const PIECE: usize = 64 * 1024;

/// The relay, running.
pub(crate) struct Relay {
    port: u16,
    process: Process,
}

impl Relay {
    pub(crate) fn start(world: &World) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["relay", &world.postgres.port().to_string()]);
        let process = Process::start("relay", &mut command);
        let port = process.wait_for("its port", |line| line.strip_prefix("port ")?.parse().ok());
        Self { port, process }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

/// Runs until it is killed.
pub(crate) fn run(arguments: &[String]) {
    let [database] = arguments else { panic!("which database?") };
    let database = database.parse().expect("a port");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(listen(database));
}

async fn listen(database: u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    println!("port {}", listener.local_addr().expect("bound").port());
    loop {
        let (client, _) = listener.accept().await.expect("a client");
        tokio::spawn(carry(client, database));
    }
}

async fn carry(mut client: TcpStream, database: u16) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", database)).await else { return };
    client.set_nodelay(true).expect("a socket");
    server.set_nodelay(true).expect("a socket");
    let _ended = copy_bidirectional_with_sizes(&mut client, &mut server, PIECE, PIECE).await;
}
