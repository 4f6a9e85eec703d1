//! To a syslog server over TLS: RFC 5424 messages in the frames of RFC 5425.
//!
//! Syslog has no acknowledgement. So each batch has a connection of its own: we say that we are done and
//! wait until the server has read to that end and closes in order. A reset or silence in place of it is
//! "not taken", and the batch is sent again.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{Event, Undelivered};

/// From the first packet to the server's last.
const PATIENCE: Duration = Duration::from_secs(30);
/// Facility 13, log audit; severity 6, informational.
const PRIORITY: u32 = 13 * 8 + 6;
/// The number that RFC 5612 keeps for examples: we have none of our own.
const STRUCTURE: &str = "connect@32473";

/// One server.
pub(super) struct Syslog {
    host: String,
    port: u16,
    tls: TlsConnector,
    origin: String,
}

impl Syslog {
    pub(super) fn new(
        (host, port): (&str, u16),
        ca_file: Option<&PathBuf>,
        origin: &str,
    ) -> Result<Self, String> {
        let tls = crate::identity::tls_to(ca_file.map(PathBuf::as_path))?;
        Ok(Self {
            host: host.to_owned(),
            port,
            tls: TlsConnector::from(Arc::new(tls)),
            origin: origin.to_owned(),
        })
    }

    pub(super) async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        match timeout(PATIENCE, self.send(batch)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a syslog server did not take a batch");
                Err(Undelivered::NotNow("not_taken"))
            }
            Err(_) => Err(Undelivered::NotNow("no_answer")),
        }
    }

    async fn send(&self, batch: &[Event]) -> io::Result<()> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut stream = self.tls.connect(name, stream).await?;
        for event in batch {
            let message = self.message(event);
            stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
        }
        stream.shutdown().await?;
        // A server that says something is none of syslog, but has read what we sent.
        let mut rest = [0; 256];
        while stream.read(&mut rest).await? > 0 {}
        Ok(())
    }

    fn message(&self, event: &Event) -> String {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(event.time) * 1_000_000).ok();
        let at = at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned());
        let Event { index, kind, json, .. } = event;
        let origin = escape(&self.origin);
        // BOM: the text is UTF-8 (RFC 5424, 6.4).
        format!(
            "<{PRIORITY}>1 {at} - connect-agent - {kind} [{STRUCTURE} origin=\"{origin}\" index=\"{index}\"] \u{feff}{json}"
        )
    }
}

/// RFC 5424, 6.3.3
fn escape(value: &str) -> String {
    value.chars().flat_map(|c| matches!(c, '"' | '\\' | ']').then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    fn event(index: u64) -> Event {
        Event {
            index,
            time: 1_764_064_800_000,
            kind: "heartbeat",
            json: format!("{{\"n\":{index}}}"),
            tells_of_loss: false,
        }
    }

    async fn server() -> (TlsAcceptor, tokio::net::TcpListener, PathBuf, tempfile::TempDir) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, certificate.pem()).expect("written");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a server");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        (TlsAcceptor::from(Arc::new(config)), listener, ca, folder)
    }

    #[tokio::test]
    async fn a_batch_arrives_in_frames_and_counts_only_when_the_server_has_read_it() {
        let (acceptor, listener, ca, _folder) = server().await;
        let port = listener.local_addr().expect("bound").port();
        let syslog = Syslog::new(("localhost", port), Some(&ca), "connect.local/a]b\"").expect("a client");
        let batch = [event(1), event(2)];
        let reads_all = async {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = acceptor.accept(stream).await.expect("TLS");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("read");
            stream.shutdown().await.expect("closed in order");
            text
        };
        let (sent, text) = tokio::join!(syslog.deliver(&batch), reads_all);
        assert_eq!(sent, Ok(()));
        let first = syslog.message(&batch[0]);
        assert_eq!(
            first,
            "<110>1 2025-11-25T10:00:00Z - connect-agent - heartbeat [connect@32473 origin=\"connect.local/a\\]b\\\"\" index=\"1\"] \u{feff}{\"n\":1}"
        );
        assert!(text.starts_with(&format!("{} {first}", first.len())), "{text}");
        assert_eq!(text.matches("<110>1").count(), 2);

        let cuts = async {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = acceptor.accept(stream).await.expect("TLS");
            let _some = stream.read_u8().await;
            drop(stream);
        };
        let (sent, ()) = tokio::join!(syslog.deliver(&batch), cuts);
        assert!(matches!(sent, Err(Undelivered::NotNow(_))), "{sent:?}");
    }

    #[tokio::test]
    async fn a_server_that_nobody_vouches_for_gets_nothing() {
        let (acceptor, listener, _, _folder) = server().await;
        let (_, _, other, _kept) = server().await;
        let port = listener.local_addr().expect("bound").port();
        let syslog = Syslog::new(("localhost", port), Some(&other), "x").expect("a client");
        let serve = async {
            let (stream, _) = listener.accept().await.expect("a client");
            acceptor.accept(stream).await.is_err()
        };
        let batch = [event(1)];
        let (sent, refused) = tokio::join!(syslog.deliver(&batch), serve);
        assert!(refused && sent.is_err());
    }
}
