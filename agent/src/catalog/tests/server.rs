//! A throwaway PostgreSQL, of the system's version or of others that are found.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use tokio_postgres::{Client, NoTls};

use crate::upstream::{Secret, UpstreamConfig, UpstreamTls, Way};

/// Versions that this can be asked of.
const MAJORS: std::ops::RangeInclusive<u32> = 13..=18;

/// It listens on a socket in its own folder.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
}

/// A command as a user that the server's programs accept: they refuse root.
fn as_server_user(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("the program starts");
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where a version's programs are: as `CONNECT_TEST_PG_<major>` says, the system's, or those that the tests
/// have installed.
fn programs(major: u32) -> Option<PathBuf> {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/servers/node_modules");
    let named = std::env::var_os(format!("CONNECT_TEST_PG_{major}")).map(PathBuf::from);
    let system = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let own = Path::new(installed).join(format!("pg{major}/native/bin"));
    named.into_iter().chain([system, own]).find(|folder| folder.join("initdb").is_file())
}

impl Server {
    /// The system's, or the newest that is found.
    pub(crate) fn start() -> Self {
        let system = MAJORS.rev().map(|major| format!("/usr/lib/postgresql/{major}/bin"));
        let system = system.map(PathBuf::from).find(|folder| folder.join("initdb").is_file());
        let programs = system.or_else(|| MAJORS.rev().find_map(programs));
        Self::start_from(programs.expect("some version of PostgreSQL is installed"))
    }

    /// One of every version that is found.
    pub(crate) fn of_every_version() -> impl Iterator<Item = Self> {
        MAJORS.filter_map(programs).map(Self::start_from)
    }

    fn start_from(programs: PathBuf) -> Self {
        let folder = PathBuf::from(run(as_server_user("mktemp").args(["-d", "/tmp/connect-catalog.XXXXXX"])));
        let server = Self { folder, programs };
        let data = server.folder.join("data");
        run(server
            .program("initdb")
            .args(["-A", "trust", "-E", "UTF8", "--locale=C", "-U", "owner", "-D"])
            .arg(&data));
        server.run();
        server
    }

    /// Starts it, also again after [`Self::stop`].
    pub(crate) fn run(&self) {
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.folder.display());
        let mut start = self.program("pg_ctl");
        start.args(["-w", "-s", "-o", &options, "-D"]).arg(self.folder.join("data")).arg("-l");
        start.arg(self.folder.join("log")).arg("start");
        start.stdout(Stdio::null()).stdin(Stdio::null()).stderr(Stdio::null());
        assert!(start.status().expect("pg_ctl runs").success(), "the server starts");
    }

    fn program(&self, name: &str) -> Command {
        as_server_user(&self.programs.join(name).display().to_string())
    }

    pub(crate) fn stop(&self, mode: &str) {
        let mut stop = self.program("pg_ctl");
        stop.args(["-w", "-s", "-m", mode, "-D"]).arg(self.folder.join("data")).arg("stop");
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    pub(crate) fn upstream(&self) -> Arc<UpstreamConfig> {
        self.upstream_of("owner")
    }

    pub(crate) fn upstream_of(&self, user: &str) -> Arc<UpstreamConfig> {
        Arc::new(UpstreamConfig {
            host: self.folder.display().to_string(),
            port: 5432,
            database: "postgres".to_owned(),
            user: user.to_owned(),
            password: Secret(String::new()),
            tls: UpstreamTls::Disable,
            way: Way::default(),
        })
    }

    pub(crate) async fn client(&self) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host(self.folder.display().to_string()).user("owner").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await.expect("the server accepts");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop("immediate");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
