//! A PgBouncer of the test's own.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use crate::{
    os_user, place,
    postgres::free_port,
    process::{Process, Signal},
};

/// Stopped when dropped.
pub struct PgBouncer {
    port: u16,
    process: Process,
}

impl PgBouncer {
    /// In front of a port, in a pool mode; who comes goes on as `user`. `more` says who is let in.
    ///
    /// # Panics
    /// It is not installed or does not start.
    #[must_use]
    pub fn start(folder: &Path, target: u16, user: &str, pool_mode: &str, more: &str) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let other = os_user::unprivileged();
        os_user::give(folder, other).expect("the folder is ours to give");
        let port = free_port();
        let mut settings = String::new();
        let _ = write!(
            settings,
            "[databases]\n* = host=127.0.0.1 port={target} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\npool_mode = {pool_mode}\n\
             ignore_startup_parameters = extra_float_digits,options\nadmin_users = nobody_of_all\n{more}\n"
        );
        let path = folder.join("pgbouncer.ini");
        fs::write(&path, settings).expect("a file");
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&path, readable).expect("our own file");
        let mut command = Command::new(place::installed("pgbouncer"));
        command.arg(&path).current_dir("/");
        os_user::run_as(&mut command, other);
        let process = Process::start("pgbouncer", &mut command).ended_with(Signal::TERM);
        process.wait_for_line("process up");
        Self { port, process }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id()
    }
}
