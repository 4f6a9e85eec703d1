//! The server's processes, and the promise that they end.
//!
//! A small shell of its own process group initialises the cluster, starts the server as its own child, and
//! waits at the end of a pipe that only we write to. When that pipe closes, because we stop or because we are
//! gone, it stops the server and gives back its lease of the folder. A normal end and a SIGKILL of ours take
//! the same way. Even if that shell is killed as well, the folder goes, and a server without its
//! `postmaster.pid` ends within a minute.

use std::{
    io::{self, PipeWriter},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::watch,
};

use super::programs::Programs;
use crate::demo::{account::Account, folder::Lease};

/// Longest wait for a cluster to be made and started.
const START_WITHIN: Duration = Duration::from_secs(90);
/// How much of the server's log is kept for an error message, in bytes.
const KEPT_LOG: usize = 4096;
const READY: &str = "database system is ready to accept connections";

/// `$1` initdb, `$2` postgres, `$3` data folder, `$4` password file, `$5` settings. Standard output is the
/// lease of the folder: the server must not inherit it. SIGQUIT is the fast end without a checkpoint, and the
/// server bounds it itself; there is nothing to keep.
const SUPERVISOR: &str = r#"
umask 077
"$1" --pgdata="$3" --username=postgres --pwfile="$4" --auth=scram-sha-256 --encoding=UTF8 --locale=C \
    --no-sync </dev/null >/dev/null || exit 1
rm -f -- "$4"
"$2" -D "$3" -c "config_file=$5" </dev/null >&2 &
server=$!
exec 2>/dev/null
trap '' HUP INT TERM
while read -r _; do :; done
kill -QUIT "$server"
wait "$server"
"#;

/// Who may log in: everybody with a password, through TLS, from this machine.
pub const ACCESS: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n";

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "cannot run PostgreSQL: {0}; where the demo runs as root, the temporary folder must be open to \
         other users: try TMPDIR=/tmp"
    )]
    Spawn(#[from] io::Error),
    #[error("another process took the port that PostgreSQL was to listen on")]
    PortTaken,
    #[error("PostgreSQL did not start; its last words: {0}")]
    Ended(String),
    #[error("PostgreSQL was not ready within {} seconds; try again when the machine is less busy", START_WITHIN.as_secs())]
    TooSlow,
}

/// Everything in the server's folder that we write.
pub struct Files {
    home: PathBuf,
    data: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub password: PathBuf,
    pub settings: PathBuf,
    pub access: PathBuf,
}

impl Files {
    pub fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            data: home.join("data"),
            certificate: home.join("server.crt"),
            key: home.join("server.key"),
            password: home.join("password"),
            settings: home.join("postgresql.conf"),
            access: home.join("pg_hba.conf"),
        }
    }

    /// Durability is switched off because nothing here outlives the demo. Never copy this to a real server.
    pub fn settings_text(&self, port: u16) -> String {
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "''"));
        format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
             hba_file = {access}\nssl = on\nssl_cert_file = {certificate}\nssl_key_file = {key}\n\
             password_encryption = 'scram-sha-256'\nmax_connections = 100\nshared_buffers = '128MB'\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
             wal_level = minimal\nmax_wal_senders = 0\nmax_wal_size = '1GB'\njit = off\n\
             timezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C'\n\
             log_min_messages = warning\nlog_min_error_statement = panic\n",
            access = quoted(&self.access),
            certificate = quoted(&self.certificate),
            key = quoted(&self.key),
        )
    }
}

/// What is known of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    /// With its last words.
    Ended(String),
}

/// The running server. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Server {
    leash: PipeWriter,
    supervisor: Child,
    state: watch::Receiver<State>,
}

impl Server {
    pub async fn start(
        programs: &Programs,
        files: &Files,
        lease: Lease,
        account: Option<&Account>,
    ) -> Result<Self, StartError> {
        let (waiting, leash) = io::pipe()?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SUPERVISOR, "connect-demo-postgres"])
            .args([&programs.initdb, &programs.postgres, &files.data, &files.password, &files.settings])
            .current_dir(&files.home)
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LC_ALL", "C")
            .stdin(waiting)
            .stdout(lease)
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        let mut supervisor = command.spawn()?;
        // The command still holds our end of the supervisor's pipe and the lease.
        drop(command);
        let log = supervisor.stderr.take().ok_or_else(|| io::Error::other("the log has no pipe"))?;
        let (tell, state) = watch::channel(State::Starting);
        tokio::spawn(follow(log, tell));
        let mut server = Self { leash, supervisor, state };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let decided = self.state.wait_for(|state| *state != State::Starting);
        let state = match tokio::time::timeout(START_WITHIN, decided).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_closed)) => State::Ended(String::new()),
            Err(_elapsed) => return Err(StartError::TooSlow),
        };
        match state {
            State::Ended(words) if words.contains("could not create any TCP/IP sockets") => {
                Err(StartError::PortTaken)
            }
            State::Ended(words) => Err(StartError::Ended(words)),
            State::Starting | State::Ready => Ok(()),
        }
    }

    /// Ends when the server has ended by itself.
    pub async fn died(&self) -> String {
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| matches!(state, State::Ended(_))).await;
        match ended.as_deref() {
            Ok(State::Ended(words)) => words.clone(),
            _ => String::new(),
        }
    }

    /// Stops it and waits until its processes are gone.
    pub async fn stop(self) -> io::Result<()> {
        let Self { leash, mut supervisor, .. } = self;
        drop(leash);
        supervisor.wait().await?;
        Ok(())
    }
}

/// Reads the log to its end, so that the server never waits for us, and keeps its last part. The end of the
/// log is the end of the server: all of its processes hold the pipe.
async fn follow(mut log: impl AsyncRead + Unpin, tell: watch::Sender<State>) {
    let mut kept = Vec::with_capacity(2 * KEPT_LOG);
    let mut buffer = [0_u8; 1024];
    while let Ok(count @ 1..) = log.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if String::from_utf8_lossy(&kept).contains(READY) {
            tell.send_if_modified(|state| std::mem::replace(state, State::Ready) == State::Starting);
        }
        kept.drain(..kept.len().saturating_sub(KEPT_LOG));
    }
    let words = String::from_utf8_lossy(&kept).trim().to_owned();
    // Nobody listens any more when we are stopping.
    let _ = tell.send(State::Ended(words));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_log_tells_when_the_server_is_ready_however_it_is_cut() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let (tell, mut state) = watch::channel(State::Starting);
        let follower = tokio::spawn(follow(reader, tell));
        use tokio::io::AsyncWriteExt;
        for byte in format!("{}LOG:  {READY}\n", "x".repeat(3 * KEPT_LOG)).bytes() {
            writer.write_all(&[byte]).await.expect("is read");
        }
        state.wait_for(|state| *state == State::Ready).await.expect("is told");
        writer.write_all(b"FATAL:  the end").await.expect("is read");
        drop(writer);
        follower.await.expect("ends");
        assert!(matches!(&*state.borrow(), State::Ended(words) if words.ends_with("FATAL:  the end")));
    }

    #[test]
    fn a_quote_in_a_path_cannot_end_a_setting() {
        let text = Files::new(Path::new("/tmp/it's")).settings_text(1);
        assert!(text.contains("hba_file = '/tmp/it''s/pg_hba.conf'"), "{text}");
    }
}
