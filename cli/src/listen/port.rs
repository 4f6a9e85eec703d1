//! Which loopback port a resource gets: the one that it had before, so that saved profiles keep working;
//! else the first free one that is no other resource's.

use std::{collections::BTreeMap, net::Ipv4Addr, str::FromStr};

use connect_shared::error::ErrorReport;
use serde::{Deserialize, Serialize};

use super::{Listener, proc};
use crate::{
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// How many ports are tried after the first.
const TRIED: u16 = 200;

/// Which port is wished for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortWish {
    Number(u16),
    /// Any free one.
    Auto,
}

impl FromStr for PortWish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            number => match number.parse() {
                Ok(0) | Err(_) => Err("a port is a number from 1 to 65535, or auto".to_owned()),
                Ok(number) => Ok(Self::Number(number)),
            },
        }
    }
}

/// The ports that resources had, by `agent/resource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortMemory {
    #[serde(default)]
    ports: BTreeMap<String, u16>,
}

impl PortMemory {
    /// What is remembered. A file that cannot be read is as none: nothing but convenience is lost.
    pub(crate) fn load(paths: &Paths) -> Self {
        let text = private::read(&paths.ports_file()).ok().flatten();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Listens for `resource`, and remembers where unless any free port was wished for.
    pub(crate) async fn listen(
        mut self,
        paths: &Paths,
        resource: &str,
        first: u16,
        wish: Option<PortWish>,
    ) -> Outcome<Listener> {
        let listener = match wish {
            Some(PortWish::Number(port)) => Listener::tcp(port).await?,
            Some(PortWish::Auto) => return self.free(resource, first).await,
            None => match self.ports.get(resource) {
                Some(port) => Listener::tcp(*port).await?,
                None => self.free(resource, first).await?,
            },
        };
        if let Listener::Tcp { port, .. } = &listener
            && self.ports.insert(resource.to_owned(), *port) != Some(*port)
        {
            let text =
                serde_json::to_string(&self).map_err(|error| failure::unexpected(error.to_string()))?;
            private::write(&paths.ports_file(), text.as_bytes())?;
        }
        Ok(listener)
    }

    async fn free(&self, resource: &str, first: u16) -> Outcome<Listener> {
        let mut last = None;
        for port in first..first.saturating_add(TRIED) {
            let others = self.ports.iter().any(|(other, known)| *known == port && other != resource);
            if others {
                continue;
            }
            match Listener::tcp(port).await {
                Ok(listener) => return Ok(listener),
                Err(report) => last = Some(report),
            }
        }
        Err(last.unwrap_or_else(|| failure::local("port_busy", "no local port is free")))
    }
}

/// Why a port cannot be had, naming who has it.
pub(super) fn busy(port: u16, error: &std::io::Error) -> ErrorReport {
    let place = format!("{}:{port}", Ipv4Addr::LOCALHOST);
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return failure::local("port", format!("cannot listen on {place}: {}", failure::reason(error)));
    }
    let who = match proc::holder(port) {
        Some((name, id)) => format!("{name} (process {id})"),
        None => "another program".to_owned(),
    };
    failure::local("port_busy", format!("{place} is in use by {who}"))
        .help("choose another port: --port N, or --port auto")
        .help("connect status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(folder: &std::path::Path) -> Paths {
        Paths::below(folder)
    }

    fn port_of(listener: &Listener) -> u16 {
        match listener {
            Listener::Tcp { port, .. } => *port,
            Listener::Unix { .. } => 0,
        }
    }

    /// A port that was free a moment ago, far from those that the system hands out.
    async fn some_free_port() -> u16 {
        port_of(
            &PortMemory::default()
                .free("x", 21_000 + (std::process::id() % 5_000) as u16)
                .await
                .expect("free"),
        )
    }

    #[tokio::test]
    async fn a_resource_gets_the_port_that_it_had_and_never_another_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path());
        let first = some_free_port().await;
        let one = PortMemory::load(&paths).listen(&paths, "a/one", first, None).await.expect("listening");
        let had = port_of(&one);
        drop(one);
        let two = PortMemory::load(&paths).listen(&paths, "a/two", first, None).await.expect("listening");
        assert_ne!(port_of(&two), had, "it is remembered for the first");
        let again = PortMemory::load(&paths).listen(&paths, "a/one", first, None).await.expect("listening");
        assert_eq!(port_of(&again), had);
    }

    #[tokio::test]
    async fn a_busy_port_is_error_9_and_names_its_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path());
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("listening");
        let port = holder.local_addr().expect("an address").port();
        let wish = Some(PortWish::Number(port));
        let result = PortMemory::default().listen(&paths, "a/one", 1, wish).await;
        let report = result.err().expect("busy");
        assert_eq!(report.exit.code(), 9);
        assert!(report.message.contains(&format!("(process {})", std::process::id())), "{}", report.message);
    }

    #[test]
    fn a_wish_is_a_port_or_auto() {
        assert_eq!("auto".parse(), Ok(PortWish::Auto));
        assert_eq!("15432".parse(), Ok(PortWish::Number(15432)));
        for text in ["0", "65536", "-1", "any", ""] {
            assert!(text.parse::<PortWish>().is_err(), "{text}");
        }
    }
}
