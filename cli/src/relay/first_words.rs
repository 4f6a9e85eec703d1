//! The first words of a local connection: a request for encryption is answered here, because the loopback
//! needs none and the tunnel has its own.

use bytes::{Bytes, BytesMut};
use connect_shared::engine::Engine;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Requests that a program may make before it begins: TLS and GSSAPI, each once, and one to spare.
const MAX_REQUESTS: usize = 3;
/// Length of a request for encryption, and the least that any connection begins with.
const REQUEST: usize = 8;
/// What is taken of the rest, if it is there already.
const AHEAD: usize = 2048;

/// The first bytes that are meant for the agent; `None` if there are none, or if the program breaks the
/// rules.
pub(super) async fn receive<R, W>(reader: &mut R, writer: &mut W, engine: Engine) -> Option<Bytes>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    for _ in 0..=MAX_REQUESTS {
        let mut first = [0; REQUEST];
        reader.read_exact(&mut first).await.ok()?;
        let Some(answer) = engine.answer_encryption_request(&first) else {
            return Some(with_rest(reader, &first));
        };
        // What was sent before the answer was sent in the belief that it would be encrypted, or was put
        // there by somebody else: it is not to be taken for the program's own words.
        if reader.read(&mut [0; 1]).now_or_never().is_some() {
            return None;
        }
        writer.write_all(answer).await.ok()?;
    }
    None
}

/// The first bytes with those that are already there behind them, so that they travel together.
fn with_rest<R: AsyncRead + Unpin>(reader: &mut R, first: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(REQUEST + AHEAD);
    bytes.extend_from_slice(first);
    let mut rest = [0; AHEAD];
    if let Some(Ok(more)) = reader.read(&mut rest).now_or_never() {
        bytes.extend_from_slice(rest.get(..more).unwrap_or_default());
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const SSL: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const GSS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
    const STARTUP: [u8; 9] = [0, 0, 0, 9, 0, 3, 0, 0, 0];

    async fn answer_to(request: &[u8]) -> ([u8; 1], Option<Bytes>) {
        let (mut program, ours) = duplex(64);
        let (mut reader, mut writer) = tokio::io::split(ours);
        let serving =
            tokio::spawn(async move { receive(&mut reader, &mut writer, Engine::PostgreSql).await });
        program.write_all(request).await.expect("sent");
        let mut answer = [0; 1];
        program.read_exact(&mut answer).await.expect("answered");
        program.write_all(&STARTUP).await.expect("sent");
        (answer, serving.await.expect("no panic"))
    }

    #[tokio::test]
    async fn a_request_for_encryption_is_answered_and_what_follows_goes_on() {
        for request in [SSL, GSS] {
            let (answer, first) = answer_to(&request).await;
            assert_eq!(&answer, b"N");
            assert_eq!(first.as_deref(), Some(&STARTUP[..]));
        }
    }

    #[tokio::test]
    async fn a_program_that_asks_for_nothing_is_not_answered() {
        let (mut program, ours) = duplex(64);
        let (mut reader, mut writer) = tokio::io::split(ours);
        program.write_all(&STARTUP).await.expect("sent");
        let first = receive(&mut reader, &mut writer, Engine::PostgreSql).await;
        assert_eq!(first.as_deref(), Some(&STARTUP[..]));
        drop((reader, writer));
        let mut rest = Vec::new();
        program.read_to_end(&mut rest).await.expect("read");
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn bytes_that_came_with_a_request_are_never_believed() {
        let (mut program, ours) = duplex(64);
        let (mut reader, mut writer) = tokio::io::split(ours);
        program.write_all(&[&SSL[..], &STARTUP[..]].concat()).await.expect("sent");
        assert_eq!(receive(&mut reader, &mut writer, Engine::PostgreSql).await, None);
    }

    #[tokio::test]
    async fn asking_without_end_ends_the_connection() {
        let (mut program, ours) = duplex(64);
        let (mut reader, mut writer) = tokio::io::split(ours);
        let serving =
            tokio::spawn(async move { receive(&mut reader, &mut writer, Engine::PostgreSql).await });
        for _ in 0..=MAX_REQUESTS {
            program.write_all(&SSL).await.expect("sent");
            program.read_exact(&mut [0; 1]).await.expect("answered");
        }
        assert_eq!(serving.await.expect("no panic"), None);
    }
}
