//! A tap on the wire: everything that a client receives goes through it and is kept.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A local port that leads to another one.
pub struct Tap {
    port: u16,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// In front of a port. It lives as long as the test's process.
    ///
    /// # Panics
    /// There is no free port.
    #[must_use]
    pub fn before(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let copies = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
                std::thread::spawn(move || pass(copies.0, copies.1, |_| ()));
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    pass(server, client, |bytes| kept.lock().expect("not poisoned").extend_from_slice(bytes));
                });
            }
        });
        Self { port, received }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What was received since the last call.
    ///
    /// # Panics
    /// A relay thread panicked.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.received.lock().expect("not poisoned"))
    }
}

/// Bytes are kept before they are passed on, so that what a client has seen is always kept already.
fn pass(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _closed = to.shutdown(Shutdown::Write);
}
