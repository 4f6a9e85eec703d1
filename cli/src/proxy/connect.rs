//! A connection by way of a proxy. How long it may take is for whoever waits; how much a proxy may answer is
//! bounded by the libraries that read it: 8 KiB of headers, 513 bytes of SOCKS.

use std::error::Error;

use http::Uri;
use hyper_util::{
    client::legacy::connect::{
        HttpConnector,
        proxy::{SocksV5, Tunnel},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Names, Proxy, Speech, words};
use crate::{api::Address, failure};

impl Proxy {
    /// TCP to the agent, as far as the proxy tells the truth. The error is in words for people.
    pub(crate) async fn connect(&self, address: &Address) -> Result<TcpStream, String> {
        let target: Uri =
            address.to_string().parse().map_err(|_| "its name cannot be asked for".to_owned())?;
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        let place = self.found.uri().clone();
        match self.speech {
            Speech::Http => {
                let tunnel = Tunnel::new(place, plain);
                let tunnel = match self.found.basic_auth() {
                    Some(secret) => tunnel.with_auth(secret.clone()),
                    None => tunnel,
                };
                reached(tunnel, target).await
            }
            Speech::Socks { names } => {
                let socks = SocksV5::new(place, plain);
                let socks = match self.found.raw_auth() {
                    Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
                    None => socks,
                };
                let target = if names == Names::Here { looked_up(address).await? } else { target };
                reached(socks, target).await
            }
        }
    }
}

/// The library would look it up by itself, and block this thread for so long.
async fn looked_up(address: &Address) -> Result<Uri, String> {
    let unknown = || "its name cannot be looked up".to_owned();
    let mut found =
        tokio::net::lookup_host((address.bare_host(), address.port())).await.map_err(|_| unknown())?;
    let place = found.next().ok_or_else(unknown)?;
    format!("https://{place}").parse().map_err(|_| unknown())
}

async fn reached<S>(mut connector: S, target: Uri) -> Result<TcpStream, String>
where
    S: Service<Uri, Response = TokioIo<TcpStream>>,
    S::Error: Error + 'static,
{
    std::future::poll_fn(|context| connector.poll_ready(context)).await.map_err(|error| why(&error))?;
    connector.call(target).await.map(TokioIo::into_inner).map_err(|error| why(&error))
}

/// Whether the proxy is not there, or what it does not do.
fn why(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    if let Some(error) = last.downcast_ref::<std::io::Error>() {
        return format!("the proxy cannot be reached: {}", failure::reason(error));
    }
    let text = error.to_string();
    words(&text).map_or(text, str::to_owned)
}
