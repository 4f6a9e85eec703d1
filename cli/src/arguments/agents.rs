//! Agents that are known, and sign-ins at their identity providers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{certificate::Fingerprint, complete::agent_names, keep::Wish};

#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// The agent to sign in for, where agents have different identity providers
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
    /// Print the address to standard output and open nothing
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Sign in on another device, with a code
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) device: bool,
    /// Sign in anew by this class of sign-in, as a resource demands it
    #[arg(long, value_name = "CLASS", conflicts_with = "device")]
    pub(crate) acr: Vec<String>,
    /// Where to keep the sign-in
    #[arg(long, value_name = "WHERE")]
    pub(crate) keep: Option<Wish>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Logout {
    /// The agent whose identity provider is meant [default: all]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
    /// Only forget it here; the identity provider is told nothing
    #[arg(long)]
    pub(crate) local: bool,
    /// Print the address of the sign-out to standard output and open nothing
    #[arg(long, conflicts_with = "local")]
    pub(crate) no_browser: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OfAgent {
    /// The agent whose identity provider is meant [default: all]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    /// Add an agent, and fix the certificate that it must show
    Add(AddAgent),
    /// List them
    Ls,
    /// Forget one
    Rm {
        /// Its name
        #[arg(add = agent_names())]
        name: String,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AddAgent {
    /// Where it is: https://HOST:7443
    pub(crate) url: String,
    /// The fingerprint that its operator gave you: sha256:…
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "ca")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The certificate authority that signs its certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// How to call it here [default: what it calls itself]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Stand for others with the same resources: a new session goes to the first of the group that takes it
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// The identity provider that signs you in, where the agent has several [default: its own]
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Option<String>,
}
