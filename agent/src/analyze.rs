//! `connect-agent analyze`: lineage of statements without a session, for the checks of a project that keeps
//! its SQL in files and for replays. A JSON line in, a JSON line out, in order and at once.
//!
//! The catalog is read once, in a transaction that only reads; no statement of the input is executed.
//!
//! Read next: [`dsn`] for which database is meant, [`lines`] for what is read, [`analyst`] for how it is
//! answered.

mod analyst;
mod dsn;
mod lines;
mod passfile;

use std::io::{self, BufWriter, Write as _};

use clap::Args;
use connect_shared::error::{ErrorReport, Exit};

use self::{
    analyst::Analyst,
    lines::{Line, Lines},
};
use crate::{
    catalog,
    upstream::{UpstreamConfig, UpstreamTls},
};

/// Stack of the thread that analyses: deep statements are walked by recursion.
const STACK: usize = 16 << 20;

/// Says what statements read, write and compute, without executing them.
///
/// Each line of standard input is a JSON object: {"id": any, "sql": "…", "search_path": ["…"], "session":
/// ["statement", …]}; id, search_path and session may be left out. Each has one line of answer on standard
/// output, in the same order.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// The database: postgresql://… or key=value pairs. What it leaves out is as for psql: PGHOST, PGUSER,
    /// PGPASSWORD, ~/.pgpass …
    #[arg(long, value_name = "DSN", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
}

/// Reads the catalog, then answers until standard input ends or nobody reads the answers.
///
/// # Errors
/// The database cannot be reached, or a stream breaks.
pub async fn run(arguments: AnalyzeArgs) -> Result<(), ErrorReport> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let upstream = dsn::parse(&arguments.database, &environment).map_err(|error| {
        ErrorReport::new("dsn", Exit::Usage, format!("--database: {error}"))
            .help("connect-agent analyze --database postgresql://NAME@HOST:5432/DATABASE < statements.jsonl")
    })?;
    let catalog = catalog::read_once(&upstream).await.map_err(|error| unreachable(&upstream, &error))?;
    let thread = std::thread::Builder::new().name("analyze".to_owned()).stack_size(STACK);
    let (told, done) = tokio::sync::oneshot::channel();
    let answering = move || told.send(answer_all(io::stdin(), io::stdout().lock(), Analyst::new(catalog)));
    thread.spawn(answering).map_err(|error| broken(&error))?;
    // Without a word from it the thread has panicked, which it has said itself.
    let ended =
        done.await.map_err(|_| ErrorReport::new("internal", Exit::Unexpected, "analysis ended by a bug"))?;
    match ended {
        // A reader that went away is how pipes end.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended.map_err(|error| broken(&error)),
    }
}

fn answer_all(input: impl io::Read, output: impl io::Write, mut analyst: Analyst) -> io::Result<()> {
    let mut lines = Lines::new(input);
    let mut output = BufWriter::new(output);
    loop {
        if lines.would_wait() {
            output.flush()?;
        }
        let answer = match lines.next()? {
            Line::End => return output.flush(),
            Line::Blank => continue,
            Line::TooLong => analyst.too_long(),
            Line::Whole(line) => analyst.answer(line),
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
}

fn unreachable(upstream: &UpstreamConfig, error: &catalog::CatalogError) -> ErrorReport {
    let place = match upstream.host.starts_with('/') {
        true => format!("the socket in {}, port {}", upstream.host, upstream.port),
        false => format!("{}:{}", upstream.host, upstream.port),
    };
    let words = format!("{error} (as `{}` at {place})", upstream.user);
    let report = ErrorReport::new("database_unreachable", Exit::Unreachable, words);
    let text = error.to_string();
    if text.contains("password") {
        report.help("set PGPASSWORD, or add a line to ~/.pgpass (mode 0600)")
    } else if matches!(upstream.tls, UpstreamTls::VerifyFull { .. }) {
        report.help(
            "the way to another machine is encrypted and its certificate is checked (sslrootcert=FILE names \
             its authority); sslmode=disable says that the way is safe without",
        )
    } else {
        report.help("see that the database runs there: psql with the same DSN")
    }
}

fn broken(error: &io::Error) -> ErrorReport {
    ErrorReport::new("stream", Exit::Local, format!("a standard stream cannot be used: {error}"))
}

#[cfg(test)]
mod tests;
