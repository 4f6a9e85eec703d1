//! What keeps two runs from writing one output at the same time.

use std::path::Path;

use aws_lc_rs::digest;

use crate::{
    failure::{self, Outcome},
    paths::Paths,
    private::Lock,
};

/// Nobody else's run writes an output while this value is there; it ends with this program, however that ends.
pub(super) struct Claim {
    _own: Lock,
    _machine: Option<machine::Name>,
}

/// By the file's whole name: a lock in this person's own folder, which a sandbox with a network of its own shares;
/// and, on Linux, a name that all people of the machine see. Nothing is put beside the output, where its reader would
/// find it, and the output itself is not locked, since formats such as HDF5 do that themselves.
pub(super) fn claim(paths: &Paths, whole: &Path) -> Outcome<Claim> {
    let hash = digest::digest(&digest::SHA256, whole.as_os_str().as_encoded_bytes());
    let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let file = paths.runtime()?.join(format!("output-{name}.lock"));
    let own = Lock::at_once(&file)?.ok_or_else(|| busy(whole, "another run"))?;
    let machine = machine::take(&name).map_err(|machine::Taken| busy(whole, "another person's run"))?;
    Ok(Claim { _own: own, _machine: machine })
}

fn busy(whole: &Path, who: &str) -> connect_shared::error::ErrorReport {
    let words = format!("{who} writes {} now", whole.display());
    failure::local("output_busy", words).help("give each run an output of its own")
}

/// Names of sockets without a file: the kernel gives each to one program at a time, whoever's it is.
#[cfg(target_os = "linux")]
mod machine {
    use std::{
        io::ErrorKind,
        os::{
            linux::net::SocketAddrExt as _,
            unix::net::{SocketAddr, UnixListener},
        },
    };

    /// Somebody else has it.
    pub(super) struct Taken;

    pub(super) struct Name {
        _listener: UnixListener,
    }

    /// `None` where the system gives no such names: then there is the person's own lock alone.
    pub(super) fn take(name: &str) -> Result<Option<Name>, Taken> {
        let bound = SocketAddr::from_abstract_name(format!("connect-output-{name}"))
            .and_then(|address| UnixListener::bind_addr(&address));
        match bound {
            Ok(listener) => Ok(Some(Name { _listener: listener })),
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Taken),
            Err(error) => {
                tracing::debug!(%error, "an output cannot be claimed among all people of this machine");
                Ok(None)
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    pub(super) struct Taken;

    pub(super) enum Name {}

    pub(super) fn take(_name: &str) -> Result<Option<Name>, Taken> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_one_runs_whoever_runs_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let people = ["ana", "li"].map(|name| Paths::below(&folder.path().join(name)));
        let output = folder.path().join("model.bin");
        let taken =
            |paths: &Paths| claim(paths, &output).map(|_| ()).map_err(|report| (report.code, report.message));
        let first = claim(&people[0], &output).expect("the first");
        let (code, words) = taken(&people[0]).expect_err("one's own");
        assert!(code == "output_busy" && words.starts_with("another run writes"), "{words}");
        if cfg!(target_os = "linux") {
            let (code, words) = taken(&people[1]).expect_err("another one's");
            assert!(code == "output_busy" && words.starts_with("another person's run writes"), "{words}");
        }
        claim(&people[1], &folder.path().join("other.bin")).expect("another output");
        drop(first);
        taken(&people[1]).expect("free again");
    }
}
