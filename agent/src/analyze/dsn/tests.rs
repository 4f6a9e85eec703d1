use super::*;

fn with(text: &str, variables: &[(&str, &str)]) -> Result<UpstreamConfig, DsnError> {
    let value =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    parse(text, &value)
}

/// `user:password@host:port/database`, and the way.
fn shown(text: &str, variables: &[(&str, &str)]) -> String {
    let config = with(text, variables).unwrap_or_else(|error| panic!("{text}: {error}"));
    let UpstreamConfig { host, port, database, user, password: Secret(password), tls, way: _ } = config;
    let tls = match tls {
        UpstreamTls::Disable => "plain".to_owned(),
        UpstreamTls::VerifyFull { ca_file: None } => "tls".to_owned(),
        UpstreamTls::VerifyFull { ca_file: Some(file) } => format!("tls by {}", file.display()),
    };
    format!("{user}:{password}@{host}:{port}/{database} {tls}")
}

#[test]
fn a_uri_and_pairs_mean_the_same() {
    let expected = "ci:s3 cret@db.internal:6543/shop tls by /ca.pem";
    for text in [
        "postgresql://ci:s3%20cret@db.internal:6543/shop?sslmode=verify-full&sslrootcert=%2Fca.pem",
        "postgres://ci:s3%20cret@db.internal:6543/shop?sslrootcert=/ca.pem&application_name=x",
        "host=db.internal port = 6543 user=ci password='s3 cret' dbname=shop sslrootcert=/ca.pem",
        "postgresql:///shop?host=db.internal&port=6543&user=ci&password=s3%20cret&sslrootcert=/ca.pem",
    ] {
        assert_eq!(shown(text, &[]), expected, "{text}");
    }
}

#[test]
fn what_is_left_out_comes_from_the_environment_and_the_dsn_wins() {
    let variables = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", "15432"),
        ("PGUSER", "ci"),
        ("PGPASSWORD", "pw"),
        ("PGDATABASE", "shop"),
        ("USER", "root"),
    ];
    assert_eq!(shown("", &variables), "ci:pw@127.0.0.1:15432/shop plain");
    assert_eq!(shown("other", &variables), "ci:pw@127.0.0.1:15432/other plain");
    assert_eq!(shown("postgresql://localhost", &variables), "ci:pw@localhost:15432/shop plain");
    assert_eq!(shown("postgresql://ana:x@[::1]:5433/mine", &variables), "ana:x@::1:5433/mine plain");
    assert_eq!(shown("host=/run/pg user=ana", &[]), "ana:@/run/pg:5432/ana plain");
}

#[test]
fn the_password_file_is_the_last_place_that_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(".pgpass");
    std::fs::write(&file, "localhost:*:*:ci:kept\n").expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("our own");
    let home = folder.path().display().to_string();
    let variables = [("HOME", home.as_str())];
    assert_eq!(shown("host=localhost user=ci", &variables), "ci:kept@localhost:5432/ci plain");
    assert_eq!(shown("host=/run/pg user=ci", &variables), "ci:kept@/run/pg:5432/ci plain");
    assert_eq!(shown("host=localhost user=ci password=own", &variables), "ci:own@localhost:5432/ci plain");
}

#[test]
fn a_way_to_another_machine_is_encrypted_unless_it_is_said_to_be_safe() {
    let dsn = |rest: &str| format!("user=ci host=db.internal {rest}");
    for (rest, expected) in [
        ("", "tls"),
        ("sslmode=prefer", "tls"),
        ("sslmode=require", "tls"),
        ("sslmode=verify-full sslrootcert=system", "tls"),
        ("sslmode=disable", "plain"),
    ] {
        assert_eq!(shown(&dsn(rest), &[]), format!("ci:@db.internal:5432/ci {expected}"), "{rest}");
    }
    let asked = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/ca.pem")];
    assert_eq!(shown("user=ci host=127.0.0.1", &asked), "ci:@127.0.0.1:5432/ci tls by /ca.pem");
}

#[test]
fn what_is_wrong_is_named_and_no_value_is() {
    for (text, expected) in [
        ("mysql://root@db/shop", DsnError::Scheme("mysql".to_owned())),
        ("host=a,b user=ci", DsnError::SeveralHosts),
        ("postgresql://ci@a,b/shop", DsnError::SeveralHosts),
        ("user=ci port=x", DsnError::Port),
        ("user=ci sslmode=yes", DsnError::SslMode),
        ("user=ci options='-c search_path=x'", DsnError::NotSupported("options".to_owned())),
        ("user=ci hots=a", DsnError::Unknown("hots".to_owned())),
        ("user=ci password=top secret", DsnError::Pairs(28)),
        ("user=ci password='top secret", DsnError::Pairs(29)),
        ("host=localhost", DsnError::User),
    ] {
        let error = with(text, &[]).expect_err(text);
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(error, expected, "{text}");
    }
    assert!(matches!(with("postgresql://ci@a:b/shop", &[]), Err(DsnError::Malformed(_))));
    assert!(matches!(with("postgresql://ci@a/shop?sslmode", &[]), Err(DsnError::Malformed(_))));
    let options = [("PGOPTIONS", "-c search_path=x"), ("USER", "ci")];
    assert_eq!(with("", &options).expect_err("refused"), DsnError::NotSupported("PGOPTIONS".to_owned()));
}
