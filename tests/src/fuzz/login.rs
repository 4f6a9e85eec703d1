//! The agent's login at a hostile server: whatever it says, it is not believed before it has proved itself.

use bytes::Bytes;
use connect_core::protocol::postgres::{
    login::{Credentials, Encryption, Login, OwnCertificate, Protocol},
    question::Question,
};

/// Most bytes that a login may answer with.
const MOST_OUTPUT: usize = 64 * 1024;

/// Feeds a server's bytes, in pieces whose length the first byte says.
///
/// # Panics
/// The login does, says too much, or lets a server in that has proved nothing.
pub fn login(bytes: &[u8]) {
    let Some((first, said)) = bytes.split_first() else { return };
    let piece = usize::from(*first).max(1);
    let tls = || Encryption::Tls { binding: Some(vec![7; 32]), ours: OwnCertificate::None };
    for encrypted in [Encryption::None, tls()] {
        let plain = encrypted == Encryption::None;
        let credentials = Credentials {
            user: "connect_agent".to_owned(),
            database: "shop".to_owned(),
            password: "correct horse".to_owned(),
            encrypted,
        };
        let mut login = Login::new(credentials, &[], Protocol::Newest);
        let mut answered = 0;
        for piece in said.chunks(piece) {
            let outcome = login.input(Bytes::copy_from_slice(piece));
            let output = login.output();
            answered += output.len();
            assert!(answered < MOST_OUTPUT, "a login says little");
            let told = output.windows(13).any(|part| part == b"correct horse");
            assert!(!(plain && told), "the password went out in clear");
            match outcome {
                Ok(None) => {}
                Ok(Some(_)) => {
                    // Under TLS the certificate has proved the server, and it may ask for the password.
                    assert!(!plain, "a server that proved nothing was believed");
                    break;
                }
                Err(_) => break,
            }
        }
    }
    let mut question = Question::new("SELECT 1");
    for piece in said.chunks(piece) {
        if question.input(Bytes::copy_from_slice(piece)).is_err() {
            return;
        }
    }
}

/// What servers say at a login, each of the shape that [`login`] reads.
#[cfg(test)]
pub(super) fn seeds() -> Vec<Vec<u8>> {
    use super::session::message;
    let authentication =
        |method: u32, data: &[u8]| message(b'R', &[&method.to_be_bytes()[..], data].concat());
    let end = [
        authentication(0, b""),
        message(b'S', b"server_version\x0015.18\0"),
        message(b'K', b"\0\0\0\x01\0\0\0\x02"),
        message(b'Z', b"I"),
    ]
    .concat();
    let scram = [
        authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
        authentication(11, b"r=abc,s=YWJj,i=4096"),
        authentication(12, b"v=YWJj"),
    ]
    .concat();
    let error = message(b'E', b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0");
    let row = [message(b'T', b"\0\0"), message(b'D', b"\0\x01\0\0\0\x011"), message(b'Z', b"I")].concat();
    [
        [scram, end.clone()].concat(),
        [authentication(5, b"salt"), end.clone()].concat(),
        [authentication(3, b""), end.clone()].concat(),
        end,
        error,
        row,
    ]
    .into_iter()
    .map(|said| [vec![200], said].concat())
    .collect()
}
