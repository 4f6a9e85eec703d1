//! Where events of the log go to in other people's programs: a NATS server with JetStream, and rsyslog. Both over TLS,
//! in folders and on ports of the test's own, with what they keep on the disk, so that they can go away and come back.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;

use crate::{
    place,
    postgres::free_port,
    process::{self, PATIENCE, Process, Signal},
};

/// What NATS wants to be shown.
pub const TOKEN: &str = "n4ts-t0ken";

/// A certificate for this machine and who vouches for it, as files of a folder.
#[derive(Debug, Clone)]
pub struct Certified {
    folder: PathBuf,
}

impl Certified {
    /// # Panics
    /// The folder cannot be written to.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let mut params = named("authority of a test", Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("one");
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = named("a collector", names);
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let this = Self { folder: folder.to_owned() };
        for (file, text) in [
            (this.authority(), authority.pem()),
            (this.certificate(), certificate.pem()),
            (this.key(), key.serialize_pem()),
        ] {
            fs::write(file, text).expect("written");
        }
        this
    }

    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

/// Whoever has the name of its issuer passes for self-signed.
fn named(name: &str, names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Where a collector is, also while it is away.
struct Place {
    folder: PathBuf,
    certified: Certified,
    port: u16,
}

impl Place {
    fn new(folder: &Path, certified: &Certified) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        Self { folder: folder.to_owned(), certified: certified.clone(), port: free_port() }
    }
}

/// A NATS server whose stream `AUDIT` keeps `connect.audit.>`.
pub struct Nats {
    place: Place,
    process: Option<Process>,
}

impl Nats {
    /// # Panics
    /// It is not installed, does not start, or takes no stream.
    #[must_use]
    pub fn start(folder: &Path, certified: &Certified) -> Self {
        let mut this = Self { place: Place::new(folder, certified), process: None };
        this.come_back();
        process::run(&mut this.script("create")).good();
        this
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("tls://127.0.0.1:{}", self.place.port)
    }

    /// Ends it; what the stream has it keeps.
    pub fn go_away(&mut self) {
        self.process = None;
    }

    /// Starts it once more.
    ///
    /// # Panics
    /// It does not start.
    pub fn come_back(&mut self) {
        let config = self.place.folder.join("nats.conf");
        let text = format!(
            "listen: 127.0.0.1:{}\njetstream {{ store_dir: {:?} }}\nauthorization {{ token: {TOKEN:?} }}\n\
             tls {{ cert_file: {:?}, key_file: {:?} }}\n",
            self.place.port,
            self.place.folder,
            self.place.certified.certificate(),
            self.place.certified.key()
        );
        fs::write(&config, text).expect("written");
        let mut command = Command::new(place::installed("nats-server"));
        let process = Process::start("nats-server", command.arg("-c").arg(config)).ended_with(Signal::TERM);
        process.wait_for_line("Server is ready");
        self.process = Some(process);
    }

    /// Everything in the stream, in its order: subject, id and event.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn kept(&self) -> Vec<Value> {
        let said = process::run(&mut self.script("read")).good();
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn script(&self, what: &str) -> Command {
        let mut command = Command::new(place::python());
        command.arg(place::of_tests("python/nats_stream.py")).args([what, &self.url(), TOKEN]);
        command.arg(self.place.certified.authority());
        command
    }
}

/// rsyslog that writes what it receives into a file.
pub struct Rsyslog {
    place: Place,
    process: Option<Process>,
}

impl Rsyslog {
    /// # Panics
    /// It is not installed or does not listen.
    #[must_use]
    pub fn start(folder: &Path, certified: &Certified) -> Self {
        let mut this = Self { place: Place::new(folder, certified), process: None };
        this.come_back();
        this
    }

    #[must_use]
    pub fn address(&self) -> String {
        format!("localhost:{}", self.place.port)
    }

    /// Ends it.
    pub fn go_away(&mut self) {
        self.process = None;
    }

    /// Starts it once more, with the same file.
    ///
    /// # Panics
    /// It does not listen.
    pub fn come_back(&mut self) {
        let config = self.place.folder.join("rsyslog.conf");
        let text = format!(
            "global(workDirectory={:?} maxMessageSize=\"256k\" defaultNetstreamDriver=\"gtls\"\n\
             defaultNetstreamDriverCAFile={:?} defaultNetstreamDriverCertFile={:?} defaultNetstreamDriverKeyFile={:?})\n\
             module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\")\n\
             template(name=\"all\" type=\"string\" string=\"%pri% %app-name% %msgid% %structured-data% %msg%\\n\")\n\
             action(type=\"omfile\" file={:?} template=\"all\")\n",
            self.place.folder,
            self.place.certified.authority(),
            self.place.certified.certificate(),
            self.place.certified.key(),
            self.place.port,
            self.file(),
        );
        fs::write(&config, text).expect("written");
        let mut command = Command::new(place::installed("rsyslogd"));
        command.arg("-n").arg("-f").arg(config).arg("-i").arg(self.place.folder.join("pid"));
        self.process = Some(Process::start("rsyslogd", &mut command).ended_with(Signal::TERM));
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.place.port)).is_err() {
            assert!(Instant::now() < end, "rsyslogd does not listen");
            std::thread::yield_now();
        }
    }

    /// Its lines: priority, program, kind, structured data, event.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        // The last line may be under way.
        text.rfind('\n').map_or("", |end| &text[..end]).lines().map(str::to_owned).collect()
    }

    fn file(&self) -> PathBuf {
        self.place.folder.join("received.log")
    }
}
