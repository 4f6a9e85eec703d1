//! Which certificate somebody is shown: the console's own, where it has one, to who asks for its name, and the
//! agent's to everybody else. `connect` pins the agent's; browsers want one that an authority vouches for, and
//! are not asked for a key.

use std::{io, sync::Arc};

use rustls::{ServerConfig, server::Acceptor};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

/// The certificates of one listener.
#[derive(Clone)]
pub struct Certificates {
    usual: Arc<ServerConfig>,
    named: Option<(Arc<str>, Arc<ServerConfig>)>,
}

impl Certificates {
    /// One for everybody.
    #[must_use]
    pub fn new(usual: ServerConfig) -> Self {
        Self { usual: Arc::new(usual), named: None }
    }

    /// And another one for who asks for `name`.
    #[must_use]
    pub fn with(self, name: &str, config: ServerConfig) -> Self {
        Self { named: Some((name.into(), Arc::new(config))), ..self }
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let Some((name, config)) = &self.named else {
            return TlsAcceptor::from(Arc::clone(&self.usual)).accept(stream).await;
        };
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let asks_for_it =
            hello.client_hello().server_name().is_some_and(|asked| asked.eq_ignore_ascii_case(name));
        let config = if asks_for_it { config } else { &self.usual };
        hello.into_stream(Arc::clone(config)).await
    }
}
