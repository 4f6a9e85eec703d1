use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{ServerName, UnixTime},
};

use super::*;

struct Server {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

fn server() -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["agent.test".to_owned()]).expect("a certificate");
    Server {
        certificate: made.cert.der().clone(),
        key: PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()),
    }
}

/// Runs a handshake in memory between our client and a server with this certificate and key.
fn handshake(
    trust: &Trust,
    certificate: &CertificateDer<'static>,
    key: &Server,
) -> Result<(), rustls::Error> {
    let client = client_config(trust, None, Speech::Http).expect("a configuration");
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(
            vec![certificate.clone()],
            provider().key_provider.load_private_key(key.key.clone_key().into()).expect("a key"),
        ))));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut server = ServerConnection::new(Arc::new(config)).expect("a server");
    let name = ServerName::try_from("agent.test").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).expect("a client");
    for _ in 0..6 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("memory");
        }
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("memory");
        }
        client.read_tls(&mut wire.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking());
    Ok(())
}

#[test]
fn the_pinned_certificate_is_accepted_whatever_its_names() {
    let server = server();
    let trust = Trust::Pinned(Fingerprint::of(&server.certificate));
    assert_eq!(handshake(&trust, &server.certificate, &server), Ok(()));
}

#[test]
fn another_certificate_is_refused_and_the_error_names_both() {
    let (server, other) = (server(), server());
    let trust = Trust::Pinned(Fingerprint::of(&other.certificate));
    let error = handshake(&trust, &server.certificate, &server).expect_err("not the pinned one");
    let text = error.to_string();
    assert!(text.contains(&Fingerprint::of(&server.certificate).to_string()), "{text}");
}

#[test]
fn the_pinned_certificate_without_its_key_is_refused() {
    let (pinned, thief) = (server(), server());
    let trust = Trust::Pinned(Fingerprint::of(&pinned.certificate));
    let error = handshake(&trust, &pinned.certificate, &thief).expect_err("a stolen certificate");
    assert!(matches!(error, rustls::Error::InvalidCertificate(CertificateError::BadSignature)));
}

#[test]
fn a_pinned_verifier_does_not_speak_the_older_tls() {
    let server = server();
    let config = client_config(&Trust::Pinned(Fingerprint::of(&server.certificate)), None, Speech::Tunnel);
    let config = config.expect("a configuration");
    assert_eq!(config.alpn_protocols, [b"connect/1".to_vec()]);
    let versions = format!("{config:?}");
    assert!(!versions.contains("tls12: Some"), "{versions}");
}

#[test]
fn a_chain_is_accepted_only_from_its_authority_and_for_its_name() {
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).expect("an authority");
    let issuer = rcgen::Issuer::new(authority, &authority_key);
    let trust = Trust::Authority(authority_certificate.pem());
    let issued = |name: &str| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = parameters.signed_by(&key, &issuer).expect("signed");
        Server { certificate: certificate.der().clone(), key: PrivatePkcs8KeyDer::from(key.serialize_der()) }
    };
    let good = issued("agent.test");
    assert_eq!(handshake(&trust, &good.certificate, &good), Ok(()));
    let misnamed = issued("other.test");
    assert!(handshake(&trust, &misnamed.certificate, &misnamed).is_err());
    let stranger = server();
    assert!(handshake(&trust, &stranger.certificate, &stranger).is_err());
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    assert!(roots("").is_err());
    assert!(roots("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
}

#[test]
fn every_process_has_another_key() {
    let verifier = pinned::PinnedVerifier::new(Fingerprint::of(b""), provider());
    let (one, two) = (ClientKey::generate().expect("a key"), ClientKey::generate().expect("a key"));
    assert_ne!(Fingerprint::of(&one.certificate), Fingerprint::of(&two.certificate));
    let name = ServerName::try_from("agent.test").expect("a name");
    assert!(verifier.verify_server_cert(&one.certificate, &[], &name, &[], UnixTime::now()).is_err());
}
