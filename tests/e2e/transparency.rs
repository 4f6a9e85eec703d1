//! With a policy that permits everything and nothing protected, a client receives byte for byte what the server
//! sends: results, tags, every field of errors and notices, transaction states.

mod messages;

use connect_tests::{
    agent::{AgentOptions, BENCH},
    place,
    postgres::{AGENT_USER, Version},
    script::{Script, scripts},
    transcript::{Transcript, difference},
    tunnel::Tunnel,
    wire::{Answer, Mode, VERSION_3_0, Wire, startup},
    world::World,
};

/// A second database that is as the first: what one side does must not be seen by the other.
const TWIN: &str = "twin";

/// Our side and the server's, each with a database of its own.
struct Pair {
    world: World,
    tunnel: Tunnel,
}

impl Pair {
    fn of_version(version: Option<Version>) -> Self {
        // What a conversation makes is nobody's secret.
        let options = AgentOptions { bench_labels: "\"own.*\" = \"clear\"", ..AgentOptions::default() };
        Self::of(World::start_on(version, &options), "")
    }

    /// Both databases in this encoding.
    fn in_encoding(encoding: &str) -> Self {
        let like = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        let world = World::start_behind(|postgres| {
            postgres.sql("postgres", "DROP DATABASE bench");
            postgres.sql("postgres", &format!("CREATE DATABASE bench OWNER {AGENT_USER} {like}"));
            AgentOptions::default()
        });
        Self::of(world, &like)
    }

    fn of(world: World, like: &str) -> Self {
        world.postgres.sql("postgres", &format!("CREATE DATABASE {TWIN} OWNER {AGENT_USER} {like}"));
        world.postgres.sql(TWIN, &format!("ALTER SCHEMA public OWNER TO {AGENT_USER}"));
        // The same account on both sides.
        let account = format!("all {AGENT_USER} 127.0.0.1/32 scram-sha-256");
        world.postgres.admit(&format!("host {TWIN} {AGENT_USER} 127.0.0.1/32 trust\nhostssl {account}"));
        let tunnel = world.person("li").open(BENCH);
        Self { world, tunnel }
    }

    /// Two connections, each in a new and empty schema.
    fn connect(&self) -> [Wire; 2] {
        let ours = Wire::open(self.tunnel.port(), "anybody", "bench").expect("a connection");
        let direct = Wire::open(self.world.postgres.port(), AGENT_USER, TWIN).expect("a connection");
        let mut both = [ours, direct];
        for wire in &mut both {
            for sql in ["DROP SCHEMA IF EXISTS own CASCADE", "CREATE SCHEMA own", "SET search_path TO own"] {
                good(&wire.ask(Mode::Simple, sql));
            }
        }
        both
    }
}

fn good(answer: &Answer) {
    assert!(
        answer.lost.is_none() && answer.error().is_none(),
        "{:?}",
        answer.error().map(|error| error.text())
    );
}

/// What differs in one conversation; `said` asks one side for one step.
fn compare(
    pair: &Pair,
    title: &str,
    steps: usize,
    said: impl Fn(&mut Wire, usize) -> (String, Answer),
) -> (usize, Vec<String>) {
    let [mut ours, mut direct] = pair.connect();
    let [mut our_transcript, mut their_transcript] = [Transcript::default(), Transcript::default()];
    let (mut messages, mut differences) = (0, Vec::new());
    for step in 0..steps {
        let (what, answer) = said(&mut ours, step);
        let our_lines = our_transcript.lines(&answer);
        let their_answer = said(&mut direct, step).1;
        let their_lines = their_transcript.lines(&their_answer);
        messages += their_lines.len();
        if let Some(difference) = difference(&our_lines, &their_lines)
            && !is_told_sooner(&answer, &their_answer)
        {
            differences.push(format!("{title}: {what}\n  {difference}"));
        }
        if answer.timed_out() || their_answer.timed_out() {
            differences.push(format!("{title}: {what}\n  nothing came"));
        }
        if answer.lost.is_some() || their_answer.lost.is_some() {
            break;
        }
    }
    (messages, differences)
}

fn corpus() -> Vec<Script> {
    scripts(&std::fs::read_to_string(place::of_tests("corpora/transparency.sql")).expect("a corpus"))
}

/// Statements whose answer is another one by design, each with the reason.
const BY_DESIGN: &[(&str, &str)] = &[
    ("SET no.such = 1", "a setting that is not reviewed is not changed"),
    ("SELECT no_such_function(1)", "the types in the message are the server's to find, who is not asked"),
    ("ALTER TABLE nowhere ADD a int", "what is not understood is told at Parse already"),
    ("TRUNCATE nowhere", "what is not understood is told at Parse already"),
    ("COPY nothing TO STDOUT", "what is not understood is told at Parse already"),
    ("PREPARE broken AS SELECT nothing", "what is not understood is told at Parse already"),
    ("SHOW application_name", "the server's name of a connection begins with the principal"),
    ("SELECT 1 \\ 2", "where the backslash stands is the server's to say, whose answer would be about ours"),
    ("SELECT 1e", "an older server reads a number and a name, the agent's parser a mistake"),
    ("SELECT 0x", "an older server reads a number and a name, the agent's parser a mistake"),
    ("EXECUTE nothing", "what a name stands for is asked at Parse already"),
    ("EXECUTE one", "what a name stands for is asked at Parse already"),
    ("FETCH nothing", "what a name stands for is asked at Parse already"),
    ("FETCH FIRST FROM q", "what a name stands for is asked at Parse already"),
];

/// The same by what the agent says.
const OURS_BY_DESIGN: &[(&str, &str)] = &[
    ("is newer than this server, which would read it as something else", "the agent's parser knows it"),
    (
        "COPY from stdin failed: unexpected message type",
        "a statement in the middle of a COPY never reaches a server that may have left it",
    ),
];

fn is_by_design(difference: &str) -> bool {
    let mut lines = difference.lines();
    let statement = lines.next().unwrap_or_default();
    BY_DESIGN.iter().any(|(known, _reason)| statement.ends_with(&format!(": {known}")))
        || lines.any(|line| {
            line.trim_start().starts_with("ours: ")
                && OURS_BY_DESIGN.iter().any(|(known, _reason)| line.contains(known))
        })
}

/// What the server says before it is ready. Only the key that cancels is another one.
fn greets(wire: &Wire) -> Vec<(u8, Vec<u8>)> {
    let shown = |kind, body: &[u8]| if kind == b'K' { Vec::new() } else { body.to_vec() };
    wire.greeting.messages.iter().map(|message| (message.kind, shown(message.kind, &message.body))).collect()
}

/// That a name stands for nothing is told at Parse, where the server takes a command unread and says the same when it
/// runs, or says first that its transaction has failed: both refuse it.
fn is_told_sooner(ours: &Answer, direct: &Answer) -> bool {
    const NAMES: [&str; 5] = ["42P01", "42703", "42883", "26000", "34000"];
    let (Some(ours), Some(direct)) = (ours.sqlstate(), direct.sqlstate()) else { return false };
    NAMES.contains(&ours.as_str()) && (direct == ours || direct == "25P02")
}

fn run(version: Option<Version>, modes: &[Mode]) {
    let pair = Pair::of_version(version);
    let [ours, direct] = pair.connect();
    assert_eq!(greets(&ours), greets(&direct), "what a connection begins with");
    let (mut messages, mut failures) = (0, Vec::new());
    for script in corpus() {
        for mode in modes {
            let title = format!("{mode:?}, {}", script.title);
            let (some, differences) = compare(&pair, &title, script.steps.len(), |wire, step| {
                let sql = &script.steps[step];
                (sql.clone(), wire.ask(*mode, sql))
            });
            messages += some;
            failures.extend(differences.into_iter().filter(|difference| !is_by_design(difference)));
        }
    }
    println!("{messages} messages compared");
    assert!(failures.is_empty(), "{} of {messages} messages:\n{}", failures.len(), failures.join("\n"));
    assert!(messages > 1_000 * modes.len(), "only {messages} messages were compared");
}

#[test]
fn every_answer_is_the_servers_own_byte_for_byte() {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    run(None, if full { &Mode::ALL } else { &[Mode::Simple, Mode::Binary, Mode::Pipeline] });
}

#[test]
fn every_answer_is_the_servers_own_on_old_and_new_servers() {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    for version in [Version::Thirteen, Version::Eighteen] {
        run(Some(version), if full { &Mode::ALL } else { &[Mode::Simple] });
    }
}

#[test]
fn a_database_in_another_encoding_answers_as_it_does_directly() {
    let pair = Pair::in_encoding("LATIN1");
    let steps = ["SHOW server_encoding", "SELECT 'é', ascii('é'), octet_length('é')", "SELECT 'ω'"];
    let parameters = |user, database| ["user", user, "database", database, "client_encoding", "UTF8"];
    let open = |port, user, database| {
        Wire::begin(port, &startup(VERSION_3_0, &parameters(user, database))).expect("a connection")
    };
    let mut ours = open(pair.tunnel.port(), "anybody", "bench");
    let mut direct = open(pair.world.postgres.port(), AGENT_USER, TWIN);
    let mut transcripts = [Transcript::default(), Transcript::default()];
    for sql in steps {
        for mode in Mode::ALL {
            let answers = [ours.ask(mode, sql), direct.ask(mode, sql)];
            let mut lines =
                transcripts.iter_mut().zip(&answers).map(|(transcript, answer)| transcript.lines(answer));
            assert_eq!(lines.next(), lines.next(), "{mode:?} {sql}");
        }
    }
    let refused = ours.ask(Mode::Simple, "SELECT 'é' AS ü");
    assert!(refused.is_denied(), "the server folds such a name by its own locale: {:?}", refused.messages);
}

#[test]
fn a_parameter_that_changes_at_the_server_by_itself_is_reported() {
    let world = World::start();
    let tunnel = world.person("li").open(BENCH);
    let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
    world.postgres.sql("postgres", "ALTER SYSTEM SET timezone = 'Asia/Tokyo'");
    world.postgres.reload();
    let end = std::time::Instant::now() + connect_tests::process::PATIENCE;
    let told = |answer: &Answer| {
        answer
            .messages
            .iter()
            .any(|message| message.kind == b'S' && message.body == b"TimeZone\0Asia/Tokyo\0")
    };
    // The server reads its settings between two statements, once it has been told.
    while !told(&wire.ask(Mode::Simple, "SELECT 1")) {
        assert!(std::time::Instant::now() < end, "it is never reported");
    }
}
