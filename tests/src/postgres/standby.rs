//! A second server that follows the first.

use std::{fs, path::Path, process::Command};

use super::{ADMINISTRATOR, Postgres, serve};
use crate::{os_user, place, process};

impl Postgres {
    /// A standby of the system's server, below `folder`, with the same certificate: a copy that streams all changes
    /// from now on, and takes readers.
    ///
    /// # Panics
    /// It cannot be copied, or does not start.
    #[must_use]
    pub fn standby(&self, folder: &Path) -> Self {
        self.admit_standbys();
        let user = os_user::unprivileged();
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("a folder");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&data, private).expect("our own folder");
        os_user::give(&data, user).expect("the folder is ours to give");
        let mut copy = Command::new(place::installed("pg_basebackup"));
        copy.args(["-h", "127.0.0.1", "-U", ADMINISTRATOR, "-p", &self.port.to_string(), "-X", "stream"])
            // Leaves `standby.signal` and whom to follow.
            .args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "-D"])
            .arg(&data)
            .current_dir("/");
        os_user::run_as(&mut copy, user);
        process::run(&mut copy).good();
        fs::copy(self.authority(), folder.join("authority.pem")).expect("a copy");
        let (process, port) = serve(&place::installed("postgres"), &data, user);
        Self { folder: folder.to_owned(), port, process }
    }

    fn admit_standbys(&self) {
        let path = self.data().join("pg_hba.conf");
        let access = fs::read_to_string(&path).expect("our own file");
        fs::write(&path, format!("{access}host replication {ADMINISTRATOR} 127.0.0.1/32 trust\n"))
            .expect("our own file");
        self.reload();
    }

    /// Makes a standby a primary, and waits until it is one.
    ///
    /// # Panics
    /// It does not become one.
    pub fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote()");
        self.wait_until("postgres", "NOT pg_is_in_recovery()");
    }

    /// Ends it at once, as a machine that is lost.
    pub fn lose(&mut self) {
        self.process.signal(process::Signal::QUIT);
        self.process.wait_for_end();
    }
}
