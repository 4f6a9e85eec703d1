//! A certificate of its own, for who asks for its name.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;

/// The certificate that is shown to who asks for `name` and trusts `trusted`; `None` if it is another one.
async fn shown(agent: &TestAgent, name: &str, trusted: &CertificateDer<'static>) -> Option<Vec<u8>> {
    let mut config = agent.tls(None, b"http/1.1");
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    config.dangerous().set_certificate_verifier(verifier.build().expect("a verifier"));
    let stream = TcpStream::connect(agent.address()).await.expect("a connection");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let (_, session) = stream.get_ref();
    session.peer_certificates().and_then(<[_]>::first).map(|leaf| leaf.to_vec())
}

#[tokio::test]
async fn browsers_get_the_consoles_certificate_and_connect_the_agents() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["console.test".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let (certificate_file, key_file) = (folder.path().join("c"), folder.path().join("k"));
    std::fs::write(&certificate_file, certificate.pem()).expect("written");
    std::fs::write(&key_file, key.serialize_pem()).expect("written");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).expect("ours");
    let agent = TestAgent::configured(|text| {
        format!(
            "{text}\n{CONSOLE}certificate_file = \"{}\"\nkey_file = \"{}\"\n",
            certificate_file.display(),
            key_file.display()
        )
    })
    .await;
    let own = certificate.der().clone();
    assert_eq!(shown(&agent, "console.test", &own).await.as_deref(), Some(own.as_ref()));
    assert_eq!(shown(&agent, "CONSOLE.test", &own).await.as_deref(), Some(own.as_ref()));
    assert_eq!(shown(&agent, "localhost", &own).await, None, "that is the agent's own");
    // Who has the agent's pinned reaches it as before, with a key and without.
    for keys in [None, Some(&ClientKeys::new())] {
        let response = agent.http(keys).get(agent.url("/v1/agent")).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
    }
}
