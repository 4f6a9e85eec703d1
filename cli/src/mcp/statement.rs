//! One statement on a connection of its own: nothing of one call is left for the next one.

use std::{path::PathBuf, time::Duration};

use connect_shared::text::printable_name;
use futures_util::StreamExt as _;
use tokio::{net::UnixStream, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::{
    meter::{Metered, Over},
    rows::{Appetite, Rows},
};
use crate::{failure, session::ClientSettings};

/// How long a statement may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the way to the database may take.
const ARRIVAL: Duration = Duration::from_secs(15);
/// Bytes that are taken from the database for one answer.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// SQLSTATE `program_limit_exceeded`, with which the agent ends what goes over a budget.
const LIMIT_EXCEEDED: &str = "54000";

/// Why there are no rows.
#[derive(Debug)]
pub(super) enum Problem {
    /// The server's or the agent's own error: SQLSTATE and its texts.
    Database { sqlstate: String, message: String, detail: Option<String>, hint: Option<String> },
    /// Ours: what and why.
    Ours(&'static str, String),
}

impl Problem {
    /// The result was longer, or took longer, than somebody may have.
    fn is_a_limit(&self) -> bool {
        match self {
            Self::Database { sqlstate, .. } => sqlstate == LIMIT_EXCEEDED,
            Self::Ours(code, _) => matches!(*code, "too_large" | "too_slow"),
        }
    }
}

/// Runs it. A text of several statements must not come here.
pub(super) async fn run(
    client: &ClientSettings,
    purpose: Option<&str>,
    sql: &str,
    rows: &mut Rows,
) -> Result<(), Problem> {
    let arriving = timeout(ARRIVAL, connect(client, purpose)).await;
    let arrived = arriving.map_err(|_| too_slow("the database did not answer", ARRIVAL))??;
    let (connection, driver, over) = arrived;
    let reading = timeout(PATIENCE, read(&connection, sql, rows)).await;
    let result = match reading {
        Ok(Ok(Appetite::More)) => Ok(()),
        Ok(Ok(Appetite::Enough)) => {
            cancel(client, &connection).await;
            Ok(())
        }
        Ok(Err(Problem::Ours(..))) if over.is_set() => {
            let most = MOST_BYTES >> 20;
            Err(Problem::Ours("too_large", format!("the result has more than {most} MiB; ask for less")))
        }
        Ok(Err(problem)) => Err(problem),
        Err(_) => {
            cancel(client, &connection).await;
            Err(too_slow("the statement was cancelled: it did not end", PATIENCE))
        }
    };
    driver.abort();
    match result {
        // All that is given is here; the others could only not be counted to their end.
        Err(problem) if rows.is_full() && problem.is_a_limit() => {
            rows.more = true;
            Ok(())
        }
        result => result,
    }
}

async fn connect(
    settings: &ClientSettings,
    purpose: Option<&str>,
) -> Result<(Client, JoinHandle<()>, Over), Problem> {
    let stream = UnixStream::connect(socket(settings)).await.map_err(|error| local(&error))?;
    let mut config = Config::new();
    config.user(&settings.principal).dbname(&settings.database).application_name("connect mcp");
    // A call does not wait for people: it ends with the request that they decide.
    config.options(options(purpose));
    let (stream, over) = Metered::new(stream, MOST_BYTES);
    let connected = config.connect_raw(stream, NoTls).await;
    let (client, connection) = connected.map_err(|error| problem(&error))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of the AI agent's door ended");
        }
    });
    Ok((client, driver, over))
}

/// Settings of the session, as the server reads them: a backslash makes what is behind it part of the word. The
/// agent takes none in a value, so one in a purpose is written as a slash.
fn options(purpose: Option<&str>) -> String {
    let mut options = "-c connect.wait=off".to_owned();
    if let Some(purpose) = purpose {
        options.push_str(" -c connect.purpose=");
        for letter in printable_name(purpose).replace('\\', "/").chars() {
            if letter.is_whitespace() {
                options.push('\\');
            }
            options.push(letter);
        }
    }
    options
}

async fn read(client: &Client, sql: &str, rows: &mut Rows) -> Result<Appetite, Problem> {
    let stream = client.simple_query_raw(sql).await.map_err(|error| problem(&error))?;
    let mut stream = std::pin::pin!(stream);
    while let Some(message) = stream.next().await {
        match message.map_err(|error| problem(&error))? {
            SimpleQueryMessage::RowDescription(columns) => {
                rows.columns = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let cells = (0..row.len()).map(|nth| row.try_get(nth).ok().flatten());
                if rows.take(cells) == Appetite::Enough {
                    return Ok(Appetite::Enough);
                }
            }
            _ => {}
        }
    }
    Ok(Appetite::More)
}

/// The server is told to stop; whether it hears is its business: the connection ends all the same.
async fn cancel(settings: &ClientSettings, client: &Client) {
    let Ok(stream) = UnixStream::connect(socket(settings)).await else { return };
    let _best_effort = timeout(ARRIVAL, client.cancel_token().cancel_query_raw(stream, NoTls)).await;
}

fn socket(settings: &ClientSettings) -> PathBuf {
    PathBuf::from(&settings.host).join(settings.engine.socket_name(settings.port))
}

fn problem(error: &tokio_postgres::Error) -> Problem {
    if let Some(error) = error.as_db_error() {
        return Problem::Database {
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        };
    }
    Problem::Ours("connection_lost", "the connection to the database ended".to_owned())
}

fn local(error: &std::io::Error) -> Problem {
    Problem::Ours("connection_lost", format!("the session is gone: {}", failure::reason(error)))
}

fn too_slow(what: &str, limit: Duration) -> Problem {
    Problem::Ours("too_slow", format!("{what} within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::options;

    #[test]
    fn a_purpose_is_one_word_whatever_is_in_it() {
        assert_eq!(options(None), "-c connect.wait=off");
        let hostile = options(Some("a b\\ -c role=postgres\n"));
        let expected = "-c connect.wait=off -c connect.purpose=a\\ b/\\ -c\\ role=postgres\u{fffd}";
        assert_eq!(hostile, expected);
    }
}
