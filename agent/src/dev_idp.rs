//! An OpenID provider for development and for the demo: fictional people, no passwords.
//!
//! It speaks the authorization code flow with PKCE like a production provider, so that what is built
//! against it works against a real one. It never listens on anything but a loopback address, keeps all
//! state in memory under fixed limits, makes a new signing key at each start, and proves nothing about
//! anyone: **development only**. Start reading at [`authorize`], then [`token`].

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub mod ending;
pub mod people;

mod authorize;
mod bounded;
mod command;
mod keys;
mod logout;
mod metadata;
mod page;
mod redirect;
mod request;
mod routes;
mod sign_in;
mod store;
mod token;
mod userinfo;

pub use command::{DevIdpArgs, run};
use keys::SigningKey;
use people::Person;
use store::Store;

/// The client id that the `connect` CLI uses.
pub const CLI_CLIENT_ID: &str = "connect-cli";
/// How long a stop waits for open requests.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Why the provider could not run.
#[derive(Debug, thiserror::Error)]
pub enum DevIdpError {
    #[error(
        "the development identity provider asks for no password and listens on loopback only, not on `{0}`; use 127.0.0.1:PORT or [::1]:PORT"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {source}; choose another port with --listen 127.0.0.1:0")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot make a signing key: {0}")]
    Key(#[from] keys::KeyError),
    #[error("cannot wait for a signal: {0}")]
    Signal(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

/// How a person is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// On the page, by a click.
    Page,
    /// By `login_hint` alone, without a page: for scripts that have no browser.
    ByHint,
}

/// A provider to be started.
#[derive(Debug)]
pub struct DevIdp {
    people: Vec<Person>,
    clients: Vec<String>,
    sign_in: SignIn,
}

impl DevIdp {
    /// A provider with these people and the CLI as its client.
    pub fn new(people: Vec<Person>) -> Self {
        Self { people, clients: vec![CLI_CLIENT_ID.to_owned()], sign_in: SignIn::Page }
    }

    /// With these client ids instead.
    pub fn clients(mut self, clients: Vec<String>) -> Self {
        self.clients = clients;
        self
    }

    /// Lets `login_hint` sign a person in without a page.
    pub fn sign_in(mut self, sign_in: SignIn) -> Self {
        self.sign_in = sign_in;
        self
    }

    /// Listens; the answer's issuer works at once. Port 0 takes a free port.
    pub async fn start(self, address: SocketAddr) -> Result<RunningIdp, DevIdpError> {
        if !address.ip().is_loopback() {
            return Err(DevIdpError::NotLoopback(address));
        }
        let listen = |source| DevIdpError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let provider = Provider {
            issuer: format!("http://{address}"),
            address,
            people: self.people,
            clients: self.clients,
            sign_in: self.sign_in,
            key: SigningKey::generate()?,
            store: Mutex::new(Store::default()),
        };
        let issuer = provider.issuer.clone();
        let (shutdown, asked) = oneshot::channel::<()>();
        let served = axum::serve(listener, routes::router(provider)).with_graceful_shutdown(async move {
            // A dropped sender is a wish to stop as well.
            let _ = asked.await;
        });
        let task = tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the development identity provider stopped");
            }
        });
        Ok(RunningIdp { issuer, shutdown, task })
    }
}

/// A provider that answers. Dropping it stops it.
#[derive(Debug)]
pub struct RunningIdp {
    /// `http://127.0.0.1:PORT`
    pub issuer: String,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningIdp {
    /// Stops listening and lets open requests finish for a moment.
    pub async fn stop(self) {
        let Self { shutdown, mut task, .. } = self;
        drop(shutdown);
        if tokio::time::timeout(STOP_WITHIN, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// What every route shares.
struct Provider {
    issuer: String,
    address: SocketAddr,
    people: Vec<Person>,
    clients: Vec<String>,
    sign_in: SignIn,
    key: SigningKey,
    store: Mutex<Store>,
}

impl Provider {
    fn knows_client(&self, client: &str) -> bool {
        self.clients.iter().any(|known| known == client)
    }

    fn person(&self, email: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.email == email)
    }

    /// Never held across an await. A panic elsewhere leaves at worst one lost sign-in behind.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
