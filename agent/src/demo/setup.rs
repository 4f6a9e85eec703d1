//! The agent's `agent.toml` and the files that it names: what an administrator would write by hand.

use std::{io, path::PathBuf};

use super::{
    folder::{DemoFolder, write_private},
    postgres::Postgres,
    sample::{BENCH, BENCH_USER, Passwords, SHOP, SHOP_USER},
};
use crate::dev_idp::CLI_CLIENT_ID;

/// The resource with the sample database.
pub const DEMO_RESOURCE: &str = "demo-db";
/// The empty one, for pgbench.
pub const BENCH_RESOURCE: &str = "bench-db";

/// What the configuration speaks of.
pub struct Parts<'a> {
    /// Port of the agent, 0 for a free one.
    pub port: u16,
    pub issuer: &'a str,
    pub postgres: &'a Postgres,
    pub passwords: &'a Passwords,
}

/// A written configuration.
#[derive(Debug)]
pub struct Setup {
    pub config: PathBuf,
    pub state_dir: PathBuf,
}

impl Setup {
    /// Writes everything into a folder of its own, closed to everybody else.
    pub fn write(folder: &DemoFolder, parts: &Parts<'_>) -> io::Result<Self> {
        let home = folder.private("agent", None)?;
        let state_dir = folder.private("agent/state", None)?;
        write_private(&home.join("demo-db.password"), &parts.passwords.shop, None)?;
        write_private(&home.join("bench-db.password"), &parts.passwords.bench, None)?;
        let config = home.join("agent.toml");
        write_private(&config, &text(parts), None)?;
        Ok(Self { config, state_dir })
    }
}

/// Paths are relative to the file; only the authority's may hold anything that needs quoting.
fn text(parts: &Parts<'_>) -> String {
    format!(
        include_str!("setup/agent.toml"),
        port = parts.port,
        issuer = parts.issuer,
        client_id = CLI_CLIENT_ID,
        demo_resource = DEMO_RESOURCE,
        shop = SHOP,
        shop_user = SHOP_USER,
        bench_resource = BENCH_RESOURCE,
        bench = BENCH,
        bench_user = BENCH_USER,
        address = format_args!("127.0.0.1:{}", parts.postgres.port),
        ca_file = toml::Value::from(parts.postgres.ca_file.display().to_string()),
    )
}
