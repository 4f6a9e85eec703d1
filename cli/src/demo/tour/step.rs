//! One command of the tour: shown, run, printed, and held against how it must end.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::{Client, redirect::Policy};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::super::{agent::Facts, transcript::Elisions};
use crate::failure::{self, Outcome};

/// Most output of one step.
const MAX_OUTPUT: u64 = 256 * 1024;
/// How long the provider may take to sign somebody in.
const PATIENCE: Duration = Duration::from_secs(20);

/// Shows and runs steps.
pub(super) struct Guide {
    own: PathBuf,
    home: PathBuf,
    elisions: Elisions,
}

/// A command of one person.
#[derive(Debug, Clone)]
pub(super) struct Step {
    person: &'static str,
    words: Vec<String>,
    input: &'static str,
    status: u8,
}

impl Step {
    pub(super) fn new(person: &'static str, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { person, words, input: "", status: 0 }
    }

    pub(super) const fn ends_with(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    pub(super) const fn with_input(mut self, input: &'static str) -> Self {
        self.input = input;
        self
    }
}

impl Guide {
    pub(super) fn new(home: &Path, elisions: Elisions) -> Outcome<Self> {
        let own = std::env::current_exe()
            .map_err(|error| failure::unexpected(format!("cannot find this program: {error}")))?;
        Ok(Self { own, home: home.to_owned(), elisions })
    }

    /// Where the commands run.
    pub(super) fn folder(&self) -> &Path {
        &self.home
    }

    /// A remark between the commands.
    pub(super) fn tell(&self, text: &str) {
        let lines: String = text.lines().map(|line| format!("# {line}\n")).collect();
        self.print(&format!("\n{lines}"));
    }

    pub(super) async fn add_agent(&self, person: &'static str, facts: &Facts) -> Outcome<()> {
        let words = ["agents", "add", &facts.agent_url, "--fingerprint", &facts.fingerprint];
        // Shown once: the other one does the same.
        if person == "ana" {
            return self.run(Step::new(person, &words)).await;
        }
        let (status, output) = self.output(Step::new(person, &words)).await?;
        if status == 0 { Ok(()) } else { Err(unexpected_end(&output)) }
    }

    /// Signs somebody in: the address that `connect login` prints is visited as a browser would.
    pub(super) async fn sign_in(&self, person: &str, email: &str) -> Outcome<()> {
        self.print(&format!("$ connect login    # {person} in the browser\n"));
        let problem = |error: std::io::Error| failure::unexpected(failure::reason(&error));
        let mut command = tokio::process::Command::from(self.command(person));
        command
            .args(["login", "--no-browser", "--keep", "file"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(problem)?;
        let (output, talk) = (child.stdout.take(), child.stderr.take());
        let (Some(output), Some(talk)) = (output, talk) else { return Err(failure::unexpected("no pipes")) };
        let mut address = String::new();
        BufReader::new(output.take(MAX_OUTPUT)).read_line(&mut address).await.map_err(problem)?;
        visit(address.trim(), email).await?;
        let mut said = String::new();
        talk.take(MAX_OUTPUT).read_to_string(&mut said).await.map_err(problem)?;
        let status = child.wait().await.map_err(problem)?;
        if !status.success() {
            return Err(unexpected_end(&said));
        }
        let shown: String = said
            .lines()
            .filter(|line| line.starts_with("Signed in"))
            .map(|line| format!("{line}\n"))
            .collect();
        self.print(&shown);
        Ok(())
    }

    /// Shows a command, runs it, prints what it prints, and checks how it ends.
    pub(super) async fn run(&self, step: Step) -> Outcome<()> {
        let shown: Vec<String> = step.words.iter().map(|word| quote(word)).collect();
        self.print(&format!("$ connect {}\n", shown.join(" ")));
        let expected = step.status;
        let (status, output) = self.output(step).await?;
        self.print(&output);
        if expected != 0 {
            self.print(&format!("(exit status {status})\n"));
        }
        if status == expected { Ok(()) } else { Err(unexpected_end(&format!("it ended with {status}"))) }
    }

    async fn output(&self, step: Step) -> Outcome<(u8, String)> {
        let command = self.command(step.person);
        let work = move || {
            let problem = |error: std::io::Error| failure::unexpected(failure::reason(&error));
            run_together(command, &step).map_err(problem)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))?
    }

    /// This program with the folders of one person and nothing of the real one.
    fn command(&self, person: &str) -> Command {
        let mut command = Command::new(&self.own);
        let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONNECT_"));
        for (name, _) in ours {
            command.env_remove(name);
        }
        command
            .env("CONNECT_HOME", self.home.join(person))
            .env("CONNECT_INPUT", "false")
            .env("NO_COLOR", "1")
            .env("PAGER", "")
            .env("PSQLRC", "/dev/null")
            .env_remove("PGOPTIONS")
            .current_dir(&self.home)
            .stdin(Stdio::null());
        command
    }

    fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _closed = out.write_all(self.elisions.apply(text).as_bytes()).and_then(|()| out.flush());
    }
}

/// Runs a command with both of its outputs in one pipe, in the order in which they were written.
fn run_together(mut command: Command, step: &Step) -> std::io::Result<(u8, String)> {
    let (reader, writer) = std::io::pipe()?;
    command.args(&step.words).stdout(writer.try_clone()?).stderr(writer);
    if !step.input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    // Our own ends of the pipe would keep it open.
    drop(command);
    if let Some(mut input) = child.stdin.take() {
        input.write_all(step.input.as_bytes())?;
    }
    let mut output = Vec::new();
    reader.take(MAX_OUTPUT).read_to_end(&mut output)?;
    let status = child.wait()?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    Ok((status, String::from_utf8_lossy(&output).into_owned()))
}

/// Goes where a browser would go, as somebody whom the provider signs in by name.
async fn visit(address: &str, email: &str) -> Outcome<()> {
    let client = Client::builder().no_proxy().redirect(Policy::limited(5)).timeout(PATIENCE).build();
    let client = client.map_err(|error| failure::unexpected(failure::chain(&error)))?;
    let url = format!("{address}&login_hint={email}");
    let answer = client.get(url).send().await;
    let answer = answer.map_err(|error| failure::unexpected(failure::chain(&error.without_url())))?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(failure::unexpected(format!("signing in ended with {}", answer.status())))
}

fn unexpected_end(why: &str) -> connect_shared::error::ErrorReport {
    failure::unexpected(format!("the tour went another way than it should: {}", why.trim()))
}

/// A word as a shell would need it.
fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.contains('"') || word.contains('$') { format!("'{word}'") } else { format!("\"{word}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_a_shell_would_need_them() {
        assert_eq!(quote("--last"), "--last");
        assert_eq!(quote("SELECT 1"), "\"SELECT 1\"");
        assert_eq!(quote("a\"b"), "'a\"b'");
    }
}
