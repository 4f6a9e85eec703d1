//! A throwaway PostgreSQL: temporary folder, free port, TLS with a private authority, SCRAM for the agent.

mod standby;

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::{
    os_user::{self, OtherUser},
    place,
    process::{self, Process, Signal},
};

/// The agent's account at the database. Its password must never be seen by a client.
pub const AGENT_USER: &str = "connect_agent";
pub const AGENT_PASSWORD: &str = "n0-client-may-ever-hold-this-7c41";

/// The administrator's account: straight to the database, without a password, for what a test checks from
/// the other side.
pub const ADMINISTRATOR: &str = "postgres";

/// People's data, as `shop` has it.
pub const SAMPLE: &str = include_str!("sample.sql");

/// A major version that the tests have beside the system's own server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Thirteen,
    Fifteen,
    Eighteen,
}

impl Version {
    /// Servers that clients are tried with: the system's own (`None`) or, in the full tier, the oldest, the newest and
    /// one between.
    #[must_use]
    pub fn each() -> Vec<Option<Self>> {
        match std::env::var_os("CONNECT_TESTS_FULL") {
            Some(_) => [Self::Fifteen, Self::Thirteen, Self::Eighteen].map(Some).to_vec(),
            None => vec![None],
        }
    }

    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Thirteen => 13,
            Self::Fifteen => 15,
            Self::Eighteen => 18,
        }
    }

    /// Where its programs are.
    ///
    /// # Panics
    /// `tests/run` has not installed them.
    fn programs(self) -> PathBuf {
        let folder = place::of_tests(&format!("servers/node_modules/pg{}/native/bin", self.number()));
        assert!(
            folder.join("postgres").is_file(),
            "PostgreSQL {} is not installed; run tests/run",
            self.number()
        );
        folder
    }
}

/// The programs of one installation.
struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
}

/// A running server. Stopped, with its folder, when dropped.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    process: Process,
}

impl Postgres {
    /// Starts one below `folder`, with the databases `shop` (people's data) and `bench` (empty).
    ///
    /// # Panics
    /// PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// With more lines for `postgresql.conf`.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_with(folder: &Path, settings: &str) -> Self {
        let [initdb, postgres] = ["initdb", "postgres"].map(place::installed);
        Self::start_from(&Programs { initdb, postgres }, folder, settings)
    }

    /// As [`Self::start`], of another version than the system's.
    ///
    /// # Panics
    /// It is not installed, or does not start.
    #[must_use]
    pub fn start_version(version: Version, folder: &Path) -> Self {
        Self::start_version_with(version, folder, "")
    }

    /// As [`Self::start_version`], with more lines for `postgresql.conf`.
    ///
    /// # Panics
    /// As [`Self::start_version`].
    #[must_use]
    pub fn start_version_with(version: Version, folder: &Path, settings: &str) -> Self {
        let [initdb, postgres] = ["initdb", "postgres"].map(|program| version.programs().join(program));
        Self::start_from(&Programs { initdb, postgres }, folder, settings)
    }

    fn start_from(programs: &Programs, folder: &Path, settings: &str) -> Self {
        let user = os_user::unprivileged();
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("a folder");
        os_user::give(&data, user).expect("the folder is ours to give");
        initialise(&programs.initdb, &data, user);
        write_certificates(folder, &data, user);
        write_settings(&data, settings);
        let (process, port) = serve(&programs.postgres, &data, user);
        let server = Self { folder: folder.to_owned(), port, process };
        server.fill();
        server
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Certificate of the authority that signed the server's.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Runs SQL as the administrator, straight at the server: rows as lines, columns split by `|`.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(place::installed("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", ADMINISTRATOR, "-d", database])
            .args(["-p", &self.port.to_string()]);
        process::run_with(&mut psql, sql, process::PATIENCE).good().trim_end().to_owned()
    }

    /// Waits, at the server, for a condition to become true.
    ///
    /// # Panics
    /// It does not within half a minute.
    #[track_caller]
    pub fn wait_until(&self, database: &str, condition: &str) {
        self.sql(
            database,
            &format!(
                "DO $$ BEGIN FOR i IN 1..600 LOOP IF ({condition}) THEN RETURN; END IF;
                 PERFORM pg_sleep(0.05), pg_stat_clear_snapshot(); END LOOP; RAISE 'never: %', $c${condition}$c$; END $$"
            ),
        );
    }

    /// Where it writes its log, if it is told to write one.
    ///
    /// # Panics
    /// There is no such folder.
    #[must_use]
    pub fn logs(&self) -> Vec<PathBuf> {
        let folder = self.folder.join("data/log");
        fs::read_dir(folder).expect("a log").flatten().map(|file| file.path()).collect()
    }

    /// Lets people in by these lines of `pg_hba.conf` alone, and the administrator as ever.
    ///
    /// # Panics
    /// The server does not take them.
    pub fn admit(&self, lines: &str) {
        let access = format!("{lines}\nhost all {ADMINISTRATOR} 127.0.0.1/32 trust\n");
        fs::write(self.data().join("pg_hba.conf"), access).expect("our own file");
        self.reload();
    }

    /// Makes the server read its settings again, and waits until it has.
    ///
    /// # Panics
    /// It does not.
    pub fn reload(&self) {
        let before = self.sql("postgres", "SELECT pg_conf_load_time()");
        self.sql("postgres", "SELECT pg_reload_conf()");
        self.wait_until("postgres", &format!("pg_conf_load_time() > '{before}'"));
    }

    /// Stops it: whoever is connected is cut.
    ///
    /// # Panics
    /// It does not end.
    pub fn stop(&mut self) {
        self.process.signal(Signal::QUIT);
        self.process.wait_for_end();
    }

    /// Starts it again after [`Self::stop`], on its port. It must be of the system's version.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&mut self) {
        let user = os_user::unprivileged();
        let process = serve_on(&place::installed("postgres"), &self.data(), user, self.port);
        self.process = process.expect("its port is free");
    }

    /// The folder of its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A connection string for the administrator.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user={ADMINISTRATOR} dbname={database}", self.port)
    }

    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    fn fill(&self) {
        self.sql("postgres", &format!("CREATE ROLE {AGENT_USER} LOGIN PASSWORD '{AGENT_PASSWORD}'"));
        for database in ["shop", "bench"] {
            self.sql("postgres", &format!("CREATE DATABASE {database} OWNER {AGENT_USER}"));
            self.sql(database, &format!("ALTER SCHEMA public OWNER TO {AGENT_USER}"));
        }
        self.sql("shop", &format!("SET ROLE {AGENT_USER};\n{SAMPLE};\nRESET ROLE; VACUUM ANALYZE;"));
    }
}

fn initialise(program: &Path, data: &Path, user: Option<OtherUser>) {
    let mut initdb = Command::new(program);
    initdb
        .args([
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username",
            ADMINISTRATOR,
            "-D",
        ])
        .arg(data)
        .current_dir("/");
    os_user::run_as(&mut initdb, user);
    process::run(&mut initdb).good();
}

fn write_certificates(folder: &Path, data: &Path, user: Option<OtherUser>) {
    let named = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut authority = named("connect test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
    server.distinguished_name.push(DnType::CommonName, "connect test database");
    let key = KeyPair::generate().expect("a key");
    let certificate = server.signed_by(&key, &authority).expect("a certificate");
    fs::write(folder.join("authority.pem"), authority.pem()).expect("a file");
    let mine = [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())];
    for (name, text) in mine {
        let path = data.join(name);
        fs::write(&path, text).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, mode).expect("our own file");
        os_user::give(&path, user).expect("the file is ours to give");
    }
}

fn write_settings(data: &Path, more: &str) {
    let mut settings = fs::read_to_string(data.join("postgresql.conf")).expect("initdb wrote it");
    settings.push_str(
        "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 120\n\
         ssl = on\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n\
         password_encryption = 'scram-sha-256'\nlog_min_messages = fatal\njit = off\n\
         max_wal_size = '4GB'\ncheckpoint_timeout = '60min'\nshared_buffers = '256MB'\n",
    );
    settings.push_str(more);
    fs::write(data.join("postgresql.conf"), settings).expect("our own file");
    let mut access = String::new();
    // Only TLS and only SCRAM for the agent: an agent that fell back to less would be turned away.
    let _ = writeln!(access, "hostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256");
    let _ = writeln!(access, "host all {ADMINISTRATOR} 127.0.0.1/32 trust");
    fs::write(data.join("pg_hba.conf"), access).expect("our own file");
}

fn serve(program: &Path, data: &Path, user: Option<OtherUser>) -> (Process, u16) {
    // A free port may be taken by somebody else before the server has it: then another one.
    for _ in 0..5 {
        let port = free_port();
        if let Some(process) = serve_on(program, data, user, port) {
            return (process, port);
        }
    }
    panic!("no free port could be kept");
}

/// `None`: somebody else has the port.
fn serve_on(program: &Path, data: &Path, user: Option<OtherUser>, port: u16) -> Option<Process> {
    let mut postgres = Command::new(program);
    postgres
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string(), "-c", "log_min_messages=log"])
        .current_dir("/");
    os_user::run_as(&mut postgres, user);
    let process = Process::start("postgres", &mut postgres).ended_with(Signal::QUIT);
    let (ready, silent) = process.wait_for("that it accepts connections", |line| {
        let taken = line.contains("could not create any TCP/IP sockets");
        let silent = line.contains("redirecting log output");
        (taken || silent || line.contains("ready to accept ")).then_some((!taken, silent))
    });
    if silent {
        wait_for_answer(port);
    }
    ready.then_some(process)
}

/// Of a server that writes its log into files and says nothing.
fn wait_for_answer(port: u16) {
    let end = Instant::now() + process::PATIENCE;
    let ready = || {
        let mut psql = Command::new(place::installed("psql"));
        psql.args(["-XqAtc", "SELECT 1", "-h", "127.0.0.1", "-U", ADMINISTRATOR, "-d", "postgres"]);
        process::run(psql.args(["-p", &port.to_string()])).code == 0
    };
    while !ready() {
        assert!(Instant::now() < end, "the server does not answer");
    }
}

/// A port that nobody listens on now.
///
/// # Panics
/// The loopback has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}
