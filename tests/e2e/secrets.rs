//! Nothing of the database's credentials is on the client's machine.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use connect_tests::{
    agent::SHOP,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres},
    tap::Tap,
    world::World,
};

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            found.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Everything that a process has in memory.
fn memory_of(process: u32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("our own child");
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).expect("our own child");
    let mut everything = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let Some((start, end)) = range.split_once('-') else { continue };
        let [Ok(start), Ok(end)] = [start, end].map(|text| u64::from_str_radix(text, 16)) else { continue };
        if !rights.starts_with("rw") || memory.seek(SeekFrom::Start(start)).is_err() {
            continue;
        }
        let mut part = vec![0; usize::try_from(end - start).expect("a size")];
        if memory.read_exact(&mut part).is_ok() {
            everything.extend(part);
        }
    }
    everything
}

/// What only the database and the agent may know: the password, and what is kept of it at the server.
fn secrets(postgres: &Postgres) -> Vec<String> {
    let verifier = postgres
        .sql("postgres", &format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{AGENT_USER}'"));
    assert!(verifier.starts_with("SCRAM-SHA-256$"), "{verifier}");
    let keys = verifier.rsplit('$').next().expect("stored key and server key");
    keys.split(':').map(str::to_owned).chain([AGENT_PASSWORD.to_owned()]).collect()
}

#[test]
fn the_database_password_is_nowhere_on_the_client_machine() {
    let world = World::start();
    let secrets = secrets(&world.postgres);
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let tap = Tap::before(tunnel.port());
    let psql = connect_tests::tunnel::client(
        &connect_tests::place::installed("psql"),
        tap.port(),
        "shop",
        li.home(),
    );
    let mut psql = psql;
    connect_tests::process::run(psql.args(["-Xc", "SELECT * FROM customers WHERE id = 1"])).good();

    let process = tunnel.process().id();
    let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).expect("our own child");
    let memory = memory_of(process);
    assert!(contains(&memory, "127.0.0.1"), "{} bytes of memory were searched", memory.len());
    let mut places = vec![
        ("its environment".to_owned(), read("environ")),
        ("its arguments".to_owned(), read("cmdline")),
        ("its memory".to_owned(), memory),
        ("what psql received".to_owned(), tap.take()),
        ("what it printed".to_owned(), tunnel.process().transcript().into_bytes()),
    ];
    let files = files_below(li.home());
    assert!(files.iter().any(|file| file.ends_with("agents.toml")), "{files:?}");
    places.extend(files.iter().map(|file| (file.display().to_string(), fs::read(file).expect("a file"))));
    for (place, bytes) in &places {
        for secret in &secrets {
            assert!(!contains(bytes, secret), "a secret of the database is in {place}");
        }
    }
}

#[test]
fn the_search_finds_a_secret_where_there_is_one() {
    let world = World::start();
    let memory = memory_of(world.agent.process().id());
    assert!(contains(&memory, AGENT_PASSWORD), "the agent has the password, and the search sees it there");
}
