//! `ssh -L` over an sshd of our own on the loopback.

use std::{fs, path::PathBuf, process::Command};

use connect_tests::{place, postgres::free_port, process, process::Process, world::World};

/// A running sshd and a forward to the database through it.
pub(crate) struct Ssh {
    folder: PathBuf,
    database: u16,
    forward: u16,
    _server: Process,
    _client: Process,
}

impl Ssh {
    pub(crate) fn start(world: &World) -> Self {
        let folder = world.folder().join("ssh");
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("our own folder");
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").expect("sshd's own empty folder");
        }
        for name in ["host", "id"] {
            let mut keygen = Command::new(place::installed("ssh-keygen"));
            process::run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(name))).good();
        }
        let port = free_port();
        let here = folder.display();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {here}/host\nAuthorizedKeysFile {here}/id.pub\nPasswordAuthentication no\n\
             PubkeyAuthentication yes\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nAllowTcpForwarding yes\nPidFile none\n"
        );
        fs::write(folder.join("sshd_config"), settings).expect("a file");
        let user = process::run(Command::new("id").arg("-un")).good();
        let settings = format!(
            "Host *\n HostName 127.0.0.1\n Port {port}\n User {user} IdentityFile {here}/id\n IdentitiesOnly yes\n\
             \x20StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n ExitOnForwardFailure yes\n BatchMode yes\n"
        );
        fs::write(folder.join("ssh_config"), settings).expect("a file");
        let mut sshd = Command::new(place::installed("sshd"));
        let server = Process::start("sshd", sshd.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config")));
        server.wait_for_line("Server listening");
        let database = world.postgres.port();
        let forward = free_port();
        let client = client(&folder, forward, database);
        Self { folder, database, forward, _server: server, _client: client }
    }

    /// The local end of the forward.
    pub(crate) const fn forward(&self) -> u16 {
        self.forward
    }

    /// One more forward, from nothing to ready.
    pub(crate) fn another(&self) -> (Process, u16) {
        let port = free_port();
        (client(&self.folder, port, self.database), port)
    }
}

fn client(folder: &std::path::Path, port: u16, database: u16) -> Process {
    let mut ssh = Command::new(place::installed("ssh"));
    ssh.arg("-F").arg(folder.join("ssh_config")).args(["-v", "-N", "-L"]);
    ssh.arg(format!("127.0.0.1:{port}:127.0.0.1:{database}")).arg("peer");
    let client = Process::start("ssh", &mut ssh);
    client.wait_for_line("Entering interactive session");
    client
}
