//! The agent's way to a database: every way of logging in, several hosts, and servers that mean harm.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    imposter::{self, Part},
    leaves,
    middle::Middle,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres, Version},
    process::{self, Finished},
    turncoat::{Turn, Turncoat},
    wire::{Mode, Wire, framed},
    world::World,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

fn asks(world: &World) -> Finished {
    world.person("ana").open(SHOP).psql("SELECT count(*) FROM products;")
}

#[track_caller]
fn answers(world: &World) {
    let finished = asks(world);
    assert_eq!((finished.stdout.trim(), finished.stderr.as_str()), ("100", ""));
}

#[test]
fn md5_and_a_password_under_tls_are_ways_in_and_without_tls_they_are_not() {
    for world in World::on_each_server() {
        let li = world.person("li");
        let psql = || li.open(SHOP).psql("SELECT count(*) FROM products;").stdout.trim().to_owned();
        world.postgres.sql(
            "postgres",
            &format!("SET password_encryption = 'md5'; ALTER ROLE {AGENT_USER} PASSWORD '{AGENT_PASSWORD}'"),
        );
        world.postgres.admit(&format!("hostssl all {AGENT_USER} 127.0.0.1/32 md5"));
        assert_eq!(psql(), "100", "md5");
        world.postgres.admit(&format!("hostssl all {AGENT_USER} 127.0.0.1/32 password"));
        assert_eq!(psql(), "100", "a password");
        world.postgres.admit(&format!("hostssl all {AGENT_USER} 127.0.0.1/32 trust"));
        assert_eq!(psql(), "", "a server that proves nothing");
    }
}

#[test]
fn a_client_certificate_is_a_way_in_without_a_password() {
    for version in Version::each() {
        let world = World::start_behind_on(version, |postgres| {
            let own = certificates(postgres);
            let folder = own.display();
            let upstream = format!(
                "address = \"127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\nca_file = \"{}\"\n\
                 client_certificate_file = \"{folder}/client.pem\"\nclient_key_file = \"{folder}/client.key\"",
                postgres.port(),
                postgres.authority().display(),
            );
            AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
        });
        answers(&world);
        world.postgres.admit(&format!("hostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"));
        assert_eq!(asks(&world).stdout, "", "there is no password");
    }
}

/// How many times these bytes stand in others.
fn times(part: &[u8], said: &[u8]) -> usize {
    said.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn a_login_is_bound_to_the_certificate_so_that_nobody_in_the_middle_can_pass_it_on() {
    for version in Version::each() {
        let mut middles = None;
        let mut world = World::start_behind_on(version, |postgres| {
            let other = Elsewhere::named(postgres, "127.0.0.1");
            let authority = fs::read(postgres.authority()).expect("our own file");
            let own = ["server.crt", "server.key"].map(|name| fs::read(postgres.data().join(name)));
            let [certificate, key] = own.map(|file| file.expect("our own file"));
            let [same, forged] = middles.insert([
                Middle::before(postgres.port(), &authority, &certificate, &key),
                Middle::before(
                    postgres.port(),
                    &authority,
                    other.certificate.as_bytes(),
                    other.key.as_bytes(),
                ),
            ]);
            assert_ne!(same.port(), forged.port());
            // The agent believes both authorities.
            let both = [authority, fs::read(&other.authority).expect("our own file")].concat();
            fs::write(&other.authority, both).expect("our own file");
            let password = private(&other.authority.with_file_name("password"), AGENT_PASSWORD);
            let upstream = format!(
                "address = \"127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\nca_file = \"{}\"\npassword_file = \"{}\"",
                same.port(),
                other.authority.display(),
                password.display(),
            );
            AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
        });
        let [same, forged] = middles.expect("they were started");
        // Under the server's own certificate the login is what it is without anybody between.
        answers(&world);
        let said = same.said();
        let bound = times(b"SCRAM-SHA-256-PLUS\0", &said);
        assert!(bound > 0, "no login is bound");
        assert_eq!(times(b"p=tls-server-end-point,,", &said), bound);
        assert_eq!(times(b"SCRAM-SHA-256\0", &said), 0, "a login that is not bound");
        let [before, after] = [&same, &forged].map(|middle| format!("127.0.0.1:{}\"", middle.port()));
        world.agent.reconfigure(|config| config.replace(&before, &after));
        let refused = asks(&world);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        world.agent.process().wait_for_line("SCRAM channel binding check failed");
        assert!(times(b"SCRAM-SHA-256-PLUS\0", &forged.said()) > 0);
        for said in [same.said(), forged.said()] {
            assert_eq!(times(AGENT_PASSWORD.as_bytes(), &said), 0, "the password itself was said");
        }
    }
}

/// A file that only its owner may read.
fn private(path: &Path, text: &str) -> PathBuf {
    fs::write(path, text).expect("a file");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, private).expect("our own file");
    path.to_owned()
}

/// A certificate for the agent, and a server that lets it in by that.
fn certificates(postgres: &Postgres) -> PathBuf {
    let folder = postgres.authority().parent().expect("a folder").to_owned();
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "connect test clients");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("one");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, AGENT_USER);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    fs::write(folder.join("clients.pem"), authority.pem()).expect("a file");
    fs::write(folder.join("client.pem"), certificate.pem()).expect("a file");
    private(&folder.join("client.key"), &key.serialize_pem());
    let trusted = postgres.data().join("clients.pem");
    fs::copy(folder.join("clients.pem"), &trusted).expect("a copy");
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&trusted, readable).expect("our own file");
    postgres.sql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'clients.pem'");
    // The other resource goes on by its password.
    postgres.admit(&format!(
        "hostssl shop {AGENT_USER} 127.0.0.1/32 cert\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
    ));
    folder
}

/// An authority of its own, and a server's certificate by it.
struct Elsewhere {
    authority: PathBuf,
    certificate: String,
    key: String,
}

impl Elsewhere {
    fn named(postgres: &Postgres, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "another authority");
        let signer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("one");
        let key = KeyPair::generate().expect("a key");
        let names = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = names.signed_by(&key, &signer).expect("a certificate");
        let authority = postgres.authority().with_file_name("another.pem");
        fs::write(&authority, signer.pem()).expect("a file");
        Self { authority, certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

#[test]
fn a_server_whose_certificate_does_not_prove_its_name_is_not_believed() {
    for (swaps, why) in [(false, "UnknownIssuer"), (true, "not valid for name")] {
        let world = World::start_behind(|postgres| {
            let other = Elsewhere::named(postgres, "elsewhere.test");
            let password = private(&other.authority.with_file_name("password"), AGENT_PASSWORD);
            if swaps {
                // Into the files that are there: the server minds whose they are.
                fs::write(postgres.data().join("server.crt"), &other.certificate).expect("a file");
                fs::write(postgres.data().join("server.key"), &other.key).expect("a file");
                postgres.reload();
            }
            AgentOptions {
                upstream: Some(
                    format!(
                        "address = \"127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\nca_file = \"{}\"\n\
                     password_file = \"{}\"",
                        postgres.port(),
                        other.authority.display(),
                        password.display(),
                    )
                    .leak(),
                ),
                ..AgentOptions::default()
            }
        });
        let refused = asks(&world);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{why}");
        let line = world.agent.process().wait_for_line("the database cannot be reached");
        assert!(line.contains("certificate") && line.contains(why), "{line}");
    }
}

#[test]
fn a_database_that_means_harm_harms_only_its_own_connections() {
    let authentication = |method: u32, data: &[u8]| framed(b'R', &[&method.to_be_bytes()[..], data].concat());
    let scram = || vec![Part::Hear, Part::Say(authentication(10, b"SCRAM-SHA-256\0\0")), Part::Hear];
    let then = |mut parts: Vec<Part>, more: &[Part]| {
        parts.extend_from_slice(more);
        parts
    };
    let iterations = authentication(11, b"r=abc,s=YWJj,i=4294967295");
    let longest = [&b"R"[..], &0x7fff_ffff_u32.to_be_bytes()].concat();
    let forged = framed(b'E', b"SFATAL\0VFATAL\0C28P01\0Msend the password again\0\0");
    // Behind the answer that TLS may begin, where anybody on the way can write.
    let before_tls = vec![Part::Hear, Part::Say([&b"S"[..], &forged].concat()), Part::Wait];
    let cases: Vec<(&str, Vec<Part>)> = vec![
        ("words before TLS", before_tls),
        ("no word", vec![Part::Wait]),
        ("garbage", vec![Part::Hear, Part::Flood(vec![0xff; 65_536])]),
        ("a flood of notices", vec![Part::Hear, Part::Flood(framed(b'N', b"SNOTICE\0Mx\0\0").repeat(1_000))]),
        ("a length of two gigabytes", vec![Part::Hear, Part::Say(longest), Part::Flood(vec![0; 65_536])]),
        (
            "no proof",
            vec![Part::Hear, Part::Say([authentication(0, b""), framed(b'Z', b"I")].concat()), Part::Wait],
        ),
        (
            "the password in clear",
            vec![Part::Hear, Part::Say(authentication(3, b"")), Part::Hear, Part::Wait],
        ),
        ("md5 in clear", vec![Part::Hear, Part::Say(authentication(5, b"salt")), Part::Hear, Part::Wait]),
        ("endless work", then(scram(), &[Part::Say(iterations), Part::Wait])),
        ("proof skipped", then(scram(), &[Part::Say(authentication(0, b"")), Part::Wait])),
        ("ready at once", vec![Part::Hear, Part::Say(framed(b'Z', b"I")), Part::Wait]),
        ("an end", vec![Part::Hear]),
    ];
    let password = tempfile::NamedTempFile::new().expect("a file");
    fs::write(password.path(), AGENT_PASSWORD).expect("our own file");
    for (title, parts) in cases {
        let port = imposter::start(parts);
        let world = World::start_behind(|postgres| {
            let tls = match title {
                "words before TLS" => format!("ca_file = \"{}\"", postgres.authority().display()),
                _ => "tls = \"disable\"".to_owned(),
            };
            let password = password.path().display();
            let upstream = format!(
                "address = \"127.0.0.1:{port}\"\nuser = \"{AGENT_USER}\"\n{tls}\nconnect_timeout = \"2s\"\n\
                 password_file = \"{password}\""
            );
            AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
        });
        let li = world.person("li");
        let [harmed, well] = [li.open(SHOP), li.open(BENCH)];
        let finished = harmed.psql("SELECT 1;");
        assert_eq!(finished.code, 2, "{title}: psql could not connect: {}", finished.stdout);
        assert!(finished.stderr.contains(SHOP), "{title}: {}", finished.stderr);
        for never in [AGENT_PASSWORD, "send the password again"] {
            assert!(!finished.stderr.contains(never), "{title}: {}", finished.stderr);
        }
        assert_eq!(well.psql("SELECT 1;").stdout, "1\n", "{title}");
        let kibibytes = process::most_memory(world.agent.process().id());
        assert!(kibibytes < 300 * 1024, "{title}: the agent holds {kibibytes} KiB");
    }
}

/// What a database says that turns hostile in the middle of a session.
fn turns() -> Vec<Turn> {
    let says = |name, says: Vec<u8>| Turn { name, says, goes: false };
    let header = |kind: u8, length: u32| [&[kind][..], &length.to_be_bytes()].concat();
    vec![
        says("turn: no length", header(b'T', 3)),
        says("turn: two gigabytes", header(b'T', 0x7fff_ffff)),
        says("turn: the password once more", framed(b'R', &[0, 0, 0, 3])),
        says("turn: data, please", framed(b'G', b"\0\0\0")),
        says("turn: the value of a call", framed(b'V', b"\xff\xff\xff\xff")),
        says("turn: a row of nothing", framed(b'D', b"\0\x01\0\0\0\x011")),
        says("turn: ready for what", framed(b'Z', b"X")),
        Turn { name: "turn: half a message", says: b"T\0\0\0\x21\0\x01id".to_vec(), goes: true },
    ]
}

/// A resource behind a database that turns; it is spoken with in clear, so that somebody can stand between.
fn turning(turncoat: &mut Option<Turncoat>) -> World {
    World::start_behind(|postgres| {
        postgres.admit(&format!("host all {AGENT_USER} 127.0.0.1/32 scram-sha-256"));
        let port = turncoat.insert(Turncoat::before(postgres.port(), turns())).port();
        let password = private(&postgres.authority().with_file_name("password"), AGENT_PASSWORD);
        let upstream = format!(
            "address = \"127.0.0.1:{port}\"\nuser = \"{AGENT_USER}\"\ntls = \"disable\"\npassword_file = \"{}\"",
            password.display()
        );
        AgentOptions { upstream: Some(upstream.leak()), ..AgentOptions::default() }
    })
}

#[test]
fn a_database_that_turns_hostile_in_a_session_harms_only_the_connection_that_it_turned_on() {
    let mut turncoat = None;
    let mut world = turning(&mut turncoat);
    let turncoat = turncoat.expect("it was started");
    let li = world.person("li");
    let [harmed, well] = [li.open(SHOP), li.open(BENCH)];
    let open = |port, database| Wire::open(port, "anybody", database).expect("a connection");
    // One beside it at the same database, and one at another.
    let mut bystanders = [open(harmed.port(), "shop"), open(well.port(), "bench")];
    for turn in turns() {
        for mode in [Mode::Simple, Mode::Text] {
            let what = format!("{}, {mode:?}", turn.name);
            let mut wire = open(harmed.port(), "shop");
            // Behind this nothing of the agent's own is on its way, which the turn could pass for an answer to.
            assert_eq!(wire.ask(mode, "SELECT 7").rows(), [[Some(b"7".to_vec())]], "{what}");
            let answer = wire.ask(mode, &format!("SELECT id FROM products WHERE '{}' <> ''", turn.name));
            let [error] = &answer.messages[..] else { panic!("{what}: {:?}", answer.messages) };
            let sqlstate = if turn.goes { "57P01" } else { "08P01" };
            assert_eq!((error.kind, error.field(b'C').as_deref()), (b'E', Some(sqlstate)), "{what}");
            assert_eq!(error.field(b'S').as_deref(), Some("FATAL"), "{what}");
            let rest = wire.rest();
            assert!(rest.messages.is_empty() && !rest.timed_out(), "{what}: it went on: {:?}", rest.messages);
            let heard = turncoat.left();
            // The messages of a pipeline may be on their way already.
            assert!(mode == Mode::Text || heard.is_empty(), "{what}: the server still heard {heard:?}");
            for bystander in &mut bystanders {
                assert_eq!(bystander.ask(mode, "SELECT 7").rows(), [[Some(b"7".to_vec())]], "{what}");
            }
        }
    }
    world.held_little(&harmed);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let ids = |kind: &str| -> HashSet<String> {
        leaves::of_kind(&leaves, kind).iter().map(|leaf| leaf["statement"].to_string()).collect()
    };
    assert_eq!(ids("intent"), ids("outcome"), "what began has its end in the record");
    let unknown =
        leaves::of_kind(&leaves, "outcome").iter().filter(|leaf| leaf["result"] == "unknown").count();
    assert!(unknown >= turns().len(), "{unknown} of unknown end");
}

#[test]
fn a_silent_first_host_costs_its_time_and_no_more() {
    let silent = imposter::start(vec![Part::Wait]);
    let world = World::start_behind(|postgres| {
        let below = postgres.authority().parent().expect("a folder").to_owned();
        private(&below.join("password"), AGENT_PASSWORD);
        AgentOptions {
            upstream: Some(format!(
                "address = \"127.0.0.1:{silent},127.0.0.1:{}\"\nuser = \"{AGENT_USER}\"\nca_file = \"{}\"\n\
                 connect_timeout = \"1s\"\npassword_file = \"{}/password\"",
                postgres.port(),
                postgres.authority().display(),
                below.display(),
            ).leak()),
            ..AgentOptions::default()
        }
    });
    let tunnel = world.person("ana").open(SHOP);
    let mut psql = tunnel.client("psql");
    // Long enough for one host, and too short if the silent one had the usual time.
    psql.env("PGCONNECT_TIMEOUT", "8").args(["-XqAtc", "SELECT 1"]);
    let finished = process::run_with(&mut psql, "", Duration::from_secs(60));
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("1\n", ""));
}
