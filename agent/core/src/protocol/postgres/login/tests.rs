use bytes::{BufMut as _, Bytes, BytesMut};

use super::*;
use crate::protocol::postgres::answer::put_message;

const TLS: Encryption = Encryption::Tls { binding: None, ours: OwnCertificate::None };

fn bound(ours: OwnCertificate) -> Encryption {
    Encryption::Tls { binding: Some(vec![7; 32]), ours }
}

/// What the answer to a message begins with, behind type and length.
fn answer(login: &mut Login, message: Bytes) -> String {
    let _before = login.output();
    login.input(message).expect("a message that is taken");
    String::from_utf8_lossy(&login.output()[5..]).into_owned()
}

fn login(encrypted: Encryption) -> Login {
    let credentials = Credentials {
        user: "connect_agent".into(),
        database: "shop".into(),
        password: "correct horse".into(),
        encrypted,
    };
    let parameters = [("application_name".into(), "connect: ana".into())];
    Login::new(credentials, &parameters, Protocol::Newest)
}

fn authentication(method: u32, data: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'R', |out| {
        out.put_u32(method);
        out.put_slice(data);
    });
    out.freeze()
}

#[test]
fn a_server_that_asks_for_no_proof_is_not_believed() {
    let refused = login(TLS).input(authentication(0, b""));
    assert_eq!(refused.map(|_| ()), Err(LoginError::Unproved));
}

#[test]
fn a_login_is_bound_to_its_tls_connection_where_the_server_can() {
    let both = || authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let one = || authentication(10, b"SCRAM-SHA-256\0\0");
    let first = |encrypted, message| answer(&mut login(encrypted), message);
    let plus = first(bound(OwnCertificate::None), both());
    assert!(plus.starts_with("SCRAM-SHA-256-PLUS\0") && plus.contains("p=tls-server-end-point"), "{plus}");
    let taken_out = first(bound(OwnCertificate::None), one());
    assert!(taken_out.starts_with("SCRAM-SHA-256\0") && taken_out.contains("y,,"), "{taken_out}");
    let without = first(TLS, both());
    assert!(without.starts_with("SCRAM-SHA-256\0") && without.contains("n,,"), "{without}");
    assert!(first(Encryption::None, both()).contains("n,,"));
    let only_plus = login(TLS).input(authentication(10, b"SCRAM-SHA-256-PLUS\0\0")).map(|_| ());
    assert!(matches!(only_plus, Err(LoginError::Unsupported(_))));
}

#[test]
fn md5_is_answered_under_tls_only() {
    let asked = || authentication(5, &[1, 2, 3, 4]);
    assert!(answer(&mut login(TLS), asked()).starts_with("md5"));
    assert_eq!(login(Encryption::None).input(asked()).map(|_| ()), Err(LoginError::PlainMd5));
    assert_eq!(login(TLS).input(authentication(5, &[1])).map(|_| ()), Err(LoginError::Violation));
}

#[test]
fn certificates_on_both_sides_are_proof_enough() {
    let mut with_ours = login(bound(OwnCertificate::Shown));
    assert!(with_ours.input(authentication(0, b"")).is_ok());
    let without = login(bound(OwnCertificate::None)).input(authentication(0, b""));
    assert_eq!(without.map(|_| ()), Err(LoginError::Unproved));
}

#[test]
fn the_newest_protocol_is_asked_for_and_its_keys_are_long() {
    let message = |kind: u8, body: &[u8]| {
        let mut out = BytesMut::new();
        put_message(&mut out, kind, |out| out.put_slice(body));
        out.freeze()
    };
    let key = |secret: usize| message(b'K', &[&7_u32.to_be_bytes()[..], &vec![9; secret]].concat());
    let down = || message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
    let logged_in = |before: Option<Bytes>, secret: usize| {
        let mut login = login(bound(OwnCertificate::Shown));
        let startup = login.output();
        assert_eq!(startup.get(4..8), Some(&[0, 3, 0, 2][..]));
        for message in before.into_iter().chain([authentication(0, b""), key(secret)]) {
            login.input(message)?;
        }
        let done = login.input(message(b'Z', b"I"))?.expect("it is ready");
        Ok::<_, LoginError>(done.cancel_key.expect("a key").request().len())
    };
    assert_eq!(logged_in(None, 32), Ok(44));
    assert_eq!(logged_in(None, 256), Ok(268));
    assert_eq!(logged_in(Some(down()), 4), Ok(16));
    for (before, secret) in [(None, 3), (None, 257), (Some(down()), 32)] {
        assert_eq!(logged_in(before, secret), Err(LoginError::Violation), "{secret}");
    }
    let mut late = login(bound(OwnCertificate::Shown));
    late.input(authentication(0, b"")).expect("trusted");
    assert_eq!(late.input(down()).map(|_| ()), Err(LoginError::Violation));
}

#[test]
fn messages_in_the_wrong_order_are_a_violation_and_never_a_login() {
    let parameter: &[u8] = b"S\0\0\0\x08a\0b\0";
    for early in
        [parameter, b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02", b"Z\0\0\0\x05I", b"T\0\0\0\x06\0\0", b"1\0\0\0\x04"]
    {
        let refused = login(TLS).input(Bytes::copy_from_slice(early));
        assert_eq!(refused.map(|_| ()), Err(LoginError::Violation), "{early:?}");
    }
    let mut twice = login(TLS);
    twice.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
    let again = twice.input(authentication(10, b"SCRAM-SHA-256\0\0"));
    assert_eq!(again.map(|_| ()), Err(LoginError::Violation));
    let mut clear = login(TLS);
    clear.input(authentication(3, b"")).expect("a password under TLS");
    assert_eq!(clear.input(authentication(5, &[1, 2, 3, 4])).map(|_| ()), Err(LoginError::Violation));
}

#[test]
fn a_flood_of_parameters_or_a_giant_message_ends_the_login() {
    let mut flooded = login(bound(OwnCertificate::Shown));
    flooded.input(authentication(0, b"")).expect("trusted");
    let parameters = b"S\0\0\0\x08a\0b\0".repeat(MAX_PARAMETERS + 1);
    assert_eq!(flooded.input(Bytes::from(parameters)).map(|_| ()), Err(LoginError::Violation));
    for length in [0_u32, 3, 70_000, 0x7fff_ffff, u32::MAX] {
        let message = [&b"N"[..], &length.to_be_bytes()].concat();
        let refused = login(TLS).input(Bytes::from(message));
        assert!(matches!(refused, Err(LoginError::Frame(_))), "{length}");
    }
}

#[test]
fn the_password_is_never_sent_in_clear_without_tls() {
    let mut login = login(Encryption::None);
    let _startup = login.output();
    let refused = login.input(authentication(3, b""));
    assert_eq!(refused.map(|_| ()), Err(LoginError::ClearPassword));
    assert!(login.output().is_empty());
}

#[test]
fn a_server_cannot_ask_for_endless_work() {
    let mut login = login(TLS);
    login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
    let refused = login.input(authentication(11, b"r=x,s=YWJj,i=4000000000"));
    assert_eq!(refused.map(|_| ()), Err(LoginError::Iterations(4_000_000_000)));
}

#[test]
fn a_server_that_skips_its_proof_is_not_believed() {
    let mut login = login(TLS);
    login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
    assert_eq!(login.input(authentication(0, b"")).map(|_| ()), Err(LoginError::Unproved));
}

#[test]
fn work_begins_with_a_whole_message_and_not_with_each_byte_of_it() {
    let mut login = login(TLS);
    login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
    let message = authentication(11, b"r=x,s=YWJj,i=4096");
    for at in 0..message.len() {
        assert!(!login.may_take_long(), "{at} bytes");
        login.push(message.slice(at..=at));
    }
    assert!(login.may_take_long());
}
