//! Something that listens where a database should be, and answers as it likes.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

/// What it does with a connection.
#[derive(Debug, Clone)]
pub enum Part {
    /// Takes a message of the client, whatever it is.
    Hear,
    Say(Vec<u8>),
    /// Says this for as long as somebody listens.
    Flood(Vec<u8>),
    /// Says nothing and keeps the connection.
    Wait,
}

/// Plays the same parts to everybody; the port is its own. It lives as long as the test's process.
///
/// # Panics
/// There is no free port.
#[must_use]
pub fn start(parts: Vec<Part>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let parts = parts.clone();
            std::thread::spawn(move || play(client, &parts));
        }
    });
    port
}

fn play(mut client: TcpStream, parts: &[Part]) {
    for part in parts {
        let went_on = match part {
            Part::Hear => client.read(&mut [0; 4096]).is_ok_and(|count| count > 0),
            Part::Say(bytes) => client.write_all(bytes).is_ok(),
            Part::Flood(bytes) => {
                while client.write_all(bytes).is_ok() {}
                false
            }
            Part::Wait => std::io::copy(&mut client, &mut std::io::sink()).is_ok(),
        };
        if !went_on {
            return;
        }
    }
}
