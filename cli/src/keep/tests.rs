use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::{
    console::{Color, Console, Format, Input},
    identity::Secret,
};

fn identity() -> Identity {
    Identity { issuer: "https://id.example.com".into(), client_id: "connect-cli".into(), scopes: vec![] }
}

fn sign_in() -> SignIn {
    SignIn {
        id_token: Secret::new("id-token-text"),
        refresh_token: Some(Secret::new("refresh-token-text")),
        profile: Profile {
            issuer: "https://id.example.com".into(),
            subject: "u-1".into(),
            email: None,
            name: None,
            groups: vec![],
            expires_at: 1,
        },
    }
}

fn keep(folder: &std::path::Path, wish: Wish) -> Keep {
    let console = Console::new(Format::Table, Color::Never, Input::Refused);
    Keep { folder: folder.to_owned(), wish, passphrase: Passphrase::new(console) }
}

#[test]
fn a_plain_file_is_written_only_when_it_is_wished_and_only_for_its_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = keep(folder.path(), Wish::File);
    assert_eq!(keep.store(&identity(), &sign_in()).expect("kept"), Place::File);
    let file = keep.file(&identity(), "json");
    assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
    assert_eq!(keep.load(&identity()).expect("loaded"), Some(sign_in()));
    keep.remove(&identity()).expect("removed");
    assert_eq!(keep.load(&identity()).expect("loaded"), None);
    assert!(!file.exists());
}

#[test]
fn where_nothing_is_to_be_kept_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = keep(folder.path(), Wish::Nothing);
    assert_eq!(keep.store(&identity(), &sign_in()).expect("kept"), Place::Nothing);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn the_record_beside_the_secrets_holds_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = keep(folder.path(), Wish::File);
    keep.store(&identity(), &sign_in()).expect("kept");
    let record = std::fs::read_to_string(keep.record_file(&identity())).expect("a record");
    assert!(!record.contains("token-text"), "{record}");
}

#[test]
fn two_applications_at_one_provider_have_two_sign_ins() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = keep(folder.path(), Wish::File);
    keep.store(&identity(), &sign_in()).expect("kept");
    let other = Identity { client_id: "another".into(), ..identity() };
    assert_eq!(keep.load(&other).expect("loaded"), None);
}

#[test]
fn a_sealed_sign_in_needs_a_passphrase_and_says_which_variable_gives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = keep(folder.path(), Wish::Sealed);
    let error = keep.store(&identity(), &sign_in()).expect_err("no passphrase");
    assert_eq!(error.exit.code(), 4);
    assert!(error.help[0].contains("CONNECT_PASSPHRASE_FILE"));
}
