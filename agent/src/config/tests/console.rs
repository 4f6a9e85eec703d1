//! `[console]` and `[[notify]]`.

use super::*;

fn with(lines: &str) -> String {
    GOOD.replacen("[log]\n", &format!("{lines}\n[log]\n"), 1)
}

#[test]
fn a_console_has_a_name_and_perhaps_a_client_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(parse(GOOD, &folder).expect("it is good").console, None);
    let read =
        |lines: &str| parse(&with(&format!("[console]\n{lines}")), &folder).map(|config| config.console);
    let usual = read("url = \"https://Connect.example.com:7443/\"").expect("it is good").expect("a console");
    assert_eq!(usual.url, "https://connect.example.com:7443");
    assert_eq!(usual.authority(), "connect.example.com:7443");
    assert_eq!((usual.client_id, usual.client_secret, usual.certificate), (None, None, None));
    let own =
        "url = \"https://connect.example.com:443\"\nclient_id = \"pages\"\nclient_secret_env = \"PROD_DB\"";
    let own = read(own).expect("it is good").expect("a console");
    assert_eq!((own.url.as_str(), own.client_id.as_deref()), ("https://connect.example.com", Some("pages")));
    assert!(own.client_secret.is_some() && !format!("{own:?}").contains("hunter2"));
    for (lines, word) in [
        ("", "is missing"),
        ("url = \"http://127.0.0.1:7443\"", "must begin with `https://`"),
        ("url = \"connect.example.com\"", "is not a URL"),
        ("url = \"https://connect.example.com/console\"", "scheme, name and port only"),
        ("url = \"https://me@connect.example.com\"", "scheme, name and port only"),
        ("url = \"https://connect.example.com\"\nclient_id = \" \"", "is empty"),
        ("url = \"https://connect.example.com\"\nclient_secret = \"x\"", "client_secret"),
        ("url = \"https://connect.example.com\"\nkey_file = \"k\"", "certificate_file"),
        ("url = \"https://connect.example.com\"\ncertificate_file = \"c\"", "key_file"),
    ] {
        let found = problems(&with(&format!("[console]\n{lines}")));
        assert!(found.contains(word), "{lines}: {found}");
    }
}

#[test]
fn a_certificate_of_its_own_is_for_a_name_that_connect_does_not_ask_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["pages.example.com".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.path().join("c"), certificate.pem()).expect("written");
    fs::write(folder.path().join("k"), key.serialize_pem()).expect("written");
    fs::set_permissions(folder.path().join("k"), fs::Permissions::from_mode(0o600)).expect("ours");
    let text = |name: &str| {
        let lines =
            format!("[console]\nurl = \"https://{name}\"\ncertificate_file = \"c\"\nkey_file = \"k\"");
        let public = "state_dir = \"state\"\npublic_name = \"agent.example.com\"";
        with(&lines).replace("state_dir = \"state\"", public)
    };
    let config = parse(&text("Pages.example.com:7443"), &folder).expect("it is good");
    let named = config.console.and_then(|console| console.certificate).expect("a certificate");
    assert_eq!(named.name, "pages.example.com");
    let wrong = |name: &str| {
        let problems = parse(&text(name), &folder).expect_err("it is wrong");
        problems.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(wrong("agent.example.com:7443").contains("is a `public_name`"));
    assert!(wrong("127.0.0.1:7443").contains("has an address"));
    assert!(wrong("[::1]:7443").contains("has an address"));
}

#[test]
fn who_is_told_is_told_of_resources_that_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |lines: &str| parse(&format!("{GOOD}\n[[notify]]\n{lines}\n"), &folder);
    let config = read("url = \"https://hooks.example.com/x\"\nformat = \"slack\"\nresources = [\"prod-db\"]");
    let notified = config.expect("it is good").notified;
    assert_eq!(notified[0].resources.iter().flatten().collect::<Vec<_>>(), ["prod-db"]);
    assert!(!format!("{notified:?}").contains("hooks.example.com"), "where to is a secret");
    for (lines, word) in [
        ("format = \"slack\"", "url_file"),
        ("url = \"https://h.example.com/\"", "notify[1].format"),
        ("url = \"http://h.example.com/\"\nformat = \"slack\"", "https://"),
        ("url = \"https://h.example.com/\"\nformat = \"teams\"", "`slack` or `json`"),
        ("url = \"https://h.example.com/\"\nformat = \"json\"", "secret_file"),
        ("url = \"https://h.example.com/\"\nformat = \"json\"\nsecret_env = \"PROD_DB\"", "24 to 64 bytes"),
        ("url = \"https://h.example.com/\"\nurl_env = \"PROD_DB\"\nformat = \"slack\"", "keep one of them"),
        ("url_env = \"PROD_DB\"\nformat = \"slack\"", "holds no URL"),
        (
            "url = \"https://h.example.com/\"\nformat = \"slack\"\nresources = [\"gone\"]",
            "is not the name of a `[[resource]]`",
        ),
    ] {
        let found = problems(&format!("{GOOD}\n[[notify]]\n{lines}\n"));
        assert!(found.contains(word) && !found.contains("hunter2"), "{lines}: {found}");
    }
}
