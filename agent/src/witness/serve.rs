//! `connect-agent witness`: cosigns the checkpoints of logs that it was told to know. It reads roots and
//! proofs, never an entry.
//!
//! It speaks plain HTTP: a cosignature proves itself, and nothing that is asked is secret. For another
//! machine than this one put it behind a proxy with TLS if it shall also be private who asks.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use connect_shared::{
    error::{ErrorReport, Exit},
    proof::{growth::MAX_GROWTH_BYTES, note::VerifierKey},
};
use http::{StatusCode, header};
use tokio::{net::TcpListener, sync::Semaphore};

use super::book::{Book, Refusal};
use crate::serve::{now, signalled};

/// Requests that are looked at at once.
static PLACES: Semaphore = Semaphore::const_new(8);
/// How long open requests may take at the end.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Cosigns the checkpoints of other logs, so that their histories cannot be written anew.
#[derive(Debug, clap::Args)]
pub(crate) struct WitnessArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7450")]
    listen: SocketAddr,
    /// Folder of its key and of what it has cosigned; losing it makes the witness worthless
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Its name in signatures: `witness.example.com/one`
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A log's verifier key: NAME+HASH+BASE64; once for each log
    #[arg(long, value_name = "VERIFIERKEY", required = true)]
    log: Vec<String>,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// The arguments, the folder or the address cannot be used.
pub(crate) async fn run(arguments: WitnessArgs) -> Result<(), ErrorReport> {
    let local = |words: String| ErrorReport::new("witness", Exit::Local, words);
    let logs = arguments.log.iter().map(|text| {
        text.parse::<VerifierKey>().map_err(|error| {
            ErrorReport::new("usage", Exit::Usage, format!("`{text}` is no verifier key: {error}"))
        })
    });
    let logs = logs.collect::<Result<Vec<_>, _>>()?;
    let book =
        Book::open(&arguments.state, &arguments.name, logs).map_err(|error| local(error.to_string()))?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| local(format!("cannot listen on {}: {error}", arguments.listen)))?;
    let address = listener.local_addr().map_err(|error| local(error.to_string()))?;
    let mut stop = signalled().map_err(|error| local(format!("cannot listen for signals: {error}")))?;
    tracing::info!(%address, key = %book.key().witness(), "the witness serves");
    let served = axum::serve(listener, router(Arc::new(book)));
    let mut ending = stop.clone();
    let served = served.with_graceful_shutdown(async move { crate::listener::stopped(&mut ending).await });
    tokio::select! {
        ended = async { served.await } => ended.map_err(|error| local(error.to_string())),
        () = async {
            crate::listener::stopped(&mut stop).await;
            tokio::time::sleep(STOP_TIME).await;
        } => Ok(()),
    }
}

pub(super) fn router(book: Arc<Book>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/key", get(key))
        .layer(DefaultBodyLimit::max(MAX_GROWTH_BYTES + 64))
        .with_state(book)
}

async fn key(State(book): State<Arc<Book>>) -> String {
    format!("{}\n", book.key().witness())
}

async fn add(State(book): State<Arc<Book>>, request: String) -> Response {
    let _place = PLACES.acquire().await;
    let added = tokio::task::spawn_blocking(move || book.add(&request, now())).await;
    match added.unwrap_or(Err(Refusal::Memory)) {
        Ok(line) => format!("{line}\n").into_response(),
        Err(Refusal::Conflict(size)) => {
            let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response()
        }
        Err(Refusal::Malformed) => {
            (StatusCode::BAD_REQUEST, "not a request of add-checkpoint\n").into_response()
        }
        Err(Refusal::UnknownLog) => (StatusCode::NOT_FOUND, "an unknown log\n").into_response(),
        Err(Refusal::NotSigned) => {
            (StatusCode::FORBIDDEN, "not signed by the key of the log\n").into_response()
        }
        Err(Refusal::BadProof) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "the proof does not hold\n").into_response()
        }
        Err(Refusal::Memory) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the witness cannot remember now\n").into_response()
        }
    }
}
