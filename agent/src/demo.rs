//! `connect-agent demo`: everything that one machine needs to show the product, and nothing left afterwards.
//!
//! A throwaway PostgreSQL ([`postgres`]) with a sample database ([`sample`]), the development identity provider
//! ([`crate::dev_idp`]) and this agent itself ([`agent`]), configured by a real `agent.toml` ([`setup`]) in a
//! temporary folder that goes away whatever happens to us ([`folder`]). When all of it answers, one JSON line
//! tells the CLI's `connect demo` where ([`ready`]).

use std::{
    io::{self, IsTerminal},
    pin::pin,
};

use connect_shared::error::{ErrorReport, Exit};

use crate::dev_idp::{
    DevIdp, DevIdpError, RunningIdp, SignIn,
    ending::{AlsoEndsWith, ending},
    people::demo_people,
};
use account::Account;
use agent::{AgentError, RunningAgent};
use folder::DemoFolder;
use postgres::{Postgres, PostgresError, programs::Programs};
use progress::Progress;
use ready::Ready;
use sample::{Passwords, SampleError};
use setup::{Parts, Setup};

mod account;
mod agent;
mod folder;
mod postgres;
mod progress;
mod ready;
mod sample;
mod setup;

/// Starts a throwaway database, identity provider and agent on this machine, until Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Port of the agent on 127.0.0.1; a free one unless given.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Lets `login_hint` sign a person in without a page, for scripts without a browser.
    #[arg(long)]
    auto_sign_in: bool,
    /// Prints one JSON line when everything is ready, also to a terminal.
    #[arg(long)]
    json: bool,
    /// Ends when standard input closes.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Why the demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Programs(#[from] postgres::programs::ProgramsError),
    #[error(transparent)]
    Account(#[from] account::NoAccount),
    #[error("cannot make or remove the demo's temporary folder: {0}")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Identity(#[from] DevIdpError),
    #[error("cannot write the agent's configuration: {0}")]
    Setup(#[source] io::Error),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("no random numbers: the cryptographic library failed")]
    Random,
    #[error("cannot wait for a signal: {0}")]
    Signal(#[source] io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    #[error("the demo's PostgreSQL ended by itself; its last words: {0}")]
    DatabaseEnded(String),
}

impl DemoError {
    const fn code(&self) -> &'static str {
        match self {
            Self::Programs(_) => "postgresql_missing",
            Self::Account(_) => "no_database_account",
            Self::Postgres(_) | Self::Sample(_) | Self::DatabaseEnded(_) => "demo_database",
            Self::Identity(_) => "demo_identity",
            Self::Agent(_) => "demo_agent",
            Self::Folder(_) | Self::Setup(_) | Self::Random | Self::Signal(_) | Self::Output(_) => {
                "demo_local"
            }
        }
    }
}

impl From<DemoError> for ErrorReport {
    fn from(error: DemoError) -> Self {
        let report = Self::new(error.code(), Exit::Local, error.to_string());
        match &error {
            DemoError::Programs(error) => report.help(error.next()),
            _ => report,
        }
    }
}

/// Runs the demo until a signal or the end of standard input. Everything is gone when this returns.
pub async fn run(args: DemoArgs) -> Result<(), DemoError> {
    let also = if args.until_stdin_closes { AlsoEndsWith::StandardInput } else { AlsoEndsWith::Nothing };
    let mut ended = pin!(ending(also).map_err(DemoError::Signal)?);
    agent::check_port(args.port)?;
    let programs = Programs::find()?;
    let account = account::for_database()?;
    let folder = DemoFolder::create(account.as_ref()).map_err(DemoError::Folder)?;
    let place = Place { args: &args, programs: &programs, folder: &folder, account: account.as_ref() };
    let outcome = place.run(ended.as_mut()).await;
    let removed = folder.remove().await.map_err(DemoError::Folder);
    outcome.and(removed.map(drop))
}

/// What the parts start in.
struct Place<'a> {
    args: &'a DemoArgs,
    programs: &'a Programs,
    folder: &'a DemoFolder,
    account: Option<&'a Account>,
}

/// Everything, running.
struct Demo {
    postgres: Postgres,
    idp: RunningIdp,
    agent: RunningAgent,
    ready: Ready,
}

impl Place<'_> {
    async fn run(&self, mut ended: impl Future<Output = ()> + Unpin) -> Result<(), DemoError> {
        let progress = Progress::start();
        // Whoever presses Ctrl-C now drops what was started, and the folder's keeper waits for its end.
        let mut demo = tokio::select! {
            started = self.start(&progress) => started?,
            () = &mut ended => return Ok(()),
        };
        progress.finish();
        let outcome = match self.announce(&demo.ready) {
            Ok(()) => demo.until(ended).await,
            Err(error) => Err(error),
        };
        demo.stop().await;
        outcome
    }

    async fn start(&self, progress: &Progress) -> Result<Demo, DemoError> {
        progress.step(&format!("Starting PostgreSQL {}", self.programs.version));
        let postgres = Postgres::start(self.programs, self.folder, self.account).await?;
        progress.step("Loading the sample database");
        let random = || random_text().map_err(|_unspecified| DemoError::Random);
        let passwords = Passwords { shop: random()?, bench: random()? };
        let rows = sample::load(&postgres, &passwords).await?;
        progress.step("Starting the identity provider");
        let people = demo_people();
        let sign_in = if self.args.auto_sign_in { SignIn::ByHint } else { SignIn::Page };
        let idp = DevIdp::new(people.clone()).sign_in(sign_in).start(([127, 0, 0, 1], 0).into()).await?;
        progress.step("Starting the agent");
        let parts =
            Parts { port: self.args.port, issuer: &idp.issuer, postgres: &postgres, passwords: &passwords };
        let setup = Setup::write(self.folder, &parts).map_err(DemoError::Setup)?;
        let agent = RunningAgent::start(&setup).await?;
        let ready = Ready::new(&agent, &setup, &idp.issuer, sign_in, people)
            .with_database(&self.programs.version, rows);
        Ok(Demo { postgres, idp, agent, ready })
    }

    fn announce(&self, ready: &Ready) -> Result<(), DemoError> {
        if self.args.json || !io::stdout().is_terminal() {
            ready.print().map_err(DemoError::Output)
        } else {
            ready.tell();
            Ok(())
        }
    }
}

impl Demo {
    /// Until it should end, or a part of it ends by itself.
    async fn until(&mut self, ended: impl Future<Output = ()>) -> Result<(), DemoError> {
        tokio::select! {
            () = ended => Ok(()),
            words = self.postgres.died() => Err(DemoError::DatabaseEnded(words)),
            error = self.agent.ended() => Err(error.into()),
        }
    }

    /// In the order in which one needs the other.
    async fn stop(self) {
        if let Err(error) = self.agent.stop().await {
            tracing::warn!(%error, "the demo's agent did not end well");
        }
        self.idp.stop().await;
        if let Err(error) = self.postgres.stop().await {
            tracing::warn!(%error, "the demo's PostgreSQL could not be waited for");
        }
    }
}

/// 256 random bits as text.
fn random_text() -> Result<String, aws_lc_rs::error::Unspecified> {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
