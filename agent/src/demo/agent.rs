//! This agent, served from within the demo exactly as `connect-agent serve` would.
//!
//! The only place of the demo that knows how an agent is served.

use std::net::{Ipv4Addr, SocketAddr};

use super::setup::Setup;
use crate::{
    config::{Config, ConfigError},
    listener::Sockets,
    serve::{self, Running, ServeError},
};

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(
        "port {0} of 127.0.0.1 is taken, for TCP or for UDP; choose another with --port, or give none \
         and get a free one"
    )]
    PortTaken(u16),
    #[error("the demo wrote a configuration that the agent refuses: {0}")]
    Config(#[from] ConfigError),
    #[error("the demo's agent cannot serve: {0}")]
    Serve(#[from] ServeError),
    #[error("the demo's agent ended although nobody asked it to; see the log lines above")]
    Ended,
}

/// An agent that serves.
#[derive(Debug)]
pub struct RunningAgent {
    /// `https://127.0.0.1:PORT`
    pub url: String,
    pub fingerprint: String,
    running: Running,
}

/// Looks before anything is started, which is sooner than the agent itself could. Port 0 is always free.
pub fn check_port(port: u16) -> Result<(), AgentError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Sockets::bind(address).map(drop).map_err(|_busy| AgentError::PortTaken(port))
}

impl RunningAgent {
    /// Reads the written configuration like any other, and serves it.
    pub async fn start(setup: &Setup) -> Result<Self, AgentError> {
        let running = serve::start(Config::load(&setup.config)?).await?;
        let url = format!("https://{}", running.address);
        Ok(Self { url, fingerprint: running.fingerprint.clone(), running })
    }

    /// Ends when the agent ends by itself.
    pub async fn ended(&mut self) -> AgentError {
        self.running.ended().await;
        AgentError::Ended
    }

    /// Ends its sessions and closes its log.
    pub async fn stop(self) -> Result<(), AgentError> {
        Ok(self.running.stop("the demo ends").await?)
    }
}
