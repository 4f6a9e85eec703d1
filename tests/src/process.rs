//! Processes that a test starts: what they say is kept, their end is awaited, and none outlives its test.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use rustix::process::Signal;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, kill_process, pidfd_open},
};

/// How long anything may take unless a test says otherwise: far more than it needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    open: usize,
}

/// A process that runs beside the test.
pub struct Process {
    name: String,
    child: Child,
    said: Arc<(Mutex<Said>, Condvar)>,
    stdin: Option<ChildStdin>,
    end_with: Signal,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts it with pipes on all three streams.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let said = Arc::new((Mutex::new(Said { lines: Vec::new(), open: 2 }), Condvar::new()));
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        listen(out, Arc::clone(&said));
        listen(err, Arc::clone(&said));
        let stdin = child.stdin.take();
        Self { name: name.to_owned(), child, said, stdin, end_with: Signal::KILL, status: None }
    }

    /// Ended by this signal when dropped, and awaited, instead of killed.
    #[must_use]
    pub fn ended_with(mut self, signal: Signal) -> Self {
        self.end_with = signal;
        self
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line, of those said already or yet to come, for which `wanted` has an answer.
    ///
    /// # Panics
    /// The process ends or [`PATIENCE`] does before there is one.
    pub fn wait_for<T>(&self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let (said, news) = &*self.said;
        let mut said = said.lock().expect("not poisoned");
        let mut seen = 0;
        loop {
            if let Some(found) = said.lines[seen..].iter().find_map(|line| wanted(line)) {
                return found;
            }
            seen = said.lines.len();
            let left = end.saturating_duration_since(Instant::now());
            if said.open == 0 || left.is_zero() {
                drop(said);
                panic!("{} ended or fell silent before it said {what}:\n{}", self.name, self.transcript());
            }
            said = news.wait_timeout(said, left).expect("not poisoned").0;
        }
    }

    /// The line that contains `text`.
    pub fn wait_for_line(&self, text: &str) -> String {
        self.wait_for(text, |line| line.contains(text).then(|| line.to_owned()))
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// It is closed.
    pub fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the process reads");
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// There is no such process any more.
    pub fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("the process is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end within [`PATIENCE`].
    pub fn wait_for_end(&mut self) -> ExitStatus {
        self.wait_for_end_within(PATIENCE)
    }

    /// Waits for its end for a time of the caller's.
    ///
    /// # Panics
    /// It does not end in that time.
    pub fn wait_for_end_within(&mut self, limit: Duration) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        self.stdin = None;
        let ended = await_end(&self.child, limit);
        assert!(ended, "{} did not end within {limit:?}:\n{}", self.name, self.transcript());
        let status = self.child.wait().expect("our own child");
        self.status = Some(status);
        self.drain();
        status
    }

    /// Everything that it has said.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.said.0.lock().expect("not poisoned").lines.join("\n")
    }

    fn drain(&self) {
        let (said, news) = &*self.said;
        let guard = said.lock().expect("not poisoned");
        // A grandchild may hold the pipes open; what it says later is not waited for.
        let _rest = news.wait_timeout_while(guard, Duration::from_secs(5), |said| said.open > 0);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() && !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _sent = kill_process(pid(&self.child), self.end_with);
            if self.end_with != Signal::KILL && !await_end(&self.child, Duration::from_secs(20)) {
                let _sent = self.child.kill();
            }
            let _status = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.transcript());
        }
    }
}

fn listen(stream: impl Read + Send + 'static, said: Arc<(Mutex<Said>, Condvar)>) {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            said.0.lock().expect("not poisoned").lines.push(text);
            said.1.notify_all();
        }
        said.0.lock().expect("not poisoned").open -= 1;
        said.1.notify_all();
    });
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Whether the process ended in time. It is not reaped here, so that its id stays ours.
fn await_end(child: &Child, limit: Duration) -> bool {
    let Ok(watched) = pidfd_open(pid(child), PidfdFlags::empty()) else { return true };
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&limit)) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// The most memory that a process has held so far, in KiB.
///
/// # Panics
/// There is no such process, or the system does not say.
#[must_use]
pub fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What a program that ran to its end left.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Exit status; 128 and more for a signal, as a shell says it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output of a program that must have succeeded.
    ///
    /// # Panics
    /// It failed.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// Runs a program to its end, without standard input.
///
/// # Panics
/// It cannot be started or does not end within [`PATIENCE`].
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    run_with(command, "", PATIENCE)
}

/// As [`run`], with a text on standard input and a time of the caller's.
///
/// # Panics
/// As [`run`].
#[track_caller]
pub fn run_with(command: &mut Command, input: &str, limit: Duration) -> Finished {
    use std::os::unix::process::ExitStatusExt as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let collect = |mut stream: Box<dyn Read + Send>| -> JoinHandle<String> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _read = stream.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = collect(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = collect(Box::new(child.stderr.take().expect("a pipe")));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that ends without reading is no failure of ours.
        let _written = stdin.write_all(input.as_bytes());
    });
    let ended = await_end(&child, limit);
    if !ended {
        let _sent = child.kill();
    }
    let status = child.wait().expect("our own child");
    let _input = writer.join();
    let [stdout, stderr] = [stdout, stderr].map(|stream| stream.join().expect("a reader"));
    assert!(ended, "{command:?} did not end within {limit:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    Finished { code, stdout, stderr }
}
